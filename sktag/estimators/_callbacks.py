"""What happens between steps and epochs: schedules, early stopping, what is shown."""

import sys
from copy import copy, deepcopy
from importlib.util import find_spec

from skorch.callbacks import Callback, EarlyStopping, GradientNormClipping
from torch.optim import lr_scheduler

from sktag.estimators._stages import Stages


def make_callbacks(estimator, n_epochs, n_batches, stages, validates, partial):
    """Return the callbacks that an estimator's parameters ask for.

    Parameters
    ----------
    estimator : BaseTagger
        What has the parameters.
    n_epochs : int
        Epochs to come.
    n_batches : int
        Training batches of an epoch.
    stages : list of Stage or None
        Of a training in stages.
    validates : bool
        Whether rows are kept apart for validation.
    partial : bool
        Whether this is one epoch of many, which has no horizon to schedule for.

    Returns
    -------
    list of (str, Callback)
        In the order in which they are called.
    """
    loss = "valid_loss" if validates else "train_loss"
    callbacks = []
    if estimator.gradient_clip is not None:
        clip = GradientNormClipping(gradient_clip_value=estimator.gradient_clip)
        callbacks.append(("gradient_clip", clip))
    patience = estimator.n_iter_no_change
    kind = estimator.lr_schedule
    is_short = partial or n_epochs * n_batches < 2
    if kind == "staged" or (kind in ("one_cycle", "cosine") and is_short):
        kind = None
    schedule = Schedule(kind, n_epochs * n_batches, loss, patience // 3)
    callbacks.append(("schedule", schedule))
    log = EpochLog(n_epochs, n_batches)
    if estimator.verbose:
        callbacks.append(("epoch_log", log))
    # Copies, since a callback changes in a fit; net_.callbacks_ has them.
    callbacks += map(_copy, estimator.callbacks or [])
    # The last, since it ends the fit before what comes after it is called.
    monitored = {
        "monitor": f"valid_{estimator.monitor}",
        "lower_is_better": estimator.monitor == "loss",
    }
    if stages:
        last = Stages(stages, **monitored, patience=patience, verbose=estimator.verbose)
        callbacks.append(("stages", last))
    elif estimator.early_stopping and validates:
        stop = EarlyStopping(
            **monitored,
            patience=patience,
            # A relative threshold would lie below a negative score.
            threshold=0.0,
            threshold_mode="abs",
            load_best=True,
            sink=_silent,
        )
        callbacks.append(("early_stopping", stop))
    return callbacks


class Schedule(Callback):
    """Learning rate over the epochs or steps.

    Parameters
    ----------
    kind : {"one_cycle", "cosine", "step", "plateau"} or None
        "one_cycle" rises to the learning rate and falls to nothing over all steps;
        "cosine" falls; "step" multiplies it by 0.1 every 30 epochs; "plateau" by 0.2
        when the loss has not fallen for `patience` epochs.
    n_steps : int
        Steps to come.
    monitor : str
        Loss that "plateau" looks at.
    patience : int
        See "plateau".

    References
    ----------
    Smith, Topin, "Super-convergence: very fast training of neural networks using large
    learning rates", 2018 ("one_cycle").
    Loshchilov, Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR
    2017 ("cosine").
    """

    def __init__(self, kind, n_steps, monitor, patience):
        self.kind = kind
        self.n_steps = n_steps
        self.monitor = monitor
        self.patience = patience

    def on_train_begin(self, net, **kwargs):
        """Start the schedule; "step" goes on from the epochs already trained."""
        optimizer, done = net.optimizer_, len(net.history)
        for group in optimizer.param_groups:
            group["lr"] = net.lr
        self.scheduler_ = None
        if self.kind == "one_cycle":
            self.scheduler_ = lr_scheduler.OneCycleLR(
                optimizer, net.lr, total_steps=self.n_steps, cycle_momentum=False
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
        """Advance the schedules that go by steps."""
        if training:
            self.lr_ = net.optimizer_.param_groups[0]["lr"]
            if self.kind in ("one_cycle", "cosine"):
                self.scheduler_.step()

    def on_epoch_end(self, net, **kwargs):
        """Record the rate, and advance the schedules that go by epochs."""
        net.history.record("lr", self.lr_)
        if self.kind == "step":
            self.scheduler_.step()
        elif self.kind == "plateau":
            self.scheduler_.step(net.history[-1, self.monitor])


class EpochLog(Callback):
    """One line an epoch, and a bar of the batches where someone watches.

    Parameters
    ----------
    n_epochs : int
        Epochs to come.
    n_batches : int
        Training batches of an epoch.
    """

    def __init__(self, n_epochs, n_batches):
        self.n_epochs = n_epochs
        self.n_batches = n_batches

    def on_train_begin(self, net, **kwargs):
        """Open the bar."""
        self.first_ = len(net.history)
        self.bar_ = progress_bar(total=self.n_epochs * self.n_batches, desc="fit")

    def on_epoch_begin(self, net, **kwargs):
        """Bring the bar to where the epoch begins, which may be a checkpoint's."""
        self.bar_.n = (len(net.history) - 1 - self.first_) * self.n_batches

    def on_batch_end(self, net, training=False, **kwargs):
        """Advance the bar."""
        if training:
            self.bar_.update()

    def on_epoch_end(self, net, **kwargs):
        """Print the line."""
        row = net.history[-1]
        parts = [f"epoch {row['epoch']:>3}/{self.first_ + self.n_epochs}"]
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
    """Return a tqdm bar: a widget in a notebook, silent where nobody watches.

    Parameters
    ----------
    iterable : iterable, optional
        What to show the progress of.
    **kwargs
        As for :class:`tqdm.tqdm`.

    Returns
    -------
    tqdm
        The bar.
    """
    in_notebook = "ipykernel" in sys.modules
    if in_notebook and find_spec("ipywidgets"):
        from tqdm.notebook import tqdm
    else:
        from tqdm import tqdm
    watched = in_notebook or sys.stderr.isatty()
    return tqdm(iterable, leave=False, disable=not watched, **kwargs)


def _copy(callback):
    """Copy a callback, or (name, callback); its parameters are not copied.

    They are not changed in a fit, by skorch's convention, and may be what cannot be
    copied, as the writer of TensorBoard, which holds an open file.
    """
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
