"""Level, polarity and place in time: what costs next to nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from sktag.augment.ranges import Range, between, check_range, column
from sktag.ops.random_op import RandomOp


@dataclass(eq=False, repr=False)
class Gain(RandomOp):
    """Make waveforms louder or softer.

    Labels stay, but for those of loudness. Nothing is clipped.

    Parameters
    ----------
    gain_db : float or (float, float), default=(-6.0, 6.0)
        Gain in dB: a number, or a range it is drawn from uniformly.
    p : float in [0, 1], default=1.0
        Probability that a clip is changed.

    Examples
    --------
    >>> import torch
    >>> from sktag.augment import Gain
    >>> Gain(gain_db=20.0).apply(torch.tensor([[0.0, 0.01, -0.02]]))
    tensor([[ 0.0000,  0.1000, -0.2000]])
    """

    takes: ClassVar[str | None] = "wave"

    gain_db: Range = (-6.0, 6.0)

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        self.gain_db = check_range(self, "gain_db", self.gain_db)

    def draw(self, uniforms: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
        """Draw `gain_db`, see :meth:`sktag.ops.RandomOp.draw`."""
        return {"gain_db": between(self.gain_db, uniforms[:, 0])}

    def change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Do the op, see :meth:`sktag.ops.RandomOp.change`."""
        return x * column(10 ** (params["gain_db"] / 20), x)


@dataclass(eq=False, repr=False)
class PolarityInversion(RandomOp):
    """Turn waveforms upside down, which nobody hears.

    Labels stay. Spectrograms do not change either: it is for networks on waveforms.

    Parameters
    ----------
    p : float in [0, 1], default=0.5
        Probability that a clip is changed.

    Examples
    --------
    >>> import torch
    >>> from sktag.augment import PolarityInversion
    >>> PolarityInversion().apply(torch.tensor([[0.5, -0.25]]))
    tensor([[-0.5000,  0.2500]])
    """

    takes: ClassVar[str | None] = "wave"
    n_uniforms: ClassVar[int] = 0

    p: float = field(default=0.5, kw_only=True)

    def draw(self, uniforms: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
        """Draw nothing, see :meth:`sktag.ops.RandomOp.draw`."""
        return {}

    def change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Do the op, see :meth:`sktag.ops.RandomOp.change`."""
        return -x


@dataclass(eq=False, repr=False)
class TimeShift(RandomOp):
    """Shift clips in time; what leaves at the end comes in at the start.

    For waveforms and spectrograms. Labels of a clip as a whole stay, those of an order
    of events may not.

    Parameters
    ----------
    shift : float or (float, float), default=(0.0, 1.0)
        How far, as a share of the clip's length: a number, or a range it is drawn
        from uniformly. Negative values shift towards the start.
    p : float in [0, 1], default=1.0
        Probability that a clip is changed.

    Examples
    --------
    >>> import torch
    >>> from sktag.augment import TimeShift
    >>> TimeShift(shift=0.25).apply(torch.tensor([[1.0, 2.0, 3.0, 4.0]]))
    tensor([[4., 1., 2., 3.]])
    """

    shift: Range = (0.0, 1.0)

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        self.shift = check_range(self, "shift", self.shift, -1, 1)

    def draw(self, uniforms: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
        """Draw `shift`, see :meth:`sktag.ops.RandomOp.draw`."""
        return {"shift": between(self.shift, uniforms[:, 0])}

    def change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Do the op, see :meth:`sktag.ops.RandomOp.change`."""
        n_columns = x.shape[-1]
        places = np.round(params["shift"] * n_columns).astype(int) % n_columns
        out = torch.empty_like(x)
        # Two copies a row; an index for all rows takes more memory than they do.
        for row, shifted, k in zip(x, out, places, strict=True):
            shifted[..., k:] = row[..., : n_columns - k]
            shifted[..., :k] = row[..., n_columns - k :]
        return out
