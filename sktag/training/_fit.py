"""One training: from a plan, a network and data to a trained net."""

from typing import Any, NamedTuple

from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import EarlyStopping
from skorch.history import History

from sktag._compat import is_repeat_in_search
from sktag._messages import warn
from sktag.training._batch_norm import batch_norms, is_cold, refresh_batch_norm
from sktag.training._batches import count_batches
from sktag.training._caches import make_datasets
from sktag.training._callbacks import EpochLog, Schedule
from sktag.training._net import TaggerNet, make_net
from sktag.training._stages import Stages, StagesEnd
from sktag.training._state import to_numpy, to_torch

# With fewer steps a network has rarely converged.
_FEW_STEPS = 300


class Trained(NamedTuple):
    """The result of a training.

    `running` holds batch-norm statistics that a later training resumes from, if the
    network's are others. `interrupt` is a Ctrl-C that came after the first epoch.
    """

    net: TaggerNet
    running: dict[str, Any] | None = None
    interrupt: KeyboardInterrupt | None = None


def train(plan, module, train_part, valid_part, score, *, before, checkpoint):
    """Train a network in place.

    If training fails, the network keeps the weights it had.
    """
    is_finished = checkpoint is not None and checkpoint.is_finished
    dataset, valid = make_datasets(plan, train_part, valid_part, reads=not is_finished)
    if len(dataset) == 1 and batch_norms(module):
        raise ValueError(
            f"there is 1 sample to train on, of {len(train_part.clips)} given, but "
            "batch normalisation needs two or more: give more clips, or set "
            "batch_norm=False."
        )
    n_batches = count_batches(len(dataset), plan.batch_size)
    if not plan.is_partial:
        n_before = 0 if before is None else len(before.net.history)
        _warn_few_steps(n_batches, plan.n_epochs, n_before)
    net = make_net(
        plan,
        module,
        n_batches=n_batches,
        valid=valid,
        score=score,
        checkpoint=checkpoint,
    )
    if before is not None:
        _continue(net, before.net)
    if is_finished:
        return Trained(net, _restore_finished(net, checkpoint))
    weights = to_numpy(module.state_dict())
    if before is not None and before.running is not None:
        # Continue the running averages as if training had not stopped.
        module.load_state_dict(to_torch(before.running), strict=False)
    try:
        interrupt = _run(net, dataset, plan.n_epochs)
    except BaseException:
        module.load_state_dict(to_torch(weights))
        raise
    finally:
        # The net outlives the fit; the data must not.
        net.train_split = net.score = None
        rows = [{**row, "batches": []} for row in net.history if "dur" in row]
        net.history = History(rows)
    if interrupt is not None and not net.history:
        raise interrupt
    running = None
    try:
        if not plan.is_partial and is_cold(net):
            running = to_numpy(dict(module.named_buffers()))
            refresh_batch_norm(net, dataset)
        if checkpoint is not None and interrupt is None:
            checkpoint.save(net, is_finished=True, running=running)
    except KeyboardInterrupt as signal:
        interrupt = signal
    return Trained(net, running, interrupt)


def restore_net(plan, module, saved):
    """Make the net of a pickled network."""
    net = make_net(plan, module)
    net.history = History(saved["history"])
    _load_moments(net, saved["optimizer"], to_torch(saved["moments"]))
    return net


def _warn_few_steps(n_batches, n_epochs, n_before):
    n_steps = n_batches * (n_epochs + n_before)
    if n_steps < _FEW_STEPS and not is_repeat_in_search("steps"):
        warn(
            f"fit takes {n_steps} steps ({n_batches} an epoch, {n_epochs} epochs); "
            f"with fewer than {_FEW_STEPS} a network has rarely converged. Set "
            f"max_epochs={-(-_FEW_STEPS // n_batches)}, or a smaller batch_size.",
            ConvergenceWarning,
        )


def _run(net, dataset, n_epochs):
    """Run the epochs; return a Ctrl-C that ended them, or None."""
    interrupt, n_before = None, len(net.history)
    net.notify("on_train_begin", X=dataset, y=None)
    n_epochs -= len(net.history) - n_before  # restored from a checkpoint
    try:
        net.fit_loop(dataset, epochs=n_epochs)
    except KeyboardInterrupt as signal:
        # skorch's EarlyStopping raises it to end the training.
        stops = [c for _, c in net.callbacks_ if isinstance(c, EarlyStopping)]
        is_end = any(stop.misses_ == stop.patience for stop in stops)
        if not is_end and not isinstance(signal, StagesEnd):
            interrupt = signal
    finally:
        for _, callback in net.callbacks_:
            if isinstance(callback, EpochLog):
                callback.close()
    net.notify("on_train_end", X=dataset, y=None)
    return interrupt


def _continue(net, old):
    """Continue the training of an old net of the same network."""
    net.history = History(old.history)
    # Stages begin with new optimizers.
    if not any(isinstance(c, Stages) for _, c in net.callbacks_):
        name, state = type(old.optimizer_).__name__, old.optimizer_.state_dict()
        if _sizes_of(state) == _sizes_of(net.optimizer_.state_dict()):
            _load_moments(net, name, state["state"])


def _sizes_of(state):
    """Return how many parameters each group of an optimizer has."""
    return [len(group["params"]) for group in state["param_groups"]]


def _restore_finished(net, checkpoint):
    """Bring a net to the end of a finished fit; return its running statistics."""
    for _, callback in net.callbacks_:
        if isinstance(callback, (EarlyStopping, Schedule, Stages)):
            callback.on_train_begin(net)
    net.train_split = net.score = None
    return checkpoint.restore(net)


def _load_moments(net, optimizer, moments):
    """Load the moments of an earlier optimizer of the same class.

    Learning rate, decay and so on stay those of the new one.
    """
    if type(net.optimizer_).__name__ == optimizer:
        groups = net.optimizer_.state_dict()["param_groups"]
        net.optimizer_.load_state_dict({"state": moments, "param_groups": groups})
