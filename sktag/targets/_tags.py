"""Any number of tags a clip: sigmoids and binary cross-entropy."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.special import expit

from sktag.targets._aggregate import aggregate, safe_log
from sktag.targets._labels import check_class_weight
from sktag.targets._losses import row_losses


@dataclass(frozen=True, eq=False)
class TagTargets:
    """Targets of a tagger.

    Parameters
    ----------
    n_outputs : int
        Number of tags.
    loss_name : str or callable, default="cross_entropy"
        What is minimised.
    positive : ndarray of shape (n_tags,), optional
        Weight of the positives of each tag; all 1 by default.
    """

    n_outputs: int
    loss_name: Any = "cross_entropy"
    positive: np.ndarray | None = None

    constants: ClassVar[dict[str, np.ndarray]] = {}
    monitored = ("roc_auc", "average_precision")

    @property
    def classes(self):
        """Zero and one for each tag, (n_tags, 2), which scikit-learn's scorers take."""
        return np.tile([0, 1], (self.n_outputs, 1))

    def configured(self, loss, class_weight, codes):
        """Return targets with a loss, and weights of positives learned from codes."""
        positive = None
        if class_weight == "balanced":
            n_positive, n_negative = (codes == 1).sum(axis=0), (codes == 0).sum(axis=0)
            # A tag that no clip has keeps weight 1: it has no positives to weigh.
            ratio = n_negative / np.maximum(n_positive, 1)
            positive = np.where(n_positive > 0, np.maximum(ratio, 1e-3), 1.0)
        elif class_weight is not None:
            columns = list(range(self.n_outputs))
            given = check_class_weight(class_weight, columns, "columns of tags")
            positive = np.array([given.get(i, 1.0) for i in columns])
        return replace(self, loss_name=loss, positive=positive)

    def check(self, y, name="y"):
        """Raise if y has not a column for each tag."""
        if y.ndim != 2 or y.shape[1] != self.n_outputs:
            raise ValueError(
                f"{name} has shape {y.shape}, but the network was trained on "
                f"{self.n_outputs} tags: give an indicator matrix (n_clips, "
                f"{self.n_outputs}) of 0 and 1, or start anew with fit "
                "(warm_start=False)."
            )

    def encode(self, y, name="y"):
        """Return tags as float32, with NaN where they are not annotated."""
        self.check(y, name)
        return y.astype(np.float32)

    def ideal_outputs(self, codes):
        """Return logits that answer every row right."""
        return np.where(codes == 1, 1.0, -1.0)

    def row_weights(self, codes):
        """Return the share of annotated tags: all annotations count the same."""
        return 1 - np.isnan(codes).mean(axis=1)

    def loss(self, outputs, codes, smoothing=0.0):
        """Return the loss of each row, the mean over its annotated tags."""
        positive = None
        if self.positive is not None:
            positive = torch.from_numpy(self.positive).to(outputs.dtype)
            positive = positive.to(outputs.device, non_blocking=True)
        return row_losses(
            "tags",
            self.loss_name,
            outputs,
            codes,
            smoothing=smoothing,
            positive=positive,
        )

    def combine(self, outputs, how):
        """Aggregate logits of chunks, (n_clips, n_chunks, n_tags), to clips."""
        if outputs.shape[1] == 1:
            return outputs[:, 0]
        probabilities = aggregate(expit(outputs), how)
        return safe_log(probabilities) - np.log1p(
            -np.minimum(probabilities, 1 - np.finfo(float).epsneg)
        )

    def probabilities(self, outputs):
        """Return the probability of each tag, (..., n_tags)."""
        return expit(outputs)

    answers = probabilities

    def decisions(self, outputs):
        """Return the logits."""
        return outputs

    def predict(self, outputs):
        """Return the tags whose probability is above a half."""
        return (outputs > 0).astype(int)

    def scores(self, outputs):
        """Return the probability of each tag."""
        return self.probabilities(outputs)
