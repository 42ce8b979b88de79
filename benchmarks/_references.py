"""What mel spectrograms and constant-Q transforms ought to be, in float64.

These are definitions written out, not another library's short cuts:

- mel: frames of the zero-padded signal, numpy's Fourier transform, librosa's filters.
- constant-Q: the magnitude of the inner product of the zero-padded signal, at every
  multiple of the hop, with each kernel of ``librosa.filters.wavelet`` (L1-normalised),
  times the square root of the kernel's length. That is ``librosa.cqt(scale=True)``
  without its way to it by octaves. There are two readings, 0.5 % apart on noise: a
  kernel of an odd number of samples has its middle half a sample before the frame's
  time, and ``librosa.cqt``, which multiplies spectra without conjugation, mirrors it
  to half a sample after. Every way is held against the reading it is nearer to.
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
    """Return both readings in float64, each (n_clips, n_bins, n_frames)."""
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
    # Two real products; of a real signal, conjugation would change no magnitude.
    parts = np.concatenate([kernels.real, kernels.imag]).T
    products = [frames @ parts for frames in _frames(wave, n_fft, hop_length)]
    real, imaginary = np.split(np.concatenate(products).T, [n_kernels])
    return np.hypot(real, imaginary)


def errors(found, references):
    """Compare with the nearest of some references.

    Parameters
    ----------
    found : array of shape (n_clips, n_bins, n_frames)
        What is measured; may lack or have frames at the end.
    references : list of ndarray of shape (n_clips, n_bins, n_frames)
        What it ought to be.

    Returns
    -------
    dict of str to float
        Of the errors e and the reference r: "max" is max |e| / max |r| of the worst
        clip, "mean" is mean |e| / mean |r|, and "relative" is the mean of |e| / |r|
        over the values at least a thousandth of their clip's largest, since |r| may
        be 0.
    """
    found = np.asarray(found, dtype=np.float64)
    return min((_errors(found, r) for r in references), key=lambda e: e["mean"])


def _errors(found, true):
    n_frames = min(found.shape[-1], true.shape[-1])
    found, true = found[..., :n_frames], true[..., :n_frames]
    wrong = np.abs(found - true)
    peaks = true.max(axis=(1, 2), keepdims=True)
    peaks[peaks == 0] = np.inf  # a silent clip has no error to speak of
    counted = true >= 1e-3 * peaks
    return {
        "max": float((wrong / peaks).max()),
        "mean": float(wrong.mean() / true.mean()),
        "relative": float((wrong[counted] / true[counted]).mean()),
    }
