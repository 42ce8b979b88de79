"""Pooling over windows and over whole axes: maximum, average, standard deviation.

The gradient of a square root is infinite at 0. Here the standard deviation of a
constant and the norm of silence have a gradient of 0.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

# Variances and sums of squares up to this count as 0.
_SILENCE = 1e-12


class StdPool(nn.Module):
    """Standard deviation over windows that do not overlap.

    Parameters
    ----------
    size : tuple of int
        Window on the last axes of the input. An incomplete window at the end is left
        out.

    Examples
    --------
    >>> import torch
    >>> from sktag.nets.pooling import StdPool
    >>> StdPool((2,))(torch.tensor([[1.0, 3.0, 5.0, 5.0, 9.0]]))
    tensor([[1., 0.]])
    """

    def __init__(self, size: tuple[int, ...]) -> None:
        super().__init__()
        self.kernel_size = size

    def forward(self, x: Tensor) -> Tensor:
        """Pool a batch, (..., n) or (..., n, m)."""
        n_axes = len(self.kernel_size)
        for axis, size in enumerate(self.kernel_size):
            # Unfolding appends the window's axis.
            x = x.unfold(axis - n_axes - axis, size, size)
        return _std(x, tuple(range(-n_axes, 0)))

    def extra_repr(self) -> str:
        """Show the size of the window."""
        return f"kernel_size={self.kernel_size}"


def make_pool(kind: str, size: tuple[int, ...]) -> nn.Module:
    """Return a pooling over windows that do not overlap."""
    if kind == "std":
        return StdPool(size)
    pools: dict[tuple[str, int], Any] = {
        ("max", 1): nn.MaxPool1d,
        ("max", 2): nn.MaxPool2d,
        ("avg", 1): nn.AvgPool1d,
        ("avg", 2): nn.AvgPool2d,
    }
    pool: nn.Module = pools[kind, len(size)](size if len(size) > 1 else size[0])
    return pool


class GlobalPool(nn.Module):
    """Pool all axes after the channels, and concatenate several kinds of pooling.

    Parameters
    ----------
    *kinds : {"mean", "max", "l2", "std"}
        Kinds of pooling, in the order of their output. "l2" is the root of the sum of
        squares.

    Examples
    --------
    >>> import torch
    >>> from sktag.nets.pooling import GlobalPool
    >>> GlobalPool("mean", "max")(torch.tensor([[[1.0, 3.0], [5.0, 6.0]]]))
    tensor([[2.0000, 5.5000, 3.0000, 6.0000]])
    """

    def __init__(self, *kinds: str) -> None:
        super().__init__()
        self.kinds = kinds

    def forward(self, x: Tensor) -> Tensor:
        """Pool a batch, (n_clips, n_channels, ...), to (n_clips, n_features)."""
        x = x.flatten(2)
        return torch.cat([_KINDS[kind](x) for kind in self.kinds], dim=1)

    def extra_repr(self) -> str:
        """Show the kinds of pooling."""
        return ", ".join(self.kinds)


def _std(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    return _root(x.var(axes, correction=0))


def _root(x: Tensor) -> Tensor:
    root: Tensor = x.clamp_min(_SILENCE).sqrt()
    return torch.where(x > _SILENCE, root, 0.0)


# Each pools the last axis.
_KINDS: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": lambda x: x.mean(-1),
    "max": lambda x: x.amax(-1),
    "l2": lambda x: _root(x.square().sum(-1)),
    "std": lambda x: _std(x, (-1,)),
}
