"""The callbacks of a training: schedule, log, stopping, and the user's own."""

from copy import copy, deepcopy

from skorch.callbacks import (
    BatchScoring,
    Callback,
    EarlyStopping,
    EpochScoring,
    GradientNormClipping,
    InputShapeSetter,
)

from sktag.training._log import EpochLog
from sktag.training._schedule import Schedule
from sktag.training._stages import Stages


def make_callbacks(plan, n_batches, *, validates):
    """Return the callbacks of a plan, in the order in which they are called."""
    callbacks = []
    if plan.gradient_clip is not None:
        clip = GradientNormClipping(gradient_clip_value=plan.gradient_clip)
        callbacks.append(("gradient_clip", clip))
    n_steps, kind = plan.n_epochs * n_batches, plan.schedule
    is_short = plan.is_partial or n_steps < 2
    if kind == "staged" or (kind in ("one_cycle", "cosine") and is_short):
        kind = None
    loss = "valid_loss" if validates else "train_loss"
    schedule = Schedule(kind, n_steps, loss, plan.patience // 3)
    callbacks.append(("schedule", schedule))
    if plan.verbose:
        callbacks.append(("epoch_log", EpochLog(plan.n_epochs, n_batches)))
    # Callbacks change in a fit, so copies are used; they are in net_.callbacks_.
    callbacks += map(_copy, plan.callbacks)
    # Last, since they end the fit before callbacks after them are called.
    monitored = {
        "monitor": f"valid_{plan.monitor}",
        "lower_is_better": plan.monitor == "loss",
        "patience": plan.patience,
    }
    if plan.stages:
        callbacks.append(
            ("stages", Stages(plan.stages, **monitored, verbose=plan.verbose))
        )
    elif plan.early_stopping and validates:
        stop = EarlyStopping(
            **monitored,
            # A relative threshold would lie below a negative score.
            threshold=0.0,
            threshold_mode="abs",
            load_best=True,
            sink=_silent,
        )
        callbacks.append(("early_stopping", stop))
    return callbacks


def check_callbacks(callbacks):
    """Raise a ValueError for callbacks that cannot work, and say what would."""
    for given in callbacks:
        callback = given[1] if isinstance(given, (tuple, list)) else given
        kind = callback if isinstance(callback, type) else type(callback)
        if not issubclass(kind, Callback):
            raise ValueError(
                f"callbacks has {given!r}: give callbacks of skorch (subclasses of "
                "skorch.callbacks.Callback), or pairs (name, callback)."
            )
        if issubclass(kind, (EpochScoring, BatchScoring)):
            raise ValueError(
                f"callbacks has {kind.__name__}, which would score chunks rather than "
                "clips: use metrics=[...], which takes the same scorers."
            )
        if issubclass(kind, InputShapeSetter):
            raise ValueError(
                "callbacks has InputShapeSetter, but networks get their input shape "
                "already: use architecture=f(input_shape, n_outputs)."
            )


def _copy(callback):
    """Copy a callback, or (name, callback), but not its parameters."""
    # By skorch's convention a fit does not change parameters, and some cannot be
    # copied: TensorBoard's writer holds an open file.
    if isinstance(callback, (tuple, list)):
        name, callback = callback
        return name, _copy(callback)
    if isinstance(callback, type):
        return callback
    new, params = copy(callback), callback.get_params(deep=False)
    state = {k: v for k, v in vars(callback).items() if k not in params}
    vars(new).update(deepcopy(state))
    return new


def _silent(text):
    """Print nothing."""
