"""Scores of the validation rows: names, scorers and functions."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    f1_score,
    log_loss,
    roc_auc_score,
)

from sktag import CNN2DRegressor
from sktag.targets import split_rows
from sktag.testing import inaccessible_clips

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")
STOPPING = {"early_stopping": True, "validation_fraction": 0.25}


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
            r"'jaccard', which cannot be computed on the 9 validation .*leave it",
        ),
    ],
)
def test_wrong_metrics_raise_before_anything_is_read(X, Y, quick, params, message):
    with pytest.raises(ValueError, match=message):
        quick(**params).fit(inaccessible_clips(X), Y)


def test_partial_fit_has_no_metrics(X, Y, quick):
    clf = quick(metrics=["accuracy"]).partial_fit(X, Y)
    assert set(clf.history_[0]) == {"epoch", "train_loss", "lr", "seconds"}


def test_scoring_hides_its_own_warnings_alone(X, quick):
    tags = np.zeros((36, 2), dtype=int)
    tags[:2] = np.eye(2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quick(**STOPPING, max_epochs=150).fit(X, tags)
