"""Short-chunk CNN, plain and residual, against the paper's layers."""

import pytest
import torch

from sktag.nets import ARCHITECTURES, build_cnn2d
from sktag.nets.short_chunk import ResBlock2d, ShortChunkCNN, ShortChunkResCNN

CHANNELS = [128, 128, 256, 256, 256, 256, 512]
BINS = [64, 32, 16, 8, 4, 2, 1]
# Poolings round down, strides up.
FRAMES = {
    "short_chunk": [115, 57, 28, 14, 7, 3, 1],
    "short_chunk_res": [116, 58, 29, 15, 8, 4, 2],
}


def build(architecture, input_shape=(128, 231), n_outputs=50, **given):
    """Build a network that has shapes and no numbers."""
    with torch.device("meta"):
        return build_cnn2d(architecture, input_shape, n_outputs, **given)


@pytest.mark.parametrize("architecture", FRAMES)
def test_record_has_the_chunk_and_front_end_of_the_code(architecture):
    record = ARCHITECTURES["cnn2d"][architecture]
    # 59,049 samples, a hop of 256, frames centred.
    n_frames = 1 + 59_049 // 256
    assert record.published() == ((128, n_frames), n_frames) == ((128, 231), 231)
    front_end = {"sr": 16_000, "n_fft": 512, "hop_length": 256, "n_mels": 128}
    assert front_end.items() <= record.front_end.items()
    assert record.front_end["fmax"] == 8000
    figures = {"mtat_roc_auc": 0.9129, "mtat_pr_auc": 0.4614}
    assert record.figures == (figures if architecture.endswith("_res") else {})


@pytest.mark.parametrize(
    ("architecture", "cls", "total"),
    [
        ("short_chunk", ShortChunkCNN, 3_687_348),
        ("short_chunk_res", ShortChunkResCNN, 12_104_244),
    ],
)
def test_short_chunk_has_the_parameters_of_the_paper(architecture, cls, total, count):
    net, _ = build(architecture)
    assert type(net) is cls
    assert count(net) == total


@pytest.mark.parametrize("architecture", FRAMES)
def test_short_chunk_has_the_maps_of_the_paper(architecture, shapes_of):
    net, _ = build(architecture)
    x = torch.empty(2, 128, 231, device="meta")
    assert net(x).shape == (2, 50)
    expected = zip(CHANNELS, BINS, FRAMES[architecture], strict=True)
    assert shapes_of(net, net.blocks, x) == list(expected)
    assert net.features(x).shape == (2, 512)
    assert net.output.in_features == 512


def test_parameters_of_each_short_chunk_layer_are_those_by_hand(count):
    net, _ = build("short_chunk")
    pairs = zip([1, *CHANNELS], CHANNELS, strict=False)
    by_hand = [9 * n_in * n_out + 3 * n_out for n_in, n_out in pairs]
    assert [count(block) for block in net.blocks] == by_hand
    assert count(net.input_norm) == 2
    assert count(net.dense) == 512 * 512 + 512 + 2 * 512
    res, _ = build("short_chunk_res")
    pairs = zip([1, *CHANNELS], CHANNELS, strict=False)
    by_hand = [9 * n_out * (2 * n_in + n_out) + 9 * n_out for n_in, n_out in pairs]
    assert [count(block) for block in res.blocks] == by_hand


def test_residual_block_adds_the_shortcut_before_the_activation():
    torch.manual_seed(0)
    values = {"batch_norm": False, "activation": "relu"}
    block = ResBlock2d(2, 3, (3, 3), (2, 2), values)
    x = torch.randn(1, 2, 7, 8)
    first, _, second = block.body
    long_way = second(first(x).clamp_min(0))
    short_way = torch.nn.functional.conv2d(
        x, block.shortcut[0].weight, block.shortcut[0].bias, stride=2, padding=1
    )
    torch.testing.assert_close(block(x), (long_way + short_way).clamp_min(0))
    assert block(x).shape == (1, 3, 4, 4)


@pytest.mark.parametrize("architecture", FRAMES)
@pytest.mark.parametrize("shape", [(128, 500), (300, 231)])
def test_longer_or_higher_input_is_pooled_by_maximum(architecture, shape):
    net, name = build_cnn2d(architecture, shape, 5, n_filters=4)
    assert name == architecture
    net.eval()
    x = torch.rand(2, *shape)
    maps = net.blocks(net.input_norm(x.unsqueeze(1)))
    assert maps[0, 0].numel() > 1
    left = maps.reshape(2, 4, -1).max(-1).values
    torch.testing.assert_close(net.features(x), net.dense(left))


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        ((96, 231), "short_chunk (pooling by 64 x 128 of 128 x 128)"),
        ((64, 231), "short_chunk (pooling by 64 x 128 of 128 x 128)"),
        ((128, 10), "short_chunk (pooling by 128 x 8 of 128 x 128)"),
    ],
)
def test_short_input_shrinks_the_poolings_and_keeps_the_blocks(shape, name):
    net, said = build_cnn2d("short_chunk", shape, 5, n_filters=3)
    assert said.startswith("short_chunk (")
    assert len(net.blocks) == 7
    assert net.eval()(torch.rand(2, *shape)).shape == (2, 5)
    assert said == name


def test_given_pooling_of_given_blocks_never_shrinks_in_short_chunk():
    text = "at least 128 bins and 128 frames; the input has 96 bins and 231 frames"
    with pytest.raises(ValueError, match=text):
        build("short_chunk", (96, 231), pool_size=2, n_blocks=7)
    _, name = build("short_chunk", (96, 231), pool_size=2)
    assert name == "short_chunk (6 of 7 blocks)"


@pytest.mark.parametrize("shape", [(1, 1), (96, 3), (5, 231)])
def test_short_input_leaves_the_residual_network_as_it_is(shape):
    net, name = build_cnn2d("short_chunk_res", shape, 5, n_filters=3)
    assert name == "short_chunk_res"
    assert net.eval()(torch.rand(2, *shape)).shape == (2, 5)


def test_values_override_the_residual_network():
    net, _ = build("short_chunk_res", n_filters=(4, 6), pool_size=(4, 3), kernel_size=5)
    maps = net.blocks(torch.empty(2, 1, 128, 231, device="meta"))
    assert maps.shape == (2, 6, 8, 26)
    assert net.blocks[1].shortcut[0].kernel_size == (5, 5)
    assert net.output.in_features == 6
