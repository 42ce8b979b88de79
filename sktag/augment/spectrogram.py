"""Random changes of spectrograms: masks, shifts along frequency, noise.

They work at any scale, since masks are filled with a value of the clip itself. They may
be applied before or after a Standardizer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

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

Fill = str | float


def _fill_values(fill: Fill, x: Tensor) -> Tensor:
    """Return the value that fills each clip of a batch, (n_clips, 1, 1)."""
    if fill == "mean":
        return x.mean(dim=(1, 2), keepdim=True)
    if fill == "min":
        return x.amin(dim=(1, 2), keepdim=True)
    return x.new_full((1, 1, 1), float(fill))


def _check_fill(op: RandomOp, fill: Fill) -> None:
    is_number = isinstance(fill, Real) and np.isfinite(fill)
    if not is_number and fill not in ("mean", "min"):
        raise ValueError(
            f"{type(op).__name__} has fill={fill!r}: use 'mean', 'min' or a number."
        )


@dataclass
class _Mask(RandomOp):
    """Base class of the masks: ranges of one axis are filled with one value."""

    takes: ClassVar[str | None] = "spectrogram"
    axis: ClassVar[int] = -1

    width: Range = (0.0, 0.1)
    n_masks: int = 2
    fill: Fill = "mean"

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        self._set(width=check_range(self, "width", self.width, 0, 1))
        check_count(self, "n_masks", self.n_masks)
        _check_fill(self, self.fill)

    @property
    def n_uniforms(self) -> int:  # type: ignore[override]  # depends on a field
        """A width and a position for each mask."""
        return 2 * self.n_masks

    def draw(self, uniforms: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
        """Draw `start` and `stop`, (n_clips, n_masks), see `RandomOp.draw`."""
        size = shape[self.axis]
        widths, places = np.split(uniforms, 2, axis=1)
        low, high = check_range(self, "width", self.width)
        # Whole numbers of columns, equally likely, at most `high` of the columns.
        most = int(np.floor(high * size + 1e-9))
        least = min(int(np.ceil(low * size - 1e-9)), most)
        steps = (widths * (most - least + 1)).astype(int)
        widths = np.minimum(least + steps, most)
        room = size - widths
        start = np.minimum((places * (room + 1)).astype(int), room)
        return {"start": start, "stop": start + widths}

    def change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Apply the op, see :meth:`sktag.ops.RandomOp.change`."""
        size = x.shape[self.axis]
        places = np.arange(size)
        first, last = (
            np.reshape(params[end], (len(x), -1, 1)) for end in ("start", "stop")
        )
        covered = ((places >= first) & (places < last)).any(axis=1)
        mask = torch.from_numpy(covered).to(x.device, non_blocking=True)
        mask = mask.unsqueeze(1 if self.axis == -1 else 2)
        return torch.where(mask, _fill_values(self.fill, x), x)


@dataclass
class TimeMask(_Mask):
    """Mask ranges of frames in all bins.

    Keeps labels of whole clips.

    Parameters
    ----------
    width : float or (float, float), default=(0.0, 0.1)
        Width of a mask as a fraction of the frames: a number, or a range to draw from,
        uniformly.
    n_masks : int > 0, default=2
        Number of masks per clip; they may overlap.
    fill : {"mean", "min"} or float, default="mean"
        Value of masked frames: the mean of the clip, its minimum, or a number.
    p : float in [0, 1], default=1.0
        Probability that a clip is changed.

    References
    ----------
    Park et al., "SpecAugment: a simple data augmentation method for automatic speech
    recognition", Interspeech 2019.

    Examples
    --------
    >>> import torch
    >>> from sktag.augment import TimeMask
    >>> TimeMask(fill=0.0).apply(torch.ones(1, 1, 5), start=1, stop=3)
    tensor([[[1., 0., 0., 1., 1.]]])
    """


@dataclass
class FrequencyMask(_Mask):
    """Mask ranges of bins in all frames.

    Keeps labels of whole clips, unless they depend on a narrow band.

    Parameters
    ----------
    width : float or (float, float), default=(0.0, 0.15)
        Width of a mask as a fraction of the bins: a number, or a range to draw from,
        uniformly.
    n_masks : int > 0, default=2
        Number of masks per clip; they may overlap.
    fill : {"mean", "min"} or float, default="mean"
        Value of masked bins: the mean of the clip, its minimum, or a number.
    p : float in [0, 1], default=1.0
        Probability that a clip is changed.

    References
    ----------
    Park et al., "SpecAugment: a simple data augmentation method for automatic speech
    recognition", Interspeech 2019.

    Examples
    --------
    >>> import torch
    >>> from sktag.augment import FrequencyMask
    >>> FrequencyMask(fill=0.0).apply(torch.ones(1, 3, 2), start=0, stop=1)[0]
    tensor([[0., 0.],
            [1., 1.],
            [1., 1.]])
    """

    axis: ClassVar[int] = -2

    width: Range = (0.0, 0.15)


@dataclass
class FrequencyShift(RandomOp):
    """Shift spectrograms along frequency, by whole bins.

    In a constant-Q spectrogram with 12 bins per octave, a bin is a semitone and the
    shift is a transposition; in mel bands, only above 1 kHz. Changes labels of pitch
    and key.

    Parameters
    ----------
    bins : int or (int, int), default=(-2, 2)
        Number of bins, positive for up: a number, or a range to draw from, both ends
        included.
    fill : {"mean", "min"} or float, default="min"
        Value of the bins that become free: the minimum of the clip, its mean, or a
        number.
    p : float in [0, 1], default=1.0
        Probability that a clip is changed.

    Examples
    --------
    >>> import torch
    >>> from sktag.augment import FrequencyShift
    >>> FrequencyShift(bins=1).apply(torch.tensor([[[5.0], [6.0], [7.0]]])).ravel()
    tensor([5., 5., 6.])
    """

    takes: ClassVar[str | None] = "spectrogram"

    bins: Range = (-2, 2)
    fill: Fill = "min"

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        low, high = check_range(self, "bins", self.bins)
        if low != int(low) or high != int(high):
            raise ValueError(
                f"FrequencyShift has bins={self.bins!r}: give whole numbers of bins."
            )
        self._set(bins=(int(low), int(high)))
        _check_fill(self, self.fill)

    def draw(self, uniforms: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
        """Draw `bins`, see :meth:`sktag.ops.RandomOp.draw`."""
        low, high = check_range(self, "bins", self.bins)
        steps = (uniforms[:, 0] * (high - low + 1)).astype(int)
        return {"bins": np.minimum(low + steps, high).astype(int)}

    def change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Apply the op, see :meth:`sktag.ops.RandomOp.change`."""
        n_bins = x.shape[1]
        source = np.arange(n_bins) - np.reshape(params["bins"], (-1, 1))
        inside = torch.from_numpy((source >= 0) & (source < n_bins))
        inside = inside.to(x.device, non_blocking=True)[:, :, None]
        columns = torch.from_numpy(source.clip(0, n_bins - 1))
        columns = columns.to(x.device, non_blocking=True)
        shifted = x[torch.arange(len(x), device=x.device)[:, None], columns]
        return torch.where(inside, shifted, _fill_values(self.fill, x))


@dataclass
class SpecNoise(RandomOp):
    """Add Gaussian noise to the values of spectrograms.

    Keeps all labels.

    Parameters
    ----------
    std : float or (float, float), default=(0.0, 0.3)
        Standard deviation of the noise, in the unit of the spectrogram (decibels after
        a front-end, standard deviations of a band after a Standardizer): a number, or a
        range to draw from, uniformly.
    p : float in [0, 1], default=1.0
        Probability that a clip is changed.

    Examples
    --------
    >>> import torch
    >>> from sktag.augment import SpecNoise
    >>> out = SpecNoise(std=2.0).apply(torch.zeros(1, 100, 100))
    >>> round(float(out.std()), 1)
    2.0
    """

    takes: ClassVar[str | None] = "spectrogram"
    n_uniforms: ClassVar[int] = 2

    std: Range = (0.0, 0.3)

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        self._set(std=check_range(self, "std", self.std, 0))

    def draw(self, uniforms: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
        """Draw `std` and the seed of the noise, see `RandomOp.draw`."""
        return {
            "std": between(self.std, uniforms[:, 0]),
            "seed": as_seeds(uniforms[:, 1]),
        }

    def change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Apply the op, see :meth:`sktag.ops.RandomOp.change`."""
        return x + normal_noise(params["seed"], x) * column(params["std"], x)
