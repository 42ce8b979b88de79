"""Schedules of the learning rate."""

from skorch.callbacks import Callback
from torch.optim import lr_scheduler


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
