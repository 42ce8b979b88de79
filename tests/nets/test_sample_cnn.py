"""The networks m^n on waveforms: counts, shapes, defaults and long inputs."""

import pytest
import torch
from torch import nn

from sktag.nets import ARCHITECTURES, build_sample_cnn


def build(n_samples=59_049, n_outputs=50, **given):
    return build_sample_cnn("sample_cnn", (n_samples,), n_outputs, **given)


def meta(net, n_samples):
    """Move a network to the meta device, and return an input for it."""
    net.to("meta")
    return torch.empty(2, n_samples, device="meta")


def test_record_has_the_input_and_figures_of_the_paper():
    record = ARCHITECTURES["sample_cnn"]["sample_cnn"]
    assert record.published() == ((3**10,), 3**10)
    assert record.front_end == {"sr": 22_050}
    assert record.figures == {"mtat_roc_auc": 0.9055, "msd_roc_auc": 0.8812}


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


def test_default_dropout_is_once_before_the_output():
    net, _ = build(300)
    assert [m.p for m in net.modules() if isinstance(m, nn.Dropout)] == [0.5]


def test_frame_level_net_is_3_to_the_4_with_a_first_stride_of_729(shapes_of):
    net, _ = build(m=3, n=4)
    stem = net.stem[0]
    assert (stem.kernel_size, stem.stride) == ((729,), (729,))
    pools = shapes_of(net, nn.MaxPool1d, meta(net, 59_049))
    assert pools == [(128, 27), (128, 9), (256, 3), (512, 1)]


def test_features_of_a_long_clip_are_the_mean_of_its_parts_but_for_the_borders():
    # Filters of length 1 see no neighbours, so that parts have no borders.
    net = build(81, n_filters=6, kernel_size=1, n=3)[0].eval()
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


def test_weight_init_of_none_is_he_uniform_for_sample_cnn():
    torch.manual_seed(0)
    net, _ = build()
    weight = net.blocks[4][0].weight
    limit = (6 / (256 * 3)) ** 0.5
    assert weight.abs().max() <= limit
    # 196,608 uniform draws: their deviation is known to about 0.1 %.
    assert weight.std().item() == pytest.approx(limit / 3**0.5, rel=0.01)
    assert all((m.bias == 0).all() for m in net.modules() if isinstance(m, nn.Conv1d))


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
