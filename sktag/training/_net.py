"""The private skorch net: the loop over epochs and batches.

skorch gives the loop, the callbacks and their parameters. What differs here: no host
synchronisation and no history row per batch, row weights, a seed for each epoch, weight
decay on weights only, and Ctrl-C is not swallowed.
"""

import math

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import EpochTimer
from skorch.helper import predefined_split
from torch import nn

from sktag._torch import seed_torch
from sktag.training._batches import Batches
from sktag.training._callbacks import make_callbacks
from sktag.training._start import ALL_ANEW, keep_statistics


class RowLoss(nn.Module):
    """The loss of targets as a criterion: one number a row.

    References: Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, "Rethinking the Inception
    architecture for computer vision", CVPR 2016 (smoothing).
    """

    def __init__(self, targets, smoothing=0.0):
        super().__init__()
        self.targets = targets
        self.smoothing = smoothing
        if isinstance(targets.loss_name, nn.Module):
            # Its tensors follow the network to the device.
            self.loss = targets.loss_name

    def forward(self, logits, targets):
        """Return the loss of each row."""
        smoothing = self.smoothing if self.training else 0.0
        return self.targets.loss(logits, targets, smoothing)


class TaggerNet(NeuralNet):
    """Net of skorch that trains on ClipDatasets.

    With `keep_batches` the history has a row for each batch of the last two epochs,
    which callbacks such as skorch's ProgressBar read; it costs a host synchronisation a
    step.
    """

    def __init__(
        self,
        module,
        *,
        seed=0,
        amp=False,
        score=None,
        mixing=None,
        keep_batches=False,
        start=ALL_ANEW,
        **kwargs,
    ):
        self.seed = seed
        self.amp = amp
        self.score = score
        self.mixing = mixing
        self.keep_batches = keep_batches
        self.start = start
        super().__init__(module, **kwargs)

    @property
    def _default_callbacks(self):
        return [("epoch_timer", EpochTimer())]

    def initialize_optimizer(self, *args, **kwargs):
        """Make the optimizer; biases and norms are not decayed, the body learns slower.

        Those of the body come last, so that the rate of the first group is `lr`.
        """
        options = self.get_params_for("optimizer")
        body = set(self.start.body)
        if "param_groups" in options or not (body or "weight_decay" in options):
            return super().initialize_optimizer(*args, **kwargs)
        parts = [[], [], [], []]
        for name, parameter in self.get_all_learnable_params():
            parts[2 * (name in body) + (parameter.ndim <= 1)].append(parameter)
        groups = []
        for i, part in enumerate(parts):
            share = self.start.body_lr if i > 1 else 1.0
            group = {"params": part, "share": share, "lr": self.lr * share}
            if i % 2 and "weight_decay" in options:
                group["weight_decay"] = 0.0
            groups += [group] if part else []
        self.optimizer_ = self.optimizer(groups, **{"lr": self.lr, **options})
        return self

    def _set_training(self, training=True):
        """Set the mode of all layers, except for frozen batch norms."""
        super()._set_training(training)
        if training:
            keep_statistics(self.module_, self.start.frozen)

    def set_optimizer(self, stage):
        """Replace the optimizer by a new one."""
        for name in self.get_params_for("optimizer"):
            delattr(self, f"optimizer__{name}")
        self.optimizer, self.lr = stage.optimizer, stage.lr
        for name, value in stage.options.items():
            setattr(self, f"optimizer__{name}", value)
        self.initialize_optimizer()

    def on_epoch_begin(self, net, *args, **kwargs):
        """Add a row to the history, and seed the epoch."""
        super().on_epoch_begin(net, *args, **kwargs)
        for row in self.history[:-2]:
            row["batches"] = []
        epoch = len(self.history)
        state = np.random.SeedSequence([self.seed, epoch]).generate_state(1)
        seed_torch(int(state[0]), torch.device(self.device))

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        """Add a row for the batch, if they are kept."""
        if self.keep_batches:
            self.history.new_batch()

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
        epoch = len(self.history) - 1
        batches = iterator.epoch(epoch) if training else iterator.in_order()
        total, n_rows, outputs = 0.0, 0, []
        for index, batch in enumerate(batches):
            if training and self.mixing is not None:
                batch = self.mixing(batch, epoch + 1, index)
            self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            total = total + step["loss"].detach() * len(batch[0])
            n_rows += len(batch[0])
            if self.keep_batches:
                self.history.record_batch(f"{prefix}_loss", step["loss"].item())
                self.history.record_batch(f"{prefix}_batch_size", len(batch[0]))
            if not training:
                outputs.append(step["y_pred"].float())
            self.notify("on_batch_end", batch=batch, training=training, **step)
        loss = float(total) / n_rows
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"the {prefix} loss is {loss} in epoch {epoch + 1}: the weights "
                "diverged, or the clips hold numbers that are not finite. Lower lr "
                f"(now {self.lr:g}), set gradient_clip=1.0, or standardise the clips "
                "(Standardizer)."
            )
        earlier = [row.get(f"{prefix}_loss", math.inf) for row in self.history[:-1]]
        self.history.record(f"{prefix}_loss", loss)
        # As skorch has it, for callbacks such as its Checkpoint.
        self.history.record(
            f"{prefix}_loss_best", loss < min(earlier, default=math.inf)
        )
        self.history.record(f"{prefix}_batch_count", len(iterator))
        if outputs and self.score is not None:
            scores = self.score(torch.cat(outputs), iterator.dataset.counts)
            for name, value in scores.items():
                self.history.record(f"{prefix}_{name}", value)


def make_net(plan, module, *, n_batches=1, valid=None, score=None, checkpoint=None):
    """Make a net around a network, with a new optimizer."""
    stage = plan.first_stage
    options = {f"optimizer__{name}": value for name, value in stage.options.items()}
    further = {
        name: value
        for name, value in plan.net_params.items()
        if not name.startswith("optimizer__")  # part of the stage
    }
    callbacks = make_callbacks(plan, n_batches, validates=valid is not None)
    if checkpoint is not None:
        # Last: it saves and restores the state of the others.
        callbacks.append(("fit_checkpoint", checkpoint))
    return TaggerNet(
        module,
        criterion=RowLoss(plan.targets, plan.label_smoothing),
        optimizer=stage.optimizer,
        lr=stage.lr,
        max_epochs=plan.n_epochs,
        batch_size=plan.batch_size,
        iterator_train=Batches,
        iterator_train__device=plan.device,
        iterator_train__seed=plan.seed,
        iterator_valid=Batches,
        iterator_valid__device=plan.device,
        train_split=None if valid is None else predefined_split(valid),
        callbacks=callbacks,
        device=str(plan.device),
        seed=plan.seed,
        amp=plan.amp,
        score=score,
        mixing=plan.mixing,
        keep_batches=bool(plan.callbacks),
        start=plan.start,
        verbose=0,
        **options,
        **further,
    ).initialize()
