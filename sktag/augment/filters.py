"""Random filters, reverberation and dynamic range compression of waveforms."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.fft import next_fast_len
from torch import Tensor

from sktag.augment.noise import mean_power
from sktag.augment.ranges import (
    Range,
    as_seeds,
    between,
    check_count,
    check_range,
    column,
    normal_noise,
)
from sktag.ops.random_op import RandomOp

# Default ranges of the cutoff frequency, in Hz.
CUTOFFS = {
    "low_pass": (500.0, 7500.0),
    "high_pass": (20.0, 2400.0),
    "band_pass": (200.0, 4000.0),
}
# Samples in a block of the one-pole filter.
_BLOCK = 64


def _known_rate(op: RandomOp, sample_rate: float | None) -> float:
    if sample_rate is None:
        raise ValueError(
            f"{type(op).__name__} needs the sample rate of the waveforms: "
            "apply(x, sample_rate), or sr= of the Augmenter."
        )
    return sample_rate


@dataclass
class Filter(RandomOp):
    """Apply a zero-phase filter with the magnitude of a Butterworth filter.

    Changes labels of timbre and sound quality and, if little of the band is left, of
    instruments.

    Parameters
    ----------
    kind : {"low_pass", "high_pass", "band_pass"} or tuple of them, \
            default="low_pass"
        Kind of filter; if there are several, one is picked for each clip.
    cutoff_hz : float or (float, float), optional
        Frequency at which the power is halved, or the centre of a band, in Hz: a
        number, or a range to draw from, uniformly on a logarithmic scale. By default
        500 to 7500 for a low-pass, 20 to 2400 for a high-pass and 200 to 4000 for a
        band-pass filter.
    width_octaves : float or (float, float), default=(1.0, 3.0)
        Width of a band between the frequencies at which the power is halved, in
        octaves.
    order : int > 0, default=2
        Order of the filter; its slope is 6 dB per octave and order.
    p : float in [0, 1], default=1.0
        Probability that a clip is changed.

    References
    ----------
    Butterworth, "On the theory of filter amplifiers", 1930.

    Examples
    --------
    >>> import torch
    >>> from sktag.augment import Filter
    >>> tone = torch.sin(torch.arange(8000) * 2 * torch.pi * 1000 / 8000)
    >>> out = Filter("low_pass", cutoff_hz=1000.0).apply(tone, 8000)
    >>> round(float(out[2000:6000].square().mean()), 2)  # half that of the tone
    0.25
    """

    takes: ClassVar[str | None] = "wave"
    n_uniforms: ClassVar[int] = 3

    kind: str | tuple[str, ...] = "low_pass"
    cutoff_hz: Range | None = None
    width_octaves: Range = (1.0, 3.0)
    order: int = 2

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        kinds = self._kinds
        if not kinds or not set(kinds) <= set(CUTOFFS):
            raise ValueError(
                f"Filter has kind={self.kind!r}: use {', '.join(CUTOFFS)}, or several "
                "of them."
            )
        if self.cutoff_hz is not None:
            self._set(cutoff_hz=check_range(self, "cutoff_hz", self.cutoff_hz, 1e-3))
        width = check_range(self, "width_octaves", self.width_octaves, 1e-3)
        self._set(width_octaves=width)
        check_count(self, "order", self.order)

    @property
    def _kinds(self) -> tuple[str, ...]:
        return (self.kind,) if isinstance(self.kind, str) else tuple(self.kind)

    def draw(self, uniforms: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
        """Draw `kind`, `cutoff_hz` and `width_octaves`, see `RandomOp.draw`."""
        kinds = self._kinds
        picked = (uniforms[:, 0] * len(kinds)).astype(int)
        ranges = [self.cutoff_hz or CUTOFFS[kind] for kind in kinds]
        low, high = np.log(ranges)[picked].T
        drawn = {
            "kind": np.array(kinds)[picked],
            "cutoff_hz": np.exp(low + uniforms[:, 1] * (high - low)),
        }
        if "band_pass" in kinds:
            drawn["width_octaves"] = between(self.width_octaves, uniforms[:, 2])
        return drawn

    def check_rate(self, sample_rate: float | None) -> None:
        """Raise an error if the cutoff exceeds half the sample rate."""
        rate = _known_rate(self, sample_rate)
        most = 0.0 if self.cutoff_hz is None else np.max(self.cutoff_hz)
        if most >= rate / 2:
            raise ValueError(
                f"Filter has a cutoff_hz of up to {most:g} Hz, but waveforms at "
                f"{rate:g} Hz end at {rate / 2:g} Hz: give a range below that, "
                "cutoff_hz=(least, most)."
            )

    def change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Apply the op, see :meth:`sktag.ops.RandomOp.change`."""
        self.check_rate(sample_rate)
        rate = _known_rate(self, sample_rate)
        kind, cutoff = params["kind"], np.asarray(params["cutoff_hz"], float)
        half = 2 ** (np.asarray(params.get("width_octaves", 1.0), float) / 2)
        width = cutoff * (half - 1 / half)
        # All three magnitudes are 1 / sqrt(1 + (a f + b / f)^2n).
        is_low, is_high = kind == "low_pass", kind == "high_pass"
        a = np.where(is_low, 1 / cutoff, np.where(is_high, 0, 1 / width))
        b = np.where(is_low, 0, np.where(is_high, cutoff, -(cutoff**2) / width))
        # Half a second of zeros keeps the end from ringing into the start.
        size = next_fast_len(x.shape[1] + int(rate / 2), real=True)
        f = torch.arange(size // 2 + 1, dtype=x.dtype, device=x.device) * (rate / size)
        f[:1] = 1e-30
        gain = torch.addcmul(column(b, x) / f, column(a, x), f).square_()
        gain = gain.pow_(int(self.order)).add_(1).rsqrt_()
        spectrum = torch.fft.rfft(x, n=size)
        # A product of complex numbers would first copy the gain to a complex one.
        spectrum.real.mul_(gain)
        spectrum.imag.mul_(gain)
        filtered: Tensor = torch.fft.irfft(spectrum, n=size)[:, : x.shape[1]]
        return filtered.contiguous()


@dataclass
class Reverb(RandomOp):
    """Add the reverberation of a room, synthetic or from impulse responses.

    A synthetic response is exponentially decaying noise. The reverberation is scaled to
    the RMS level of the clip and mixed with it, and the mix is scaled to that level
    again. Changes labels of space and sound quality.

    Parameters
    ----------
    rt60_s : float or (float, float), default=(0.2, 1.0)
        Time in which a synthetic response decays by 60 dB, in seconds: a number, or a
        range to draw from, uniformly.
    wet : float or (float, float), default=(0.1, 0.5)
        Share of the reverberation in the mix, from 0 to 1.
    impulse_responses : array of shape (n, n_samples), optional
        Responses to pick from, at the sample rate of the clips, instead of synthetic
        ones.
    p : float in [0, 1], default=1.0
        Probability that a clip is changed.

    References
    ----------
    Moorer, "About this reverberation business", Computer Music Journal, 1979.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from sktag.augment import Reverb
    >>> echo = Reverb(wet=0.5, impulse_responses=np.array([[0.0, 0.0, 1.0]]))
    >>> echo.apply(torch.tensor([2.0, 0.0, 0.0, 0.0]), row=0)
    tensor([1.4142, 0.0000, 1.4142, 0.0000])
    """

    takes: ClassVar[str | None] = "wave"
    n_uniforms: ClassVar[int] = 3

    rt60_s: Range = (0.2, 1.0)
    wet: Range = (0.1, 0.5)
    impulse_responses: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        self._set(rt60_s=check_range(self, "rt60_s", self.rt60_s, 1e-3))
        self._set(wet=check_range(self, "wet", self.wet, 0, 1))
        if self.impulse_responses is not None:
            given = np.atleast_2d(np.asarray(self.impulse_responses))
            is_fine = given.ndim == 2 and given.size and np.isfinite(given).all()
            if not is_fine or not given.any(axis=1).all():
                raise ValueError(
                    f"Reverb has impulse_responses of shape {given.shape}: give finite "
                    "numbers (n, n_samples), no row of which is silent."
                )
            self._set(impulse_responses=given)

    def draw(self, uniforms: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
        """Draw `wet`, and either `rt60_s` and `seed` or `row`; see `RandomOp.draw`."""
        drawn: dict[str, Any] = {"wet": between(self.wet, uniforms[:, 0])}
        if self.impulse_responses is None:
            drawn["rt60_s"] = between(self.rt60_s, uniforms[:, 1])
            drawn["seed"] = as_seeds(uniforms[:, 2])
        else:
            drawn["row"] = (uniforms[:, 1] * len(self.impulse_responses)).astype(int)
        return drawn

    def change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Apply the op, see :meth:`sktag.ops.RandomOp.change`."""
        if self.impulse_responses is None:
            response = self._synthetic(x, _known_rate(self, sample_rate), params)
        else:
            response = torch.from_numpy(self.impulse_responses[params["row"]])
            response = response.to(x.dtype).to(x.device, non_blocking=True)
        size = next_fast_len(x.shape[1] + response.shape[1] - 1, real=True)
        spectrum = torch.fft.rfft(x, n=size) * torch.fft.rfft(response, n=size)
        reverberant = torch.fft.irfft(spectrum, n=size)[:, : x.shape[1]]
        power = mean_power(x)
        mixed = torch.lerp(x, _at_power(reverberant, power), column(params["wet"], x))
        return _at_power(mixed, power)

    def _synthetic(
        self, x: Tensor, sample_rate: float, params: dict[str, Any]
    ) -> Tensor:
        """Return a response for each row: decaying noise."""
        rt60 = np.asarray(params["rt60_s"], float)
        most = check_range(self, "rt60_s", self.rt60_s)[1]
        # As long as a row's can be, so that a row does not depend on the others.
        size = int(np.ceil(max(most, rt60.max()) * sample_rate))
        noise = normal_noise(params["seed"], x.new_empty(len(x), size))
        times = torch.arange(size, dtype=x.dtype, device=x.device) / sample_rate
        return noise * torch.exp(times * column(-np.log(1e3) / rt60, x))


def _at_power(x: Tensor, power: Tensor) -> Tensor:
    """Scale rows to a given mean square; silence stays silence."""
    own = mean_power(x)
    return x * torch.where(own > 0, (power / own).sqrt(), 0)


@dataclass
class DynamicRangeCompression(RandomOp):
    """Reduce the level of loud passages with a feed-forward compressor.

    The level is the mean square of the signal, smoothed by a one-pole filter. Above the
    threshold, `ratio` dB at the input become 1 dB at the output. There is no make-up
    gain. Changes labels of loudness and dynamics.

    Parameters
    ----------
    threshold_db : float or (float, float), default=(-40.0, -10.0)
        Level above which the gain is reduced, in dB relative to a mean square of 1: a
        number, or a range to draw from, uniformly.
    ratio : float or (float, float), default=(2.0, 8.0)
        Compression ratio, at least 1: a number, or a range to draw from, uniformly.
    time_constant_s : float > 0, default=0.02
        Time constant of the level in seconds, for both attack and release.
    p : float in [0, 1], default=1.0
        Probability that a clip is changed.

    References
    ----------
    Giannoulis et al., "Digital dynamic range compressor design: a tutorial and
    analysis", Journal of the Audio Engineering Society, 2012.

    Examples
    --------
    >>> import torch
    >>> from sktag.augment import DynamicRangeCompression
    >>> op = DynamicRangeCompression(threshold_db=-20.0, ratio=2.0)
    >>> loud = torch.ones(8000)  # 20 dB above the threshold, 10 dB afterwards
    >>> round(float(op.apply(loud, 8000)[-1]), 3)
    0.316
    """

    takes: ClassVar[str | None] = "wave"
    n_uniforms: ClassVar[int] = 2

    threshold_db: Range = (-40.0, -10.0)
    ratio: Range = (2.0, 8.0)
    time_constant_s: float = 0.02

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        self._set(threshold_db=check_range(self, "threshold_db", self.threshold_db))
        self._set(ratio=check_range(self, "ratio", self.ratio, 1))
        if not 0 < self.time_constant_s < np.inf:
            raise ValueError(
                f"DynamicRangeCompression has time_constant_s={self.time_constant_s!r}:"
                " give a time above 0, in seconds."
            )

    def draw(self, uniforms: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
        """Draw `threshold_db` and `ratio`, see :meth:`sktag.ops.RandomOp.draw`."""
        return {
            "threshold_db": between(self.threshold_db, uniforms[:, 0]),
            "ratio": between(self.ratio, uniforms[:, 1]),
        }

    def change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Apply the op, see :meth:`sktag.ops.RandomOp.change`."""
        rate = _known_rate(self, sample_rate)
        level = one_pole(x.square(), np.exp(-1 / (self.time_constant_s * rate)))
        threshold = np.asarray(params["threshold_db"], float) * np.log(10) / 10
        slope = (1 - 1 / np.asarray(params["ratio"], float)) / 2
        excess = level.clamp_(min=1e-30).log_() - column(threshold, x)
        return excess.clamp_(min=0).mul_(column(-slope, x)).exp_().mul_(x)


def one_pole(x: Tensor, pole: float) -> Tensor:
    """Smooth rows by y[t] = pole y[t - 1] + (1 - pole) x[t], starting with y = 0."""
    return _recur(x, pole).mul_(1 - pole)


def _recur(x: Tensor, pole: float) -> Tensor:
    """Return y[t] = pole y[t - 1] + x[t], within blocks and then across blocks."""
    n_rows, size = x.shape
    n_blocks = -(-size // _BLOCK)
    lags = np.subtract.outer(np.arange(_BLOCK), np.arange(_BLOCK))
    kernel = np.where(lags >= 0, float(pole) ** np.maximum(lags, 0), 0.0)
    blocks = torch.nn.functional.pad(x, (0, n_blocks * _BLOCK - size))
    blocks = blocks.view(n_rows, n_blocks, _BLOCK)
    matrix = torch.from_numpy(kernel.T.copy()).to(x.dtype)
    out = blocks @ matrix.to(x.device, non_blocking=True)
    if n_blocks > 1:
        ends = _recur(out[:, :-1, -1], pole**_BLOCK)
        decay = torch.from_numpy(float(pole) ** np.arange(1, _BLOCK + 1)).to(x.dtype)
        decay = decay.to(x.device, non_blocking=True)
        out[:, 1:].addcmul_(ends[:, :, None], decay)
    return out.view(n_rows, -1)[:, :size]
