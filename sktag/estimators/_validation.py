"""The rows kept apart for validation, and the scores computed on them."""

import warnings
from difflib import get_close_matches

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

# Groups that are compared before one is taken to validate on.
_CANDIDATES = 50
# Scores of tags that are means over the tags which have both values.
_BY_TAG = ("roc_auc", "average_precision")


def split_rows(y, fraction, seed, *, stratify=True, groups=None):
    """Split rows into those to train on and those to validate on.

    Parameters
    ----------
    y : ndarray of shape (n_clips,) or (n_clips, n_tags)
        Labels, tags or numbers.
    fraction : float in (0, 1)
        Share of the rows to validate on.
    seed : int
        Seed of the split.
    stratify : bool, default=True
        Whether each label, and each value of a tag, keeps its share, and has a row on
        both sides if it has two: as far as that is possible for all at once.
    groups : array of shape (n_clips,), optional
        Rows of a group stay on one side.

    Returns
    -------
    train, valid : ndarray of int
        Rows, in order.

    Raises
    ------
    ValueError
        If either would be empty.
    """
    n_valid = round(fraction * len(y))
    if not 0 < n_valid < len(y):
        raise ValueError(
            f"validation_fraction={fraction:g} of {len(y)} clips leaves {n_valid} to "
            "validate on: raise validation_fraction, give more clips or X_val, or do "
            "without early_stopping and stages, which need some."
        )
    # All rows are of one stratum where nothing is stratified.
    strata = np.ones((len(y), 1), dtype=bool)
    if stratify:
        values = y[:, np.newaxis] == np.unique(y) if y.ndim == 1 else y == 1
        strata = values if y.ndim == 1 else np.hstack([values, ~values])
    rng = np.random.default_rng(seed)
    if groups is None:
        is_valid = _draw_stratified(strata, n_valid, rng)
    else:
        is_valid = _draw_groups(strata, n_valid, _check_groups(groups), rng)
    return np.flatnonzero(~is_valid), np.flatnonzero(is_valid)


def _check_groups(groups):
    """Return the number of each row's group, from 0."""
    groups = np.asarray(groups)
    if groups.ndim != 1:
        raise ValueError(
            f"groups has shape {groups.shape}: give one group a clip, (n_clips,)."
        )
    try:
        names, numbers = np.unique(groups, return_inverse=True)
    except TypeError as error:
        raise ValueError(
            f"groups cannot be sorted ({error}): give labels of one type, none missing."
        ) from error
    if len(names) < 2:
        raise ValueError(
            f"groups has {len(names)} group only, and all of a group stay on one side: "
            "give two groups or more, or X_val."
        )
    return numbers


def _draw_groups(strata, n_valid, groups, rng):
    """Draw whole groups to validate on, each time the one that strata want most.

    It ends where one more group would lead further away from `n_valid`. A stratum is
    not left without rows to train on, as long as there is another group to take.
    """
    n_groups = groups.max() + 1
    of_group = np.zeros((n_groups, strata.shape[1]), dtype=int)
    np.add.at(of_group, groups, strata)
    sizes, totals = np.bincount(groups), strata.sum(axis=0)
    wanted = totals * n_valid / len(strata)
    left, is_taken = list(rng.permutation(n_groups)), np.zeros(n_groups, dtype=bool)
    while len(left) > 1:
        # Some of many are enough to choose from.
        some = np.array(left[:_CANDIDATES])
        after = of_group[is_taken].sum(axis=0) + of_group[some]
        empties = ((after == totals) & (totals > 0)).sum(axis=1)
        misfit = ((after - wanted) ** 2 / np.maximum(totals, 1)).sum(axis=1)
        best = some[np.lexsort((misfit, empties))[0]]
        n_before = sizes[is_taken].sum()
        is_nearer = abs(n_before + sizes[best] - n_valid) < abs(n_before - n_valid)
        if n_before and not is_nearer:
            break
        is_taken[best] = True
        left.remove(best)
    return is_taken[groups]


def _draw_stratified(strata, n_valid, rng):
    """Draw rows to validate on, the rarest stratum first: those that can least be lost.

    References: Sechidis, Tsoumakas, Vlahavas, "On the stratification of multi-label
    data", ECML PKDD 2011.
    """
    n_rows = len(strata)
    order = rng.permutation(n_rows)
    sizes = strata.sum(axis=0)
    share = sizes * n_valid / n_rows
    share = np.where(sizes > 1, np.clip(share, 1, np.maximum(sizes - 1, 1)), share)
    wanted = np.array([sizes - share, share])  # of each stratum, on each side
    room = np.array([n_rows - n_valid, n_valid])
    is_valid = np.zeros(n_rows, dtype=bool)
    is_left = np.ones(n_rows, dtype=bool)
    while is_left.any():
        left = strata[is_left].sum(axis=0)
        rarest = np.argmin(np.where(left > 0, left, n_rows + 1))
        for row in order[is_left[order] & strata[order, rarest]]:
            needs = [(room[s] > 0, wanted[s, rarest], room[s]) for s in (0, 1)]
            side = int(needs[1] > needs[0])
            wanted[side] -= strata[row]
            room[side] -= 1
            is_valid[row], is_left[row] = side == 1, False
    return is_valid


def check_scorers(monitor, metrics):
    """Raise if there is no score of a name.

    Parameters
    ----------
    monitor : str
        "loss", or the name of a scorer of scikit-learn.
    metrics : list of str or None
        Names of scorers of scikit-learn.

    Raises
    ------
    ValueError
        If one is neither.
    """
    if monitor != "loss":
        _check_scorer(monitor, f"monitor={monitor!r} is neither 'loss' nor")
    for name in metrics or ():
        _check_scorer(name, f"metrics has {name!r}, which is not")


def _check_scorer(name, what):
    from sklearn.metrics import get_scorer_names

    names = get_scorer_names()
    if name not in names:
        close = get_close_matches(str(name), names, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"{what} a scorer of scikit-learn (sklearn.metrics.get_scorer_names())."
            f"{hint}"
        )


class ValidationScores:
    """Scores of the validation rows, of their logits.

    Parameters
    ----------
    targets : ClassTargets, TagTargets or ValueTargets
        What turns logits into answers.
    y : ndarray of shape (n_rows,) or (n_rows, n_tags)
        Labels, tags or numbers of the validation rows.
    monitor : str
        "loss", or the name of one more scorer of scikit-learn. Its score must be
        finite; the others may be nan.
    aggregate : str
        How what is said of chunks is put together.
    metrics : list of str, optional
        Names of further scorers of scikit-learn.

    Raises
    ------
    ValueError
        If `monitor` or a metric cannot be computed on these rows.
    """

    def __init__(self, targets, y, monitor, aggregate, metrics=None):
        self.targets = targets
        self.y = y
        self.monitor = monitor
        self.aggregate = aggregate
        names = dict.fromkeys([*targets.monitored, monitor, *(metrics or ())])
        self.names = [name for name in names if name != "loss"]
        # If the right answers have a score, then so have others: what cannot be
        # monitored shows before the first epoch.
        right = targets.right_outputs(targets.encode(y))
        self._scores(right)
        for name in metrics or ():
            self._check_metric(name, right)

    def __call__(self, logits):
        """Return the scores by name."""
        chunks = logits.cpu().double().numpy().reshape(len(self.y), -1, logits.shape[1])
        return self._scores(self.targets.combine(chunks, self.aggregate))

    def _scores(self, outputs):
        with warnings.catch_warnings():
            # A tag or class that no validation row has: the score is nan there.
            warnings.simplefilter("ignore")
            return {name: self._score(name, outputs) for name in self.names}

    def _check_metric(self, name, outputs):
        """Raise where a metric is not for these targets, or lacks a class."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._compute(name, outputs)
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(
                f"metrics has {name!r}, which cannot be computed on the {len(self.y)} "
                f"clips kept apart for validation ({error}): leave it out, or, where "
                "classes or tags are missing there, raise validation_fraction."
            ) from error

    def _score(self, name, outputs):
        """Return one score; nan where it cannot be computed and is not monitored."""
        try:
            score, reason = float(self._compute(name, outputs)), None
        except (AttributeError, TypeError, ValueError) as error:
            score, reason = np.nan, error
        if name == self.monitor and not np.isfinite(score):
            raise ValueError(
                f"monitor={name!r} is {score} on the {len(self.y)} clips kept apart "
                f"for validation{f' ({reason})' if reason else ''}: set "
                "monitor='loss', or, where classes or tags are missing there, raise "
                "validation_fraction."
            ) from reason
        return score

    def _compute(self, name, outputs):
        # Imported here, since it is slow to import.
        from sklearn.metrics import average_precision_score, get_scorer, roc_auc_score

        classes = self.targets.classes
        if name in _BY_TAG and self.y.ndim == 2 and classes is not None:
            metric = {"roc_auc": roc_auc_score}.get(name, average_precision_score)
            both = np.flatnonzero((self.y.min(axis=0) == 0) & self.y.any(axis=0))
            columns = [metric(self.y[:, i], outputs[:, i]) for i in both]
            return np.mean(columns) if columns else np.nan
        if name == "roc_auc" and classes is not None and len(classes) > 2:
            name = "roc_auc_ovr"
        answers = (_Values if classes is None else _Answers)(self.targets, outputs)
        return get_scorer(name)(answers, np.empty((len(self.y), 0)), self.y)


class _Answers(ClassifierMixin, BaseEstimator):
    """A classifier that has been asked already, for scikit-learn's scorers."""

    def __init__(self, targets, logits):
        self.targets = targets
        self.logits = logits
        self.classes_ = targets.classes

    def predict(self, X):
        return self.targets.predict(self.logits)

    def predict_proba(self, X):
        return self.targets.probabilities(self.logits)

    def decision_function(self, X):
        return self.targets.decisions(self.logits)


class _Values(RegressorMixin, BaseEstimator):
    """A regressor that has been asked already."""

    def __init__(self, targets, outputs):
        self.targets = targets
        self.outputs = outputs

    def predict(self, X):
        return self.targets.predict(self.outputs)
