"""Sizes of a network's blocks: what was asked for, what is its own, what fits.

What is left to the architecture fits itself to a short input, and the network's name
says what was lost; what was asked for is kept, or an error says what it would need.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from math import prod
from numbers import Integral
from typing import Any, NamedTuple

from sktag.nets.blocks import ACTIVATIONS, INITIALISERS

_CHOICES: dict[str, Sequence[str]] = {
    "pooling": ("max", "avg", "std"),
    "activation": tuple(ACTIVATIONS),
    "weight_init": (*INITIALISERS, "default"),
}
_PER_BLOCK = ("n_filters", "kernel_size", "pool_size")


class Blocks(NamedTuple):
    """Sizes of a row of blocks.

    Parameters
    ----------
    n_filters, kernel_size, pool_size : list of int
        Of each block.
    note : str
        What was lost for a short input, in brackets after a space; else empty.
    """

    n_filters: list[int]
    kernel_size: list[int]
    pool_size: list[int]
    note: str

    def shortest(self, *, padded: bool, n_last: int = 1) -> int:
        """Return the fewest frames that leave some behind the last block.

        Parameters
        ----------
        padded : bool
            Whether convolutions keep the number of frames.
        n_last : int
            Frames wanted behind the last block.

        Returns
        -------
        int
            Number of frames.
        """
        sizes = zip(self.kernel_size[::-1], self.pool_size[::-1], strict=True)
        for kernel, pool in sizes:
            n_last = n_last * pool + (0 if padded else kernel - 1)
        return n_last


def choose_values(
    architecture: str, own: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return an architecture's values, with those given in place of its own.

    Parameters
    ----------
    architecture : str
        Name of the architecture.
    own : dict of str to dict
        Values of each architecture.
    given : dict
        Values; None means the architecture's own.

    Returns
    -------
    dict
        Values of all that the architecture has a use for.

    Raises
    ------
    ValueError
        If there is no such architecture, or it has no use for a value.
    """
    _check_name("architecture", architecture, tuple(own))
    values = own[architecture]
    useless = [
        f"{k}={v!r}" for k, v in given.items() if v is not None and k not in values
    ]
    if useless:
        raise ValueError(
            f"{architecture!r} has no use for {', '.join(useless)}: what it has is "
            f"{', '.join(values)}. Leave the others None."
        )
    chosen = {k: v if given.get(k) is None else given[k] for k, v in values.items()}
    for name, choices in _CHOICES.items():
        _check_name(name, chosen[name], choices)
    return chosen


def choose_blocks(
    architecture: str,
    values: Mapping[str, Any],
    given: Mapping[str, Any],
    n_input: int,
    *,
    padded: bool,
    drops_blocks: bool,
    stride: int = 1,
    unit: str = "frames",
) -> Blocks:
    """Return the sizes of an architecture's blocks for an input.

    Parameters
    ----------
    architecture : str
        Name of the architecture.
    values : dict
        What `choose_values` returned; an own `n_filters` may be a function of the
        number of blocks.
    given : dict
        Values; None means the architecture's own.
    n_input : int
        Length of the input, in frames or samples.
    padded : bool
        Whether convolutions keep the number of frames.
    drops_blocks : bool
        Whether a short input takes blocks away rather than poolings, where the
        architecture may choose.
    stride : int
        Length of input that makes one frame for the first block.
    unit : str
        What the input is counted in.

    Returns
    -------
    Blocks
        The sizes.

    Raises
    ------
    ValueError
        If given values contradict each other or do not fit the input.
    """
    lists = [given[k] for k in _PER_BLOCK if _is_list(given.get(k))]
    free_blocks = not lists and given.get("n_blocks") is None
    free_pools = given.get("pool_size") is None
    n = n_own = values["n_blocks"]
    if lists and given.get("n_blocks") is None:
        n = n_own = len(lists[0])
    n_frames = n_input // stride
    sizes = _sizes(values, given, n)
    if sizes.shortest(padded=padded) > n_frames:
        if free_blocks and (drops_blocks or not free_pools):
            while n and sizes.shortest(padded=padded) > n_frames:
                n -= 1
                sizes = _sizes(values, given, n)
            sizes = sizes._replace(note=f" ({n} of {n_own} blocks)")
        elif free_pools:
            sizes = _with_less_pooling(sizes, n_frames, padded)
    least = sizes.shortest(padded=padded)
    if least > n_frames:
        raise ValueError(
            f"{architecture!r} with {n} blocks, kernel_size={_show(sizes.kernel_size)} "
            f"and pool_size={_show(sizes.pool_size)} needs at least {least * stride} "
            f"{unit}; the input has {n_input}. Give longer clips, or lower n_blocks, "
            "kernel_size or pool_size: what is None fits itself to the input."
        )
    return sizes


def _sizes(values: Mapping[str, Any], given: Mapping[str, Any], n: int) -> Blocks:
    """Return the sizes of n blocks."""
    lists = []
    for name in _PER_BLOCK:
        value = values[name]
        if callable(value):
            value = value(n)
        if isinstance(value, Integral):
            value = [value] * n
        elif given.get(name) is None:
            value = [*value, *value[-1:] * n][:n]
        if len(value) != n:
            raise ValueError(
                f"{name}={value!r} is for {len(value)} blocks, but there are {n}: give "
                "one number a block, or one for all."
            )
        lists.append([int(v) for v in value])
    return Blocks(lists[0], lists[1], lists[2], note="")


def _with_less_pooling(sizes: Blocks, n_frames: int, padded: bool) -> Blocks:
    """Return blocks that pool what there is, from the first on."""
    pools = []
    spans = [0 if padded else kernel - 1 for kernel in sizes.kernel_size]
    for i, pool in enumerate(sizes.pool_size):
        n_frames -= spans[i]
        # What follows needs some frames too, though it may pool nothing.
        pools.append(max(1, min(pool, n_frames // (1 + sum(spans[i + 1 :])))))
        n_frames //= pools[-1]
    note = f" (pooling by {prod(pools)} of {prod(sizes.pool_size)})"
    return sizes._replace(pool_size=pools, note=note)


def _check_name(what: str, name: str, names: Sequence[str]) -> None:
    if name not in names:
        close = get_close_matches(str(name), names, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else "."
        raise ValueError(f"{what}={name!r} is none of {', '.join(names)}{hint}")


def _is_list(value: Any) -> bool:
    return value is not None and not isinstance(value, Integral)


def _show(numbers: list[int]) -> str:
    return str(numbers[0] if len(set(numbers)) == 1 else numbers)
