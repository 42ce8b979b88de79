"""From any container of y to an array, with errors for content that cannot be one.

Labels are text or numbers, never both: numpy would merge 1 and "1" without a word.
Entries of a matrix that are missing, in whatever way, become NaN.
"""

from collections.abc import Iterator, Mapping, Set
from numbers import Real

import numpy as np

_REMEDIES = {
    "bytes": "decode them, [label.decode() for label in y]",
    "dates": "give text, [str(date) for date in y], or numbers",
}
_KINDS = {
    "S": "bytes",
    "V": "records",
    "M": "dates",
    "m": "dates",
}


def as_array(y):
    """Return labels or numbers, (n_clips,), or numbers (n_clips, n_columns)."""
    _refuse_containers(y)
    _refuse_repeated_columns(y)
    array = _to_numpy(y)
    if array.ndim not in (1, 2):
        raise ValueError(
            f"y has shape {array.shape}: give one label or number per clip, "
            "(n_clips,), or a row of tags or numbers per clip, (n_clips, n_columns)."
        )
    if array.ndim == 2 and array.shape[1] == 0:
        raise ValueError(
            f"y has shape {array.shape}, without columns: give a column per tag."
        )
    if len(array) == 0:
        return array
    if array.dtype.kind == "c":
        raise ValueError("Complex data not supported in y: give real numbers.")
    _refuse_kind(_KINDS.get(array.dtype.kind), array.flat[0])
    if array.ndim == 2 and array.shape[1] > 1:
        return _as_numbers(array)
    return _as_labels(array) if array.dtype.kind == "O" else array


def is_missing(label):
    """Tell whether a label is None, NaN, NaT or NA."""
    try:
        # NaN does not equal itself.
        return label is None or (np.ndim(label) == 0 and bool(label != label))
    except TypeError:  # pandas' NA has no truth value
        return True


def shown(entry):
    """Return the repr of an entry, without the type of a numpy scalar."""
    if isinstance(entry, np.datetime64 | np.timedelta64):
        return str(entry)
    return repr(entry.item() if isinstance(entry, np.generic) else entry)


def _refuse_containers(y):
    if isinstance(y, Mapping):
        keys = ", ".join(map(repr, list(y)[:5]))
        raise TypeError(
            f"y is a {type(y).__name__} with the keys {keys}: give a list of its "
            "values, in the order of X."
        )
    if isinstance(y, Set | Iterator):
        raise TypeError(
            f"y is a {type(y).__name__}, which has no fixed order or no length: give "
            "a list, in the order of X."
        )
    is_container = hasattr(y, "__len__") or hasattr(y, "__array__")
    is_scalar = isinstance(y, str | bytes) or getattr(y, "shape", None) == ()
    if is_scalar or not is_container:
        raise ValueError(
            f"y is {y!r}: give one label, number or row of tags per clip, in a list "
            "or an array."
        )


def _refuse_repeated_columns(y):
    names = list(getattr(y, "columns", ()))
    repeated = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if repeated:
        raise ValueError(
            f"y has several columns called {repeated[0]!r}: columns are matched by "
            "name, so give each a name of its own."
        )


def _to_numpy(y):
    """Return an array whose entries are as they were, with NaN for masked ones."""
    if hasattr(y, "toarray"):  # sparse
        y = y.toarray()
    if isinstance(y, np.ma.MaskedArray):
        missing = np.ma.getmaskarray(y)
        y = y.data.astype(object)
        y[missing] = None
    if isinstance(y, np.ndarray):
        return y
    if hasattr(y, "to_numpy"):  # pandas, polars
        return np.asarray(y.to_numpy())
    if hasattr(y, "__array__"):
        return np.asarray(y)
    rows = list(y)
    try:
        array = np.array(rows)
        is_text = array.ndim == 1 and all(isinstance(row, str) for row in rows)
        # Other entries stay objects: numpy makes text of numbers beside text.
        kept = array.dtype.kind in "biuf" or is_text
        return array if kept else np.array(rows, dtype=object)
    except ValueError:  # rows of unequal shapes
        array = np.empty(len(rows), dtype=object)
        array[:] = rows
        return array


def _refuse_kind(kind, example):
    if kind is not None:
        raise ValueError(
            f"y holds {kind} ({shown(example)}), and labels are text or numbers: "
            f"{_REMEDIES.get(kind, 'convert them to one of these')}."
        )


def _kind_of(label):
    """Return "numbers" or "text", what they cannot be, or None where missing."""
    if isinstance(label, str):
        return "text"
    if isinstance(label, bytes):
        return "bytes"
    if is_missing(label):
        return None
    if isinstance(label, Real | np.bool_):
        return "numbers"
    if hasattr(label, "isoformat") or isinstance(label, np.datetime64):
        return "dates"
    return type(label).__name__


def _as_labels(array):
    """Return objects as they are if they are text, else as numbers."""
    first = {}
    for row, label in enumerate(array.ravel()):
        kind = _kind_of(label)
        if isinstance(label, list | tuple | Set | Mapping | np.ndarray):
            _refuse_rows(label, row)
        if kind not in (None, "text", "numbers"):
            _refuse_kind(kind, label)
        first.setdefault(kind, (label, row))
    if {"text", "numbers"} <= set(first):
        (number, i), (text, j) = first["numbers"], first["text"]
        raise ValueError(
            f"y mixes numbers and text ({shown(number)} in row {i}, {shown(text)} in "
            f"row {j}): give all as text, [str(label) for label in y], or all as "
            "numbers."
        )
    if "numbers" not in first or None in first:
        return array
    return np.array(array.tolist())


def _refuse_rows(label, row):
    """Raise for a row that is a container itself."""
    if isinstance(label, Mapping):
        raise ValueError(
            f"y has a {type(label).__name__} in row {row}, {label!r}: give a table "
            "with one column per tag, pandas.DataFrame(list(y))."
        )
    if any(isinstance(tag, str) for tag in label) or isinstance(label, Set):
        raise ValueError(
            f"y holds a list of tags per clip, {label!r}. Convert it to an indicator "
            "matrix: sklearn.preprocessing.MultiLabelBinarizer().fit_transform(y)."
        )
    raise ValueError(
        f"y has rows of unequal length or content (row {row} is {label!r}): give one "
        "label or number per clip, or rows with one number per column."
    )


def _as_numbers(array):
    """Return a matrix of numbers, with NaN where entries are missing."""
    if array.dtype.kind in "biuf":
        return array
    missing = np.zeros(array.shape, dtype=bool)
    for place, entry in np.ndenumerate(array):
        kind = _kind_of(entry)
        if kind == "text":
            raise ValueError(
                f"y is a matrix with text ({shown(entry)} in row {place[0]}, column "
                f"{place[1]}): give a column of 0 and 1 per tag. If rows are lists "
                "of tags, use sklearn.preprocessing.MultiLabelBinarizer."
            )
        if kind not in (None, "numbers"):
            _refuse_kind(kind, entry)
        missing[place] = kind is None
    if not missing.any():
        return np.array(array.tolist())
    return np.where(missing, np.nan, array).astype(np.float64)
