"""Paths, folders of files, and more clips of the same kind, to clips."""

import os
import warnings
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from sktag.clips._array import ClipArray
from sktag.clips._audio import AudioInfo, probe_many
from sktag.clips._sources import FileSource

AUDIO_EXTENSIONS = (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif", ".au")


def audio_files(
    folder: str | os.PathLike[str], extensions: tuple[str, ...] = AUDIO_EXTENSIONS
) -> list[Path]:
    """List the audio files in a folder and its sub-folders, without hidden ones.

    Parameters
    ----------
    folder : str or Path
        Where to look.
    extensions : tuple of str
        Endings of the names, with the dot, in lower case.

    Returns
    -------
    list of Path
        The files, sorted.
    """
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(parent, name)
            for name in files
            if not name.startswith(".") and name.lower().endswith(extensions)
        ]
    return sorted(found)


def as_paths(X: Any) -> list[str] | None:
    """Return X as a list of absolute paths, or None if it does not hold paths.

    Parameters
    ----------
    X : object
        What the user gave: list, tuple, array, Series or DataFrame of one column.

    Returns
    -------
    list of str or None
        The paths.

    Raises
    ------
    ValueError
        If X is one path, or some of it is none.
    """
    if isinstance(X, ClipArray):
        return None
    if isinstance(X, (str, os.PathLike)):
        raise ValueError(
            f"X={str(X)!r} is one path: give a list of paths, [{str(X)!r}]."
        )
    items = X
    if hasattr(X, "to_numpy"):
        items = X.to_numpy()
    if isinstance(items, np.ndarray):
        if items.dtype.kind not in "OU":
            return None
        if items.ndim == 2 and items.shape[1] == 1:
            items = items[:, 0]
        if items.ndim != 1:
            return None
    elif not isinstance(items, (list, tuple)):
        return None
    is_path = [isinstance(item, (str, os.PathLike)) for item in items]
    if not any(is_path):
        return None
    if not all(is_path):
        row = is_path.index(False)
        raise ValueError(
            f"X holds paths, but row {row} is {items[row]!r}: drop it or give its path."
        )
    return [os.path.abspath(item) for item in items]


def open_files(
    paths: list[str],
    sr: int,
    n_samples: int | None = None,
    *,
    on_error: str = "raise",
    n_threads: int | None = None,
    **options: Any,
) -> tuple[ClipArray, np.ndarray]:
    """Read the headers of files and return them as clips.

    Parameters
    ----------
    paths : list of str
        The files.
    sr : int
        Sample rate of the clips, in Hz.
    n_samples : int, optional
        Length of the clips; that of the longest by default.
    on_error : {"raise", "warn", "silence"}, default="raise"
        What to do with a file that cannot be opened.
    n_threads : int, optional
        Files opened at a time.
    **options
        As for :class:`FileSource`.

    Returns
    -------
    clips : ClipArray
        The files.
    failed : ndarray of int
        Rows of those that cannot be opened, which are silent.
    """
    infos: list[AudioInfo] = []
    failed: list[int] = []
    for path, info in zip(paths, probe_many(paths, n_threads), strict=True):
        if isinstance(info, Exception):
            if on_error == "raise":
                raise info
            if on_error == "warn":
                warnings.warn(f"{info} Silence stands in for it.", stacklevel=2)
            failed.append(len(infos))
            if len(failed) == len(paths):
                raise info  # there is nothing to go on with
            info = AudioInfo(
                path=path,
                size=0,
                mtime_ns=0,
                sample_rate=sr,
                n_channels=1,
                n_frames=0,
                format="",
                subtype="",
            )
        infos.append(info)
    if n_samples is None:
        offset = options.get("offset", 0.0)
        n_samples = max(info.n_samples(sr, offset) for info in infos)
    source = FileSource(
        infos, sr, n_samples, on_error=on_error, n_threads=n_threads, **options
    )
    return ClipArray(source), np.array(failed, dtype=int)


def as_clips_like(X: Any, clips: ClipArray) -> ClipArray:
    """Return X as clips that went the way of others, but for what is random in it.

    Parameters
    ----------
    X : list of paths, array, or ClipArray
        Paths where the others are of files, an array where they are of an array; or
        clips, to which the ops are done that they lack.
    clips : ClipArray
        The others.

    Returns
    -------
    ClipArray
        Clips that carry no random ops.

    Raises
    ------
    ValueError
        If X cannot go that way.
    """
    ops = [op for op in clips.ops if not op.random]
    source = clips._source
    paths = as_paths(X)
    if isinstance(X, ClipArray):
        if X.sample_rate != clips.sample_rate:
            raise ValueError(
                f"the clips are at {X.sample_rate} Hz, those of training at "
                f"{clips.sample_rate} Hz: read them at the same rate."
            )
        done = [op for op in X.ops if not op.random]
        out = ClipArray(X._source, X._key, tuple(done))
        if joblib.hash(done) != joblib.hash(ops[: len(done)]):
            raise ValueError(
                f"{out!r} went another way than the clips of training, {clips!r}: give "
                "paths, or clips of the same steps."
            )
        ops = ops[len(done) :]
    elif paths is not None:
        if not isinstance(source, FileSource):
            raise ValueError(
                "these are paths, but the clips of training are of an array: give an "
                "array, or train on paths too."
            )
        out = open_files(paths, **source.options)[0]
    else:
        if isinstance(source, FileSource):
            raise ValueError(
                "this is an array, but the clips of training are of files: give paths, "
                "or clips that the same steps made of the array."
            )
        out = ClipArray.from_array(
            X,
            sample_rate=source.sample_rate,
            hop_length=source.hop_length,
            frequencies=source.frequencies,
        )
    for op in ops:
        out = out.map(op)
    return out
