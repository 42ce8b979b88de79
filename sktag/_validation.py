"""Checks of arrays that transformers and estimators share."""

import numpy as np
from sklearn.utils.validation import validate_data


def validate_array(estimator, X, *, reset):
    """Return X as a finite float32 array, and check or set ``n_features_in_``.

    Parameters
    ----------
    estimator : BaseEstimator
        What was given X.
    X : array-like of 2 or 3 dimensions
        What the user gave.
    reset : bool
        Whether to set ``n_features_in_``, as in `fit`, or to check it.

    Returns
    -------
    ndarray of float32
        The array, C-contiguous.

    Raises
    ------
    ValueError
        If X holds file paths, has 1 dimension, or has numbers that are not finite.
    """
    name = type(estimator).__name__
    _refuse_paths(X, name)
    if isinstance(X, np.ndarray) and X.ndim == 1 and X.dtype.kind in "fiu":
        raise ValueError(
            f"Expected 2D array, got 1D array instead: {name} takes one row a clip. "
            "Reshape your data: if x is a single clip, give x[np.newaxis]."
        )
    X = validate_data(
        estimator,
        X,
        dtype=np.float32,
        allow_nd=True,
        order="C",
        ensure_all_finite=False,
        reset=reset,
    )
    bad = ~np.isfinite(X).reshape(len(X), -1).all(axis=1)
    if bad.any():
        rows = np.flatnonzero(bad)
        raise ValueError(
            f"X contains NaN or infinity in {len(rows)} of {len(X)} clips (first in "
            f"clip {rows[0]}): {name} takes finite float32 numbers. Leave these clips "
            "out, or mend them with np.nan_to_num."
        )
    return X


def _refuse_paths(X, name):
    """Raise where file paths were given to a step that takes clips."""
    first = X[0] if isinstance(X, (list, tuple)) and X else X
    is_path = isinstance(first, str) or hasattr(first, "__fspath__")
    if is_path or getattr(getattr(X, "dtype", None), "kind", None) == "U":
        if name == "RawWave":
            raise ValueError(
                f"RawWave takes one path a clip; X has shape {np.shape(X)}: give a "
                "list of paths, or a table with one column."
            )
        raise ValueError(
            f"{name} takes clips or arrays of numbers and was given file paths: put "
            "RawWave() before it."
        )
