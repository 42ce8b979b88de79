"""The spectrogram and the mel spectrogram.

Numbers equal librosa's for the same parameters, clip by clip. Where librosa uses the
maximum of a whole batch (``top_db``, ``ref="max"``), the maximum of each clip is used
here, so that a clip's numbers never depend on the other clips of the batch.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from sktag._torch import plain_torch
from sktag.ops.compression import compress, needs_whole_clips
from sktag.ops.op import Op, Shape, refuse_export

Window = str | tuple[str | float, ...] | float | np.ndarray

# Samples in the frames transformed at a time. On the CPU, 4 MB of float32 fit the cache
# of a core; one array for the whole batch would go through main memory at each pass.
_BLOCK = {"cpu": 2**20, "cuda": 2**26}
# Number of top octaves whose mel filters are multiplied with their own bins only.
_N_OCTAVES = 4


@dataclass
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
        """Return the number of frames of a clip of `length` samples."""
        if self.center:
            length = length + 2 * (self.n_fft // 2)
        return 1 + (max(length, self.n_fft) - self.n_fft) // self.hop_length

    def out_shape(self, shape: Sequence[int]) -> Shape:
        """Return the shape of the output: (n_clips, n_bins, n_frames)."""
        return (shape[0], self.n_bins, self.out_length(shape[1]))

    def in_slice(self, start: int, stop: int) -> tuple[int, int]:
        """Return the samples that the frames from `start` to `stop` depend on."""
        before = self.n_fft // 2 if self.center else 0
        first = start * self.hop_length - before
        last = (stop - 1) * self.hop_length - before + self.n_fft
        if self.center and self.pad_mode == "reflect":
            # "reflect" does not repeat the sample at the end, so it looks one further.
            return first - 1, last + 1
        return first, last

    @property
    def whole(self) -> bool:
        """Whether the op needs whole clips: for "pcen", `top_db` and ``ref="max"``."""
        whole = needs_whole_clips(self.compression, self.ref, self.top_db)
        return whole or super().whole

    def forward(self, x: Tensor) -> Tensor:
        """Compute the spectra of waveforms, as in :meth:`sktag.ops.Op.forward`."""
        if not len(x):
            return x.new_empty(self.out_shape(x.shape))
        out = x.new_empty(self.out_shape(x.shape))
        window = _window(self._window_key(), self.n_fft, x.dtype, x.device)
        for clips, columns, frames in self._blocks(x):
            magnitudes = _power(frames * window, self.power)
            for bins, values in self._bands(magnitudes):
                out[clips, bins, columns] = values
        return compress(
            out,
            self.compression,
            power=self.power,
            ref=self.ref,
            amin=self.amin,
            top_db=self.top_db,
            log1p_factor=self.log1p_factor,
            frame_rate=self.sr / self.hop_length,
        )

    def _blocks(self, x: Tensor) -> Iterator[tuple[slice, slice, Tensor]]:
        """Yield blocks of frames: the clips, the columns and the frames themselves."""
        at_once = max(1, _BLOCK.get(x.device.type, 2**26) // self.n_fft)
        column = 0
        for frames in self._frames(x):
            n_clips = max(1, at_once // frames.shape[1])
            for clip in range(0, len(x), n_clips):
                for first in range(0, frames.shape[1], at_once):
                    block = frames[clip : clip + n_clips, first : first + at_once]
                    clips = slice(clip, clip + len(block))
                    start = column + first
                    yield clips, slice(start, start + block.shape[1]), block
            column += frames.shape[1]

    def _frames(self, x: Tensor) -> Iterator[Tensor]:
        """Yield the frames in order, (n_clips, n_frames, n_fft), as views if possible.

        Only the frames that reach beyond an end are cut from a padded copy.
        """
        n_samples, n_frames = x.shape[1], self.out_length(x.shape[1])
        hop, before = self.hop_length, self.n_fft // 2 if self.center else 0
        # The first frame that lies inside the clip, and the first one after those.
        first = -(-before // hop)
        last = (n_samples + before - self.n_fft) // hop + 1
        if first >= last:
            first = last = n_frames
        if first:
            yield self._padded(x, 0, (first - 1) * hop).unfold(1, self.n_fft, hop)
        if first < last:
            yield x[:, first * hop - before :].unfold(1, self.n_fft, hop)
        if last < n_frames:
            start, stop = last * hop, (n_frames - 1) * hop
            yield self._padded(x, start, stop).unfold(1, self.n_fft, hop)

    def _padded(self, x: Tensor, start: int, stop: int) -> Tensor:
        """Return the padded samples of the frames that begin at `start` to `stop`."""
        before = self.n_fft // 2 if self.center else 0
        start, stop, n_samples = start - before, stop - before + self.n_fft, x.shape[1]
        if self.pad_mode != "constant" and self.center:
            # The types of numpy want a literal mode; the transformer checks the string.
            index = np.pad(np.arange(n_samples), before, mode=self.pad_mode)  # type: ignore[call-overload]
            index = torch.from_numpy(index[start + before : stop + before])
            # With an odd n_fft, a clip of very few samples is shorter than the window.
            short = stop - start - len(index)
            return functional.pad(x[:, index.to(x.device)], (0, short))
        inside = x[:, max(start, 0) : max(stop, 0)]
        return functional.pad(inside, (max(-start, 0), max(stop - n_samples, 0)))

    def _bands(self, magnitudes: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """Yield rows of the output and their values, (n_clips, n_rows, n_frames)."""
        yield slice(None), magnitudes

    def _window_key(self) -> tuple[object, int]:
        window = self.window
        if isinstance(window, np.ndarray):
            window = ("samples", *window.tolist())
        return window, self.win_length or self.n_fft


@dataclass
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
        """Find the bands that contain no bin of the Fourier transform.

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

    def _bands(self, magnitudes: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """Yield rows of the output and their values, (n_clips, n_rows, n_frames)."""
        row = 0
        for bins, weights in _mel_groups(
            self._mel_key(), magnitudes.dtype, magnitudes.device
        ):
            yield slice(row, row + len(weights)), weights @ magnitudes[:, bins]
            row += len(weights)


@lru_cache(maxsize=64)
@plain_torch()
def _window(
    key: tuple[object, int], n_fft: int, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Return the window, centred in `n_fft` samples."""
    from scipy.signal import get_window

    refuse_export()
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
        # The transformer warns, and names the bands and the remedy.
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
@plain_torch()
def _mel_groups(
    key: tuple[Any, ...], dtype: torch.dtype, device: torch.device
) -> list[tuple[slice, Tensor]]:
    """Return groups of neighbouring bands: their bins, and (n_bands, n_bins) filters.

    Each band has few bins, so one matrix for all bands would be mostly zeros. On a GPU
    one large product is still faster than several small ones.
    """
    refuse_export()
    filters = _mel_filters(*key)
    n_groups = _N_OCTAVES if device.type == "cpu" else 1
    # The last bin of each band (of an empty band: of its neighbour below), and how many
    # octaves it lies below the top.
    n_bins = filters.shape[1]
    last = np.where(filters != 0, np.arange(n_bins), 0).max(axis=1)
    last = np.maximum.accumulate(np.maximum(last, 1))
    octave = np.log2((n_bins - 1) / last).astype(int).clip(0, n_groups - 1)
    groups = []
    for n in np.unique(octave)[::-1]:
        bands = filters[octave == n]
        used = np.flatnonzero(bands.any(axis=0))
        bins = slice(used[0], used[-1] + 1) if used.size else slice(0, 1)
        weights = torch.from_numpy(np.ascontiguousarray(bands[:, bins]))
        groups.append((bins, weights.to(device, dtype)))
    return groups


def _power(frames: Tensor, power: float) -> Tensor:
    """Return the magnitudes of frames to a power, (n_clips, n_bins, n_frames)."""
    spectra: Tensor = torch.fft.rfft(frames)
    if power != 2.0:
        return spectra.abs().pow(power).transpose(1, 2)
    parts = torch.view_as_real(spectra)
    squares: Tensor = parts.square() if parts.requires_grad else parts.square_()
    return (squares[..., 0] + squares[..., 1]).transpose(1, 2)
