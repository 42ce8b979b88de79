"""What rooms and devices do to sound: filters, reverberation, compression of dynamics.

All are linear filters, or gains made by one, so that a batch is computed by Fourier
transforms and no loop goes over samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from sktag.augment.ranges import (
    Range,
    as_seeds,
    between,
    check_range,
    column,
    normal_noise,
)
from sktag.ops.op import RandomOp

KINDS = ("low_pass", "high_pass", "band_pass")


def _need_rate(op: RandomOp, sample_rate: float | None) -> float:
    if sample_rate is None:
        raise ValueError(
            f"{type(op).__name__} needs the sample rate: apply(x, sample_rate=...)."
        )
    return sample_rate


def _convolve(x: Tensor, kernels: Tensor) -> Tensor:
    """Convolve each clip with a kernel that begins at its sample; length is kept."""
    n_samples = x.shape[1]
    n_fft = _fast_length(n_samples + kernels.shape[1] - 1)
    product = torch.fft.rfft(x, n_fft) * torch.fft.rfft(kernels, n_fft)
    out: Tensor = torch.fft.irfft(product, n_fft)[:, :n_samples]
    return out


def _fast_length(n: int) -> int:
    """Return the least length from n on that is a power of two times 1, 3, 5 or 9."""
    power = 1 << max(n - 1, 0).bit_length()
    candidates = (power, power * 3 // 4, power * 5 // 8, power * 9 // 16)
    return min(length for length in candidates if length >= n)


@dataclass(eq=False, repr=False)
class Filter(RandomOp):
    """Let low, high or middle frequencies pass, with the slope of a Butterworth filter.

    The phase is left as it is: the filter goes forwards and backwards, so to speak.
    Labels stay, but for those of the recording's quality and of what is only heard in
    the bands that are gone.

    Parameters
    ----------
    kind : {"low_pass", "high_pass", "band_pass"} or tuple of them, \
            default=("low_pass", "high_pass", "band_pass")
        One kind, or some to draw from.
    low_pass_hz : float or (float, float), default=(1000.0, 8000.0)
        Cutoff of the low-pass, where it leaves half of the power, in Hz: a number, or
        a range it is drawn from, equally in each octave.
    high_pass_hz : float or (float, float), default=(100.0, 1000.0)
        Cutoff of the high-pass. A band-pass is between a cutoff of either kind, so its
        ranges must not overlap.
    order : int > 0, default=2
        Order of the Butterworth filter: the slope is 6 dB an octave for each.
    p : float in [0, 1], default=1.0
        Probability that a clip is changed.

    References
    ----------
    Butterworth, "On the theory of filter amplifiers", Wireless Engineer 1930.

    Examples
    --------
    >>> import torch
    >>> from sktag.augment import Filter
    >>> time = torch.arange(8000) / 8000
    >>> tone = torch.sin(2 * torch.pi * 1000 * time)
    >>> out = Filter("low_pass", low_pass_hz=1000.0).apply(tone, sample_rate=8000)
    >>> round(float(out[2000:6000].square().mean() / tone.square().mean()), 2)
    0.5
    """

    takes: ClassVar[str | None] = "wave"
    n_uniforms: ClassVar[int] = 3

    kind: str | tuple[str, ...] = KINDS
    low_pass_hz: Range = (1000.0, 8000.0)
    high_pass_hz: Range = (100.0, 1000.0)
    order: int = 2

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        self.low_pass_hz = check_range(self, "low_pass_hz", self.low_pass_hz, 1e-3)
        self.high_pass_hz = check_range(self, "high_pass_hz", self.high_pass_hz, 1e-3)
        unknown = [kind for kind in self._kinds if kind not in KINDS]
        if unknown or not self._kinds:
            raise ValueError(f"Filter has kind={self.kind!r}: use some of {KINDS}.")
        if self.order != int(self.order) or self.order < 1:
            raise ValueError(
                f"Filter has order={self.order!r}: give a whole number of at least 1."
            )
        if "band_pass" in self._kinds and self.high_pass_hz[1] > self.low_pass_hz[0]:
            raise ValueError(
                f"Filter has high_pass_hz={self.high_pass_hz} and "
                f"low_pass_hz={self.low_pass_hz}, which overlap: a band-pass lies "
                "between them. Move them apart, or leave band_pass out of kind."
            )

    @property
    def _kinds(self) -> tuple[str, ...]:
        return (self.kind,) if isinstance(self.kind, str) else tuple(self.kind)

    def draw(self, uniforms: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
        """Draw `low_hz` and `high_hz`, the band that passes, see `RandomOp.draw`."""
        kinds = self._kinds
        drawn = np.minimum((uniforms[:, 0] * len(kinds)).astype(int), len(kinds) - 1)
        kind = np.array(kinds)[drawn]
        low, high = (
            np.exp(between(tuple(np.log(bounds)), u))
            for bounds, u in (
                (self.high_pass_hz, uniforms[:, 1]),
                (self.low_pass_hz, uniforms[:, 2]),
            )
        )
        return {
            "low_hz": np.where(kind == "low_pass", 0.0, low),
            "high_hz": np.where(kind == "high_pass", np.inf, high),
        }

    def change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Do the op, see :meth:`sktag.ops.RandomOp.change`."""
        rate = _need_rate(self, sample_rate)
        n_samples = x.shape[1]
        # As much silence as the slowest filter takes to die away, or the clip's length.
        n_fft = _fast_length(2 * n_samples)
        hz = torch.fft.rfftfreq(n_fft, 1 / rate, dtype=x.dtype, device=x.device)
        low, high = column(params["low_hz"], x), column(params["high_hz"], x)
        power = 1 / (1 + (hz / high) ** (2 * self.order))
        # Above a cutoff of 0 nothing is left out, at 0 Hz included.
        power = power / (1 + (low / hz.clamp_min(1e-9)) ** (2 * self.order))
        spectrum = torch.fft.rfft(x, n_fft) * power.sqrt()
        out: Tensor = torch.fft.irfft(spectrum, n_fft)[:, :n_samples]
        return out


@dataclass(eq=False, repr=False)
class Reverb(RandomOp):
    """Let clips sound as in a room, made up or measured.

    The made-up room is white noise that decays by 60 dB in the reverberation time. What
    it adds is scaled to the power of the clip. Labels stay, but for those of the
    recording's quality and of the room.

    Parameters
    ----------
    rt60_s : float or (float, float), default=(0.2, 1.0)
        Reverberation time in seconds, of made-up rooms: a number, or a range it is
        drawn from uniformly.
    wet : float or (float, float), default=(0.1, 0.5)
        Share of the reverberation in the power of the result, from 0 to 1: a number,
        or a range it is drawn from uniformly.
    impulse_responses : array of shape (n, n_samples), default=None
        Measured rooms, at the rate of the clips, of which one is drawn for each clip.
    p : float in [0, 1], default=1.0
        Probability that a clip is changed.

    References
    ----------
    Polack, "La transmission de l'energie sonore dans les salles", 1988: late
    reverberation as noise that decays.

    Examples
    --------
    >>> import torch
    >>> from sktag.augment import Reverb
    >>> click = torch.zeros(1, 8000)
    >>> click[0, 0] = 1
    >>> out = Reverb(rt60_s=0.5, wet=0.5).apply(click, sample_rate=8000)
    >>> bool(out[0, 1:4000].abs().max() > out[0, 4000:].abs().max())
    True
    """

    takes: ClassVar[str | None] = "wave"
    n_uniforms: ClassVar[int] = 3

    rt60_s: Range = (0.2, 1.0)
    wet: Range = (0.1, 0.5)
    impulse_responses: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        self.rt60_s = check_range(self, "rt60_s", self.rt60_s, 1e-3)
        self.wet = check_range(self, "wet", self.wet, 0, 1)
        if self.impulse_responses is not None:
            rooms = np.asarray(self.impulse_responses, dtype=np.float32)
            if rooms.ndim != 2 or not rooms.size or not np.isfinite(rooms).all():
                raise ValueError(
                    f"Reverb has impulse_responses of shape {rooms.shape}: give finite "
                    "numbers (n, n_samples), one row a room."
                )
            self.impulse_responses = rooms

    def draw(self, uniforms: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
        """Draw `wet`, and a made-up or a given room, see `RandomOp.draw`."""
        drawn = {"wet": between(self.wet, uniforms[:, 0])}
        if self.impulse_responses is not None:
            n = len(self.impulse_responses)
            room = np.minimum((uniforms[:, 1] * n).astype(int), n - 1)
            return {**drawn, "room": room}
        drawn["rt60_s"] = between(self.rt60_s, uniforms[:, 1])
        return {**drawn, "seed": as_seeds(uniforms[:, 2])}

    def change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Do the op, see :meth:`sktag.ops.RandomOp.change`."""
        if self.impulse_responses is not None:
            rooms = torch.from_numpy(self.impulse_responses[params["room"]])
            rooms = rooms.to(x.device, x.dtype, non_blocking=True)
        else:
            rooms = self._make_rooms(x, _need_rate(self, sample_rate), params)
        tiny = torch.finfo(x.dtype).tiny
        reverberation = _convolve(x, rooms)
        power = x.square().mean(dim=1, keepdim=True)
        own = reverberation.square().mean(dim=1, keepdim=True).clamp_min(tiny)
        wet = column(params["wet"], x)
        return (1 - wet).sqrt() * x + (wet * power / own).sqrt() * reverberation

    def _make_rooms(
        self, x: Tensor, sample_rate: float, params: dict[str, Any]
    ) -> Tensor:
        """Return noise that decays by 60 dB in the reverberation time."""
        longest = float(np.max(params["rt60_s"]))
        n_samples = min(max(1, round(longest * sample_rate)), x.shape[1])
        seconds = torch.arange(n_samples, dtype=x.dtype, device=x.device) / sample_rate
        noise = normal_noise(params["seed"], x[:, :n_samples])
        return noise * 10 ** (-3 * seconds / column(params["rt60_s"], x))


@dataclass(eq=False, repr=False)
class DynamicRangeCompression(RandomOp):
    """Make what is loud softer, as compressors in production and broadcasting do.

    The level is that of the power smoothed over time; above the threshold it rises by
    one decibel only where the clip's rises by `ratio`. Labels stay, but for those of
    loudness and dynamics.

    Parameters
    ----------
    threshold_db : float or (float, float), default=(-40.0, -15.0)
        Level from which on it works, in dB of the power of a full-scale square wave: a
        number, or a range it is drawn from uniformly.
    ratio : float or (float, float), default=(2.0, 6.0)
        Of the levels above the threshold, at least 1: a number, or a range it is drawn
        from uniformly.
    time_s : float > 0, default=0.05
        Time constant of the smoothing, in seconds; attack and release are equal.
    p : float in [0, 1], default=1.0
        Probability that a clip is changed.

    References
    ----------
    Giannoulis, Massberg, Reiss, "Digital dynamic range compressor design: a tutorial
    and analysis", Journal of the Audio Engineering Society 2012: feed-forward, with a
    hard knee.

    Examples
    --------
    >>> import torch
    >>> from sktag.augment import DynamicRangeCompression
    >>> op = DynamicRangeCompression(threshold_db=-20.0, ratio=2.0)
    >>> loud = op.apply(torch.ones(1, 8000), sample_rate=8000)[0, -1]
    >>> round(float(20 * loud.log10()), 1)  # half of the 20 dB above the threshold
    -10.0
    """

    takes: ClassVar[str | None] = "wave"
    n_uniforms: ClassVar[int] = 2

    threshold_db: Range = (-40.0, -15.0)
    ratio: Range = (2.0, 6.0)
    time_s: float = 0.05

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        self.threshold_db = check_range(self, "threshold_db", self.threshold_db)
        self.ratio = check_range(self, "ratio", self.ratio, 1)
        if not 0 < self.time_s < np.inf:
            raise ValueError(
                f"DynamicRangeCompression has time_s={self.time_s!r}: give seconds "
                "above 0."
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
        """Do the op, see :meth:`sktag.ops.RandomOp.change`."""
        level_db = 10 * self._power(x, _need_rate(self, sample_rate)).log10()
        over = functional.relu(level_db - column(params["threshold_db"], x))
        gain_db = over * (1 / column(params["ratio"], x) - 1)
        return x * 10 ** (gain_db / 20)

    def _power(self, x: Tensor, sample_rate: float) -> Tensor:
        """Return the power of clips, smoothed by one pole."""
        decay = np.exp(-1 / (self.time_s * sample_rate))
        # Until the kernel has fallen by 100 dB.
        n_samples = min(int(np.ceil(np.log(1e-10) / np.log(decay))), x.shape[1])
        steps = torch.arange(n_samples, dtype=torch.float64)
        kernel = ((1 - decay) * decay**steps).to(x.device, x.dtype)
        smoothed = _convolve(x.square(), kernel[None])
        # Rounding leaves silence at a level that may be below 0.
        return smoothed.clamp_min(1e-10)
