"""Checks of what users pass as y, with messages that name the remedy."""

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from sktag._messages import warn
from sktag.targets._containers import as_array, is_missing, shown

# Ways to code tags, and how to turn them into 0 and 1.
_CODINGS = {(-1, 1): "(y + 1) // 2", (0, 2): "y // 2"}


def check_any(y, n_clips=None):
    """Refuse a y that is wrong for every estimator, before any audio is read."""
    if y is None:
        return
    array = as_array(y)
    if n_clips is not None:
        check_length(array, n_clips)
    if not len(array):
        return
    if _is_column(array):
        _refuse_missing(array)
        return
    _refuse_infinite(array)
    if array.dtype.kind in "iu":
        # Numbers to predict may be -1 and 1; those are floats.
        _refuse_codings(array)
    empty = np.flatnonzero(np.isnan(array).all(axis=0))
    if empty.size:
        names = tag_names(y)
        column = int(empty[0]) if names is None else names[empty[0]]
        raise ValueError(
            f"y is NaN, not annotated, in all {len(array)} rows of column {column!r}: "
            "leave the column out, or annotate some clips."
        )


def check_length(y, n_clips):
    """Raise if y has not one row per clip."""
    if len(y) != n_clips:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: X has "
            f"{n_clips} clips and y has {len(y)} rows. Give one row of y per clip, in "
            "the same order."
        )


def check_labels(y):
    """Return the y of a classifier: labels, or tags as integers or floats with NaN."""
    y = _given(y, "a label or a row of tags")
    if _is_column(y):
        _refuse_missing(y)
        check_classification_targets(y)
        return column_or_1d(y, warn=True)
    _refuse_codings(y)
    wrong = ~(np.isnan(y) | (y == 0) | (y == 1))
    if wrong.any():
        row, column = np.argwhere(wrong)[0].tolist()
        raise ValueError(
            f"y is a matrix of other values than 0 and 1 ({y[row, column]} in row "
            f"{row}, column {column}). Tags are an indicator matrix (n_clips, n_tags) "
            "of 0, 1 and, where not annotated, NaN; one class per clip is a 1-D array."
        )
    return y if np.isnan(y).any() else y.astype(int)


def check_classes(y, classes, known):
    """Raise if `classes` of `partial_fit` does not fit y, or those known already."""
    if classes is None:
        return
    if check_labels(y).ndim == 2:
        raise ValueError(
            "classes=... lists the labels of clips, and y is a matrix of tags: leave "
            "classes out. Names of tags are the columns of a DataFrame."
        )
    found = np.unique(check_labels(classes)).tolist()
    if known is not None and found != known.tolist():
        raise ValueError(
            f"classes={found} differs from that of the first call, {known.tolist()}: "
            "the outputs of the network are built. Repeat the same classes or leave "
            "them out; for others start anew with fit."
        )


def check_values(y):
    """Return the y of a regressor: finite numbers, 1-D if there is one column."""
    y = _given(y, "a number or a row of numbers")
    _refuse_missing(y)
    if y.dtype.kind not in "biuf":
        raise ValueError(
            f"y holds text ({shown(y.flat[0])}), and a regressor takes numbers: "
            "convert y, or use a classifier for labels."
        )
    y = y.astype(np.float64)
    return column_or_1d(y, warn=True) if _is_column(y) else y


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


def warn_one_hot(y):
    """Warn if tags look like classes: exactly one in each row, of three or more."""
    if y.ndim == 2 and y.shape[1] > 2 and ((y == 1).sum(axis=1) == 1).all():
        warn(
            f"each of the {len(y)} rows of y has exactly one 1, and its "
            f"{y.shape[1]} columns are trained as independent tags. If they are "
            "classes, give labels instead, y.argmax(axis=1) (of a DataFrame "
            "y.idxmax(axis=1)); if they are tags, ignore this warning."
        )


def _is_column(y):
    return y.ndim == 1 or y.shape[1] == 1


def _given(y, what):
    """Return y as an array of at least one row."""
    if y is None:
        raise ValueError(
            f"fit requires y to be passed, but the target y is None: give {what} for "
            "each clip."
        )
    array = as_array(y)
    if not len(array):
        raise ValueError(f"y is empty: give {what} for each clip.")
    return array


def _refuse_codings(y):
    """Raise if two other values than 0 and 1 stand for absent and present tags."""
    values = np.unique(y[~np.isnan(y)])
    if len(values) == 2 and (remedy := _CODINGS.get(tuple(values.tolist()))):
        raise ValueError(
            f"y is a matrix of {values[0]} and {values[1]}, and tags are coded 0 and "
            f"1: give {remedy}. If they are numbers for a regressor, give floats."
        )


def _refuse_missing(y):
    """Raise if rows of y have no label, or numbers that are not finite."""
    if y.dtype.kind == "f":
        _refuse_rows(y, np.isnan(y), "NaN or None")
        _refuse_infinite(y)
    elif y.dtype.kind == "O":
        missing = np.array([is_missing(label) for label in y.flat])
        _refuse_rows(y, missing, "NaN or None")


def _refuse_infinite(y):
    if y.dtype.kind == "f":
        _refuse_rows(y, np.isinf(y), "infinity")


def _refuse_rows(y, wrong, what):
    rows = np.flatnonzero(wrong.reshape(len(y), -1).any(axis=1))
    if rows.size:
        raise ValueError(
            f"y contains {what} in {len(rows)} of {len(y)} rows (first in row "
            f"{rows[0]}): give these clips a label, or leave them out."
        )
