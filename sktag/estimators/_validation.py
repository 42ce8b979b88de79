"""The rows kept apart for validation, and the scores computed on them."""

import warnings

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin


def split_rows(y, fraction, seed):
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
    stratify = None
    if y.ndim == 1:
        counts = np.unique(y, return_counts=True)[1]
        if counts.min() >= 2 and len(counts) <= min(n_valid, len(y) - n_valid):
            stratify = y
    train, valid = train_test_split(
        rows, test_size=n_valid, random_state=seed, stratify=stratify
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

    Raises
    ------
    ValueError
        If scikit-learn has no such scorer.
    """

    def __init__(self, targets, y, monitor):
        from sklearn.metrics import get_scorer

        self.targets = targets
        self.y = y
        names = dict.fromkeys([*targets.monitored, monitor])
        self.scorers = {name: get_scorer(name) for name in names if name != "loss"}

    def __call__(self, logits):
        """Return the scores by name."""
        logits = logits.cpu().double().numpy()
        rows = np.empty((len(self.y), 0))
        answers = _Answers(self.targets, logits)
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
