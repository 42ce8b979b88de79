"""The compact network over both axes: its counts, pooling and short inputs."""

import pytest
import torch

from sktag.nets import build_cnn2d
from sktag.nets.blocks import ACTIVATIONS


def build(input_shape=(64, 216), n_outputs=10, **given):
    return build_cnn2d("compact", input_shape, n_outputs, **given)


def test_compact_has_the_parameters_and_shapes_of_its_docstring(count, shapes_of):
    net, name = build()
    assert name == "compact"
    blocks = [count(block) for block in net.blocks]
    assert blocks == [5_496, 31_296, 124_800, 258_560]
    assert count(net) == 422_722
    shapes = shapes_of(net, net.blocks, torch.zeros(2, 64, 216))
    assert shapes == [(24, 32, 108), (48, 16, 54), (96, 8, 27), (128, 4, 13)]
    assert net.output.in_features == 256


@pytest.mark.parametrize(
    ("given", "widths"),
    [
        ({"n_filters": 5}, [5, 5, 5, 5]),
        ({"n_filters": 5, "n_blocks": 2}, [5, 5]),
        ({"n_filters": (5, 6)}, [5, 6]),
        ({"n_blocks": 2}, [24, 48]),
        ({"n_blocks": 5}, [24, 48, 96, 128, 128]),
    ],
)
def test_filters_and_blocks_override_the_architecture(given, widths):
    net, _ = build(**given)
    assert [block[0].out_channels for block in net.blocks] == widths


def test_kernel_pool_dropout_and_activation_override_the_architecture():
    net, _ = build(
        (256, 16),
        kernel_size=(5, 1),
        pool_size=[(4, 2)] * 4,
        dropout=0.1,
        activation="gelu",
    )
    assert net.blocks[0][0].kernel_size == (5, 1)
    assert net.blocks[0][-1].kernel_size == (4, 2)
    assert net.dropout.p == 0.1
    assert isinstance(net.blocks[0][2], ACTIVATIONS["gelu"])
    assert net.min_shape == (256, 16)


def test_blocks_that_contradict_the_filters_raise():
    with pytest.raises(ValueError, match="is for 2 blocks, but there are 3"):
        build(n_filters=(4, 4), n_blocks=3)
    with pytest.raises(ValueError, match=r"pool_size=.* is for 3 blocks, but there ar"):
        build(pool_size=[(2, 2)] * 3)
    with pytest.raises(ValueError, match=r"kernel_size=.* is for 5 blocks, but there"):
        build(kernel_size=[(3, 3)] * 5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"pool_size": (2, 0)}, r"pool_size\[1\]=0: give an integer of at least 1"),
        ({"pool_size": [2, 2, (1, 0), 2]}, r"pool_size\[2\]\[1\]=0: give an integer"),
        ({"kernel_size": (3, 2.5)}, r"kernel_size\[1\]=2.5: give an integer of at l"),
        ({"kernel_size": (3, 3, 3)}, r"of length 3: give one number, or two: \(bins"),
        ({"n_blocks": 0}, "n_blocks=0: give an integer of at least 1"),
    ],
)
def test_sizes_that_do_not_do_raise(given, message):
    with pytest.raises(ValueError, match=message):
        build(**given)


def test_sizes_of_each_block_override_the_architecture():
    net, _ = build(kernel_size=[(5, 1), (3, 3), (2, 4), (1, 1)], n_filters=3)
    sizes = [block[0].kernel_size for block in net.blocks]
    assert sizes == [(5, 1), (3, 3), (2, 4), (1, 1)]
    assert net.eval()(torch.rand(2, 64, 216)).shape == (2, 10)


@pytest.mark.parametrize(
    ("shape", "note"),
    [
        ((1, 1), "pooling by 1 x 1 of 16 x 16"),
        ((3, 1), "pooling by 2 x 1 of 16 x 16"),
        ((64, 7), "pooling by 16 x 4 of 16 x 16"),
        ((15, 16), "pooling by 8 x 16 of 16 x 16"),
    ],
)
def test_default_pooling_shrinks_for_a_short_input(shape, note):
    net, name = build(shape)
    assert name == f"compact ({note})"
    assert len(net.blocks) == 4
    assert net.eval()(torch.rand(2, *shape)).shape == (2, 10)


def test_given_pooling_stays_where_blocks_may_go():
    net, name = build((64, 15), pool_size=2)
    assert name == "compact (3 of 4 blocks)"
    assert [block[-1].kernel_size for block in net.blocks] == [(2, 2)] * 3


@pytest.mark.parametrize(
    ("shape", "given", "longer"),
    [
        ((64, 15), {"pool_size": [(2, 2)] * 4}, "longer clips or a larger chunk_size"),
        ((15, 64), {"pool_size": 2, "n_blocks": 4}, "more bins"),
        (
            (15, 15),
            {"n_filters": (3, 3, 3, 3), "pool_size": 2},
            "more bins and longer clips or a larger chunk_size",
        ),
    ],
)
def test_given_poolings_of_given_blocks_never_shrink(shape, given, longer):
    had = f"the input has {shape[0]} bins and {shape[1]} frames"
    text = f"needs at least 16 bins and 16 frames; {had}. Give {longer}, or leave "
    with pytest.raises(ValueError, match=text):
        build(shape, **given)
    assert build((16, 16), **given)[1] == "compact"


def test_logits_of_the_default_network_start_near_zero():
    torch.manual_seed(0)
    net, _ = build((32, 32))
    assert net(torch.randn(8, 32, 32)).abs().max() < 1


def test_compact_pools_bins_by_mean_and_frames_by_mean_and_maximum():
    net, _ = build((64, 80), n_filters=3)
    x = torch.randn(2, 64, 80)
    maps = net.eval().blocks(x.unsqueeze(1))
    assert maps.shape == (2, 3, 4, 5)
    over_bins = maps.sum(2) / 4
    pooled = torch.cat([over_bins.sum(-1) / 5, over_bins.max(-1).values], dim=1)
    torch.testing.assert_close(net.features(x), pooled)
