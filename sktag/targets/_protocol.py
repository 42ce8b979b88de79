"""What labels, tags and numbers have in common as training targets."""

from collections.abc import Mapping
from typing import Any, Protocol, Self

import numpy as np
from torch import Tensor


class Targets(Protocol):
    """Immutable: encodes y, has the loss, and decodes the outputs of the network.

    Networks are trained on logits, never on probabilities: softmax and logarithm apart
    have dead gradients where cross-entropy on logits has none. Answers are computed in
    double precision, so that rows sum to one and close scores keep their order.
    """

    # Scores that every validation reports, by scikit-learn's names.
    monitored: tuple[str, ...]

    @property
    def n_outputs(self) -> int:
        """Number of network outputs."""

    @property
    def constants(self) -> Mapping[str, np.ndarray]:
        """Arrays that turn outputs of the network into answers."""

    @property
    def classes(self) -> np.ndarray | None:
        """`classes_` of the estimator; None for numbers."""

    def configured(self, loss: Any, class_weight: Any, codes: np.ndarray) -> Self:
        """Return targets with a loss, and class weights learned from encoded rows."""

    def check(self, y: np.ndarray, name: str = "y") -> None:
        """Raise if y has another form than in training; `name` is its name."""

    def encode(self, y: np.ndarray, name: str = "y") -> np.ndarray:
        """Return y, checked, as codes for the loss."""

    def ideal_outputs(self, codes: np.ndarray) -> np.ndarray:
        """Return outputs that answer every row right."""

    def row_weights(self, codes: np.ndarray) -> np.ndarray:
        """Return the weight of each row by its class, or its share of annotations."""

    def loss(self, outputs: Tensor, codes: Tensor, smoothing: float = 0.0) -> Tensor:
        """Return the loss of each row."""

    def combine(self, outputs: np.ndarray, how: str) -> np.ndarray:
        """Aggregate outputs of chunks, (n_clips, n_chunks, n_outputs), to clips."""

    def predict(self, outputs: np.ndarray) -> np.ndarray:
        """Return answers of the form of y."""

    def answers(self, outputs: np.ndarray) -> np.ndarray:
        """Return probabilities, (..., n_classes), or numbers in the unit of y."""

    def scores(self, outputs: np.ndarray) -> np.ndarray:
        """Return what a metric ``f(y_true, y_score)`` takes as y_score."""
