"""Weights of a network, with a record of what the network is and takes.

They are hashed by content, pickled as plain numpy, and kept in files from which nothing
is executed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from types import MappingProxyType
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from sktag._atomic import FilePath, atomic_write
from sktag._weights._arrays import Arrays
from sktag.nets.architecture import AXES, Family

_VERSION = 1  # of the record in files
_KEY = "sktag_weights"  # of the record in the metadata of files
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked", "eps")


@dataclass(frozen=True, eq=False, kw_only=True)
class Weights:
    """The weights of a network, with a record of what the network is and takes.

    Weights are immutable. They are equal, and have the same hash, if their content is
    the same, also in two processes.

    Parameters
    ----------
    family : {"cnn1d", "cnn2d", "sample_cnn"}
        Family of the network: which estimators can have it.
    architecture : str or None
        Name of the network in ``sktag.nets.ARCHITECTURES``; None for a network that
        sktag cannot build by name.
    arrays : dict of str to ndarray
        Arrays by their names in the network's state dict. A batch norm whose epsilon is
        not 1e-5 has a further array ``<name of the batch norm>.eps``, a single number.
        The arrays are copied, and the copies are read-only.
    input_shape : tuple of int
        Input that the network was built for: bins and frames, or samples.
    sizes : dict of str to object, optional
        Parameters of the architecture that are not its defaults, such as `n_filters`:
        numbers, strings, or sequences of them.
    outputs : sequence of str, int, float or bool, default=None
        Names of the classes, tags or targets, in the order of the outputs.
    sample_rate : float > 0, default=None
        Sample rate that the network was trained at, in Hz.
    hop_length : int > 0, default=None
        Samples between frames of the input; None for waveforms.

    Attributes
    ----------
    n_parameters : int
        Number of weights and biases.

    Raises
    ------
    ValueError
        If the family, the input or the type of an array is none of those above.
    TypeError
        If a size or an output cannot be written to a file as text.

    Examples
    --------
    >>> import numpy as np
    >>> from sktag.pretrained import Weights
    >>> weights = Weights(
    ...     family="cnn1d",
    ...     architecture=None,
    ...     arrays={"output.weight": np.zeros((2, 3)), "output.bias": np.zeros(2)},
    ...     input_shape=(96, 200),
    ...     outputs=("cello", "flute"),
    ... )
    >>> weights
    <Weights of an unnamed network (cnn1d): 8 parameters, 2 outputs>
    >>> weights.save("weights.safetensors")  # doctest: +SKIP
    """

    family: Family
    architecture: str | None
    arrays: Arrays
    input_shape: tuple[int, ...]
    sizes: Mapping[str, Any] = field(default_factory=dict)
    outputs: tuple[Any, ...] | None = None
    sample_rate: float | None = None
    hop_length: int | None = None

    def __post_init__(self) -> None:
        """Check the record, and make it immutable."""
        if self.family not in AXES:
            known = ", ".join(map(repr, AXES))
            raise ValueError(f"family={self.family!r} is none of {known}.")
        axes = AXES[self.family]
        shape = tuple(map(int, self.input_shape))
        if len(shape) != len(axes):
            raise ValueError(
                f"input_shape={self.input_shape!r} does not fit family={self.family!r}:"
                f" give {' and '.join(axes)}."
            )
        arrays = {name: _frozen(name, self.arrays[name]) for name in self.arrays}
        outputs = self.outputs
        plain: dict[str, Any] = {
            "arrays": MappingProxyType(arrays),
            "input_shape": shape,
            "sizes": MappingProxyType(
                {k: _plain(f"sizes[{k!r}]", v) for k, v in self.sizes.items()}
            ),
            "outputs": None if outputs is None else _plain("outputs", tuple(outputs)),
            "sample_rate": _whole(_plain("sample_rate", self.sample_rate)),
            "hop_length": _plain("hop_length", self.hop_length),
        }
        for name, value in plain.items():
            object.__setattr__(self, name, value)

    @property
    def n_parameters(self) -> int:
        """Number of weights and biases, without the statistics of batch norms."""
        return sum(
            array.size
            for name, array in self.arrays.items()
            if name.rpartition(".")[2] not in _STATISTICS
        )

    def save(self, path: FilePath) -> None:
        """Write the weights to a file, in the format safetensors.

        Parameters
        ----------
        path : str or Path
            The file. It is written completely or not at all.
        """
        content = safetensors.numpy.save(dict(self.arrays), {_KEY: self._record})
        atomic_write(path, lambda file: file.write(content))

    @classmethod
    def load(cls, path: FilePath) -> "Weights":
        """Read a file that `save` has written; nothing in it is executed.

        Parameters
        ----------
        path : str or Path
            The file.

        Returns
        -------
        Weights
            The weights, equal to those saved.

        Raises
        ------
        ValueError
            If the file is none that `save` has written, is damaged, or was written by a
            newer version of sktag.
        """
        foreign = f"{str(path)!r} is no file of Weights.save, or it is damaged"
        with open(path, "rb") as file:
            content = file.read()
        try:
            arrays = safetensors.numpy.load(content)
            # An integer of 8 bytes says how long the JSON after it is.
            header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
            text = header["__metadata__"][_KEY]
            record = json.loads(text)
            version = record["version"]
        except safetensors.SafetensorError as error:
            raise ValueError(f"{foreign}: {error}.") from error
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{foreign}: it has arrays, but no record of their network."
            ) from error
        if version != _VERSION:
            raise ValueError(
                f"{str(path)!r} has version {version!r} of the format; this sktag "
                f"reads version {_VERSION}. Update sktag."
            )
        try:
            return _from_record(text, arrays)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{foreign}: {error}.") from error

    @cached_property
    def _record(self) -> str:
        """All but the arrays, as text that is the same for the same content."""
        record = {name: getattr(self, name) for name in _RECORDED}
        record["sizes"] = dict(self.sizes)
        return json.dumps({"version": _VERSION, **record}, sort_keys=True)

    @cached_property
    def _digest(self) -> bytes:
        digest = sha256(self._record.encode())
        for name in sorted(self.arrays):
            array = self.arrays[name]
            digest.update(repr((name, array.dtype.str, array.shape)).encode())
            digest.update(array.tobytes())
        return digest.digest()

    def __eq__(self, other: object) -> bool:
        """Tell whether the content is the same, to the bit."""
        if not isinstance(other, Weights):
            return NotImplemented
        return self._digest == other._digest

    def __hash__(self) -> int:
        """Return the first bytes of the content's hash."""
        return int.from_bytes(self._digest[:8], "little", signed=True)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the record as text, and the arrays."""
        # The text and the sorted arrays alone: joblib hashes pickles, in which objects
        # that are the same one differ from equal ones.
        arrays = {name: self.arrays[name] for name in sorted(self.arrays)}
        return _from_record, (self._record, arrays)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Weights":
        """Return the same object, as it is immutable."""
        return self

    def __repr__(self) -> str:
        """Show the network and its size."""
        of = self.architecture or "an unnamed network"
        n_outputs = "" if self.outputs is None else f", {len(self.outputs)} outputs"
        return (
            f"<Weights of {of} ({self.family}): {self.n_parameters:,} parameters"
            f"{n_outputs}>"
        )


Weights.__module__ = "sktag.pretrained"  # where it is public

_RECORDED = (
    "family",
    "architecture",
    "input_shape",
    "sizes",
    "outputs",
    "sample_rate",
    "hop_length",
)


def _frozen(name: str, value: Any) -> NDArray[Any]:
    """Return a read-only copy of an array, in this machine's byte order."""
    array = np.asarray(value)
    if array.dtype.kind not in "biufc":
        raise ValueError(
            f"arrays[{name!r}] is of type {array.dtype}: give an array of numbers."
        )
    array = np.array(array, dtype=array.dtype.newbyteorder("="), order="C")
    array.setflags(write=False)
    return array


def _plain(name: str, value: Any) -> Any:
    """Return a value as the one that JSON gives back, with tuples for lists."""
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return tuple(_plain(f"{name}[{i}]", v) for i, v in enumerate(value))
    if isinstance(value, str):
        return str(value)  # not a subclass
    if value is None or isinstance(value, (bool, int, float)):
        return value
    raise TypeError(
        f"{name}={value!r} cannot be kept with weights: give strings, numbers, or "
        "sequences of them."
    )


def _whole(rate: float | None) -> float | None:
    """Return a whole number as an int, so that 16000.0 and 16000 are one text."""
    return rate if rate is None or rate % 1 else int(rate)


def _from_record(text: str, arrays: Arrays) -> Weights:
    record = json.loads(text)
    return Weights(arrays=arrays, **{name: record[name] for name in _RECORDED})
