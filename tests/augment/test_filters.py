"""Filters, reverberation and compression against scipy and the formulas."""

import numpy as np
import pytest
import scipy.signal
import torch

from sktag.augment import DynamicRangeCompression, Filter, Reverb
from sktag.augment.filters import one_pole

SR = 8000


@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize("kind", ["low_pass", "high_pass", "band_pass"])
def test_response_is_that_of_an_analog_butterworth_filter(kind, order):
    x = np.zeros(2**15)
    x[2**14] = 1
    y = Filter(kind, 800.0, 1.0, order).apply(x, SR)
    edges = [800 / 2**0.5, 800 * 2**0.5] if kind == "band_pass" else 800
    b, a = scipy.signal.butter(order, edges, kind.replace("_", ""), analog=True)
    f = np.fft.rfftfreq(2**15, 1 / SR)[1:]
    expected = np.abs(scipy.signal.freqs(b, a, f)[1])
    # What rings beyond the ends of two seconds.
    np.testing.assert_allclose(np.abs(np.fft.rfft(y))[1:], expected, atol=2e-3)
    before, after = y[2**14 - 500 : 2**14], y[2**14 + 500 : 2**14 : -1]
    np.testing.assert_allclose(before, after, atol=1e-12)  # no delay


def test_cutoff_beyond_half_the_sample_rate_is_an_error():
    with pytest.raises(ValueError, match=r"cutoff_hz of up to 5000 Hz.*less than 4000"):
        Filter(cutoff_hz=5000.0).apply(np.ones(100), SR)
    with pytest.raises(ValueError, match=r"cutoff_hz of up to 7500 Hz"):
        Filter().augment(torch.ones(1, 100), sample_rate=SR)


@pytest.mark.parametrize("op", [Filter(cutoff_hz=9.0), Reverb(0.2, 0.2)])
def test_sample_rate_that_is_missing_is_an_error(op):
    with pytest.raises(ValueError, match=r"needs the sample rate"):
        op.apply(np.ones(100))


@pytest.mark.parametrize("rt60", [0.3, 0.8])
def test_reverberation_time_by_schroeder_integration(rt60):
    x = np.zeros((8, 2 * SR))
    x[:, 0] = 1
    y = Reverb(wet=1.0).apply(x, SR, rt60_s=rt60)
    left = np.cumsum((y**2)[:, ::-1], axis=1)[:, ::-1].mean(axis=0)
    db = 10 * np.log10(left / left[0])
    first, last = np.argmax(db < -5), np.argmax(db < -25)
    # Noise: eight responses are good to a few per cent.
    np.testing.assert_allclose((last - first) / SR * 3, rt60, rtol=0.07)


def test_given_response_is_convolved_and_the_level_kept():
    rng = np.random.default_rng(0)
    x, response = rng.standard_normal((2, 500)), rng.standard_normal((3, 40))
    y = Reverb(wet=1.0, impulse_responses=response).apply(x, row=[2, 0])
    for row, r, got in zip(x, response[[2, 0]], y, strict=True):
        expected = np.convolve(row, r)[:500]
        np.testing.assert_allclose(got / got.std(), expected / expected.std(), rtol=0.1)
    np.testing.assert_allclose((y**2).mean(1), (x**2).mean(1))


@pytest.mark.parametrize("size", [1, 63, 64, 65, 5000])
def test_one_pole_filter_is_that_of_scipy(size):
    x = np.random.default_rng(0).standard_normal((2, size))
    expected = scipy.signal.lfilter([0.01], [1, -0.99], x)
    np.testing.assert_allclose(
        one_pole(torch.from_numpy(x), 0.99), expected, atol=1e-12
    )


@pytest.mark.parametrize("level", [-40.0, -21.0, -10.0, -3.0])
@pytest.mark.parametrize("ratio", [2.0, 8.0])
def test_level_of_a_steady_tone_follows_the_static_curve(level, ratio):
    x = 2**0.5 * 10 ** (level / 20) * np.sin(np.arange(SR) * 2 * np.pi * 1000 / SR)
    y = DynamicRangeCompression(-20.0, ratio).apply(x, SR)
    got = 10 * np.log10((y[SR // 2 :] ** 2).mean())
    expected = level if level < -20 else -20 + (level + 20) / ratio
    assert abs(got - expected) < 0.05  # the ripple of the level
