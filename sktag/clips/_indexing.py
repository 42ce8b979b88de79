"""Keys that index rows."""

from typing import Any

import numpy as np


def row_numbers(key: Any, n_rows: int) -> np.ndarray:
    """Return the rows that a key selects, as numpy would.

    Parameters
    ----------
    key : int, slice, list or array of int or bool, or (key, Ellipsis)
        Rows; scikit-learn adds an Ellipsis.
    n_rows : int
        Number of rows.

    Returns
    -------
    ndarray of int of shape (n,) or ()
        Row numbers; a scalar for an integer.

    Raises
    ------
    IndexError
        If the key is out of range, or indexes more than rows.
    """
    if isinstance(key, tuple):
        if not key or not all(map(_is_everything, key[1:])):
            raise IndexError(
                f"clips are indexed by rows only, not by {key!r}: index "
                "np.asarray(clips) for bins, frames or samples."
            )
        key = key[0]
    rows: np.ndarray = np.arange(n_rows)[key]
    if rows.ndim > 1:
        raise IndexError(
            f"clips are indexed by rows only, and the key has {rows.ndim} dimensions."
        )
    return rows


def _is_everything(key: Any) -> bool:
    return key is Ellipsis or (isinstance(key, slice) and key == slice(None))
