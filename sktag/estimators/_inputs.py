"""The arguments of `fit`, checked, and the training and validation rows."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_consistent_length

from sktag._compat import _check_sample_weight
from sktag.clips import ClipArray
from sktag.clips._inputs import as_clips_like, check_kind
from sktag.targets._checks import align_tags, tag_names
from sktag.targets._protocol import Targets
from sktag.training._data import Part


def check_bins(clips, n_bins, name):
    """Raise if spectrograms have other bins than those of training."""
    if clips.kind == "spectrogram" and clips.shape[1] != n_bins:
        raise ValueError(
            f"{name} was fitted on {n_bins} bins and is given {clips.shape[1]}: give "
            "the front-end the parameters of training."
        )


def check_length(clips, module, name):
    """Raise if clips are too short for a network."""
    # Networks of users do not say how much they need.
    least = getattr(module, "min_shape", (0,))[-1]
    if clips.shape[-1] < least:
        unit = "frames" if clips.kind == "spectrogram" else "samples"
        raise ValueError(
            f"{name} needs clips of at least {least} {unit}, these have "
            f"{clips.shape[-1]}: give longer clips, or pad them."
        )


@dataclass(frozen=True)
class Given:
    """The optional arguments of `fit` that concern validation."""

    X_val: Any = None
    y_val: Any = None
    sample_weight_val: Any = None
    groups: Any = None


class ValidationData(NamedTuple):
    """The validation data of the user: clips, checked labels and raw weights."""

    clips: ClipArray
    labels: np.ndarray
    sample_weight: Any


class FitData(NamedTuple):
    """The checked arguments of `fit`; `y` is as the user passed it."""

    clips: ClipArray
    y: Any
    labels: np.ndarray
    sample_weight: Any
    valid: ValidationData | None
    groups: Any

    def widened(self, window):
        """Return the data with clips padded to a window, where they can be."""
        valid = self.valid
        if valid is not None:
            valid = valid._replace(clips=valid.clips.widened(window))
        return self._replace(clips=self.clips.widened(window), valid=valid)


def check_validation(given, clips, y, *, check_y, as_clips, name):
    """Check the arguments of `fit` that concern validation; None without X_val.

    `check_y` returns y checked, `as_clips` a bare array as clips.
    """
    if given.groups is not None:
        check_consistent_length(clips, given.groups)
    if given.X_val is None and given.y_val is None:
        if given.sample_weight_val is not None:
            raise ValueError(
                "sample_weight_val is given without the X_val and y_val that it "
                "belongs to: give them too."
            )
        return None
    if given.X_val is None or given.y_val is None:
        raise ValueError(
            "only one of X_val and y_val is given: give both, or none "
            "(early_stopping=True then holds out validation_fraction)."
        )
    if hasattr(given.X_val, "__len__") and len(given.X_val) == 0:
        raise ValueError("X_val is empty: give clips, or no X_val.")
    labels = _check_y_val(given.y_val, y, check_y)
    try:
        is_bare = clips.in_memory and not isinstance(given.X_val, ClipArray)
        # A bare array X takes a bare array X_val.
        if is_bare:
            valid = as_clips(given.X_val)
        else:
            valid = as_clips_like(given.X_val, clips)
        check_consistent_length(valid, labels)
        check_kind(valid, clips.kind, name)
        check_bins(valid, clips.shape[1], name)
    except (TypeError, ValueError) as error:
        error.add_note(
            "This concerns X_val and y_val. If X is an array, X_val is an array that "
            "the same steps transformed; clips and paths go through the steps."
        )
        raise
    return ValidationData(valid, labels, given.sample_weight_val)


def _check_y_val(y_val, y, check_y):
    """Return y_val checked, with the columns in the order of y."""
    try:
        return check_y(align_tags(y_val, tag_names(y)))
    except (TypeError, ValueError) as error:
        error.add_note("This concerns y_val.")
        raise


class Parts(NamedTuple):
    """Training and validation rows with their targets."""

    targets: Targets
    train: Part
    valid: Part | None = None
    valid_labels: np.ndarray | None = None


def make_parts(data, codes, targets, train_rows, valid_rows):
    """Return the parts of a fit; weights have a mean of 1 over the rows of a part."""
    weights = _row_weights(data.sample_weight, codes, targets)
    mean = weights[train_rows].mean()
    if not mean > 0:
        raise ValueError(
            "the weights of all training clips are 0: sample_weight and class_weight "
            "must leave some, and y some annotated tags."
        )
    train = Part(data.clips, train_rows, codes, weights / mean)
    if data.valid is not None:
        valid = _validation_part(data.valid, targets)
        return Parts(targets, train, valid, data.valid.labels)
    if valid_rows is None:
        return Parts(targets, train)
    if not weights[valid_rows].any():
        raise ValueError(
            f"the weights of all {len(valid_rows)} held-out clips are 0, or none of "
            "their tags is annotated: raise validation_fraction, or give X_val."
        )
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
    codes = targets.encode(valid.labels, "y_val")
    weights = _row_weights(valid.sample_weight, codes, targets)
    if not weights.any():
        raise ValueError(
            "the weights of all clips of X_val are 0: sample_weight_val and "
            "class_weight must leave some, and y_val some annotated tags."
        )
    rows = np.arange(len(valid.clips))
    return Part(valid.clips, rows, codes, weights / weights.mean())
