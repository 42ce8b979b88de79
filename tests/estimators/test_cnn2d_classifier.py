"""CNN2DClassifier: targets, training, state, errors."""

import pickle
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.metrics import get_scorer, roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_predict,
    cross_val_score,
)
from skorch.callbacks import Callback, EarlyStopping

from sktag import ClipArray, CNN2DClassifier
from sktag.ops import ScaleOp
from sktag.testing import InaccessibleError, inaccessible_clips

pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


def ripple(k):
    """A pattern that tells itself by its period and direction, not by its place."""
    bins, frames = np.mgrid[:12, :8]
    periods = [(3, 1e9), (1e9, 2), (6, 1e9)][k % 3]
    return np.cos(2 * np.pi * (bins / periods[0] + frames / periods[1]))


def make_data(n_clips=36, n_classes=3, random_state=0):
    """Spectrograms with a ripple for each class, in noise."""
    rng = np.random.default_rng(random_state)
    y = np.arange(n_clips) % n_classes
    X = rng.normal(size=(n_clips, 12, 8)) + np.stack([2 * ripple(k) for k in y])
    return X.astype(np.float32), y


def make_tags(n_tags, n_clips=40, random_state=0):
    """Spectrograms with a ripple for each of the tags, three of them different."""
    rng = np.random.default_rng(random_state)
    tags = rng.integers(0, 2, (n_clips, n_tags))
    X = rng.normal(size=(n_clips, 12, 8)) / 2
    X += np.einsum(
        "it,tbf->ibf", tags[:, :3], [2 * ripple(t) for t in range(n_tags)][:3]
    )
    return X.astype(np.float32), tags


def quick(**params):
    return CNN2DClassifier(
        **{
            "n_filters": (8, 8),
            "max_epochs": 15,
            "lr": 1e-2,
            "random_state": 0,
            **params,
        }
    )


X, Y = make_data()


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["blues", "rock", "waltz"]),
        np.array(["blues", "rock", "waltz"], dtype=object),
        np.array([3, -1, 70]),
        np.array([0.0, 1.0, 2.0]),
    ],
    ids=["str", "object", "int", "float"],
)
def test_labels_of_any_type_are_learned(labels):
    y = labels[Y]
    clf = quick().fit(X, y)
    assert clf.score(X, y) == 1
    np.testing.assert_array_equal(clf.classes_, np.unique(y))
    assert clf.predict(X).dtype == y.dtype
    proba = clf.predict_proba(X)
    assert proba.shape == (36, 3)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_array_equal(clf.classes_[proba.argmax(axis=1)], clf.predict(X))
    np.testing.assert_array_equal(
        clf.decision_function(X).argsort(axis=1), proba.argsort(axis=1)
    )


def test_two_classes_have_one_decision():
    Xb, yb = make_data(n_classes=2)
    clf = quick().fit(Xb, np.array(["no", "yes"])[yb])
    scores = clf.decision_function(Xb)
    assert scores.shape == (36,)
    proba = clf.predict_proba(Xb)[:, 1]
    np.testing.assert_array_equal(scores.argsort(), proba.argsort())
    assert clf.score(Xb, np.array(["no", "yes"])[yb]) == 1
    assert get_scorer("roc_auc")(clf, Xb, np.array(["no", "yes"])[yb]) == 1


@pytest.mark.parametrize("n_tags", [2, 3, 50])
def test_tags_work_with_scikit_learns_scorers(n_tags):
    Xt, tags = make_tags(n_tags)
    clf = quick()
    assert clf.fit(Xt, tags).predict(Xt).shape == tags.shape
    assert clf.predict_proba(Xt).shape == tags.shape
    proba = clf.predict_proba(Xt)
    np.testing.assert_array_equal(clf.predict(Xt), proba > 0.5)
    for name in ("roc_auc", "average_precision"):
        got = get_scorer(name)(clf, Xt, tags)
        assert got > (0.9 if n_tags <= 3 else 0.5)
    assert get_scorer("roc_auc")(clf, Xt, tags) == roc_auc_score(tags, proba)


def test_tags_work_in_cross_val_predict_and_grid_search():
    Xt, tags = make_tags(3)
    proba = cross_val_predict(quick(), Xt, tags, cv=3, method="predict_proba")
    assert roc_auc_score(tags, proba) > 0.9
    search = GridSearchCV(quick(), {"lr": [1e-2, 1e-4]}, scoring="roc_auc", cv=3)
    assert search.fit(Xt, tags).best_params_ == {"lr": 1e-2}


def test_one_tag_is_raveled_to_two_classes():
    Xb, yb = make_data(n_classes=2)
    with pytest.warns(DataConversionWarning, match="column-vector"):
        clf = quick().fit(Xb, yb[:, np.newaxis])
    assert clf.predict_proba(Xb).shape == (36, 2)


@pytest.mark.parametrize("make", [np.array, csr_matrix, pd.DataFrame, lambda t: t > 0])
def test_tags_in_any_container_are_the_same(make):
    Xt, tags = make_tags(3)
    clf = quick(max_epochs=2).fit(Xt, make(tags))
    expected = quick(max_epochs=2).fit(Xt, tags).predict_proba(Xt)
    np.testing.assert_array_equal(clf.predict_proba(Xt), expected)


def test_columns_of_tags_become_tag_names():
    Xt, tags = make_tags(2)
    frame = pd.DataFrame(tags, columns=["piano", "drums"])
    clf = quick(max_epochs=1).fit(Xt, frame)
    assert clf.tag_names_.tolist() == ["piano", "drums"]
    assert not hasattr(clf.fit(Xt, tags), "tag_names_")


def test_clips_are_trained_on_as_arrays_are():
    clips = ClipArray.from_array(2 * X).map(ScaleOp(np.zeros(12), np.full(12, 2.0)))
    lazy = quick().fit(clips, Y)
    eager = quick().fit(X, Y)
    np.testing.assert_allclose(
        lazy.predict_proba(clips), eager.predict_proba(X), atol=1e-5
    )
    np.testing.assert_allclose(
        lazy.predict_proba(X), eager.predict_proba(clips), atol=1e-5
    )


def test_cache_and_no_cache_train_alike():
    clips = ClipArray.from_array(X).map(ScaleOp(np.zeros(12), np.full(12, 2.0)))
    cached = quick().fit(clips, Y).predict_proba(clips)
    streamed = quick(cache_bytes=0).fit(clips, Y).predict_proba(clips)
    np.testing.assert_allclose(cached, streamed, atol=1e-5)


def test_two_dimensional_arrays_are_one_frame_a_clip():
    with pytest.warns(UserWarning, match="12 bins and 1 frames is too short"):
        clf = quick(max_epochs=40).fit(X.mean(axis=2), Y)
    assert clf.score(X.mean(axis=2), Y) == 1
    assert clf.architecture_ == "compact (2 poolings of bins and 0 of frames of 2)"


def test_other_length_is_predicted_and_other_bins_are_not():
    clf = quick().fit(X, Y)
    longer = np.concatenate([X, X], axis=2)
    assert clf.score(longer, Y) == 1
    with pytest.raises(ValueError, match=r"11 features, .* expecting 12"):
        clf.predict(X[:, 1:])
    with pytest.raises(ValueError, match="fitted on 12 bins and is given 11"):
        clf.predict(ClipArray.from_array(X[:, 1:]))
    with pytest.raises(ValueError, match="at least 4 frames, these have 3"):
        clf.predict(X[:, :, :3])


@pytest.mark.parametrize("again", ["refit", "clone", "RandomState"])
def test_equal_seeds_give_equal_bits(again):
    clf = quick(dropout=0.5, early_stopping=True, validation_fraction=0.2)
    expected = clf.fit(X, Y).predict_proba(X)
    if again == "clone":
        clf = clone(clf)
    if again == "RandomState":
        first, second = (
            quick(random_state=np.random.RandomState(3)).fit(X, Y).predict_proba(X)
            for _ in range(2)
        )
        np.testing.assert_array_equal(first, second)
        return
    np.testing.assert_array_equal(clf.fit(X, Y).predict_proba(X), expected)


def test_other_seeds_give_other_nets():
    first, second = (quick(random_state=s).fit(X, Y).predict_proba(X) for s in (0, 1))
    assert not np.allclose(first, second)


def test_global_random_states_are_left_alone():
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002  # the global state is what is tested
    expected = torch.rand(1), np.random.rand()  # noqa: NPY002
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002
    clf = quick(random_state=None, max_epochs=1).fit(X, Y)
    pickle.loads(pickle.dumps(clf)).predict(X)
    assert (torch.rand(1), np.random.rand()) == expected  # noqa: NPY002


def test_batch_size_leaves_no_clip_alone():
    # 33 clips in batches of 16: three of 11, none of 1.
    clf = quick(batch_size=16, max_epochs=2).fit(X[:33], Y[:33])
    assert clf.net_.history[0]["train_batch_count"] == 3


def test_answers_for_a_clip_do_not_depend_on_its_neighbours():
    clf = quick().fit(X, Y)
    whole = clf.decision_function(X)
    for part in (X[:1], X[5:7], X[::3]):
        rows = [np.flatnonzero((x == X).all(axis=(1, 2)))[0] for x in part]
        np.testing.assert_array_equal(clf.decision_function(part), whole[rows])


def test_history_has_a_row_an_epoch():
    clf = quick(max_epochs=3, early_stopping=True, validation_fraction=0.25).fit(X, Y)
    assert [row["epoch"] for row in clf.history_] == [1, 2, 3]
    assert set(clf.history_[0]) == {
        "epoch",
        "train_loss",
        "valid_loss",
        "valid_accuracy",
        "lr",
        "seconds",
    }
    assert pd.DataFrame(clf.history_).shape == (3, 6)


def test_early_stopping_goes_back_to_the_best_epoch():
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
    best = clf.net_.callbacks_[-1][1].weights_[clf.best_epoch_ - 1]
    assert torch.equal(clf.module_.output.weight, best)


class Recorder(Callback):
    """Keep the output's weights of each epoch."""

    def on_train_begin(self, net, **kwargs):
        self.weights_ = []

    def on_epoch_end(self, net, **kwargs):
        self.weights_.append(net.module_.output.weight.detach().clone())


def test_monitor_may_be_a_scorer():
    Xt, tags = make_tags(3)
    clf = quick(
        early_stopping=True, validation_fraction=0.25, monitor="neg_brier_score"
    )
    clf.fit(X, Y)
    assert "valid_neg_brier_score" in clf.history_[0]
    clf.set_params(monitor="roc_auc").fit(Xt, tags)
    scores = [row["valid_roc_auc"] for row in clf.history_]
    assert scores[clf.best_epoch_ - 1] == max(scores)


def test_too_few_clips_to_validate_on_raise():
    with pytest.raises(ValueError, match="raise validation_fraction"):
        quick(early_stopping=True, validation_fraction=0.01).fit(X, Y)


def test_sample_weights_equal_repetitions_in_full_batches():
    # In one batch an epoch, without batch norm or dropout (whose draws differ), the
    # mean of repeated rows is the weighted mean. Adam divides rounding errors of tiny
    # gradients by their size, hence the tolerance.
    weights = np.where(np.arange(36) < 18, 2, 1)
    params = {"batch_norm": False, "dropout": 0.0, "optimizer": "sgd"}
    weighted = quick(batch_size=36, **params).fit(X, Y, sample_weight=weights)
    repeated = quick(batch_size=54, **params)
    repeated.fit(np.repeat(X, weights, axis=0), np.repeat(Y, weights))
    np.testing.assert_allclose(
        weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-5
    )


def test_scale_of_sample_weights_does_not_matter():
    first, second = (
        quick().fit(X, Y, sample_weight=np.full(36, w)).predict_proba(X)
        for w in (1, 50)
    )
    np.testing.assert_array_equal(first, second)


def test_weightless_clips_are_not_learned():
    wrong = (Y + 1) % 3
    y = np.concatenate([Y, wrong])
    weights = np.repeat([1.0, 0.0], 36)
    clf = quick().fit(np.concatenate([X, X]), y, sample_weight=weights)
    assert clf.score(X, Y) == 1


def test_balanced_classes_weigh_the_rare_one():
    y = (Y == 2).astype(int)
    plain = quick(max_epochs=3).fit(X, y).predict_proba(X)[:, 1].mean()
    balanced = quick(max_epochs=3, class_weight="balanced").fit(X, y)
    assert balanced.predict_proba(X)[:, 1].mean() > plain
    by_hand = quick(max_epochs=3).fit(X, y, sample_weight=np.where(y == 1, 1.5, 0.75))
    np.testing.assert_allclose(
        balanced.predict_proba(X), by_hand.predict_proba(X), atol=1e-6
    )


def test_balanced_tags_weigh_the_positives():
    Xt, tags = make_tags(2)
    tags[:, 0] = 0
    tags[:4, 0] = 1
    plain = quick(max_epochs=3).fit(Xt, tags).predict_proba(Xt)
    balanced = quick(max_epochs=3, class_weight="balanced").fit(Xt, tags)
    assert balanced.predict_proba(Xt)[:, 0].mean() > plain[:, 0].mean()
    assert balanced._targets._positive[0] == 9


def test_partial_fit_is_an_epoch_a_call():
    clf = quick()
    for _ in range(15):
        clf.partial_fit(X, Y, classes=[0, 1, 2])
    assert clf.n_iter_ == 15
    assert clf.score(X, Y) > 0.9
    whole = quick(lr_schedule=None).fit(X, Y)
    for name, weights in whole.module_.named_parameters():
        assert torch.equal(clf.module_.get_parameter(name), weights)


def test_partial_fit_of_one_batch_learns():
    clf = quick(max_epochs=1).partial_fit(X[:12], Y[:12])
    before = clf.module_.output.weight.detach().clone()
    clf.partial_fit(X[:12], Y[:12])
    assert (clf.module_.output.weight - before).abs().max() > 1e-3
    assert clf.history_[-1]["lr"] == 1e-2


def test_partial_fit_of_a_new_class_raises():
    clf = quick().partial_fit(X[Y < 2], Y[Y < 2])
    with pytest.raises(ValueError, match=r"labels .*2.* not among the classes"):
        clf.partial_fit(X, Y)


@pytest.mark.parametrize("schedule", [None, "step"])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
# 9 and 15 steps; 54 and 108, across the 100 under which batch norm is settled.
@pytest.mark.parametrize("batch_size", [16, 2])
def test_five_epochs_equal_three_saved_and_two_more(
    schedule, optimizer, batch_size, tmp_path
):
    params = {"lr_schedule": schedule, "optimizer": optimizer, "batch_size": batch_size}
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


def test_fit_without_warm_start_forgets():
    clf = quick().fit(X, Y)
    expected = clf.predict_proba(X)
    clf.fit(X[:, :10], Y)
    np.testing.assert_array_equal(clf.fit(X, Y).predict_proba(X), expected)


def test_pickle_holds_numpy_and_no_device():
    clf = quick().fit(X, Y)
    state = clf.__getstate__()
    assert "module_" not in state
    assert "net_" not in state
    assert all(type(w) is np.ndarray for w in state["_saved"]["weights"].values())
    assert b"torch.storage" not in pickle.dumps(clf)
    loaded = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))


def test_model_trained_on_cuda_loads_without(monkeypatch):
    clf = quick().fit(X, Y)
    clf.device = "cuda"  # as if it had been trained there
    loaded = pickle.loads(pickle.dumps(clf))
    if not torch.cuda.is_available():
        assert next(loaded.module_.parameters()).device.type == "cpu"
    np.testing.assert_allclose(loaded.predict_proba(X), clf.predict_proba(X), atol=1e-4)


def test_module_maps_a_batch_to_logits():
    clf = quick().fit(X, Y)
    with torch.no_grad():
        logits = clf.module_(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(logits, clf.decision_function(X), atol=1e-5)
    assert clf.n_parameters_ == sum(p.numel() for p in clf.module_.parameters())


def test_optimizer_parameters_go_to_net_params():
    clf = quick(optimizer="sgd").set_params(optimizer__momentum=0.5)
    assert clf.net_params == {"optimizer__momentum": 0.5}
    assert clf.get_params()["optimizer__momentum"] == 0.5
    clf.fit(X, Y)
    assert clf.net_.optimizer_.param_groups[0]["momentum"] == 0.5
    assert clone(clf).net_params == {"optimizer__momentum": 0.5}
    search = GridSearchCV(clf, {"optimizer__momentum": [0.0, 0.9]}, cv=2)
    assert search.fit(X, Y).best_estimator_.net_params["optimizer__momentum"] in (
        0,
        0.9,
    )


def test_optimizer_may_be_a_class():
    clf = quick(optimizer=torch.optim.NAdam).fit(X, Y)
    assert isinstance(clf.net_.optimizer_, torch.optim.NAdam)


def test_norms_and_biases_are_not_decayed():
    clf = quick(max_epochs=1, weight_decay=0.1).fit(X, Y)
    groups = clf.net_.optimizer_.param_groups
    assert [g["weight_decay"] for g in groups] == [0.1, 0.0]
    assert all(p.ndim > 1 for p in groups[0]["params"])
    assert all(p.ndim == 1 for p in groups[1]["params"])
    assert sum(len(g["params"]) for g in groups) == len(list(clf.module_.parameters()))


@pytest.mark.parametrize(
    ("net_params", "message"),
    [
        ({"lr": 1.0}, "'lr', which is a parameter of CNN2DClassifier"),
        ({"module__x": 1}, "makes itself"),
        ({"seed": 1}, "makes itself"),
        ({"optimiser__momentum": 1}, "unexpected argument"),
    ],
)
def test_wrong_net_params_raise(net_params, message):
    with pytest.raises(ValueError, match=message):
        quick(net_params=net_params).fit(X, Y)


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "plateau", "step", None])
def test_schedules_do_what_they_say(schedule):
    clf = quick(lr_schedule=schedule, max_epochs=40, n_iter_no_change=3)
    lr = np.array([row["lr"] for row in clf.fit(X, Y).history_])
    if schedule == "one_cycle":
        assert lr.argmax() == 11  # 30 % of 40 epochs
        assert lr[-1] < 1e-3 * lr.max()
    elif schedule == "cosine":
        assert (np.diff(lr) < 0).all()
    elif schedule == "step":
        np.testing.assert_allclose(lr, np.where(np.arange(40) < 30, 1e-2, 1e-3))
    elif schedule is None:
        assert (lr == 1e-2).all()
    else:
        assert set(np.round(np.log(lr / 1e-2) / np.log(0.2), 6)) <= set(range(40))


def test_gradient_is_clipped():
    params = {"optimizer": "sgd", "max_epochs": 2, "weight_decay": 0.0}
    free = quick(**params, lr=1.0).fit(X, Y)
    held = quick(**params, lr=1.0, gradient_clip=1e-6).fit(X, Y)
    start = quick(**params, lr=1e-12).fit(X, Y)
    moved = [
        (clf.module_.output.weight - start.module_.output.weight).norm().item()
        for clf in (free, held)
    ]
    assert moved[1] < 1e-4 < moved[0]


def test_callbacks_of_skorch_are_called():
    stop = EarlyStopping(
        monitor="train_loss", patience=2, threshold=1e9, sink=lambda s: s
    )
    clf = quick(callbacks=[stop, ("recorder", Recorder())]).fit(X, Y)
    assert clf.n_iter_ < 15
    assert clf.predict(X).shape == (36,)


class Interrupt(Callback):
    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 4:
            raise KeyboardInterrupt


def test_ctrl_c_keeps_what_was_learned_and_is_raised():
    clf = quick(callbacks=[Interrupt()])
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, Y)
    assert clf.n_iter_ == 4
    assert clf.predict_proba(X).shape == (36, 3)


class InterruptInEpoch(Callback):
    def on_batch_end(self, net, training=False, **kwargs):
        if len(net.history) == 4:
            raise KeyboardInterrupt


def test_ctrl_c_within_an_epoch_drops_its_row_and_training_can_go_on():
    clf = quick(callbacks=[InterruptInEpoch()], warm_start=True)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, Y)
    assert clf.n_iter_ == len(clf.history_) == 3
    assert all("train_loss" in row for row in clf.history_)
    clf.set_params(callbacks=None).fit(X, Y)
    assert clf.n_iter_ == 18
    assert clf.score(X, Y) == 1


def test_failed_first_fit_leaves_an_unfitted_estimator():
    clf = quick()
    with pytest.raises(InaccessibleError):
        clf.fit(inaccessible_clips(X), Y)
    with pytest.raises(NotFittedError):
        clf.predict(X)
    pickle.loads(pickle.dumps(clf))
    clf.set_params(warm_start=True).fit(X, Y)


def test_failed_continuation_leaves_the_weights_that_were_there():
    clf = quick(warm_start=True).fit(X, Y)
    expected = clf.predict_proba(X)
    clf.set_params(lr=1e30, optimizer="sgd", lr_schedule=None)
    with pytest.raises(FloatingPointError):
        clf.fit(X, Y)
    np.testing.assert_array_equal(clf.predict_proba(X), expected)


def test_continuation_takes_changed_parameters():
    clf = quick(warm_start=True).fit(X, Y)
    clf.set_params(weight_decay=0.5, lr=1e-5, lr_schedule=None).fit(X, Y)
    group = clf.net_.optimizer_.param_groups[0]
    assert (group["weight_decay"], group["lr"]) == (0.5, 1e-5)
    clf.set_params(optimizer="sgd").fit(X, Y)
    loaded = pickle.loads(pickle.dumps(clf.set_params(optimizer="adamw")))
    assert loaded.fit(X, Y).n_iter_ == 60


def test_fit_leaves_no_data_behind():
    clips = ClipArray.from_array(X).map(ScaleOp(np.zeros(12), np.ones(12)))
    clf = quick(early_stopping=True, validation_fraction=0.3).fit(clips, Y)
    assert clf.net_.train_split is None
    assert clf.net_.score is None
    assert len(pickle.dumps(clf)) < 100_000


def test_order_of_the_rows_does_not_chill_batch_norm():
    # Sorted by class, as load_folder returns them, and of different levels.
    order = np.argsort(Y, kind="stable")
    levels = X + 10 * Y[:, np.newaxis, np.newaxis]
    for rows in (order, np.arange(36)):
        clf = quick(batch_size=12, dropout=0.0).fit(levels[rows], Y[rows])
        assert clf.score(levels, Y) == 1


def test_numbers_of_numpy_are_numbers():
    clf = quick(n_filters=np.int64(4), n_blocks=np.int64(2), pool_size=np.int64(2))
    assert clf.set_params(kernel_size=np.int64(3)).fit(X, Y).predict(X).shape == (36,)


def test_ctrl_c_stops_a_search():
    search = GridSearchCV(quick(callbacks=[Interrupt()]), {"lr": [1e-2, 1e-3]}, cv=2)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, Y)


def test_loss_that_is_not_finite_names_epoch_and_remedy():
    with pytest.raises(FloatingPointError, match=r"epoch 1: .*Lower lr \(now 1e\+30\)"):
        quick(lr=1e30, optimizer="sgd", lr_schedule=None, batch_norm=False).fit(X, Y)


def test_few_steps_warn_with_the_number_and_the_remedy():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match=r"45 steps .*max_epochs=100"):
            quick().fit(X, Y)
        quick(max_epochs=100).fit(X, Y)


def test_few_steps_do_not_leave_batch_norm_cold():
    # Two steps an epoch and ten epochs: running averages would still be near 0 and 1.
    far = 20 + 10 * X
    clf = quick(batch_size=18, max_epochs=10).fit(far, Y)
    assert clf.score(far, Y) > 0.9  # chance is 1/3
    with torch.no_grad():
        clf.module_.train()
        clf.module_.dropout.eval()
        clean = clf.module_(torch.from_numpy(far.astype(np.float32)))
        clf.module_.eval()
    np.testing.assert_allclose(clean, clf.decision_function(far), atol=0.3)


def test_verbose_prints_a_line_an_epoch(capsys):
    quick(verbose=1, max_epochs=2, early_stopping=True, validation_fraction=0.3).fit(
        X, Y
    )
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "CNN2DClassifier: 0 MiB of spectrograms are in memory"
    assert lines[1].startswith("epoch   1/2  train loss ")
    assert "valid loss" in lines[2]
    assert "valid accuracy" in lines[2]
    assert len(lines) == 3
    assert err == ""


def test_verbose_says_why_nothing_is_cached(capsys):
    clips = ClipArray.from_array(X).map(ScaleOp(np.zeros(12), np.ones(12)))
    quick(verbose=1, max_epochs=1, cache_bytes=10).fit(clips, Y)
    assert "exceed cache_bytes=10 (cache_bytes=13824 would" in capsys.readouterr().out
    quick(verbose=1, max_epochs=1).fit(clips, Y)
    assert "computed once and cached on cpu" in capsys.readouterr().out


def test_fit_that_reads_nothing_until_it_must():
    hidden = inaccessible_clips(X)
    with pytest.raises(ValueError, match="1 class only"):
        quick().fit(hidden, np.zeros(36))
    with pytest.raises(InaccessibleError):
        quick().fit(hidden, Y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (Y[:-1], "inconsistent numbers of samples"),
        (np.zeros(36), "1 class only"),
        (None, "target y is None"),
        ([["piano", "drums"]] * 36, "MultiLabelBinarizer"),
        ([{"piano"}] * 36, "MultiLabelBinarizer"),
        (pd.Series([["piano"], ["piano", "drums"]] * 18), "MultiLabelBinarizer"),
        (np.random.default_rng(0).normal(size=36), "Unknown label type: continuous"),
        (np.arange(72).reshape(36, 2) % 5, "0 and 1"),
        (np.where(np.arange(36) == 3, np.nan, 1.0), "contains NaN"),
    ],
)
def test_bad_y_raises(y, message):
    with pytest.raises(ValueError, match=message):
        quick().fit(X, y)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (["a.wav"] * 36, r"put RawWave\(\) before it"),
        (ClipArray.from_array(np.zeros((36, 100))), "put a front-end"),
        (np.zeros(36), "Expected 2D array"),
        (np.zeros((36, 2, 2, 2)), "X has 4 dimensions"),
        (np.full((36, 2, 2), np.nan), "contains NaN"),
    ],
)
def test_bad_x_raises(bad, message):
    with pytest.raises(ValueError, match=message):
        quick().fit(bad, Y)


def test_clips_at_another_rate_raise_at_predict():
    clips = ClipArray.from_array(X, sample_rate=22050)
    clf = quick(max_epochs=1).fit(clips, Y)
    with pytest.raises(ValueError, match=r"22050 Hz and is given clips at 16000 Hz"):
        clf.predict(ClipArray.from_array(X, sample_rate=16000))


def test_clips_that_are_not_finite_are_named_at_predict():
    clf = quick(max_epochs=1).fit(X, Y)
    broken = X.copy()
    broken[3] = np.nan
    with pytest.raises(ValueError, match=r"clips \[3\] give logits"):
        clf.predict(ClipArray.from_array(broken))


def test_predict_before_fit_raises():
    with pytest.raises(NotFittedError, match="not fitted yet"):
        quick().predict(X)


@pytest.mark.parametrize("device", ["gpu", "cuda", "meta"])
def test_device_that_is_not_there_raises(device):
    if device == "cuda" and torch.cuda.is_available():
        device = "cuda:99"
    with pytest.raises((ValueError, RuntimeError), match="device"):
        quick(device=device).fit(X, Y)


def test_cross_validation_learns():
    assert cross_val_score(quick(), X, Y, cv=3).mean() > 0.9


@pytest.mark.cuda
@pytest.mark.parametrize("amp", [False, True])
def test_cuda_learns_and_loads_on_the_cpu(amp):
    clf = quick(device="cuda", amp=amp).fit(X, Y)
    assert clf.score(X, Y) == 1
    clf.device = "cpu"
    loaded = pickle.loads(pickle.dumps(clf))
    assert next(loaded.module_.parameters()).device.type == "cpu"
    assert loaded.score(X, Y) == 1
