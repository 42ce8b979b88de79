"""The compact network: counts, shapes, gradients, short inputs."""

import pytest
import torch

from sktag.nets import build_cnn2d
from sktag.nets.blocks import ACTIVATIONS, INITIALISERS, init_weights

NOTHING = dict.fromkeys(
    (
        "n_filters",
        "kernel_size",
        "pool_size",
        "pooling",
        "n_blocks",
        "batch_norm",
        "dropout",
        "activation",
        "weight_init",
    )
)


def build(input_shape=(64, 216), n_outputs=10, **given):
    return build_cnn2d("compact", input_shape, n_outputs, **{**NOTHING, **given})


def count(net):
    return sum(p.numel() for p in net.parameters())


def test_compact_has_the_parameters_and_shapes_of_its_docstring():
    net, name = build()
    assert name == "compact"
    blocks = [count(block) for block in net.blocks]
    assert blocks == [5_496, 31_296, 124_800, 258_560]
    assert count(net) == 422_722
    shapes = []
    x = torch.zeros(2, 1, 64, 216)
    for block in net.blocks:
        x = block(x)
        shapes.append(tuple(x.shape[1:]))
    assert shapes == [(24, 32, 108), (48, 16, 54), (96, 8, 27), (128, 4, 13)]
    assert net.output.in_features == 256


def test_meta_device_gives_the_shape_of_real_logits():
    net, _ = build(n_outputs=7)
    x = torch.rand(3, 64, 100)
    assert net.eval()(x).shape == (3, 7)
    assert net.to("meta")(x.to("meta")).shape == (3, 7)


@pytest.mark.parametrize("pooling", ["max", "avg"])
@pytest.mark.parametrize("batch_norm", [True, False])
def test_gradients_reach_every_parameter(pooling, batch_norm):
    net, _ = build((16, 16), pooling=pooling, batch_norm=batch_norm)
    net(torch.randn(4, 16, 16)).square().sum().backward()
    for parameter in net.parameters():
        assert torch.isfinite(parameter.grad).all()
        assert parameter.grad.abs().sum() > 0


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
    with pytest.raises(ValueError, match="is for 2 blocks, but n_blocks=3"):
        build(n_filters=(4, 4), n_blocks=3)
    with pytest.raises(ValueError, match=r"give one .* a block"):
        build(pool_size=[(2, 2)] * 3)


@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (64, 7), (15, 16), (2, 500)])
def test_default_pooling_shrinks_for_a_short_input(shape):
    net, name = build(shape)
    assert name.startswith("compact (")
    assert net.eval()(torch.rand(2, *shape)).shape == (2, 10)


def test_given_pooling_never_shrinks():
    with pytest.raises(ValueError, match="at least 16 bins and 16 frames; the input"):
        build((64, 15), pool_size=2)


@pytest.mark.parametrize("weight_init", INITIALISERS)
def test_initialiser_draws_weights_of_its_scale(weight_init):
    torch.manual_seed(0)
    layer = torch.nn.Linear(400, 100)
    init_weights(layer, weight_init)
    variance = {
        "he_uniform": 2 / 400,
        "he_normal": 2 / 400,
        "xavier_uniform": 2 / 500,
        "xavier_normal": 2 / 500,
        "lecun_normal": 1 / 400,
        "orthogonal": 1 / 400,  # orthonormal rows of 400 numbers
    }[weight_init]
    # 40,000 draws know their variance to 0.7 %; three times that.
    assert layer.weight.var().item() == pytest.approx(variance, rel=0.021)
    assert (layer.bias == 0).all()


def test_default_initialiser_leaves_the_weights():
    layer = torch.nn.Linear(3, 2)
    before = layer.weight.clone()
    init_weights(layer, "default")
    assert torch.equal(layer.weight, before)


def test_logits_of_the_default_network_start_near_zero():
    torch.manual_seed(0)
    net, _ = build((32, 32))
    assert net(torch.randn(8, 32, 32)).abs().max() < 1
