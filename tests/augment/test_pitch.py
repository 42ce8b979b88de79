"""Tempo and pitch: measured on tones and clicks, and equal to librosa's."""

import librosa
import numpy as np
import pytest
import torch

from sktag.augment import PitchShift, TimeStretch
from sktag.augment.pitch import _sizes
from sktag.testing import make_waves

RATE = 22050
TIME = np.arange(2 * RATE) / RATE
RATES = [2**-0.5, 0.9, 1.25, 2**0.5, 2.0]
SEMITONES = [-12.0, -5.0, -1.0, -0.3, 0.5, 1.0, 2.0, 7.0, 12.0]


def pitch(x):
    """Return the frequency of a tone in Hz, to a hundredth of a cent."""
    spectrum = np.abs(np.fft.rfft(x * np.blackman(len(x)), 8 * len(x)))
    peak = int(spectrum.argmax())
    # A parabola through the logarithms of the three highest.
    a, b, c = np.log(spectrum[peak - 1 : peak + 2])
    return (peak + (a - c) / (a - 2 * b + c) / 2) * RATE / (8 * len(x))


def cents(frequency, reference):
    return 1200 * np.log2(frequency / reference)


def low_noise():
    """Return noise below 0.4 of half the rate, which no resampling filter touches."""
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(size=len(TIME)))
    spectrum[int(0.4 * len(spectrum)) :] = 0
    return np.fft.irfft(spectrum, len(TIME)) / 4


@pytest.mark.parametrize("frequency", [220.0, 997.0])
@pytest.mark.parametrize("semitones", SEMITONES)
def test_measured_pitch_is_shifted_by_the_semitones(frequency, semitones):
    tone = np.sin(2 * np.pi * frequency * TIME).astype(np.float32)
    out = PitchShift(semitones).apply(tone)
    assert len(out) == len(tone)
    found = cents(pitch(out[RATE // 4 : -RATE // 4]), frequency) / 100
    # The promised tenth of a cent, and what the measure and the vocoder add.
    assert abs(found - semitones) < 0.002
    # Neighbouring bins drift apart where a clip is slowed down, as in librosa, which
    # costs up to 1.2 dB of a tone.
    inside = slice(RATE // 2, -RATE // 2)
    assert 0.86 < np.std(out[inside]) / np.std(tone[inside]) < 1.01


@pytest.mark.parametrize("size", [100, 4096, 22050, 220500, 300007])
def test_lengths_give_the_ratio_to_a_tenth_of_a_cent(size):
    for factor in 2 ** np.random.default_rng(0).uniform(-1, 1, size=100):
        old, new = _sizes(size, float(factor))
        # Half a sample in the 8,192 of an octave down is a tenth of a cent too.
        assert abs(cents(old / new, factor)) < 0.11
        assert new >= size + 64


@pytest.mark.parametrize("semitones", SEMITONES)
def test_shift_equals_librosas(semitones):
    x = low_noise()
    # The ratio is within a tenth of a cent of what was asked for: librosa is given it,
    # or the difference of phase would grow along the clip.
    old, new = _sizes(len(x), 2 ** (semitones / 12))
    expected = librosa.effects.pitch_shift(x, sr=RATE, n_steps=12 * np.log2(old / new))
    out = PitchShift(semitones).apply(x)
    inside = slice(2048, -4096)
    # Ripple of librosa's resampling filter, 100 dB down; deviation of noise 0.16.
    np.testing.assert_allclose(out[inside], expected[inside], atol=5e-5)


def test_shift_of_nothing_is_the_clip():
    x = low_noise()
    out = PitchShift((-1, 1)).apply(x, semitones=0.0)
    np.testing.assert_allclose(out[:-4096], x[:-4096], atol=1e-9)  # in float64


@pytest.mark.parametrize("rate", RATES)
def test_stretch_equals_librosas_but_for_the_end(rate):
    x = np.stack([*make_waves(2, len(TIME)).astype(float), low_noise()])
    out = TimeStretch(rate).apply(x)
    expected = librosa.effects.time_stretch(x, rate=rate)
    # librosa's windows do not overlap fully in the last frame.
    end = min(len(TIME), int(len(TIME) / rate)) - 2048
    # The same in float64, by phasors in place of angles.
    np.testing.assert_allclose(out[:, :end], expected[:, :end], atol=1e-9)


@pytest.mark.parametrize("rate", [0.8, 1.3])
def test_float32_is_near_float64(rate):
    x = np.stack([*make_waves(2, len(TIME)).astype(float), low_noise()])
    out = TimeStretch(rate).apply(x.astype(np.float32))
    exact = TimeStretch(rate).apply(x)
    # Phases of faint bins are sums of roundings over 86 frames, as in librosa.
    error = np.sqrt(((out - exact) ** 2).mean(axis=1) / (exact**2).mean(axis=1))
    assert error.max() < 1e-2


@pytest.mark.parametrize("rate", RATES)
def test_stretched_clicks_are_as_far_apart_as_the_rate_says(rate):
    x = np.zeros(len(TIME), dtype=np.float32)
    places = np.arange(1, 6) * RATE // 3
    x[places] = 1
    out = np.abs(TimeStretch(rate).apply(x))
    assert len(out) == len(x)
    expected = places / rate
    expected = expected[expected < len(x) - 2048]
    for place in expected:
        near = slice(int(place) - 2048, int(place) + 2048)
        # A click stays as far from the middle of its frames as it was, which is up to
        # half a window, in place of that over the rate.
        centre = np.average(np.arange(len(x))[near], weights=out[near] ** 2)
        assert abs(centre - place) < 1024


@pytest.mark.parametrize("rate", RATES)
def test_stretched_tone_keeps_its_pitch_and_ends_when_the_rate_says(rate):
    tone = np.sin(2 * np.pi * 440 * TIME).astype(np.float32)
    out = TimeStretch(rate).apply(tone)
    end = min(len(TIME), round(len(TIME) / rate))
    assert abs(cents(pitch(out[4096 : end - 4096]), 440)) < 0.2
    # As above.
    assert 0.86 < np.std(out[4096 : end - 4096]) / 0.5**0.5 < 1.01
    assert not out[end:].any()
    assert np.abs(out[end - 2048 : end]).max() > 0.1


def test_stretch_of_nothing_is_the_clip():
    x = low_noise()
    out = TimeStretch((0.5, 2)).apply(x, rate=1.0)
    np.testing.assert_allclose(out[:-2048], x[:-2048], atol=1e-9)  # in float64


@pytest.mark.parametrize("op", [TimeStretch((0.5, 2.0)), PitchShift((-12, 12))])
@pytest.mark.parametrize("size", [1, 700, 5000])
def test_short_clips_and_silence_go_through(op, size):
    x = torch.zeros(7, size)
    assert not op.augment(x).any()
    out = op.augment(x + 1)
    assert out.shape == (7, size)
    assert torch.isfinite(out).all()


@pytest.mark.parametrize("low", [0.5, 0.8])
def test_rates_are_drawn_alike_faster_and_slower(low):
    op = TimeStretch((low, 1 / low))
    rates = op.draw(np.random.default_rng(0).random((2000, 1)), (2000, 9))["rate"]
    assert rates.min() >= low - 1e-9
    assert rates.max() <= 1 / low + 1e-9
    assert abs((rates < 1).mean() - 0.5) < 4 * 0.5 / np.sqrt(2000)
