"""Scores of the validation rows: names, scorers and functions."""

import pickle
import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import softmax
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    f1_score,
    log_loss,
    make_scorer,
    r2_score,
    roc_auc_score,
)
from sklearn.model_selection import GridSearchCV

from sktag import CNN2DRegressor
from sktag.targets._labels import ClassTargets
from sktag.targets._scores import ValidationScores, make_metrics
from sktag.targets._splits import split_rows
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
    clf = quick(**STOPPING, monitor="roc_auc", batch_norm=False)
    with pytest.warns(UserWarning, match=r"columns \[1\]: roc_auc leaves them out"):
        clf.fit(Xt, tags)
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


def test_monitor_that_needs_a_missing_class_raises_before_anything_is_read(X, Y, quick):
    clf = quick(early_stopping=True, validation_fraction=0.06, monitor="neg_log_loss")
    with pytest.raises(
        ValueError, match="monitor='neg_log_loss' is nan on the 2 validation clips"
    ):
        clf.fit(inaccessible_clips(X), Y)


def test_class_missing_in_validation_is_left_out_of_roc_auc(X, Y, quick):
    clf = quick(max_epochs=2, batch_norm=False, monitor="roc_auc")
    clf.set_params(early_stopping=True, validation_fraction=0.06)
    with pytest.warns(UserWarning, match=r"classes \[2\]: roc_auc leaves them out"):
        clf.fit(X, Y)
    _, valid = split_rows(Y, 0.06, 0)
    assert sorted(Y[valid]) == [0, 1]
    proba = clf.predict_proba(X[valid])
    expected = [roc_auc_score(Y[valid] == k, proba[:, k]) for k in (0, 1)]
    found = clf.history_[clf.best_epoch_ - 1]["valid_roc_auc"]
    assert found == pytest.approx(np.mean(expected), abs=1e-12)


def test_metric_that_needs_a_missing_class_is_nan_and_said_once(X, Y, quick):
    clf = quick(max_epochs=2, early_stopping=True, validation_fraction=0.06)
    clf.set_params(metrics=["neg_log_loss", "f1_macro"])
    with pytest.warns(UserWarning, match=r"classes \[2\]: neg_log_loss is nan") as all_:
        clf.fit(X, Y)
    assert sum("validation clips" in str(w.message) for w in all_) == 1
    assert np.isnan([row["valid_neg_log_loss"] for row in clf.history_]).all()
    assert np.isfinite([row["valid_f1_macro"] for row in clf.history_]).all()


def macro_auc(y_true, y_score):
    return roc_auc_score(y_true, y_score)


@pytest.mark.parametrize(
    "metric",
    [macro_auc, make_scorer(macro_auc, response_method="predict_proba")],
    ids=["function", "scorer"],
)
def test_metric_of_ones_own_gets_the_tags_with_both_values(quick, make_tags, metric):
    Xt, tags = make_tags(3)
    tags[:, 1] = 0
    tags[3, 1] = 1  # one clip alone, which is trained on
    clf = quick(**STOPPING, monitor=metric, max_epochs=3, batch_norm=False)
    with pytest.warns(UserWarning, match=r"columns \[1\]: macro_auc leaves them out"):
        clf.fit(Xt, tags)
    row = clf.history_[clf.best_epoch_ - 1]
    assert row["valid_macro_auc"] == row["valid_roc_auc"] > 0


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
        ({"metrics": [len], **STOPPING}, r"metrics has 'len', which cannot be comp"),
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


# ------------------------------------------------------- scorers and functions


def right_share(y_true, y_score):
    """The share of the right labels, from probabilities."""
    return np.mean(y_score.argmax(axis=1) == y_true)


def absolute_error(y_true, y_score):
    return np.abs(y_true - y_score).mean()


def not_a_number(y_true, y_score):
    return np.nan


def has_a_score(y_true, y_score):
    """A number that is best in the second epoch."""
    has_a_score.n_calls += 1
    return {3: 1.0}.get(has_a_score.n_calls, 0.0)


F1 = make_scorer(f1_score, average="macro")
LOG_LOSS = make_scorer(
    log_loss, greater_is_better=False, response_method="predict_proba"
)


def row_and_rows(clf, y):
    """The history of the best epoch, and the validation rows."""
    stratify = not isinstance(clf, CNN2DRegressor)
    _, valid = split_rows(y, 0.25, 0, stratify=stratify)
    return clf.history_[clf.best_epoch_ - 1], valid


def test_scorers_and_functions_of_three_labels_are_columns_of_the_history(X, Y, quick):
    # Without batch norm, whose statistics are re-estimated after few steps.
    clf = quick(**STOPPING, metrics=[F1, LOG_LOSS, right_share], batch_norm=False)
    row, valid = row_and_rows(clf.fit(X, Y), Y)
    proba = clf.predict_proba(X[valid])
    f1 = f1_score(Y[valid], clf.predict(X[valid]), average="macro")
    assert row["valid_f1_score"] == pytest.approx(f1, abs=1e-12)
    # Batches of another size, in float32.
    assert row["valid_neg_log_loss"] == pytest.approx(
        -log_loss(Y[valid], proba), abs=1e-6
    )
    assert row["valid_right_share"] == row["valid_accuracy"]
    assert row["valid_right_share"] == right_share(Y[valid], proba)


def test_function_of_two_labels_gets_labels_and_the_second_ones_probability(
    quick, make_data
):
    X, y = make_data(n_classes=2)
    y = np.array(["no", "yes"])[y]
    seen = []

    def brier(y_true, y_score):
        seen.append((y_true, y_score))
        return brier_score_loss(y_true, y_score, pos_label="yes")

    clf = quick(**STOPPING, metrics=[brier], batch_norm=False)
    row, valid = row_and_rows(clf.fit(X, y), y)
    proba = clf.predict_proba(X[valid])[:, 1]
    assert all(s.shape == (len(valid),) for _, s in seen)
    np.testing.assert_array_equal(seen[-1][0], y[valid])
    expected = brier_score_loss(y[valid], proba, pos_label="yes")
    assert row["valid_brier"] == pytest.approx(expected, abs=1e-6)


def test_scorers_and_functions_of_tags(quick, make_tags):
    X, tags = make_tags(3)
    micro = make_scorer(f1_score, average="micro")
    clf = quick(**STOPPING, metrics=[micro, absolute_error], batch_norm=False)
    row, valid = row_and_rows(clf.fit(X, tags), tags)
    expected = f1_score(tags[valid], clf.predict(X[valid]), average="micro")
    assert row["valid_f1_score"] == pytest.approx(expected, abs=1e-12)
    expected = absolute_error(tags[valid], clf.predict_proba(X[valid]))
    assert row["valid_absolute_error"] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_scorers_and_functions_of_numbers_are_in_their_unit(X, n_outputs):
    y = 1000 * np.stack([X[:, 0, 0], X[:, 1, 1]], axis=1)
    y = y[:, 0] if n_outputs == 1 else y
    metrics = [make_scorer(r2_score), "neg_mean_absolute_error", absolute_error]
    reg = CNN2DRegressor(
        n_filters=(4,),
        max_epochs=4,
        random_state=0,
        metrics=metrics,
        batch_norm=False,
        **STOPPING,
    )
    row, valid = row_and_rows(reg.fit(X, y), y)
    error = absolute_error(y[valid], reg.predict(X[valid]))
    assert error > 10
    assert row["valid_absolute_error"] == pytest.approx(error, rel=1e-5)
    assert row["valid_neg_mean_absolute_error"] == pytest.approx(-error, rel=1e-5)
    assert row["valid_r2_score"] == row["valid_r2"]


@pytest.mark.parametrize(
    ("monitor", "name"),
    [
        ("f1_macro", "f1_macro"),
        (F1, "f1_score"),
        (LOG_LOSS, "neg_log_loss"),
        (right_share, "right_share"),
        (partial(right_share), "right_share"),
    ],
    ids=["name", "scorer", "negative scorer", "function", "partial"],
)
def test_best_epoch_is_that_of_the_monitored_score(X, Y, quick, monitor, name):
    clf = quick(**STOPPING, monitor=monitor).fit(X, Y)
    scores = [row[f"valid_{name}"] for row in clf.history_]
    assert clf.best_epoch_ == 1 + int(np.argmax(scores))


def test_highest_value_of_a_monitored_function_is_best(X, Y, quick):
    has_a_score.n_calls = 0
    clf = quick(**STOPPING, monitor=has_a_score, max_epochs=5).fit(X, Y)
    # Called once before the first epoch, to see whether it can be computed.
    assert [row["valid_has_a_score"] for row in clf.history_] == [0, 1, 0, 0, 0]
    assert clf.best_epoch_ == 2


def test_same_metric_twice_is_one_column(X, Y, quick):
    clf = quick(**STOPPING, monitor=F1, metrics=[F1, "accuracy", "accuracy"])
    row = clf.set_params(max_epochs=1).fit(X, Y).history_[0]
    assert {"valid_f1_score", "valid_accuracy", "valid_loss"} <= set(row)


@pytest.mark.parametrize(
    "metrics",
    [
        [F1, make_scorer(f1_score, average="micro")],
        [right_share, partial(right_share)],
        [lambda y, s: 0.0, lambda y, s: 1.0],
    ],
    ids=["scorers", "partial", "lambdas"],
)
def test_two_metrics_of_one_name_raise(X, Y, quick, metrics):
    with pytest.raises(ValueError, match=r"two different metrics are called '.*'"):
        quick(**STOPPING, metrics=metrics).fit(inaccessible_clips(X), Y)
    with pytest.raises(ValueError, match="two different metrics are called"):
        quick(**STOPPING, monitor=metrics[0], metrics=metrics[1:]).fit(X, Y)


def test_function_that_fails_raises_before_anything_is_read(X, Y, quick):
    def fails(y_true, y_score):
        raise TypeError("not for labels")

    for params in ({"metrics": [fails]}, {"monitor": fails}):
        with pytest.raises(ValueError, match=r"fails.* .*not for labels"):
            quick(**STOPPING, **params).fit(inaccessible_clips(X), Y)


def test_monitored_function_that_is_not_finite_raises_before_anything_is_read(
    X, Y, quick
):
    with pytest.raises(ValueError, match=r"not_a_number .* is nan on the 9 validation"):
        quick(**STOPPING, monitor=not_a_number).fit(inaccessible_clips(X), Y)
    # Unless it is monitored, it may be.
    clf = quick(**STOPPING, metrics=[not_a_number], max_epochs=1).fit(X, Y)
    assert np.isnan(clf.history_[0]["valid_not_a_number"])


@pytest.mark.parametrize("monitor", [f1_score, 3, F1.__class__])
def test_monitor_that_is_no_metric_raises(X, Y, quick, monitor):
    message = "monitor=|'monitor' parameter"
    with pytest.raises(ValueError, match=message):
        quick(**STOPPING, monitor=monitor).fit(inaccessible_clips(X), Y)


def test_metrics_are_searched_over_and_pickled(X, Y, quick):
    clf = quick(**STOPPING, metrics=["roc_auc", right_share], max_epochs=2)
    search = GridSearchCV(clf, {"monitor": ["loss", F1, right_share]}, cv=2)
    best = search.fit(X, Y).best_estimator_
    loaded = pickle.loads(pickle.dumps(best))
    assert loaded.history_ == best.history_
    np.testing.assert_array_equal(loaded.predict_proba(X), best.predict_proba(X))


def test_scores_of_chunked_outputs_are_those_of_the_clips():
    targets, y = ClassTargets(np.arange(3)), np.array([0, 1, 2, 0])
    monitored, metrics = make_metrics(right_share, ["neg_log_loss"])
    score = ValidationScores(targets, y, monitored, "mean", metrics)
    logits = np.random.default_rng(0).normal(size=(12, 3))
    counts = [1, 4, 2, 5]
    found = score(torch.from_numpy(logits), np.array(counts))
    windows = np.split(softmax(logits, axis=1), np.cumsum(counts)[:-1])
    proba = np.array([some.mean(axis=0) for some in windows])
    assert found["right_share"] == found["accuracy"] == right_share(y, proba)
    assert found["neg_log_loss"] == pytest.approx(-log_loss(y, proba), rel=1e-12)


def test_metrics_of_a_clone_are_the_same_metrics():
    from copy import deepcopy
    from functools import partial

    scorer = make_scorer(f1_score, average="macro")
    part = partial(f1_score, average="macro")
    for metric in (scorer, part, f1_score):
        monitored, others = make_metrics(deepcopy(metric), [deepcopy(metric)])
        assert monitored.name == others[0].name == "f1_score"
    with pytest.raises(ValueError, match="two different metrics are called 'f1_score'"):
        make_metrics(scorer, [make_scorer(f1_score, average="micro")])


def test_metric_named_as_another_column_of_the_history_raises():
    def loss(y_true, y_score):
        return 1.0

    with pytest.raises(ValueError, match="a metric cannot be called 'loss'"):
        make_metrics(loss, None)


def test_metric_cannot_change_the_labels_of_others():
    targets = ClassTargets.learn(np.array([0, 1]))

    def greedy(y_true, y_score):
        y_true[:] = 0
        return 1.0

    y = np.array([0, 1, 0, 1])
    monitor, metrics = make_metrics("loss", [greedy])
    with pytest.raises(
        ValueError, match=r"'greedy', which cannot be computed .*read-only"
    ):
        ValidationScores(targets, y, monitor, "mean", metrics)


# -------------------------------------------------- tags that are not annotated


@pytest.fixture
def missing(make_tags):
    """Spectrograms, tags, and the tags with a quarter not annotated."""
    X, tags = make_tags(3)
    unknown = np.random.default_rng(0).random(tags.shape) < 0.25
    return X, tags, np.where(unknown, np.nan, tags)


def validate(quick, X, tags, y_val, **params):
    """Return the last row of the history and the probabilities of a short fit."""
    clf = quick(max_epochs=3, batch_norm=False, **params)
    clf.fit(X, tags, X_val=X, y_val=y_val)
    return clf.history_[-1], clf.predict_proba(X)


def test_scores_are_of_the_annotated_entries(quick, missing):
    X, tags, y_val = missing
    params = {"metrics": ["f1_micro", "accuracy", "f1_macro"]}
    row, proba = validate(quick, X, tags, y_val, **params)
    known, predicted = ~np.isnan(y_val), (proba > 0.5).astype(int)
    for name, metric in (
        ("roc_auc", roc_auc_score),
        ("average_precision", average_precision_score),
    ):
        columns = [metric(y_val[k, i], proba[k, i]) for i, k in enumerate(known.T)]
        # Batches of another size, in float32, may swap two ranks at most.
        assert row[f"valid_{name}"] == pytest.approx(np.mean(columns), abs=1e-3)
    f1 = f1_score(y_val[known].astype(int), predicted[known])
    assert row["valid_f1_micro"] == pytest.approx(f1, abs=1e-12)
    f1s = [f1_score(y_val[k, i], predicted[k, i]) for i, k in enumerate(known.T)]
    assert row["valid_f1_macro"] == pytest.approx(np.mean(f1s), abs=1e-12)
    right = ((predicted == y_val) | ~known).all(axis=1)
    assert row["valid_accuracy"] == pytest.approx(right.mean(), abs=1e-12)


def test_function_gets_nan_where_a_tag_is_not_annotated(quick, missing):
    X, tags, y_val = missing
    seen = []

    def known_share(y_true, y_score):
        seen.append(y_true)
        return 1 - np.isnan(y_true).mean()

    row, _ = validate(quick, X, tags, y_val, monitor=known_share)
    np.testing.assert_array_equal(seen[-1], y_val)
    assert row["valid_known_share"] == 1 - np.isnan(y_val).mean()


@pytest.mark.parametrize("metric", ["roc_auc_ovr", macro_auc, LOG_LOSS])
def test_metric_that_cannot_take_nan_raises(quick, missing, metric):
    X, tags, y_val = missing
    with pytest.raises(ValueError, match=r"cannot be computed on the 40 .*NaN"):
        validate(quick, inaccessible_clips(X), tags, y_val, metrics=[metric])
