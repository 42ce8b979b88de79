"""Short-time spectra: the spectrogram, the mel spectrogram, and their compressions.

Numbers equal librosa's for the same parameters, clip by clip. What librosa does over a
whole batch (``top_db``, ``ref`` of the maximum) is done for each clip here, so that a
clip's numbers never depend on its neighbours.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from scipy.signal import get_window
from torch import Tensor
from torch.nn import functional

from sktag.ops.op import Op, Shape

Window = str | tuple[str | float, ...] | float | np.ndarray

# Samples of frames held at a time on the CPU: some 16 MB of float32 stay near the
# cores, where one array for a whole batch would go through main memory at each pass.
_BLOCK = 2**22


@dataclass(eq=False, repr=False)
class SpectrogramOp(Op):
    """Magnitudes of the short-time Fourier transform, to a power.

    Parameters
    ----------
    sr : float > 0
        Sample rate of the waveforms, in Hz.
    n_fft, hop_length, win_length, window, center, pad_mode, power, compression, ref, \
amin, top_db, log1p_factor : see MelSpectrogram
        The parameters of :class:`sktag.MelSpectrogram`.

    Examples
    --------
    >>> from sktag.ops import SpectrogramOp
    >>> SpectrogramOp(22050, n_fft=1024).out_shape((32, 220500))
    (32, 513, 431)
    """

    takes: ClassVar[str | None] = "wave"
    gives: ClassVar[str | None] = "spectrogram"

    sr: float
    n_fft: int = 2048
    hop_length: int = 512
    win_length: int | None = None
    window: Window = "hann"
    center: bool = True
    pad_mode: str = "constant"
    power: float = 2.0
    compression: str | None = "db"
    ref: float | str = 1.0
    amin: float = 1e-10
    top_db: float | None = None
    log1p_factor: float = 1e4

    @property
    def n_bins(self) -> int:
        """Number of frequency bins of the output."""
        return self.n_fft // 2 + 1

    @property
    def frequencies(self) -> np.ndarray:
        """Centre of each bin, in Hz."""
        return np.arange(self.n_fft // 2 + 1) * (self.sr / self.n_fft)

    def out_length(self, length: int) -> int:
        """Tell how many frames a clip of `length` samples gives."""
        if self.center:
            length = length + 2 * (self.n_fft // 2)
        return 1 + (max(length, self.n_fft) - self.n_fft) // self.hop_length

    def out_shape(self, shape: Sequence[int]) -> Shape:
        """Tell the shape of the output: (n_clips, n_bins, n_frames)."""
        return (shape[0], self.n_bins, self.out_length(shape[1]))

    def in_slice(self, start: int, stop: int) -> tuple[int, int]:
        """Tell which samples the frames from `start` to `stop` are made of."""
        before = self.n_fft // 2 if self.center else 0
        first = start * self.hop_length - before
        last = (stop - 1) * self.hop_length - before
        return first, last + self.n_fft

    def forward(self, x: Tensor) -> Tensor:
        """Compute the spectra of waveforms, as in :meth:`sktag.ops.Op.forward`."""
        _, n_bins, n_frames = self.out_shape(x.shape)
        if x.device.type != "cpu":
            return self._compress(self._spectra(x))
        rows = max(1, _BLOCK // (n_frames * self.n_fft))
        blocks = [self._compress(self._spectra(b)) for b in x.split(rows)]
        return torch.cat(blocks) if blocks else x.new_empty((0, n_bins, n_frames))

    def _spectra(self, x: Tensor) -> Tensor:
        """Return uncompressed spectra, (n_clips, n_bins, n_frames)."""
        frames = self._pad(x).unfold(-1, self.n_fft, self.hop_length)
        window = _window(self._window_key(), self.n_fft, x.dtype, x.device)
        spectra = torch.fft.rfft(frames * window)
        if self.power == 2.0:
            magnitudes = spectra.real.square() + spectra.imag.square()
        else:
            magnitudes = spectra.abs() ** self.power
        return self._bands(magnitudes).transpose(1, 2)

    def _bands(self, magnitudes: Tensor) -> Tensor:
        return magnitudes

    def _pad(self, x: Tensor) -> Tensor:
        if not self.center:
            return functional.pad(x, (0, max(0, self.n_fft - x.shape[-1])))
        half = self.n_fft // 2
        # An odd n_fft leaves a clip of very few samples short of one window.
        short = max(0, self.n_fft - 2 * half - x.shape[-1])
        if self.pad_mode == "constant":
            return functional.pad(x, (half, half + short))
        index = np.pad(np.arange(x.shape[-1]), half, mode=self.pad_mode)  # type: ignore[call-overload]
        return functional.pad(x[..., torch.from_numpy(index).to(x.device)], (0, short))

    def _window_key(self) -> tuple[object, int]:
        window = self.window
        if isinstance(window, np.ndarray):
            window = ("samples", *window.tolist())
        return window, self.win_length or self.n_fft

    def _compress(self, x: Tensor) -> Tensor:
        if self.compression == "db":
            return _decibels(x, self.power, self.ref, self.amin, self.top_db)
        if self.compression == "log1p":
            return torch.log10(1 + self.log1p_factor * x)
        if self.compression == "pcen":
            return _pcen(x, self.sr / self.hop_length)
        return x.contiguous()


@dataclass(eq=False, repr=False)
class MelSpectrogramOp(SpectrogramOp):
    """Spectrogram summed into mel bands.

    Parameters
    ----------
    sr : float > 0
        Sample rate of the waveforms, in Hz.
    n_fft, hop_length, win_length, window, center, pad_mode, power, compression, ref, \
amin, top_db, log1p_factor : see MelSpectrogram
        The parameters of :class:`sktag.MelSpectrogram`.
    n_mels, fmin, fmax, htk, norm : see MelSpectrogram
        The parameters of :class:`sktag.MelSpectrogram`.

    Examples
    --------
    >>> from sktag.ops import MelSpectrogramOp
    >>> MelSpectrogramOp(22050, n_mels=96).out_shape((32, 220500))
    (32, 96, 431)
    """

    n_mels: int = 128
    fmin: float = 0.0
    fmax: float | None = None
    htk: bool = False
    norm: Literal["slaney"] | float | None = "slaney"

    @property
    def n_bins(self) -> int:
        """Number of mel bands."""
        return self.n_mels

    @property
    def frequencies(self) -> np.ndarray:
        """Centre of each mel band, in Hz."""
        from librosa import mel_frequencies

        fmax = self.sr / 2 if self.fmax is None else self.fmax
        edges = mel_frequencies(
            self.n_mels + 2, fmin=self.fmin, fmax=fmax, htk=self.htk
        )
        return np.asarray(edges[1:-1])

    def empty_bands(self) -> np.ndarray:
        """Find the bands that no bin of the Fourier transform falls into.

        Returns
        -------
        ndarray of int
            Indices of the bands whose filter is zero everywhere.
        """
        weights = _mel_filters(*self._mel_key())
        return np.flatnonzero(weights.max(axis=1) == 0)

    def _mel_key(self) -> tuple[Any, ...]:
        return (
            self.sr,
            self.n_fft,
            self.n_mels,
            self.fmin,
            self.fmax,
            self.htk,
            self.norm,
        )

    def _bands(self, magnitudes: Tensor) -> Tensor:
        weights = _mel_matrix(self._mel_key(), magnitudes.dtype, magnitudes.device)
        return magnitudes @ weights


@lru_cache(maxsize=64)
def _window(
    key: tuple[object, int], n_fft: int, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Return the window, centred in n_fft samples."""
    window, win_length = key
    if isinstance(window, tuple) and window[:1] == ("samples",):
        samples = np.asarray(window[1:], dtype=np.float64)
    else:
        samples = get_window(window, win_length, fftbins=True)
    left = (n_fft - len(samples)) // 2
    samples = np.pad(samples, (left, n_fft - len(samples) - left))
    return torch.from_numpy(samples).to(device, dtype)


@lru_cache(maxsize=64)
def _mel_filters(
    sr: float,
    n_fft: int,
    n_mels: int,
    fmin: float,
    fmax: float | None,
    htk: bool,
    norm: Literal["slaney"] | float | None,
) -> np.ndarray:
    """Return the mel filters in float64, (n_mels, n_fft // 2 + 1)."""
    from librosa import filters

    with warnings.catch_warnings():
        # The transformer says which bands are empty, and what to do about it.
        warnings.filterwarnings("ignore", message="Empty filters detected")
        return np.asarray(
            filters.mel(
                sr=sr,
                n_fft=n_fft,
                n_mels=n_mels,
                fmin=fmin,
                fmax=fmax,
                htk=htk,
                norm=norm,
                dtype=np.float64,
            )
        )


@lru_cache(maxsize=64)
def _mel_matrix(
    key: tuple[Any, ...],
    dtype: torch.dtype,
    device: torch.device,
) -> Tensor:
    """Return the mel filters as a matrix on a device, (n_fft // 2 + 1, n_mels)."""
    weights = _mel_filters(*key)
    return torch.from_numpy(weights).T.contiguous().to(device, dtype)


def _decibels(
    x: Tensor, power: float, ref: float | str, amin: float, top_db: float | None
) -> Tensor:
    """Return 10 log10 of a power spectrum, 20 log10 of a magnitude spectrum."""
    factor = 20.0 / power
    levels = factor * torch.log10(x.clamp_min(amin))
    if ref == "max":
        peak = x.amax(dim=(1, 2), keepdim=True).clamp_min(amin)
        levels = levels - factor * torch.log10(peak)
    else:
        levels = levels - factor * float(np.log10(max(amin, float(ref))))
    if top_db is not None:
        floor = levels.amax(dim=(1, 2), keepdim=True) - top_db
        levels = torch.maximum(levels, floor)
    return levels


def _pcen(x: Tensor, frame_rate: float) -> Tensor:
    """Return per-channel energy normalisation with librosa's default parameters.

    Wang, Getreuer, Hughes, Lyon, Saurous, "Trainable frontend for robust and
    far-field keyword spotting", ICASSP 2017.
    """
    gain, bias, power, time_constant, eps = 0.98, 2.0, 0.5, 0.4, 1e-6
    frames = time_constant * frame_rate
    b = (np.sqrt(1 + 4 * frames**2) - 1) / (2 * frames**2)
    smooth = torch.empty_like(x)
    # librosa starts its filter in the steady state of a unit input, not of the clip.
    state = torch.full_like(x[..., 0], 1 - b)
    for t in range(x.shape[-1]):
        smooth[..., t] = b * x[..., t] + state
        state = (1 - b) * smooth[..., t]
    agc = torch.exp(-gain * (np.log(eps) + torch.log1p(smooth / eps)))
    out: Tensor = bias**power * torch.expm1(power * torch.log1p(x * agc / bias))
    return out
