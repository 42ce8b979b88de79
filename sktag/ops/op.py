"""The base class of operations on clips.

An op maps a batch of clips to a batch of clips, on the device of the batch. It is a
frozen recipe, not a torch module:

- Its fields (numbers, strings, tuples, numpy arrays) are its identity. They are set
  once; equality, hash and pickle follow from them, the same in every process.
- It knows the shape of its output without computing it, so that a recipe of ops is
  checked before any file is read.
- It knows which columns of the input a part of the output depends on, so that a chunk
  can be computed without the rest of its clip.
"""

import copy
from collections.abc import Sequence
from dataclasses import Field, FrozenInstanceError, fields, is_dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from sktag._functions import code_of, refuse_unpicklable

Shape = tuple[int, ...]


def _remake(cls: type["Op"], state: dict[str, Any], code: object = None) -> "Op":
    return cls(**state)


class Op:
    """Base class of the operations on batches of clips.

    A subclass is a dataclass. Its fields are numbers, strings, tuples or numpy arrays,
    never tensors, and cannot be changed: ``dataclasses.replace(op, ...)`` makes an op
    with other values. Ops of the same class with equal fields are equal.

    A subclass writes `forward` and, if the shape changes, `out_shape`. An op that needs
    only a part of a clip for a part of its output may say so, with ``pointwise = True``
    or with `in_slice`. Constants on a device (a filterbank, a window) belong in a
    cached function of the fields and the device.

    Attributes
    ----------
    takes : {"wave", "spectrogram"} or None
        Kind of clips the op takes; None for both.
    gives : {"wave", "spectrogram"} or None
        Kind of clips it returns; None for the kind it was given.
    pointwise : bool
        Whether each column of the output depends on the same column of the input only.
    random : bool
        Whether training calls `augment` instead of `forward`.

    See Also
    --------
    RandomOp : Base class of the random operations.

    Notes
    -----
    A field that has to be normalised is set in `__post_init__` with
    ``object.__setattr__(self, name, value)``, as in any frozen dataclass.

    Examples
    --------
    >>> from dataclasses import dataclass, replace
    >>> import torch
    >>> from sktag.ops import Op
    >>> @dataclass
    ... class ScaleBy(Op):
    ...     factor: float
    ...
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> op = ScaleBy(2.0)
    >>> op(torch.ones(1, 3))
    tensor([[2., 2., 2.]])
    >>> replace(op, factor=3.0)
    ScaleBy(factor=3.0)
    >>> op == ScaleBy(2.0)
    True
    """

    takes: ClassVar[str | None] = None
    gives: ClassVar[str | None] = None
    pointwise: ClassVar[bool] = False
    random: ClassVar[bool] = False
    _is_local: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Keep equality and hash by value, and note whether `in_slice` applies."""
        super().__init_subclass__(**kwargs)
        own = vars(cls)
        # `dataclass` keeps the methods that a class defines itself. Its own equality
        # would compare arrays with ==, and its hash would be None.
        for name in ("__eq__", "__hash__", "__repr__"):
            if name not in own:
                setattr(cls, name, getattr(cls, name))
        # A new `forward` may look further than the inherited `in_slice` says.
        if "in_slice" in own or own.get("pointwise"):
            cls._is_local = True
        elif "forward" in own or "pointwise" in own:
            cls._is_local = False

    def __post_init__(self) -> None:
        """Check the fields, once the dataclass has set them."""
        for name, value in self._fields().items():
            if isinstance(value, Tensor | nn.Module):
                raise TypeError(
                    f"{type(self).__name__} has {name}, a {type(value).__name__} of "
                    "torch. The fields of an op are numbers, strings, tuples or numpy "
                    "arrays; make tensors from them in `forward`."
                )

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a field once; raise an error afterwards."""
        if name in self._declared() and name not in vars(self):
            object.__setattr__(self, name, value)
            return
        raise FrozenInstanceError(self._cannot("set", name))

    def __delattr__(self, name: str) -> None:
        """Raise an error: ops do not change."""
        raise FrozenInstanceError(self._cannot("delete", name))

    def _cannot(self, verb: str, name: str) -> str:
        if name in self._declared():
            remedy = f"Use dataclasses.replace(op, {name}=...) to make another op."
        else:
            remedy = (
                f"It has no field {name!r}: declare it in a class with @dataclass, "
                "or compute it in a property."
            )
        return f"cannot {verb} {name!r} of {self!r}: ops do not change. {remedy}"

    def _set(self, **values: Any) -> None:
        """Replace fields by their normalised values, for `__post_init__` only."""
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __call__(self, x: Tensor) -> Tensor:
        """Compute the output of a batch, see `forward`; its type is that of `x`."""
        out = self.forward(x)
        if out.dtype == x.dtype:
            return out
        if not out.is_floating_point():
            raise ValueError(
                f"{self!r} returned {out.dtype} for {x.dtype}: the result of `forward` "
                "is floating-point numbers."
            )
        return out.to(x.dtype)

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
        raise NotImplementedError(f"{type(self).__name__} must define forward.")

    def as_module(self) -> nn.Module:
        """Wrap the op in a torch module, for instance for ``torch.nn.Sequential``.

        Returns
        -------
        torch.nn.Module
            A module without parameters whose `forward` is that of the op.

        Notes
        -----
        Call the module once before ``torch.export.export``, to create the constants of
        the op.

        Examples
        --------
        >>> import torch
        >>> from sktag.ops import MelSpectrogramOp
        >>> mel = MelSpectrogramOp(22050, n_mels=64).as_module()
        >>> net = torch.nn.Sequential(mel, torch.nn.Flatten())
        >>> net(torch.zeros(2, 22050)).shape
        torch.Size([2, 2816])
        """
        return _OpModule(self)

    def out_shape(self, shape: Sequence[int]) -> Shape:
        """Return the shape of the output without computing it.

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
        """Return which columns of the input a part of the output depends on.

        Only used where `whole` is False. Then a part of a clip is enough: columns `p`
        to `q`, where `p` is a multiple of `hop_length` (of 1 if it is None), hold the
        returned columns as far as the clip has them. Columns `start` to `stop` of the
        whole clip's output are columns ``start - p // hop_length`` to ``stop - p //
        hop_length`` of the output of that part.

        Parameters
        ----------
        start, stop : int
            Columns of the output, on its last axis.

        Returns
        -------
        start, stop : int
            Columns of the input. They may lie beyond either end of the clip; the op
            pads there.
        """
        return start, stop

    @property
    def whole(self) -> bool:
        """Whether the op needs whole clips, because any column may change any other.

        True by default. False for a class that sets ``pointwise = True`` or defines
        `in_slice`, until a subclass defines another `forward`.
        """
        return not self._is_local

    def out_length(self, length: int) -> int:
        """Return how many columns of the output a clip of a true length fills.

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
        """Samples between columns of the output; None if the op keeps the columns."""
        return None

    @property
    def frequencies(self) -> np.ndarray | None:
        """Centre of each bin in Hz, or None if the op does not change the bins."""
        return None

    @classmethod
    def _declared(cls) -> dict[str, Field[Any]]:
        return {f.name: f for f in fields(cls)} if is_dataclass(cls) else {}

    def _fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._declared()}

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the class and the fields; equal ops give equal bytes.

        The code of users' classes and functions is added, so that a cache does not
        return what an earlier version of them made.
        """
        functions = [v for v in self._fields().values() if callable(v)]
        refuse_unpicklable(type(self).__name__, functions)
        state = {name: _canonical(value) for name, value in self._fields().items()}
        code = code_of(type(self), functions)
        return _remake, (type(self), state, code) if code else (type(self), state)

    def __eq__(self, other: object) -> bool:
        """Compare class and fields, arrays by type, shape and content."""
        if type(other) is not type(self):
            return NotImplemented
        return self is other or self._key() == other._key()

    def __hash__(self) -> int:
        """Hash class and fields."""
        return hash(self._key())

    def _key(self) -> tuple[Any, ...]:
        return type(self), *(_key(value) for value in self._fields().values())

    def __repr__(self) -> str:
        """Show the fields that differ from their defaults."""
        shown = []
        declared = self._declared().values()
        for field in sorted(declared, key=lambda f: f.kw_only is True):  # p last
            if field.name not in vars(self):
                continue  # an error raised while the fields are being set
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                shown.append(f"{field.name}=array{value.shape}")
            elif isinstance(value, list):
                shown.append(f"{field.name}=list({len(value)})")
            elif value is not field.default and value != field.default:
                shown.append(f"{field.name}={value!r}")
        return f"{type(self).__name__}({', '.join(shown)})"


def refuse_export() -> None:
    """Raise an error if constants are created inside ``torch.export``.

    Fake tensors of the export would stay in the cache of the function that creates the
    constants.
    """
    if torch.compiler.is_exporting():
        raise RuntimeError(
            "the constants of this op do not exist yet: call the module once, with a "
            "batch of the type and device to export, before torch.export."
        )


class _OpModule(nn.Module):
    """An op as a torch module."""

    def __init__(self, op: Op) -> None:
        super().__init__()
        self.op = op

    def forward(self, x: Tensor) -> Tensor:
        """Compute the output of a batch."""
        return self.op(x)

    def extra_repr(self) -> str:
        """Show the op in the module's repr."""
        return repr(self.op)


def _key(value: Any) -> Any:
    """Return a hashable key that is equal for equal values."""
    if isinstance(value, np.ndarray):
        is_plain = not value.dtype.hasobject
        content = value.tobytes() if is_plain else _key(value.tolist())
        return np.ndarray, value.dtype.str, value.shape, content
    if isinstance(value, list | tuple):
        return type(value), *map(_key, value)
    if isinstance(value, dict):
        return dict, *((name, _key(item)) for name, item in value.items())
    # 1, 1.0 and True pickle differently, -0.0 is not 0.0, and NaN equals itself here.
    return type(value), repr(value) if isinstance(value, float) else value


def _canonical(value: Any) -> Any:
    """Return an equal value; all equal values then pickle to the same bytes.

    joblib hashes the strides of arrays, and pickle writes an object that occurs twice
    differently from two equal objects.
    """
    if isinstance(value, np.ndarray):
        return np.array(value, order="C", copy=None)
    if isinstance(value, list | tuple) and any(isinstance(v, Op) for v in value):
        return type(value)(copy.copy(v) for v in value)
    return value
