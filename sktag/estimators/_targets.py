"""Labels, tags and numbers to training targets, and outputs back to answers.

Networks are trained on logits, never on probabilities: softmax and logarithm apart
have dead gradients where cross-entropy on logits has none. Probabilities are computed
in double precision, so that rows sum to one and close scores keep their order.
"""

from numbers import Real

import numpy as np
import torch
from scipy.special import expit, softmax
from torch.nn import functional

from sktag.estimators._chunks import aggregate

# Of probabilities whose logarithm is taken.
_TINY = 1e-300


class ClassTargets:
    """One label a clip: softmax and cross-entropy.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The labels, sorted.
    class_weight : dict, "balanced" or None
        Weight of each class.
    """

    monitored = ("accuracy",)

    def __init__(self, classes, class_weight=None):
        self.classes = classes
        self.class_weight = class_weight

    @property
    def n_outputs(self):
        """Number of logits."""
        return len(self.classes)

    def encode(self, y):
        """Return labels as indices of the classes."""
        if y.ndim != 1:
            raise ValueError(
                f"y is an indicator matrix of shape {y.shape}, but the network was "
                "trained on one label a clip: give labels, or start anew "
                "(warm_start=False)."
            )
        unknown = np.setdiff1d(y, self.classes)
        if unknown.size:
            raise ValueError(
                f"y has labels {unknown[:5].tolist()} that are not among the classes "
                f"{self.classes.tolist()}: give all of them at the first call "
                "(partial_fit takes classes=...)."
            )
        return np.searchsorted(self.classes, y)

    def right_outputs(self, codes):
        """Return logits whose answers are right."""
        return np.eye(self.n_outputs)[codes]

    def weigh(self, codes):
        """Learn the weight of each class from the training targets."""
        self._weights = np.ones(self.n_outputs)
        if self.class_weight == "balanced":
            counts = np.bincount(codes, minlength=self.n_outputs)
            self._weights = len(codes) / ((counts > 0).sum() * np.maximum(counts, 1))
        elif self.class_weight is not None:
            labels = self.classes.tolist()
            given = _check_class_weight(self.class_weight, labels, "the classes")
            self._weights = np.array([given.get(label, 1.0) for label in labels])

    def row_weights(self, codes):
        """Return the weight of each row's class."""
        return self._weights[codes]

    def loss(self, logits, targets, smoothing=0.0):
        """Return the loss of each row, its label smoothed."""
        return functional.cross_entropy(
            logits, targets, reduction="none", label_smoothing=smoothing
        )

    def combine(self, logits, how):
        """Return logits of clips, of those of their chunks, (n_clips, n_chunks, n)."""
        if logits.shape[1] == 1:
            return logits[:, 0]
        probabilities = aggregate(softmax(logits, axis=2), how)
        # Their softmax is the probabilities, scaled to a sum of 1.
        return np.log(np.maximum(probabilities, _TINY))

    def probabilities(self, logits):
        """Return probabilities, (n_clips, n_classes)."""
        return softmax(logits, axis=-1)

    def decisions(self, logits):
        """Return scores that rank as the probabilities do; one column if binary."""
        return logits[:, 1] - logits[:, 0] if self.n_outputs == 2 else logits

    def predict(self, logits):
        """Return the most probable label."""
        return self.classes[logits.argmax(axis=1)]


class TagTargets:
    """Any number of tags a clip: sigmoids and binary cross-entropy.

    Parameters
    ----------
    n_tags : int
        Number of tags.
    class_weight : dict, "balanced" or None
        Weight of the positives of each tag, by column; "balanced" is negatives over
        positives.
    """

    monitored = ("roc_auc", "average_precision")

    def __init__(self, n_tags, class_weight=None):
        self.n_outputs = n_tags
        self.class_weight = class_weight
        self._positive = None

    @property
    def classes(self):
        """Zero and one for each tag, (n_tags, 2), which scikit-learn's scorers take."""
        return np.tile([0, 1], (self.n_outputs, 1))

    def encode(self, y):
        """Return tags as float32."""
        if y.ndim != 2 or y.shape[1] != self.n_outputs:
            raise ValueError(
                f"y has shape {y.shape}, but the network was trained on "
                f"{self.n_outputs} tags: give an indicator matrix (n_clips, "
                f"{self.n_outputs}) of 0 and 1, or start anew (warm_start=False)."
            )
        return y.astype(np.float32)

    def right_outputs(self, tags):
        """Return logits whose answers are right."""
        return 2.0 * tags - 1

    def weigh(self, tags):
        """Learn the weight of each tag's positives from the training targets."""
        self._positive = None
        if self.class_weight == "balanced":
            n_positive = tags.sum(axis=0)
            # A tag that nobody has keeps weight 1: it has no positives to weigh.
            ratio = (len(tags) - n_positive) / np.maximum(n_positive, 1)
            self._positive = np.where(n_positive > 0, np.maximum(ratio, 1e-3), 1.0)
        elif self.class_weight is not None:
            columns = list(range(tags.shape[1]))
            given = _check_class_weight(self.class_weight, columns, "columns of tags")
            self._positive = np.array([given.get(i, 1.0) for i in columns])

    def row_weights(self, tags):
        """Return ones: it is in the loss that tags are weighed."""
        return np.ones(len(tags))

    def loss(self, logits, targets, smoothing=0.0):
        """Return the loss of each row, the mean over its tags, which are smoothed."""
        if smoothing:
            targets = targets * (1 - smoothing) + smoothing / 2
        positive = None
        if self._positive is not None:
            positive = torch.from_numpy(self._positive).to(logits.dtype)
            positive = positive.to(logits.device, non_blocking=True)
        losses = functional.binary_cross_entropy_with_logits(
            logits, targets, reduction="none", pos_weight=positive
        )
        return losses.mean(dim=1)

    def combine(self, logits, how):
        """Return logits of clips, of those of their chunks, (n_clips, n_chunks, n)."""
        if logits.shape[1] == 1:
            return logits[:, 0]
        probabilities = aggregate(expit(logits), how)
        return np.log(np.maximum(probabilities, _TINY)) - np.log1p(
            -np.minimum(probabilities, 1 - np.finfo(float).epsneg)
        )

    def probabilities(self, logits):
        """Return the probability of each tag, (n_clips, n_tags)."""
        return expit(logits)

    def decisions(self, logits):
        """Return the logits."""
        return logits

    def predict(self, logits):
        """Return the tags whose probability is above a half."""
        return (logits > 0).astype(int)


def _check_class_weight(given, keys, what):
    """Return the weights, checked."""
    unknown = [key for key in given if key not in keys]
    if unknown:
        raise ValueError(
            f"class_weight has the keys {unknown}, but {what} are {keys}: leave out "
            "what is none of them."
        )
    for key, weight in given.items():
        if not (isinstance(weight, Real) and 0 <= weight < np.inf):
            raise ValueError(
                f"class_weight has {weight!r} for {key!r}: weights are finite numbers "
                "of at least 0."
            )
    return given


def make_targets(y, class_weight=None, classes=None):
    """Choose labels or tags.

    Parameters
    ----------
    y : ndarray of shape (n_clips,) or (n_clips, n_tags)
        What `check_y` returned.
    class_weight : dict, "balanced" or None
        Weights of classes.
    classes : array of shape (n_classes,), optional
        All labels, where y may lack some.

    Returns
    -------
    ClassTargets or TagTargets
        What to do with y.

    Raises
    ------
    ValueError
        If there is one class only.
    """
    if y.ndim == 2:
        return TagTargets(y.shape[1], class_weight)
    labels = np.unique(y if classes is None else classes)
    if len(labels) < 2:
        raise ValueError(
            f"y has 1 class only, {labels.tolist()[0]!r}: a classifier needs clips of "
            "at least two classes."
        )
    return ClassTargets(labels, class_weight)


LOSSES = {
    "mse": functional.mse_loss,
    "mae": functional.l1_loss,
    "huber": functional.huber_loss,
}


class ValueTargets:
    """Numbers, one or several a clip: standardised in training, undone in answers.

    Parameters
    ----------
    y : ndarray of shape (n_clips,) or (n_clips, n_outputs)
        The values to learn from; mean and scale are theirs.
    loss : {"mse", "mae", "huber"}
        What is minimised, of the standardised values.
    """

    monitored = ("r2",)
    classes = None

    def __init__(self, y, loss):
        self.loss_name = loss
        self.is_column = y.ndim == 1
        columns = y.reshape(len(y), -1)
        self.n_outputs = columns.shape[1]
        self._mean = columns.mean(axis=0)
        scale = columns.std(axis=0)
        self._scale = np.where(scale > 0, scale, 1.0)

    def encode(self, y):
        """Return values as float32, standardised."""
        columns = y.reshape(len(y), -1)
        if columns.shape[1] != self.n_outputs:
            raise ValueError(
                f"y has shape {y.shape}, but the network was trained on "
                f"{self.n_outputs} numbers a clip: give as many, or start anew "
                "(warm_start=False)."
            )
        return ((columns - self._mean) / self._scale).astype(np.float32)

    def right_outputs(self, values):
        """Return outputs whose answers are right."""
        return values.astype(np.float64)

    def weigh(self, codes):
        """Learn nothing: values have no classes to weigh."""

    def row_weights(self, codes):
        """Return ones."""
        return np.ones(len(codes))

    def loss(self, outputs, targets, smoothing=0.0):
        """Return the loss of each row, the mean over its values; none is smoothed."""
        losses = LOSSES[self.loss_name](outputs, targets, reduction="none")
        return losses.mean(dim=1)

    def combine(self, outputs, how):
        """Return values of clips, of those of their chunks, (n_clips, n_chunks, n)."""
        return aggregate(outputs, how)

    def predict(self, outputs):
        """Return values in the unit of y."""
        values = outputs * self._scale + self._mean
        return values[:, 0] if self.is_column else values
