"""One label a clip: softmax and cross-entropy."""

from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from scipy.special import softmax

from sktag.targets._aggregate import aggregate, safe_log
from sktag.targets._containers import shown
from sktag.targets._losses import row_losses


@dataclass(frozen=True, eq=False)
class ClassTargets:
    """Targets of a classifier of labels.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The labels, sorted.
    loss_name : str or callable, default="cross_entropy"
        What is minimised.
    weights : ndarray of shape (n_classes,), optional
        Weights of the classes; all 1 by default.
    """

    classes: np.ndarray
    loss_name: Any = "cross_entropy"
    weights: np.ndarray | None = None

    constants: ClassVar[dict[str, np.ndarray]] = {}
    monitored = ("accuracy",)

    @classmethod
    def learn(cls, y, classes=None):
        """Make targets of the labels in y, or of a list of all labels."""
        labels = np.unique(y if classes is None else classes)
        if len(labels) < 2:
            raise ValueError(
                f"y has 1 class only, {labels.tolist()[0]!r}: a classifier needs clips "
                "of at least two classes. At the first call of partial_fit give all "
                "labels, classes=[...]."
            )
        return cls(labels)

    @property
    def n_outputs(self):
        """Number of logits."""
        return len(self.classes)

    def configured(self, loss, class_weight, codes):
        """Return targets with a loss and with class weights learned from codes."""
        weights = np.ones(self.n_outputs)
        if class_weight == "balanced":
            counts = np.bincount(codes, minlength=self.n_outputs)
            weights = len(codes) / ((counts > 0).sum() * np.maximum(counts, 1))
        elif class_weight is not None:
            labels = self.classes.tolist()
            given = check_class_weight(class_weight, labels, "the classes")
            weights = np.array([given.get(label, 1.0) for label in labels])
        return replace(self, loss_name=loss, weights=weights)

    def check(self, y, name="y"):
        """Raise if y is no array of labels like the classes."""
        if y.ndim != 1:
            raise ValueError(
                f"{name} is an indicator matrix of shape {y.shape}, but the network is "
                "trained on one label per clip: give labels, or start anew with fit "
                "(warm_start=False)."
            )
        if (y.dtype.kind in "OU") != (self.classes.dtype.kind in "OU"):
            raise ValueError(
                f"{name} has labels such as {shown(y[0])}, and the classes are "
                f"{self.classes.tolist()}: give labels of one type, text or numbers."
            )

    def encode(self, y, name="y"):
        """Return labels as indices of the classes; `name` is that of y in messages."""
        self.check(y, name)
        unknown = np.setdiff1d(y, self.classes)
        if unknown.size:
            remedy = "give all labels at the first call: partial_fit takes classes=..."
            if name != "y":
                remedy = (
                    "fit learns the classes from y: add clips with these labels to X "
                    f"and y, or leave them out of {name}"
                )
            raise ValueError(
                f"{name} has labels {unknown[:5].tolist()} that are not among the "
                f"classes {self.classes.tolist()}: {remedy}."
            )
        return np.searchsorted(self.classes, y)

    def ideal_outputs(self, codes):
        """Return logits that answer every row right."""
        return np.eye(self.n_outputs)[codes]

    def row_weights(self, codes):
        """Return the weight of each row's class."""
        return np.ones(len(codes)) if self.weights is None else self.weights[codes]

    def loss(self, outputs, codes, smoothing=0.0):
        """Return the loss of each row."""
        return row_losses("labels", self.loss_name, outputs, codes, smoothing=smoothing)

    def combine(self, outputs, how):
        """Aggregate logits of chunks, (n_clips, n_chunks, n_classes), to clips."""
        if outputs.shape[1] == 1:
            return outputs[:, 0]
        # The softmax of these logits is the probabilities, scaled to a sum of 1.
        return safe_log(aggregate(softmax(outputs, axis=2), how))

    def probabilities(self, outputs):
        """Return probabilities, (..., n_classes)."""
        return softmax(outputs, axis=-1)

    answers = probabilities

    def decisions(self, outputs):
        """Return scores that rank as the probabilities do; one column if binary."""
        return outputs[:, 1] - outputs[:, 0] if self.n_outputs == 2 else outputs

    def predict(self, outputs):
        """Return the most probable label."""
        return self.classes[outputs.argmax(axis=1)]

    def scores(self, outputs):
        """Return probabilities; those of the second class where there are two."""
        probabilities = self.probabilities(outputs)
        return probabilities[:, 1] if self.n_outputs == 2 else probabilities


def check_class_weight(given, keys, what):
    """Return a dict of class weights, checked against the keys there are."""
    unknown = [key for key in given if key not in keys]
    if unknown:
        raise ValueError(
            f"class_weight has the keys {unknown}, but {what} are {keys}: leave out "
            "the keys that are not among them."
        )
    for key, weight in given.items():
        if not (isinstance(weight, Real) and 0 <= weight < np.inf):
            raise ValueError(
                f"class_weight has {weight!r} for {key!r}: weights are finite numbers "
                "of at least 0."
            )
    return given
