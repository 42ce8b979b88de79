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
from skorch.history import History
from torch import nn, optim

from sktag.estimators._callbacks import EpochLog
from sktag.estimators._state import seed_torch

OPTIMIZERS = {
    "adamw": (optim.AdamW, {}),
    "adam": (optim.Adam, {}),
    "sgd": (optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "rmsprop": (optim.RMSprop, {}),
}
# Below this many steps the running statistics of batch norm have not settled.
COLD_STEPS = 100


class RowLoss(nn.Module):
    """The targets' loss as a criterion: one number a row."""

    def __init__(self, targets):
        super().__init__()
        self.targets = targets

    def forward(self, logits, targets):
        """Return the loss of each row."""
        return self.targets.loss(logits, targets)


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
    **kwargs
        As for :class:`skorch.NeuralNet`.
    """

    def __init__(self, module, *, seed=0, amp=False, score=None, **kwargs):
        self.seed = seed
        self.amp = amp
        self.score = score
        super().__init__(module, **kwargs)

    @property
    def _default_callbacks(self):
        return [("epoch_timer", EpochTimer())]

    def initialize_optimizer(self, *args, **kwargs):
        """Make the optimizer; biases and norms are not decayed."""
        options = self.get_params_for("optimizer")
        if "param_groups" in options:
            return super().initialize_optimizer(*args, **kwargs)
        params = [p for _, p in self.get_all_learnable_params()]
        groups = [
            {"params": [p for p in params if p.ndim > 1]},
            {"params": [p for p in params if p.ndim <= 1], "weight_decay": 0.0},
        ]
        groups = [group for group in groups if group["params"]]
        self.optimizer_ = self.optimizer(groups, **{"lr": self.lr, **options})
        return self

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
        """Return the mean loss of a batch, rows weighted."""
        targets, weights = y_true
        return (self.criterion_(y_pred.float(), targets) * weights).mean()

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Go once through the batches; look at the loss once, at the end."""
        if iterator is None:
            return
        total, n_rows, logits = 0.0, 0, []
        for batch in iterator:
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
        interrupt = None
        self.notify("on_train_begin", X=dataset, y=None)
        try:
            self.fit_loop(dataset, epochs=epochs)
        except KeyboardInterrupt as signal:
            # skorch's EarlyStopping raises it to end the training.
            stops = [c for _, c in self.callbacks_ if isinstance(c, EarlyStopping)]
            if not any(stop.misses_ == stop.patience for stop in stops):
                interrupt = signal
        finally:
            for _, callback in self.callbacks_:
                if isinstance(callback, EpochLog):
                    callback.close()
        self.notify("on_train_end", X=dataset, y=None)
        if interrupt is not None:
            raise interrupt


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
    name = type(old.optimizer_).__name__
    load_moments(net, name, old.optimizer_.state_dict()["state"])


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


def refresh_batch_norm(module, batches):
    """Estimate the statistics of batch norm anew, in one clean pass.

    After few steps the running averages are still near their start, and a net that
    trained well predicts at chance.

    Parameters
    ----------
    module : Module
        The network, changed in place.
    batches : Batches
        Training rows.
    """
    norms = [
        m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)
    ]
    if not norms:
        return
    module.eval()
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain average over the batches
        norm.train()
    with torch.no_grad():
        for x, _ in batches:
            module(x)
    for norm, momentum in zip(norms, before, strict=True):
        norm.momentum = momentum
    module.eval()
