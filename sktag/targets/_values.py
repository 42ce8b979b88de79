"""Numbers, one or several a clip: standardised in training, undone in answers."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sktag.targets._aggregate import aggregate
from sktag.targets._losses import row_losses


@dataclass(frozen=True, eq=False)
class ValueTargets:
    """Targets of a regressor.

    Parameters
    ----------
    mean, scale : ndarray of shape (n_outputs,)
        Of the numbers of the training clips.
    is_column : bool
        Whether y has one dimension, (n_clips,).
    loss_name : str or callable, default="mse"
        What is minimised, of the standardised numbers.
    """

    mean: np.ndarray
    scale: np.ndarray
    is_column: bool
    loss_name: Any = "mse"

    monitored = ("r2",)
    classes = None

    @classmethod
    def learn(cls, y):
        """Make targets of numbers, (n_clips,) or (n_clips, n_outputs)."""
        columns = y.reshape(len(y), -1)
        scale = columns.std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        return cls(columns.mean(axis=0), scale, y.ndim == 1)

    @classmethod
    def of(cls, constants):
        """Make the targets that have given `constants`."""
        mean, scale = (np.atleast_1d(constants[k]) for k in ("mean", "scale"))
        return cls(mean, scale, bool(constants["is_column"]))

    @property
    def constants(self):
        """Arrays that turn outputs of the network into numbers."""
        return {
            "mean": np.asarray(self.mean),
            "scale": np.asarray(self.scale),
            "is_column": np.asarray(self.is_column),
        }

    @property
    def n_outputs(self):
        """Numbers a clip."""
        return len(self.mean)

    def configured(self, loss, class_weight, codes):
        """Return targets with a loss; numbers have no classes to weigh or smooth."""
        return replace(self, loss_name=loss)

    def check(self, y, name="y"):
        """Raise if y has not a column for each output."""
        if y.reshape(len(y), -1).shape[1] != self.n_outputs:
            raise ValueError(
                f"{name} has shape {y.shape}, but the network was trained on "
                f"{self.n_outputs} numbers per clip: give as many, or start anew with "
                "fit (warm_start=False)."
            )

    def encode(self, y, name="y"):
        """Return numbers as float32, standardised."""
        self.check(y, name)
        columns = y.reshape(len(y), -1)
        return ((columns - self.mean) / self.scale).astype(np.float32)

    def ideal_outputs(self, codes):
        """Return outputs that answer every row right."""
        return codes.astype(np.float64)

    def row_weights(self, codes):
        """Return ones."""
        return np.ones(len(codes))

    def loss(self, outputs, codes, smoothing=0.0):
        """Return the loss of each row, the mean over its numbers."""
        return row_losses("values", self.loss_name, outputs, codes)

    def combine(self, outputs, how):
        """Aggregate numbers of chunks, (n_clips, n_chunks, n_outputs), to clips."""
        return aggregate(outputs, how)

    def answers(self, outputs):
        """Return numbers in the unit of y, (..., n_outputs)."""
        return outputs * self.scale + self.mean

    def predict(self, outputs):
        """Return numbers in the unit of y, in its shape."""
        values = self.answers(outputs)
        return values[:, 0] if self.is_column else values

    def scores(self, outputs):
        """Return the predictions."""
        return self.predict(outputs)
