"""Waveforms in audio files, decoded on demand."""

import errno
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from sktag._config import get_config
from sktag.clips._audio import (
    AudioInfo,
    UnreadableAudio,
    decode,
    probe_many,
    stat_key,
)
from sktag.clips._cache import DECODED, DiskCache, Key
from sktag.clips._report import note, one_report
from sktag.clips._sources import Rows, fill

# Why rows could not be read, in this process.
_FAILURES: dict["Excerpt", Exception] = {}
# Codecs that are always decoded from the beginning of the file.
_UNSEEKABLE = ("MPEG", "OPUS", "AV ")
# Too many open files, no memory, no space: no file is to blame.
_OF_SYSTEM = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC)


class Excerpt(NamedTuple):
    """A file, or a part of it in seconds; to its end if `duration` is None."""

    path: str
    offset: float = 0.0
    duration: float | None = None


class FileSource:
    """Files, or parts of files, decoded on demand.

    With ``n_samples=None`` each row is as long as its sound, which the headers tell.
    Otherwise no header is read before a file is decoded, unless `lengths` is asked for.
    """

    noun: str = "files"
    kind: str = "wave"
    hop_length: int | None = None
    frequencies: np.ndarray | None = None

    def __init__(
        self,
        excerpts: Sequence[Excerpt],
        sr: int,
        n_samples: int | None,
        *,
        offset: float = 0.0,
        pad: str = "zero",
        on_error: str = "raise",
        memory: str | None = None,
        n_threads: int | None = None,
    ) -> None:
        self.excerpts = list(excerpts)
        self.options: dict[str, Any] = {
            "sr": sr,
            "n_samples": n_samples,
            "offset": offset,
            "pad": pad,
            "on_error": on_error,
            "memory": memory,
            "n_threads": n_threads,
        }
        self.sample_rate: float | None = sr
        self._sr = sr
        self._n_samples = n_samples
        self._pad = pad
        self._on_error = on_error
        self._disk = None if memory is None else DiskCache(memory)
        self._n_threads = n_threads

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of rows, and number of samples of the longest."""
        n = self._n_samples
        if n is None:
            n = int(self._sound.max(initial=1))
        return len(self.excerpts), n

    @property
    def lengths(self) -> np.ndarray:
        """Number of samples that each row has of its file, according to the header."""
        n = self._n_samples
        return self._sound if n is None else np.minimum(self._sound, n)

    @property
    def widths(self) -> np.ndarray | None:
        """Number of samples of each row, if they have lengths of their own."""
        return np.maximum(self._sound, 1) if self._n_samples is None else None

    @property
    def failed(self) -> np.ndarray:
        """Rows that could not be read, as far as they have been."""
        return np.flatnonzero([row in _FAILURES for row in self.excerpts])

    def check(self) -> list[Exception]:
        """Return the errors of files that are not there, or have no valid header."""
        if self._n_samples is None:
            _ = self._sound
        else:
            paths = dict.fromkeys(row.path for row in self.excerpts)
            errors = {path: _missing(path) for path in paths}
            for row in self.excerpts:
                self._note(row, errors[row.path])
        return [_FAILURES[self.excerpts[i]] for i in self.failed]

    @cached_property
    @one_report()
    def _sound(self) -> np.ndarray:
        """Number of samples from the beginning of each row to its end."""
        paths = list(dict.fromkeys(row.path for row in self.excerpts))
        infos = dict(zip(paths, probe_many(paths, self._n_threads), strict=True))
        for path, info in infos.items():
            if not isinstance(info, Exception):
                note((path, *_stat_now(path)), "ok")
        lengths = np.zeros(len(self.excerpts), dtype=np.int64)
        for i, row in enumerate(self.excerpts):
            info = infos[row.path]
            if not isinstance(info, Exception):
                lengths[i] = self._n_sound(row, info)
            elif self._on_error == "raise":
                raise info
            else:
                self._note(row, info)
        return lengths

    def _n_sound(self, row: Excerpt, info: AudioInfo) -> int:
        start, most = self._extent(row)
        n = max(0, info.n_samples(self._sr) - start)
        return n if most is None else min(n, most)

    def _extent(self, row: Excerpt) -> tuple[int, int | None]:
        """Return the first sample of a row in its file, and how many there may be."""
        offset = round(self.options["offset"] * self._sr)
        start = round(row.offset * self._sr)
        if row.duration is None:
            return start + offset, None
        return start + offset, max(0, round(row.duration * self._sr) - offset)

    @one_report()
    def read_into(
        self,
        outs: Rows,
        rows: np.ndarray,
        starts: np.ndarray | None = None,
        n_threads: int | None = None,
    ) -> None:
        """Decode some rows, or a part of each row, several files at a time."""

        def read_row(i: int) -> None:
            start = None if starts is None else int(starts[i])
            self._read_row(outs[i], self.excerpts[rows[i]], start)

        n_threads = min(n_threads or self._n_threads or _n_cpus(), len(rows))
        if n_threads > 1:
            with ThreadPoolExecutor(n_threads) as pool:
                list(pool.map(read_row, range(len(rows))))
        else:
            for i in range(len(rows)):
                read_row(i)

    def _read_row(self, out: np.ndarray, row: Excerpt, start: int | None) -> None:
        """Fill a row, or a part of it, with its sound, or else with silence."""
        try:
            samples, first = self._samples(row, start, len(out))
        except (OSError, ValueError) as error:
            if self._on_error == "raise" or not _is_of_file(error):
                raise
            self._note(row, error)
            out[:] = 0
            return
        self._note(row, None)
        fill(out, samples, self._pad, (start or 0) - first)

    def _note(self, row: Excerpt, error: Exception | None) -> None:
        """Remember whether a row failed."""
        if error is None:
            _FAILURES.pop(row, None)
            return
        _FAILURES[row] = error
        if self._on_error == "warn":
            key = (row.path, *_stat_now(row.path))
            note(key, "failed", f"{error} It is replaced by silence.")

    def _samples(
        self, row: Excerpt, start: int | None, width: int
    ) -> tuple[np.ndarray, int]:
        """Return samples of a row, and the column at which they begin.

        They come from a cache, or are decoded and cached. If the cache has no room for
        all files, only the part is decoded, and not cached.
        """
        first, most = self._extent(row)
        if self._n_samples is not None:
            most = self._n_samples if most is None else min(most, self._n_samples)
        if most == 0:
            return np.zeros(0, dtype=np.float32), 0
        # Check the file again, so that a cache never returns its old content.
        stat = stat_key(row.path)
        key: Key = (row.path, *stat, self._sr, first, most)
        cache = self._disk or DECODED
        samples = cache.get(key)
        if samples is not None:
            return samples, 0
        info = None
        if first or start is not None or row.duration is not None:
            info = _probed(row.path)
            if self._n_sound(row, info) == 0:
                end = info.n_samples(self._sr) / self._sr
                what = f"{row.path!r} ends at {end:g} s, and a clip of it begins at"
                note(
                    (row, *stat),
                    "suspect",
                    f"{what} {first / self._sr:g} s. It is silent: lower its offset, "
                    "or leave it out.",
                )
                return np.zeros(0, dtype=np.float32), 0
        if info is not None and start is not None and not self._fits_cache():
            n = self._n_sound(row, info)
            n = n if most is None else min(n, most)
            part = self._decode_part(row.path, first, start, width, n)
            if part is not None:
                return part, start
        if info is not None and self._shares_decode(row, info):
            whole_key: Key = (row.path, *stat, self._sr, 0, None)
            whole = DECODED.get(whole_key)
            if whole is None:
                whole = decode(row.path, self._sr)
                DECODED.put(whole_key, whole)
            return whole[first : None if most is None else first + most], 0
        samples = decode(row.path, self._sr, offset=first / self._sr, n_samples=most)
        cache.put(key, samples)
        return samples, 0

    def _shares_decode(self, row: Excerpt, info: AudioInfo) -> bool:
        """Tell whether to decode a file whole, for all the rows that are parts of it.

        Some codecs are decoded from the beginning for any part.
        """
        n_bytes = 4 * info.n_samples(self._sr)
        return (
            row.duration is not None
            and info.subtype.startswith(_UNSEEKABLE)
            and n_bytes <= get_config()["decode_cache_bytes"] // 2
        )

    def _fits_cache(self) -> bool:
        n_samples = self._n_samples
        total = (
            int(self._sound.sum())
            if n_samples is None
            else n_samples * len(self.excerpts)
        )
        return self._disk is not None or 4 * total <= get_config()["decode_cache_bytes"]

    def _decode_part(
        self, path: str, first: int, start: int, width: int, n: int
    ) -> np.ndarray | None:
        """Decode a part of a row of `n` samples; None if the whole row is needed."""
        missing = start + width - n
        if missing > 0 and self._pad == "repeat":
            return None  # the padding is the beginning of the row
        if start >= n:
            return np.zeros(0, dtype=np.float32)
        n_samples = min(width, n - start)
        # If the file ends before its header says, reading the whole file reports it.
        with suppress(ValueError):
            offset = (first + start) / self._sr
            part = decode(path, self._sr, offset=offset, n_samples=n_samples)
            is_short = len(part) < n_samples
            return None if is_short and self._pad == "repeat" else part
        return None

    def take(self, rows: np.ndarray) -> "FileSource":
        """Return a source of some of the rows."""
        taken = FileSource([self.excerpts[i] for i in rows], **self.options)
        if "_sound" in vars(self):
            vars(taken)["_sound"] = self._sound[rows]
        return taken

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the current state of the files: a changed file changes the pickle."""
        paths = dict.fromkeys(row.path for row in self.excerpts)
        stats = [(path, *_stat_now(path)) for path in paths]
        # Tuples of plain values pickle alike whether or not rows share a string.
        rows = [tuple(row) for row in self.excerpts]
        # The number of threads changes no sample, so it is not part of the identity.
        return _restore_files, (rows, {**self.options, "n_threads": None}, stats)


def _restore_files(
    rows: list[tuple[Any, ...]], options: dict[str, Any], stats: list[Any]
) -> FileSource:
    return FileSource([Excerpt(*row) for row in rows], **options)


def _is_of_file(error: Exception) -> bool:
    """Tell whether an error is the fault of a file, not of the system or the caller."""
    if isinstance(error, OSError):
        return error.errno not in _OF_SYSTEM
    return isinstance(error, UnreadableAudio)


def _missing(path: str) -> Exception | None:
    """Return the error of a file that is not there, or is no file."""
    try:
        stat_key(path)
    except (OSError, ValueError) as error:
        if _is_of_file(error):
            return error
        raise
    return None


def _stat_now(path: str) -> tuple[int, ...]:
    try:
        return tuple(stat_key(path))
    except (OSError, ValueError):
        return ()  # it is gone; reading it raises the error


def _probed(path: str) -> AudioInfo:
    [info] = probe_many([path], 1)
    if isinstance(info, Exception):
        raise info
    return info


def _n_cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
