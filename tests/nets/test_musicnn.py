"""The network musicnn against its layers, counted by hand."""

import pytest
import torch

from sktag.nets import ARCHITECTURES, build_cnn2d
from sktag.nets.musicnn import MusiCNN


def build(input_shape=(96, 187), n_outputs=50, **given):
    return build_cnn2d("musicnn", input_shape, n_outputs, **given)


def test_record_has_the_input_and_front_end_of_the_library():
    record = ARCHITECTURES["cnn2d"]["musicnn"]
    assert record.published() == ((96, 187), 187)
    front_end = {"sr": 16_000, "n_fft": 512, "hop_length": 256, "n_mels": 96}
    assert record.front_end == {**front_end, "compression": "log1p"}


def test_musicnn_has_the_parameters_counted_by_hand(count):
    net, name = build()
    assert type(net) is MusiCNN
    assert name == "musicnn"
    # A bias and two numbers of batch norm for each filter.
    timbral = [204 * 7 * 38 + 3 * 204, 204 * 7 * 67 + 3 * 204]
    temporal = [51 * length + 3 * 51 for length in (128, 64, 32)]
    assert [count(layer) for layer in net.front] == timbral + temporal
    n_front = 2 * 204 + 3 * 51
    assert n_front == 561
    middle = [64 * 7 * n_in + 3 * 64 for n_in in (n_front, 64, 64)]
    assert [count(layer) for layer in net.middle] == middle
    n_pooled = 2 * (n_front + 3 * 64)
    dense = 2 * n_pooled + 200 * n_pooled + 3 * 200
    assert count(net.dense) == dense
    total = 2 + sum(timbral) + sum(temporal) + sum(middle) + dense + 200 * 50 + 50
    assert count(net) == total == 787_159


def test_musicnn_layers_give_the_maps_of_its_table(shapes_of):
    net, _ = build()
    x = torch.rand(2, 96, 187)
    shapes = shapes_of(net, [*net.front, *net.middle], x)
    assert net.features(x).shape == (2, 200)
    assert shapes_of(net, [net.pool], x) == [(2 * (561 + 3 * 64),)] == [(1506,)]
    timbral = [(204, 96 - 38 + 1, 187), (204, 96 - 67 + 1, 187)]
    assert shapes == timbral + [(51, 96, 187)] * 3 + [(64, 1, 187)] * 3


def test_batch_norm_of_musicnn_comes_after_the_activation():
    net, _ = build()
    for layer in [*net.front, *net.middle]:
        kinds = [type(module).__name__ for module in layer]
        assert kinds[1:] == ["ReLU", "BatchNorm2d"]


def test_features_of_musicnn_follow_its_definition():
    torch.manual_seed(0)
    net, _ = build((10, 12), n_filters=(3, 2, 4))
    net.eval()
    x = torch.randn(2, 10, 12)
    # At first batch norm only divides by sqrt(1 + 1e-5), its running variance.
    norm = (1 + 1e-5) ** -0.5
    maps = x.unsqueeze(1) * norm

    def conv(layer, maps, pad):
        maps = torch.nn.functional.pad(maps, pad)
        maps = torch.nn.functional.conv2d(maps, layer[0].weight, layer[0].bias)
        return maps.clamp_min(0) * norm

    pads = [(3, 3), (3, 3), (63, 64), (31, 32), (15, 16)]
    heights = [4, 7, 1, 1, 1]
    assert [layer[0].kernel_size[0] for layer in net.front] == heights
    front = [
        conv(layer, maps, (*pad, 0, 0)).max(2, keepdim=True).values
        for layer, pad in zip(net.front, pads, strict=True)
    ]
    parts = [torch.cat(front, 1)]
    parts.append(conv(net.middle[0], parts[0], (3, 3, 0, 0)))
    for layer in net.middle[1:]:
        parts.append(parts[-1] + conv(layer, parts[-1], (3, 3, 0, 0)))
    every = torch.cat(parts, 1).squeeze(2)
    pooled = torch.cat([every.max(-1).values, every.mean(-1)], 1)
    torch.testing.assert_close(net.features(x), net.dense(pooled))


@pytest.mark.parametrize(
    ("shape", "heights"),
    [((128, 400), (51, 89)), ((96, 1), (38, 67)), ((2, 5), (1, 1))],
)
def test_filters_span_their_share_of_any_number_of_bins(shape, heights):
    net, name = build(shape, n_filters=(3, 2, 4))
    assert name == "musicnn"
    assert tuple(layer[0].kernel_size[0] for layer in net.front[:2]) == heights
    assert net.min_shape == (heights[1], 1)
    assert net.eval()(torch.rand(2, *shape)).shape == (2, 50)


@pytest.mark.parametrize(
    ("given", "front", "middle"),
    [
        ({"n_filters": 8}, (204, 51), [(8, 7)] * 3),
        ({"n_filters": (6, 4, 8)}, (6, 4), [(8, 7)] * 3),
        ({"n_blocks": 1, "kernel_size": 4}, (204, 51), [(64, 4)]),
    ],
)
def test_values_override_musicnn(given, front, middle):
    net, _ = build((16, 20), **given)
    assert (net.front[0][0].out_channels, net.front[4][0].out_channels) == front
    found = [(la[0].out_channels, la[0].kernel_size[1]) for la in net.middle]
    assert found == middle
    assert net.eval()(torch.rand(2, 16, 20)).shape == (2, 50)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"n_filters": (8, 8)}, "is of length 2: give one number, or 3"),
        ({"n_filters": (8, 0, 8)}, r"n_filters\[1\]=0: give an integer of at least 1"),
        ({"n_filters": 8.5}, "n_filters=8.5: give an integer of at least 1"),
        ({"kernel_size": (3, 3)}, "is of length 2: give one number"),
        ({"n_blocks": 0}, "n_blocks=0: give an integer of at least 1"),
    ],
)
def test_values_that_do_not_fit_musicnn_raise(given, message):
    with pytest.raises(ValueError, match=message):
        build(**given)
