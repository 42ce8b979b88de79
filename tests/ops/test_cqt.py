"""The constant-Q transform, against its definition and what is known of sounds."""

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sktag.ops import CQTOp
from sktag.ops import cqt as cqt_module

SR = 8000
NOISE = np.random.default_rng(0).normal(0, 0.1, (3, 12000)).astype(np.float32)
# Bands of spectra leave out 3e-5 of a kernel's norm, which is what noise hears.
RELATIVE = 5e-5


def compute(op, x=NOISE):
    return op(torch.from_numpy(np.asarray(x, dtype=np.float32))).numpy()


def definition(
    x,
    sr=SR,
    hop_length=512,
    fmin=None,
    n_bins=60,
    bins_per_octave=12,
    filter_scale=1.0,
    window="hann",
):
    """Inner products in float64 with the kernels of librosa, at every hop."""
    fmin = librosa.note_to_hz("C1") if fmin is None else fmin
    kernels, lengths = librosa.filters.wavelet(
        freqs=librosa.cqt_frequencies(
            n_bins, fmin=fmin, bins_per_octave=bins_per_octave
        ),
        sr=sr,
        window=window,
        filter_scale=filter_scale,
        dtype=np.complex128,
    )
    width = kernels.shape[1]
    padded = np.pad(x.astype(np.float64), ((0, 0), (width // 2, width)))
    n_frames = 1 + x.shape[1] // hop_length
    frames = np.lib.stride_tricks.sliding_window_view(padded, width, axis=1)
    frames = frames[:, : n_frames * hop_length : hop_length]
    products = np.einsum("bw,ctw->cbt", kernels.conj(), frames, optimize=True)
    return np.abs(products) * np.sqrt(lengths)[:, np.newaxis]


def error(actual, expected):
    """Mean of the errors over mean of the values."""
    assert actual.shape == expected.shape
    return np.abs(actual - expected).mean() / expected.mean()


@settings(max_examples=30, deadline=None)
@given(
    n_samples=st.integers(1, 12000),
    hop_length=st.sampled_from([100, 256, 441, 512]),
    fmin=st.sampled_from([None, 55.0, 880.0]),
    n_bins=st.integers(2, 24),
    bins_per_octave=st.sampled_from([12, 24, 36]),
    filter_scale=st.sampled_from([0.5, 1.0, 1.3]),
    window=st.sampled_from(["hann", "hamming", ("kaiser", 8.0), "boxcar"]),
)
def test_cqt_equals_its_definition_for_any_parameters(n_samples, **params):
    x = NOISE[:, :n_samples]
    expected = definition(x, **params)
    got = compute(CQTOp(SR, compression=None, **params), x)
    # Clips of a few frames and bins may lie at twice the error of all bins together.
    assert error(got, expected) < 2 * RELATIVE


def test_default_is_fifty_times_closer_to_the_definition_than_librosa():
    x = np.random.default_rng(1).normal(0, 0.1, (1, 33075)).astype(np.float32)
    expected = definition(x, sr=22050, n_bins=84)
    ours = error(compute(CQTOp(22050, compression=None), x), expected)
    librosas = error(np.abs(librosa.cqt(x, sr=22050, tuning=0.0)), expected)
    assert 50 * ours < librosas


@pytest.mark.parametrize("n_bins", [1, 12])
@pytest.mark.parametrize("fmin", [40.0, 2000.0])
def test_kernels_all_long_or_all_short_or_only_one_work(n_bins, fmin):
    params = {"fmin": fmin, "bins_per_octave": 12}
    expected = definition(NOISE, n_bins=12, **params)[:, :n_bins]
    got = compute(CQTOp(SR, n_bins=n_bins, compression=None, **params))
    assert error(got, expected) < RELATIVE


def test_double_precision_in_gives_double_precision_out():
    x = NOISE.astype(np.float64)
    got = CQTOp(SR, n_bins=60, compression=None)(torch.from_numpy(x))
    assert got.dtype == torch.float64
    assert error(got.numpy(), definition(x)) < 1e-8


@pytest.mark.parametrize("n_samples", [30000, 40961])
def test_long_clips_are_computed_in_segments_without_seams(n_samples, monkeypatch):
    monkeypatch.setattr(cqt_module, "_SEGMENT", 2**13)
    x = np.random.default_rng(2).normal(0, 0.1, (2, n_samples)).astype(np.float32)
    got = compute(CQTOp(SR, hop_length=256, n_bins=60, compression=None), x)
    expected = definition(x, hop_length=256)
    assert error(got, expected) < RELATIVE
    worst = np.abs(got - expected).max(axis=(0, 1))
    assert worst.max() < 1e-3 * expected.max()


def test_more_clips_than_are_computed_at_once_come_in_order():
    x = np.random.default_rng(3).normal(0, 0.1, (19, 3000)).astype(np.float32)
    op = CQTOp(SR, n_bins=24)
    whole = compute(op, x)
    for i in (0, 7, 8, 18):
        np.testing.assert_allclose(compute(op, x[i : i + 1])[0], whole[i], atol=1e-3)


def test_no_clips_give_no_spectra():
    assert compute(CQTOp(SR, n_bins=24), NOISE[:0]).shape == (0, 24, 24)


@pytest.mark.parametrize("n_samples", [0, 1, 511, 512, 5000])
def test_shape_is_told(n_samples):
    x = np.zeros((2, n_samples))
    op = CQTOp(SR, n_bins=24)
    assert compute(op, x).shape == op.out_shape(x.shape)


@pytest.mark.parametrize("k", [0, 30, 55])
def test_pure_tone_is_in_its_bin_at_its_level(k):
    # A tone of amplitude a under a kernel of sum 1 has half of a, times the scale.
    op = CQTOp(SR, n_bins=60, compression=None)
    frequency = op.frequencies[k]
    tone = 0.5 * np.cos(2 * np.pi * frequency * np.arange(3 * SR) / SR)
    middle = compute(op, tone[np.newaxis])[0, :, 20:26]
    assert (middle.argmax(axis=0) == k).all()
    _, length = librosa.filters.wavelet(freqs=op.frequencies, sr=SR)
    # The kernel hears the tone's mirror image too, some 60 dB down.
    np.testing.assert_allclose(middle[k], 0.25 * np.sqrt(length[k]), rtol=1e-3)


def test_frequencies_are_those_of_librosa():
    op = CQTOp(SR, fmin=50.0, n_bins=30, bins_per_octave=24)
    expected = librosa.cqt_frequencies(30, fmin=50.0, bins_per_octave=24)
    np.testing.assert_array_equal(op.frequencies, expected)


def test_gain_of_6_db_raises_levels_by_6_db():
    op = CQTOp(SR, n_bins=60)
    gain = 20 * np.log10(2)
    np.testing.assert_allclose(compute(op, 2 * NOISE), compute(op) + gain, atol=1e-3)


def test_shift_by_a_hop_shifts_a_frame():
    op = CQTOp(SR, n_bins=36, fmin=110.0, compression=None)
    late = np.pad(NOISE, ((0, 0), (512, 0)))
    got, expected = compute(op, late)[:, :, 1:], compute(op)
    assert error(got, expected) < RELATIVE


@pytest.mark.parametrize("compression", [None, "db", "log1p", "pcen"])
def test_silence_gives_the_floor_and_no_nan(compression):
    got = compute(CQTOp(SR, n_bins=36, compression=compression), 0 * NOISE)
    expected = -100.0 if compression == "db" else 0.0
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_compressions_are_those_of_a_magnitude():
    plain = compute(CQTOp(SR, n_bins=36, compression=None)).astype(np.float64)
    got = compute(CQTOp(SR, n_bins=36))
    np.testing.assert_allclose(got, 20 * np.log10(plain), atol=1e-3)
    got = compute(CQTOp(SR, n_bins=36, compression="log1p"))
    np.testing.assert_allclose(got, np.log10(1 + 1e4 * plain), rtol=1e-4)
    got = compute(CQTOp(SR, n_bins=36, compression="pcen"))
    np.testing.assert_allclose(got, librosa.pcen(plain, sr=SR), rtol=1e-3)


def test_in_slice_tells_the_samples_some_frames_need():
    op = CQTOp(SR, hop_length=100, n_bins=24, fmin=200.0, compression=None)
    start, stop = op.in_slice(20, 24)
    assert start > 0
    alone = np.zeros_like(NOISE)
    alone[:, start:stop] = NOISE[:, start:stop]
    got, expected = compute(op, alone)[:, :, 20:24], compute(op)[:, :, 20:24]
    assert error(got, expected) < RELATIVE


@pytest.mark.parametrize("hop_length", [64, 100, 512])
@pytest.mark.parametrize("params", [{}, {"fmin": 200.0}, {"filter_scale": 0.5}])
def test_part_of_a_clip_gives_the_frames_of_the_whole_clip(
    compare_parts, hop_length, params
):
    op = CQTOp(SR, hop_length, n_bins=24, compression=None, **params)
    worst, scale = compare_parts(op, NOISE)
    # A band that leaves out 3e-5 of a kernel's norm hears beyond the kernel by as much.
    assert worst <= 1e-4 * scale


@pytest.mark.parametrize(
    ("params", "whole"),
    [({}, False), ({"top_db": 80.0}, True), ({"compression": "pcen"}, True)],
)
def test_whole_clips_are_needed_where_a_clip_is_compressed_as_a_whole(params, whole):
    assert CQTOp(SR, **params).whole is whole


def test_gradient_reaches_the_waveform_and_is_right():
    op = CQTOp(2000, hop_length=128, n_bins=14, fmin=60.0, compression=None)
    x = torch.from_numpy(NOISE[:1, :700].astype(np.float64)).requires_grad_()
    assert torch.autograd.gradcheck(op, (x,), eps=1e-6, atol=1e-5)


def test_gradient_of_silence_is_finite():
    x = torch.zeros(1, 4000, requires_grad=True)
    CQTOp(SR, n_bins=36, compression=None)(x).sum().backward()
    assert torch.isfinite(x.grad).all()


def test_numbers_are_the_same_with_and_without_a_gradient():
    op = CQTOp(SR, n_bins=60, compression=None)
    with_gradient = op(torch.from_numpy(NOISE).requires_grad_()).detach().numpy()
    # Two libraries' transforms of some ten thousand float32 samples.
    np.testing.assert_allclose(with_gradient, compute(op), atol=1e-6)


@pytest.mark.cuda
def test_cqt_on_cuda_equals_the_cpu():
    op = CQTOp(SR, n_bins=60, compression=None)
    got = op(torch.from_numpy(NOISE).cuda()).cpu().numpy()
    assert error(got, compute(op).astype(np.float64)) < RELATIVE
