"""Stretching and transposition against librosa in float64, and what is measured."""

import librosa
import numpy as np
import pytest

from sktag.augment import ROBUSTNESS, PitchShift, TimeStretch

SR = 22050
NOISE = np.random.default_rng(0).standard_normal((2, 2 * SR)) * 0.1


def peak_hz(y):
    """Return the frequency of the highest peak, to a hundredth of a hertz."""
    spectrum = np.abs(np.fft.rfft(y * np.hanning(len(y)), 2**21))
    return spectrum.argmax() * SR / 2**21


@pytest.mark.parametrize("rate", [2**-0.5, 0.8, 1.25, 2**0.5])
def test_stretched_noise_is_that_of_librosa(rate):
    size = NOISE.shape[1]
    expected = librosa.effects.time_stretch(NOISE, rate=rate)
    expected = librosa.util.fix_length(expected, size=size)
    got = TimeStretch(rate).apply(NOISE)
    # librosa ends a window early, where its frames end.
    inside = slice(int(min(size, size / rate)) - 2048)
    # Rounding of float64; in float32 librosa loses its phases after some seconds.
    np.testing.assert_allclose(got[:, inside], expected[:, inside], atol=1e-9)
    assert not got[:, round(size / rate) :].any()


@pytest.mark.parametrize("op", [TimeStretch(1.0), PitchShift(0.0)])
def test_rate_one_and_no_semitones_change_nothing(op):
    np.testing.assert_allclose(op.apply(NOISE), NOISE, atol=1e-12)
    single = NOISE.astype(np.float32)  # rounding of float32
    np.testing.assert_allclose(op.apply(single), single, atol=1e-6)


@pytest.mark.parametrize("rate", [0.8, 1.25])
def test_clicks_of_a_stretched_signal_lie_at_their_times_over_the_rate(rate):
    x = np.zeros(2 * SR)
    places = np.array([8000, 16000, 24000])
    x[places] = 1
    y = TimeStretch(rate).apply(x)
    for place in places / rate:
        near = slice(int(place) - 3000, int(place) + 3000)
        energy = y[near] ** 2
        centre = near.start + np.average(np.arange(len(energy)), weights=energy)
        # Half a window: within one, a vocoder knows no more of time than phases.
        assert abs(centre - place) < 1024


@pytest.mark.parametrize("rate", [0.8, 1.25])
def test_pitch_of_a_stretched_tone_stays(rate):
    tone = np.sin(2 * np.pi * 440 * np.arange(2 * SR) / SR)
    y = TimeStretch(rate).apply(tone)[4000:30000]
    assert abs(1200 * np.log2(peak_hz(y) / 440)) < 1


@pytest.mark.parametrize("semitones", [-12, -2, -1, -0.37, 0.5, 1, 2, 3.3, 12])
def test_pitch_of_a_shifted_tone_is_right_to_five_cents(semitones):
    tone = np.sin(2 * np.pi * 440 * np.arange(2 * SR) / SR)
    y = PitchShift(semitones).apply(tone, SR)
    assert y.shape == tone.shape
    expected = 440 * 2 ** (semitones / 12)
    assert abs(1200 * np.log2(peak_hz(y[4000:-4000]) / expected)) < 5
    # A vocoder beats between bins: librosa's loses as much, .91 of the level at +.5.
    assert 0.85 < y.std() / tone.std() < 1.05


def test_rows_of_different_rates_are_as_each_alone():
    rates = [0.8, 1.1]
    together = TimeStretch().apply(NOISE, rate=rates)
    for row, rate, got in zip(NOISE, rates, together, strict=True):
        np.testing.assert_allclose(TimeStretch(rate).apply(row), got, atol=1e-12)
    together = PitchShift().apply(NOISE, semitones=[-2, 1])
    for row, steps, got in zip(NOISE, [-2, 1], together, strict=True):
        np.testing.assert_allclose(PitchShift(steps).apply(row), got, atol=1e-12)


@pytest.mark.parametrize("size", [1, 100, 5000])
def test_short_clips_keep_their_length(size):
    for op in (TimeStretch(0.8), TimeStretch(1.25), PitchShift(-2), PitchShift(2)):
        y = op.apply(NOISE[:, :size])
        assert y.shape == (2, size)
        assert np.isfinite(y).all()


@pytest.mark.parametrize("name", ROBUSTNESS)
def test_perturbations_of_the_robustness_test_need_no_parameter(name):
    x = NOISE.astype(np.float32)
    y = ROBUSTNESS[name].apply(x, SR)
    assert y.shape == x.shape
    assert y.dtype == x.dtype
    assert not np.allclose(x, y, atol=1e-3)
    np.testing.assert_array_equal(y, ROBUSTNESS[name].apply(x, SR))
