"""Masks, shifts and noise of spectrograms against numpy."""

import numpy as np
import pytest
import torch

from sktag.augment import FrequencyMask, FrequencyShift, SpecNoise, TimeMask

X = np.random.default_rng(0).standard_normal((50, 40, 200)).astype(np.float32)


@pytest.mark.parametrize(
    ("mask", "axis", "size"), [(TimeMask, 1, 200), (FrequencyMask, 2, 40)]
)
def test_mask_is_as_wide_as_drawn_and_covers_all_of_the_other_axis(mask, axis, size):
    op = mask(width=(0.1, 0.3), n_masks=1, fill=9.0)
    y = op.augment(torch.from_numpy(X)).numpy()
    is_covered = (y == 9).all(axis=axis)
    np.testing.assert_array_equal((y == 9).any(axis=axis), is_covered)
    widths = is_covered.sum(axis=1)
    assert widths.min() >= 0.1 * size
    assert widths.max() <= 0.3 * size
    assert len(set(widths)) > 3
    assert all(np.abs(np.diff(row.astype(int))).sum() <= 2 for row in is_covered)
    np.testing.assert_array_equal(y[y != 9], X[y != 9])


@pytest.mark.parametrize("fill", ["mean", "min"])
def test_fill_is_a_value_of_the_clip(fill):
    y = TimeMask(n_masks=2, fill=fill).apply(X, start=[[3, 50]], stop=[[5, 51]])
    expected = getattr(X, fill)(axis=(1, 2))[:, None, None]
    covered = y[:, :, [3, 4, 50]]
    np.testing.assert_allclose(
        covered, np.broadcast_to(expected, covered.shape), atol=1e-6
    )


@pytest.mark.parametrize("bins", [-3, 0, 2])
def test_shift_is_that_of_roll_with_the_edge_filled(bins):
    expected = np.roll(X, bins, axis=1)
    edge = slice(0, bins) if bins >= 0 else slice(bins, None)
    expected[:, edge] = X.min(axis=(1, 2))[:, None, None]
    np.testing.assert_array_equal(FrequencyShift(bins).apply(X), expected)


def test_every_shift_of_the_range_is_drawn_as_often():
    drawn = FrequencyShift((-2, 2)).draw(
        np.linspace(0, 1, 1000, False)[:, None], X.shape
    )
    values, counts = np.unique(drawn["bins"], return_counts=True)
    assert values.tolist() == [-2, -1, 0, 1, 2]
    assert counts.tolist() == [200] * 5


def test_noise_has_the_deviation_asked_for():
    noise = SpecNoise().apply(X, std=np.linspace(0.1, 1, 50)) - X
    # 8,000 values a clip: the deviation is good to 1 / sqrt(16,000), times 4.
    np.testing.assert_allclose(
        noise.std(axis=(1, 2)), np.linspace(0.1, 1, 50), rtol=0.035
    )
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.05


@pytest.mark.parametrize(
    ("op", "field", "value"),
    [
        (TimeMask, "width", 1.5),
        (FrequencyMask, "fill", "max"),
        (TimeMask, "n_masks", 0),
        (FrequencyShift, "bins", 0.5),
        (SpecNoise, "std", -1.0),
    ],
)
def test_bad_field_is_an_error_with_its_name(op, field, value):
    with pytest.raises(ValueError, match=f"{op.__name__} has {field}="):
        op(**{field: value})
