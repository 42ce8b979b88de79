"""How sizes are resolved from overrides, defaults and the size of the input."""

import re

import numpy as np
import pytest
import torch
from torch import nn

from sktag.nets import ARCHITECTURES, build_cnn1d, build_cnn2d, build_sample_cnn

OVER_TIME = ["compact", "dieleman2014", "spotify2014"]
ON_WAVES = ["sample_cnn", "basic", "se", "res1", "res2", "rese1", "rese2"]
NETWORKS = ["cnn1d-compact", "cnn2d-compact", "sample_cnn-sample_cnn"]
each_family = pytest.mark.parametrize("network", NETWORKS)


def build(architecture="compact", input_shape=(64, 216), n_outputs=10, **given):
    return build_cnn1d(architecture, input_shape, n_outputs, **given)


def build_wave(architecture="sample_cnn", n_samples=59_049, n_outputs=50, **given):
    return build_sample_cnn(architecture, (n_samples,), n_outputs, **given)


def advised(error):
    """Return the parameters that a message advises to leave at None."""
    remedy = re.search(r"or leave (.*) None: parameters left at None", str(error.value))
    return set(remedy[1].split(" or "))


@pytest.mark.parametrize(
    ("name", "given", "widths"),
    [
        ("compact", {"n_filters": 5}, [5, 5, 5, 5]),
        ("compact", {"n_filters": 5, "n_blocks": 2}, [5, 5]),
        ("compact", {"n_filters": (5, 6)}, [5, 6]),
        ("compact", {"pool_size": (4, 2, 2), "n_blocks": 3}, [128, 128, 128]),
        ("compact", {"n_filters": np.array([5, 6]), "kernel_size": [3, 5]}, [5, 6]),
        ("spotify2014", {"n_blocks": 2}, [256, 256]),
        ("spotify2014", {"n_blocks": 5}, [256, 256, 256, 512, 512]),
        ("dieleman2014", {"kernel_size": [8], "n_blocks": 1}, [32]),
    ],
)
def test_filters_and_blocks_override_the_architecture(name, given, widths):
    net, full = build(name, (8, 300), **given)
    assert full == name
    assert [block[0].out_channels for block in net.blocks] == widths


@pytest.mark.parametrize("name", OVER_TIME)
def test_other_values_override_the_architecture(name):
    net, _ = build(
        name,
        (8, 300),
        n_blocks=2,
        kernel_size=(6, 3),
        pool_size=5,
        pooling="avg",
        batch_norm=True,
        dropout=0.25,
        activation="gelu",
    )
    assert [block[0].kernel_size for block in net.blocks] == [(6,), (3,)]
    for block in net.blocks:
        kinds = [type(layer).__name__ for layer in list(block)[1:]]
        assert kinds == ["BatchNorm1d", "GELU", "AvgPool1d"]
        assert block[-1](torch.zeros(1, 1, 14)).shape == (1, 1, 2)
    assert net.dropout.p == 0.25


@pytest.mark.parametrize(
    ("name", "n_frames", "said"),
    [
        ("compact", 15, "compact (pooling by 8 of 16)"),
        ("compact", 1, "compact (pooling by 1 of 16)"),
        ("dieleman2014", 50, "dieleman2014 (1 of 2 blocks)"),
        ("dieleman2014", 9, "dieleman2014 (1 of 2 blocks, pooling by 2 of 4)"),
        (
            "dieleman2014",
            1,
            "dieleman2014 (1 of 2 blocks, kernels together 1 of 8, pooling by 1 of 4)",
        ),
        ("spotify2014", 102, "spotify2014 (3 of 4 blocks)"),
        (
            "spotify2014",
            3,
            "spotify2014 (1 of 4 blocks, kernels together 3 of 4, pooling by 1 of 4)",
        ),
    ],
)
def test_short_input_loses_what_the_name_says(name, n_frames, said):
    net, full = build(name, (4, n_frames))
    assert full == said
    assert net.min_shape[0] == 4
    assert net.min_shape[1] <= n_frames
    assert net.eval()(torch.rand(2, 4, n_frames)).shape == (2, 10)


@pytest.mark.parametrize(
    ("n_frames", "kernels", "pools"),
    [
        (51, [8, 8], [4, 4]),
        (50, [8, 8], [4, 3]),
        (40, [8, 8], [4, 1]),
        (20, [8, 8], [1, 4]),
        (15, [8, 8], [1, 1]),
        (14, [8, 7], [1, 1]),
        (2, [2, 1], [1, 1]),
        (1, [1, 1], [1, 1]),
    ],
)
def test_given_blocks_stay_where_poolings_and_then_kernels_may_go(
    n_frames, kernels, pools
):
    # Two convolutions of length 8 take off 14 frames; 51 frames are enough for all.
    net, full = build("dieleman2014", (4, n_frames), n_blocks=2)
    assert [block[0].kernel_size[0] for block in net.blocks] == kernels
    found = [block[-1].kernel_size if len(block) == 3 else 1 for block in net.blocks]
    assert found == pools
    assert (full == "dieleman2014") == (n_frames == 51)
    assert "blocks" not in full
    assert net.eval()(torch.rand(2, 4, n_frames)).shape == (2, 10)


def test_given_pooling_stays_where_blocks_may_go():
    net, full = build("compact", (4, 30), pool_size=4)
    assert full == "compact (2 of 4 blocks)"
    assert [block[-1].kernel_size for block in net.blocks] == [4, 4]


@pytest.mark.parametrize(
    ("name", "given", "least"),
    [
        ("compact", {"n_blocks": 4, "pool_size": 2}, 16),
        ("compact", {"pool_size": 3}, 3),
        ("compact", {"pool_size": (3, 3), "n_blocks": 2}, 9),
        ("compact", {"pool_size": (3, 1, 1, 2)}, 6),
        ("dieleman2014", {"n_blocks": 2, "pool_size": 4, "kernel_size": 8}, 51),
        ("dieleman2014", {"n_blocks": 2, "kernel_size": 8}, 15),
        ("spotify2014", {"pool_size": (4, 2, 2, 1), "kernel_size": 4}, 103),
        ("spotify2014", {"pool_size": (4, 2, 2, 1)}, 16),
    ],
)
def test_given_values_never_shrink_but_say_the_shortest_input(name, given, least):
    text = f"needs at least {least} frames; the input has {least - 1} frames. Give lo"
    with pytest.raises(ValueError, match=text) as error:
        build(name, (4, least - 1), **given)
    assert "longer clips or a larger chunk_size, or leave " in str(error.value)
    assert advised(error) == set(given)
    net, full = build(name, (4, least), **given)
    assert full.split(" (")[0] == name
    assert net.min_shape == (4, least)
    assert net.eval()(torch.rand(2, 4, least)).shape == (2, 10)


def test_contradicting_sizes_raise():
    with pytest.raises(ValueError, match="is for 2 blocks, but there are 3"):
        build(n_filters=(4, 4), n_blocks=3)
    with pytest.raises(ValueError, match=r"pool_size=\(2, 2, 2\) is for 3 blocks"):
        build(n_filters=(4, 4), pool_size=(2, 2, 2))
    # Only filters say how many blocks there are.
    with pytest.raises(ValueError, match=r"\(3, 3\) is for 2 blocks, but there are 4"):
        build(kernel_size=(3, 3))
    with pytest.raises(ValueError, match=r"kernel_size\[0\]=\(3, 3\) is of length 2"):
        build(kernel_size=[(3, 3)] * 4)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"se_ratio": 0.5, "m": 3}, "no use for se_ratio=0.5, m=3: leave it None"),
        ({"n_blocks": 0}, "n_blocks=0: give an integer of at least 1"),
        ({"n_blocks": 2.0}, "n_blocks=2.0: give an integer of at least 1"),
        ({"pool_size": (2, 0, 2, 2)}, r"pool_size\[1\]=0: give an integer of at lea"),
        ({"kernel_size": (0, 3), "n_blocks": 2}, r"kernel_size\[0\]=0: give an integ"),
    ],
)
def test_values_that_do_not_do_raise(given, message):
    with pytest.raises(ValueError, match=message):
        build(**given)


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
    text = f"has no use for {name}={value!r}: leave it None. What it has is .*n_filt"
    with pytest.raises(ValueError, match=text):
        build_cnn2d(architecture, (128, 231), 50, **given)


def build_published(network, **given):
    """Build a network, given as family-name, for its published input."""
    family, name = network.split("-")
    record = ARCHITECTURES[family][name]
    return record.build(record.input_shape, 2, **given)


BAD_SIZES = [
    ({"n_filters": (8, 8.7)}, r"n_filters\[1\]=8.7: give an integer of at least 1"),
    ({"n_filters": "16"}, "n_filters='16': give an integer of at least 1"),
    ({"n_filters": (0, 8)}, r"n_filters\[0\]=0: give an integer of at least 1"),
    ({"n_filters": 0}, "n_filters=0: give an integer of at least 1"),
    ({"n_filters": ()}, r"n_filters=\(\) is for 0 blocks"),
    ({"kernel_size": 2.5}, "kernel_size=2.5: give an integer of at least 1"),
]


@pytest.mark.parametrize(("given", "message"), BAD_SIZES)
@each_family
def test_sizes_that_are_no_positive_integers_raise(network, given, message):
    with pytest.raises(ValueError, match=message):
        build_published(network, **given)


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
@each_family
def test_values_that_are_none_of_the_choices_raise(network, given, message):
    with pytest.raises(ValueError, match=message):
        build_published(network, **given)


@pytest.mark.parametrize(
    ("name", "given", "widths"),
    [
        ("sample_cnn", {"n_filters": 7}, [7] * 7),
        ("sample_cnn", {"n_filters": (4, 5)}, [4, 4, 5, 5]),
        ("sample_cnn", {"n_filters": 7, "n": 0}, [7, 7]),
        ("basic", {"n_filters": 7, "n_blocks": 2}, [7, 7, 7]),
        ("basic", {"n_filters": (4, 5)}, [4, 4, 5]),
        ("basic", {"n_blocks": 4}, [128, 128, 128, 256, 512]),
        ("basic", {"pool_size": (5, 7), "n_blocks": 2}, [128, 128, 512]),
        ("basic", {"n_blocks": 1}, [128, 512]),
    ],
)
def test_filters_and_blocks_override_networks_on_waveforms(name, given, widths):
    net, _ = build_wave(name, 2000, **given)
    convs = [m for m in net.modules() if isinstance(m, nn.Conv1d)]
    assert [conv.out_channels for conv in convs] == widths


@pytest.mark.parametrize("name", ON_WAVES)
def test_other_values_override_networks_on_waveforms(name):
    net, _ = build_wave(
        name,
        100,
        n_filters=6,
        kernel_size=5,
        pooling="avg",
        activation="silu",
        batch_norm=False,
    )
    kinds = {type(module) for module in net.modules()}
    assert {nn.AvgPool1d, nn.SiLU} <= kinds
    assert not {nn.MaxPool1d, nn.ReLU, nn.BatchNorm1d} & kinds
    kernels = [m.kernel_size[0] for m in net.modules() if isinstance(m, nn.Conv1d)]
    assert set(kernels) - {1, 3} == {5}
    assert kernels[0] == 3


@pytest.mark.parametrize(
    ("name", "given", "least"),
    [
        ("sample_cnn", {"n": 4}, 81),
        ("sample_cnn", {"m": 2, "n": 7}, 128),
        ("sample_cnn", {"n_filters": (4, 4, 4)}, 27),
        ("basic", {"n_blocks": 3, "pool_size": 3}, 81),
        ("res2", {"pool_size": (5, 2), "n_blocks": 2}, 30),
        ("res2", {"pool_size": 7}, 21),
    ],
)
def test_given_values_on_waveforms_never_shrink_but_say_the_shortest_input(
    name, given, least
):
    text = f"needs at least {least} samples; the input has {least - 1} samples. Give lo"
    with pytest.raises(ValueError, match=text) as error:
        build_wave(name, least - 1, **given)
    assert advised(error)
    assert advised(error) <= set(given)
    net, full = build_wave(name, least, **given)
    assert "pooling" not in full
    assert net.min_shape == (least,)
    assert net.eval()(torch.randn(2, least)).shape == (2, 50)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"architecture": "basic", "se_ratio": 0.5}, "'basic' has no use for se_rat"),
        ({"architecture": "se", "m": 3}, "no use for m=3: .* has is .*, se_ratio"),
        ({"architecture": "se", "se_ratio": 0}, "se_ratio=0: give a number above 0"),
        ({"architecture": "se", "multi_level": 2}, "multi_level=2 is none of True, F"),
        ({"architecture": "res1", "pool_size": (2, 0)}, "is for 2 blocks, .* are 9"),
        ({"multi_level": False}, "no use for multi_level=False: .* has is .*, m, n"),
        ({"pool_size": 2, "n_blocks": 3}, "no use for pool_size=2, n_blocks=3"),
        ({"m": 1}, "m=1: give an integer of at least 2"),
        ({"n": -1}, "n=-1: give an integer of at least 0"),
        ({"n": 2, "n_filters": (4, 4, 4)}, "is for 3 blocks, but there are 2"),
        ({"kernel_size": (3, 3)}, "is for 2 blocks, but there are 9: give one for all"),
    ],
)
def test_values_that_networks_on_waveforms_do_not_take_raise(given, message):
    with pytest.raises(ValueError, match=message):
        build_wave(**given)
