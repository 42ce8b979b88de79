"""References for mel spectrograms and constant-Q transforms, in float64.

They implement the definitions directly, without approximations:

- mel: frames of the zero-padded signal, NumPy's Fourier transform, librosa's filters.
- constant-Q: the magnitude of the inner product of the zero-padded signal, at every
  multiple of the hop length, with each kernel of ``librosa.filters.wavelet``
  (L1-normalised), times the square root of the kernel's length. This is
  ``librosa.cqt(scale=True)`` without its recursion over octaves. There are two
  variants, which differ by 0.5 % on noise: the centre of a kernel with an odd number of
  samples is half a sample before the time of the frame, and ``librosa.cqt``, which
  multiplies spectra without conjugation, mirrors it to half a sample after. Each method
  is compared with the nearer variant.
"""

import librosa
import numpy as np
from scipy.signal import get_window


def _frames(wave, n_fft, hop):
    """Yield the frames of a zero-padded clip in float64, a few at a time."""
    padded = np.pad(wave.astype(np.float64), n_fft // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    for start in range(0, len(windows), 64):
        yield np.ascontiguousarray(windows[start : start + 64])


def reference_mel(waves, sr, n_fft, hop_length, n_mels):
    """Return mel spectrograms in float64, [(n_clips, n_mels, n_frames)]."""
    window = get_window("hann", n_fft)
    filters = librosa.filters.mel(sr=sr, n_fft=n_fft, n_mels=n_mels, dtype=np.float64)
    clips = []
    for wave in waves:
        bands = [
            np.abs(np.fft.rfft(frames * window)) ** 2 @ filters.T
            for frames in _frames(wave, n_fft, hop_length)
        ]
        clips.append(np.concatenate(bands).T)
    return [np.stack(clips)]


def reference_cqt(
    waves, sr, hop_length, fmin, n_bins, bins_per_octave, filter_scale=1.0
):
    """Return both variants in float64, each (n_clips, n_bins, n_frames)."""
    freqs = librosa.cqt_frequencies(
        n_bins,
        fmin=librosa.note_to_hz("C1") if fmin is None else fmin,
        bins_per_octave=bins_per_octave,
    )
    kernels, lengths = librosa.filters.wavelet(
        freqs=freqs, sr=sr, filter_scale=filter_scale, dtype=np.complex128
    )
    mirrored = np.roll(kernels[:, ::-1], 1, axis=1)
    return [
        np.stack([_magnitudes(wave, k, hop_length) for wave in waves])
        * np.sqrt(lengths)[:, np.newaxis]
        for k in (kernels, mirrored)
    ]


def _magnitudes(wave, kernels, hop_length):
    """Return the magnitudes of inner products, (n_kernels, n_frames)."""
    n_kernels, n_fft = kernels.shape
    # Two real products. For a real signal, conjugation does not change magnitudes.
    parts = np.concatenate([kernels.real, kernels.imag]).T
    products = [frames @ parts for frames in _frames(wave, n_fft, hop_length)]
    real, imaginary = np.split(np.concatenate(products).T, [n_kernels])
    return np.hypot(real, imaginary)


def errors(found, references):
    """Compare a result with the nearest of several references.

    Parameters
    ----------
    found : array of shape (n_clips, n_bins, n_frames)
        The result; its number of frames may differ from that of the references.
    references : list of ndarray of shape (n_clips, n_bins, n_frames)
        The references.

    Returns
    -------
    dict of str to float
        For errors e and reference r, "max" is max |e| / max |r| of the worst clip,
        "mean" is mean |e| / mean |r|, and "relative" is the mean of |e| / |r| over
        values of at least a thousandth of the clip's maximum, since |r| may be 0.
    """
    found = np.asarray(found, dtype=np.float64)
    return min((_errors(found, r) for r in references), key=lambda e: e["mean"])


def _errors(found, true):
    n_frames = min(found.shape[-1], true.shape[-1])
    found, true = found[..., :n_frames], true[..., :n_frames]
    wrong = np.abs(found - true)
    peaks = true.max(axis=(1, 2), keepdims=True)
    peaks[peaks == 0] = np.inf  # ignore errors of silent clips
    counted = true >= 1e-3 * peaks
    return {
        "max": float((wrong / peaks).max()),
        "mean": float(wrong.mean() / true.mean()),
        "relative": float((wrong[counted] / true[counted]).mean()),
    }
