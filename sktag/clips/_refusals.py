"""Errors for an X that is neither clips, paths nor an array of numbers."""

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

import numpy as np

from sktag.clips._rows import are_sequences, as_paths, is_path, rows_of, shapes_of

# A 3-D array of one or two "bins" or "frames", and of more of the others than this, is
# taken for waveforms with a channel axis.
_MOST_FRAMES, _MOST_BINS = 4000, 10_000


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
    if name == "RawWave" and (shape := _shape_of_texts(X)):
        raise ValueError(
            f"RawWave takes one path per clip; X has shape {shape}: give a list of "
            "paths, or a table with one column."
        )
    if rows := rows_of(X):
        _refuse_rows(rows, name)
    elif isinstance(X, list | tuple):
        raise ValueError(f"X is empty: {name} needs at least one clip (0 sample(s)).")


def _shape_of_texts(X: Any) -> tuple[int, ...] | None:
    """Return the shape of a table that holds text, else None."""
    table = X.to_numpy() if hasattr(X, "to_numpy") else X
    if not isinstance(table, np.ndarray) or table.ndim != 2 or not table.size:
        return None
    return table.shape if any(is_path(cell) for cell in table[0]) else None


def _refuse_rows(rows: list[Any], name: str) -> None:
    """Raise an error if the rows of a list are pairs, or of unequal shape."""
    first = rows[0]
    if isinstance(first, list | tuple) and len(first) > 1:
        if is_path(first[0]):
            raise ValueError(
                f"X[0] is {first!r}: give paths and labels separately, "
                "paths, labels = zip(*X)."
            )
        if isinstance(first[0], np.ndarray) and np.ndim(first[1]) == 0:
            raise ValueError(
                f"X[0] is a {type(first).__name__} of a waveform and {first[1]!r}: "
                "give the waveforms, [wave for wave, sr in X], and the sample rate as "
                "RawWave(sr=...)."
            )
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
