"""Checks of what users pass as y, with messages that name the remedy."""

import numpy as np
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_array


def check_labels(y):
    """Check the y of a classifier."""
    _refuse_none(y, "a label or a row of tags")
    y = y.toarray() if hasattr(y, "toarray") else y
    _refuse_lists_of_tags(y)
    _refuse_missing(y)
    if isinstance(y, np.ndarray) and y.dtype.kind == "f":
        assert_all_finite(y, input_name="y")
    kind = type_of_target(y, input_name="y")
    if kind == "multilabel-indicator":
        return check_array(y, input_name="y", dtype=int)
    check_classification_targets(y)
    if kind == "multiclass-multioutput":
        raise ValueError(
            "y is a matrix of other values than 0 and 1. Tags are an indicator matrix "
            "(n_clips, n_tags) of 0 and 1; a class a clip is a 1-D array."
        )
    return column_or_1d(y, warn=True)


def check_values(y):
    """Check the y of a regressor: finite numbers, 1-D if there is one column."""
    _refuse_none(y, "a number or a row of numbers")
    y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
    return column_or_1d(y, warn=True) if y.ndim < 2 or y.shape[1] == 1 else y


def tag_names(y):
    """Return the columns of a DataFrame of tags, (n_tags,), or None."""
    columns = getattr(y, "columns", None)
    return None if columns is None else np.asarray(columns, dtype=object)


def align_tags(y, names):
    """Return tags in a known order."""
    given = tag_names(y)
    if names is None or given is None or len(names) < 2:
        return y
    if set(given) != set(names):
        raise ValueError(
            f"y has the columns {list(given)}, but the tags are {list(names)}: give "
            "the same tags, in any order."
        )
    return y[list(names)]


def _refuse_none(y, what):
    if y is None:
        raise ValueError(
            f"fit requires y to be passed, but the target y is None: give {what} for "
            "each clip."
        )


def _refuse_lists_of_tags(y):
    """Raise if each row of y is a list of tag names."""
    rows = getattr(y, "values", y)
    if not hasattr(rows, "__len__") or len(rows) == 0:
        return
    if getattr(rows, "ndim", 1) != 1:
        return
    first = rows[0]
    if isinstance(first, (set, frozenset)) or (
        isinstance(first, (list, tuple)) and any(isinstance(t, str) for t in first)
    ):
        raise ValueError(
            f"y holds a list of tags a clip, {first!r}. Convert it to an indicator "
            "matrix: sklearn.preprocessing.MultiLabelBinarizer().fit_transform(y)."
        )


def _refuse_missing(y):
    """Raise if rows of y have no label."""
    labels = np.asarray(y, dtype=object)
    if labels.shape[1:] not in ((), (1,)):
        return
    labels = labels.ravel()
    rows = [i for i, label in enumerate(labels) if _is_missing(label)]
    if rows:
        raise ValueError(
            f"y contains NaN or None in {len(rows)} of {len(labels)} rows (first in "
            f"row {rows[0]}): give these clips a label, or leave them out."
        )


def _is_missing(label):
    try:
        # NaN does not equal itself.
        return label is None or (np.ndim(label) == 0 and bool(label != label))
    except TypeError:  # pandas' NA has no truth value
        return True
