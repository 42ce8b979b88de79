"""The network music_tagger_cnn against its layers."""

import pytest
import torch

from sktag.nets import ARCHITECTURES, build_cnn2d
from sktag.nets.music_tagger_cnn import MusicTaggerCNN


def build(input_shape, n_outputs=50, **given):
    """Build a network that has shapes and no numbers."""
    with torch.device("meta"):
        return build_cnn2d("music_tagger_cnn", input_shape, n_outputs, **given)


def batch(*input_shape):
    """Return an input for such a network."""
    return torch.empty(2, *input_shape, device="meta")


def test_record_has_the_input_of_29_seconds_at_16_khz():
    record = ARCHITECTURES["cnn2d"]["music_tagger_cnn"]
    # The hop is 256 samples, and frames are centred.
    n_frames = 1 + 29 * 16_000 // 256
    assert record.published() == ((96, n_frames), n_frames)
    assert (record.front_end["sr"], record.front_end["hop_length"]) == (16_000, 256)
    assert record.standardize is False


@pytest.mark.parametrize("n_frames", [1366, 1813])
def test_music_tagger_leaves_one_place_of_either_published_length(
    n_frames, count, shapes_of
):
    net, name = build((96, n_frames))
    assert type(net) is MusicTaggerCNN
    assert name == "music_tagger_cnn"
    shapes = shapes_of(net, net.blocks, batch(96, n_frames))
    assert [s[0] for s in shapes] == [64, 128, 128, 128, 64]
    assert [s[1] for s in shapes] == [48, 24, 12, 4, 1]
    assert shapes[-1] == (64, 1, 1)
    # Weights and biases, then batch norm of the input and of the layers.
    weights = [9 * 64, 9 * 64 * 128, 9 * 128 * 128, 9 * 128 * 128, 9 * 128 * 64]
    biases = [64, 128, 128, 128, 64]
    dense = 64 * 50 + 50
    assert count(net) == sum(weights) + 3 * sum(biases) + 2 + dense == 447_732


def test_dropout_is_once_before_the_output():
    net, _ = build((96, 1366))
    calls = []
    for module in net.modules():
        if isinstance(module, torch.nn.Dropout):
            module.register_forward_hook(lambda *_: calls.append(1))
    net(batch(96, 1366))
    assert len(calls) == 1


def test_fewer_bins_drop_the_last_block():
    net, name = build((48, 1366), 5, n_filters=3)
    assert name == "music_tagger_cnn (4 of 5 blocks)"
    assert net.min_shape == (24, 320)


def test_longer_and_higher_input_gives_the_maximum_of_what_is_left():
    torch.manual_seed(0)
    net, _ = build_cnn2d("music_tagger_cnn", (96, 2732), 5, n_filters=4)
    x = torch.rand(1, 192, 2732)
    maps = net.eval().input_norm(x.unsqueeze(1))
    maps = net.blocks(maps)
    assert maps.shape[2:] == (2, 2)
    by_hand = torch.stack([maps[:, :, i, j] for i in (0, 1) for j in (0, 1)])
    torch.testing.assert_close(net.features(x), by_hand.max(0).values)
