"""Training that is continued or interrupted."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback

from sktag import ClipArray
from sktag.training._batches import Batches

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


def test_partial_fit_is_an_epoch_a_call(X, Y, quick):
    clf = quick()
    for _ in range(15):
        clf.partial_fit(X, Y, classes=[0, 1, 2])
    assert clf.n_iter_ == 15
    assert clf.score(X, Y) > 0.9
    whole = quick(lr_schedule=None).fit(X, Y)
    for name, weights in whole.module_.named_parameters():
        assert torch.equal(clf.module_.get_parameter(name), weights)


def test_partial_fit_of_one_batch_learns(X, Y, quick):
    clf = quick(max_epochs=1).partial_fit(X[:12], Y[:12])
    before = clf.module_.output.weight.detach().clone()
    clf.partial_fit(X[:12], Y[:12])
    assert (clf.module_.output.weight - before).abs().max() > 1e-3
    assert clf.history_[-1]["lr"] == 1e-2


CONTINUED = [
    {"optimizer": "adamw"},
    {"optimizer": "sgd"},
    {"optimizer": "rmsprop", "net_params": {"optimizer__momentum": 0.5}},
    {"optimizer": "adamw", "mixup_alpha": 0.4, "dropout": 0.5},
    {"optimizer": "sgd", "mixup_alpha": 0.4, "cutmix_alpha": 1.0},
]


@pytest.mark.parametrize("schedule", [None, "step"])
@pytest.mark.parametrize("continued", CONTINUED, ids=lambda p: "-".join(map(str, p)))
# 9 and 15 steps; 54 and 108, across the 100 under which batch norm is settled.
@pytest.mark.parametrize("batch_size", [16, 2])
def test_five_epochs_equal_three_saved_and_two_more(
    X, Y, quick, schedule, continued, batch_size, tmp_path
):
    params = {"lr_schedule": schedule, "batch_size": batch_size, **continued}
    more = 2 if batch_size == 16 else 3
    whole = quick(max_epochs=3 + more, **params).fit(X, Y)
    first = quick(max_epochs=3, warm_start=True, **params).fit(X, Y)
    joblib.dump(first, tmp_path / "clf.joblib")
    rest = joblib.load(tmp_path / "clf.joblib").set_params(max_epochs=more).fit(X, Y)
    assert rest.n_iter_ == 3 + more
    np.testing.assert_array_equal(rest.predict_proba(X), whole.predict_proba(X))
    assert [r["train_loss"] for r in rest.history_] == [
        r["train_loss"] for r in whole.history_
    ]


epoch_of = Batches.epoch


def interrupting_clean_pass(batches, number, *, augment=True):
    if not augment:
        raise KeyboardInterrupt
    return epoch_of(batches, number, augment=augment)


class Interrupt(Callback):
    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 4:
            raise KeyboardInterrupt


def test_ctrl_c_keeps_what_was_learned_and_is_raised(X, Y, quick):
    clf = quick(callbacks=[Interrupt()])
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, Y)
    assert clf.n_iter_ == 4
    assert clf.predict_proba(X).shape == (36, 3)


def test_ctrl_c_leaves_all_that_a_fit_sets(quick, make_tags):
    Xt, tags = make_tags(2)
    clips = ClipArray.from_array(Xt, sample_rate=1000, hop_length=50)
    frame = pd.DataFrame(tags, columns=["piano", "drums"])
    params = {"early_stopping": True, "validation_fraction": 0.25}
    whole = quick(**params).fit(clips, frame)
    clf = quick(callbacks=[Interrupt()], **params)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(clips, frame)
    assert set(vars(clf)) == set(vars(whole))
    assert clf.tag_names_.tolist() == ["piano", "drums"]
    assert clf.predict_taggram(Xt, return_times=True)[1][0] == pytest.approx(0.2)
    assert clf.summary().rows[0]["receptive_field_ms"] > 0


def test_ctrl_c_while_batch_norm_is_settled_keeps_what_was_learned(
    X, Y, quick, monkeypatch
):
    learned = quick(max_epochs=5)
    monkeypatch.setattr(Batches, "epoch", interrupting_clean_pass)
    with pytest.raises(KeyboardInterrupt):
        learned.fit(X, Y)
    monkeypatch.undo()
    assert learned.n_iter_ == 5
    assert np.isfinite(learned.predict_proba(X)).all()
    whole = quick(max_epochs=5).fit(X, Y)
    for name, weights in whole.module_.named_parameters():
        assert torch.equal(learned.module_.get_parameter(name), weights)


class InterruptInEpoch(Callback):
    def on_batch_end(self, net, training=False, **kwargs):
        if len(net.history) == 4:
            raise KeyboardInterrupt


def test_ctrl_c_within_an_epoch_drops_its_row_and_training_can_go_on(X, Y, quick):
    clf = quick(callbacks=[InterruptInEpoch()], warm_start=True)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, Y)
    assert clf.n_iter_ == len(clf.history_) == 3
    assert all("train_loss" in row for row in clf.history_)
    clf.set_params(callbacks=None).fit(X, Y)
    assert clf.n_iter_ == 18
    assert clf.score(X, Y) == 1


def test_continuation_takes_changed_parameters(X, Y, quick):
    clf = quick(warm_start=True).fit(X, Y)
    clf.set_params(weight_decay=0.5, lr=1e-5, lr_schedule=None).fit(X, Y)
    group = clf.net_.optimizer_.param_groups[0]
    assert (group["weight_decay"], group["lr"]) == (0.5, 1e-5)
    clf.set_params(optimizer="sgd").fit(X, Y)
    loaded = pickle.loads(pickle.dumps(clf.set_params(optimizer="adamw")))
    assert loaded.fit(X, Y).n_iter_ == 60


@pytest.mark.parametrize(
    "changed",
    [
        {"n_filters": (8, 16)},
        {"architecture": "short_chunk"},
        {"dropout": 0.1},
        {"chunk_size": 4},
    ],
)
# Of eight frames, "short_chunk" is made smaller.
@pytest.mark.filterwarnings("ignore:.*is too short for:UserWarning")
def test_continuation_with_another_network_raises(X, Y, quick, changed):
    clf = quick(warm_start=True, max_epochs=1).fit(X, Y)
    clf.set_params(**changed)
    (name,) = changed
    with pytest.raises(
        ValueError, match=rf"cannot continue training with {name}=.* \(was "
    ):
        clf.fit(X, Y)
    with pytest.raises(
        ValueError, match="train from scratch with fit and warm_start=False"
    ):
        clf.partial_fit(X, Y)
    assert clf.n_iter_ == 1
    clf.set_params(warm_start=False).fit(X, Y)


def test_continuation_takes_a_list_for_a_tuple(X, Y, quick):
    clf = quick(warm_start=True, max_epochs=1).fit(X, Y)
    assert clf.set_params(n_filters=[8, 8]).fit(X, Y).n_iter_ == 2


def test_continuation_with_targets_of_another_kind_raises(X, Y, quick, make_tags):
    tags = np.eye(3, dtype=int)[Y] | (np.arange(36) % 2)[:, np.newaxis]
    of_labels = quick(warm_start=True, max_epochs=1).fit(X, Y)
    with pytest.raises(ValueError, match=r"is an indicator matrix .* start anew"):
        of_labels.fit(X, tags)
    of_tags = quick(warm_start=True, max_epochs=1).fit(X, tags)
    with pytest.raises(ValueError, match=r"was trained on 3 tags: .* start anew"):
        of_tags.fit(X, Y)
    with pytest.raises(ValueError, match="was trained on 3 tags"):
        of_tags.fit(X, tags[:, :2])


def test_ctrl_c_stops_a_search(X, Y, quick):
    search = GridSearchCV(quick(callbacks=[Interrupt()]), {"lr": [1e-2, 1e-3]}, cv=2)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, Y)
