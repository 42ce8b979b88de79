"""Noise and backgrounds: measured ratios, spectra, and which stretch is taken."""

from pathlib import Path

import numpy as np
import pytest

from sktag import ClipArray
from sktag.augment import BackgroundMix, Noise, NoiseBlend

RNG = np.random.default_rng(0)
CLIPS = RNG.standard_normal((3, 20000)) * np.array([[1.0], [0.1], [0.0]])


def measured_snr(x, y):
    return 10 * np.log10((x**2).mean(axis=-1) / ((y - x) ** 2).mean(axis=-1))


@pytest.mark.parametrize("color", ["white", "pink"])
def test_ratio_of_noise_is_exact_and_silence_stays(color):
    wanted = np.array([0.0, 30.0, 10.0])
    y = Noise(color=color).apply(CLIPS, snr_db=wanted)
    np.testing.assert_allclose(measured_snr(CLIPS[:2], y[:2]), wanted[:2], atol=1e-8)
    assert not y[2].any()


@pytest.mark.parametrize(("color", "slope"), [("white", 0.0), ("pink", -1.0)])
def test_power_of_noise_falls_with_frequency_as_its_color_says(color, slope):
    x = RNG.standard_normal((8, 2**15))
    power = np.abs(np.fft.rfft(Noise(0.0, color).apply(x) - x)).mean(axis=0) ** 2
    f = np.arange(50, 16000)
    fit = np.polyfit(np.log(f), np.log(power[f]), 1)
    assert abs(fit[0] - slope) < 0.03  # 16,000 bins of 8 fields


@pytest.mark.parametrize("ratio", [0.1, 0.4])
def test_blend_is_the_sum_with_noise_of_the_same_peak(ratio):
    y = NoiseBlend(ratio).apply(CLIPS)
    noise = (y - (1 - ratio) * CLIPS) / ratio
    np.testing.assert_allclose(np.abs(noise).max(1), np.abs(CLIPS).max(1), rtol=1e-10)


@pytest.mark.parametrize(("start", "first"), [(0.0, 0), (0.5, 15), (0.999, 30)])
def test_background_is_a_stretch_from_the_start_drawn(start, first):
    background = RNG.standard_normal((2, 50))
    x = RNG.standard_normal((1, 20))
    added = BackgroundMix(background, 7.0).apply(x, row=1, start=start) - x
    expected = background[1, first : first + 20]
    np.testing.assert_allclose(added[0] / added[0, 0], expected / expected[0])
    np.testing.assert_allclose(measured_snr(x, x + added), 7.0)


def test_background_shorter_than_the_clip_is_repeated():
    x = np.ones((1, 7))
    background = np.array([[1.0, 2.0, 3.0]])
    added = BackgroundMix(background, 0.0).apply(x, row=0, start=0.34) - x
    expected = np.array([2.0, 3, 1, 2, 3, 1, 2])
    np.testing.assert_allclose(added[0] / added[0, 0] * 2, expected)


def test_background_of_each_container_gives_the_same():
    background = RNG.standard_normal((3, 30000)).astype(np.float32)
    x = CLIPS.astype(np.float32)
    given = {"row": [2, 0, 1], "start": 0.3, "snr_db": 10.0}
    expected = BackgroundMix(background).apply(x, 22050, **given)
    clips = ClipArray.from_array(background, sample_rate=22050)
    for other in (list(background), clips):
        op = BackgroundMix(other)
        assert op.host
        np.testing.assert_array_equal(op.apply(x, 22050, **given), expected)
    assert not BackgroundMix(background).host
    with pytest.raises(ValueError, match=r"22050 Hz for clips at 16000 Hz"):
        BackgroundMix(clips).apply(x, 16000, **given)


@pytest.mark.parametrize("path", ["folder", Path("folder")])
def test_background_that_is_still_a_path_is_an_error_when_used(path):
    op = BackgroundMix(path, 10.0)
    assert op.host
    with pytest.raises(ValueError, match=r"the path 'folder'.*Augmenter"):
        op.apply(CLIPS, row=0, start=0.0)
