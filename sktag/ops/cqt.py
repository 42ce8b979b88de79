"""The constant-Q transform, to the precision of float32.

A bin is the inner product of the signal with a windowed complex tone, at every hop. It
is computed in one of two ways:

- Short kernels (high bins): frames of the signal times the kernels, a matrix product.
- Long kernels (low bins): the product of the spectra of signal and kernel, over the
  narrow band of the kernel only. Decimation in time is aliasing in frequency, so the
  band is folded to as many values as there are hops, and one short inverse transform
  gives the bin at every hop. If all these bands lie low, the signal is low-passed and
  decimated first, and the kernels' bands compensate for the filter.

Long signals are cut into segments that overlap by the longest kernel.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from scipy import fft
from torch import Tensor
from torch.nn import functional

from sktag._torch import plain_torch
from sktag.ops.compression import compress, needs_whole_clips
from sktag.ops.low_pass import LowPass, pieces
from sktag.ops.op import Op, Shape, refuse_export

# Kernels shorter than this times the square root of the hop are multiplied with frames.
# Per sample, a matrix product costs length / hop_length, and a band of a spectrum
# 1 / length.
_SHORT = 32.0
# Number of short kernels in one matrix.
_GROUP = 12
# Share of the norm of a kernel's spectrum that may lie outside its band.
_LEFT_OUT = {torch.float32: 3e-5, torch.float64: 1e-8}
# Approximate samples in a segment, so that its spectrum fits the cache of a core.
_SEGMENT = 2**18
# Clips transformed at a time on the CPU.
_ROWS = 8


@dataclass
class CQTOp(Op):
    """Magnitudes of the constant-Q transform.

    Parameters
    ----------
    sr : float > 0
        Sample rate of the waveforms, in Hz.
    hop_length, fmin, n_bins, bins_per_octave, filter_scale, window, compression, ref, \
amin, top_db, log1p_factor : see CQT
        The parameters of :class:`sktag.CQT`.

    Examples
    --------
    >>> from sktag.ops import CQTOp
    >>> CQTOp(22050).out_shape((32, 220500))
    (32, 84, 431)
    """

    takes: ClassVar[str | None] = "wave"
    gives: ClassVar[str | None] = "spectrogram"

    sr: float
    hop_length: int = 512
    fmin: float | None = None
    n_bins: int = 84
    bins_per_octave: int = 12
    filter_scale: float = 1.0
    window: Any = "hann"
    compression: str | None = "db"
    ref: float | str = 1.0
    amin: float = 1e-5
    top_db: float | None = None
    log1p_factor: float = 1e4

    @property
    def frequencies(self) -> np.ndarray:
        """Centre of each bin, in Hz."""
        from librosa import cqt_frequencies, note_to_hz

        fmin = float(note_to_hz("C1")) if self.fmin is None else self.fmin
        return np.asarray(
            cqt_frequencies(
                self.n_bins, fmin=fmin, bins_per_octave=self.bins_per_octave
            )
        )

    def out_length(self, length: int) -> int:
        """Return the number of frames of a clip of `length` samples."""
        return 1 + length // self.hop_length

    def out_shape(self, shape: Sequence[int]) -> Shape:
        """Return the shape of the output: (n_clips, n_bins, n_frames)."""
        return (shape[0], self.n_bins, self.out_length(shape[1]))

    def in_slice(self, start: int, stop: int) -> tuple[int, int]:
        """Return the samples that the frames from `start` to `stop` depend on."""
        half = self.longest() // 2 + 1
        return start * self.hop_length - half, (stop - 1) * self.hop_length + half

    @property
    def whole(self) -> bool:
        """Whether the op needs whole clips: for "pcen", `top_db` and ``ref="max"``."""
        whole = needs_whole_clips(self.compression, self.ref, self.top_db)
        return whole or super().whole

    def highest(self) -> float:
        """Return the upper edge of the highest bin, in Hz.

        Returns
        -------
        float
            The frequency at which the main lobe of its window has fallen by 3 dB. It
            must not exceed half the sample rate.
        """
        return _lengths(*self._key())[1]

    def _key(self) -> tuple[Any, ...]:
        window = tuple(self.window) if isinstance(self.window, list) else self.window
        frequencies = tuple(self.frequencies.tolist())
        return self.sr, frequencies, self.bins_per_octave, self.filter_scale, window

    def longest(self) -> int:
        """Return the length of the longest kernel, that of the lowest bin.

        Returns
        -------
        int
            Length in samples.
        """
        return int(np.ceil(_lengths(*self._key())[0].max()))

    def forward(self, x: Tensor) -> Tensor:
        """Compute the spectra of waveforms, as in :meth:`sktag.ops.Op.forward`."""
        hop, n_frames = self.hop_length, self.out_length(x.shape[1])
        margin = -(-self.longest() // (2 * hop))
        # Equal segments of `kept` frames, with `margin` frames on either side.
        n_segments = -(-n_frames // max(_SEGMENT // hop - 2 * margin, 8 * margin))
        kept = -(-n_frames // n_segments)
        # Convolution by spectra is circular: one margin serves both ends of a clip.
        n_margins = 1 if n_segments == 1 else 2
        n_hops = int(fft.next_fast_len(kept + n_margins * margin, real=True))
        bank = _make_bank(self._key(), hop, n_hops, x.dtype, x.device)
        if not len(x):
            return x.new_empty(self.out_shape(x.shape))
        blocks = []
        for clips in x.split(_ROWS if x.device.type == "cpu" else len(x)):
            starts = [(k * kept - margin) * hop for k in range(n_segments)]
            segments = (
                _cut(clips, start - bank.reach, start + n_hops * hop + bank.reach)
                for start in starts
            )
            spectra = [bank.magnitudes(some, margin, kept) for some in segments]
            blocks.append(torch.cat(spectra, dim=2))
        out = torch.cat(blocks)
        return compress(
            out[..., :n_frames],
            self.compression,
            power=1.0,
            ref=self.ref,
            amin=self.amin,
            top_db=self.top_db,
            log1p_factor=self.log1p_factor,
            frame_rate=self.sr / hop,
        )


def _cut(x: Tensor, start: int, stop: int) -> Tensor:
    """Return columns of waveforms, padded with silence beyond the ends."""
    inside = x[:, max(start, 0) : stop]
    return functional.pad(inside, (max(-start, 0), max(stop - x.shape[1], 0)))


def _magnitude(real: Tensor, imaginary: Tensor) -> Tensor:
    if real.requires_grad:  # slower, but with a gradient at zero
        return torch.complex(real, imaginary).abs()
    return (real.square() + imaginary.square()).sqrt_()


class _Bank(NamedTuple):
    """The kernels of one configuration, for segments of one length, on one device.

    `long` holds the lowest bins: the first column of each band in the spectrum, and the
    band, whose width is a multiple of `n_hops`. `short` holds the other bins, in groups
    of neighbours: (2 n_bins, n_samples), real parts first. `low_pass`, if any, filters
    the signal before the lowest bins. Segments have `reach` more samples at either end.
    """

    hop_length: int
    n_hops: int
    long: list[tuple[int, Tensor]]
    short: list[Tensor]
    low_pass: LowPass | None
    reach: int

    def magnitudes(self, x: Tensor, margin: int, kept: int) -> Tensor:
        """Return (n_clips, n_bins, kept): the magnitudes from hop `margin` on."""
        hops = slice(margin, margin + kept)
        low = [self._low(x)[..., hops]] if self.long else []
        high = self._high(x[:, self.reach :], hops) if self.short else ()
        return torch.cat([*low, *high], dim=1)

    def _low(self, x: Tensor) -> Tensor:
        before = max(0, *(-first for first, _ in self.long))
        after = max(first + len(band) for first, band in self.long)
        size = self.n_hops * self.hop_length
        if self.low_pass is None:
            x = x[:, :size]
        else:
            x = self.low_pass(x, size)
        columns = torch.fft.rfft(x)[:, : max(after, before + 1)]
        negative = columns[:, 1 : before + 1].flip(1).conj()
        columns = torch.cat([negative, columns], dim=1)
        folded = []
        for first, band in self.long:
            product = columns.narrow(1, before + first, len(band)) * band
            folded.append(product.view(len(x), -1, self.n_hops).sum(1))
        values = torch.fft.ifft(torch.stack(folded, dim=1))
        return _magnitude(values.real, values.imag)

    def _high(self, x: Tensor, hops: slice) -> Iterator[Tensor]:
        hop, n_frames = self.hop_length, hops.stop - hops.start
        widest = max(kernels.shape[1] for kernels in self.short)
        beyond = (hops.stop - 1) * hop + widest - widest // 2 - x.shape[1]
        if beyond > 0:
            x = functional.pad(x, (0, beyond))
        for kernels in self.short:
            n_bins = kernels.shape[0] // 2
            start = hops.start * hop - kernels.shape[1] // 2
            products = x.new_zeros(len(x), 2 * n_bins, n_frames)
            for frames, some in pieces(x, kernels, start, n_frames, hop):
                products = torch.baddbmm(products, some, frames.mT)
            yield _magnitude(products[:, :n_bins], products[:, n_bins:])


@lru_cache(maxsize=16)
@plain_torch()
def _make_bank(
    key: tuple[Any, ...],
    hop_length: int,
    n_hops: int,
    dtype: torch.dtype,
    device: torch.device,
) -> _Bank:
    """Make the kernels in double precision, and move them to the device."""
    refuse_export()
    sr, frequencies, _, _, window = key
    lengths = _lengths(*key)[0]
    kernels = [
        _kernel(length, frequency, sr, window)
        for length, frequency in zip(lengths, frequencies, strict=True)
    ]
    long: list[tuple[int, Tensor]] = []
    for kernel, frequency in zip(kernels, frequencies, strict=True):
        if len(kernel) <= _SHORT * np.sqrt(hop_length):
            break
        found = _band(kernel, frequency / sr, hop_length, n_hops, _LEFT_OUT[dtype])
        if found is None:
            break
        first, band = found
        long.append((first, torch.from_numpy(band).to(device, dtype.to_complex())))
    rest = kernels[len(long) :]
    groups = [rest[i : i + _GROUP] for i in range(0, len(rest), _GROUP)]
    low_pass = None
    if long and dtype == torch.float32:
        size = hop_length * n_hops
        edge = max(max(-first, first + len(band)) for first, band in long) / size
        low_pass = LowPass.design(edge, hop_length, device)
        if low_pass is not None:
            long = [(n, band * low_pass.undo(n, band, size)) for n, band in long]
    return _Bank(
        hop_length,
        n_hops,
        long,
        [_stack(g).to(device, dtype) for g in groups],
        low_pass,
        0 if low_pass is None else low_pass.reach,
    )


def _band(
    kernel: np.ndarray, tone: float, hop_length: int, n_hops: int, left_out: float
) -> tuple[int, np.ndarray] | None:
    """Return the first column of a kernel's band in its spectrum, and the band.

    `tone` is the kernel's frequency in cycles per sample. None if the band is too wide
    to save time.
    """
    size = hop_length * n_hops
    placed = np.zeros(size, dtype=complex)
    placed[np.arange(len(kernel)) - (len(kernel) + 1) // 2] = kernel
    spectrum = np.conj(fft.fft(placed)) / hop_length
    centre = round(tone * size)
    power = np.abs(np.roll(spectrum, size // 2 - centre)) ** 2
    both = power[size // 2 :: -1][: size // 2] + power[size // 2 :][: size // 2]
    outside = np.cumsum(both[::-1])[::-1]
    half = int((outside > left_out**2 * outside[0]).sum())
    width = -(-2 * half // n_hops) * n_hops
    first = centre - width // 2
    if width > size // 4 or first <= -size // 2 or first + width > size // 2:
        return None
    return first, spectrum[np.arange(first, first + width)]


def _stack(kernels: list[np.ndarray]) -> Tensor:
    """Return kernels as the rows of a matrix, centred on the time of the frame."""
    half = max((len(kernel) + 1) // 2 for kernel in kernels)
    matrix = np.zeros((len(kernels), 2 * half), dtype=complex)
    for row, kernel in zip(matrix, kernels, strict=True):
        first = half - (len(kernel) + 1) // 2
        row[first : first + len(kernel)] = kernel
    return torch.from_numpy(np.concatenate([matrix.real, matrix.imag]))


def _kernel(length: float, frequency: float, sr: float, window: Any) -> np.ndarray:
    """Return a kernel of :func:`librosa.filters.wavelet`, times its scale.

    Sample ``(len(kernel) + 1) // 2`` lies at the time of the frame.
    """
    from scipy.signal import get_window

    time = np.arange(-length // 2, length // 2)
    samples = get_window(window, len(time)) * np.exp(2j * np.pi * frequency / sr * time)
    return np.asarray(samples * (np.sqrt(length) / np.abs(samples).sum()))


@lru_cache(maxsize=64)
def _lengths(
    sr: float,
    frequencies: tuple[float, ...],
    bins_per_octave: int,
    filter_scale: float,
    window: Any,
) -> tuple[np.ndarray, float]:
    """Return the lengths of the kernels in samples, and the highest frequency."""
    from librosa import filters

    ratio = 2 ** (2 / bins_per_octave)
    # librosa needs two bins to know their spacing.
    alpha = (ratio - 1) / (ratio + 1) if len(frequencies) == 1 else None
    lengths, highest = filters.wavelet_lengths(
        freqs=np.array(frequencies),
        sr=sr,
        window=window,
        filter_scale=filter_scale,
        gamma=0,
        alpha=alpha,
    )
    return np.asarray(lengths), float(highest)
