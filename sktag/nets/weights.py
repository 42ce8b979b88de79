"""Weights of a network as plain numbers: out of a module, into one, and on disk."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

import joblib
import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from sktag._atomic import atomic_write
from sktag._messages import did_you_mean
from sktag.nets.architecture import Family

_DEFAULT_EPS = 1e-5  # of torch's batch norms
_FORMAT, _VERSION = "sktag.weights", 1
_N_NAMED = 5  # arrays that a message names


@dataclass(frozen=True, eq=False, repr=False)
class Weights:
    """The weights of a network, and what it takes to build it again.

    Equal weights have equal hashes, in every process. The arrays cannot be written to.

    Parameters
    ----------
    family : {"cnn1d", "cnn2d", "sample_cnn"}
        Which estimators have such networks.
    architecture : str or None
        Name of the network; None for a network of the user's own.
    arrays : mapping of str to ndarray
        The arrays of the module, by the names of torch. A batch norm whose epsilon is
        not 1e-5 has an entry ``"<layer>.eps"`` too.
    input_shape : tuple of int
        Bins and frames, or samples, of the clips or chunks that the network was built
        for.
    sizes : mapping of str to object, default={}
        Parameters of the architecture that were given, such as `n_filters`.
    outputs : tuple or None, default=None
        Classes, or names of tags, in the order of the network's outputs; None if there
        are no names.
    sample_rate : float or None, default=None
        Sample rate of the clips, in Hz.
    hop_length : int or None, default=None
        Samples from one frame to the next.

    See Also
    --------
    sktag.CNN2DClassifier.from_weights : Makes a fitted estimator of weights.

    Examples
    --------
    >>> import numpy as np
    >>> from sktag.pretrained import Weights
    >>> Weights("cnn2d", None, {"output.weight": np.zeros((2, 3))}, (96, 187))
    Weights(cnn2d, own network, 1 array, 6 parameters)
    """

    family: Family
    architecture: str | None
    arrays: Mapping[str, np.ndarray]
    input_shape: tuple[int, ...]
    sizes: Mapping[str, Any] = field(default_factory=dict)
    outputs: tuple[Any, ...] | None = None
    sample_rate: float | None = None
    hop_length: int | None = None

    def __post_init__(self) -> None:
        """Copy what could be changed from outside."""
        arrays = {}
        for name, array in self.arrays.items():
            arrays[name] = np.array(array)
            arrays[name].flags.writeable = False
        outputs = None if self.outputs is None else tuple(self.outputs)
        shape = tuple(int(n) for n in self.input_shape)
        for name, value in (
            ("arrays", MappingProxyType(arrays)),
            ("sizes", MappingProxyType(dict(self.sizes))),
            ("outputs", outputs),
            ("input_shape", shape),
        ):
            object.__setattr__(self, name, value)

    @property
    def n_parameters(self) -> int:
        """Number of parameters, without the statistics of batch norms."""
        kept = ("running_mean", "running_var", "num_batches_tracked", "eps")
        return sum(
            array.size
            for name, array in self.arrays.items()
            if name.rpartition(".")[2] not in kept and not name.startswith("targets.")
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file.

        Parameters
        ----------
        path : str or path-like
            The file, usually ``*.safetensors``.

        Raises
        ------
        ValueError
            If the names of the outputs are neither text nor numbers.
        """
        record = self._record()
        record["sizes"] = _plain(record["sizes"])
        try:
            text = json.dumps(record)
        except TypeError as error:
            raise ValueError(
                f"these weights have sizes or outputs that are no plain text or "
                f"numbers ({error}): give names as str."
            ) from error
        metadata = {"format": _FORMAT, "version": str(_VERSION), "record": text}
        # Not by ascontiguousarray, which adds an axis to single numbers.
        arrays = {k: np.asarray(v, order="C") for k, v in self.arrays.items()}
        data = to_bytes(arrays, metadata)
        atomic_write(path, lambda file: file.write(data))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Weights":
        """Read a file that `save` wrote.

        Parameters
        ----------
        path : str or path-like
            The file.

        Returns
        -------
        Weights
            The weights.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it is another file, is damaged, or is of a newer version of sktag.
        """
        name = os.fspath(path)
        try:
            with safe_open(name, framework="numpy") as file:
                metadata = file.metadata() or {}
                arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  it is no mapping
        except FileNotFoundError:
            raise
        except SafetensorError as error:
            raise ValueError(
                f"{name!r} is no safetensors file, or is damaged ({error}): give a "
                "file that Weights.save wrote."
            ) from error
        if metadata.get("format") != _FORMAT:
            raise ValueError(
                f"{name!r} has arrays ({_few(arrays)}), but does not say of which "
                "network: Weights.save writes that. Make the record by hand, "
                "Weights(family, architecture, arrays, input_shape)."
            )
        if int(metadata["version"]) > _VERSION:
            raise ValueError(
                f"{name!r} was written by a newer sktag: update sktag to read it."
            )
        record = json.loads(metadata["record"])
        return cls(arrays=arrays, **record)

    def _record(self) -> dict[str, Any]:
        """Return the fields but for the arrays."""
        names = [f.name for f in fields(self) if f.name != "arrays"]
        record = {name: getattr(self, name) for name in names}
        return {**record, "sizes": dict(self.sizes)}

    def __repr__(self) -> str:
        """Show the architecture and the number of parameters."""
        n, what = len(self.arrays), self.architecture or "own network"
        noun = "array" if n == 1 else "arrays"
        size = f"{self.n_parameters:,} parameters"
        return f"Weights({self.family}, {what}, {n} {noun}, {size})"

    def __eq__(self, other: object) -> bool:
        """Compare by content."""
        return isinstance(other, Weights) and self._digest() == other._digest()

    def __hash__(self) -> int:
        """Hash by content."""
        return int(self._digest(), 16)

    def _digest(self) -> str:
        """Return a hash of the content, computed once."""
        if "_known_digest" not in vars(self):
            record = json.dumps(_plain(self._record()), sort_keys=True, default=repr)
            arrays = {
                name: (a.dtype.str, a.shape, a) for name, a in self.arrays.items()
            }
            digest = joblib.hash((record, sorted(arrays.items())))
            object.__setattr__(self, "_known_digest", digest)
        digest = vars(self)["_known_digest"]
        return str(digest)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle plain arrays; equal weights have equal pickles."""
        values = {**self._record(), "arrays": dict(self.arrays)}
        return Weights, tuple(values[f.name] for f in fields(self))

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> "Weights":
        """Return itself: weights never change."""
        return self

    __copy__ = __deepcopy__


def _plain(value: Any) -> Any:
    """Return a value as JSON gives it back: lists are tuples here."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value.item() if isinstance(value, np.generic) else value


def arrays_of(module: nn.Module) -> dict[str, np.ndarray]:
    """Return the parameters and buffers of a module as arrays.

    numpy has no bfloat16: such tensors become float32, which holds them exactly.
    """
    arrays = {}
    for name, tensor in module.state_dict().items():
        value = tensor.detach().cpu()
        value = value.float() if value.dtype == torch.bfloat16 else value
        arrays[name] = value.numpy().copy()
    for name, layer in module.named_modules():
        if isinstance(layer, _BatchNorm) and layer.eps != _DEFAULT_EPS:
            arrays[_join(name, "eps")] = np.array(layer.eps)
    return arrays


def put_arrays(module: nn.Module, arrays: Mapping[str, np.ndarray]) -> None:
    """Put arrays into a module, all of them and nothing else.

    Raises
    ------
    ValueError
        If an array is missing, superfluous or of another shape; names them, and the
        closest that would fit.
    """
    values = {
        name: array for name, array in arrays.items() if not _is_eps(module, name)
    }
    state = module.state_dict()
    faults = [_missing(name, state, values) for name in state if name not in values]
    faults += [
        f"the network has no {name} {array.shape}"
        for name, array in values.items()
        if name not in state
    ]
    faults += [
        f"{name} has the shape {values[name].shape}, and the network's has "
        f"{tuple(state[name].shape)}"
        for name in state
        if name in values and values[name].shape != tuple(state[name].shape)
    ]
    if faults:
        n_more = len(faults) - _N_NAMED
        shown = "; ".join(faults[:_N_NAMED] + [f"and {n_more} more"] * (n_more > 0))
        raise ValueError(
            f"the weights do not fit the network: {shown}. "
            "Use the architecture, sizes and number of outputs that they were trained "
            "with."
        )
    with torch.no_grad():
        module.load_state_dict(
            {k: torch.from_numpy(np.array(v)) for k, v in values.items()}
        )
    for name, layer in module.named_modules():
        if isinstance(layer, _BatchNorm):
            layer.eps = float(arrays.get(_join(name, "eps"), _DEFAULT_EPS))


def match_arrays(
    module: nn.Module, arrays: Mapping[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Return the arrays of those layers that fit whole, and the names of the others."""
    state = module.state_dict()
    by_layer: dict[str, list[str]] = {}
    for name in state:
        by_layer.setdefault(name.rpartition(".")[0], []).append(name)
    taken: dict[str, np.ndarray] = {}
    new: list[str] = []
    for layer, names in by_layer.items():
        fits = all(
            name in arrays and arrays[name].shape == tuple(state[name].shape)
            for name in names
        )
        if not fits:
            new += names
            continue
        eps = _join(layer, "eps")
        kept = [*names, eps] if _is_eps(module, eps) and eps in arrays else names
        taken |= {name: arrays[name] for name in kept}
    return taken, new


def _join(layer: str, name: str) -> str:
    return f"{layer}.{name}" if layer else name


def _is_eps(module: nn.Module, name: str) -> bool:
    """Tell whether a name is that of the epsilon of a batch norm."""
    layer, _, last = name.rpartition(".")
    if last != "eps":
        return False
    return isinstance(dict(module.named_modules()).get(layer), _BatchNorm)


def _missing(name: str, state: Mapping[str, Any], arrays: Mapping[str, Any]) -> str:
    """Say that a layer of the network has no array."""
    shape = tuple(state[name].shape)
    fitting = [k for k, a in arrays.items() if k not in state and a.shape == shape]
    return f"there is no {name} {shape}.{did_you_mean(name, fitting, 0)}".rstrip(".")


def _few(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join([*listed[:_N_NAMED], "..."] if len(listed) > _N_NAMED else listed)
