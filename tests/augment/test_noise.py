"""Noise and backgrounds: levels measured, colours, and what is mixed in by hand."""

from itertools import pairwise

import audiomentations
import numpy as np
import pytest
import soundfile
import torch

from sktag import Augmenter, ClipArray, RawWave
from sktag.augment import BackgroundMix, Lambda, Noise, NoiseBlend
from sktag.testing import make_waves

RATE = 22050
X = make_waves(6, 8192)
SNRS = np.array([-10.0, 0.0, 3.0, 10.0, 25.0, 40.0])
RNG = np.random.default_rng(0)
LONG = RNG.normal(size=20000).astype(np.float32)
SHORT = RNG.normal(size=300).astype(np.float32)


def measured_snr(x, out):
    """Return the power of clips over that of what was added, in dB."""
    x, out = (np.asarray(a, dtype=float) for a in (x, out))
    return 10 * np.log10((x**2).mean(axis=1) / ((out - x) ** 2).mean(axis=1))


@pytest.mark.parametrize("color", ["white", "pink"])
def test_measured_ratio_is_the_given_one(color):
    # In float64, as a difference of sums in float32 is not known to 1e-3 dB.
    x = X.astype(float)
    out = Noise(color=color).apply(x, snr_db=SNRS, seed=np.arange(6))
    np.testing.assert_allclose(measured_snr(x, out), SNRS, atol=1e-3)


def test_measured_ratio_of_a_background_is_the_given_one():
    x = X.astype(float)
    out = BackgroundMix([LONG, SHORT]).apply(x, snr_db=SNRS, row=[0, 1] * 3, start=0.4)
    np.testing.assert_allclose(measured_snr(x, out), SNRS, atol=1e-3)


def test_ratios_drawn_are_within_the_range():
    x = torch.from_numpy(X).double().repeat(20, 1)
    found = measured_snr(x, Noise((5.0, 15.0)).augment(x))
    assert 5 - 1e-3 <= found.min() < 6
    assert 14 < found.max() <= 15 + 1e-3


def test_level_of_white_noise_is_that_of_audiomentations():
    # Theirs is given the ratio of deviations, and draws noise of that deviation.
    oracle = audiomentations.AddGaussianSNR(min_SNR=0.1, max_SNR=0.1, p=1.0)
    x = X - X.mean(axis=1, keepdims=True)
    theirs = Lambda(oracle).apply(x, RATE)  # which seeds it
    ours = Noise(snr_db=20.0).apply(x)
    # Deviation of the power of 8,192 normal numbers in dB, four times.
    atol = 4 * 10 / np.log(10) * np.sqrt(2 / 8192)
    np.testing.assert_allclose(
        measured_snr(x, ours), measured_snr(x, theirs), atol=atol
    )


def octave_powers(x):
    """Return the mean power of a rate-free signal in octaves, in dB, low to high."""
    power = np.abs(np.fft.rfft(x)) ** 2
    edges = 2 ** np.arange(6, 16)  # octaves of 64 bins and more
    means = [power[:, a:b].sum(axis=1).mean() for a, b in pairwise(edges)]
    return 10 * np.log10(means)


@pytest.mark.parametrize(("color", "slope"), [("white", 3.0103), ("pink", 0.0)])
def test_power_of_octaves_is_that_of_the_color(color, slope):
    x = np.full((16, 2**16), 0.1)
    x[:, ::2] *= -1  # a tone at half the rate, outside the octaves that are looked at
    noise = Noise(0.0, color=color).apply(x, seed=np.arange(16)) - x
    steps = np.diff(octave_powers(noise))
    # Powers are of 64 * 16 or more exponential numbers: a deviation of 0.14 dB at the
    # lowest octave, of 0.17 dB of a difference; four times. The sums over 1 / f are
    # those of integrals to 0.03 dB.
    np.testing.assert_allclose(steps, slope, atol=0.7)
    np.testing.assert_allclose(steps[3:], slope, atol=0.25)


def test_pink_noise_has_no_mean():
    x = make_waves(4, 5000).astype(float)
    noise = Noise(0.0, color="pink").apply(x) - x
    assert np.abs(noise.mean(axis=1)).max() < 1e-9


def test_white_noise_of_clips_is_uncorrelated():
    first, second = Noise(0.0).apply(np.stack([X[0], X[0]])) - X[0]
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / np.sqrt(8192)
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < 4 / np.sqrt(8192)


@pytest.mark.parametrize(
    "op", [Noise(3.0), Noise(3.0, color="pink"), BackgroundMix([LONG], snr_db=3.0)]
)
def test_silent_clip_stays_silent(op):
    x = np.zeros((2, 500), dtype=np.float32)
    given = {"start": 0.0} if isinstance(op, BackgroundMix) else {}
    assert not op.apply(x, **given).any()


def test_silent_background_adds_nothing():
    op = BackgroundMix(np.zeros((1, 400), dtype=np.float32), snr_db=0.0)
    assert np.array_equal(op.apply(X, start=0.5), X)


@pytest.mark.parametrize("ratio", [0.0, 0.1, 0.4, 1.0])
def test_blend_is_the_formula_with_noise_of_the_clips_peak(ratio):
    noise = NoiseBlend(ratio=1.0).apply(X, seed=np.arange(6))
    out = NoiseBlend().apply(X, ratio=ratio, seed=np.arange(6))
    np.testing.assert_allclose(out, (1 - ratio) * X + ratio * noise, atol=1e-6)
    peaks = np.abs(noise).max(axis=1)
    np.testing.assert_allclose(peaks, np.abs(X).max(axis=1), rtol=1e-6)
    # Normal noise: the share beyond one deviation, in 49,152 numbers, four deviations.
    share = (np.abs(noise) > noise.std(axis=1, keepdims=True)).mean()
    assert abs(share - 0.3173) < 4 * np.sqrt(0.3173 * 0.6827 / noise.size)


def by_hand(x, part, snr_db):
    """Return a clip with a background at a level, in float64."""
    x, part = np.asarray(x, dtype=float), np.asarray(part, dtype=float)
    gain = np.sqrt((x**2).mean() / (part**2).mean() / 10 ** (snr_db / 10))
    return x + gain * part


def test_short_background_is_repeated_from_its_start():
    out = BackgroundMix([SHORT], snr_db=6.0).apply(X[0], start=0.5)
    tiled = np.tile(SHORT, 30)[150 : 150 + 8192]
    np.testing.assert_allclose(out, by_hand(X[0], tiled, 6.0), atol=1e-6)


@pytest.mark.parametrize("start", [0.0, 0.25, 1 - 2**-53])
def test_long_background_is_a_stretch_within_it(start):
    out = BackgroundMix([LONG], snr_db=6.0).apply(X[0], start=start)
    first = int(start * (20000 - 8192 + 1))
    part = LONG[first : first + 8192]
    assert len(part) == 8192
    np.testing.assert_allclose(out, by_hand(X[0], part, 6.0), atol=1e-6)


def test_all_backgrounds_are_drawn_alike():
    op = BackgroundMix(np.arange(1, 6)[:, None] * np.ones((5, 8)))
    rows = op.draw(np.random.default_rng(0).random((2000, 3)), (2000, 8))["row"]
    counts = np.bincount(rows)
    assert len(counts) == 5
    assert np.abs(counts - 400).max() < 4 * np.sqrt(2000 * 0.2 * 0.8)


@pytest.fixture
def backgrounds(tmp_path):
    """Three recordings and the folder that holds them as files."""
    recordings = RNG.normal(size=(3, 9000)).astype(np.float32) / 8
    for i, recording in enumerate(recordings):
        soundfile.write(tmp_path / f"{i}.wav", recording, RATE, subtype="FLOAT")
    return recordings, tmp_path


def test_array_list_clips_and_folder_are_the_same_backgrounds(backgrounds):
    recordings, folder = backgrounds
    clips = RawWave().fit_transform(sorted(map(str, folder.iterdir())))
    x = torch.from_numpy(X)
    results = {}
    for name, given in {
        "array": recordings,
        "list": list(recordings),
        "clips": clips,
        "folder": str(folder),
        "path": folder,
    }.items():
        augmented = Augmenter([BackgroundMix(given)]).fit_transform(X)
        op = augmented.ops[-1]
        # Files are decoded by the threads that decode; an array goes to the device.
        assert op.host == (name != "array")
        results[name] = op.augment(x, seed=4)
    for found in results.values():
        assert torch.equal(found, results["array"])
    assert not torch.equal(results["array"], x)


def test_array_clips_are_backgrounds_too(backgrounds):
    recordings, _ = backgrounds
    clips = ClipArray.from_array(recordings, sample_rate=RATE)
    op = BackgroundMix(clips, snr_db=6.0)
    assert op.host
    out = op.apply(X[0], RATE, row=2, start=0.0)
    np.testing.assert_allclose(out, by_hand(X[0], recordings[2, :8192], 6), atol=1e-6)


def test_background_of_another_rate_is_refused(backgrounds):
    clips = ClipArray.from_array(backgrounds[0], sample_rate=16000)
    with pytest.raises(ValueError, match=r"backgrounds at 16000 Hz .*22050 Hz"):
        BackgroundMix(clips).augment(torch.from_numpy(X), sample_rate=RATE)


@pytest.mark.parametrize("name", ["str", "path"])
def test_path_outside_of_an_augmenter_is_refused(tmp_path, name):
    op = BackgroundMix(str(tmp_path) if name == "str" else tmp_path)
    with pytest.raises(ValueError, match=r"BackgroundMix has .*path.*Augmenter"):
        op.augment(torch.from_numpy(X))


def test_folder_without_audio_is_refused_by_its_name(tmp_path):
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(ValueError, match=r"background=.*contains no audio files"):
        Augmenter([BackgroundMix(tmp_path)]).fit(X)


@pytest.mark.parametrize("background", [[np.ones((2, 5))], [np.ones(0)]])
def test_background_that_is_no_waveform_is_refused(background):
    with pytest.raises(ValueError, match=r"background of shape \(.*give waveforms"):
        BackgroundMix(background).augment(torch.from_numpy(X))
