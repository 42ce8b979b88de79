"""The private skorch net: the epochs.

skorch gives the loop, the callbacks and their parameters. What is changed: no host
synchronisation and no history row per batch, weights of rows, a seed per epoch, weight
decay on weights alone, and Ctrl-C that is not swallowed.
"""

import math

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import EarlyStopping, EpochTimer
from skorch.helper import predefined_split
from skorch.history import History
from torch import nn

from sktag.estimators._callbacks import EpochLog, Schedule, make_callbacks
from sktag.estimators._loading import Batches
from sktag.estimators._mixing import make_mixing
from sktag.estimators._optimizers import make_optimizer_stage, make_stages
from sktag.estimators._stages import Stages, StagesEnd
from sktag.estimators._state import seed_torch, to_numpy, to_torch, use_amp


class RowLoss(nn.Module):
    """The targets' loss as a criterion: one number a row.

    Parameters
    ----------
    targets : ClassTargets, TagTargets or ValueTargets
        What has the loss.
    smoothing : float in [0, 1), default=0
        Of the labels, in training.

    References
    ----------
    Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, "Rethinking the Inception architecture
    for computer vision", CVPR 2016 (smoothing).
    """

    def __init__(self, targets, smoothing=0.0):
        super().__init__()
        self.targets = targets
        self.smoothing = smoothing

    def forward(self, logits, targets):
        """Return the loss of each row."""
        smoothing = self.smoothing if self.training else 0.0
        return self.targets.loss(logits, targets, smoothing)


class TaggerNet(NeuralNet):
    """Net of skorch that trains on ClipDatasets.

    Parameters
    ----------
    module : Module
        The network.
    seed : int
        Seed of dropout and other draws in training; with the epoch it gives a seed
        per epoch.
    amp : bool
        Whether to compute in bfloat16 where torch finds it safe.
    score : callable, optional
        Logits of the validation rows to a dict of scores.
    mixing : Mixing, optional
        What mixes the rows of a training batch.
    **kwargs
        As for :class:`skorch.NeuralNet`.
    """

    def __init__(self, module, *, seed=0, amp=False, score=None, mixing=None, **kwargs):
        self.seed = seed
        self.amp = amp
        self.score = score
        self.mixing = mixing
        super().__init__(module, **kwargs)

    @property
    def _default_callbacks(self):
        return [("epoch_timer", EpochTimer())]

    def initialize_optimizer(self, *args, **kwargs):
        """Make the optimizer; biases and norms are not decayed."""
        options = self.get_params_for("optimizer")
        if "param_groups" in options or "weight_decay" not in options:
            return super().initialize_optimizer(*args, **kwargs)
        params = [p for _, p in self.get_all_learnable_params()]
        groups = [
            {"params": [p for p in params if p.ndim > 1]},
            {"params": [p for p in params if p.ndim <= 1], "weight_decay": 0.0},
        ]
        groups = [group for group in groups if group["params"]]
        self.optimizer_ = self.optimizer(groups, **{"lr": self.lr, **options})
        return self

    def set_optimizer(self, stage):
        """Begin anew with an optimizer and its parameters.

        Parameters
        ----------
        stage : Stage
            What has them.
        """
        for name in self.get_params_for("optimizer"):
            delattr(self, f"optimizer__{name}")
        self.optimizer, self.lr = stage.optimizer, stage.lr
        for name, value in stage.options.items():
            setattr(self, f"optimizer__{name}", value)
        self.initialize_optimizer()

    def on_epoch_begin(self, net, *args, **kwargs):
        """Open the epoch in the history, and seed its draws."""
        super().on_epoch_begin(net, *args, **kwargs)
        epoch = len(self.history)
        state = np.random.SeedSequence([self.seed, epoch]).generate_state(1)
        seed_torch(int(state[0]), torch.device(self.device))

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        """Do nothing: the history has no rows for batches."""

    def infer(self, x, **fit_params):
        """Compute logits."""
        device = torch.device(self.device)
        with torch.autocast(device.type, torch.bfloat16, enabled=self.amp):
            return self.module_(x)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Return the mean loss of a batch, rows weighted, and mixed as they are."""
        logits = y_pred.float()
        targets, weights, *mixed = y_true
        loss = (self.criterion_(logits, targets) * weights).mean()
        if not mixed:
            return loss
        targets, weights, share = mixed
        other = (self.criterion_(logits, targets) * weights).mean()
        return share * loss + (1 - share) * other

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Go once through the batches; look at the loss once, at the end."""
        if iterator is None:
            return
        total, n_rows, logits = 0.0, 0, []
        for index, batch in enumerate(iterator):
            if training and self.mixing is not None:
                batch = self.mixing(batch, len(self.history), index)
            self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            total = total + step["loss"].detach() * len(batch[0])
            n_rows += len(batch[0])
            if not training:
                logits.append(step["y_pred"].float())
            self.notify("on_batch_end", batch=batch, training=training, **step)
        loss = float(total) / n_rows
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"the {prefix} loss is {loss} in epoch {len(self.history)}: the "
                f"weights diverged, or the clips hold numbers that are not finite. "
                f"Lower lr (now {self.lr:g}), set gradient_clip=1.0, or standardise "
                "the clips (Standardizer)."
            )
        self.history.record(f"{prefix}_loss", loss)
        self.history.record(f"{prefix}_batch_count", len(iterator))
        if logits and self.score is not None:
            for name, value in self.score(torch.cat(logits)).items():
                self.history.record(f"{prefix}_{name}", value)

    def train(self, dataset, epochs):
        """Train for some epochs; on Ctrl-C, bring things to an end and raise it.

        Parameters
        ----------
        dataset : ClipDataset
            Training rows.
        epochs : int
            How many epochs.
        """
        interrupt, n_before = None, len(self.history)
        self.notify("on_train_begin", X=dataset, y=None)
        # A checkpoint has brought some back.
        epochs -= len(self.history) - n_before
        try:
            self.fit_loop(dataset, epochs=epochs)
        except KeyboardInterrupt as signal:
            # skorch's EarlyStopping raises it to end the training.
            stops = [c for _, c in self.callbacks_ if isinstance(c, EarlyStopping)]
            is_end = any(stop.misses_ == stop.patience for stop in stops)
            if not is_end and not isinstance(signal, StagesEnd):
                interrupt = signal
        finally:
            for _, callback in self.callbacks_:
                if isinstance(callback, EpochLog):
                    callback.close()
        self.notify("on_train_end", X=dataset, y=None)
        if interrupt is not None:
            raise interrupt


def make_net(
    estimator,
    module,
    device,
    n_epochs=1,
    n_batches=1,
    *,
    valid=None,
    score=None,
    checkpoint=None,
    partial=False,
):
    """Make a net around a module, with a new optimizer.

    Parameters
    ----------
    estimator : BaseTagger
        What has the parameters.
    module : Module
        The network.
    device : torch.device
        Where to train.
    n_epochs : int, default=1
        Epochs to come.
    n_batches : int, default=1
        Training batches of an epoch.
    valid : ClipDataset, optional
        Validation rows.
    score : callable, optional
        See TaggerNet.
    checkpoint : Checkpoint, optional
        What saves each epoch.
    partial : bool, default=False
        Whether this is one epoch of many.

    Returns
    -------
    TaggerNet
        The initialised net.
    """
    callbacks = [] if checkpoint is None else [("checkpoint", checkpoint)]
    stages = None if partial else make_stages(estimator)
    stage = stages[0] if stages else make_optimizer_stage(estimator)
    further = {
        name: value
        for name, value in estimator._check_net_params().items()
        if not name.startswith("optimizer__")  # which the stage has
    }
    further |= {f"optimizer__{name}": value for name, value in stage.options.items()}
    return TaggerNet(
        module,
        criterion=RowLoss(
            estimator._targets, getattr(estimator, "label_smoothing", 0.0)
        ),
        optimizer=stage.optimizer,
        lr=stage.lr,
        max_epochs=n_epochs,
        batch_size=estimator.batch_size,
        iterator_train=Batches,
        iterator_train__device=device,
        iterator_train__seed=estimator._seed,
        iterator_train__epoch=0,
        iterator_valid=Batches,
        iterator_valid__device=device,
        train_split=None if valid is None else predefined_split(valid),
        callbacks=make_callbacks(
            estimator, n_epochs, n_batches, stages, valid is not None, partial
        )
        + callbacks,
        device=str(device),
        seed=estimator._seed,
        amp=use_amp(estimator.amp, device),
        score=score,
        mixing=make_mixing(estimator),
        verbose=0,
        **further,
    ).initialize()


def train(net, dataset, n_epochs, running):
    """Train a net; it keeps its weights if training fails.

    Parameters
    ----------
    net : TaggerNet
        The net, changed in place.
    dataset : ClipDataset
        Training rows.
    n_epochs : int
        How many epochs.
    running : dict or None
        Statistics of batch norm to go on from, as arrays.

    Returns
    -------
    KeyboardInterrupt or None
        What came in between, once an epoch was complete; else it is raised.
    """
    before = to_numpy(net.module_.state_dict())
    if running is not None:
        # Go on from the running averages, as if training had not stopped.
        net.module_.load_state_dict(to_torch(running), strict=False)
    interrupt = None
    try:
        net.train(dataset, n_epochs)
    except KeyboardInterrupt as signal:
        interrupt = signal
    except BaseException:
        net.module_.load_state_dict(to_torch(before))
        raise
    finally:
        # The net outlives the fit; what it was trained on must not.
        net.train_split = net.score = None
    net.history = History([row for row in net.history if "dur" in row])
    if interrupt is not None and not net.history:
        raise interrupt
    return interrupt


def restore(net, saved):
    """Give a net what was pickled of an earlier one.

    Parameters
    ----------
    net : TaggerNet
        The net, changed in place.
    saved : dict
        "history", "optimizer" and "moments" of the earlier net.
    """
    net.history = History(saved["history"])
    load_moments(net, saved["optimizer"], to_torch(saved["moments"]))


def take_up(net, old):
    """Let a new net go on where an old one of the same module stopped.

    Parameters
    ----------
    net : TaggerNet
        The new net, changed in place.
    old : TaggerNet
        The old one.
    """
    net.history = History(old.history)
    net.iterator_train__epoch = len(old.history)  # of its order of rows
    # Stages begin with new optimizers.
    if not any(isinstance(c, Stages) for _, c in net.callbacks_):
        name = type(old.optimizer_).__name__
        load_moments(net, name, old.optimizer_.state_dict()["state"])


def take_finished(net, checkpoint):
    """Bring a new net to the end of a fit that a checkpoint has.

    Parameters
    ----------
    net : TaggerNet
        The net, changed in place.
    checkpoint : Checkpoint
        Of a fit that is finished.

    Returns
    -------
    dict or None
        Statistics of batch norm to go on from in a later fit.
    """
    for _, callback in net.callbacks_:
        if isinstance(callback, (EarlyStopping, Schedule, Stages)):
            callback.on_train_begin(net)
    net.train_split = net.score = None
    return checkpoint.restore(net)


def load_moments(net, optimizer, moments):
    """Give an optimizer the moments of an earlier one, if it is of the same class.

    Learning rate, decay and so on are those of the new one.

    Parameters
    ----------
    net : TaggerNet
        The net, changed in place.
    optimizer : str
        Class of the earlier optimizer.
    moments : dict
        The "state" of its state dict.
    """
    if type(net.optimizer_).__name__ == optimizer:
        groups = net.optimizer_.state_dict()["param_groups"]
        net.optimizer_.load_state_dict({"state": moments, "param_groups": groups})
