"""Gain, polarity and shift against numpy and audiomentations."""

import random

import audiomentations
import numpy as np
import pytest

from sktag.augment import Gain, PolarityInversion, TimeShift

X = np.random.default_rng(0).standard_normal((3, 101)).astype(np.float32)


@pytest.mark.parametrize("gain_db", [-6.0, 0.0, 20.0])
def test_gain_is_in_decibels(gain_db):
    y = Gain(gain_db).apply(X)
    measured = 10 * np.log10((y**2).sum(1) / (X**2).sum(1))
    np.testing.assert_allclose(measured, gain_db, atol=1e-5)  # rounding of float32


def test_polarity_is_inverted():
    np.testing.assert_array_equal(PolarityInversion().apply(X), -X)


@pytest.mark.parametrize("share", [-1.0, -0.3, 0.0, 0.25, 0.999])
def test_shift_is_that_of_roll_and_of_audiomentations(share):
    y = TimeShift(share).apply(X)
    np.testing.assert_array_equal(y, np.roll(X, round(share * 101), axis=1))
    shift = audiomentations.Shift(min_fraction=share, max_fraction=share, p=1.0)
    random.seed(0)
    np.testing.assert_array_equal(y[0], shift(X[0], 22050))


def test_shift_of_spectrograms_moves_their_frames():
    x = X.reshape(3, 1, 101).repeat(4, axis=1)
    np.testing.assert_array_equal(TimeShift(0.5).apply(x), np.roll(x, 50, axis=2))


@pytest.mark.parametrize("gain_db", [(3.0, 1.0), np.nan, "loud", (1, 2, 3)])
def test_bad_range_is_an_error_with_its_name(gain_db):
    with pytest.raises(ValueError, match=r"Gain has gain_db="):
        Gain(gain_db)
