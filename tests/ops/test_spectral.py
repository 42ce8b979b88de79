"""Spectra, against librosa and against what is known of sounds."""

import warnings

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sktag import ClipArray
from sktag.ops import MelSpectrogramOp, SpectrogramOp

SR = 8000
NOISE = np.random.default_rng(0).uniform(-1, 1, (3, 3000)).astype(np.float32)
# Sums of some hundred float32 products keep five digits of the largest value.
RELATIVE = 1e-5


def compute(op, x=NOISE):
    return op(torch.from_numpy(np.asarray(x, dtype=np.float32))).numpy()


def assert_close(actual, expected):
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= RELATIVE * np.abs(expected).max()


@settings(max_examples=60, deadline=None)
@given(
    n_fft=st.sampled_from([255, 256, 400, 512]),
    hop_length=st.integers(40, 600),
    win_length=st.sampled_from([None, 200, 255]),
    window=st.sampled_from(["hann", "hamming", ("kaiser", 8.0), "boxcar"]),
    center=st.booleans(),
    pad_mode=st.sampled_from(["constant", "edge", "reflect", "symmetric"]),
    power=st.sampled_from([1.0, 1.5, 2.0]),
    n_mels=st.integers(1, 40),
    fmin=st.sampled_from([0.0, 100.0]),
    fmax=st.sampled_from([None, 3000.0]),
    htk=st.booleans(),
    norm=st.sampled_from(["slaney", None, 1.0]),
)
def test_mel_equals_librosa_for_any_parameters(**params):
    y, center = NOISE.astype(np.float64), params["center"]
    if center:
        # Padded here: librosa reflects the tail alone, and where the hop leaves no more
        # of it than half a window, the last sample is another than the signal's.
        half = params["n_fft"] // 2
        y = np.pad(y, ((0, 0), (half, half)), mode=params["pad_mode"])
    expected = librosa.feature.melspectrogram(y=y, sr=SR, **{**params, "center": False})
    got = compute(MelSpectrogramOp(SR, compression=None, **params))
    assert_close(got, expected)


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_spectrogram_equals_librosa(power):
    stft = librosa.stft(NOISE.astype(np.float64), n_fft=512, hop_length=128)
    op = SpectrogramOp(SR, 512, 128, power=power, compression=None)
    assert_close(compute(op), np.abs(stft) ** power)


def test_decibels_equal_librosa_to_a_thousandth_above_minus_60():
    mel = librosa.feature.melspectrogram(y=NOISE.astype(np.float64), sr=SR, n_fft=512)
    expected = librosa.power_to_db(mel, top_db=None)
    got = compute(MelSpectrogramOp(SR, 512))
    loud = expected > expected.max() - 60
    assert np.abs(got - expected)[loud].max() < 1e-3


def test_decibels_of_a_magnitude_are_twenty_times_its_logarithm():
    stft = np.abs(librosa.stft(NOISE.astype(np.float64), n_fft=512, hop_length=512))
    expected = librosa.amplitude_to_db(stft, amin=1e-5, top_db=None)
    got = compute(SpectrogramOp(SR, 512, power=1.0, amin=1e-5))
    loud = expected > expected.max() - 60
    assert np.abs(got - expected)[loud].max() < 1e-3


@pytest.mark.parametrize("ref", [0.5, "max"])
def test_top_db_and_ref_look_at_each_clip_alone(ref):
    x = NOISE * np.array([[1], [0.1], [0.001]], dtype=np.float32)
    got = compute(MelSpectrogramOp(SR, 512, ref=ref, top_db=20.0), x)
    for clip, row in zip(got, x, strict=True):
        mel = librosa.feature.melspectrogram(y=row.astype(float), sr=SR, n_fft=512)
        level = np.max if ref == "max" else ref
        expected = librosa.power_to_db(mel, ref=level, top_db=20)
        np.testing.assert_allclose(clip, expected, atol=1e-3)


def test_log1p_is_the_decimal_logarithm_of_musicnn():
    mel = librosa.feature.melspectrogram(y=NOISE.astype(np.float64), sr=SR, n_fft=512)
    got = compute(MelSpectrogramOp(SR, 512, compression="log1p"))
    np.testing.assert_allclose(got, np.log10(1 + 1e4 * mel), rtol=1e-4)


def test_pcen_equals_librosa():
    mel = librosa.feature.melspectrogram(y=NOISE.astype(np.float64), sr=SR, n_fft=512)
    got = compute(MelSpectrogramOp(SR, 512, compression="pcen"))
    np.testing.assert_allclose(got, librosa.pcen(mel, sr=SR), rtol=1e-4)


def test_window_given_as_samples_equals_its_name():
    samples = np.array(librosa.filters.get_window("hann", 512))
    by_name = compute(SpectrogramOp(SR, 512, window="hann"))
    by_samples = compute(SpectrogramOp(SR, 512, window=samples))
    np.testing.assert_array_equal(by_samples, by_name)


def test_energy_of_frames_is_that_of_the_windowed_samples():
    # Parseval: the energy of a spectrum is n_fft times that of its samples.
    op = SpectrogramOp(SR, 256, 256, window="boxcar", center=False, compression=None)
    power = compute(op).astype(np.float64)
    both_sides = power[:, :1] + 2 * power[:, 1:-1].sum(1, keepdims=True) + power[:, -1:]
    frames = NOISE[:, : 256 * 11].reshape(3, 11, 256).astype(np.float64)
    np.testing.assert_allclose(
        both_sides[:, 0], 256 * (frames**2).sum(axis=2), rtol=1e-5
    )


@pytest.mark.parametrize("k", [10, 40, 100])
def test_pure_tone_is_in_its_bin_at_its_level(k):
    # A cosine of amplitude a under a periodic Hann window has magnitude a n_fft / 4.
    n_fft, amplitude = 256, 0.5
    tone = amplitude * np.cos(2 * np.pi * k * np.arange(2048) / n_fft)
    op = SpectrogramOp(SR, n_fft, 64, center=False)
    levels = compute(op, tone[np.newaxis])[0]
    assert (levels.argmax(axis=0) == k).all()
    expected = 20 * np.log10(amplitude * n_fft / 4)
    np.testing.assert_allclose(levels[k], expected, atol=1e-3)
    assert op.frequencies[k] == pytest.approx(k * SR / n_fft)


def test_gain_of_6_db_raises_levels_by_6_db():
    op = MelSpectrogramOp(SR, 512)
    gain = 20 * np.log10(2)
    np.testing.assert_allclose(compute(op, 2 * NOISE), compute(op) + gain, atol=1e-3)


def test_shift_by_a_hop_shifts_a_frame():
    op = MelSpectrogramOp(SR, 512, 128, center=False)
    np.testing.assert_allclose(
        compute(op, NOISE[:, 128:]), compute(op)[:, :, 1:], atol=1e-4
    )


@pytest.mark.parametrize("compression", [None, "db", "log1p", "pcen"])
def test_silence_gives_the_floor_and_no_nan(compression):
    got = compute(MelSpectrogramOp(SR, 512, compression=compression), 0 * NOISE)
    expected = -100.0 if compression == "db" else 0.0
    np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize("n_samples", [1, 100, 511, 512, 513])
@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("n_fft", [255, 512])
def test_clip_about_as_short_as_a_window_has_the_shape_told(n_samples, center, n_fft):
    x = NOISE[:, :n_samples]
    op = SpectrogramOp(SR, n_fft, 128, center=center, compression=None)
    got = compute(op, x)
    assert got.shape == op.out_shape(x.shape)
    padded = x if center else np.pad(x, ((0, 0), (0, max(0, n_fft - n_samples))))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="n_fft=.* is too large")
        expected = np.abs(
            librosa.stft(padded, n_fft=n_fft, hop_length=128, center=center)
        )
    assert_close(got, expected**2)


@pytest.mark.parametrize("center", [True, False])
def test_in_slice_tells_the_samples_some_frames_need(center):
    op = SpectrogramOp(SR, 256, 100, center=center, compression=None)
    start, stop = op.in_slice(5, 9)
    cut = SpectrogramOp(SR, 256, 100, center=False, compression=None)
    got = compute(cut, NOISE[:, start:stop])
    np.testing.assert_array_equal(got, compute(op)[:, :, 5:9])


@settings(max_examples=150, deadline=None)
@given(
    n_fft=st.sampled_from([1, 2, 63, 64, 255, 256]),
    hop_length=st.sampled_from([1, 7, 64, 100, 300]),
    win_length=st.sampled_from([None, 1]),
    window=st.sampled_from(["hann", "boxcar", ("kaiser", 4.0), "array"]),
    center=st.booleans(),
    pad_mode=st.sampled_from(["constant", "edge", "reflect", "symmetric"]),
    n_samples=st.integers(1, 1500),
    seed=st.integers(0, 99),
)
def test_part_of_a_clip_gives_the_frames_of_the_whole_clip(
    compare_parts,
    n_fft,
    hop_length,
    win_length,
    window,
    center,
    pad_mode,
    n_samples,
    seed,
):
    if window == "array":
        window, win_length = np.linspace(0.1, 1, n_fft), None
    op = SpectrogramOp(
        SR,
        n_fft,
        hop_length,
        win_length,
        window,
        center,
        pad_mode,
        compression=None,
    )
    x = np.random.default_rng(seed).uniform(-1, 1, (2, n_samples)).astype(np.float32)
    worst, scale = compare_parts(op, x, seed=seed)
    # Rounding of float32: the frames are the same, their groups may not be.
    assert worst <= 1e-6 * scale


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("compression", [None, "db", "log1p"])
def test_part_of_a_clip_gives_the_mel_frames_of_the_whole_clip(
    compare_parts, center, compression
):
    op = MelSpectrogramOp(
        SR, 512, 128, n_mels=40, center=center, compression=compression
    )
    worst, scale = compare_parts(op, NOISE, n_parts=30)
    # Matrix products of other sizes round otherwise; in dB no value is near the floor.
    assert worst <= (1e-4 if compression == "db" else 1e-6 * scale)


@pytest.mark.parametrize(
    ("params", "whole"),
    [
        ({}, False),
        ({"compression": "log1p", "top_db": 80.0}, False),
        ({"top_db": 80.0}, True),
        ({"ref": "max"}, True),
        ({"compression": "pcen"}, True),
    ],
)
@pytest.mark.parametrize("cls", [SpectrogramOp, MelSpectrogramOp])
def test_whole_clips_are_needed_where_a_clip_is_compressed_as_a_whole(
    cls, params, whole
):
    assert cls(SR, **params).whole is whole


def test_double_precision_in_gives_double_precision_out():
    x = torch.from_numpy(NOISE.astype(np.float64))
    got = MelSpectrogramOp(SR, 512, compression=None)(x)
    assert got.dtype == torch.float64
    expected = librosa.feature.melspectrogram(
        y=x.numpy(), sr=SR, n_fft=512, dtype=np.float64
    )
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)


def test_gradient_reaches_the_waveform():
    x = torch.from_numpy(NOISE).requires_grad_()
    MelSpectrogramOp(SR, 512)(x).sum().backward()
    assert torch.isfinite(x.grad).all()
    assert (x.grad != 0).any()


def test_gradient_works_after_clips_made_the_constants():
    op = MelSpectrogramOp(SR, 640)
    ClipArray.from_array(NOISE, sample_rate=SR).map(op)[0]
    x = torch.from_numpy(NOISE).requires_grad_()
    op(x).sum().backward()
    assert torch.isfinite(x.grad).all()


@pytest.mark.cuda
def test_mel_on_cuda_equals_the_cpu():
    op = MelSpectrogramOp(SR, 512)
    got = op(torch.from_numpy(NOISE).cuda()).cpu().numpy()
    np.testing.assert_allclose(got, compute(op), atol=1e-3)
