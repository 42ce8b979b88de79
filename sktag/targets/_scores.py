"""Scores of the validation rows, at every epoch."""

import warnings
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from sktag._compat import is_scorer, scorer_name
from sktag._messages import did_you_mean, name_of, warn
from sktag.targets._aggregate import combine_windows

# Scores that are averaged over the tags, or classes, with both values present.
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
        # By name, metrics that are computed on the tags with both values only.
        self.partial = set()
        # Ideal outputs have scores if any outputs have: a metric that cannot be
        # computed shows before the first epoch.
        ideal = targets.ideal_outputs(targets.encode(y))
        given = {m.name: m for m in (monitor, *metrics) if m.name != "loss"}
        undefined = {m.name for m in given.values() if not self._try(m, ideal)}
        self._warn_lacking(given, undefined)

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

    @property
    def _hot(self):
        """Tags, or one-hot labels; None for numbers."""
        classes = self.targets.classes
        if classes is None or classes.ndim == 2:
            return None if classes is None else self.y
        return (self.y[:, np.newaxis] == classes).astype(int)

    @property
    def _has_both(self):
        """Which tags, or classes, are both present and absent."""
        return (self._hot == 0).any(axis=0) & (self._hot == 1).any(axis=0)

    def _try(self, metric, ideal):
        """Tell whether a metric is finite; raise if it is not for these targets."""
        score, error = self._attempt(metric, self.y, ideal, self.targets)
        if np.isfinite(score):
            return True
        classes = self.targets.classes
        if classes is not None and not self._has_both.all():
            if classes.ndim == 2 and self._has_both.any():
                self.partial.add(metric.name)
                if np.isfinite(self._attempt_partial(metric, ideal)):
                    return True
                self.partial.remove(metric.name)
            # Is it for lack of a class, or of a tag's value, alone?
            full = self.targets.ideal_outputs(self.targets.encode(classes.T))
            error = self._attempt(metric, classes.T, full, self.targets)[1]
        if metric.name == self.monitor:
            self._refuse_monitor(metric, score, error)
        if error is not None:
            raise ValueError(
                f"metrics has {metric.name!r}, which cannot be computed on the "
                f"{len(self.y)} validation clips ({error}): leave it out. A function "
                "gets labels (of tags, NaN where not annotated) and probabilities; for "
                "a metric of predictions give the name of a scorer, or "
                "make_scorer(...)."
            ) from error
        return False

    def _attempt(self, metric, y, outputs, targets):
        """Return a score, or nan and the error."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return float(self._call(metric, y, outputs, targets)), None
        except (AttributeError, TypeError, ValueError) as error:
            return np.nan, error

    def _warn_lacking(self, given, undefined):
        """Say once what validation rows lack, and which metrics suffer from it."""
        if self._hot is None or self._has_both.all():
            return
        by_tag = {n for n, m in given.items() if _is_by_tag(m, self.targets)}
        partial = sorted((by_tag | self.partial) - undefined)
        effects = [f"{', '.join(partial)} leaves them out"] if partial else []
        if undefined:
            effects.append(f"{', '.join(sorted(undefined))} is nan")
        if effects:
            lacking = np.flatnonzero(~self._has_both)
            what = f"the tags in columns {lacking.tolist()}"
            if self.y.ndim == 1:
                what = f"the classes {self.targets.classes[lacking].tolist()}"
            warn(
                f"the {len(self.y)} validation clips lack clips with, or without, "
                f"{what}: {'; '.join(effects)}. Raise validation_fraction, or "
                "give X_val."
            )

    def _score(self, metric, outputs):
        """Return a score; nan if it cannot be computed and is not monitored."""
        if metric.name in self.partial:
            score, reason = self._attempt_partial(metric, outputs), None
        else:
            score, reason = self._attempt(metric, self.y, outputs, self.targets)
        if metric.name == self.monitor and not np.isfinite(score):
            self._refuse_monitor(metric, score, reason)
        return score

    def _refuse_monitor(self, metric, score, reason):
        raise ValueError(
            f"monitor={metric.function or metric.name!r} is {score} on the "
            f"{len(self.y)} validation clips{f' ({reason})' if reason else ''}: "
            "set monitor='loss', or, if classes or tags are missing there, raise "
            "validation_fraction."
        ) from reason

    def _attempt_partial(self, metric, outputs):
        """Return a score of the tags that have both values."""
        both = np.flatnonzero(self._has_both)
        targets = replace(self.targets, n_outputs=len(both))
        return self._attempt(metric, self.y[:, both], outputs[:, both], targets)[0]

    def _call(self, metric, y, outputs, targets):
        """Call a metric."""
        if _is_by_tag(metric, targets):
            return self._mean_over_tags(metric.name, outputs)
        if metric.function is not None and not is_scorer(metric.function):
            return metric.function(y, targets.scores(outputs))
        scorer = metric.function
        if scorer is None:
            from sklearn.metrics import get_scorer  # slow to import

            scorer = get_scorer(metric.name)
        no_X = np.empty((len(y), 0))
        if targets.classes is None:
            return scorer(_Values(targets, outputs), no_X, y)
        unknown = None
        if y.ndim == 2 and np.isnan(y).any():
            unknown = np.isnan(y)
            y = np.where(unknown, 0, y).astype(int)
        return scorer(_Answers(targets, outputs, unknown), no_X, y)

    def _mean_over_tags(self, name, outputs):
        """Return the mean over tags, or classes, of those that have both values."""
        from sklearn.metrics import average_precision_score, roc_auc_score

        score = {"roc_auc": roc_auc_score}.get(name, average_precision_score)
        hot, scores = self._hot, outputs
        if self.y.ndim == 1:
            scores = self.targets.probabilities(outputs)
        columns = []
        for i in np.flatnonzero(self._has_both):
            known = ~np.isnan(hot[:, i])
            columns.append(score(hot[known, i], scores[known, i]))
        return np.mean(columns) if columns else np.nan


def _is_by_tag(metric, targets):
    """Tell whether a metric is a mean over the tags, or over more than two classes."""
    if metric.function is not None or metric.name not in _BY_TAG:
        return False
    return targets.classes is not None and (
        targets.classes.ndim == 2 or targets.n_outputs > 2
    )


class _Answers(ClassifierMixin, BaseEstimator):
    """A classifier with known outputs, for scikit-learn's scorers.

    Tags that are not annotated are 0 both in y and in the predictions: precision,
    recall, F1 and Jaccard do not count such entries, and subset accuracy does not
    suffer from them.
    """

    def __init__(self, targets, outputs, unknown=None):
        self.targets = targets
        self.outputs = outputs
        self.unknown = unknown
        self.classes_ = targets.classes

    def predict(self, X):
        predicted = self.targets.predict(self.outputs)
        return predicted if self.unknown is None else predicted * ~self.unknown

    def predict_proba(self, X):
        self._check_known()
        return self.targets.probabilities(self.outputs)

    def decision_function(self, X):
        self._check_known()
        return self.targets.decisions(self.outputs)

    def _check_known(self):
        if self.unknown is not None:
            raise ValueError(
                "y has NaN, tags that are not annotated, and this scorer takes "
                "probabilities of all: give 'roc_auc', 'average_precision' or a "
                "function f(y_true, y_score) that leaves them out"
            )


class _Values(RegressorMixin, BaseEstimator):
    """A regressor with known outputs."""

    def __init__(self, targets, outputs):
        self.targets = targets
        self.outputs = outputs

    def predict(self, X):
        return self.targets.predict(self.outputs)
