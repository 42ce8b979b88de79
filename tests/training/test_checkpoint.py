"""Checkpoints: a killed fit resumes and ends with the same weights."""

import importlib
import os
import subprocess
import sys
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from skorch.callbacks import Callback, EarlyStopping

from sktag import (
    Augmenter,
    ClipArray,
    CNN2DClassifier,
    CNN2DRegressor,
    MelSpectrogram,
    RawWave,
)
from sktag.augment import Gain, TimeShift
from sktag.ops import ScaleOp
from sktag.testing import InaccessibleError, inaccessible_clips
from sktag.training import _checkpoint, _fit

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")
SCHEDULES = {
    "one_cycle": {},
    "cosine": {"lr_schedule": "cosine"},
    "plateau": {"lr_schedule": "plateau", "lr": 0.1},
    # The thirtieth epoch is before some of the crashes.
    "step": {"lr_schedule": "step", "max_epochs": 34},
    # With a chunk of each clip, drawn anew in each epoch.
    "constant": {"lr_schedule": None, "optimizer": "sgd", "chunk_size": 6},
    "staged": {
        "lr_schedule": "staged",
        "stages": [("adam", 1e-2, 3), ("sgd", 1e-2), ("rmsprop", 1e-3, 4)],
    },
}

STOPPING = {"early_stopping": True, "validation_fraction": 0.3}


class Crash(Callback):
    """Die in the midst of an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_batch_end(self, net, training=False, **kwargs):
        if training and len(net.history) == self.epoch:
            raise RuntimeError("crash")


class Count(Callback):
    """Count the epochs that are trained."""

    def on_train_begin(self, net, **kwargs):
        self.n_ = 0

    def on_epoch_begin(self, net, **kwargs):
        self.n_ += 1


def crash(clf, X, Y, *epochs):
    """Fit, and die in each of the epochs."""
    for epoch in epochs:
        clf.set_params(callbacks=[Crash(epoch)])
        with pytest.raises(RuntimeError, match="crash"):
            clf.fit(X, Y)
    return clf.set_params(callbacks=None)


def assert_same_fit(clf, expected):
    """Compare all that a fit leaves, to the bit."""
    weights = expected.module_.state_dict()
    assert clf.module_.state_dict().keys() == weights.keys()
    for name, value in clf.module_.state_dict().items():
        assert torch.equal(value, weights[name]), name
    assert clf.best_epoch_ == expected.best_epoch_
    rows, others = (
        [{k: v for k, v in row.items() if k != "seconds"} for row in c.history_]
        for c in (clf, expected)
    )
    assert rows == others


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_crashed_fit_goes_on_to_the_same_weights(
    X, Y, quick, tmp_path, schedule, early_stopping
):
    # Nothing can be learned of it, so that misses are many.
    noise = np.random.default_rng(0).normal(size=X.shape)
    params = {
        "dropout": 0.5,
        "batch_size": 4,  # more than 100 steps: batch norm is left as it was
        "mixup_alpha": 0.4,
        "cutmix_alpha": 1.0,
        "early_stopping": early_stopping,
        "validation_fraction": 0.3,
        "n_iter_no_change": 3,
        **SCHEDULES[schedule],
    }
    whole = quick(**params).fit(noise, Y)
    last = whole.n_iter_
    assert last >= 4
    if early_stopping or schedule == "staged":
        assert whole.best_epoch_ < last < whole.max_epochs
    clf = quick(**params, checkpoint=tmp_path)
    # The last but four is in the midst of a stage, and of its misses.
    dies = {1, 4, last - 4, last - 1, last} - {0}
    crash(clf, noise, Y, *sorted(dies)).fit(noise, Y)
    assert_same_fit(clf, whole)
    assert len(list(tmp_path.iterdir())) == 1


def test_resumed_fit_trains_the_epochs_that_are_left(X, Y, quick, tmp_path):
    clf = crash(quick(checkpoint=tmp_path), X, Y, 12)
    clf.set_params(callbacks=[("count", Count())]).fit(X, Y)
    assert clf.n_iter_ == 15
    assert dict(clf.net_.callbacks_)["count"].n_ == 4


def test_killed_process_goes_on_to_the_same_weights(X, Y, quick, tmp_path):
    np.savez(tmp_path / "data.npz", X=X, Y=Y)
    # Without a seed, which the checkpoint remembers.
    code = """
import os, signal, sys
import joblib, numpy as np, torch
from skorch.callbacks import Callback
from sktag import CNN2DClassifier

class Kill(Callback):
    def on_batch_end(self, net, training=False, **kwargs):
        if training and len(net.history) == 9:
            os.kill(os.getpid(), signal.SIGKILL)

torch.set_num_threads(1)
folder, kills = sys.argv[1], sys.argv[2] == "kill"
data = np.load(folder + "/data.npz")
clf = CNN2DClassifier(
    n_filters=(8, 8),
    max_epochs=15,
    lr=1e-2,
    early_stopping=True,
    validation_fraction=0.3,
    checkpoint=folder + "/saved",
    callbacks=[Kill()] if kills else None,
)
clf.fit(data["X"], data["Y"])
print(clf._fitted.seed, clf.n_iter_, clf.predict_proba(data["X"]).tobytes().hex())
"""
    arguments = [sys.executable, "-W", "ignore", "-c", code, str(tmp_path)]
    killed = subprocess.run([*arguments, "kill"], capture_output=True, check=False)
    assert killed.returncode == -9
    (path,) = (tmp_path / "saved").iterdir()
    saved = _checkpoint._read(path)
    assert len(saved["history"]) == 8
    done = subprocess.run(
        [*arguments, "go on"], capture_output=True, text=True, check=True
    )
    seed, n_iter, proba = done.stdout.split()
    assert int(seed) == saved["seed"]
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        whole = quick(
            random_state=saved["seed"], early_stopping=True, validation_fraction=0.3
        ).fit(X, Y)
        expected = whole.predict_proba(X)
    finally:
        torch.set_num_threads(n_threads)
    assert int(n_iter) == whole.n_iter_
    assert proba == expected.tobytes().hex()


def test_crashed_fit_goes_on_with_the_same_augmentation(wave_paths, tmp_path):
    def make(**params):
        clf = CNN2DClassifier(
            n_filters=(4, 4), max_epochs=8, batch_size=2, random_state=0, **params
        )
        return make_pipeline(
            RawWave(),
            Augmenter([Gain(p=1.0), TimeShift(p=1.0)]),
            MelSpectrogram(16),
            clf,
        )

    y = np.arange(6) % 2
    whole = make().fit(wave_paths, y)
    pipe = make(checkpoint=tmp_path, callbacks=[Crash(5)])
    with pytest.raises(RuntimeError, match="crash"):
        pipe.fit(wave_paths, y)
    pipe = make(checkpoint=tmp_path).fit(wave_paths, y)
    assert_same_fit(pipe[-1], whole[-1])
    assert len(list(tmp_path.iterdir())) == 1


def test_clips_to_validate_on_and_groups_are_part_of_the_fit(X, Y, quick, tmp_path):
    clf = quick(checkpoint=tmp_path, max_epochs=6, **STOPPING)
    groups = np.arange(36) // 6
    given = {"X_val": X[:6] + 1, "y_val": Y[:6]}
    fits = [
        {},
        {"groups": groups},
        {"groups": groups[::-1] // 2},
        given,
        {**given, "y_val": Y[6::-1][:6]},
        {**given, "X_val": X[:6]},
        {**given, "sample_weight_val": [1, 2, 3, 4, 5, 6]},
    ]
    for n_before, fit_params in enumerate(fits):
        assert len(list(tmp_path.iterdir())) == n_before
        clf.set_params(callbacks=[Crash(3)])
        with pytest.raises(RuntimeError, match="crash"):
            clf.fit(X, Y, **fit_params)
        clf.set_params(callbacks=None).fit(X, Y, **fit_params)
        whole = quick(max_epochs=6, **STOPPING).fit(X, Y, **fit_params)
        assert_same_fit(clf, whole)


def test_finished_fit_returns_at_once(X, Y, quick, tmp_path):
    params = {"early_stopping": True, "validation_fraction": 0.3}
    clips = ClipArray.from_array(X).map(ScaleOp(np.zeros(12), np.ones(12)))
    clf = quick(**params, checkpoint=tmp_path).fit(clips, Y)
    again = quick(**params, checkpoint=tmp_path, callbacks=[("count", Count())])
    again.fit(clips, Y)
    assert not hasattr(dict(again.net_.callbacks_)["count"], "n_")
    assert_same_fit(again, clf)
    np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))
    # What comes after is the same too.
    for each in (clf, again):
        each.partial_fit(clips, Y)
    assert_same_fit(again, clf)


def test_finished_fit_reads_nothing(X, Y, quick, tmp_path, monkeypatch):
    clf = quick(checkpoint=tmp_path).fit(X, Y)

    def scream(*args, **kwargs):
        raise InaccessibleError

    monkeypatch.setattr(ClipArray, "read", scream)
    assert_same_fit(quick(checkpoint=tmp_path).fit(X, Y), clf)
    with pytest.raises(InaccessibleError):
        quick().fit(X, Y)


def test_fit_that_died_after_its_last_epoch_has_its_end_to_do(
    X, Y, quick, tmp_path, monkeypatch
):
    def die(*args):
        raise RuntimeError("crash")

    whole = quick().fit(X, Y)
    monkeypatch.setattr(_fit, "refresh_batch_norm", die)
    with pytest.raises(RuntimeError, match="crash"):
        quick(checkpoint=tmp_path).fit(X, Y)
    monkeypatch.undo()
    clf = quick(checkpoint=tmp_path, callbacks=[("count", Count())]).fit(X, Y)
    assert dict(clf.net_.callbacks_)["count"].n_ == 0
    assert_same_fit(clf, whole)


def test_other_fits_do_not_meet(X, Y, quick, tmp_path):
    def n_files():
        return len(list(tmp_path.iterdir()))

    clf = quick(checkpoint=tmp_path, max_epochs=2).fit(X, Y)
    assert n_files() == 1
    # What changes nothing in the weights is the same fit.
    same = {"verbose": 1, "n_threads": 2, "cache_bytes": 0, "device": "cpu"}
    quick(checkpoint=str(tmp_path), max_epochs=2, **same, callbacks=[]).fit(X, Y)
    assert n_files() == 1
    others = [
        (quick(checkpoint=tmp_path, max_epochs=3), X, Y, None),
        (quick(checkpoint=tmp_path, max_epochs=2, lr=1e-3), X, Y, None),
        (quick(checkpoint=tmp_path, max_epochs=2, random_state=1), X, Y, None),
        (clf, X[::-1], Y, None),
        (clf, X, Y[::-1], None),
        (clf, X, Y, Y + 1.0),
    ]
    for n_before, (other, of, y, weights) in enumerate(others, start=1):
        assert n_files() == n_before
        other.fit(of, y, sample_weight=weights)
    assert n_files() == 1 + len(others)


class CrashOnce(Callback):
    """Die in the seventeenth epoch of a process, and not again."""

    n_epochs = 0

    def on_epoch_begin(self, net, **kwargs):
        CrashOnce.n_epochs += 1
        if CrashOnce.n_epochs == 17:
            raise RuntimeError("crash")


def test_search_shares_a_folder_and_goes_on(X, Y, quick, tmp_path):
    search = GridSearchCV(
        quick(max_epochs=6), {"lr": [1e-2, 1e-3]}, cv=2, error_score="raise"
    )
    plain = clone(search).fit(X, Y)
    search.set_params(estimator__checkpoint=tmp_path)
    search.set_params(estimator__callbacks=[CrashOnce()])
    with pytest.raises(RuntimeError, match="crash"):
        search.fit(X, Y)
    assert len(list(tmp_path.iterdir())) == 3  # two fits, and four epochs of a third
    search.fit(X, Y)
    assert len(list(tmp_path.iterdir())) == 5
    assert CrashOnce.n_epochs == 17 + 2 + 6 + 6
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"]
    )
    assert_same_fit(search.best_estimator_, plain.best_estimator_)


@pytest.mark.parametrize("damage", ["cut", "empty", "changed", "other"])
def test_broken_file_warns_and_training_starts_anew(X, Y, quick, tmp_path, damage):
    whole = quick().fit(X, Y)
    clf = crash(quick(checkpoint=tmp_path), X, Y, 9)
    (path,) = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    if damage == "changed":
        content[len(content) // 2] ^= 1
    broken = {"cut": content[: len(content) // 2], "empty": b"", "changed": content}
    path.write_bytes(broken.get(damage, b"what somebody else wrote" * 99))
    with pytest.warns(UserWarning, match="is damaged: .* starts anew") as caught:
        clf.fit(X, Y)
    assert str(path) in str(caught[0].message)
    assert_same_fit(clf, whole)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.filterwarnings("ignore", message="fit takes")
        assert_same_fit(quick(checkpoint=tmp_path).fit(X, Y), whole)


def test_file_that_cannot_be_written_leaves_the_one_before(
    X, Y, quick, tmp_path, monkeypatch
):
    whole = quick().fit(X, Y)

    def full(handle):
        raise OSError("no space left")

    class Fill(Callback):
        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == 5:
                monkeypatch.setattr(os, "fsync", full)

    clf = quick(checkpoint=tmp_path, callbacks=[Fill()])
    with pytest.raises(OSError, match="no space left"):
        clf.fit(X, Y)
    monkeypatch.undo()
    (path,) = tmp_path.iterdir()  # no temporary file is left
    assert len(_checkpoint._read(path)["history"]) == 4
    assert_same_fit(clf.set_params(callbacks=None).fit(X, Y), whole)


def test_ctrl_c_is_raised_and_the_fit_can_go_on(X, Y, quick, tmp_path):
    class Interrupt(Callback):
        def on_batch_end(self, net, training=False, **kwargs):
            if len(net.history) == 6:
                raise KeyboardInterrupt

    whole = quick().fit(X, Y)
    clf = quick(checkpoint=tmp_path, callbacks=[Interrupt()])
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, Y)
    assert clf.n_iter_ == 5
    assert_same_fit(clf.set_params(callbacks=None).fit(X, Y), whole)


def test_seed_is_remembered_where_none_is_given(X, Y, quick, tmp_path):
    clf = crash(quick(random_state=None, checkpoint=tmp_path), X, Y, 5)
    clf.fit(X, Y)
    whole = quick(random_state=clf._fitted.seed).fit(X, Y)
    assert_same_fit(clf, whole)
    assert_same_fit(quick(random_state=None, checkpoint=tmp_path).fit(X, Y), whole)


def test_random_state_object_is_as_good_as_a_number(X, Y, quick, tmp_path):
    def make(**params):
        return quick(random_state=np.random.RandomState(3), **params)

    whole = make().fit(X, Y)
    clf = crash(make(checkpoint=tmp_path), X, Y, 5)
    assert_same_fit(make(checkpoint=tmp_path).fit(X, Y), whole)
    # The next seed of the same object is another fit.
    clf.fit(X, Y)
    assert clf._fitted.seed != whole._fitted.seed


@pytest.mark.parametrize("batch_size", [16, 4])
def test_warm_start_goes_on_from_its_own_checkpoint(X, Y, quick, tmp_path, batch_size):
    params = {"warm_start": True, "batch_size": batch_size, "max_epochs": 6}
    whole = quick(**params).fit(X, Y).fit(X, Y)
    first = quick(**params, checkpoint=tmp_path).fit(X, Y)
    joblib.dump(first, tmp_path / "first.joblib")
    crash(first, X, Y, 9)  # the third of the second six
    assert len(list(tmp_path.glob("*.checkpoint"))) == 2
    rest = joblib.load(tmp_path / "first.joblib").fit(X, Y)
    assert_same_fit(rest, whole)
    assert rest.n_iter_ == 12
    # The same two calls anew.
    again = quick(**params, checkpoint=tmp_path).fit(X, Y).fit(X, Y)
    assert_same_fit(again, whole)
    assert len(list(tmp_path.glob("*.checkpoint"))) == 2


def test_partial_fit_saves_nothing(X, Y, quick, tmp_path):
    quick(checkpoint=tmp_path / "saved").partial_fit(X, Y)
    assert list(tmp_path.iterdir()) == []


def test_regressor_goes_on_with_its_targets(X, tmp_path):
    y = X[:, 0, 0].astype(float)
    params = {"n_filters": (4,), "random_state": 0, "max_epochs": 8}
    params |= {"early_stopping": True, "validation_fraction": 0.3}
    whole = CNN2DRegressor(**params).fit(X, y)
    reg = crash(CNN2DRegressor(**params, checkpoint=tmp_path), X, y, 5).fit(X, y)
    assert_same_fit(reg, whole)
    np.testing.assert_array_equal(reg.predict(X), whole.predict(X))


def test_early_stopping_of_skorch_goes_on_with_its_misses(X, Y, quick, tmp_path):
    def stop():
        return EarlyStopping("train_loss", patience=4, threshold=0.5, sink=str)

    whole = quick(callbacks=[stop()], lr=1e-4).fit(X, Y)
    assert whole.n_iter_ < 15
    clf = quick(lr=1e-4, checkpoint=tmp_path, callbacks=[stop(), Crash(4)])
    with pytest.raises(RuntimeError, match="crash"):
        clf.fit(X, Y)
    assert_same_fit(clf.set_params(callbacks=[stop()]).fit(X, Y), whole)


def test_verbose_says_where_the_fit_goes_on(X, Y, quick, tmp_path, capsys):
    clf = crash(quick(checkpoint=tmp_path, max_epochs=4), X, Y, 3)
    (path,) = tmp_path.iterdir()
    clf.set_params(verbose=1).fit(X, Y)
    out = capsys.readouterr().out.splitlines()
    assert out[0] == (f"CNN2DClassifier: the fit saved in {path} resumes after epoch 2")
    assert [line[:11] for line in out[2:]] == ["epoch   3/4", "epoch   4/4"]
    clf.fit(X, Y)
    out = capsys.readouterr().out.splitlines()
    assert out == [f"CNN2DClassifier: the fit saved in {path} ended with epoch 4"]


def test_folder_that_is_a_file_raises_before_anything_is_read(X, Y, quick, tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    for folder in (path, path / "in", str(path)):
        with pytest.raises(ValueError, match=r"checkpoint='.*' is a file"):
            quick(checkpoint=folder).fit(inaccessible_clips(X), Y)


def test_parameters_that_cannot_be_pickled_raise(X, Y, quick, tmp_path):
    class Own(torch.optim.SGD):
        pass

    with pytest.raises(ValueError, match=r"can be pickled to recognise this fit"):
        quick(optimizer=Own, checkpoint=Path(tmp_path)).fit(X, Y)


LOSS = """
import torch

def helper(logits, codes):
    return torch.nn.functional.cross_entropy(logits, codes, reduction="none")

def loss(logits, codes):
    return helper(logits, codes)
"""
CALLBACK = """
from skorch.callbacks import Callback

class Own(Callback):
    def on_epoch_end(self, net, **kwargs):
        pass
"""


def load_own(folder, text, monkeypatch):
    """Import a module of a user's with a given text."""
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "own_module", raising=False)
    (folder / "own_module.py").write_text(text)
    importlib.invalidate_caches()
    return importlib.import_module("own_module")


def test_changed_function_is_another_fit(X, Y, quick, tmp_path, monkeypatch):
    saved = tmp_path / "saved"
    for text, n_files in (
        (LOSS, 1),
        (LOSS, 1),
        (LOSS.replace('"none")', '"none") * 2'), 2),
    ):
        own = load_own(tmp_path, text, monkeypatch)
        quick(loss=own.loss, checkpoint=saved, max_epochs=2).fit(X, Y)
        assert len(list(saved.iterdir())) == n_files


def test_changed_callback_warns_when_a_fit_resumes(X, Y, quick, tmp_path, monkeypatch):
    saved = tmp_path / "saved"
    clf = quick(checkpoint=saved, max_epochs=4)
    own = load_own(tmp_path, CALLBACK, monkeypatch)
    clf.set_params(callbacks=[own.Own(), Crash(3)])
    with pytest.raises(RuntimeError, match="crash"):
        clf.fit(X, Y)
    own = load_own(tmp_path, CALLBACK.replace("pass", "net.n_seen = 1"), monkeypatch)
    clf.set_params(callbacks=[own.Own()])
    message = r"callback own_module\.Own has changed .* 2 epochs .* start anew"
    with pytest.warns(UserWarning, match=message):
        clf.fit(X, Y)
    assert len(list(saved.iterdir())) == 1
