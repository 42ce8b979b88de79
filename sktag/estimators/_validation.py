"""The rows kept apart for validation, and the scores computed on them."""

import warnings

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin


def split_rows(y, fraction, seed, *, stratify=True):
    """Split rows into those to train on and those to validate on.

    Parameters
    ----------
    y : ndarray of shape (n_clips,) or (n_clips, n_tags)
        Labels, whose shares are kept where every class has two clips or more; or
        tags.
    fraction : float in (0, 1)
        Share of the rows to validate on.
    seed : int
        Seed of the split.
    stratify : bool, default=True
        Whether to keep the shares of labels.

    Returns
    -------
    train, valid : ndarray of int
        Rows, in order.

    Raises
    ------
    ValueError
        If either would be empty.
    """
    from sklearn.model_selection import train_test_split

    rows = np.arange(len(y))
    n_valid = round(fraction * len(y))
    if not 0 < n_valid < len(y):
        raise ValueError(
            f"early_stopping with validation_fraction={fraction:g} of {len(y)} clips "
            f"leaves {n_valid} to validate on: raise validation_fraction, give more "
            "clips, or set early_stopping=False."
        )
    strata = None
    if stratify and y.ndim == 1:
        counts = np.unique(y, return_counts=True)[1]
        if counts.min() >= 2 and len(counts) <= min(n_valid, len(y) - n_valid):
            strata = y
    train, valid = train_test_split(
        rows, test_size=n_valid, random_state=seed, stratify=strata
    )
    return np.sort(train), np.sort(valid)


class ValidationScores:
    """Scores of the validation rows, of their logits.

    Parameters
    ----------
    targets : ClassTargets or TagTargets
        What turns logits into answers.
    y : ndarray of shape (n_rows,) or (n_rows, n_tags)
        Labels or tags of the validation rows.
    monitor : str
        "loss", or the name of one more scorer of scikit-learn.
    aggregate : str
        How what is said of chunks is put together.

    Raises
    ------
    ValueError
        If scikit-learn has no such scorer.
    """

    def __init__(self, targets, y, monitor, aggregate):
        from sklearn.metrics import get_scorer

        self.targets = targets
        self.y = y
        self.aggregate = aggregate
        names = dict.fromkeys([*targets.monitored, monitor])
        self.scorers = {name: get_scorer(name) for name in names if name != "loss"}

    def __call__(self, logits):
        """Return the scores by name."""
        chunks = logits.cpu().double().numpy().reshape(len(self.y), -1, logits.shape[1])
        logits = self.targets.combine(chunks, self.aggregate)
        rows = np.empty((len(self.y), 0))
        ask = _Values if self.targets.classes is None else _Answers
        answers = ask(self.targets, logits)
        with warnings.catch_warnings():
            # A tag or class that no validation row has: the score is nan there.
            warnings.simplefilter("ignore")
            return {
                name: float(scorer(answers, rows, self.y))
                for name, scorer in self.scorers.items()
            }


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
