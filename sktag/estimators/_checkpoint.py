"""Checkpoints of a fit, from which a killed one goes on to the same weights.

What this design meets: a file is whole or it is not there, as it is written under
another name and renamed; what it is the checkpoint of is in its name, so that a folder
serves all fits of a search and no fit takes up another's; it holds numpy arrays and no
device.
"""

import hashlib
import io
import os
import pickle
import tempfile
import warnings
from pathlib import Path

import joblib
from skorch.callbacks import Callback, EarlyStopping
from skorch.history import History

from sktag.estimators._callbacks import Schedule
from sktag.estimators._stages import Stages
from sktag.estimators._state import to_numpy, to_torch

# Changes with what a file holds, so that one of another make is not taken up.
_LAYOUT = 1
# Parameters that do not change what is learned.
_ASIDE = {
    "verbose",
    "n_threads",
    "cache_bytes",
    "device",
    "checkpoint",
    "callbacks",
}
# What callbacks know of the epochs that were.
_KEPT = {
    EarlyStopping: (
        "misses_",
        "dynamic_threshold_",
        "best_epoch_",
        "best_model_weights_",
    ),
    Stages: (
        "index_",
        "n_epochs_",
        "misses_",
        "best_score_",
        "best_epoch_",
        "best_weights_",
    ),
}


def open_checkpoint(estimator, data, before):
    """Find the checkpoint of a fit, which is empty where there was none.

    Parameters
    ----------
    estimator : BaseTagger
        What is fitted; `checkpoint` is the folder.
    data : list
        What it is fitted to: clips, targets and so on, or None.
    before : TaggerNet or None
        The net of an earlier fit that goes on.

    Returns
    -------
    Checkpoint
        What saves the fit, and has what was saved of it.

    Raises
    ------
    ValueError
        If `checkpoint` is a file, or a parameter cannot be pickled.
    """
    folder = Path(estimator.checkpoint)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise ValueError(
            f"checkpoint={str(estimator.checkpoint)!r} is a file, or lies in one: give "
            "a folder, which may be new."
        ) from error
    params = estimator.get_params(deep=False)
    # The seed is none of it: where random_state is None, the file has it.
    makes = [
        _LAYOUT,
        {name: value for name, value in params.items() if name not in _ASIDE},
        data,
    ]
    if before is not None:
        makes.append([len(before.history), to_numpy(before.module_.state_dict())])
    try:
        key = joblib.hash(makes)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ValueError(
            f"checkpoint={str(folder)!r} needs parameters and data that can be "
            f"pickled, to know this fit again, but: {error}. Define what is meant in a "
            "module, or set checkpoint=None."
        ) from error
    name = type(estimator).__name__
    checkpoint = Checkpoint(folder / f"{name}-{key}.checkpoint", estimator._seed)
    if estimator.verbose and checkpoint.saved is not None:
        n_epochs = len(checkpoint.saved["history"])
        how = "ended with" if checkpoint.is_finished else "goes on after"
        print(f"{name}: the fit saved in {checkpoint.path} {how} epoch {n_epochs}")
    return checkpoint


class Checkpoint(Callback):
    """The file of a fit: read before it, written at each epoch and at the end.

    Among the callbacks it is the last: it brings back, and keeps, what the others have.

    Parameters
    ----------
    path : Path
        The file.
    seed : int
        Seed of a fit that is new.

    Attributes
    ----------
    saved : dict or None
        What was read, until the training goes on from it.
    seed : int
        Seed of the fit, the file's where there is one.
    """

    def __init__(self, path, seed):
        self.path = path
        self.saved = _read(path) if path.exists() else None
        self.seed = seed if self.saved is None else self.saved["seed"]

    @property
    def is_finished(self):
        """Whether the fit came to its end."""
        return self.saved is not None and self.saved["is_finished"]

    def on_train_begin(self, net, **kwargs):
        """Let the training go on from what was saved."""
        if self.saved is not None:
            self.restore(net)

    def on_epoch_end(self, net, **kwargs):
        """Save the epoch."""
        self.save(net)

    def save(self, net, *, is_finished=False, running=None):
        """Write the file.

        Parameters
        ----------
        net : TaggerNet
            The net.
        is_finished : bool, default=False
            Whether the fit is at its end.
        running : dict, optional
            Statistics of batch norm to go on from in a later fit, as arrays.
        """
        state = {
            "seed": self.seed,
            "is_finished": is_finished,
            "running": running,
            "history": [dict(row) for row in net.history],
            "weights": to_numpy(net.module_.state_dict()),
            "optimizer": to_numpy(net.optimizer_.state_dict()),
            "callbacks": {name: _state_of(c) for name, c in net.callbacks_},
        }
        _write(self.path, state)

    def restore(self, net):
        """Bring a net to what was saved.

        Parameters
        ----------
        net : TaggerNet
            The net, changed in place; its callbacks have begun.

        Returns
        -------
        dict or None
            Statistics of batch norm to go on from in a later fit.
        """
        saved, self.saved = self.saved, None
        for name, callback in net.callbacks_:
            _restore_callback(net, callback, saved["callbacks"].get(name))
        net.module_.load_state_dict(to_torch(saved["weights"]))
        # After the callbacks, of which schedules and stages set the optimizer up.
        net.optimizer_.load_state_dict(to_torch(saved["optimizer"]))
        net.history = History(saved["history"])
        net.iterator_train__epoch = len(net.history)  # of its order of rows
        return saved["running"]


def _state_of(callback):
    """Return what a callback of ours, or of skorch's, knows of the epochs."""
    if isinstance(callback, Schedule):
        scheduler = callback.scheduler_
        return None if scheduler is None else to_numpy(scheduler.state_dict())
    for kind, names in _KEPT.items():
        if isinstance(callback, kind):
            return {name: to_numpy(getattr(callback, name)) for name in names}
    return None


def _restore_callback(net, callback, state):
    """Give a callback what it knew."""
    if state is None:
        return
    if isinstance(callback, Schedule):
        callback.scheduler_.load_state_dict(state)
        return
    if isinstance(callback, Stages):
        callback.begin(net, state["index_"])
    for name, value in state.items():
        setattr(callback, name, to_torch(value))


def _write(path, state):
    """Write a file so that it is there whole, or as it was."""
    buffer = io.BytesIO()
    pickle.dump(state, buffer, protocol=pickle.HIGHEST_PROTOCOL)
    content = buffer.getbuffer()
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(content).digest())
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _read(path):
    """Read a file; warn, and return None, where it is not sound."""
    content = memoryview(path.read_bytes())
    digest, content = content[:32], content[32:]
    if digest != hashlib.sha256(content).digest():
        warnings.warn(
            f"the checkpoint {path} is broken, half-written or changed: training "
            "starts anew, and will write over it.",
            stacklevel=2,
        )
        return None
    return pickle.loads(content)
