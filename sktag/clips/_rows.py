"""Rows of lists and tables: paths, or waveforms of unequal length."""

import os
from typing import Any

import numpy as np
from sklearn.utils.validation import check_array

from sktag._torch import as_array
from sktag.clips._integers import refuse_integers


def as_paths(X: Any) -> list[str] | None:
    """Return X as a list of absolute paths, or None if it does not hold paths."""
    if is_path(X):
        shown = os.fsdecode(X)
        raise ValueError(f"X={shown!r} is one path: give a list of paths, [{shown!r}].")
    rows = rows_of(X)
    if rows is None:
        return None
    found = [is_path(row) for row in rows]
    if not any(found):
        return None
    if not all(found):
        row = found.index(False)
        raise ValueError(
            f"X holds paths, but row {row} is {rows[row]!r}: drop it or give its path."
        )
    paths = [os.fsdecode(row) for row in rows]
    if "" in paths:
        raise ValueError(
            f"X holds paths, but row {paths.index('')} is empty: drop it or give its "
            "path."
        )
    return [_absolute(path) for path in paths]


def as_waves(X: Any) -> list[np.ndarray] | None:
    """Return X as 1-D float32 arrays if it is a list of waveforms, else None."""
    rows = rows_of(X)
    if not rows or not are_sequences(rows):
        return None
    is_ragged = len(shapes_of(rows)) > 1
    if not is_ragged and not all(isinstance(row, np.ndarray) for row in rows):
        return None
    arrays = [np.asarray(row) for row in rows]
    if any(array.ndim != 1 or array.dtype.kind in "OSU" for array in arrays):
        return None
    for array in arrays:
        refuse_integers(array.dtype, "RawWave")
    return [
        check_array(row, dtype=np.float32, ensure_2d=False, input_name=f"X[{i}]")
        for i, row in enumerate(arrays)
    ]


def _absolute(path: str) -> str:
    """Return an absolute path to the file that the system would open."""
    if os.pardir in path.split(os.sep):
        # Where a folder before ".." is a link, ".." is not the folder before it.
        return str(os.path.join(os.getcwd(), path))
    return os.path.abspath(path)


def is_path(value: Any) -> bool:
    """Tell whether a value is a path: str, bytes or Path."""
    return isinstance(value, str | bytes | os.PathLike)


def rows_of(X: Any) -> list[Any] | None:
    """Return the rows of a list, a 1-D object array or a table of one column."""
    if hasattr(X, "to_numpy"):
        X = X.to_numpy()
    if isinstance(X, np.ndarray):
        if X.dtype.kind not in "OUS":
            return None
        if X.ndim == 2 and X.shape[1] == 1:
            X = X[:, 0]
        return list(map(as_array, X)) if X.ndim == 1 else None
    return list(map(as_array, X)) if isinstance(X, list | tuple) else None


def is_sequence(row: Any) -> bool:
    """Tell whether a row is a list, a tuple or an array."""
    return isinstance(row, list | tuple) or (
        isinstance(row, np.ndarray) and row.ndim > 0
    )


def are_sequences(rows: list[Any]) -> bool:
    """Tell whether all rows are lists, tuples or arrays."""
    return all(map(is_sequence, rows))


def shapes_of(rows: list[Any]) -> list[tuple[int, ...]]:
    """Return the different shapes of rows, of lists their lengths only."""
    shapes = (r.shape if isinstance(r, np.ndarray) else (len(r),) for r in rows)
    return list(dict.fromkeys(shapes))
