"""Random level, polarity and time shift: operations that cost almost nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from sktag.augment.ranges import Range, between, check_range, column
from sktag.ops.random_op import RandomOp


@dataclass
class Gain(RandomOp):
    """Change the level of waveforms, without clipping.

    Changes labels of loudness.

    Parameters
    ----------
    gain_db : float or (float, float), default=(-6.0, 6.0)
        Gain in dB: a number, or a range to draw from, uniformly.
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
        self._set(gain_db=check_range(self, "gain_db", self.gain_db))

    def draw(self, uniforms: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
        """Draw `gain_db`, see :meth:`sktag.ops.RandomOp.draw`."""
        return {"gain_db": between(self.gain_db, uniforms[:, 0])}

    def change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Apply the op, see :meth:`sktag.ops.RandomOp.change`."""
        return x * column(10 ** (params["gain_db"] / 20), x)


@dataclass
class PolarityInversion(RandomOp):
    """Invert the sign of waveforms, which is inaudible.

    Keeps all labels. It does not change spectrograms either, so it is useful for
    networks on waveforms only.

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
        """Apply the op, see :meth:`sktag.ops.RandomOp.change`."""
        return -x


@dataclass
class TimeShift(RandomOp):
    """Shift clips in time, circularly: the end moves to the start.

    For waveforms and spectrograms. Keeps labels of whole clips; changes labels of the
    order or position of events.

    Parameters
    ----------
    shift : float or (float, float), default=(0.0, 1.0)
        Shift as a fraction of the clip's length: a number, or a range to draw from,
        uniformly. Negative values shift towards the start.
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
        self._set(shift=check_range(self, "shift", self.shift, -1, 1))

    def draw(self, uniforms: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
        """Draw `shift`, see :meth:`sktag.ops.RandomOp.draw`."""
        return {"shift": between(self.shift, uniforms[:, 0])}

    def change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Apply the op, see :meth:`sktag.ops.RandomOp.change`."""
        n_columns = x.shape[-1]
        shifts = np.round(params["shift"] * n_columns).astype(int) % n_columns
        out = torch.empty_like(x)
        # Two copies per row need less memory than an index for all rows.
        for row, shifted, k in zip(x, out, shifts, strict=True):
            shifted[..., k:] = row[..., : n_columns - k]
            shifted[..., :k] = row[..., n_columns - k :]
        return out
