"""Callbacks: early stopping, clipping, and the user's own."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, EarlyStopping

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")
STOPPING = {"early_stopping": True, "validation_fraction": 0.25}


class Recorder(Callback):
    """Keep the output's weights of each epoch."""

    def on_train_begin(self, net, **kwargs):
        self.weights_ = []

    def on_epoch_end(self, net, **kwargs):
        self.weights_.append(net.module_.output.weight.detach().clone())


def recorder_of(clf):
    return next(c for _, c in clf.net_.callbacks_ if isinstance(c, Recorder))


def test_early_stopping_goes_back_to_the_best_epoch(X, Y, quick):
    rng = np.random.default_rng(0)
    noise = rng.normal(size=X.shape)
    clf = quick(
        early_stopping=True,
        validation_fraction=0.3,
        n_iter_no_change=3,
        max_epochs=60,
        lr_schedule=None,
        callbacks=[Recorder()],
    ).fit(noise, Y)
    losses = [row["valid_loss"] for row in clf.history_]
    assert clf.n_iter_ < 60
    assert clf.best_epoch_ == 1 + int(np.argmin(losses))
    assert clf.n_iter_ == clf.best_epoch_ + 3
    weights = recorder_of(clf).weights_
    assert torch.equal(clf.module_.output.weight, weights[clf.best_epoch_ - 1])
    assert len(weights) == clf.n_iter_  # callbacks see the last epoch too


@pytest.mark.parametrize("monitor", ["loss", "accuracy", "neg_brier_score"])
def test_scores_that_do_not_change_are_no_improvement(X, Y, quick, monitor):
    # Steps of 1e-30 are lost in float32; there is no dropout in validation.
    clf = quick(lr=1e-30, batch_norm=False, n_iter_no_change=2, monitor=monitor)
    clf.set_params(**STOPPING).fit(X, Y)
    assert len({row[f"valid_{monitor}"] for row in clf.history_}) == 1
    assert (clf.best_epoch_, clf.n_iter_) == (1, 3)


def test_gradient_is_clipped(X, Y, quick):
    params = {"optimizer": "sgd", "max_epochs": 2, "weight_decay": 0.0}
    free = quick(**params, lr=1.0).fit(X, Y)
    held = quick(**params, lr=1.0, gradient_clip=1e-6).fit(X, Y)
    start = quick(**params, lr=1e-12).fit(X, Y)
    moved = [
        (clf.module_.output.weight - start.module_.output.weight).norm().item()
        for clf in (free, held)
    ]
    assert moved[1] < 1e-4 < moved[0]


def test_callbacks_of_skorch_are_called(X, Y, quick):
    stop = EarlyStopping(
        monitor="train_loss", patience=2, threshold=1e9, sink=lambda s: s
    )
    clf = quick(callbacks=[stop, ("recorder", Recorder())]).fit(X, Y)
    assert clf.n_iter_ < 15
    assert clf.predict(X).shape == (36,)


class Logger(Callback):
    """Write losses to what cannot be copied, as TensorBoard's writer cannot."""

    def __init__(self, writer):
        self.writer = writer

    def initialize(self):
        self.n_epochs_ = 0
        return self

    def on_epoch_end(self, net, **kwargs):
        self.n_epochs_ += 1
        self.writer.write(f"{net.history[-1, 'train_loss']}\n")


def test_callback_that_holds_a_file_writes_into_it(X, Y, quick, tmp_path):
    with open(tmp_path / "losses.txt", "w") as file:
        logger = Logger(file)
        clf = quick(callbacks=[("log", logger)]).fit(X, Y)
    losses = [float(line) for line in (tmp_path / "losses.txt").read_text().split()]
    assert losses == [row["train_loss"] for row in clf.history_]
    assert not hasattr(logger, "n_epochs_"), "a copy is called"
    assert dict(clf.net_.callbacks_)["log"].n_epochs_ == len(losses)
