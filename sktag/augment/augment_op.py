"""A sequence of random operations as one op, and any function as an operation."""

import copy
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from sktag._torch import as_array, own_draws
from sktag.augment.ranges import as_seeds
from sktag.ops.random_op import RandomOp, row_uniforms

# The generators of Python and numpy are those of all threads.
_LOCK = threading.RLock()


@dataclass
class AugmentOp(RandomOp):
    """Several random operations, one after the other: the op of an Augmenter.

    Parameters
    ----------
    operations : tuple of RandomOp
        The operations, in this order; each draws independently of the others.
    sample_rate : float, optional
        Sample rate of the clips, in Hz.
    seed : int, optional
        Seed of the draws; by default, the seed of the training.
    p : float in [0, 1], default=1.0
        Probability that a clip is changed at all.

    Examples
    --------
    >>> import torch
    >>> from sktag.augment import AugmentOp, Gain, PolarityInversion
    >>> op = AugmentOp((Gain(20.0), PolarityInversion(p=1.0)))
    >>> op.augment(torch.tensor([[0.01, 0.02]]))
    tensor([[-0.1000, -0.2000]])
    """

    n_uniforms: ClassVar[int] = 0

    operations: tuple[RandomOp, ...]
    sample_rate: float | None = None
    seed: int | None = None
    p: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        """Take the kind of clips that all operations take, and chunks if all do."""
        super().__post_init__()
        takes = {operation.takes for operation in self.operations} - {None}
        if len(takes) > 1:
            raise ValueError(
                f"{self!r} has operations on waveforms and on spectrograms: use one "
                "Augmenter before the front-end and another one after it."
            )
        self._set(
            takes=next(iter(takes), None),
            takes_chunks=all(op.takes_chunks for op in self.operations),
        )

    @property
    def host(self) -> bool:
        """Whether one of the operations runs in the threads that decode files."""
        return any(operation.host for operation in self.operations)

    def check_rate(self, sample_rate: float | None) -> None:
        """Check all operations, as in :meth:`sktag.ops.RandomOp.check_rate`."""
        for operation in self.operations:
            operation.check_rate(sample_rate)

    def _augment(
        self,
        x: Tensor,
        key: tuple[int, ...],
        rows: np.ndarray,
        sample_rate: float | None,
    ) -> Tensor:
        """Draw and apply one operation after the other."""
        seed, epoch, *place = key
        seed = seed if self.seed is None else self.seed
        changed = row_uniforms((seed, epoch, *place), rows, 1)[:, 0] < self.p
        if not changed.any():
            return x
        is_part = not changed.all()
        some = torch.from_numpy(np.flatnonzero(changed))
        some = some.to(x.device, non_blocking=True)
        out = x[some] if is_part else x
        for i, operation in enumerate(self.operations):
            # Neither the key of the draw above nor that of another op.
            own_key = (seed, epoch, *place, i + 1)
            rate = self.sample_rate or sample_rate
            out = operation._augment(out, own_key, rows[changed], rate)
        return x.index_copy(0, some, out) if is_part else out

    def draw(self, uniforms: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
        """Draw nothing; see :meth:`sktag.ops.RandomOp.draw`. The operations draw."""
        return {}

    def change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Apply all operations; each must have single values instead of ranges."""
        for operation in self.operations:
            x = operation.apply(x, self.sample_rate or sample_rate)
        return x

    def __repr__(self) -> str:
        """Show the operations."""
        shown = [repr(operation) for operation in self.operations]
        return f"AugmentOp({', '.join(shown)})"


@dataclass
class Lambda(RandomOp):
    """A function of samples and a sample rate, such as an audiomentations object.

    It runs in the thread that decodes files, one clip at a time. The generators of
    `random`, `numpy.random` and torch are seeded for each call and restored afterwards.

    Parameters
    ----------
    function : callable
        ``function(samples, sample_rate)`` takes a float32 array of shape (n_samples,)
        and returns floating-point numbers of the same shape. To pickle the pipeline,
        the function must be picklable.
    p : float in [0, 1], default=1.0
        Probability that the function is called for a clip.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from sktag.augment import Lambda
    >>> def hum(samples, sample_rate):
    ...     return samples + np.float32(np.random.uniform(0.1, 0.2))
    >>> Lambda(hum).augment(torch.zeros(1, 2))
    tensor([[0.1..., 0.1...]])
    """

    takes: ClassVar[str | None] = "wave"
    takes_chunks: ClassVar[bool] = False  # the function may look at the whole clip

    function: Callable[..., Any]

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        if not callable(self.function):
            raise ValueError(
                f"Lambda has function={self.function!r}, which is not callable: give a "
                "function of samples and sample rate."
            )

    @property
    def name(self) -> str:
        """Name of the function."""
        name: str = getattr(self.function, "__qualname__", repr(self.function))
        return name

    @property
    def host(self) -> bool:
        """True: the function takes numpy arrays."""
        return True

    def draw(self, uniforms: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
        """Draw the seed of each call, see :meth:`sktag.ops.RandomOp.draw`."""
        return {"seed": as_seeds(uniforms[:, 0])}

    def change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Apply the op, see :meth:`sktag.ops.RandomOp.change`."""
        out = torch.empty_like(x)
        # A copy, since objects of audiomentations store what they drew last: the op
        # must not change, and threads must not share the object.
        function = copy.deepcopy(self.function)
        for clip, samples, row_seed in zip(
            out, x.cpu().numpy(), params["seed"], strict=True
        ):
            with _seeded(int(row_seed) % 2**32):
                changed = function(samples.copy(), sample_rate)
            clip.copy_(torch.from_numpy(_as_samples(changed, samples.shape, self.name)))
        return out


def _as_samples(result: Any, shape: tuple[int, ...], name: str) -> np.ndarray:
    """Return the result of a user's function as contiguous float32."""
    array = np.asarray(as_array(result))
    if array.dtype.kind != "f":
        what = "None" if result is None else f"an array of {array.dtype}"
        raise ValueError(
            f"{name} returned {what}: a function in an Augmenter returns samples as "
            "floating-point numbers in [-1, 1]. Divide integers by their full scale, "
            "int16 by 32768."
        )
    if array.shape != shape:
        raise ValueError(
            f"{name} returned an array of shape {array.shape} for samples of shape "
            f"{shape}: a function in an Augmenter must keep the number of samples."
        )
    with np.errstate(over="ignore"):
        # A copy, since torch warns of arrays that cannot be written to.
        array = np.array(array, dtype=np.float32, order="C")
    if not np.isfinite(array).all():
        raise ValueError(
            f"{name} returned samples that are NaN, infinite, or too large for float32."
        )
    return array


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed the generators of Python, numpy and torch for a block, and restore them."""
    with _LOCK, own_draws(torch.device("cpu"), seed), _seeded_globals(seed):
        yield


@contextmanager
def _seeded_globals(seed: int) -> Iterator[None]:
    # Third-party functions draw from them. Only this place may touch them.
    state = np.random.get_state()  # noqa: NPY002
    python_state = random.getstate()
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(state)  # noqa: NPY002
