"""What an operation on clips is.

An op maps a batch of clips to a batch of clips, on whatever device the batch is. It
tells shapes without computing, so that a recipe of ops is checked before any file is
read; it tells which part of its input a part of its output needs, so that a chunk can
be read without the rest; and it pickles as its class and its fields (numbers, strings,
numpy arrays), so that equal ops have equal hashes in every process.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn

Shape = tuple[int, ...]


def _remake(cls: type["Op"], state: dict[str, Any]) -> "Op":
    return cls(**state)


@dataclass(eq=False, repr=False)
class Op(nn.Module):
    """Base class of the operations on batches of clips.

    A subclass is a dataclass (``@dataclass(eq=False, repr=False)``) whose fields are
    numbers, strings, tuples or numpy arrays: they are its identity. It writes
    `forward` and, where the shape changes, `out_shape` and `in_slice`. Constants on a
    device (a filterbank, a window) are made in a cached function of the fields and
    the device, never kept on the op.

    Attributes
    ----------
    takes : {"wave", "spectrogram"} or None
        Kind of clips the op takes; None for both.
    gives : {"wave", "spectrogram"} or None
        Kind of clips it gives; None for the kind it got.
    pointwise : bool
        Whether a column of the output depends on that column of the input alone, so
        that a part of a clip can be computed without the rest.
    random : bool
        Whether a training does more with it than `forward` does.
    """

    takes: ClassVar[str | None] = None
    gives: ClassVar[str | None] = None
    pointwise: ClassVar[bool] = False
    random: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Make the torch module ready, once the dataclass has set its fields."""
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        """Compute the output of a batch.

        Parameters
        ----------
        x : Tensor of shape (n_clips, n_samples) or (n_clips, n_bins, n_frames)
            The batch.

        Returns
        -------
        Tensor
            The result, of shape ``out_shape(x.shape)``, on the device of `x`.
        """
        raise NotImplementedError

    def out_shape(self, shape: Sequence[int]) -> Shape:
        """Tell the shape of the output without computing it.

        Parameters
        ----------
        shape : tuple of int
            Shape of the input, clips first.

        Returns
        -------
        tuple of int
            Shape of the output, clips first.
        """
        return tuple(shape)

    def in_slice(self, start: int, stop: int) -> tuple[int, int]:
        """Tell which columns of the input some columns of the output need.

        Parameters
        ----------
        start, stop : int
            Columns of the output, on its last axis.

        Returns
        -------
        start, stop : int
            Columns of the input; may reach beyond either end, where the op pads.
        """
        return start, stop

    def out_length(self, length: int) -> int:
        """Tell how many columns of the output a clip of a true length fills.

        Parameters
        ----------
        length : int
            Columns of the input that are not padding.

        Returns
        -------
        int
            Columns of the output.
        """
        return length

    @property
    def hop_length(self) -> int | None:
        """Samples from one column to the next; None where time is left as it is."""
        return None

    @property
    def frequencies(self) -> np.ndarray | None:
        """Centre of each bin in Hz, or None where the op leaves the bins alone."""
        return None

    def _fields(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the class and the fields, whatever torch keeps on a module."""
        return _remake, (type(self), self._fields())

    def __repr__(self) -> str:
        """Show the fields that differ from their defaults."""
        shown = []
        for f in sorted(fields(self), key=lambda f: f.kw_only is True):  # p last
            value = getattr(self, f.name)
            if isinstance(value, np.ndarray):
                shown.append(f"{f.name}=array{value.shape}")
            elif isinstance(value, list):
                shown.append(f"{f.name}=list({len(value)})")
            elif value is not f.default and value != f.default:
                shown.append(f"{f.name}={value!r}")
        return f"{type(self).__name__}({', '.join(shown)})"
