"""Building by name, and the compact network: counts, shapes, short inputs."""

import pytest
import torch

from sktag.nets.blocks import ACTIVATIONS, INITIALISERS, init_weights
from sktag.nets.cnn2d import PUBLISHED, build_cnn2d

# Small variants: few filters, and a short input that each takes whole.
SMALL = {
    "compact": ((16, 16), {"n_filters": 4}),
    "fcn4": ((96, 1280), {"n_filters": 3}),
    "fcn5": ((96, 1280), {"n_filters": 3}),
    "fcn6": ((96, 1280), {"n_filters": 3}),
    "fcn7": ((96, 1280), {"n_filters": 3}),
    "music_tagger_cnn": ((96, 1280), {"n_filters": 3}),
    "short_chunk": ((128, 128), {"n_filters": 3}),
    "short_chunk_res": ((128, 128), {"n_filters": 3}),
    "musicnn": ((32, 20), {"n_filters": (5, 2, 3)}),
}
POOLED = [name for name in SMALL if name != "short_chunk_res"]


def build(input_shape=(64, 216), n_outputs=10, **given):
    return build_cnn2d("compact", input_shape, n_outputs, **given)


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


def test_features_of_compact_are_those_before_dropout_and_output():
    net, _ = build()
    x = torch.rand(3, 64, 216)
    features = net.eval().features(x)
    assert features.shape == (3, 256)
    assert torch.equal(net.output(features), net(x))


@pytest.mark.parametrize("pooling", ["max", "avg", "std"])
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
    with pytest.raises(ValueError, match=r"kernel_size=.*there are 4: give one"):
        build(kernel_size=[(3, 3)] * 5)


@pytest.mark.parametrize("name", ["n_filters", "kernel_size", "pool_size"])
def test_number_below_one_raises(name):
    value = {"n_filters": (4, 4, 4, 0)}.get(name, (2, 0))
    with pytest.raises(ValueError, match=rf"{name}=.*at least 1"):
        build(**{name: value})


def test_size_of_three_numbers_raises():
    with pytest.raises(ValueError, match=r"\(3, 3, 3\) is no size"):
        build(kernel_size=(3, 3, 3))


def test_sizes_of_each_block_override_the_architecture():
    net, _ = build(kernel_size=[(5, 1), (3, 3), (2, 4), (1, 1)], n_filters=3)
    sizes = [block[0].kernel_size for block in net.blocks]
    assert sizes == [(5, 1), (3, 3), (2, 4), (1, 1)]
    assert net.eval()(torch.rand(2, 64, 216)).shape == (2, 10)


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


@pytest.mark.parametrize("architecture", SMALL)
def test_logits_and_features_of_each_architecture_have_their_shapes(architecture):
    shape, given = SMALL[architecture]
    net, name = build_cnn2d(architecture, shape, 7, **given)
    assert name == architecture
    net.eval()
    x = torch.rand(2, *shape)
    logits, features = net(x), net.features(x)
    assert logits.shape == (2, 7)
    assert features.shape == (2, net.output.in_features)
    # At predict there is no dropout between the two.
    torch.testing.assert_close(net.output(features), logits)
    meta = net.to("meta")(x.to("meta"))
    assert meta.shape == logits.shape


@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("architecture", SMALL)
def test_gradients_reach_every_parameter_of_each_architecture(architecture, batch_norm):
    torch.manual_seed(0)
    shape, given = SMALL[architecture]
    # Units that leak are never dead; the large batch norm keeps maps apart.
    given = {**given, "dropout": 0.0, "activation": "leaky_relu"}
    net, _ = build_cnn2d(architecture, shape, 7, batch_norm=batch_norm, **given)
    net(torch.randn(4, *shape)).square().sum().backward()
    for name, parameter in net.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("architecture", SMALL)
def test_batch_norm_off_leaves_none_in_any_architecture(architecture):
    shape, given = SMALL[architecture]
    net, _ = build_cnn2d(architecture, shape, 7, batch_norm=False, **given)
    assert not [m for m in net.modules() if "BatchNorm" in type(m).__name__]


@pytest.mark.parametrize("pooling", ["avg", "std"])
@pytest.mark.parametrize("architecture", POOLED)
def test_other_pooling_of_silence_has_finite_gradients(architecture, pooling):
    shape, given = SMALL[architecture]
    net, name = build_cnn2d(architecture, shape, 7, pooling=pooling, **given)
    x = torch.zeros(4, *shape, requires_grad=True)
    net(x).square().sum().backward()
    assert name == architecture
    for tensor in (x, *net.parameters()):
        assert torch.isfinite(tensor.grad).all()


@pytest.mark.parametrize("architecture", SMALL)
def test_dropout_and_activation_override_each_architecture(architecture):
    shape, given = SMALL[architecture]
    given = {**given, "dropout": 0.25, "activation": "gelu"}
    net, _ = build_cnn2d(architecture, shape, 7, **given)
    rates = {m.p for m in net.modules() if isinstance(m, torch.nn.Dropout)}
    assert rates == {0.25}
    kinds = {type(m).__name__ for m in net.modules()}
    assert "GELU" in kinds
    assert "ReLU" not in kinds


@pytest.mark.parametrize("architecture", SMALL)
def test_smallest_input_of_each_architecture_is_taken_and_no_smaller(architecture):
    shape, given = SMALL[architecture]
    net, _ = build_cnn2d(architecture, shape, 7, **given)
    n_bins, n_frames = net.min_shape
    net.eval()
    assert net(torch.rand(2, n_bins, n_frames)).shape == (2, 7)
    for less in [(n_bins - 1, n_frames), (n_bins, n_frames - 1)]:
        with pytest.raises((RuntimeError, IndexError)):
            net(torch.rand(2, *less))


@pytest.mark.parametrize("architecture", SMALL)
def test_one_bin_and_one_frame_are_taken_by_each_architecture(architecture):
    _, given = SMALL[architecture]
    net, name = build_cnn2d(architecture, (1, 1), 7, **given)
    assert name.startswith(architecture)
    assert net.min_shape == (1, 1)
    assert net.eval()(torch.rand(2, 1, 1)).shape == (2, 7)


@pytest.mark.parametrize("architecture", SMALL)
def test_published_networks_keep_the_weights_torch_draws(architecture):
    shape, given = SMALL[architecture]
    torch.manual_seed(3)
    net, _ = build_cnn2d(architecture, shape, 7, **given)
    torch.manual_seed(3)
    drawn, _ = build_cnn2d(architecture, shape, 7, weight_init="default", **given)
    same = torch.equal(net.output.weight, drawn.output.weight)
    assert same == (architecture != "compact")


def test_weight_init_given_draws_a_published_network_anew():
    net, _ = build_cnn2d("fcn4", (96, 1280), 7, n_filters=3, weight_init="he_normal")
    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            assert (module.bias == 0).all()


def test_published_has_the_inputs_of_the_papers():
    assert PUBLISHED == {
        "compact": ((64, 216), None),
        "fcn4": ((96, 1366), 1366),
        "fcn5": ((96, 1366), 1366),
        "fcn6": ((96, 1366), 1366),
        "fcn7": ((96, 1366), 1366),
        # 29 s at 16 kHz with a hop of 256, frames centred.
        "music_tagger_cnn": ((96, 1 + 29 * 16_000 // 256), 1813),
        "short_chunk": ((128, 1 + 59_049 // 256), 231),
        "short_chunk_res": ((128, 231), 231),
        "musicnn": ((96, 187), 187),
    }


@pytest.mark.parametrize("architecture", PUBLISHED)
def test_published_input_shrinks_nothing(architecture):
    with torch.device("meta"):
        net, name = build_cnn2d(architecture, PUBLISHED[architecture].input_shape, 50)
    assert name == architecture
    assert net.output.out_features == 50


def test_unknown_architecture_raises_with_all_names_and_a_guess():
    with pytest.raises(ValueError, match="Did you mean 'fcn4'") as error:
        build_cnn2d("FCN4".lower() + "_", (96, 1366), 50)
    assert all(repr(name) in str(error.value) for name in SMALL)
    with pytest.raises(ValueError, match=r"'transformer' is none of .*'musicnn'\.$"):
        build_cnn2d("transformer", (96, 1366), 50)


@pytest.mark.parametrize(
    ("architecture", "given"),
    [
        ("musicnn", {"pool_size": 2}),
        ("short_chunk_res", {"pooling": "avg"}),
        ("fcn4", {"multi_level": True}),
    ],
)
def test_value_without_use_raises_with_those_there_are(architecture, given):
    ((name, value),) = given.items()
    text = f"has no use for {name}={value!r}: leave it None. What it has is n_filters,"
    with pytest.raises(ValueError, match=text):
        build_cnn2d(architecture, PUBLISHED[architecture].input_shape, 50, **given)
