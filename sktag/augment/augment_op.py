"""Several random operations as one op of a recipe; any function as an operation."""

import copy
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from sktag.augment.ranges import as_seeds
from sktag.ops.random_op import RandomOp, row_uniforms


@dataclass(eq=False, repr=False)
class AugmentOp(RandomOp):
    """Several random operations, one after the other: what an Augmenter appends.

    Parameters
    ----------
    operations : tuple of RandomOp
        What is done, in this order; they draw apart.
    sample_rate : float, optional
        Of the clips, in Hz.
    seed : int, optional
        Seed of the draws; that of the training by default.
    p : float in [0, 1], default=1.0
        Probability that any of it is done to a clip.

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
        """Take the clips that the operations take, and chunks where all do."""
        super().__post_init__()
        takes = {operation.takes for operation in self.operations} - {None}
        if len(takes) > 1:
            raise ValueError(
                f"{self!r} has operations on waveforms and on spectrograms: use an "
                "Augmenter for each, before and after the front-end."
            )
        # torch modules have their attributes from here on.
        self.takes = next(iter(takes), None)  # type: ignore[misc]  # of this instance
        self.takes_chunks = all(  # type: ignore[misc]
            operation.takes_chunks for operation in self.operations
        )

    @property
    def host(self) -> bool:
        """Whether one of the operations runs in the threads that decode."""
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
            # Never the key of the draw above, nor that of another op.
            own_key = (seed, epoch, *place, i + 1)
            rate = self.sample_rate or sample_rate
            out = operation._augment(out, own_key, rows[changed], rate)
        return x.index_copy(0, some, out) if is_part else out

    def draw(self, uniforms: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
        """Draw nothing: the operations do, see :meth:`sktag.ops.RandomOp.draw`."""
        return {}

    def change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Apply all operations, which must be of one value each."""
        for operation in self.operations:
            x = operation.apply(x, self.sample_rate or sample_rate)
        return x

    def __repr__(self) -> str:
        """Show the operations."""
        shown = [repr(operation) for operation in self.operations]
        return f"AugmentOp({', '.join(shown)})"


@dataclass(eq=False, repr=False)
class Lambda(RandomOp):
    """Any function of samples and a sample rate, such as an audiomentations object.

    It runs where files are decoded, one clip at a time, in one thread, with the
    generators of `random` and `numpy.random` seeded by the draw and restored
    afterwards.

    Parameters
    ----------
    function : callable
        ``function(samples, sample_rate)``, of a float32 array (n_samples,), returns an
        array of the same shape. It must be picklable where the pipeline is to be.
    p : float in [0, 1], default=1.0
        Probability that it is called for a clip; it may have one of its own too.

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
    takes_chunks: ClassVar[bool] = False  # what it does is not known

    function: Callable[..., Any]

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        if not callable(self.function):
            raise ValueError(
                f"Lambda has function={self.function!r}, which cannot be called: give "
                "a function of samples and sample rate."
            )

    @property
    def name(self) -> str:
        """What the function is called."""
        name: str = getattr(self.function, "__qualname__", repr(self.function))
        return name

    @property
    def host(self) -> bool:
        """True: it knows numpy alone."""
        return True

    def draw(self, uniforms: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
        """Draw the seed of each call, see :meth:`sktag.ops.RandomOp.draw`."""
        return {"seed": as_seeds(uniforms[:, 0])}

    def change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Do the op, see :meth:`sktag.ops.RandomOp.change`."""
        out = torch.empty_like(x)
        # A copy, as objects of audiomentations keep what they drew last: the op stays
        # equal to itself, and threads do not share one.
        function = copy.deepcopy(self.function)
        for clip, samples, row_seed in zip(
            out, x.cpu().numpy(), params["seed"], strict=True
        ):
            with _seeded(int(row_seed) % 2**32):
                changed = np.asarray(function(samples.copy(), sample_rate))
            if changed.shape != samples.shape:
                raise ValueError(
                    f"{self.name} made {changed.shape} of samples of shape "
                    f"{samples.shape}: a function in an Augmenter keeps the number of "
                    "samples."
                )
            clip.copy_(torch.from_numpy(changed))
        return out


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed Python's and numpy's global generators for a block, and restore them."""
    # A given function knows no other way: the one place that may touch them.
    state = np.random.get_state()  # noqa: NPY002
    python_state = random.getstate()
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(state)  # noqa: NPY002
