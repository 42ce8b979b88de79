"""The baseline musicnn_vgg against its layers, counted by hand."""

import pytest
import torch
from torch.nn import functional as F

from sktag.nets import build_cnn2d
from sktag.nets.musicnn_vgg import HalvesPool, MusiCNNVGG


def build(input_shape=(96, 187), n_outputs=50, **given):
    return build_cnn2d("musicnn_vgg", input_shape, n_outputs, **given)


def test_musicnn_vgg_has_the_parameters_counted_by_hand(count):
    net, name = build()
    assert type(net) is MusiCNNVGG
    assert name == "musicnn_vgg"
    blocks = [9 * 128 + 3 * 128] + [9 * 128 * 128 + 3 * 128] * 4
    assert [count(block) for block in net.blocks] == blocks
    assert count(net) == 2 + sum(blocks) + 256 * 50 + 50 == 605_748


def test_musicnn_vgg_layers_give_the_maps_of_its_table(shapes_of):
    net, _ = build()
    shapes = shapes_of(net, [*net.blocks, net.pool], torch.rand(2, 96, 187))
    maps = [(48, 92), (24, 46), (12, 23), (6, 11), (1, 2)]
    assert shapes == [*((128, *size) for size in maps), (256,)]


def test_features_of_musicnn_vgg_follow_its_definition():
    torch.manual_seed(0)
    net, _ = build(n_filters=(2, 3, 2, 3, 2))
    net.eval()
    x = torch.randn(2, 96, 187)
    # At first batch norm only divides by sqrt(1 + 1e-5), its running variance.
    norm = (1 + 1e-5) ** -0.5
    maps = x.unsqueeze(1) * norm
    for i, block in enumerate(net.blocks):
        weight, bias = block[0].weight, block[0].bias
        maps = F.conv2d(F.pad(maps, (1, 1, 1, 1)), weight, bias).clamp_min(0) * norm
        if i == 0:
            windows = maps[:, :, ::2].unfold(3, 4, 2)
        else:
            n = 4 if i == 4 else 2
            windows = maps.unfold(2, n, n).unfold(3, n, n).flatten(4)
        maps = windows.amax(-1)
    assert maps.shape == (2, 2, 1, 2)
    torch.testing.assert_close(net.features(x), maps.flatten(1))


def test_dropout_of_musicnn_vgg_is_a_quarter_inside_and_a_half_outside():
    net, _ = build()
    kinds = [type(module).__name__ for module in net.blocks[0]]
    assert kinds == ["SameConv2d", "ReLU", "BatchNorm2d", "MaxPool2d", "Dropout"]
    assert [block[4].p for block in net.blocks[:-1]] == [0.25] * 4
    assert len(net.blocks[4]) == 4
    assert net.dropout.p == 0.5


@pytest.mark.parametrize(
    ("n_frames", "expected"),
    [(1, [[0, 0]]), (2, [[0, 1]]), (3, [[1, 2]]), (6, [[2, 5]])],
)
def test_halves_pool_takes_the_maximum_of_each_half(n_frames, expected):
    maps = torch.arange(n_frames).expand(1, 1, 3, n_frames)
    assert HalvesPool()(maps).tolist() == expected


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((96, 187), "musicnn_vgg"),
        ((128, 400), "musicnn_vgg"),
        ((96, 40), "musicnn_vgg (pooling by 64 x 32 of 64 x 64)"),
    ],
)
def test_short_input_shrinks_the_poolings_but_not_the_output_layer(shape, expected):
    net, name = build(shape, n_filters=4)
    assert name == expected
    assert net.output.in_features == 8


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"pool_size": 2}, "'musicnn_vgg' has no use for pool_size=2"),
        ({"n_filters": 0}, "n_filters=0: give an integer of at least 1"),
    ],
)
def test_values_that_do_not_fit_musicnn_vgg_raise(given, message):
    with pytest.raises(ValueError, match=message):
        build(**given)
