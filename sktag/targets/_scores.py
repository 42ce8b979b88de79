"""Scores of the validation rows, at every epoch."""

import warnings
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from sktag._compat import is_scorer, scorer_name
from sktag._messages import did_you_mean, name_of
from sktag.targets._aggregate import combine_windows

# Scores that, for tags, are averaged over the tags with both values present.
_BY_TAG = ("roc_auc", "average_precision")
# Columns of the history of a net, after "valid_".
_TAKEN = {"loss", "loss_best", "batch_count", "batch_size"}


class Metric(NamedTuple):
    """A score of the validation rows.

    `function` is a scorer of scikit-learn, called with an estimator, X and y, or a
    function of (y_true, y_score); None for a scorer known by its name.
    """

    name: str
    function: Any = None


def make_metrics(monitor, metrics):
    """Return `monitor` and `metrics` of the user as metrics, checked."""
    monitored = Metric("loss")
    if not isinstance(monitor, str) or monitor != "loss":
        monitored = _make_metric(monitor, f"monitor={monitor!r} is neither 'loss' nor")
    others = [
        _make_metric(metric, f"metrics has {metric!r}, which is not")
        for metric in metrics or ()
    ]
    named: dict[str, Metric] = {}
    for metric in (monitored, *others):
        first = named.setdefault(metric.name, metric)
        if _content(first.function) != _content(metric.function):
            raise ValueError(
                f"two different metrics are called {metric.name!r}, and the columns of "
                "history_ are named after them: wrap one in a function of another name."
            )
        if metric.function is not None and metric.name in _TAKEN:
            raise ValueError(
                f"a metric cannot be called {metric.name!r}, which is the name of "
                "another column of history_: give the function another name."
            )
    return monitored, others


def _make_metric(given, what):
    """Return a name, a scorer or a function as a Metric."""
    if is_scorer(given):
        return Metric(scorer_name(given), given)
    if callable(given) and not isinstance(given, type):
        return Metric(name_of(given).rpartition(".")[2], given)
    from sklearn.metrics import get_scorer_names  # slow to import

    names = get_scorer_names()
    if given not in names:
        raise ValueError(
            f"{what} a scorer of scikit-learn (sklearn.metrics.get_scorer_names()), a "
            "scorer made by make_scorer, or a function f(y_true, y_score)."
            f"{did_you_mean(given, names)}"
        )
    return Metric(given)


def _content(function):
    """Return what makes two metrics the same: a clone of an estimator copies them."""
    if is_scorer(function):
        return scorer_name(function), repr(function)
    if isinstance(function, partial):
        return function.func, function.args, sorted(function.keywords.items())
    return function


class ValidationScores:
    """Turns outputs for the validation rows into scores."""

    def __init__(self, targets, y, monitor, aggregate, metrics=()):
        self.targets = targets
        # A metric that changes y in place must not change the scores that follow.
        self.y = y.copy()
        self.y.flags.writeable = False
        self.monitor = monitor.name
        self.aggregate = aggregate
        every = [*map(Metric, targets.monitored), monitor, *metrics]
        # Functions replace scorers of the same name.
        self.metrics = {m.name: m for m in every if m.name != "loss"}
        # Ideal outputs have scores if any outputs have: a metric that cannot be
        # computed shows before the first epoch.
        ideal = targets.ideal_outputs(targets.encode(y))
        self._score_all(ideal)
        for metric in metrics:
            self._check_metric(metric, ideal)

    def __call__(self, outputs, counts):
        """Return the scores by name, for outputs of `counts` windows of each clip."""
        windows = outputs.cpu().double().numpy()
        combined = combine_windows(self.targets, windows, counts, self.aggregate)
        return self._score_all(combined)

    def _score_all(self, outputs):
        with warnings.catch_warnings():
            # For a tag or class that no validation row has, the score is nan.
            warnings.simplefilter("ignore")
            return {name: self._score(m, outputs) for name, m in self.metrics.items()}

    def _check_metric(self, metric, outputs):
        """Raise if a metric is not for these targets, or lacks a class."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                float(self._compute(metric, outputs))
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(
                f"metrics has {metric.name!r}, which cannot be computed on the "
                f"{len(self.y)} validation clips ({error}): leave it out, or, if "
                "classes or tags are missing there, raise validation_fraction. A "
                "function gets labels and probabilities; for a metric of predictions "
                "give the name of a scorer, or make_scorer(...)."
            ) from error

    def _score(self, metric, outputs):
        """Return a score; nan if it cannot be computed and is not monitored."""
        try:
            score, reason = float(self._compute(metric, outputs)), None
        except (AttributeError, TypeError, ValueError) as error:
            score, reason = np.nan, error
        if metric.name == self.monitor and not np.isfinite(score):
            raise ValueError(
                f"monitor={metric.function or metric.name!r} is {score} on the "
                f"{len(self.y)} validation clips{f' ({reason})' if reason else ''}: "
                "set monitor='loss', or, if classes or tags are missing there, raise "
                "validation_fraction."
            ) from reason
        return score

    def _compute(self, metric, outputs):
        classes = self.targets.classes
        if metric.function is not None and not is_scorer(metric.function):
            return metric.function(self.y, self.targets.scores(outputs))
        answers = (_Values if classes is None else _Answers)(self.targets, outputs)
        no_X = np.empty((len(self.y), 0))
        if metric.function is not None:
            return metric.function(answers, no_X, self.y)
        # Slow to import.
        from sklearn.metrics import average_precision_score, get_scorer, roc_auc_score

        name = metric.name
        if name in _BY_TAG and self.y.ndim == 2 and classes is not None:
            score = {"roc_auc": roc_auc_score}.get(name, average_precision_score)
            both = np.flatnonzero((self.y.min(axis=0) == 0) & self.y.any(axis=0))
            columns = [score(self.y[:, i], outputs[:, i]) for i in both]
            return np.mean(columns) if columns else np.nan
        if name == "roc_auc" and classes is not None and len(classes) > 2:
            name = "roc_auc_ovr"
        return get_scorer(name)(answers, no_X, self.y)


class _Answers(ClassifierMixin, BaseEstimator):
    """A classifier with known outputs, for scikit-learn's scorers."""

    def __init__(self, targets, outputs):
        self.targets = targets
        self.outputs = outputs
        self.classes_ = targets.classes

    def predict(self, X):
        return self.targets.predict(self.outputs)

    def predict_proba(self, X):
        return self.targets.probabilities(self.outputs)

    def decision_function(self, X):
        return self.targets.decisions(self.outputs)


class _Values(RegressorMixin, BaseEstimator):
    """A regressor with known outputs."""

    def __init__(self, targets, outputs):
        self.targets = targets
        self.outputs = outputs

    def predict(self, X):
        return self.targets.predict(self.outputs)
