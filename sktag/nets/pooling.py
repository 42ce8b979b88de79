"""Pooling: over windows, over all of an axis, and what concatenates them.

All three kinds of the lecture are here: maximum, average and standard deviation. The
deviation of silence is 0, and so is its gradient, where that of a square root at 0
would not be finite.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

# Variances up to this are those of silence.
_SILENCE = 1e-12


class StdPool(nn.Module):
    """Standard deviation over windows that do not overlap.

    Parameters
    ----------
    size : tuple of int
        Window, on the last axes of the input; what is left over at the ends is not
        used.

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
            # The windows' axes gather at the end.
            x = x.unfold(axis - n_axes - axis, size, size)
        return _std(x, tuple(range(-n_axes, 0)))

    def extra_repr(self) -> str:
        """Show the window."""
        return f"kernel_size={self.kernel_size}"


def make_pool(kind: str, size: tuple[int, ...]) -> nn.Module:
    """Make a pooling over windows that do not overlap.

    Parameters
    ----------
    kind : {"max", "avg", "std"}
        What is taken of a window.
    size : tuple of int, of length 1 or 2
        Window, on the last axes.

    Returns
    -------
    Module
        The pooling.
    """
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


def global_pool(x: Tensor, kinds: Sequence[str]) -> Tensor:
    """Pool all axes after the channels away, in several ways side by side.

    Parameters
    ----------
    x : Tensor of shape (n_clips, n_channels, ...)
        Feature maps.
    kinds : sequence of {"mean", "max", "l2", "std"}
        What is taken of each channel: "l2" is the root of the sum of squares.

    Returns
    -------
    Tensor of shape (n_clips, len(kinds) * n_channels)
        One kind after the other.
    """
    x = x.flatten(2)
    pools = {
        "mean": lambda: x.mean(-1),
        "max": lambda: x.amax(-1),
        "l2": lambda: _root(x.square().sum(-1)),
        "std": lambda: _std(x, (-1,)),
    }
    return torch.cat([pools[kind]() for kind in kinds], dim=1)


def _std(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    return _root(x.var(axes, correction=0))


def _root(x: Tensor) -> Tensor:
    root: Tensor = x.clamp_min(_SILENCE).sqrt()
    return torch.where(x > _SILENCE, root, 0.0)
