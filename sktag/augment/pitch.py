"""Tempo and pitch, each without the other, by a phase vocoder.

The conventions are librosa's (n_fft 2048, a hop of a quarter, a rate above 1 is
faster), so that ``librosa.effects`` is the reference. Rates differ from row to row of a
batch: frames are taken at each row's own times, and all rows are transformed together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from sktag.augment.ranges import Range, between, check_range
from sktag.ops.op import RandomOp

N_FFT = 2048
HOP = N_FFT // 4
# Rows transformed at a time: their spectra, of some megabytes each, stay in the cache.
_ROWS = 4


def stretch(x: Tensor, rates: np.ndarray, n_samples: int) -> Tensor:
    """Change the tempo of each clip, at its pitch.

    Parameters
    ----------
    x : Tensor of shape (n_clips, n)
        Waveforms.
    rates : ndarray of shape (n_clips,)
        How much faster, each above 0.
    n_samples : int
        Samples of the result; where a clip is shorter then, silence follows.

    Returns
    -------
    Tensor of shape (n_clips, n_samples)
        Clips of new tempo, cut or padded.

    References
    ----------
    Flanagan, Golden, "Phase vocoder", Bell System Technical Journal 1966.
    Laroche, Dolson, "Improved phase vocoder time-scale modification of audio", IEEE
    Transactions on Speech and Audio Processing 1999.
    """
    parts = [
        _stretch(rows, rates[i : i + _ROWS], n_samples)
        for i, rows in zip(range(0, len(x), _ROWS), x.split(_ROWS), strict=True)
    ]
    return torch.cat(parts)


def _stretch(x: Tensor, rates: np.ndarray, n_samples: int) -> Tensor:
    window = torch.hann_window(N_FFT, dtype=x.dtype, device=x.device)
    spectra = torch.stft(
        x, N_FFT, HOP, window=window, pad_mode="constant", return_complex=True
    )
    # Frames are contiguous, and two of silence follow, as in librosa.
    spectra = functional.pad(spectra.transpose(1, 2), (0, 0, 0, 2))
    n_frames = spectra.shape[1] - 2
    n_out = min(int(np.ceil(n_frames / rates.min())), n_samples // HOP + 3)
    times = np.arange(n_out) * rates[:, np.newaxis]
    is_over = times >= n_frames
    before = np.minimum(times.astype(int), n_frames)
    between_frames = np.where(is_over, 0.0, times - before)

    def send(array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(x.device, non_blocking=True)

    rows, first = torch.arange(len(x), device=x.device)[:, None], send(before)
    share = send(between_frames).to(x.dtype)[:, :, None]
    magnitude, angle = spectra.abs(), spectra.angle()
    magnitude = torch.lerp(magnitude[rows, first], magnitude[rows, first + 1], share)
    magnitude = magnitude.masked_fill(send(is_over)[:, :, None], 0.0)
    # From frame to frame of the result the phase advances as it does from `first` on:
    # the hop is the same, and whole turns do not matter.
    advance = (angle[rows, first + 1] - angle[rows, first])[:, :-1]
    phase = torch.cat([angle[:, :1], advance], dim=1).cumsum(dim=1)
    stretched = torch.polar(magnitude, phase).transpose(1, 2)
    out = torch.istft(stretched, N_FFT, HOP, window=window)[:, :n_samples]
    lengths = np.round(x.shape[1] / rates)[:, np.newaxis]
    out = functional.pad(out, (0, n_samples - out.shape[1]))
    return out.masked_fill(send(np.arange(n_samples) >= lengths), 0.0)


def resample(x: Tensor, factors: np.ndarray, n_samples: int) -> Tensor:
    """Play each clip faster, pitch and all, by its spectrum.

    Parameters
    ----------
    x : Tensor of shape (n_clips, n)
        Waveforms.
    factors : ndarray of shape (n_clips,)
        How much faster, each above 0.
    n_samples : int
        Samples of the result, at most n over the factor.

    Returns
    -------
    Tensor of shape (n_clips, n_samples)
        Clips at the same sample rate, without what would be above half of it.
    """
    out = x.new_empty((len(x), n_samples))
    # Silence keeps the end of a clip, which is the neighbour of its start, apart.
    n_in = 1 << (x.shape[1] + N_FFT - 1).bit_length()
    for factor in np.unique(factors):
        chosen = np.flatnonzero(factors == factor)
        rows = torch.from_numpy(chosen).to(x.device, non_blocking=True)
        n_out = 2 * round(n_in / factor / 2)
        spectra = torch.fft.rfft(x[rows], n_in)
        kept = spectra[:, : n_out // 2 + 1]
        out[rows] = torch.fft.irfft(kept, n_out)[:, :n_samples] * (n_out / n_in)
    return out


@dataclass(eq=False, repr=False)
class TimeStretch(RandomOp):
    """Make clips faster or slower, at their pitch; their length stays.

    Labels of tempo change, and those of rhythm in seconds.

    Parameters
    ----------
    rate : float or (float, float), default=(0.8, 1.25)
        How much faster, as in librosa: a number, or a range it is drawn from, equally
        in each octave. Faster clips are followed by silence, slower ones are cut.
    p : float in [0, 1], default=1.0
        Probability that a clip is changed.

    References
    ----------
    Flanagan, Golden, "Phase vocoder", Bell System Technical Journal 1966.

    Examples
    --------
    >>> import torch
    >>> from sktag.augment import TimeStretch
    >>> tone = torch.sin(torch.arange(22050.0) / 10)
    >>> out = TimeStretch(rate=2.0).apply(tone)
    >>> out.shape, bool(out[11025:].any())
    (torch.Size([22050]), False)
    """

    takes: ClassVar[str | None] = "wave"

    rate: Range = (0.8, 1.25)

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        self.rate = check_range(self, "rate", self.rate, 0.1, 10)

    def draw(self, uniforms: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
        """Draw `rate`, see :meth:`sktag.ops.RandomOp.draw`."""
        octaves = tuple(np.log2(self.rate))
        return {"rate": 2 ** between(octaves, uniforms[:, 0])}

    def change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Do the op, see :meth:`sktag.ops.RandomOp.change`."""
        return stretch(x, params["rate"], x.shape[1])


@dataclass(eq=False, repr=False)
class PitchShift(RandomOp):
    """Move clips up or down in pitch, at their tempo.

    Labels of pitch, key and chords change; beyond a few semitones, those of timbre and
    voice too.

    Parameters
    ----------
    semitones : float or (float, float), default=(-2.0, 2.0)
        How far up: a number, or a range it is drawn from uniformly.
    p : float in [0, 1], default=1.0
        Probability that a clip is changed.

    References
    ----------
    Laroche, Dolson, "New phase-vocoder techniques for pitch-shifting, harmonizing and
    other exotic effects", WASPAA 1999: a stretch, and playing it faster.

    Examples
    --------
    >>> import torch
    >>> from sktag.augment import PitchShift
    >>> tone = torch.sin(2 * torch.pi * 440 * torch.arange(22050) / 22050)
    >>> out = PitchShift(semitones=12.0).apply(tone)
    >>> int(torch.fft.rfft(out).abs().argmax())  # in Hz, for a second
    880
    """

    takes: ClassVar[str | None] = "wave"

    semitones: Range = (-2.0, 2.0)

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        self.semitones = check_range(self, "semitones", self.semitones, -36, 36)

    def draw(self, uniforms: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
        """Draw `semitones`, see :meth:`sktag.ops.RandomOp.draw`."""
        return {"semitones": between(self.semitones, uniforms[:, 0])}

    def change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Do the op, see :meth:`sktag.ops.RandomOp.change`."""
        n_samples = x.shape[1]
        factors = 2 ** (np.asarray(params["semitones"], dtype=float) / 12)
        longest = int(np.ceil(n_samples * factors.max())) + 1
        return resample(stretch(x, 1 / factors, longest), factors, n_samples)
