"""Tables of parts of recordings: a row per clip, with path, offset and duration."""

from typing import Any

import numpy as np

from sktag._messages import did_you_mean
from sktag.clips._file_source import Excerpt
from sktag.clips._rows import as_paths

_COLUMNS = ("path", "offset", "duration")
# Columns of other tables of segments, which would be ignored.
_TIMES = ("start", "end", "onset", "begin", "stop")


def as_excerpts(X: Any) -> list[Excerpt] | None:
    """Return paths, or a table with the column "path", as excerpts; None for others."""
    columns = getattr(X, "columns", None)
    if columns is None or "path" not in list(columns):
        paths = as_paths(X)
        return None if paths is None else [Excerpt(path) for path in paths]
    paths = as_paths(X["path"])
    if paths is None:
        raise ValueError(
            f"the column 'path' of X holds {X['path'].iloc[0]!r}, which is no path: "
            "give the paths of audio files."
        )
    _refuse_misnamed(list(columns))
    offsets = _seconds(X, "offset", 0.0)
    durations = _seconds(X, "duration", np.nan)
    _check(paths, "offset", offsets, offsets < 0, "0 or more")
    _check(paths, "duration", durations, durations <= 0, "more than 0")
    return [
        Excerpt(path, float(offset), None if np.isnan(duration) else float(duration))
        for path, offset, duration in zip(paths, offsets, durations, strict=True)
    ]


def _refuse_misnamed(columns: list[Any]) -> None:
    """Raise if a column seems to be an offset or a duration by another name."""
    for column in set(columns) - set(_COLUMNS):
        name = str(column).lower().strip()
        close = did_you_mean(name, _COLUMNS, 0.8)
        if close:
            raise ValueError(f"the column {column!r} of X is not known.{close}")
        if name.startswith(_TIMES):
            raise ValueError(
                f"the column {column!r} of X is not known: times are given as 'offset' "
                "and 'duration', in seconds, as in X.assign(offset=X['start'], "
                "duration=X['end'] - X['start']). Drop it, or rename it, if it is no "
                "time."
            )


def _seconds(X: Any, name: str, missing: float) -> np.ndarray:
    """Return a column of seconds, missing values replaced."""
    if name not in list(X.columns):
        return np.full(len(X), missing)
    try:
        values = X[name].to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"the column {name!r} of X holds {X[name].iloc[0]!r}: it takes numbers of "
            "seconds, or NaN."
        ) from error
    return np.where(np.isnan(values), missing, values)


def _check(
    paths: list[str], name: str, values: np.ndarray, bad: np.ndarray, rule: str
) -> None:
    rows = np.flatnonzero(bad | np.isinf(values))
    if rows.size:
        raise ValueError(
            f"row {rows[0]} of X, {paths[rows[0]]!r}, has {name}={values[rows[0]]:g}: "
            f"the column {name!r} takes seconds, {rule}."
        )
