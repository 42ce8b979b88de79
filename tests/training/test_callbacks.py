"""Callbacks: early stopping, clipping, and the user's own."""

import pickle

import numpy as np
import pytest
import skorch
import torch
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback, EarlyStopping
from skorch.history import History
from torch.utils.tensorboard import SummaryWriter

from sktag.testing import inaccessible_clips

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


class Curve(Callback):
    """Plots of its own, as for a dashboard: reads batches, epochs and the network."""

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        self.rows_, self.losses_, self.n_items_ = [], [], len(X)

    def on_batch_end(self, net, batch=None, training=False, loss=None, **kwargs):
        name = "train" if training else "valid"
        self.losses_.append((name, loss.item()))
        x, (targets, weights) = batch
        assert len(x) == len(targets) == len(weights)
        row = net.history[-1, "batches", -1]
        assert row[f"{name}_loss"] == loss.item()
        assert row[f"{name}_batch_size"] == len(x)

    def on_epoch_end(self, net, **kwargs):
        self.rows_.append([len(row["batches"]) for row in net.history])

    def on_train_end(self, net, **kwargs):
        self.is_ended_ = True


def test_callback_of_ones_own_sees_batches_epochs_and_ends(X, Y, quick):
    clf = quick(callbacks=[("curve", Curve())], max_epochs=4, **STOPPING).fit(X, Y)
    curve = dict(clf.net_.callbacks_)["curve"]
    assert curve.is_ended_
    assert curve.n_items_ == 27
    names = [name for name, _ in curve.losses_]
    # 27 training rows are two batches; nine to validate on are one.
    assert names == ["train", "train", "valid"] * 4
    # Rows of batches are kept for two epochs, and none after the fit.
    assert curve.rows_ == [[3], [3, 3], [0, 3, 3], [0, 0, 3, 3]]
    assert [row["batches"] for row in clf.net_.history] == [[]] * 4
    assert set(clf.history_[0]) == {
        *("epoch", "train_loss", "valid_loss", "valid_accuracy", "lr", "seconds")
    }


def test_without_callbacks_there_are_no_rows_of_batches(X, Y, quick, monkeypatch):
    clf = quick(max_epochs=1)
    monkeypatch.setattr(History, "new_batch", None)
    assert clf.fit(X, Y).n_iter_ == 1


OF_SKORCH = {
    "bar": lambda folder: skorch.callbacks.ProgressBar(),
    "bar as a class": lambda folder: skorch.callbacks.ProgressBar,
    "named bar": lambda folder: ("bar", skorch.callbacks.ProgressBar()),
    "log": lambda folder: skorch.callbacks.PrintLog(sink=str),
    "schedule": lambda folder: skorch.callbacks.LRScheduler("StepLR", step_size=1),
    "restarts": lambda folder: skorch.callbacks.LRScheduler(),
    "steps": lambda folder: skorch.callbacks.LRScheduler(
        torch.optim.lr_scheduler.OneCycleLR,
        max_lr=0.1,
        total_steps=50,
        step_every="batch",
    ),
    "stop": lambda folder: EarlyStopping("train_loss", sink=str),
    "checkpoint": lambda folder: skorch.callbacks.Checkpoint(
        monitor="train_loss_best", dirname=folder
    ),
    "last": lambda folder: skorch.callbacks.TrainEndCheckpoint(dirname=folder),
    "tensorboard": lambda folder: skorch.callbacks.TensorBoard(SummaryWriter(folder)),
    "timer": lambda folder: skorch.callbacks.EpochTimer(),
    "clip": lambda folder: skorch.callbacks.GradientNormClipping(1.0),
    "freezer": lambda folder: skorch.callbacks.Freezer("blocks.0.*"),
    "initializer": lambda folder: skorch.callbacks.Initializer(
        "*weight", fn=torch.nn.init.zeros_
    ),
}


@pytest.mark.parametrize("validates", [False, True])
@pytest.mark.parametrize("name", OF_SKORCH)
def test_callbacks_of_skorch_do_not_crash(X, Y, quick, tmp_path, name, validates):
    params = STOPPING if validates else {}
    callback = OF_SKORCH[name](tmp_path)
    if isinstance(callback, skorch.callbacks.LRScheduler):
        params = {**params, "lr_schedule": None}
    clf = quick(callbacks=[callback], max_epochs=3, **params).fit(X, Y)
    assert clf.n_iter_ == 3
    assert all(row["batches"] == [] for row in clf.net_.history)
    assert np.isfinite(clf.predict_proba(X)).all()


def test_two_schedules_of_the_learning_rate_are_refused(X, Y, quick):
    clf = quick(callbacks=[skorch.callbacks.LRScheduler()])
    with pytest.raises(ValueError, match="LRScheduler beside lr_schedule='one_cycle'"):
        clf.fit(X, Y)


def test_checkpoint_of_skorch_saves_the_best_epoch(X, Y, quick, tmp_path):
    saved = skorch.callbacks.Checkpoint(dirname=tmp_path, event_name="is_saved")
    # Without batch norm, whose statistics are re-estimated after few steps.
    clf = quick(callbacks=[saved], batch_norm=False, lr=0.1, **STOPPING).fit(X, Y)
    losses = [row["valid_loss"] for row in clf.history_]
    is_best = [loss < min(losses[:i], default=np.inf) for i, loss in enumerate(losses)]
    assert [row["is_saved"] for row in clf.history_] == is_best
    # Early stopping goes back to the same epoch.
    weights = torch.load(tmp_path / "params.pt", weights_only=True)
    assert weights.keys() == clf.module_.state_dict().keys()
    for name, value in clf.module_.state_dict().items():
        assert torch.equal(value, weights[name])


def test_schedule_of_skorch_sets_the_rate(X, Y, quick):
    schedule = skorch.callbacks.LRScheduler("StepLR", step_size=1, gamma=0.5)
    clf = quick(callbacks=[schedule], lr_schedule=None, max_epochs=3).fit(X, Y)
    assert [row["event_lr"] for row in clf.history_] == [1e-2, 5e-3, 2.5e-3]
    assert [row["lr"] for row in clf.history_] == [1e-2, 5e-3, 2.5e-3]


def test_callbacks_do_not_change_what_is_learned(X, Y, quick):
    plain = quick(max_epochs=3).fit(X, Y)
    watched = quick(max_epochs=3, callbacks=[skorch.callbacks.ProgressBar(), Curve()])
    watched.fit(X, Y)
    np.testing.assert_array_equal(watched.predict_proba(X), plain.predict_proba(X))


def test_parameters_are_not_changed_by_a_fit(X, Y, quick):
    callbacks = [Curve(), ("bar", skorch.callbacks.ProgressBar())]
    clf = quick(callbacks=callbacks, max_epochs=1).fit(X, Y)
    assert clf.callbacks is callbacks
    assert vars(callbacks[0]) == {}


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (skorch.callbacks.EpochScoring("accuracy", name="valid_acc"), r"use metrics="),
        (skorch.callbacks.BatchScoring("accuracy"), r"BatchScoring, .* use metrics="),
        (skorch.callbacks.InputShapeSetter(), r"use architecture=f\(input_shape, n_o"),
        (print, r"callbacks has <built-in function print>: give callbacks of skorch"),
        (("name", 3), r"callbacks has \('name', 3\): give callbacks of skorch"),
    ],
)
def test_callbacks_that_cannot_work_are_refused(X, Y, quick, callback, message):
    with pytest.raises(ValueError, match=message):
        quick(callbacks=[callback]).fit(inaccessible_clips(X), Y)


def test_bar_runs_in_the_processes_of_a_search(X, Y, quick):
    clf = quick(callbacks=[skorch.callbacks.ProgressBar()], max_epochs=2)
    search = GridSearchCV(clf, {"lr": [1e-2, 1e-3]}, cv=2, n_jobs=2).fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    best = search.best_estimator_
    loaded = pickle.loads(pickle.dumps(best))
    np.testing.assert_array_equal(loaded.predict_proba(X), best.predict_proba(X))
    assert loaded.partial_fit(X, Y).n_iter_ == 3
