"""How the network of an estimator is built: by name, or by a function of the user's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn

from sktag._messages import name_of, warn
from sktag.estimators._parameters import is_same
from sktag.nets import ARCHITECTURES, find_architecture
from sktag.nets.architecture import Built, Family
from sktag.nets.blocks import Network
from sktag.targets._protocol import Targets
from sktag.training._chunks import Chunks
from sktag.training._optimizers import Stage
from sktag.training._start import ALL_ANEW, Start

# Networks of users' functions, to find one that is returned twice, and the inputs that
# they were made for.
_MADE: WeakKeyDictionary[nn.Module, tuple[int, ...]] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class NetworkSpec:
    """Everything that a network is built from.

    Parameters
    ----------
    family : {"cnn1d", "cnn2d", "sample_cnn"}
        Which architectures the names stand for.
    architecture : str or callable
        A name, or ``f(input_shape, n_outputs) -> Module``.
    input_shape : tuple of int
        Bins and frames, or samples, of one clip or chunk.
    n_outputs : int
        Number of outputs.
    sizes : dict
        Parameters of the architecture, as given; None for its own values.
    """

    family: Family
    architecture: str | Callable[[tuple[int, ...], int], Any]
    input_shape: tuple[int, ...]
    n_outputs: int
    sizes: Mapping[str, Any]

    def build(self) -> Built:
        """Build the network."""
        if isinstance(self.architecture, str):
            record = find_architecture(self.family, self.architecture)
            return record.build(self.input_shape, self.n_outputs, **self.sizes)
        try:
            module = self.architecture(self.input_shape, self.n_outputs)
        except TypeError as error:
            error.add_note(
                f"architecture={name_of(self.architecture)} is called as "
                f"f(input_shape, n_outputs), with {self.input_shape} and "
                f"{self.n_outputs}."
            )
            raise
        if isinstance(module, nn.Module):
            if module in _MADE:
                raise ValueError(
                    f"architecture={name_of(self.architecture)} returned a module that "
                    "it returned before, which all fits would share and train: make a "
                    "new one in the function."
                )
            _MADE[module] = self.input_shape
        return Built(module, name_of(self.architecture))


def check_architecture(family, architecture, sizes, name):
    """Raise if an architecture is unknown, a module, or a function with sizes too."""
    if isinstance(architecture, str):
        find_architecture(family, architecture)
        return
    bound = ()
    if isinstance(architecture, partial):
        bound = (*architecture.args, *architecture.keywords.values())
    for shared in (architecture, *bound):
        if isinstance(shared, nn.Module):
            kind = type(shared).__name__
            raise ValueError(
                f"architecture has an instance of {kind}, which all fits and clones of "
                f"{name} would share and train: give a class, or a function "
                f"f(input_shape, n_outputs) that returns a new {kind}."
            )
    given = [f"{key}={value!r}" for key, value in sizes.items() if value is not None]
    if given:
        raise ValueError(
            f"{', '.join(given)} would have no effect, since architecture="
            f"{name_of(architecture)} is a function of yours: leave them None, "
            "and set sizes in the function, with functools.partial for a search."
        )


def place(module, device):
    """Move a network to a device; sktag's own with channels last in memory."""
    if isinstance(module, Network):
        return module.to(device, memory_format=torch.channels_last)
    return module.to(device)


def build_network(spec, device, n_columns):
    """Build a network, check a user's, and warn if it was shrunk for a short input."""
    length = spec.input_shape[-1]
    is_cut = length < n_columns
    try:
        module, name, is_shrunk = spec.build()
    except ValueError as error:
        if is_cut:
            error.add_note(
                f"The input is a chunk of {length}, not a whole clip: see chunk_size."
            )
        raise
    if not isinstance(spec.architecture, str):
        try_network(module, spec, device)
    if is_shrunk:
        size, remedy = f"{length} samples", ""
        if len(spec.input_shape) == 2:
            size = f"{spec.input_shape[0]} bins and {length} frames"
            remedy = ", more bins or a smaller hop_length"
        what, longer = f"an input of {size}", "Longer clips"
        if is_cut:
            what, longer = f"a chunk of {size}", "A larger chunk_size"
        warn(
            f"{what} is too short for {spec.architecture!r}, which became {name!r}. "
            f"{longer}{remedy} would avoid it."
        )
    return module, name


def try_network(module, spec, device):
    """Run two empty clips through a user's network, and check the shape of its logits.

    Lazy layers are initialised by it.
    """
    x = torch.zeros(2, *spec.input_shape, device=device)
    name = name_of(spec.architecture)
    if not isinstance(module, nn.Module):
        raise ValueError(
            f"architecture={name} returned {type(module).__name__}: return a "
            "torch.nn.Module that maps a batch to logits."
        )
    if not any(True for _ in module.parameters()):
        raise ValueError(
            f"architecture={name} returned a network without parameters: there is "
            "nothing to train."
        )
    module.to(device)
    was_training = module.training
    try:
        with torch.no_grad():
            logits = module.eval()(x)
    except Exception as error:  # a user's code may raise anything; it is raised again
        error.add_note(
            f"architecture={name} could not take a batch of shape {tuple(x.shape)}: a "
            "network gets clips as they are, (n_clips, n_samples) or (n_clips, n_bins, "
            "n_frames); x.unsqueeze(1) adds a channel."
        )
        raise
    module.train(was_training)
    found = f"a {type(logits).__name__}"
    if isinstance(logits, torch.Tensor):
        if logits.shape == (2, spec.n_outputs):
            return
        found = f"outputs of shape {tuple(logits.shape)}"
    raise ValueError(
        f"architecture={name} returned {found} for 2 clips, not a tensor of shape (2, "
        f"{spec.n_outputs}): end it in a layer of n_outputs units, without softmax or "
        "sigmoid."
    )


def check_takes(module, length):
    """Raise if a network of a user's takes no clips shorter than those of training."""
    shape = _MADE.get(module)
    if shape is None or length >= shape[-1]:
        return
    device = next(module.parameters()).device
    x = torch.zeros(2, *shape[:-1], length, device=device)
    was_training = module.training
    try:
        with torch.no_grad():
            module.eval()(x)
    except Exception as error:  # a user's code may raise anything
        raise ValueError(
            f"{type(module).__name__} was built for clips of {shape[-1]} columns, and "
            f"cannot take clips of {length} ({error}). Pad them, "
            "RawWave(duration=...); or end the convolutions of the network in a "
            "pooling over time, torch.nn.AdaptiveAvgPool1d or 2d."
        ) from error
    finally:
        module.train(was_training)


@dataclass(frozen=True, eq=False)
class Fitted:
    """What predictions and later fits need, without tensors and without a device.

    Parameters
    ----------
    network : NetworkSpec
        How the network was built.
    chunk_size : int, "auto" or None
        The parameter of the fit.
    window : int
        Columns that the network was trained on: a chunk, or whole clips.
    targets : Targets
        Decoding of the network outputs.
    optimizer : Stage
        Optimizer that the training began with.
    seed : int
        Seed of the fit.
    n_bins : int
        Bins of a spectrogram, or samples of a waveform.
    hop_length : int or None
        Samples from one column to the next; None where it is not known.
    running : dict or None
        Batch-norm statistics that a later fit resumes from, if the network's are
        others.
    start : Start
        Layers that are frozen, or trained at a lower rate.
    """

    network: NetworkSpec
    chunk_size: Any
    window: int
    targets: Targets
    optimizer: Stage
    seed: int
    n_bins: int
    hop_length: int | None
    running: dict[str, Any] | None = None
    start: Start = ALL_ANEW


class NetworkMixin:
    """What the parameters of an estimator say about its network."""

    def _spec(self, chunks, shape, n_outputs):
        """Return the network of the present parameters, for clips of a shape."""
        length = shape[-1] if chunks is None else min(chunks.size, shape[-1])
        return NetworkSpec(
            self._family,
            self.architecture,
            (*map(int, shape[1:-1]), int(length)),
            n_outputs,
            self._sizes(),
        )

    def _sizes(self):
        return {name: getattr(self, name) for name in self._size_params}

    def _record(self):
        """Return the record of the architecture; None for a user's function."""
        is_name = isinstance(self.architecture, str)
        return ARCHITECTURES[self._family].get(self.architecture) if is_name else None

    def _choose_window(self, length):
        """Return the columns that the network sees: of a chunk, or of whole clips."""
        size, record = self.chunk_size, self._record()
        if isinstance(size, str):
            size = None if record is None else record.published(**self._sizes())[1]
        return length if size is None else min(int(size), length)

    def _lay_out(self, window):
        """Return where the windows of clips lie, by the present parameters."""
        return Chunks(window, self.n_chunks, self.chunk_layout)

    def _check_unchanged(self, before):
        """Raise if the network was built with other parameters than the present."""
        built = {
            "architecture": before.network.architecture,
            **before.network.sizes,
            "chunk_size": before.chunk_size,
        }
        changed = [
            f"{name}={getattr(self, name)!r} (was {value!r})"
            for name, value in built.items()
            if not is_same(getattr(self, name), value)
        ]
        if changed:
            raise ValueError(
                f"{type(self).__name__} cannot continue training with "
                f"{', '.join(changed)}: the network is built. Restore the parameters, "
                "or train from scratch with fit and warm_start=False."
            )
