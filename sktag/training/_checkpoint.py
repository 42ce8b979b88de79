"""Checkpoints, from which a killed fit resumes and ends with the same weights.

Requirements this design meets: a file is complete or absent; its name has a hash of
everything that determines the fit, so that one folder serves all fits of a search and
no fit resumes another's; it holds numpy arrays and no device.
"""

import hashlib
import pickle
from pathlib import Path

import joblib
from skorch.callbacks import Callback, EarlyStopping
from skorch.history import History

from sktag._atomic import atomic_write
from sktag._functions import code_of
from sktag._messages import warn
from sktag.training._callbacks import Schedule
from sktag.training._stages import Stages
from sktag.training._state import to_numpy, to_torch

# Raise it when the contents of a file change, so that older files are not resumed.
_LAYOUT = 3
# State of callbacks that is kept.
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


def open_checkpoint(folder, identity, *, label, seed, verbose=0):
    """Find the checkpoint of a fit, which is empty at first.

    `identity` is everything that determines the weights: parameters and data. The seed
    is that of a new fit; a file has its own.
    """
    given, folder = folder, Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise ValueError(
            f"checkpoint={str(given)!r} is a file, or lies in one: give a folder."
        ) from error
    try:
        key = joblib.hash([_LAYOUT, *identity])
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ValueError(
            f"checkpoint={str(folder)!r} needs parameters and data that can be pickled "
            f"to recognise this fit later, but: {error.args[0]}. Define functions and "
            "classes in a module, or set checkpoint=None."
        ) from error
    checkpoint = Checkpoint(folder / f"{label}-{key}.checkpoint", seed)
    if verbose and checkpoint.saved is not None:
        n_epochs = len(checkpoint.saved["history"])
        how = "ended with" if checkpoint.is_finished else "resumes after"
        print(f"{label}: the fit saved in {checkpoint.path} {how} epoch {n_epochs}")
    return checkpoint


class Checkpoint(Callback):
    """The file of a fit: read before it, written at each epoch and at the end.

    It must be the last of the callbacks, whose state it saves and restores.
    """

    def __init__(self, path, seed):
        self.path = path
        self.saved = _read(path) if path.exists() else None
        self.seed = seed if self.saved is None else self.saved["seed"]

    @property
    def is_finished(self):
        """Whether the saved fit is complete."""
        return self.saved is not None and self.saved["is_finished"]

    def on_train_begin(self, net, **kwargs):
        """Resume the saved training."""
        if self.saved is not None:
            self.restore(net)

    def on_epoch_end(self, net, **kwargs):
        """Save the epoch."""
        self.save(net)

    def save(self, net, *, is_finished=False, running=None):
        """Write the file."""
        state = {
            "seed": self.seed,
            "is_finished": is_finished,
            "running": running,
            "history": [dict(row) for row in net.history],
            "weights": to_numpy(net.module_.state_dict()),
            "optimizer": to_numpy(net.optimizer_.state_dict()),
            "callbacks": {name: _state_of(c) for name, c in net.callbacks_},
            "code": _code_of_callbacks(net),
        }
        _write(self.path, state)

    def restore(self, net):
        """Restore the saved state of a net."""
        saved, self.saved = self.saved, None
        code = _code_of_callbacks(net)
        changed = [n for n, c in saved["code"].items() if code.get(n, c) != c]
        if changed:
            warn(
                f"the code of the callback {', '.join(changed)} has changed since the "
                f"fit was saved in {self.path}, whose {len(saved['history'])} epochs "
                "were trained with the code before: delete the file to start anew."
            )
        for name, callback in net.callbacks_:
            _restore_callback(net, callback, saved["callbacks"].get(name))
        net.module_.load_state_dict(to_torch(saved["weights"]))
        # After the callbacks: schedules and stages set up the optimizer.
        net.optimizer_.load_state_dict(to_torch(saved["optimizer"]))
        net.history = History(saved["history"])
        return saved["running"]


def _code_of_callbacks(net):
    """Return a hash of the code of each class of callbacks that is the user's."""
    classes = [type(callback) for _, callback in net.callbacks_]
    return {
        f"{c.__module__}.{c.__qualname__}": joblib.hash(code_of(c))
        for c in classes
        if c.__module__.split(".")[0] not in ("sktag", "skorch")
    }


def _state_of(callback):
    """Return the state of one of our callbacks, or of skorch's EarlyStopping."""
    if isinstance(callback, Schedule):
        scheduler = callback.scheduler_
        return None if scheduler is None else to_numpy(scheduler.state_dict())
    for kind, names in _KEPT.items():
        if isinstance(callback, kind):
            return {name: to_numpy(getattr(callback, name)) for name in names}
    return None


def _restore_callback(net, callback, state):
    """Restore the state of a callback."""
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
    """Write a file atomically, with a checksum."""
    content = pickle.dumps(state, protocol=pickle.HIGHEST_PROTOCOL)

    def write(file):
        file.write(hashlib.sha256(content).digest())
        file.write(content)

    atomic_write(path, write, fsync=True)


def _read(path):
    """Read a file; warn, and return None, if its checksum is wrong."""
    content = memoryview(path.read_bytes())
    digest, content = content[:32], content[32:]
    if digest != hashlib.sha256(content).digest():
        warn(
            f"the checkpoint {path} is damaged: training starts anew, and will "
            "overwrite it."
        )
        return None
    return pickle.loads(content)
