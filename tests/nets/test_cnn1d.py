"""The networks over time: counts, shapes, gradients, short and long inputs."""

import warnings

import numpy as np
import pytest
import torch

from sktag.nets import build_cnn1d
from sktag.nets.cnn1d import PUBLISHED

LAYERS = (torch.nn.Conv1d, torch.nn.MaxPool1d)
NAMES = ["compact", "dieleman2014", "spotify2014"]
# All that an estimator passes on; None is the architecture's own.
NOTHING = dict.fromkeys(
    ["n_filters", "kernel_size", "pool_size", "pooling", "n_blocks"]
)
NOTHING |= dict.fromkeys(["batch_norm", "dropout", "activation", "weight_init"])


def build(architecture="compact", input_shape=(64, 216), n_outputs=10, **given):
    return build_cnn1d(architecture, input_shape, n_outputs, **NOTHING | given)


def test_published_names_every_architecture_and_what_it_was_made_for():
    assert list(PUBLISHED) == NAMES
    assert PUBLISHED["dieleman2014"].input_shape == (128, 94)
    assert PUBLISHED["dieleman2014"].chunk_size == 94
    assert PUBLISHED["spotify2014"].input_shape == (128, 599)
    assert PUBLISHED["spotify2014"].chunk_size == 599
    assert PUBLISHED["compact"] == ((64, 216), None)


def test_compact_has_the_parameters_and_shapes_of_its_docstring(count, shapes_of):
    net, _ = build()
    # A convolution has no bias before a batch norm, which has two numbers a filter.
    first, other = 64 * 128 * 5 + 2 * 128, 128 * 128 * 5 + 2 * 128
    assert [count(block) for block in net.blocks] == [first, other, other, other]
    assert count(net) == first + 3 * other + 256 * 10 + 10 == 290_314
    pools = shapes_of(net, torch.nn.MaxPool1d, torch.zeros(1, 64, 216))
    assert pools == [(128, 108), (128, 54), (128, 27), (128, 13)]
    assert net.output.in_features == 256


def test_dieleman_counts_by_hand_at_128_bins_and_94_frames(count, shapes_of):
    net, name = build("dieleman2014", (128, 94), 50)
    assert name == "dieleman2014"
    first, second = 128 * 8 * 32 + 32, 32 * 8 * 32 + 32
    assert [count(block) for block in net.blocks] == [first, second]
    # 94 frames: 94 - 7 = 87, 87 // 4 = 21, 21 - 7 = 14, 14 // 4 = 3, of 32 filters.
    assert count(net.hidden) == 3 * 32 * 100 + 100
    assert count(net.output) == 100 * 50 + 50
    assert count(net) == 32_800 + 8_224 + 9_700 + 5_050 == 55_774
    shapes = shapes_of(net, LAYERS, torch.zeros(1, 128, 94))
    assert shapes == [(32, 87), (32, 21), (32, 14), (32, 3)]


def test_spotify_has_the_count_and_shapes_of_its_docstring(count, shapes_of):
    net, _ = build("spotify2014", (128, 599), 40)
    assert count(net.blocks) == 1_180_928
    assert count(net) - count(net.blocks) == 7_426_088
    shapes = shapes_of(net, LAYERS, torch.zeros(1, 128, 599))
    assert shapes == [
        (256, 596),
        (256, 149),
        (256, 146),
        (256, 73),
        (256, 70),
        (256, 35),
        (512, 32),
    ]


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


@pytest.mark.parametrize("name", NAMES)
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


def test_weight_init_of_none_is_small_for_the_compact_output_only():
    torch.manual_seed(0)
    net, _ = build(n_outputs=500)
    # He's deviation of a filter is sqrt(2 / fan in).
    std = net.blocks[1][0].weight.std().item()
    assert std == pytest.approx((2 / (128 * 5)) ** 0.5, rel=0.02)
    assert net.output.weight.std().item() == pytest.approx(0.01, rel=0.02)
    net, _ = build(n_outputs=500, weight_init="he_normal")
    assert net.output.weight.std().item() == pytest.approx((2 / 256) ** 0.5, rel=0.02)


def test_even_kernel_of_the_compact_keeps_the_frames_without_a_warning():
    net, _ = build("compact", (4, 9), kernel_size=4, n_blocks=2, pool_size=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert net.blocks(torch.zeros(1, 4, 9)).shape == (1, 128, 9)


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
    # Two convolutions of length 8 take 14 frames off; 51 have place for all.
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
    remedy = str(error.value).split("or leave ")[1]
    assert {word for word in remedy.split() if word in NOTHING} == set(given)
    net, full = build(name, (4, least), **given)
    assert full.split(" (")[0] == name
    assert net.min_shape == (4, least)
    assert net.eval()(torch.rand(2, 4, least)).shape == (2, 10)


def test_dieleman_averages_the_windows_of_a_longer_clip():
    net, _ = build("dieleman2014", (4, 94))
    x = torch.randn(2, 4, 400)
    # Three frames behind the poolings are a window; 16 samples a frame in between.
    windows = [net.features(x[..., start : start + 94]) for start in range(0, 336, 48)]
    torch.testing.assert_close(net.features(x), torch.stack(windows).mean(0))


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


def test_spotify_pools_mean_maximum_and_l2_norm_over_time():
    torch.manual_seed(0)
    net, _ = build("spotify2014", (4, 150), n_filters=5)
    x = torch.randn(2, 4, 150)
    maps = net.eval().blocks(x)
    assert maps.shape[-1] > 1
    # The norm of the whole, not its mean square: that would be sqrt(n) times smaller.
    norms = torch.linalg.vector_norm(maps, dim=-1)
    pooled = torch.cat([maps.sum(-1) / maps.shape[-1], maps.max(-1).values, norms], 1)
    torch.testing.assert_close(net.features(x), net.hidden(pooled))
    rms = torch.cat([pooled[:, :10], norms / maps.shape[-1] ** 0.5], 1)
    assert not torch.allclose(net.features(x), net.hidden(rms))


def test_compact_pools_mean_and_maximum_over_time():
    net, _ = build("compact", (4, 80), n_filters=3)
    x = torch.randn(2, 4, 80)
    maps = net.eval().blocks(x)
    pooled = torch.cat([maps.sum(-1) / 5, maps.max(-1).values], dim=1)
    torch.testing.assert_close(net.features(x), pooled)
