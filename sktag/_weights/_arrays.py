"""The state of a module as arrays of numpy, and back, without loss.

The conversion is strict: an array too many, too few or of another shape is an error.
Epsilons of batch norms are part of the state here, since outputs depend on them.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

Arrays = Mapping[str, NDArray[Any]]

DEFAULT_EPS = 1e-5  # torch's epsilon of batch norms
_N_NAMED = 5  # arrays of each kind that an error names
# Values that numpy has as they are; others become of a wider type.
_OF_NUMPY = {
    *(torch.float16, torch.float32, torch.float64, torch.complex64, torch.complex128),
    *(torch.int8, torch.int16, torch.int32, torch.int64, torch.bool),
    *(torch.uint8, torch.uint16, torch.uint32, torch.uint64),
}


def arrays_of(module: nn.Module) -> dict[str, NDArray[Any]]:
    """Return copies of a module's state, without the types that numpy does not have.

    Parameters
    ----------
    module : Module
        The module.

    Returns
    -------
    dict of str to ndarray
        Arrays by their names in the state dict, and the epsilon of each batch norm that
        has another one than 1e-5, as ``<name of the batch norm>.eps``. bfloat16 and
        other types that numpy does not have become wider types.
    """
    arrays = {}
    for name, value in module.state_dict().items():
        if not isinstance(value, Tensor):
            raise TypeError(
                f"{name!r} in the state of {type(module).__name__} is of type "
                f"{type(value).__name__}: only tensors can be kept."
            )
        value = value.detach().cpu()
        if value.dtype not in _OF_NUMPY:  # bfloat16, say
            value = value.to(torch.complex64 if value.is_complex() else torch.float32)
        arrays[name] = np.array(value.numpy(), order="C")
    for name, layer in _batch_norms(module).items():
        if layer.eps != DEFAULT_EPS:
            arrays[name] = np.array(layer.eps, dtype=np.float64)
    return arrays


def put_arrays(module: nn.Module, arrays: Arrays) -> None:
    """Set all of a module's state, and the epsilon of its batch norms.

    Parameters
    ----------
    module : Module
        The module. Arrays take the types that its tensors have.
    arrays : dict of str to ndarray
        Arrays as `arrays_of` returns. A batch norm without ``.eps`` gets torch's 1e-5.

    Raises
    ------
    ValueError
        If an array is missing, superfluous, or of a shape or kind that does not fit;
        then the module does not change.
    """
    wanted = _wanted(module)
    norms = _batch_norms(module)
    what = f"The weights do not fit {type(module).__name__}"
    check_arrays(what, {**wanted, **dict.fromkeys(norms)}, arrays)
    module.load_state_dict({name: torch.tensor(arrays[name]) for name in wanted})
    for name, layer in norms.items():
        layer.eps = float(arrays.get(name, DEFAULT_EPS))


def check_arrays(
    what: str, wanted: Mapping[str, Tensor | None], arrays: Arrays
) -> None:
    """Raise if arrays are missing, superfluous, or of another shape or kind.

    Parameters
    ----------
    what : str
        Beginning of the error, which names all of them.
    wanted : dict of str to Tensor
        Tensors with the shapes and kinds wanted; None for the epsilon of a batch norm.
    arrays : dict of str to ndarray
        The arrays.
    """
    faults = list(_faults(wanted, arrays))
    if faults:
        raise ValueError(f"{what}: {'; '.join(faults)}.")


def match_arrays(
    module: nn.Module, arrays: Arrays
) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Select the arrays whose name and shape fit a module.

    Parameters
    ----------
    module : Module
        The module; it does not change.
    arrays : dict of str to ndarray
        Arrays as `arrays_of` returns.

    Returns
    -------
    taken : dict of str to ndarray
        Those that fit, with the epsilon of each batch norm among them, also where it is
        1e-5: ``put_arrays(module, {**arrays_of(module), **taken})`` sets them.
    new : list of str
        Names in the module's state for which there is none.
    """
    wanted = _wanted(module)
    fitting = [n for n in wanted if n in arrays and _fits(arrays[n], wanted[n])]
    taken = {name: arrays[name] for name in fitting}
    for name in _batch_norms(module):
        prefix = name.removesuffix("eps")
        if any(prefix + statistic in taken for statistic in ("running_var", "weight")):
            taken[name] = np.asarray(arrays.get(name, DEFAULT_EPS), dtype=np.float64)
    return taken, [name for name in wanted if name not in taken]


def _wanted(module: nn.Module) -> dict[str, Tensor]:
    state = module.state_dict()
    return {name: value for name, value in state.items() if isinstance(value, Tensor)}


def _batch_norms(module: nn.Module) -> dict[str, _BatchNorm]:
    """Return the batch norms of a module by the names of their epsilons."""
    return {
        f"{name}.eps" if name else "eps": layer
        for name, layer in module.named_modules(remove_duplicate=False)
        if isinstance(layer, _BatchNorm)
    }


def _fits(array: NDArray[Any], like: Tensor | None) -> bool:
    """Tell whether an array can be put in a tensor's place; None is an epsilon."""
    if like is None:
        return array.shape == () and array.dtype.kind == "f"
    # Whole numbers fit everywhere, fractions and complex numbers do not.
    rank = "fc".find(array.dtype.kind) + 1
    return array.shape == like.shape and rank <= (
        like.is_floating_point() + 2 * like.is_complex()
    )


def _faults(wanted: Mapping[str, Tensor | None], arrays: Arrays) -> Iterator[str]:
    """Yield what is missing, superfluous and misshapen, each with the closest fit."""
    missing = {n: v for n, v in wanted.items() if n not in arrays and v is not None}
    superfluous = {n: a for n, a in arrays.items() if n not in wanted}
    misfits = [n for n in wanted if n in arrays and not _fits(arrays[n], wanted[n])]

    def closest(name: str, fitting: Iterable[str]) -> str:
        close = get_close_matches(name, list(fitting), n=1, cutoff=0)
        return f" (the closest that would fit: {close[0]!r})" if close else ""

    def given_for(name: str) -> str:
        like = wanted[name]
        return closest(name, (n for n, a in superfluous.items() if _fits(a, like)))

    def place_of(name: str) -> str:
        array = superfluous[name]
        return closest(name, (n for n, v in missing.items() if _fits(array, v)))

    yield from _listed(
        "missing",
        missing,
        lambda n: f"{n!r} {tuple(missing[n].shape)}{given_for(n)}",
    )
    yield from _listed(
        "superfluous",
        superfluous,
        lambda n: f"{n!r} {superfluous[n].shape}{place_of(n)}",
    )
    yield from _listed(
        "of another shape or type",
        misfits,
        lambda n: (
            f"{n!r} is {arrays[n].dtype} {arrays[n].shape}, the network's is "
            f"{_described(wanted[n])}{given_for(n)}"
        ),
    )


def _described(like: Tensor | None) -> str:
    if like is None:
        return "float64 ()"
    return f"{str(like.dtype).removeprefix('torch.')} {tuple(like.shape)}"


def _listed(
    what: str, names: Collection[str], describe: Callable[[str], str]
) -> Iterator[str]:
    if names:
        few = ", ".join(map(describe, islice(names, _N_NAMED)))
        more = f" and {len(names) - _N_NAMED} more" if len(names) > _N_NAMED else ""
        yield f"{len(names)} {what}: {few}{more}"
