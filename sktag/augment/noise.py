"""Random noise and background recordings, at a level relative to the clip."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from sktag.augment.ranges import (
    Range,
    as_seeds,
    between,
    check_range,
    column,
    normal_noise,
)
from sktag.ops.random_op import RandomOp

COLORS = ("white", "pink")


def mean_power(x: Tensor) -> Tensor:
    """Return the mean square of each row, (n_clips, 1)."""
    return x.square().mean(dim=1, keepdim=True)


def _mix(x: Tensor, other: Tensor, snr_db: np.ndarray) -> Tensor:
    """Add a signal to each row at a given SNR; silence stays silence."""
    power = mean_power(other)
    wanted = mean_power(x) * column(10 ** (-snr_db / 10), x)
    # A silent signal has no level to scale, and adds nothing.
    scale = torch.where(power > 0, (wanted / power).sqrt(), 0)
    return torch.addcmul(x, other, scale)


@dataclass
class Noise(RandomOp):
    """Add white or pink noise.

    Changes labels of sound quality. Silence stays silence.

    Parameters
    ----------
    snr_db : float or (float, float), default=(10.0, 40.0)
        Power of the clip relative to the noise, in dB, exact for each clip: a number,
        or a range to draw from, uniformly.
    color : {"white", "pink"}, default="white"
        Spectrum of the noise: flat, or falling as 1 / frequency.
    p : float in [0, 1], default=1.0
        Probability that a clip is changed.

    Examples
    --------
    >>> import torch
    >>> from sktag.augment import Noise
    >>> x = torch.ones(1, 1000)
    >>> noise = Noise(snr_db=20.0).apply(x) - x
    >>> round(float(noise.square().mean()), 4)
    0.01
    """

    takes: ClassVar[str | None] = "wave"
    n_uniforms: ClassVar[int] = 2

    snr_db: Range = (10.0, 40.0)
    color: str = "white"

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        self._set(snr_db=check_range(self, "snr_db", self.snr_db))
        if self.color not in COLORS:
            raise ValueError(f"Noise has color={self.color!r}: use one of {COLORS}.")

    def draw(self, uniforms: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
        """Draw `snr_db`, and the seed of the noise, see `RandomOp.draw`."""
        return {
            "snr_db": between(self.snr_db, uniforms[:, 0]),
            "seed": as_seeds(uniforms[:, 1]),
        }

    def change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Apply the op, see :meth:`sktag.ops.RandomOp.change`."""
        noise = normal_noise(params["seed"], x)
        if self.color == "pink":
            spectrum = torch.fft.rfft(noise)
            weights = torch.arange(spectrum.shape[1], dtype=x.dtype, device=x.device)
            weights = weights.clamp(min=1).rsqrt()
            weights[:1] = 0  # no constant offset
            noise = torch.fft.irfft(spectrum * weights, n=x.shape[1])
        return _mix(x, noise, params["snr_db"])


@dataclass
class NoiseBlend(RandomOp):
    """Blend clips with white noise that has the same peak level.

    The result is (1 - ratio) x + ratio noise. Changes labels of sound quality and
    loudness.

    Parameters
    ----------
    ratio : float or (float, float), default=(0.0, 0.1)
        Share of the noise, from 0 to 1: a number, or a range to draw from, uniformly.
    p : float in [0, 1], default=1.0
        Probability that a clip is changed.

    References
    ----------
    Won et al., "Evaluation of CNN-based automatic music tagging models", SMC 2020.

    Examples
    --------
    >>> import torch
    >>> from sktag.augment import NoiseBlend
    >>> x = torch.tensor([[0.5, -0.5, 0.25, 0.0]])
    >>> noise = NoiseBlend(ratio=1.0).apply(x)
    >>> float(noise.abs().max())
    0.5
    """

    takes: ClassVar[str | None] = "wave"
    n_uniforms: ClassVar[int] = 2

    ratio: Range = (0.0, 0.1)

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        self._set(ratio=check_range(self, "ratio", self.ratio, 0, 1))

    def draw(self, uniforms: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
        """Draw `ratio`, and the seed of the noise, see `RandomOp.draw`."""
        return {
            "ratio": between(self.ratio, uniforms[:, 0]),
            "seed": as_seeds(uniforms[:, 1]),
        }

    def change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Apply the op, see :meth:`sktag.ops.RandomOp.change`."""
        noise = normal_noise(params["seed"], x)
        peak = x.abs().amax(dim=1, keepdim=True)
        noise *= peak / noise.abs().amax(dim=1, keepdim=True)
        return torch.lerp(x, noise, column(params["ratio"], x))


@dataclass
class BackgroundMix(RandomOp):
    """Add a background recording.

    For each clip, a recording and a position in it are drawn at random; a recording
    that is shorter than the clip is repeated. Keeps labels that do not apply to the
    backgrounds.

    Parameters
    ----------
    background : array of shape (n, n_samples), list of 1-D arrays, or clips
        The backgrounds, at the sample rate of the clips: any object that has a length
        and whose items are 1-D arrays. In an Augmenter also a folder or a list of
        files.
    snr_db : float or (float, float), default=(5.0, 30.0)
        Power of the clip relative to the background, in dB, exact for each clip: a
        number, or a range to draw from, uniformly.
    p : float in [0, 1], default=1.0
        Probability that a clip is changed.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from sktag.augment import BackgroundMix
    >>> op = BackgroundMix(np.array([[1.0, 2.0, 1.0]]), snr_db=0.0)
    >>> op.apply(torch.tensor([[2.0, 2.0]]), row=0, start=0.0)
    tensor([[3.2649, 4.5298]])
    """

    takes: ClassVar[str | None] = "wave"
    n_uniforms: ClassVar[int] = 3

    background: Any
    snr_db: Range = (5.0, 30.0)

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        self._set(snr_db=check_range(self, "snr_db", self.snr_db))
        if hasattr(self.background, "__fspath__"):
            self._set(background=self.background.__fspath__())
        if self.is_path:
            return
        if isinstance(self.background, np.ndarray):
            self._set(background=np.atleast_2d(self.background))
        if not hasattr(self.background, "__getitem__") or not len(self.background):
            raise ValueError(
                f"BackgroundMix has background={self.background!r}: give an array "
                "(n, n_samples), a list of 1-D arrays, or clips, of at least one row."
            )

    @property
    def is_path(self) -> bool:
        """Whether the background is a folder or files that an Augmenter has to open."""
        given = self.background
        first = given[0] if isinstance(given, list) and given else given
        return isinstance(first, str) or hasattr(first, "__fspath__")

    @property
    def host(self) -> bool:
        """Whether reading the backgrounds may decode files."""
        return not isinstance(self.background, np.ndarray)

    def draw(self, uniforms: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
        """Draw `snr_db`, `row` and `start`, see `RandomOp.draw`.

        `start` is a fraction of the positions at which the background can begin.
        """
        n_backgrounds = len(self._backgrounds())
        row = (uniforms[:, 1] * n_backgrounds).astype(int)
        return {
            "snr_db": between(self.snr_db, uniforms[:, 0]),
            "row": np.minimum(row, n_backgrounds - 1),
            "start": uniforms[:, 2],
        }

    def change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Apply the op, see :meth:`sktag.ops.RandomOp.change`."""
        own_rate = getattr(self.background, "sample_rate", sample_rate)
        if None not in (own_rate, sample_rate) and own_rate != sample_rate:
            raise ValueError(
                f"BackgroundMix has backgrounds at {own_rate:g} Hz for clips at "
                f"{sample_rate:g} Hz: read both at the same rate."
            )
        lengths = getattr(self.background, "lengths", None)
        parts = []
        for row, start in zip(params["row"], params["start"], strict=True):
            length = None if lengths is None else int(lengths[row])
            parts.append(self._part(int(row), float(start), x.shape[1], length))
        other = torch.from_numpy(np.stack(parts)).to(x.dtype)
        other = other.to(x.device, non_blocking=True)
        return _mix(x, other, params["snr_db"])

    def _backgrounds(self) -> Any:
        if self.is_path:
            raise ValueError(
                f"BackgroundMix has the path {self.background!r} as background. Only "
                "an Augmenter reads paths: put the op into one, or give an array or "
                "clips."
            )
        return self.background

    def _part(
        self, row: int, start: float, size: int, length: int | None
    ) -> np.ndarray:
        """Return a part of a background; from clips, only that part is read."""
        backgrounds = self._backgrounds()
        if length is not None and length >= size and not backgrounds.ops:
            first = np.array([int(start * (length - size + 1))])
            read = backgrounds.read(np.array([row]), starts=first, width=size)
            return np.asarray(read[0])
        samples = np.asarray(backgrounds[row])[:length]
        if samples.ndim != 1 or not samples.size:
            raise ValueError(
                f"BackgroundMix has a background of shape {samples.shape} at {row}: "
                "give waveforms (n_samples,) of at least one sample."
            )
        n_places = len(samples) - size + 1 if len(samples) >= size else len(samples)
        first_place = min(int(start * n_places), n_places - 1)
        if first_place + size <= len(samples):
            return np.asarray(samples[first_place : first_place + size])
        return np.resize(np.roll(samples, -first_place), size)
