"""What holds for every named network, of all three builders."""

import re

import pytest
import torch

import sktag.nets
from sktag.nets import build_cnn1d, build_cnn2d, build_sample_cnn, cnn1d, cnn2d
from sktag.nets import sample_cnn as waves

BUILDERS = {
    build_cnn1d: cnn1d.PUBLISHED,
    build_cnn2d: cnn2d.PUBLISHED,
    build_sample_cnn: waves.PUBLISHED,
}
# "compact" is the name of two networks.
CASES = [(build, name) for build, names in BUILDERS.items() for name in names]
IDS = [f"{build.__name__}-{name}" for build, name in CASES]
every = pytest.mark.parametrize(("build", "name"), CASES, ids=IDS)
each_builder = pytest.mark.parametrize(
    ("build", "name"), [(build, next(iter(BUILDERS[build]))) for build in BUILDERS]
)


def on_meta(build, name, n_outputs):
    """Return a whole network that has shapes and no numbers, its name, an input."""
    shape = BUILDERS[build][name].input_shape
    with torch.device("meta"):
        return *build(name, shape, n_outputs), torch.empty(2, *shape)


def small(build, name, **given):
    """Return a net of few filters for a short input, which loses nothing, and one."""
    shape = {build_cnn1d: (5, 110), build_sample_cnn: (100,)}.get(build, (16, 16))
    if name == "musicnn":
        shape, filters = (32, 20), (5, 2, 3)
    else:
        filters = 6
    if name.startswith(("fcn", "music_tagger")):
        shape, filters = (96, 1280), 3
    elif name.startswith("short"):
        shape, filters = (128, 128), 3
    net, _ = build(name, shape, 7, **{"n_filters": filters, **given})
    return net.eval(), shape


def has(build, name, parameter):
    """Tell whether a network has a use for a value."""
    try:
        build(name, BUILDERS[build][name].input_shape, 2, **{parameter: "?"})
    except ValueError as error:
        return "no use for" not in str(error)
    raise AssertionError("a value that is none was taken")


@every
def test_published_input_loses_nothing(build, name):
    net, full, x = on_meta(build, name, 50)
    assert full == name
    assert net(x).shape == (2, 50)
    assert net.features(x).shape == (2, net.output.in_features)


@every
def test_every_layer_has_the_shapes_of_the_meta_device(build, name, shapes_of):
    shape = BUILDERS[build][name].input_shape
    filters = (4, 3, 5) if name == "musicnn" else 4
    net, _ = build(name, shape, 7, n_filters=filters)
    x = torch.rand(2, *shape)
    real = shapes_of(net, torch.nn.Module, x)
    assert len(real) > 5
    assert real[-1] == (7,)
    net.to("meta")
    assert shapes_of(net, torch.nn.Module, x.to("meta")) == real


@every
def test_logits_are_the_output_layer_of_the_features(build, name):
    net, shape = small(build, name, dropout=0.5)
    x = torch.randn(2, *shape)
    features = net.features(x)
    assert features.shape == (2, net.output.in_features)
    torch.testing.assert_close(net(x), net.output(features))


@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("pooling", ["max", "avg", "std"])
@every
def test_gradients_reach_every_parameter(build, name, pooling, batch_norm):
    torch.manual_seed(0)
    given = {"pooling": pooling} if has(build, name, "pooling") else {}
    # Units that leak are never dead.
    given["activation"] = "leaky_relu"
    # In training, a bias before a batch norm has no gradient: its mean is taken off.
    net, shape = small(build, name, batch_norm=batch_norm, **given)
    net(torch.randn(4, *shape)).square().sum().backward()
    for parameter_name, parameter in net.named_parameters():
        assert torch.isfinite(parameter.grad).all(), parameter_name
        assert parameter.grad.abs().sum() > 0, parameter_name


@pytest.mark.parametrize("pooling", ["avg", "std"])
@every
def test_pooling_of_silence_has_finite_gradients(build, name, pooling):
    given = {"pooling": pooling} if has(build, name, "pooling") else {}
    net, shape = small(build, name, **given)
    x = torch.zeros(4, *shape, requires_grad=True)
    net.train()(x).square().sum().backward()
    for tensor in (x, *net.parameters()):
        assert torch.isfinite(tensor.grad).all()


@every
def test_values_that_all_have_override_each_architecture(build, name):
    net, _ = small(build, name, dropout=0.25, activation="gelu", batch_norm=False)
    rates = {m.p for m in net.modules() if isinstance(m, torch.nn.Dropout)}
    assert rates == {0.25}
    kinds = {type(m).__name__ for m in net.modules()}
    assert "GELU" in kinds
    assert not {"ReLU", "BatchNorm1d", "BatchNorm2d"} & kinds


@every
def test_smallest_input_is_taken_and_no_smaller(build, name):
    net, _ = small(build, name)
    assert net(torch.rand(2, *net.min_shape)).shape == (2, 7)
    for axis, size in enumerate(net.min_shape):
        less = list(net.min_shape)
        less[axis] = size - 1
        with pytest.raises((RuntimeError, IndexError)):
            net(torch.rand(2, *less))


@pytest.mark.parametrize("n", [1, 2, 20, 107])
@every
def test_built_for_a_short_input_it_takes_that_and_longer_ones(build, name, n):
    filters = (4, 3, 5) if name == "musicnn" else 4
    bins = () if build is build_sample_cnn else (n,)
    net, full = build(name, (*bins, n), 7, n_filters=filters)
    assert full.startswith(name)
    assert len(getattr(net, "blocks", [1])) >= (name != "sample_cnn")
    net.eval()
    for length in (net.min_shape[-1], n, n + 1, 7 * n):
        assert net(torch.rand(2, *bins, length)).shape == (2, 7)


@every
def test_other_initial_weights_are_drawn_only_where_asked_for(build, name):
    nets = []
    for given in ({}, {"weight_init": "default"}, {"weight_init": "orthogonal"}):
        torch.manual_seed(3)
        nets.append(small(build, name, **given)[0].output.weight)
    own_is_torch = name not in ("compact", "sample_cnn")
    assert torch.equal(nets[0], nets[1]) == own_is_torch
    assert not torch.equal(nets[0], nets[2])


BAD_SIZES = [
    ({"n_filters": (8, 8.7)}, r"n_filters\[1\]=8.7: give an integer of at least 1"),
    ({"n_filters": "16"}, "n_filters='16': give an integer of at least 1"),
    ({"n_filters": (0, 8)}, r"n_filters\[0\]=0: give an integer of at least 1"),
    ({"n_filters": 0}, "n_filters=0: give an integer of at least 1"),
    ({"n_filters": ()}, r"n_filters=\(\) is for 0 blocks"),
    ({"kernel_size": 2.5}, "kernel_size=2.5: give an integer of at least 1"),
]


@pytest.mark.parametrize(("given", "message"), BAD_SIZES)
@each_builder
def test_sizes_that_are_no_positive_integers_raise(build, name, given, message):
    with pytest.raises(ValueError, match=message):
        build(name, BUILDERS[build][name].input_shape, 2, **given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"pooling": "maxx"}, "pooling='maxx' is none of 'max', 'avg', .*mean 'max'"),
        ({"activation": "relu_"}, "activation='relu_' is none of .*mean 'relu'"),
        ({"weight_init": "he"}, "weight_init='he' is none of 'he_uniform', "),
        ({"batch_norm": "no"}, "batch_norm='no' is none of True, False"),
        ({"colour": 3}, "has no use for colour=3: leave it None. What it has is .*n_f"),
        *[
            ({"dropout": rate}, "dropout=.* give a number from 0 to below 1")
            for rate in (1, -0.1, float("nan"), "0.5", (0.1, 0.2), [])
        ],
    ],
)
@each_builder
def test_values_that_are_none_of_the_choices_raise(build, name, given, message):
    with pytest.raises(ValueError, match=message):
        build(name, BUILDERS[build][name].input_shape, 2, **given)


@each_builder
def test_unknown_architecture_raises_with_all_names_and_a_guess(build, name):
    with pytest.raises(ValueError, match=f"Did you mean '{name}'") as error:
        build(name + "_", (64, 64), 2)
    assert all(repr(known) in str(error.value) for known in BUILDERS[build])


@each_builder
def test_input_of_a_wrong_shape_raises(build, name):
    with pytest.raises(ValueError, match=r"input_shape=\(8, 8, 8\) is of length 3"):
        build(name, (8, 8, 8), 2)
    with pytest.raises(ValueError, match=r"input_shape.*0: give an integer of at lea"):
        build(name, 0, 2)


CLASSES = [
    getattr(sktag.nets, name)
    for name in sktag.nets.__all__
    if isinstance(getattr(sktag.nets, name), type)
]


@every
def test_class_of_every_network_is_public(build, name):
    assert type(on_meta(build, name, 2)[0]) in CLASSES


@pytest.mark.parametrize("cls", CLASSES)
def test_class_cites_its_paper_and_has_the_table_of_its_layers(cls):
    assert re.search(r'References\n-+\n\s*\w.*, "', cls.__doc__.replace("    ", ""))
    assert re.search(r"^ *total +[\d,]{6,}", cls.__doc__, flags=re.M)
