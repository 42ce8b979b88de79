"""Training and validation rows with their targets and weights."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from sktag._compat import _check_sample_weight
from sktag.targets import Targets
from sktag.training import Part


class Parts(NamedTuple):
    """Training and validation rows with their targets."""

    targets: Targets
    train: Part
    valid: Part | None = None
    valid_labels: np.ndarray | None = None


def make_parts(data, codes, targets, train_rows, valid_rows):
    """Return the parts of a fit."""
    weights = _row_weights(data.sample_weight, codes, targets)
    mean = weights[train_rows].mean()
    if not mean > 0:
        raise ValueError(
            "the weights of all training clips are 0: sample_weight and class_weight "
            "must leave some."
        )
    train = Part(data.clips, train_rows, codes, weights / mean)
    if data.valid is not None:
        valid = _validation_part(data.valid, targets)
        return Parts(targets, train, valid, data.valid.labels)
    if valid_rows is None:
        return Parts(targets, train)
    valid = replace(train, rows=valid_rows)
    return Parts(targets, train, valid, data.labels[valid_rows])


def _row_weights(sample_weight, codes, targets):
    """Return the weight of each row by itself and by its class."""
    weights = _check_sample_weight(
        sample_weight, codes, dtype=np.float64, ensure_non_negative=True
    )
    return weights * targets.row_weights(codes)


def _validation_part(valid, targets):
    """Return the user's validation data as a part, of mean weight 1."""
    try:
        codes = targets.encode(valid.labels)
    except ValueError as error:
        error.add_note("This concerns y_val.")
        raise
    weights = _row_weights(valid.sample_weight, codes, targets)
    if not weights.any():
        raise ValueError(
            "the weights of all clips of X_val are 0: sample_weight_val and "
            "class_weight must leave some."
        )
    rows = np.arange(len(valid.clips))
    return Part(valid.clips, rows, codes, weights / weights.mean())
