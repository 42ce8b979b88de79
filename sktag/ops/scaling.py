"""Ops that standardise clips, by given statistics or by those of each clip."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from sktag.ops.op import Op


@dataclass
class ScaleOp(Op):
    """Subtract `shift` and divide by `scale`, per bin or for all bins.

    Parameters
    ----------
    shift, scale : ndarray of shape (n_bins,) or (1,)
        Offset and divisor: one number for all bins, or one per bin.
    inverse : bool, default=False
        Undo the scaling: multiply by `scale` and add `shift`.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from sktag.ops import ScaleOp
    >>> ScaleOp(np.array([1.0]), np.array([2.0]))(torch.tensor([[3.0, 5.0]]))
    tensor([[1., 2.]])
    """

    pointwise: ClassVar[bool] = True

    shift: np.ndarray
    scale: np.ndarray
    inverse: bool = False

    def forward(self, x: Tensor) -> Tensor:
        """Scale a batch, as in :meth:`sktag.ops.Op.forward`."""
        column = (-1, 1) if x.ndim == 3 else (-1,)
        shift = torch.as_tensor(self.shift, dtype=x.dtype, device=x.device)
        scale = torch.as_tensor(self.scale, dtype=x.dtype, device=x.device)
        if self.inverse:
            return x * scale.view(column) + shift.view(column)
        return (x - shift.view(column)) / scale.view(column)


@dataclass
class ClipScaleOp(Op):
    """Standardise each clip by its own mean and standard deviation.

    Parameters
    ----------
    with_mean, with_std : bool, default=True
        Whether to subtract the mean, and to divide by the standard deviation. Constant
        clips are not divided.

    Examples
    --------
    >>> import torch
    >>> from sktag.ops import ClipScaleOp
    >>> ClipScaleOp()(torch.tensor([[1.0, 3.0]]))
    tensor([[-1.,  1.]])
    """

    with_mean: bool = True
    with_std: bool = True

    def forward(self, x: Tensor) -> Tensor:
        """Scale a batch, as in :meth:`sktag.ops.Op.forward`."""
        dims = tuple(range(1, x.ndim))
        std, mean = torch.std_mean(x, dim=dims, correction=0, keepdim=True)
        if self.with_mean:
            x = x - mean
        if self.with_std:
            # Rounding gives a constant clip a tiny deviation instead of zero.
            tiny = 10 * torch.finfo(x.dtype).eps * mean.abs()
            x = x / torch.where(std <= tiny, torch.ones_like(std), std)
        return x
