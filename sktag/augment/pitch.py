"""Random time stretching and pitch shifting by a phase vocoder.

Each row of a batch has its own rate: its output frames are taken at its own positions
of the input, and all rows share the transforms.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.fft import next_fast_len, prev_fast_len
from torch import Tensor

from sktag.augment.ranges import Range, between, check_range
from sktag.ops.random_op import RandomOp

# The defaults of librosa.
N_FFT, HOP = 2048, 512
# Rows computed at a time, to keep their spectra small.
_ROWS = 4
# Largest error of a frequency ratio: a tenth of a cent.
_RATIO_ERROR = 5.8e-5
# Added to spectra so that silence has a phase, 0.
_FAINT = 1e-15


@dataclass
class TimeStretch(RandomOp):
    """Make clips faster or slower at the same pitch, by a phase vocoder.

    The length is kept: a slower clip is cropped, a faster one ends in silence. As with
    the vocoder of librosa, the level of music drops by one to four decibels. Changes
    labels of tempo and of the order or position of events.

    Parameters
    ----------
    rate : float or (float, float), default=(0.8, 1.25)
        Factor of the tempo: a number, or a range to draw from, uniformly on a
        logarithmic scale.
    p : float in [0, 1], default=1.0
        Probability that a clip is changed.

    References
    ----------
    Flanagan and Golden, "Phase vocoder", Bell System Technical Journal, 1966.
    Laroche and Dolson, "Improved phase vocoder time-scale modification of audio", 1999.

    Examples
    --------
    >>> import torch
    >>> from sktag.augment import TimeStretch
    >>> click = torch.zeros(22050)
    >>> click[11025] = 1.0
    >>> out = TimeStretch(rate=1.25).apply(click)
    >>> abs(int(out.argmax()) - 11025 / 1.25) < 512
    True
    """

    takes: ClassVar[str | None] = "wave"
    # A faster chunk would end in silence although the clip does not.
    takes_chunks: ClassVar[bool] = False

    rate: Range = (0.8, 1.25)

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        self._set(rate=check_range(self, "rate", self.rate, 0.1, 10))

    def draw(self, uniforms: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
        """Draw `rate`, see :meth:`sktag.ops.RandomOp.draw`."""
        low, high = np.log(check_range(self, "rate", self.rate))
        return {"rate": np.exp(low + uniforms[:, 0] * (high - low))}

    def change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Apply the op, see :meth:`sktag.ops.RandomOp.change`."""
        rates = np.asarray(params["rate"], float)
        return torch.cat(
            [
                stretch(x[i : i + _ROWS], rates[i : i + _ROWS], x.shape[1])
                for i in range(0, len(x), _ROWS)
            ]
        )


@dataclass
class PitchShift(RandomOp):
    """Transpose clips at the same tempo, by time stretching and resampling.

    The length is kept. As with the vocoder of librosa, the level of music drops by one
    to four decibels. Changes labels of pitch, key and register, and of timbre, since
    formants move too.

    Parameters
    ----------
    semitones : float or (float, float), default=(-2.0, 2.0)
        Interval in semitones, positive for up: a number, or a range to draw from,
        uniformly. Exact to a tenth of a cent within an octave.
    p : float in [0, 1], default=1.0
        Probability that a clip is changed.

    References
    ----------
    Flanagan and Golden, "Phase vocoder", Bell System Technical Journal, 1966.
    Laroche and Dolson, "Improved phase vocoder time-scale modification of audio", 1999.

    Examples
    --------
    >>> import torch
    >>> from sktag.augment import PitchShift
    >>> tone = torch.sin(torch.arange(22050) * 2 * torch.pi * 1000 / 22050)
    >>> out = PitchShift(semitones=12.0).apply(tone, 22050)
    >>> int(torch.fft.rfft(out).abs().argmax())  # in Hz, since the clip lasts a second
    2000
    """

    takes: ClassVar[str | None] = "wave"

    semitones: Range = (-2.0, 2.0)

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        self._set(semitones=check_range(self, "semitones", self.semitones, -36, 36))

    def draw(self, uniforms: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
        """Draw `semitones`, see :meth:`sktag.ops.RandomOp.draw`."""
        return {"semitones": between(self.semitones, uniforms[:, 0])}

    def change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Apply the op, see :meth:`sktag.ops.RandomOp.change`."""
        size = x.shape[1]
        factors = 2 ** (np.asarray(params["semitones"], float) / 12)
        sizes = [_sizes(size, float(factor)) for factor in factors]
        out = torch.empty_like(x)
        for i in range(0, len(x), _ROWS):
            some = sizes[i : i + _ROWS]
            rates = np.array([new / old for old, new in some])
            longest = int(np.ceil(size / rates.min()))
            stretched = stretch(x[i : i + _ROWS], rates, longest)
            for row, samples, (old, new) in zip(
                out[i : i + _ROWS], stretched, some, strict=True
            ):
                # A shorter or longer spectrum resamples the signal.
                spectrum = torch.fft.rfft(samples, n=old)[: new // 2 + 1]
                row.copy_(torch.fft.irfft(spectrum, n=new)[:size] * (new / old))
        return out


@lru_cache(maxsize=4096)
def _sizes(size: int, factor: float) -> tuple[int, int]:
    """Return two lengths whose ratio is `factor`, the second one above `size`.

    Both have small prime factors if a padding up to 1.25 times `size` allows it.
    """
    new = next_fast_len(size + 64)
    while new <= 1.25 * size:
        ideal = new * factor
        for old in (prev_fast_len(int(ideal)), next_fast_len(int(ideal) + 1)):
            if abs(old / ideal - 1) < _RATIO_ERROR:
                return int(old), int(new)
        new = next_fast_len(new + 1)
    # Long enough for whole samples to give the ratio.
    new = next_fast_len(max(size + 64, 2**14))
    return max(1, round(new * factor)), int(new)


def stretch(x: Tensor, rates: np.ndarray, size: int) -> Tensor:
    """Return rows at other tempi and the same pitch."""
    window = torch.hann_window(N_FFT, dtype=x.dtype, device=x.device)
    padded = torch.nn.functional.pad(x, (N_FFT // 2, N_FFT // 2 + 4 * HOP))
    spectra = torch.fft.rfft(padded.unfold(1, N_FFT, HOP) * window)
    spectra = _vocoder(spectra, rates, -(-size // HOP) + 3)
    out = _overlap_add(torch.fft.irfft(spectra, n=N_FFT).mul_(window))
    norm = _overlap_add(window.square().expand(1, spectra.shape[1], -1))
    kept = slice(N_FFT // 2, N_FFT // 2 + size)
    out = out[:, kept] / norm[:, kept]
    for row, end in zip(out, np.round(x.shape[1] / rates).astype(int), strict=True):
        row[end:] = 0
    return out


def _vocoder(spectra: Tensor, rates: np.ndarray, n_frames: int) -> Tensor:
    """Return frames at positions 0, rate, 2 rate, ... of rows of frames.

    Magnitudes are interpolated between the two neighbouring frames; the phase advances
    by the difference of their phases. Input and output frames are equally far apart, so
    phases need not be unwrapped.
    """
    n_rows, n_in, n_bins = spectra.shape
    positions = np.outer(rates, np.arange(n_frames))
    before = np.floor(positions).astype(int)
    is_over = before > n_in - 2
    before = np.minimum(before, n_in - 2)
    shares = np.where(is_over, 0, positions - before)

    def gather(frames: Tensor, picked: np.ndarray) -> Tensor:
        flat = torch.from_numpy((picked + np.arange(n_rows)[:, None] * n_in).ravel())
        rows = frames.view(-1, n_bins)[flat.to(frames.device, non_blocking=True)]
        return rows.view(n_rows, n_frames, n_bins)

    def weights(values: np.ndarray) -> Tensor:
        tensor = torch.from_numpy(values).to(magnitudes.dtype)
        return tensor.to(spectra.device, non_blocking=True)[:, :, None]

    spectra.real.add_(_FAINT)
    magnitudes = (spectra.real.square() + spectra.imag.square()).sqrt_()
    phases = spectra * magnitudes.reciprocal()
    steps = torch.empty_like(phases)
    torch.mul(phases[:, 1:], phases[:, :-1].conj(), out=steps[:, :-1])
    # The last frame has no step: its place holds the phases of the first frame.
    steps[:, -1] = phases[:, 0]
    first = np.full((n_rows, 1), n_in - 1)
    phases = gather(steps, np.hstack([first, before[:, :-1]])).cumprod(dim=1)
    here = gather(magnitudes, before).mul_(weights(np.where(is_over, 0, 1 - shares)))
    here.addcmul_(gather(magnitudes, before + 1), weights(shares))
    return phases.mul_(here)


def _overlap_add(frames: Tensor) -> Tensor:
    """Add frames that are HOP samples apart."""
    n_rows, n_frames, size = frames.shape
    n_parts = size // HOP
    out = frames.new_zeros(n_rows, n_frames + n_parts - 1, HOP)
    for part in range(n_parts):
        out[:, part : part + n_frames] += frames[..., part * HOP : (part + 1) * HOP]
    return out.view(n_rows, -1)
