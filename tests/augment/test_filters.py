"""Filters, reverberation and compression against scipy.signal and the formulas."""

import numpy as np
import pytest
import scipy.signal
import torch

from sktag import Augmenter
from sktag.augment import DynamicRangeCompression, Filter, Reverb
from sktag.augment.filters import one_pole
from sktag.testing import make_waves

RATE = 22050
X = make_waves(4, 11025)
# kind, cutoff or centre in Hz, width in octaves, order; edges of the analog filter.
FILTERS = [
    ("low_pass", 1000.0, 1.0, 2, 1000.0),
    ("low_pass", 4000.0, 1.0, 5, 4000.0),
    ("high_pass", 300.0, 1.0, 1, 300.0),
    ("high_pass", 2000.0, 1.0, 3, 2000.0),
    ("band_pass", 1000.0, 2.0, 2, (500.0, 2000.0)),
    ("band_pass", 800.0, 1.0, 4, (800 / 2**0.5, 800 * 2**0.5)),
]
every_filter = pytest.mark.parametrize(
    ("kind", "hz", "octaves", "order", "edges"), FILTERS
)


def magnitude(kind, order, edges, frequencies):
    """Return the magnitude of the analog Butterworth filter at frequencies in Hz."""
    btype = kind.replace("_", "")
    sections = scipy.signal.butter(order, edges, btype, analog=True, output="zpk")
    return np.abs(scipy.signal.freqs_zpk(*sections, worN=frequencies)[1])


@every_filter
def test_tones_are_let_through_as_by_butterworths_filter(
    kind, hz, octaves, order, edges
):
    frequencies = np.array([100.0, 300.0, 500.0, 800.0, 1000.0, 2000.0, 4000.0, 9000.0])
    tones = np.sin(2 * np.pi * frequencies[:, None] * np.arange(22050) / RATE)
    op = Filter(kind, cutoff_hz=hz, width_octaves=octaves, order=order)
    out = op.apply(tones, RATE)
    inside = slice(RATE // 4, -RATE // 4)
    # Scalar products with the tone: phase is kept, or they would be smaller.
    gains = 2 * (out * tones)[:, inside].mean(axis=1)
    expected = magnitude(kind, order, edges, frequencies)
    # The ends of the tone ring some way in.
    np.testing.assert_allclose(gains, expected, atol=2e-3)


@every_filter
def test_samples_are_those_of_the_formula_on_a_longer_transform(
    kind, hz, octaves, order, edges
):
    op = Filter(kind, cutoff_hz=hz, width_octaves=octaves, order=order)
    out = op.apply(X.astype(float), RATE)
    size = 2**17
    frequencies = np.fft.rfftfreq(size, 1 / RATE)
    gain = magnitude(kind, order, edges, np.maximum(frequencies, 1e-9))
    expected = np.fft.irfft(np.fft.rfft(X, size) * gain, size)[:, : X.shape[1]]
    # What rings for longer than the half second of silence that follows a clip.
    np.testing.assert_allclose(out, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "hz", "octaves", "edges"),
    [
        ("low_pass", 400.0, 1.0, 400.0),
        ("high_pass", 400.0, 1.0, 400.0),
        ("band_pass", 400.0, 2.0, (200.0, 800.0)),
    ],
)
def test_twice_is_scipys_filter_forwards_and_backwards(kind, hz, octaves, edges):
    op = Filter(kind, cutoff_hz=hz, width_octaves=octaves, order=2)
    # Below 2 kHz, where the digital filter is near the analog one.
    low = np.fft.rfft(X.astype(float))
    low[:, 1000:] = 0
    x = np.fft.irfft(low, X.shape[1])
    out = op.apply(op.apply(x, RATE), RATE)
    sections = scipy.signal.butter(
        2, edges, kind.replace("_", ""), fs=RATE, output="sos"
    )
    expected = scipy.signal.sosfiltfilt(sections, x)
    inside = slice(2000, -2000)
    # The bilinear transform moves frequencies of up to 2 kHz by up to 2.7 %.
    error = (out - expected)[:, inside]
    assert np.sqrt((error**2).mean() / (expected[:, inside] ** 2).mean()) < 0.03


def test_filter_of_a_row_has_that_rows_parameters():
    op = Filter(("low_pass", "high_pass", "band_pass"), cutoff_hz=(300.0, 3000.0))
    given = {
        "kind": np.array(["high_pass", "low_pass", "band_pass", "low_pass"]),
        "cutoff_hz": np.array([500.0, 700.0, 900.0, 2900.0]),
        "width_octaves": np.array([1.0, 1.0, 2.0, 1.0]),
    }
    out = op.apply(X, RATE, **given)
    for i, row in enumerate(X):
        one = Filter(
            str(given["kind"][i]),
            cutoff_hz=given["cutoff_hz"][i],
            width_octaves=given["width_octaves"][i],
        )
        np.testing.assert_allclose(out[i], one.apply(row, RATE), atol=1e-6)


def test_kinds_and_cutoffs_are_drawn_alike_in_each_octave():
    op = Filter(("low_pass", "high_pass"), cutoff_hz=(100.0, 1600.0))
    drawn = op.draw(np.random.default_rng(0).random((4000, 3)), (4000, 10))
    assert abs((drawn["kind"] == "low_pass").mean() - 0.5) < 4 * 0.5 / np.sqrt(4000)
    counts = np.histogram(drawn["cutoff_hz"], [100, 200, 400, 800, 1600])[0]
    assert counts.sum() == 4000
    assert np.abs(counts - 1000).max() < 4 * np.sqrt(4000 * 0.25 * 0.75)


@pytest.mark.parametrize("op", [Filter(), Reverb(), DynamicRangeCompression()])
def test_missing_sample_rate_is_asked_for(op):
    with pytest.raises(ValueError, match=f"{type(op).__name__} needs the sample rate"):
        op.augment(torch.from_numpy(X))


def test_cutoff_above_half_the_rate_is_refused_whatever_is_drawn():
    op = Filter("low_pass", cutoff_hz=(100.0, 5000.0))
    with pytest.raises(ValueError, match=r"cutoff_hz of up to 5000 Hz.*end at 4000"):
        op.augment(torch.from_numpy(X[:1]), sample_rate=8000)
    with pytest.raises(ValueError, match=r"cutoff_hz of up to 4500 Hz"):
        Augmenter([Filter(cutoff_hz=4500.0)], sr=8000).fit(X)
    # The default goes beyond, where a low-pass leaves all as it is.
    assert np.isfinite(Filter().apply(X, 8000, cutoff_hz=4500.0)).all()


@pytest.mark.parametrize("rt60_s", [0.15, 0.4, 0.8])
def test_made_up_room_has_its_reverberation_time(rt60_s):
    click = np.zeros((8, RATE))
    click[:, 0] = 1
    response = Reverb(rt60_s=rt60_s, wet=1.0).apply(click, RATE)
    # Schroeder: the energy still to come, in dB, falls as the response does.
    energy = np.cumsum((response**2)[:, ::-1], axis=1)[:, ::-1]
    decay_db = 10 * np.log10(energy / energy[:, :1] + 1e-30)
    for row in decay_db:
        fall = np.flatnonzero((row < -5) & (row > -35))
        slope = np.polyfit(fall / RATE, row[fall], 1)[0]
        # 55 and more values of noise a decibel; spread of a single room.
        assert abs(-60 / slope / rt60_s - 1) < 0.06


@pytest.mark.parametrize("wet", [0.0, 0.3, 1.0])
def test_given_room_is_convolved_mixed_and_brought_to_the_level(wet):
    rooms = np.random.default_rng(0).normal(size=(2, 3000))
    rooms *= np.exp(-np.arange(3000) / 500)
    out = Reverb(wet=(0, 1), impulse_responses=rooms).apply(
        X.astype(float), wet=wet, row=[0, 1, 1, 0]
    )

    def rms(x):
        return np.sqrt((x**2).mean())

    for row, room, got in zip(X.astype(float), rooms[[0, 1, 1, 0]], out, strict=True):
        reverberant = scipy.signal.fftconvolve(row, room)[: len(row)]
        mixed = (1 - wet) * row + wet * reverberant * rms(row) / rms(reverberant)
        expected = mixed * rms(row) / rms(mixed)
        np.testing.assert_allclose(got, expected, atol=1e-9)  # all in float64


@pytest.mark.parametrize("op", [Reverb(), Reverb(impulse_responses=np.eye(3, 500))])
def test_power_is_kept_and_silence_stays_silence(op):
    x = torch.from_numpy(X.copy())
    x[1] = 0
    out = op.augment(x, sample_rate=RATE)
    powers = out.square().mean(dim=1)
    # Sums of 11,025 squares in float32.
    np.testing.assert_allclose(powers, x.square().mean(dim=1), rtol=1e-4)


@pytest.mark.parametrize("size", [1, 63, 64, 65, 4097, 11025])
@pytest.mark.parametrize("pole", [0.0, 0.5, 0.998])
def test_one_pole_is_scipys_recursion(size, pole):
    x = np.random.default_rng(0).random((3, size))
    expected = scipy.signal.lfilter([1 - pole], [1, -pole], x)
    got = one_pole(torch.from_numpy(x), pole)
    np.testing.assert_allclose(got, expected, rtol=1e-9)  # in float64


@pytest.mark.parametrize("time_constant_s", [0.005, 0.02, 0.2])
def test_compression_is_the_formula_with_scipys_smoothing(time_constant_s):
    threshold, ratio = np.array([-60.0, -40, -30, -20]), np.array([1.5, 2, 4, 20])
    op = DynamicRangeCompression(time_constant_s=time_constant_s)
    out = op.apply(X.astype(float), RATE, threshold_db=threshold, ratio=ratio)
    pole = np.exp(-1 / (time_constant_s * RATE))
    power = scipy.signal.lfilter([1 - pole], [1, -pole], X.astype(float) ** 2)
    level_db = 10 * np.log10(power + 1e-300)
    over = np.maximum(level_db - threshold[:, None], 0)
    expected = X * 10 ** (-over * (1 - 1 / ratio[:, None]) / 20)
    np.testing.assert_allclose(out, expected, atol=1e-9)  # in float64


@pytest.mark.parametrize(("threshold_db", "ratio"), [(-30.0, 4.0), (-20.0, 2.0)])
def test_levels_of_steady_tones_follow_the_static_curve(threshold_db, ratio):
    levels_db = np.array([-60.0, -40.0, -31.0, -19.0, -10.0, -3.01])
    tone = np.sqrt(2) * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    op = DynamicRangeCompression(threshold_db=threshold_db, ratio=ratio)
    out = op.apply(10 ** (levels_db[:, None] / 20) * tone, RATE)
    got = 10 * np.log10((out[:, RATE // 2 :] ** 2).mean(axis=1))
    over = np.maximum(levels_db - threshold_db, 0)
    # The smoothed level of a 1 kHz tone ripples by 0.4 %, 0.02 dB.
    np.testing.assert_allclose(got, levels_db - over * (1 - 1 / ratio), atol=0.02)


def test_what_is_below_the_threshold_is_left_to_the_bit():
    x = X * np.float32(1e-3)
    out = DynamicRangeCompression(threshold_db=-20.0, ratio=4.0).apply(x, RATE)
    assert np.array_equal(out, x)
    assert (
        not DynamicRangeCompression().augment(torch.zeros(2, 50), sample_rate=8).any()
    )
