"""Keys that index rows."""

from typing import Any

import numpy as np


def row_numbers(key: Any, n_rows: int) -> np.ndarray:
    """Return the rows that a key selects, as numpy would."""
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
