"""Arrays of published files, renamed to those of networks of sktag."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from sktag._atomic import FilePath
from sktag._weights import check_arrays
from sktag.nets import Architecture

Arrays = dict[str, NDArray[Any]]


def state_of(record: Architecture, n_outputs: int, sizes: Mapping[str, Any]) -> Any:
    """Return the state dict of a network at its published input, without numbers."""
    with torch.device("meta"):
        built = record.build(record.input_shape, n_outputs, **sizes)
    return built.module.state_dict()


def take_arrays(
    what: str,
    arrays: Arrays,
    names: Mapping[str, str],
    state: Mapping[str, Tensor],
    *,
    is_reversed: bool = False,
) -> Arrays:
    """Return arrays by the names of sktag.

    `names` has the name in the file for each name of sktag; the axes of `state` are in
    reverse order there with `is_reversed`. A ValueError that begins with `what` names
    all arrays that are missing, superfluous or misshapen, as the file names them.
    """
    wanted = {}
    for ours, theirs in names.items():
        axes = range(state[ours].ndim)
        order = tuple(reversed(axes) if is_reversed else axes)
        wanted[theirs] = state[ours].permute(order)
    check_arrays(what, wanted, arrays)
    taken = {ours: arrays[theirs] for ours, theirs in names.items()}
    return {k: v.T for k, v in taken.items()} if is_reversed else taken


def first_axis(arrays: Arrays, name: str, default: int, axis: int = 0) -> int:
    """Return the length of an array's axis; the default if there is no such axis."""
    shape = arrays[name].shape if name in arrays else ()
    return int(shape[axis]) if len(shape) > axis else default


def choose_tags(
    path: FilePath,
    tag_names: Sequence[str] | None,
    n_outputs: int,
    known: Sequence[str],
) -> tuple[str, ...]:
    """Return the names that were given for the outputs of a file, or those known."""
    names = known if tag_names is None else tag_names
    if len(names) != n_outputs:
        given = None if tag_names is None else f"({len(tag_names)} names)"
        raise ValueError(
            f"tag_names={given} does not fit {str(path)!r}, whose {n_outputs} outputs "
            "are not known to be tags of MagnaTagATune: give their names in the order "
            "of the data set that it was trained on."
        )
    return tuple(names)
