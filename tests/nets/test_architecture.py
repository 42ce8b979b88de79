"""The record of a network: what it builds, and the input it was published for."""

import pytest
import torch

from sktag.nets import ARCHITECTURES

SAMPLE_CNN = ARCHITECTURES["sample_cnn"]["sample_cnn"]


@pytest.mark.parametrize(
    ("sizes", "n_samples"),
    [
        ({}, 59_049),
        ({"m": None, "n": None}, 59_049),
        ({"m": 2}, 59_049),
        ({"n": 4}, 59_049),
        # The grid of the paper: 3^n for one input, with other first strides.
        ({"m": 3, "n": 4}, 59_049),
        ({"m": 2, "n": 14}, 32_768),
        ({"m": 5, "n": 6}, 78_125),
    ],
)
def test_published_input_of_sample_cnn_follows_m_and_n(sizes, n_samples):
    assert SAMPLE_CNN.published(**sizes) == ((n_samples,), n_samples)


def test_published_input_of_other_networks_is_fixed():
    for family in ARCHITECTURES.values():
        for record in family.values():
            if record.shape_for is None:
                published = record.published(m=2, n=13, n_blocks=2)
                assert published == (record.input_shape, record.chunk_size)


@pytest.mark.parametrize(
    ("family", "name", "shape", "expected"),
    [
        ("cnn2d", "fcn4", (96, 1366), ("fcn4", False)),
        ("cnn2d", "fcn4", (96, 200), ("fcn4 (3 of 4 blocks)", True)),
        ("cnn1d", "compact", (4, 15), ("compact (pooling by 8 of 16)", True)),
        ("cnn2d", "musicnn", (8, 8), ("musicnn", False)),
        ("sample_cnn", "basic", (59_048,), ("basic (8 of 9 blocks)", True)),
        ("sample_cnn", "sample_cnn", (59_048,), ("sample_cnn (3^8)", False)),
        ("sample_cnn", "sample_cnn", (59_049,), ("sample_cnn", False)),
    ],
)
def test_built_network_says_what_a_short_input_dropped(family, name, shape, expected):
    filters = (3, 3, 3) if name == "musicnn" else 3
    built = ARCHITECTURES[family][name].build(shape, 5, n_filters=filters)
    assert built[1:] == expected
    assert built.module(torch.rand(2, *shape)).shape == (2, 5)


def test_networks_take_waveforms_or_spectrograms_by_their_family():
    for family, records in ARCHITECTURES.items():
        kind = "wave" if family == "sample_cnn" else "spectrogram"
        assert {record.takes for record in records.values()} == {kind}


@pytest.mark.parametrize("family", ["cnn1d", "cnn2d"])
def test_output_starts_small_unless_initial_weights_are_given(family):
    compact = ARCHITECTURES[family]["compact"]
    torch.manual_seed(0)
    weight = compact.build((16, 16), 500).module.output.weight
    # 128,000 draws: their deviation is known to about 0.2 %.
    assert weight.std().item() == pytest.approx(0.01, rel=0.02)
    given = compact.build((16, 16), 500, weight_init="he_normal").module.output.weight
    assert given.std().item() == pytest.approx((2 / 256) ** 0.5, rel=0.02)
