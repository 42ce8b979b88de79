"""The networks on waveforms: counts, shapes, gradients, short and long inputs."""

import re

import pytest
import torch
from torch import nn

from sktag.nets import build_sample_cnn
from sktag.nets.sample_cnn import PUBLISHED

OF_2018 = ["basic", "se", "res1", "res2", "rese1", "rese2"]
NAMES = ["sample_cnn", *OF_2018]
# All that an estimator passes on; None is the architecture's own.
NOTHING = dict.fromkeys(
    ["n_filters", "kernel_size", "pool_size", "pooling", "n_blocks"]
)
NOTHING |= dict.fromkeys(["batch_norm", "dropout", "activation", "weight_init"])
NOTHING |= dict.fromkeys(["m", "n", "multi_level", "se_ratio"])


def build(architecture="sample_cnn", n_samples=59_049, n_outputs=50, **given):
    return build_sample_cnn(architecture, (n_samples,), n_outputs, **NOTHING | given)


def small(architecture, n_samples=100, **given):
    """Return a net of a few filters that takes 100 samples."""
    return build(architecture, n_samples, 4, **{"n_filters": 6, **given})[0]


def meta(net, n_samples):
    """Move a net to where there are shapes only, and return an input for it."""
    net.to("meta")
    return torch.empty(2, n_samples, device="meta")


def test_published_input_of_every_architecture_is_that_of_3_to_the_10():
    assert list(PUBLISHED) == NAMES
    assert set(PUBLISHED.values()) == {((3**10,), 3**10)}


def test_sample_cnn_has_the_published_count(count):
    net, name = build()
    assert name == "sample_cnn"
    assert count(net) == 1_869_874
    convs = [m for m in net.modules() if isinstance(m, nn.Conv1d)]
    counts = [count(conv) for conv in convs]
    assert counts[:4] == [512, 49_280, 49_280, 98_560]
    assert counts[4:] == [*[196_864] * 5, 393_728, 262_656]
    assert count(net.output) == 25_650
    assert count(build(batch_norm=False)[0]) == 1_863_986


def test_sample_cnn_has_the_published_output_of_every_layer(shapes_of):
    net, _ = build()
    assert shapes_of(net, (nn.Conv1d, nn.MaxPool1d), meta(net, 59_049)) == [
        (128, 19_683),
        *[(128, 19_683), (128, 6561), (128, 6561), (128, 2187)],
        *[(256, 2187), (256, 729), (256, 729), (256, 243), (256, 243), (256, 81)],
        *[(256, 81), (256, 27), (256, 27), (256, 9), (256, 9), (256, 3)],
        *[(512, 3), (512, 1), (512, 1)],
    ]


@pytest.mark.parametrize(
    ("m", "n", "n_samples", "stride", "n_parameters"),
    [
        (3, 8, 59_049, 9, 1_673_266),
        (3, 7, 59_049, 27, 1_478_194),
        (3, 6, 59_049, 81, 1_287_730),
        (3, 5, 59_049, 243, 1_111_090),
        (3, 4, 59_049, 729, 975_922),
        (2, 13, 16_384, 2, 1_872_818),
        (2, 14, 32_768, 2, 2_004_658),
        (4, 6, 16_384, 4, 1_605_554),
        (4, 7, 65_536, 4, 1_868_466),
        (5, 5, 15_625, 5, 1_604_914),
        (5, 6, 78_125, 5, 1_933_362),
    ],
)
def test_sample_cnn_m_n_has_the_published_count(
    m, n, n_samples, stride, n_parameters, count, shapes_of
):
    net, name = build(n_samples=n_samples, m=m, n=n)
    assert name == f"sample_cnn ({m}^{n})"
    assert net.stem[0].kernel_size == net.stem[0].stride == (stride,)
    assert count(net) == n_parameters
    assert shapes_of(net, nn.Conv1d, meta(net, n_samples))[-1] == (512, 1)


@pytest.mark.parametrize(
    ("name", "se_ratio", "multi", "single"),
    [
        ("basic", None, 2_683_442, 1_869_874),
        ("se", 16, 24_742_706, 23_929_138),
        ("se", None, 2_858_066, 2_044_498),
        ("se", 0.125, 2_858_066, 2_044_498),
        ("res1", None, 2_849_586, 2_036_018),
        ("res2", None, 4_920_882, 4_107_314),
        ("rese1", 16, 24_908_850, 24_095_282),
        ("rese1", None, 3_024_210, 2_210_642),
        ("rese2", 16, 26_980_146, 26_166_578),
        ("rese2", None, 5_095_506, 4_281_938),
    ],
)
def test_blocks_of_2018_have_the_published_counts(name, se_ratio, multi, single, count):
    with torch.device("meta"):
        net, full = build(name, se_ratio=se_ratio)
        assert full == name
        assert count(net) == multi
        assert count(build(name, se_ratio=se_ratio, multi_level=True)[0]) == multi
        assert count(build(name, se_ratio=se_ratio, multi_level=False)[0]) == single


@pytest.mark.parametrize("name", OF_2018)
def test_blocks_of_2018_have_the_published_outputs(name, shapes_of):
    with torch.device("meta"):
        net, _ = build(name)
    pools = shapes_of(net, nn.MaxPool1d, meta(net, 59_049))
    widths = [128, 128, *[256] * 6, 512]
    assert pools == [(w, 3 ** (8 - i)) for i, w in enumerate(widths)]
    assert net.output.in_features == 256 + 256 + 512


def test_dropout_of_none_is_the_published_one():
    def rates(name):
        net = build(name, 300)[0]
        return [m.p for m in net.modules() if isinstance(m, nn.Dropout)]

    for name in ("sample_cnn", "basic", "se", "res1", "rese1"):
        assert rates(name) == [0.5]
    # Four blocks of two convolutions each.
    for name in ("res2", "rese2"):
        assert sorted(rates(name)) == [0.2, 0.2, 0.2, 0.2, 0.5]


def test_frame_level_net_is_3_to_the_4_with_a_first_stride_of_729(shapes_of):
    net, _ = build(m=3, n=4)
    stem = net.stem[0]
    assert (stem.kernel_size, stem.stride) == ((729,), (729,))
    pools = shapes_of(net, nn.MaxPool1d, meta(net, 59_049))
    assert pools == [(128, 27), (128, 9), (256, 3), (512, 1)]


def test_squeeze_scales_after_the_pooling_in_se_and_before_the_sum_in_rese():
    se, rese = small("se").eval(), small("rese1").eval()
    for net in (se, rese):
        for module in net.modules():
            if hasattr(module, "excite"):
                nn.init.zeros_(module.excite.weight)
                nn.init.constant_(module.excite.bias, -100.0)
    # A scale of nothing: all is silent, but for the shortcut.
    x = torch.randn(2, 100)
    assert se.blocks[0](se.stem(x.unsqueeze(1))).abs().max() == 0
    maps = rese.stem(x.unsqueeze(1))
    expected = nn.functional.max_pool1d(maps, 3)  # already behind a ReLU
    torch.testing.assert_close(rese.blocks[0](maps), expected)


def test_shortcut_is_a_convolution_only_where_channels_change():
    with torch.device("meta"):
        net, _ = build("res2")
    lengths = [len(block.shortcut) for block in net.blocks]
    assert lengths == [0, 0, 2, 0, 0, 0, 0, 0, 2]


def test_multi_level_features_are_the_maxima_of_the_last_three_blocks():
    torch.manual_seed(0)
    net = small("basic", 300).eval()
    assert len(net.blocks) == 4
    x = torch.randn(2, 300)
    maps, maxima = net.stem(x.unsqueeze(1)), []
    for block in net.blocks:
        maps = block(maps)
        maxima.append(maps.max(dim=-1).values)
    expected = net.hidden(torch.cat(maxima[1:], dim=1))
    torch.testing.assert_close(net.features(x), expected)


def test_features_of_a_long_clip_are_the_mean_of_its_parts_but_for_the_borders():
    # Filters of length 1 see no neighbours, so that parts have no borders.
    net = small("sample_cnn", 81, kernel_size=1, n=3).eval()
    x = torch.randn(2, 3 * 81 + 50)
    parts = [net.features(part) for part in x[:, :243].split(81, dim=1)]
    torch.testing.assert_close(net.features(x), torch.stack(parts).mean(0))


@pytest.mark.parametrize(
    ("n", "widths"),
    [
        (0, [128, 512]),
        (1, [128, 512, 512]),
        (2, [128, 128, 512, 512]),
        (3, [128, 128, 128, 512, 512]),
        (5, [128, 128, 128, 256, 256, 512, 512]),
    ],
)
def test_filters_of_sample_cnn_follow_n(n, widths):
    net, _ = build(n_samples=1000, n=n)
    convs = [m for m in net.modules() if isinstance(m, nn.Conv1d)]
    assert [conv.out_channels for conv in convs] == widths


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
def test_filters_and_blocks_override_the_architecture(name, given, widths):
    net, _ = build(name, 2000, **given)
    convs = [m for m in net.modules() if isinstance(m, nn.Conv1d)]
    assert [conv.out_channels for conv in convs] == widths


@pytest.mark.parametrize("name", NAMES)
def test_other_values_override_the_architecture(name):
    net = small(name, kernel_size=5, pooling="avg", activation="silu", batch_norm=False)
    kinds = {type(module) for module in net.modules()}
    assert {nn.AvgPool1d, nn.SiLU} <= kinds
    assert not {nn.MaxPool1d, nn.ReLU, nn.BatchNorm1d} & kinds
    kernels = [m.kernel_size[0] for m in net.modules() if isinstance(m, nn.Conv1d)]
    assert set(kernels) - {1, 3} == {5}
    assert kernels[0] == 3


def test_number_for_dropout_holds_everywhere_and_a_pair_inside_and_before_the_output():
    def rates(dropout, name="rese2"):
        net = small(name, dropout=dropout)
        inside = [m.p for m in net.blocks.modules() if isinstance(m, nn.Dropout)]
        return inside, net.dropout.p

    assert rates(0.3) == ([0.3, 0.3, 0.3], 0.3)
    assert rates((0.1, 0.4)) == ([0.1, 0.1, 0.1], 0.4)
    assert rates(0.3, "sample_cnn") == ([], 0.3)
    for name in ("res1", "sample_cnn"):
        text = rf"dropout=\(0.1, 0.4\) does not fit '{name}': give a number from 0 to "
        with pytest.raises(ValueError, match=text):
            rates((0.1, 0.4), name)
    for pair in [(0.1, 0.2, 0.3), (0.1, 1), (0.1, None)]:
        with pytest.raises(ValueError, match=r"or two: \(in the blocks"):
            rates(pair)


def test_se_ratio_sets_the_width_of_the_squeeze():
    net = small("se", n_filters=8, se_ratio=0.25)
    assert net.blocks[0][-1].squeeze.out_features == 2
    net = small("se", n_filters=8, se_ratio=0.001)
    assert net.blocks[0][-1].squeeze.out_features == 1


def test_weight_init_of_none_is_he_uniform_for_sample_cnn():
    torch.manual_seed(0)
    net, _ = build()
    weight = net.blocks[4][0].weight
    limit = (6 / (256 * 3)) ** 0.5
    assert weight.abs().max() <= limit
    # 196,608 uniform draws: their deviation is known to about 0.1 %.
    assert weight.std().item() == pytest.approx(limit / 3**0.5, rel=0.01)
    assert all((m.bias == 0).all() for m in net.modules() if isinstance(m, nn.Conv1d))
    # torch's own has a third of He's variance over two, and biases.
    net, _ = build("basic", 300)
    assert net.blocks[1][0].bias.abs().min() > 0


@pytest.mark.parametrize(
    ("n_samples", "n", "stride"),
    [
        *[(1, 0, 1), (2, 0, 2), (8, 0, 8), (9, 1, 3), (26, 1, 8), (27, 2, 3)],
        *[(100, 3, 3), (22_050, 8, 3), (59_048, 8, 8), (59_049, 9, 3)],
        *[(100_000, 9, 5), (661_500, 9, 33)],
    ],
)
def test_default_n_and_stride_follow_the_input(n_samples, n, stride, shapes_of):
    net, name = build(n_samples=n_samples)
    assert name == ("sample_cnn" if n == 9 else f"sample_cnn (3^{n})")
    assert net.stem[0].stride == (stride,)
    assert net.min_shape == (stride * 3**n,)
    assert shapes_of(net, nn.Conv1d, meta(net, n_samples))[-1] == (512, 1)


@pytest.mark.parametrize(
    ("m", "n_samples", "n"),
    [(2, 16_384, 13), (4, 65_536, 7), (5, 15_625, 5), (5, 400_000, 6), (7, 3, 0)],
)
def test_default_n_of_another_m_is_that_of_the_paper(m, n_samples, n):
    assert build(n_samples=n_samples, m=m)[1] == f"sample_cnn ({m}^{n})"


def test_given_n_makes_the_stride_grow_with_the_input():
    net, _ = build(n_samples=10 * 59_049, m=3, n=7)
    assert net.stem[0].stride == (270,)


@pytest.mark.parametrize(
    ("n_samples", "n_blocks", "more"),
    [
        *[(59_048, 8, ""), (2186, 5, ""), (10, 1, "")],
        *[(8, 1, ", pooling by 2 of 3"), (1, 1, ", pooling by 1 of 3")],
    ],
)
def test_short_input_takes_blocks_away_and_the_name_says_so(n_samples, n_blocks, more):
    net, name = build("basic", n_samples)
    assert name == f"basic ({n_blocks} of 9 blocks{more})"
    assert len(net.blocks) == n_blocks


def test_given_blocks_stay_where_poolings_may_go():
    net, name = build("se", 300, n_blocks=5, n_filters=4)
    assert name == "se (pooling by 81 of 243)"
    assert len(net.blocks) == 5
    assert net.eval()(torch.randn(2, 300)).shape == (2, 50)


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
def test_given_values_never_shrink_but_say_the_shortest_input(name, given, least):
    text = f"needs at least {least} samples; the input has {least - 1} samples. Give lo"
    with pytest.raises(ValueError, match=text) as error:
        build(name, least - 1, **given)
    # It advises only what was given.
    remedy = str(error.value).split(" Give ")[1]
    advised = {word for word in re.findall(r"\w+", remedy) if word in NOTHING}
    assert advised
    assert advised <= set(given)
    net, full = build(name, least, **given)
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
def test_values_that_do_not_do_raise(given, message):
    with pytest.raises(ValueError, match=message):
        build(**given)
