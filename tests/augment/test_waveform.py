"""Level, polarity and place in time against formulas, numpy and audiomentations."""

import audiomentations
import numpy as np
import pytest
import torch

from sktag.augment import Gain, PolarityInversion, TimeShift
from sktag.testing import make_waves

RATE = 22050
X = make_waves(8, 1000)
GAINS = [-30.0, -6.0, -0.5, 0.0, 0.5, 6.0, 12.0, 30.0]


def test_gain_is_that_of_the_formula():
    out = Gain().apply(X, gain_db=GAINS)
    expected = X * 10 ** (np.array(GAINS)[:, None] / 20)
    np.testing.assert_allclose(out, expected, rtol=1e-6)  # a rounding of float32


def test_gain_to_full_scale_equals_the_normalization_of_audiomentations():
    oracle = audiomentations.Normalize(p=1.0)
    out = Gain().apply(X, gain_db=-20 * np.log10(np.abs(X).max(axis=1)))
    expected = np.stack([oracle(row, RATE) for row in X])
    np.testing.assert_allclose(out, expected, rtol=1e-6)


def test_gains_drawn_are_uniform_in_decibels():
    out = Gain((-12.0, 4.0)).augment(torch.ones(4000, 1), seed=3)
    gains = 20 * np.log10(out.numpy().ravel().astype(float))
    # Rounding of float32 at the ends.
    assert gains.min() >= -12 - 1e-5
    assert gains.max() < 4 + 1e-5
    # Kolmogorov and Smirnov's bound at p = 0.001, 1.95 / sqrt(n).
    ranks = np.arange(1, 4001) / 4000
    assert np.abs((np.sort(gains) + 12) / 16 - ranks).max() < 1.95 / np.sqrt(4000)


def test_loud_gain_is_not_clipped():
    assert float(Gain(20.0).apply(np.array([0.5], dtype="float32"))[0]) == 5.0


def test_polarity_is_turned():
    assert np.array_equal(PolarityInversion().apply(X), -X)


SHIFTS = [0.0, 0.25, 0.5, 0.123, 1.0, -0.25, -1.0, 0.9996]


def test_shift_of_waveforms_is_a_roll():
    out = TimeShift().apply(X, shift=SHIFTS)
    for row, shift, shifted in zip(X, SHIFTS, out, strict=True):
        assert np.array_equal(shifted, np.roll(row, round(shift * 1000)))


def test_shift_of_spectrograms_is_a_roll_of_frames():
    spectrograms = X.reshape(8, 20, 50)
    out = TimeShift().apply(spectrograms, shift=SHIFTS)
    for row, shift, shifted in zip(spectrograms, SHIFTS, out, strict=True):
        assert np.array_equal(shifted, np.roll(row, round(shift * 50), axis=1))


@pytest.mark.parametrize("shift", [-0.25, 0.3, 0.123])
def test_shift_equals_that_of_audiomentations(shift):
    oracle = audiomentations.Shift(min_fraction=shift, max_fraction=shift, p=1.0)
    expected = np.stack([oracle(row, RATE) for row in X])
    assert np.array_equal(TimeShift(shift).apply(X), expected)


def test_shifts_drawn_reach_all_places():
    ramp = torch.arange(10.0).repeat(1000, 1)
    first = TimeShift().augment(ramp)[:, 0].numpy()
    counts = np.bincount(first.astype(int), minlength=10)
    # Binomial: 100 each, give or take four deviations.
    assert np.abs(counts - 100).max() < 4 * np.sqrt(1000 * 0.1 * 0.9)
