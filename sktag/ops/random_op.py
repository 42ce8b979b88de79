"""The base class of random operations: draw parameters, then apply them.

Parameters are a function of the seed, the epoch, the position of the row and the place
of the op in the recipe. No generator is stored, so the number of threads or processes,
pickling and the order of the rows make no difference.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from sktag._torch import plain_torch
from sktag.ops.op import Op, Shape

# The constants of SplitMix64.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = (
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)),
    (np.uint64(27), np.uint64(0x94D049BB133111EB)),
)


@dataclass
class RandomOp(Op):
    """Base class of the random operations: draw parameters, then apply them.

    Parameters are drawn on the host, for each row of a batch, as a function of the
    seed, the epoch, the position of the row in the X given to `fit`, and the place of
    the op in the recipe. A subclass is a dataclass that writes `draw`, which turns
    uniform numbers into parameters, and `change`, which applies given parameters to a
    batch. Outside training nothing is random: `forward` returns its input.

    Parameters
    ----------
    p : float in [0, 1], default=1.0
        Probability that the op is applied to a row.

    Attributes
    ----------
    takes : {"wave", "spectrogram"} or None
        Kind of clips the op takes, set by the subclass; None for both.
    n_uniforms : int
        Number of uniform numbers that `draw` gets for each row, set by the subclass.
    host : bool
        Whether the op runs on the CPU, in the threads that decode files.
    takes_chunks : bool
        Whether the op may be applied to a chunk instead of to the whole clip.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from typing import ClassVar
    >>> import torch
    >>> from sktag.ops import RandomOp
    >>> @dataclass
    ... class Scale(RandomOp):
    ...     takes: ClassVar[str | None] = "wave"
    ...     n_uniforms: ClassVar[int] = 1
    ...
    ...     most: float = 2.0
    ...
    ...     def draw(self, uniforms, shape):
    ...         return {"factor": uniforms[:, 0] * self.most}
    ...
    ...     def change(self, x, sample_rate, params):
    ...         return x * torch.tensor(params["factor"], dtype=x.dtype)[:, None]
    >>> Scale().apply(torch.ones(2, 3), factor=[1.0, 3.0])
    tensor([[1., 1., 1.],
            [3., 3., 3.]])
    """

    random: ClassVar[bool] = True
    takes_chunks: ClassVar[bool] = True
    n_uniforms: ClassVar[int] = 1

    p: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        """Check the fields, and make the probability a float."""
        super().__post_init__()
        if not (isinstance(self.p, Real) and 0 <= self.p <= 1):
            raise ValueError(
                f"{type(self).__name__} has p={self.p!r}: a probability is a number "
                "from 0 to 1."
            )
        self._set(p=float(self.p))  # equal probabilities make equal ops
        if self.takes not in ("wave", "spectrogram", None):
            raise ValueError(
                f"{type(self).__name__} has takes={self.takes!r}: use 'wave', "
                "'spectrogram', or None for both."
            )

    def check_rate(self, sample_rate: float | None) -> None:
        """Raise a ValueError if the op does not work at a sample rate.

        Parameters
        ----------
        sample_rate : float or None
            Of the clips, in Hz.
        """

    @property
    def host(self) -> bool:
        """Whether the op runs on the CPU, in the threads that decode files."""
        return False

    @property
    def whole(self) -> bool:
        """Whether the op needs whole clips: it runs on the host or takes no chunks."""
        return self.host or not self.takes_chunks

    def forward(self, x: Tensor) -> Tensor:
        """Return the batch unchanged: only training draws and changes."""
        return x

    def draw(self, uniforms: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
        """Turn uniform numbers into the parameters of each row.

        Parameters
        ----------
        uniforms : ndarray of shape (n_clips, n_uniforms)
            Numbers in [0, 1).
        shape : tuple of int
            Shape of the batch.

        Returns
        -------
        dict of str to ndarray of shape (n_clips, ...)
            Parameters of `apply`.
        """
        raise NotImplementedError(f"{type(self).__name__} must define draw.")

    def change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Apply the op to a batch, with the parameters of each row.

        Parameters
        ----------
        x : Tensor of shape (n_clips, n_samples) or (n_clips, n_bins, n_frames)
            The batch, which must not be modified.
        sample_rate : float or None
            Sample rate of the waveforms, in Hz.
        params : dict of str to ndarray of shape (n_clips, ...)
            What `draw` returned. A parameter called "seed" seeds the noise of each
            row.

        Returns
        -------
        Tensor
            A new batch, of the same shape.
        """
        raise NotImplementedError(f"{type(self).__name__} must define change.")

    @plain_torch()
    def apply(self, x: Any, sample_rate: float | None = None, **params: Any) -> Any:
        """Apply the op to all rows, with given parameters, whatever `p` is.

        Parameters
        ----------
        x : Tensor or ndarray
            A batch, or a single clip: (n_samples,) for an op on waveforms,
            (n_bins, n_frames) for one on spectrograms.
        sample_rate : float, optional
            Sample rate of the waveforms, in Hz, for ops that need it.
        **params : float or array of shape (n_clips, ...)
            The parameters that `draw` would return; a single number is used for all
            rows. Parameters whose range is a single value may be left out. `seed`, for
            ops that make noise, defaults to 0 for the first row, 1 for the second, and
            so on: pass other seeds if you change clips one by one.

        Returns
        -------
        Tensor or ndarray
            A new batch or clip, of the type of `x`.

        Raises
        ------
        ValueError
            If a parameter that the op draws from a range is missing, if the op has no
            such parameter, or if the clips are integers.
        """
        batch = x if isinstance(x, Tensor) else torch.as_tensor(np.asarray(x))
        if not batch.is_floating_point():
            raise ValueError(
                f"{type(self).__name__} takes floating-point clips, not {batch.dtype}: "
                "convert them, x.astype(np.float32), waveforms to [-1, 1]."
            )
        n_axes = 2 if self.takes == "spectrogram" else 1
        most = n_axes + 1 if self.takes else 3
        if not n_axes <= batch.ndim <= most:
            raise ValueError(
                f"{type(self).__name__} takes {self.takes or 'clip'}s, one clip or a "
                f"batch, of {n_axes} to {most} dimensions, not of shape "
                f"{tuple(batch.shape)}."
            )
        is_single = batch.ndim == n_axes
        if is_single:
            batch = batch[None]
        n_rows = len(batch)
        given = {
            name: np.array(np.broadcast_to(value, (n_rows, *np.shape(value)[1:])))
            for name, value in params.items()
        }
        own = self._own_params(n_rows, tuple(batch.shape), given)
        with torch.no_grad():
            out = self._change(batch, sample_rate, {**own, **given})
        out = out[0] if is_single else out
        return out if isinstance(x, Tensor) else out.numpy()

    def _own_params(
        self, n_rows: int, shape: Shape, given: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the parameters that were not given; each must have a single value."""
        ends = [np.zeros((n_rows, self.n_uniforms))]
        ends.append(np.nextafter(ends[0] + 1, 0))
        least, most = (self.draw(end, shape) for end in ends)
        unknown = [name for name in given if name not in least]
        if unknown:
            raise ValueError(
                f"{type(self).__name__} has no parameter {unknown[0]!r}: it draws "
                f"{', '.join(least) or 'none'}."
            )
        own = {name: value for name, value in least.items() if name not in given}
        for name, value in own.items():
            if name == "seed":
                own[name] = np.arange(n_rows)
            elif not np.array_equal(value, most[name]):
                raise ValueError(
                    f"{self!r} draws {name} at random: pass it, apply(x, {name}=...), "
                    "or give the op one value instead of a range."
                )
        return own

    @plain_torch()
    def augment(
        self,
        x: Any,
        *,
        seed: int = 0,
        epoch: int = 0,
        rows: np.ndarray | None = None,
        index: int | tuple[int, ...] = 0,
        sample_rate: float | None = None,
    ) -> Any:
        """Draw parameters, and apply the op to the rows that `p` selects.

        Training calls this for its batches. Call it yourself, with clips and an epoch,
        to hear or see the training data.

        Parameters
        ----------
        x : Tensor or ndarray of shape (n_clips, n_samples) or (n_clips, n_bins, \
                n_frames)
            The batch, which is not modified.
        seed, epoch : int, default=0
            Seed and epoch of the training.
        rows : ndarray of int of shape (n_clips,), optional
            Positions of the rows in the X given to `fit`; 0, 1, ... by default.
        index : int or tuple of int, default=0
            Place of the op in the recipe, so that two equal ops draw independently.
        sample_rate : float, optional
            Sample rate of the waveforms, in Hz.

        Returns
        -------
        Tensor or ndarray
            The batch with some rows changed, of the type of `x`.
        """
        rows = np.arange(len(x)) if rows is None else np.asarray(rows)
        place = (index,) if isinstance(index, int) else index
        out = self._augment(
            torch.as_tensor(x), (seed, epoch, *place), rows, sample_rate
        )
        return out.numpy() if isinstance(x, np.ndarray) else out

    def _augment(
        self,
        x: Tensor,
        key: tuple[int, ...],
        rows: np.ndarray,
        sample_rate: float | None,
    ) -> Tensor:
        """Draw and apply, for a batch that is a tensor."""
        uniforms = row_uniforms(key, rows, 1 + self.n_uniforms)
        changed = np.flatnonzero(uniforms[:, 0] < self.p)
        if not changed.size:
            return x
        params = self.draw(uniforms[changed, 1:], (len(changed), *x.shape[1:]))
        if changed.size == len(x):
            return self._change(x, sample_rate, params)
        some = torch.from_numpy(changed).to(x.device, non_blocking=True)
        return x.index_copy(0, some, self._change(x[some], sample_rate, params))

    def _change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Apply the op; the result is of the shape and the type of the batch."""
        out = self.change(x, sample_rate, params)
        if not isinstance(out, Tensor) or not out.is_floating_point():
            what = out.dtype if isinstance(out, Tensor) else type(out).__name__
            raise ValueError(
                f"{self!r} returned {what}: `change` must return a tensor of "
                "floating-point numbers."
            )
        if out.shape != x.shape:
            raise ValueError(
                f"{self!r} returned a batch of shape {tuple(out.shape)} for one of "
                f"shape {tuple(x.shape)}: `change` must keep the shape."
            )
        return out.to(x).contiguous()


def row_uniforms(key: tuple[int, ...], rows: np.ndarray, n: int) -> np.ndarray:
    """Draw uniform numbers for some rows, as a function of the key and the row only.

    References: Steele, Lea, Flood, "Fast splittable pseudorandom number generators",
    OOPSLA 2014 (SplitMix64): each number is computed on its own, so no row depends on
    the rows before it and no table is kept.
    """
    seed, *place = key
    # 2 separates these draws from others with the same seed and epoch.
    entropy = np.random.SeedSequence(seed, spawn_key=(2, *place))
    counters: np.ndarray = np.asarray(rows, np.uint64)[:, np.newaxis] * np.uint64(n)
    x: np.ndarray = (counters + np.arange(n, dtype=np.uint64)) * _GOLDEN
    x = x + entropy.generate_state(1, np.uint64)
    for shift, factor in _MIX:
        x = (x ^ (x >> shift)) * factor
    x = x ^ (x >> np.uint64(31))
    drawn: np.ndarray = (x >> np.uint64(11)) * 2.0**-53
    return drawn
