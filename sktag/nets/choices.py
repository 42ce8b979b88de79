"""What a network is built of: what was asked for, what is its own, what fits.

What is left to the architecture fits itself to a short input, and the network's name
says what was lost; what was asked for is kept, or an error says what it would need.
"""

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from math import inf, prod
from numbers import Integral, Real
from operator import floordiv
from typing import Any, NamedTuple

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
# What blocks can lose, and how it is added up.
_LOSSES = (("kernels together", sum, "kernel_size"), ("pooling by", prod, "pool_size"))


class Blocks(NamedTuple):
    """Sizes of a row of blocks.

    Parameters
    ----------
    n_filters : list of int
        Channels of each block.
    kernel_size, pool_size : list of tuple of int
        Of each block, one number for each axis.
    padded : bool
        Whether convolutions keep the number of bins and frames.
    note : str
        What was lost for a short input, in brackets after a space; else empty.
    """

    n_filters: list[int]
    kernel_size: list[Size]
    pool_size: list[Size]
    padded: bool
    note: str = ""

    def steps(self, n_in: int) -> list[tuple[int, int, Size, Size]]:
        """Return of each block: channels in and out, kernel, pooling."""
        columns = ([n_in, *self.n_filters], self.n_filters, *self[1:3])
        return list(zip(*columns, strict=False))  # the last block is nobody's input

    def shortest(self, last: Size, start: int = 0) -> Size:
        """Return the smallest maps that leave something behind the last block.

        Parameters
        ----------
        last : tuple of int
            Wanted behind the last block.
        start : int, default=0
            Block that the maps are for.

        Returns
        -------
        tuple of int
            One number for each axis.
        """
        sizes = list(zip(self.kernel_size, self.pool_size, strict=True))
        for kernel, pool in reversed(sizes[start:]):
            spans = (0 if self.padded else k - 1 for k in kernel)
            last = tuple(
                n * p + span for n, p, span in zip(last, pool, spans, strict=True)
            )
        return last


def choose_values(
    architecture: str, own: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return an architecture's values, with those given in place of its own.

    Parameters
    ----------
    architecture : str
        Name of the architecture.
    own : dict of str to dict
        Values of each architecture. One whose `dropout` is a pair takes pairs.
    given : dict
        Values; None means the architecture's own.

    Returns
    -------
    dict
        All that the architecture has a use for, and "inner_dropout", which is that of
        its blocks where `dropout` is before the output.

    Raises
    ------
    ValueError
        If there is no such architecture, it has no use for a value, or the value is
        none of those there are.
    """
    _check_name("architecture", architecture, tuple(own))
    values = own[architecture]
    useless = [
        f"{k}={v!r}" for k, v in given.items() if v is not None and k not in values
    ]
    if useless:
        raise ValueError(
            f"{architecture!r} has no use for {', '.join(useless)}: leave it None. "
            f"What it has is {', '.join(values)}."
        )
    chosen = {k: v if given.get(k) is None else given[k] for k, v in values.items()}
    for name, choices in _CHOICES.items():
        if name in chosen:
            _check_name(name, chosen[name], choices)
    for name, least in _LEAST.items():
        if chosen.get(name) is not None:
            chosen[name] = as_integer(name, chosen[name], least)
    ratio = chosen.get("se_ratio", 1)
    if not (isinstance(ratio, Real) and 0 < float(ratio) < inf):
        raise ValueError(f"se_ratio={ratio!r}: give a number above 0.")
    is_pair = isinstance(values["dropout"], tuple)
    inner, outer = _dropouts(architecture, chosen["dropout"], is_pair)
    return {**chosen, "inner_dropout": inner, "dropout": outer}


def choose_blocks(
    architecture: str,
    values: Mapping[str, Any],
    given: Mapping[str, Any],
    shape: Size,
    units: tuple[str, ...],
    *,
    padded: bool = True,
    drops_blocks: bool = False,
    shrinks: bool = True,
    stride: int = 1,
) -> Blocks:
    """Return the sizes of an architecture's blocks for an input.

    Parameters
    ----------
    architecture : str
        Name of the architecture.
    values : dict
        What `choose_values` returned. Of its own sequences blocks take the first
        numbers, and further blocks the last; an own `n_filters` may be a function of
        the number of blocks.
    given : dict
        Values; None means the architecture's own.
    shape : tuple of int
        Of the input, but for its channels.
    units : tuple of str
        What its axes are counted in.
    padded : bool, default=True
        Whether convolutions keep the number of bins and frames.
    drops_blocks : bool, default=False
        Whether a short input takes blocks away rather than poolings, where the
        architecture may choose. One block always stays.
    shrinks : bool, default=True
        Whether anything is lost for a short input.
    stride : int, default=1
        Length of input that makes one frame for the first block.

    Returns
    -------
    Blocks
        The sizes.

    Raises
    ------
    ValueError
        If given values contradict each other or do not fit the input.
    """
    n_axes = len(shape)
    one, maps = (1,) * n_axes, tuple(n // stride for n in shape)
    given = {k: v for k, v in given.items() if v is not None}
    count = count_blocks(given)
    n = n_own = values["n_blocks"] if count is None else count
    blocks = whole = _sizes(values, given, n, n_axes, padded)
    if not shrinks:
        return blocks
    fixed = {"n_blocks"} & given.keys()
    fixed |= {k for k in _PER_BLOCK if _is_list(k, given.get(k), n_axes)}
    if not fixed and (drops_blocks or "pool_size" in given):
        while n > 1 and _exceeds(blocks.shortest(one), maps):
            n -= 1
            blocks = whole = _sizes(values, given, n, n_axes, padded)
    for name in ("pool_size", "kernel_size"):  # kernels only if no pooling is enough
        if name not in given and _exceeds(blocks.shortest(one), maps):
            ones: dict[str, Any] = {name: [one] * n}
            least = blocks._replace(**ones)
            fits = not _exceeds(least.shortest(one), maps)
            blocks = _shrunk(blocks, least, maps) if fits else least
    fixed |= {"pool_size"} if padded else {"pool_size", "kernel_size"}
    asked = {k: v for k, v in given.items() if k in fixed}
    least_shape = tuple(stride * n for n in blocks.shortest(one))
    check_fits(architecture, asked, least_shape, shape, units)
    return blocks._replace(note=_lost(n, n_own, blocks, whole))


def count_blocks(given: Mapping[str, Any], name: str = "n_blocks") -> int | None:
    """Return the number of blocks asked for: by its name, by `n_filters`, or None."""
    if given.get(name) is not None:
        return int(given[name])
    n_filters: Any = given.get("n_filters")
    return max(1, len(n_filters)) if is_several(n_filters) else None


def check_fits(
    architecture: str,
    asked: Mapping[str, Any],
    least: Size,
    shape: Size,
    units: tuple[str, ...],
) -> None:
    """Raise if an input of a shape is too small for what was asked for."""
    if not _exceeds(least, shape):
        return
    axes = list(zip(least, shape, units, strict=True))
    longer = [
        "more bins" if unit == "bins" else "longer clips or a larger chunk_size"
        for low, n, unit in axes
        if low > n
    ]
    raise ValueError(
        f"{architecture!r} with {', '.join(f'{k}={v!r}' for k, v in asked.items())} "
        f"needs at least {' and '.join(f'{low} {unit}' for low, _, unit in axes)}; the "
        f"input has {' and '.join(f'{n} {unit}' for _, n, unit in axes)}. Give "
        f"{' and '.join(longer)}, or leave {' or '.join(asked)} None: what is None "
        "fits itself to the input."
    )


def as_size(name: str, value: Any, n_axes: int) -> Size:
    """Return a size as one number for each axis; a single number stands for all."""
    if not is_several(value):
        return (as_integer(name, value),) * n_axes
    if len(value) != n_axes:
        more = {1: "", 2: ", or two: (bins, frames)"}.get(n_axes, f", or {n_axes}")
        raise ValueError(
            f"{name}={value!r} is of length {len(value)}: give one number{more}."
        )
    return tuple(as_integer(f"{name}[{i}]", n) for i, n in enumerate(value))


def as_integer(name: str, value: Any, least: int = 1) -> int:
    """Return a value, or raise if it is no integer or too small."""
    if not isinstance(value, Integral) or value < least:
        raise ValueError(f"{name}={value!r}: give an integer of at least {least}.")
    return int(value)


def is_several(value: Any) -> bool:
    """Tell whether a value is a sequence: a list, a tuple or an array."""
    return isinstance(value, Collection) and not isinstance(value, str)


def _is_list(name: str, value: Any, n_axes: int) -> bool:
    """Tell whether a value is one a block, and not one (bins, frames) for all."""
    if not is_several(value) or name == "n_filters" or n_axes == 1:
        return is_several(value)
    return any(map(is_several, value))


def _sizes(
    values: Mapping[str, Any],
    given: Mapping[str, Any],
    n: int,
    n_axes: int,
    padded: bool,
) -> Blocks:
    """Return the sizes of n blocks."""
    lists: dict[str, list[Size]] = {}
    for name in _PER_BLOCK:
        axes = 1 if name == "n_filters" else n_axes
        value = values[name](n) if callable(values[name]) else values[name]
        if not _is_list(name, value, n_axes):
            lists[name] = [as_size(name, value, axes)] * n
            continue
        if name not in given:
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
    """Return blocks that take of the input what there is, from the first on."""
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


def _dropouts(architecture: str, dropout: Any, is_pair: bool) -> tuple[float, float]:
    """Return the dropout inside the blocks, and before the output."""
    rates = dropout if is_pair and is_several(dropout) else (dropout, dropout)
    if len(rates) != 2 or not all(map(_is_rate, rates)):
        pair = ", or two: (in the blocks, before the output)" if is_pair else ""
        raise ValueError(
            f"dropout={dropout!r} does not fit {architecture!r}: give a number from 0 "
            f"to below 1{pair}."
        )
    return float(rates[0]), float(rates[1])


def _is_rate(value: Any) -> bool:
    return isinstance(value, Real) and 0 <= float(value) < 1


def _check_name(what: str, name: Any, names: Sequence[Any]) -> None:
    if name not in names:
        close = get_close_matches(str(name), [n for n in names if isinstance(n, str)])
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"{what}={name!r} is none of {', '.join(map(repr, names))}.{hint}"
        )


def _exceeds(least: Size, shape: Size) -> bool:
    return any(low > n for low, n in zip(least, shape, strict=True))


def _lost(n: int, n_own: int, blocks: Blocks, whole: Blocks) -> str:
    """Say what blocks have lost, in brackets."""
    lost = [f"{n} of {n_own} blocks"] if n < n_own else []
    for what, total, name in _LOSSES:
        left, own = (
            " x ".join(str(total(axis)) for axis in zip(*getattr(b, name), strict=True))
            for b in (blocks, whole)
        )
        if left != own:
            lost.append(f"{what} {left} of {own}")
    return f" ({', '.join(lost)})" if lost else ""
