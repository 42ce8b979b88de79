"""Errors for an X that is neither clips, paths nor an array of numbers."""

from collections.abc import Iterator, Mapping, Sequence, Set
from numbers import Number
from typing import Any

import numpy as np

from sktag.clips._rows import (
    are_sequences,
    as_paths,
    is_path,
    is_sequence,
    rows_of,
    shapes_of,
)

# A 3-D array of one or two "bins" or "frames", and of more of the others than this, is
# taken for waveforms with a channel axis; a row with more "bins" for a waveform.
_MOST_FRAMES, _MOST_BINS = 2000, 10_000
# Attributes of which a container of numbers has one.
_OF_ARRAYS = ("__array__", "__array_interface__", "to_numpy", "toarray")


def refuse_waves(shape: Sequence[int], name: str) -> None:
    """Raise an error if a 2-D array of spectra looks like waveforms."""
    if shape[1] <= _MOST_BINS:
        return
    raise ValueError(
        f"{name} takes spectrograms, and X of shape {tuple(shape)} looks like "
        "waveforms: put a front-end (MelSpectrogram, ...) before it. For spectra of "
        "one frame, give ClipArray.from_array(X[:, :, np.newaxis])."
    )


def refuse_channels(shape: Sequence[int], name: str) -> None:
    """Raise an error if an array looks like waveforms with a channel axis."""
    _, n_channels, n_samples = shape
    if n_channels <= 2 and n_samples > _MOST_FRAMES:
        axis = 1
    elif n_samples <= 2 and n_channels > _MOST_BINS:
        axis = 2
    else:
        return
    raise ValueError(
        f"{name} takes mono clips, and X of shape {tuple(shape)} looks like waveforms "
        f"with a channel axis: average the channels, X.mean(axis={axis}). For "
        "spectrograms of this shape, give ClipArray.from_array(X)."
    )


def refuse_other(X: Any, name: str) -> None:
    """Raise an error for a container or content that cannot be clips."""
    taken = "paths or arrays" if name == "RawWave" else "clips or arrays"
    if isinstance(X, Mapping):
        keys = ", ".join(map(repr, list(X)[:5]))
        raise TypeError(
            f"{name} takes {taken}, and X is a {type(X).__name__} with the keys "
            f"{keys}: give a list, in the order of y."
        )
    if isinstance(X, Set | Iterator):
        raise TypeError(
            f"{name} takes {taken}, and X is a {type(X).__name__}, which cannot be "
            "indexed: give a list, in the order of y."
        )
    if is_path(X) or as_paths(X) is not None:
        raise ValueError(
            f"{name} takes clips or arrays of numbers and was given file paths: put "
            "RawWave() before it."
        )
    if shape := _shape_of_texts(X):
        taken, remedy = "clips or arrays of numbers", "put RawWave() before it"
        if name == "RawWave":
            taken, remedy = "one path per clip", "give a list of them"
        raise ValueError(
            f"{name} takes {taken}; X has shape {shape} and holds text: {remedy}, or "
            "a table of one column, or of the columns 'path', 'offset' and 'duration'."
        )
    if np.ma.is_masked(X):
        raise ValueError(
            f"{name} takes clips without missing values, and X is a masked array: "
            "fill it, X.filled(0), or leave these clips out."
        )
    rows = rows_of(X)
    if rows is None and isinstance(X, np.ndarray) and X.dtype == object:
        rows = X.tolist()
    if rows:
        _refuse_rows(rows, name)
    elif rows is not None or (isinstance(X, np.ndarray) and X.shape == (0,)):
        raise ValueError(f"X is empty: {name} needs at least one clip (0 sample(s)).")
    elif isinstance(X, np.ndarray) and X.ndim == 1:
        _refuse_one_row(name)
    elif not any(hasattr(X, attribute) for attribute in _OF_ARRAYS):
        raise TypeError(
            f"{name} takes {taken}, and X is of type {type(X).__name__}: give a list "
            "or an array, one row per clip."
        )


def _shape_of_texts(X: Any) -> tuple[int, ...] | None:
    """Return the shape of a table that holds text, else None."""
    table = X.to_numpy() if hasattr(X, "to_numpy") else X
    if not isinstance(table, np.ndarray) or table.ndim != 2 or not table.size:
        return None
    return table.shape if any(is_path(cell) for cell in table[0]) else None


def _refuse_rows(rows: list[Any], name: str) -> None:
    """Raise an error if rows are pairs, of unequal shape, or no clips at all."""
    first = rows[0]
    if isinstance(first, list | tuple) and len(first) > 1:
        if is_path(first[0]):
            raise ValueError(
                f"X[0] is {first!r}: give paths and labels separately, "
                "paths, labels = zip(*X)."
            )
        if _has_rate(first):
            raise ValueError(
                f"X[0] is a {type(first).__name__} of a waveform and its sample rate: "
                "give the waveforms alone, [wave for wave, sr in X], and the sample "
                "rate as RawWave(sr=...)."
            )
    if _has_rate(rows):
        raise ValueError(
            "X is one waveform and its sample rate: give a list of waveforms, [wave], "
            "and the sample rate as RawWave(sr=...)."
        )
    for i, row in enumerate(rows):
        if not is_sequence(row) and not isinstance(row, Number):
            raise ValueError(
                f"X[{i}] is {row!r}: {name} takes one clip per row, a path or numbers."
            )
    if isinstance(first, Number):
        _refuse_one_row(name)
    shapes = shapes_of(rows) if are_sequences(rows) else []
    if len(shapes) < 2:
        return
    if name == "RawWave":
        remedy = "give mono waveforms, 1-D arrays; average channels first"
    elif len(shapes[0]) == 1:
        remedy = "put RawWave() before it, which pads them"
    else:
        remedy = (
            "compute spectrograms in the pipeline, from waveforms that RawWave() pads"
        )
    raise ValueError(
        f"{name} takes clips of equal shape, and X has shapes {shapes[0]} and "
        f"{shapes[1]}: {remedy}."
    )


def _refuse_one_row(name: str) -> None:
    raise ValueError(
        f"Expected 2D array, got 1D array instead: {name} takes one row per clip. "
        "Reshape your data: if x is a single clip, give x[np.newaxis]."
    )


def _has_rate(pair: Sequence[Any]) -> bool:
    """Tell whether two items are a waveform and a number, in any order."""
    n_waves = sum(np.ndim(item) > 0 for item in pair if not is_path(item))
    return len(pair) == 2 and n_waves == 1 and any(isinstance(v, Number) for v in pair)
