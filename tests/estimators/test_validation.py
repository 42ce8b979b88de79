"""Rows kept apart, their scores, and early stopping."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    f1_score,
    log_loss,
    roc_auc_score,
)
from skorch.callbacks import Callback

from sktag import CNN2DRegressor
from sktag.targets import split_rows
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


# ---------------------------------------------------------------------- the split


@pytest.mark.parametrize("seed", range(5))
def test_split_of_labels_keeps_their_shares(seed):
    y = np.repeat(["rare", "usual", "common"], [4, 16, 40])
    train, valid = split_rows(y, 0.25, seed)
    assert sorted([*train, *valid]) == list(range(60))
    labels, counts = np.unique(y[valid], return_counts=True)
    assert dict(zip(labels, counts, strict=True)) == {
        "rare": 1,
        "usual": 4,
        "common": 10,
    }


def test_label_of_one_clip_is_trained_on():
    y = np.array(["alone", *["a", "b"] * 10])
    for seed in range(10):
        train, valid = split_rows(y, 0.3, seed)
        assert 0 in train
        assert set(y[valid]) == {"a", "b"}


@pytest.mark.parametrize("seed", range(5))
def test_split_of_tags_has_rare_tags_on_both_sides(seed):
    rng = np.random.default_rng(seed)
    tags = np.zeros((60, 6), dtype=int)
    n_positive = [2, 3, 5, 12, 30, 58]
    for tag, n in zip(tags.T, n_positive, strict=True):
        tag[rng.permutation(60)[:n]] = 1
    train, valid = split_rows(tags, 0.2, seed)
    assert sorted([*train, *valid]) == list(range(60))
    assert len(valid) == 12
    assert (tags[valid].max(axis=0) == 1).all()
    assert (tags[train].max(axis=0) == 1).all()
    # The tag that nearly all have is absent on both sides too.
    assert tags[valid, 5].min() == tags[train, 5].min() == 0
    # A random split is further off, by 1.5 or so for the tag of 12 and of 30.
    off = tags[valid].sum(axis=0) - 0.2 * np.array(n_positive)
    assert np.abs(off).max() <= 2


def test_split_depends_on_the_seed_alone():
    tags = np.random.default_rng(0).integers(0, 2, (40, 3))
    first, again, other = (split_rows(tags, 0.25, seed)[1] for seed in (0, 0, 1))
    assert first.tolist() == again.tolist() != other.tolist()


def test_split_of_numbers_is_drawn_from_all_rows():
    y = np.linspace(0, 1, 40)
    drawn = [split_rows(y, 0.25, seed, stratify=False)[1] for seed in range(30)]
    assert {len(valid) for valid in drawn} == {10}
    assert set(np.concatenate(drawn)) == set(range(40))


def test_too_few_clips_to_validate_on_raise(X, Y, quick):
    with pytest.raises(ValueError, match="raise validation_fraction"):
        quick(early_stopping=True, validation_fraction=0.01).fit(X, Y)


# ---------------------------------------------------------------------- the scores


def test_monitor_may_be_a_scorer(X, Y, quick, make_tags):
    clf = quick(**STOPPING, monitor="neg_brier_score").fit(X, Y)
    best = max(clf.history_, key=lambda row: row["valid_neg_brier_score"])
    assert clf.best_epoch_ == best["epoch"]
    Xt, tags = make_tags(3)
    clf.set_params(monitor="roc_auc").fit(Xt, tags)
    scores = [row["valid_roc_auc"] for row in clf.history_]
    assert scores[clf.best_epoch_ - 1] == max(scores)


def test_scores_of_the_best_epoch_are_those_of_the_fitted_network(X, Y, quick):
    # Without batch norm, whose statistics are estimated anew after few steps.
    clf = quick(**STOPPING, monitor="neg_brier_score", batch_norm=False).fit(X, Y)
    _, valid = split_rows(Y, 0.25, 0)
    row = clf.history_[clf.best_epoch_ - 1]
    proba = clf.predict_proba(X[valid])
    assert row["valid_accuracy"] == (proba.argmax(axis=1) == Y[valid]).mean()
    brier = brier_score_loss(Y[valid], proba, labels=[0, 1, 2])
    # Batches of another size, in float32.
    assert row["valid_neg_brier_score"] == pytest.approx(-brier, abs=1e-6)


def test_tags_that_are_not_in_validation_are_left_out_of_the_means(quick, make_tags):
    Xt, tags = make_tags(3)
    tags[:, 1] = 0
    tags[3, 1] = 1  # one clip alone, which is trained on
    clf = quick(**STOPPING, monitor="roc_auc", batch_norm=False).fit(Xt, tags)
    _, valid = split_rows(tags, 0.25, 0)
    assert tags[valid].any(axis=0).tolist() == [True, False, True]
    proba, row = clf.predict_proba(Xt[valid]), clf.history_[clf.best_epoch_ - 1]
    for name, metric in (
        ("roc_auc", roc_auc_score),
        ("average_precision", average_precision_score),
    ):
        expected = metric(tags[valid][:, [0, 2]], proba[:, [0, 2]])
        assert row[f"valid_{name}"] == pytest.approx(expected, abs=1e-12)
    assert clf.best_epoch_ > 0


def test_roc_auc_of_classes_is_that_of_each_against_the_rest(X, Y, quick):
    clf = quick(**STOPPING, monitor="roc_auc", batch_norm=False).fit(X, Y)
    _, valid = split_rows(Y, 0.25, 0)
    proba = clf.predict_proba(X[valid])
    expected = roc_auc_score(Y[valid], proba, multi_class="ovr", average="macro")
    row = clf.history_[clf.best_epoch_ - 1]
    assert row["valid_roc_auc"] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("monitor", ["roc_auc", "neg_log_loss"])
def test_class_missing_in_validation_raises_before_anything_is_read(
    X, Y, quick, monitor
):
    clf = quick(early_stopping=True, validation_fraction=0.06, monitor=monitor)
    with pytest.raises(
        ValueError, match=f"monitor='{monitor}' is nan on the 2 validation clips"
    ):
        clf.fit(inaccessible_clips(X), Y)


def test_tags_without_both_values_in_validation_raise(X, quick):
    tags = np.zeros((36, 2), dtype=int)
    tags[:2] = np.eye(2)
    clf = quick(**STOPPING, monitor="roc_auc")
    with pytest.raises(ValueError, match=r"'roc_auc' is nan .* validation_fraction"):
        clf.fit(inaccessible_clips(X), tags)
    # What is not monitored may be undefined.
    clf.set_params(monitor="loss", max_epochs=1).fit(X, tags)
    assert np.isnan(clf.history_[0]["valid_roc_auc"])


def test_scorer_of_classifiers_for_a_regressor_raises_before_anything_is_read(X):
    reg = CNN2DRegressor(n_filters=(4,), monitor="roc_auc", **STOPPING)
    with pytest.raises(ValueError, match=r"monitor='roc_auc' .* monitor='loss'"):
        reg.fit(inaccessible_clips(X), np.linspace(0, 1, 36))


@pytest.mark.parametrize("early_stopping", [True, False])
def test_unknown_monitor_raises(X, Y, quick, early_stopping):
    clf = quick(monitor="rocauc", early_stopping=early_stopping)
    with pytest.raises(ValueError, match=r"monitor='rocauc' .* Did you mean 'roc_auc'"):
        clf.fit(X, Y)


def test_metrics_are_computed_at_each_epoch(X, Y, quick):
    metrics = ["f1_macro", "neg_log_loss", "accuracy"]
    clf = quick(**STOPPING, metrics=metrics, batch_norm=False).fit(X, Y)
    assert all(
        {f"valid_{name}" for name in metrics} <= set(row) for row in clf.history_
    )
    _, valid = split_rows(Y, 0.25, 0)
    row = clf.history_[clf.best_epoch_ - 1]
    answers = clf.predict(X[valid])
    expected = f1_score(Y[valid], answers, average="macro")
    assert row["valid_f1_macro"] == pytest.approx(expected, abs=1e-12)
    loss = log_loss(Y[valid], clf.predict_proba(X[valid]))
    # Batches of another size, in float32; the loss itself is a mean of log losses.
    assert row["valid_neg_log_loss"] == pytest.approx(-loss, abs=1e-6)
    assert row["valid_loss"] == pytest.approx(loss, abs=1e-6)
    table = pd.DataFrame(clf.history_)
    assert table["valid_f1_macro"].dtype == float
    assert table.shape[0] == clf.n_iter_


def test_metrics_of_tags_and_of_numbers(X, quick, make_tags):
    Xt, tags = make_tags(3)
    row = quick(**STOPPING, metrics=["f1_micro"]).fit(Xt, tags).history_[-1]
    assert 0 <= row["valid_f1_micro"] <= 1
    reg = CNN2DRegressor(
        n_filters=(4,), max_epochs=2, metrics=("neg_mean_absolute_error",), **STOPPING
    )
    row = reg.fit(X, X[:, 0, 0]).history_[-1]
    assert row["valid_neg_mean_absolute_error"] < 0


def test_metrics_are_in_the_line_of_an_epoch(X, Y, quick, capsys):
    quick(**STOPPING, metrics=["f1_macro"], verbose=1, max_epochs=1).fit(X, Y)
    assert "  valid f1 macro " in capsys.readouterr().out.splitlines()[1]


def test_metrics_change_nothing_that_is_learned(X, Y, quick):
    clf = quick(**STOPPING).fit(X, Y)
    other = quick(**STOPPING, metrics=["f1_macro", "roc_auc"]).fit(X, Y)
    np.testing.assert_array_equal(other.predict_proba(X), clf.predict_proba(X))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"metrics": ["f1_macr"], **STOPPING}, r"'f1_macr'.* Did you mean 'f1_macro'"),
        ({"metrics": [len], **STOPPING}, r"metrics has <.*len>, which cannot be comp"),
        ({"metrics": ["loss"], **STOPPING}, r"metrics has 'loss', which is not"),
        ({"metrics": ["accuracy"]}, r"there are none: set early_stopping=True"),
        (
            {"metrics": ["jaccard"], **STOPPING},
            r"'jaccard', which cannot be computed on the 9 validation clips .*binary.*leave it",
        ),
    ],
)
def test_wrong_metrics_raise_before_anything_is_read(X, Y, quick, params, message):
    with pytest.raises(ValueError, match=message):
        quick(**params).fit(inaccessible_clips(X), Y)


def test_partial_fit_has_no_metrics(X, Y, quick):
    clf = quick(metrics=["accuracy"]).partial_fit(X, Y)
    assert set(clf.history_[0]) == {"epoch", "train_loss", "lr", "seconds"}


# ---------------------------------------------------------------------- the stop


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


def test_scoring_hides_its_own_warnings_alone(X, quick):
    tags = np.zeros((36, 2), dtype=int)
    tags[:2] = np.eye(2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quick(**STOPPING, max_epochs=150).fit(X, tags)
