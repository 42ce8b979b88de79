"""Masks, shifts and noise of spectrograms: widths, places, values."""

import librosa
import numpy as np
import pytest
import torch

from sktag import CQT
from sktag.augment import FrequencyMask, FrequencyShift, SpecNoise, TimeMask

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 40, 50)).astype(np.float32)
BOTH = pytest.mark.parametrize(("mask", "axis"), [(TimeMask, 2), (FrequencyMask, 1)])


def covered(mask, axis, n_clips, size, **draws):
    """Return which columns are covered in each clip, (n_clips, size)."""
    shape = (n_clips, 3, size) if axis == 2 else (n_clips, size, 3)
    out = mask.augment(torch.ones(shape), **draws).numpy()
    # A mask covers the whole of the other axis, or nothing of it.
    other = 3 - axis
    assert np.array_equal(out.min(axis=other), out.max(axis=other))
    return out.min(axis=other) == 0


@BOTH
def test_widths_are_uniform_within_their_limits(mask, axis):
    op = mask((0.1, 0.3), n_masks=1, fill=0.0)
    widths = covered(op, axis, 4000, 100).sum(axis=1)
    assert set(widths) == set(range(10, 31))
    # The mean of 4,000 draws of a uniform share of 20, give or take four deviations.
    assert abs(widths.mean() - 20) < 4 * 20 / np.sqrt(12 * 4000)


@BOTH
def test_a_mask_is_one_stretch_anywhere(mask, axis):
    is_covered = covered(mask(0.1, n_masks=1, fill=0.0), axis, 4000, 20)
    starts = is_covered.argmax(axis=1)
    expected = (np.arange(20) >= starts[:, None]) & (
        np.arange(20) < starts[:, None] + 2
    )
    assert np.array_equal(is_covered, expected)
    counts = np.bincount(starts, minlength=19)
    # All 19 places that two columns of 20 can be at, alike but for four deviations.
    assert len(counts) == 19
    assert np.abs(counts - 4000 / 19).max() < 4 * np.sqrt(4000 / 19)


@BOTH
def test_several_masks_cover_at_most_the_sum_of_their_widths(mask, axis):
    n_covered = covered(mask(0.1, n_masks=3, fill=0.0), axis, 2000, 50).sum(axis=1)
    assert n_covered.max() == 15
    assert n_covered.min() < 15  # some overlap
    assert n_covered.min() >= 5


@BOTH
def test_width_of_zero_covers_nothing_and_of_one_all(mask, axis):
    x = torch.from_numpy(X)
    assert torch.equal(mask(0.0).augment(x), x)
    filled = mask(1.0, fill=7.0).augment(x)
    assert torch.equal(filled, torch.full_like(x, 7.0))


@BOTH
def test_masks_of_some_columns_are_those_of_slices(mask, axis):
    start, stop = np.array([[2, 30]] * 6), np.array([[5, 33]] * 6)
    out = mask(fill=-1.0).apply(X, start=start, stop=stop)
    expected = X.copy()
    for first, last in ((2, 5), (30, 33)):
        at = (slice(None),) * axis + (slice(first, last),)
        expected[at] = -1
    assert np.array_equal(out, expected)


@pytest.mark.parametrize("op", [TimeMask, FrequencyMask])
@pytest.mark.parametrize(("fill", "value"), [("mean", np.mean), ("min", np.min)])
def test_fill_is_a_value_of_the_clips_own(op, fill, value):
    out = op(fill=fill, n_masks=1).apply(X, start=4, stop=9)
    at = np.s_[:, 4:9] if op is FrequencyMask else np.s_[:, :, 4:9]
    own = value(X, axis=(1, 2))[:, None, None]
    # The sum of 2,000 values in another order.
    np.testing.assert_allclose(out[at], np.broadcast_to(own, out[at].shape), atol=1e-6)


@pytest.mark.parametrize("bins", [-40, -7, -1, 0, 1, 7, 40])
@pytest.mark.parametrize("fill", ["min", "mean", -3.5])
def test_shift_is_a_roll_with_the_ends_filled(bins, fill):
    out = FrequencyShift(bins=(-40, 40), fill=fill).apply(X, bins=bins)
    for row, shifted in zip(X, out, strict=True):
        expected = np.roll(row, bins, axis=0)
        value = {"min": row.min(), "mean": row.mean()}.get(fill, fill)
        expected[: max(bins, 0)] = value
        expected[len(row) + min(bins, 0) :] = value
        np.testing.assert_allclose(shifted, expected, atol=1e-6)  # of the mean


def test_shifts_drawn_are_whole_and_as_frequent():
    column = torch.arange(9.0)[None, :, None].repeat(3000, 1, 1)
    out = FrequencyShift(bins=(-2, 2)).augment(column)
    counts = np.bincount((6 - out[:, 4, 0]).int().numpy())
    assert len(counts) == 5
    # Binomial, four deviations.
    assert np.abs(counts - 600).max() < 4 * np.sqrt(3000 * 0.2 * 0.8)


@pytest.mark.parametrize("semitones", [-5, 3])
def test_shift_of_a_cqt_is_a_transposition(semitones):
    def cqt(midi):
        time = np.arange(22050) / 22050
        tone = np.sin(2 * np.pi * librosa.midi_to_hz(midi) * time)
        return CQT(n_bins=60, hop_length=512).fit_transform(tone[None].astype("f4"))

    low, high = cqt(60), cqt(60 + semitones)
    shifted = FrequencyShift(bins=semitones, fill="min").apply(np.asarray(low))
    assert shifted[0, :, 20].argmax() == np.asarray(high)[0, :, 20].argmax()
    # A filter is scaled by the root of its length, which falls as 1 / frequency.
    shifted = shifted - 10 * np.log10(2 ** (semitones / 12))
    # In dB, in the semitones around the peak, in the middle of the clip.
    peak = int(np.asarray(high)[0, :, 20].argmax())
    near = np.s_[0, peak - 1 : peak + 2, 15:25]
    np.testing.assert_allclose(shifted[near], np.asarray(high)[near], atol=0.05)


@pytest.mark.parametrize("std", [0.0, 0.3, 2.0])
def test_noise_has_its_deviation_and_no_mean(std):
    x = np.zeros((4, 100, 250), dtype=np.float32)
    out = SpecNoise(std=(0, 5)).apply(x, std=std, seed=np.arange(4))
    # Four deviations of the estimates from 25,000 values.
    assert np.abs(out.std(axis=(1, 2)) - std).max() <= 4 * std / np.sqrt(2 * 25000)
    assert np.abs(out.mean(axis=(1, 2))).max() <= 4 * std / np.sqrt(25000)


def test_noise_is_normal_and_drawn_apart_for_each_clip():
    x = np.zeros((2, 100, 250), dtype=np.float32)
    first, second = SpecNoise(std=1.0).apply(x)
    # Share of a normal distribution beyond two deviations: 4.55 %, give or take four
    # deviations of a binomial one.
    share = (np.abs(first) > 2).mean()
    assert abs(share - 0.0455) < 4 * np.sqrt(0.0455 / 25000)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 4 / np.sqrt(25000)


def test_noise_is_added():
    noise = SpecNoise(std=1.0).apply(np.zeros_like(X), seed=3)
    out = SpecNoise(std=1.0).apply(X, seed=3)
    np.testing.assert_allclose(out, X + noise, atol=1e-6)
