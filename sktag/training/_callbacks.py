"""The callbacks of a training: schedule, log, stopping, and the user's own."""

import sys
from copy import copy, deepcopy
from importlib.util import find_spec

from skorch.callbacks import (
    BatchScoring,
    Callback,
    EarlyStopping,
    EpochScoring,
    GradientNormClipping,
    InputShapeSetter,
    LRScheduler,
)
from torch.optim import lr_scheduler

from sktag.training._stages import Stages


class Schedule(Callback):
    """Learning rate over the epochs or steps.

    References: Smith, Topin, "Super-convergence: very fast training of neural networks
    using large learning rates", 2018 ("one_cycle"). Loshchilov, Hutter, "SGDR:
    stochastic gradient descent with warm restarts", ICLR 2017 ("cosine").
    """

    def __init__(self, kind, n_steps, monitor, patience):
        self.kind = kind
        self.n_steps = n_steps
        self.monitor = monitor
        self.patience = patience

    def on_train_begin(self, net, **kwargs):
        """Start the schedule; "step" counts the epochs trained before."""
        optimizer, done = net.optimizer_, len(net.history)
        rates = [net.lr * g.get("share", 1.0) for g in optimizer.param_groups]
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self.scheduler_ = None
        if self.kind == "one_cycle":
            self.scheduler_ = lr_scheduler.OneCycleLR(
                optimizer, rates, total_steps=self.n_steps, cycle_momentum=False
            )
        elif self.kind == "cosine":
            self.scheduler_ = lr_scheduler.CosineAnnealingLR(optimizer, self.n_steps)
        elif self.kind == "step":
            self.scheduler_ = lr_scheduler.LambdaLR(
                optimizer, lambda epoch: 0.1 ** ((epoch + done) // 30)
            )
        elif self.kind == "plateau":
            self.scheduler_ = lr_scheduler.ReduceLROnPlateau(
                optimizer, factor=0.2, patience=self.patience
            )

    def on_batch_end(self, net, training=False, **kwargs):
        """Advance the schedules that change at every step."""
        if training:
            self.lr_ = net.optimizer_.param_groups[0]["lr"]
            if self.kind in ("one_cycle", "cosine"):
                self.scheduler_.step()

    def on_epoch_end(self, net, **kwargs):
        """Record the rate, and advance the schedules that change at every epoch."""
        net.history.record("lr", self.lr_)
        if self.kind == "step":
            self.scheduler_.step()
        elif self.kind == "plateau":
            self.scheduler_.step(net.history[-1, self.monitor])


class EpochLog(Callback):
    """One line per epoch, and a bar over the batches."""

    def __init__(self, n_epochs, n_batches, place=""):
        self.n_epochs = n_epochs
        self.n_batches = n_batches
        self.place = place

    def on_train_begin(self, net, **kwargs):
        """Open the bar."""
        self.first_ = len(net.history)
        self.bar_ = progress_bar(total=self.n_epochs * self.n_batches, desc="fit")

    def on_epoch_begin(self, net, **kwargs):
        """Move the bar to the start of the epoch: a checkpoint may skip some."""
        self.bar_.n = (len(net.history) - 1 - self.first_) * self.n_batches

    def on_batch_end(self, net, training=False, **kwargs):
        """Advance the bar."""
        if training:
            self.bar_.update()

    def on_epoch_end(self, net, **kwargs):
        """Print the line."""
        row = net.history[-1]
        parts = [self.place] if self.place else []
        parts.append(f"epoch {row['epoch']:>3}/{self.first_ + self.n_epochs}")
        parts.append(f"train loss {row['train_loss']:.4f}")
        parts += [
            f"{key.replace('_', ' ')} {value:.4f}"
            for key, value in row.items()
            if key.startswith("valid_") and isinstance(value, float)
        ]
        parts.append(f"lr {row['lr']:.1e}")
        parts.append(f"{row['dur']:.1f} s")
        self.bar_.write("  ".join(parts), file=sys.stdout)

    def close(self):
        """Close the bar."""
        self.bar_.close()


def progress_bar(iterable=None, **kwargs):
    """Return a tqdm bar: a widget in notebooks, silent without a terminal."""
    in_notebook = "ipykernel" in sys.modules
    if in_notebook and find_spec("ipywidgets"):
        from tqdm.notebook import tqdm
    else:
        from tqdm import tqdm
    watched = in_notebook or sys.stderr.isatty()
    return tqdm(iterable, leave=False, disable=not watched, **kwargs)


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
        log = EpochLog(plan.n_epochs, n_batches, plan.place)
        callbacks.append(("epoch_log", log))
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


_OWN_NAMES = {
    "early_stopping",
    "epoch_log",
    "fit_checkpoint",
    "gradient_clip",
    "schedule",
    "stages",
}


def check_callbacks(callbacks, lr_schedule):
    """Raise a ValueError for callbacks that cannot work, and say what would."""
    for given in callbacks:
        is_pair = isinstance(given, (tuple, list)) and len(given) == 2
        name, callback = given if is_pair else ("", given)
        if name in _OWN_NAMES:
            raise ValueError(
                f"callbacks has the name {name!r}, which sktag uses: choose another."
            )
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
        if issubclass(kind, LRScheduler) and lr_schedule is not None:
            raise ValueError(
                f"callbacks has LRScheduler beside lr_schedule={lr_schedule!r}, and "
                "both would set the learning rate: set lr_schedule=None, or leave the "
                "callback out."
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
