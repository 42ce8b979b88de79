"""Resolve network sizes from overrides, defaults and input size.

A size that was not given adapts to a short input, and the network's name says what was
dropped. A size that was given never changes: if the input is too short for it, an error
states the shortest input that fits.
"""

from collections.abc import Collection, Mapping, Sequence
from math import inf, prod
from numbers import Integral, Real
from operator import floordiv
from typing import Any, NamedTuple

from sktag._messages import did_you_mean
from sktag.nets.blocks import ACTIVATIONS, INITIALISERS, POOLINGS, Size

_CHOICES: dict[str, Sequence[Any]] = {
    "pooling": POOLINGS,
    "batch_norm": (True, False),
    "activation": tuple(ACTIVATIONS),
    "weight_init": (*INITIALISERS, "default"),
    "multi_level": (True, False),
}
_LEAST = {"n_blocks": 1, "m": 2, "n": 0}
_PER_BLOCK = ("n_filters", "kernel_size", "pool_size")
# Sizes that a short input can reduce: label in the network's name, how the sizes of all
# blocks combine, field of `Blocks`.
_REDUCIBLE = (
    ("kernels together", sum, "kernel_size"),
    ("pooling by", prod, "pool_size"),
)


class Request(NamedTuple):
    """A network to build, with its defaults filled in.

    Parameters
    ----------
    name : str
        Name of the architecture.
    input_shape : tuple of int
        Bins and frames, or samples, of the input.
    n_outputs : int
        Number of outputs.
    values : dict of str to object
        Sizes and options; `choose_values` made them.
    given : dict of str to object
        Those of them that the user gave; none is None.
    """

    name: str
    input_shape: Size
    n_outputs: int
    values: Mapping[str, Any]
    given: Mapping[str, Any]


class Blocks(NamedTuple):
    """Sizes of consecutive blocks.

    Parameters
    ----------
    n_filters : list of int
        Output channels of each block.
    kernel_size, pool_size : list of tuple of int
        Kernel and pooling window of each block, one number for each axis.
    padded : bool
        Whether convolutions keep the number of bins and frames.
    note : str, default=""
        What a short input dropped, as " (...)"; empty if nothing.
    """

    n_filters: list[int]
    kernel_size: list[Size]
    pool_size: list[Size]
    padded: bool
    note: str = ""

    def steps(self, n_in: int) -> list[tuple[int, int, Size, Size]]:
        """Return channels in, channels out, kernel and pooling of each block."""
        columns = ([n_in, *self.n_filters], self.n_filters, *self[1:3])
        # Not strict: no block follows the last one to take its channels.
        return list(zip(*columns, strict=False))

    def shortest(self, last: Size, start: int = 0) -> Size:
        """Return the smallest input from which the last block gives maps of a size."""
        sizes = list(zip(self.kernel_size, self.pool_size, strict=True))
        for kernel, pool in reversed(sizes[start:]):
            spans = (0 if self.padded else k - 1 for k in kernel)
            last = tuple(
                n * p + span for n, p, span in zip(last, pool, spans, strict=True)
            )
        return last


def choose_values(
    name: str, defaults: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Check the values that the user gave and fill in an architecture's defaults."""
    useless = [f"{k}={v!r}" for k, v in given.items() if k not in defaults]
    if useless:
        raise ValueError(
            f"{name!r} has no use for {', '.join(useless)}: leave it None. "
            f"What it has is {', '.join(defaults)}."
        )
    chosen = {**defaults, **given}
    for key, choices in _CHOICES.items():
        if key in chosen:
            check_choice(key, chosen[key], choices)
    for key, least in _LEAST.items():
        if chosen.get(key) is not None:
            chosen[key] = as_integer(key, chosen[key], least)
    ratio = chosen.get("se_ratio", 1)
    if not (isinstance(ratio, Real) and 0 < float(ratio) < inf):
        raise ValueError(f"se_ratio={ratio!r}: give a number above 0.")
    is_pair = isinstance(defaults["dropout"], tuple)
    inner, outer = _dropouts(name, chosen["dropout"], is_pair)
    return {**chosen, "inner_dropout": inner, "dropout": outer}


def choose_blocks(
    request: Request,
    axes: Mapping[str, int],
    *,
    padded: bool = True,
    drops_blocks: bool = False,
    shrinks: bool = True,
    stride: int = 1,
) -> Blocks:
    """Choose the sizes of a network's blocks for its input.

    A short input drops whole blocks with `drops_blocks`, else it shrinks poolings, and
    nothing with ``shrinks=False``. `stride` columns of the input are one for the first
    block. Given sizes are never changed: a ValueError says what they need.
    """
    shape, given = tuple(axes.values()), request.given
    n_axes = len(shape)
    one, maps = (1,) * n_axes, tuple(n // stride for n in shape)
    count = count_blocks(given)
    n = n_default = request.values["n_blocks"] if count is None else count
    blocks = whole = _sizes(request, n, n_axes, padded)
    if not shrinks:
        return blocks
    fixed = {"n_blocks"} & given.keys()
    fixed |= {k for k in _PER_BLOCK if _is_list(k, given.get(k), n_axes)}
    if not fixed and (drops_blocks or "pool_size" in given):
        while n > 1 and _exceeds(blocks.shortest(one), maps):
            n -= 1
            blocks = whole = _sizes(request, n, n_axes, padded)
    # Kernels shrink only if shrinking the poolings is not enough.
    for name in ("pool_size", "kernel_size"):
        if name not in given and _exceeds(blocks.shortest(one), maps):
            ones: dict[str, Any] = {name: [one] * n}
            least = blocks._replace(**ones)
            fits = not _exceeds(least.shortest(one), maps)
            blocks = _shrunk(blocks, least, maps) if fits else least
    fixed |= {"pool_size"} if padded else {"pool_size", "kernel_size"}
    asked = {k: v for k, v in given.items() if k in fixed}
    least_shape = tuple(stride * n for n in blocks.shortest(one))
    check_fits(request.name, asked, least_shape, axes)
    return blocks._replace(note=_dropped(n, n_default, blocks, whole))


def count_blocks(given: Mapping[str, Any], name: str = "n_blocks") -> int | None:
    """Return the given number of blocks, or of filters if there is one a block."""
    if name in given:
        return int(given[name])
    n_filters: Any = given.get("n_filters")
    return max(1, len(n_filters)) if is_several(n_filters) else None


def check_fits(
    name: str, asked: Mapping[str, Any], least: Size, axes: Mapping[str, int]
) -> None:
    """Raise if an input is too short for the sizes that the user gave."""
    if not _exceeds(least, tuple(axes.values())):
        return
    lows = dict(zip(axes, least, strict=True))
    longer = [
        "more bins" if unit == "bins" else "longer clips or a larger chunk_size"
        for unit, low in lows.items()
        if low > axes[unit]
    ]
    raise ValueError(
        f"{name!r} with {', '.join(f'{k}={v!r}' for k, v in asked.items())} "
        f"needs at least {' and '.join(f'{n} {unit}' for unit, n in lows.items())}; "
        f"the input has {' and '.join(f'{n} {unit}' for unit, n in axes.items())}. "
        f"Give {' and '.join(longer)}, or leave {' or '.join(asked)} None: parameters "
        "left at None adapt to the input."
    )


def as_size(name: str, value: Any, n_axes: int) -> Size:
    """Return a size as one number for each axis; a single number applies to all."""
    if not is_several(value):
        return (as_integer(name, value),) * n_axes
    if len(value) != n_axes:
        more = {1: "", 2: ", or two: (bins, frames)"}.get(n_axes, f", or {n_axes}")
        raise ValueError(
            f"{name}={value!r} is of length {len(value)}: give one number{more}."
        )
    return tuple(as_integer(f"{name}[{i}]", n) for i, n in enumerate(value))


def as_integer(name: str, value: Any, least: int = 1) -> int:
    """Return a value as an int, or raise if it is not an integer or is too small."""
    if not isinstance(value, Integral) or value < least:
        raise ValueError(f"{name}={value!r}: give an integer of at least {least}.")
    return int(value)


def is_several(value: Any) -> bool:
    """Tell whether a value is a sequence: a list, a tuple or an array."""
    return isinstance(value, Collection) and not isinstance(value, str)


def check_choice(name: str, value: Any, choices: Sequence[Any]) -> None:
    """Raise if a value is not among the choices; suggest the closest one."""
    if value not in choices:
        raise ValueError(
            f"{name}={value!r} is none of {', '.join(map(repr, choices))}."
            f"{did_you_mean(value, choices)}"
        )


def _is_list(name: str, value: Any, n_axes: int) -> bool:
    """Tell whether a value has one entry a block, rather than (bins, frames)."""
    if not is_several(value) or name == "n_filters" or n_axes == 1:
        return is_several(value)
    return any(map(is_several, value))


def _sizes(request: Request, n: int, n_axes: int, padded: bool) -> Blocks:
    """Return the sizes of n blocks, not yet adapted to the input."""
    lists: dict[str, list[Size]] = {}
    for name in _PER_BLOCK:
        axes = 1 if name == "n_filters" else n_axes
        value = request.values[name]
        value = value(n) if callable(value) else value
        if not _is_list(name, value, n_axes):
            lists[name] = [as_size(name, value, axes)] * n
            continue
        if name not in request.given:
            value = [*value, *value[-1:] * n][:n]
        if len(value) != n:
            raise ValueError(
                f"{name}={value!r} is for {len(value)} blocks, but there are {n}: give "
                "one for all, or as many as there are blocks."
            )
        lists[name] = [as_size(f"{name}[{i}]", v, axes) for i, v in enumerate(value)]
    filters = [f for (f,) in lists["n_filters"]]
    return Blocks(filters, lists["kernel_size"], lists["pool_size"], padded)


def _shrunk(blocks: Blocks, least: Blocks, shape: Size) -> Blocks:
    """Return the blocks shrunk to the input, the first ones as little as possible."""
    kernels, pools = [], []
    sizes = zip(blocks.kernel_size, blocks.pool_size, strict=True)
    for i, (kernel, pool) in enumerate(sizes):
        later = least.shortest((1,) * len(shape), start=i + 1)
        if not blocks.padded:
            before = zip(shape, least.pool_size[i], later, strict=True)
            kernel = tuple(map(min, kernel, (n + 1 - p * m for n, p, m in before)))
            shape = tuple(n + 1 - k for n, k in zip(shape, kernel, strict=True))
        pool = tuple(map(min, pool, map(floordiv, shape, later)))
        shape = tuple(map(floordiv, shape, pool))
        kernels.append(kernel)
        pools.append(pool)
    return blocks._replace(kernel_size=kernels, pool_size=pools)


def _dropouts(name: str, dropout: Any, is_pair: bool) -> tuple[float, float]:
    """Return the dropout rates inside the blocks and before the output."""
    rates = dropout if is_pair and is_several(dropout) else (dropout, dropout)
    if len(rates) != 2 or not all(map(_is_rate, rates)):
        pair = ", or two: (in the blocks, before the output)" if is_pair else ""
        raise ValueError(
            f"dropout={dropout!r} does not fit {name!r}: give a number from 0 "
            f"to below 1{pair}."
        )
    return float(rates[0]), float(rates[1])


def _is_rate(value: Any) -> bool:
    return isinstance(value, Real) and 0 <= float(value) < 1


def _exceeds(least: Size, shape: Size) -> bool:
    return any(low > n for low, n in zip(least, shape, strict=True))


def _dropped(n: int, n_default: int, blocks: Blocks, whole: Blocks) -> str:
    """Return the note of what a short input dropped, such as " (2 of 4 blocks)"."""
    dropped = [f"{n} of {n_default} blocks"] if n < n_default else []
    for label, total, field in _REDUCIBLE:
        left, full = (
            " x ".join(
                str(total(axis)) for axis in zip(*getattr(b, field), strict=True)
            )
            for b in (blocks, whole)
        )
        if left != full:
            dropped.append(f"{label} {left} of {full}")
    return f" ({', '.join(dropped)})" if dropped else ""
