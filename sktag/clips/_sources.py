"""Sources of the rows of a ClipArray: audio files, or an array in memory.

A source is immutable and picklable. Its pickle is its identity: the numbers of an
array, or the paths, sizes and modification times that files have *now*.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Protocol

import numpy as np

from sktag._config import get_config
from sktag._messages import warn
from sktag.clips._audio import AudioInfo, decode, probe, stat_key
from sktag.clips._cache import DECODED, DiskCache, Key


class Source(Protocol):
    """Interface of the sources of a ClipArray."""

    noun: str
    kind: str
    sample_rate: float | None
    hop_length: int | None
    frequencies: np.ndarray | None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of all rows, known without reading any."""

    @property
    def lengths(self) -> np.ndarray:
        """Number of columns of each row that are not padding."""

    def read(
        self,
        rows: np.ndarray,
        n_threads: int | None = None,
        starts: np.ndarray | None = None,
        width: int | None = None,
    ) -> np.ndarray:
        """Return some rows as a new float32 array. Only this method reads.

        With `starts` and `width`, only that part of each row.
        """

    def take(self, rows: np.ndarray) -> "Source":
        """Return a source of some of the rows."""


class ArraySource:
    """Rows of an array in memory."""

    noun: str = "arrays"

    def __init__(
        self,
        array: np.ndarray,
        sample_rate: float | None,
        lengths: np.ndarray | None = None,
        hop_length: int | None = None,
        frequencies: np.ndarray | None = None,
    ) -> None:
        self._array = array
        self._lengths = lengths
        self.kind = "wave" if array.ndim == 2 else "spectrogram"
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        self.frequencies = frequencies

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self._array.shape

    @property
    def lengths(self) -> np.ndarray:
        """True lengths; the length of the array if none were given."""
        if self._lengths is None:
            return np.full(self.shape[0], self.shape[-1])
        return self._lengths

    def read(
        self,
        rows: np.ndarray,
        n_threads: int | None = None,
        starts: np.ndarray | None = None,
        width: int | None = None,
    ) -> np.ndarray:
        """Copy some rows, or a part of each row."""
        if starts is None or width is None:
            picked: np.ndarray = self._array[rows]
            return picked
        parts = zip(rows, starts, strict=True)
        return np.stack([self._array[row, ..., s : s + width] for row, s in parts])

    def take(self, rows: np.ndarray) -> "ArraySource":
        """Return a source that holds only some of the rows."""
        lengths = None if self._lengths is None else self._lengths[rows]
        return ArraySource(
            self._array[rows],
            self.sample_rate,
            lengths,
            self.hop_length,
            self.frequencies,
        )


class FileSource:
    """Waveforms in audio files, decoded on demand."""

    noun: str = "files"
    kind: str = "wave"
    hop_length: int | None = None
    frequencies: np.ndarray | None = None

    def __init__(
        self,
        infos: Sequence[AudioInfo],
        sr: int,
        n_samples: int,
        *,
        offset: float = 0.0,
        pad: str = "zero",
        on_error: str = "raise",
        memory: str | None = None,
        n_threads: int | None = None,
    ) -> None:
        self._infos = list(infos)
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
        self._n_samples = n_samples
        self._offset = offset
        self._pad = pad
        self._on_error = on_error
        self._disk = None if memory is None else DiskCache(memory)
        self._n_threads = n_threads

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of files, and number of samples in a row."""
        return (len(self._infos), self._n_samples)

    @property
    def lengths(self) -> np.ndarray:
        """Number of samples that each file fills, according to its header."""
        sr, offset = self.options["sr"], self._offset
        lengths = [info.n_samples(sr, offset) for info in self._infos]
        return np.minimum(np.array(lengths, dtype=np.int64), self._n_samples)

    @property
    def paths(self) -> list[str]:
        """The files."""
        return [info.path for info in self._infos]

    def read(
        self,
        rows: np.ndarray,
        n_threads: int | None = None,
        starts: np.ndarray | None = None,
        width: int | None = None,
    ) -> np.ndarray:
        """Decode some rows, or a part of each row, several files at a time."""
        out = np.empty((len(rows), width or self._n_samples), dtype=np.float32)

        def read_row(i: int) -> Exception | None:
            start = None if starts is None else int(starts[i])
            return self._read_row(out[i], self._infos[rows[i]], start)

        n_threads = min(n_threads or self._n_threads or _n_cpus(), len(rows))
        if n_threads > 1:
            with ThreadPoolExecutor(n_threads) as pool:
                errors = list(pool.map(read_row, range(len(rows))))
        else:
            errors = [read_row(i) for i in range(len(rows))]
        if self._on_error == "warn":
            for error in filter(None, errors):
                warn(f"{error} It is replaced by silence.")
        return out

    def _read_row(
        self, out: np.ndarray, info: AudioInfo, start: int | None
    ) -> Exception | None:
        """Fill a row, or a part of it; return the error if it becomes silence."""
        try:
            samples, first = self._samples(info, start, len(out))
        except (OSError, ValueError) as error:
            if self._on_error == "raise":
                raise
            out[:] = 0
            return error
        fill(out, samples, self._pad, (start or 0) - first)
        return None

    def _samples(
        self, info: AudioInfo, start: int | None, width: int
    ) -> tuple[np.ndarray, int]:
        """Return samples of a row, and the column at which they begin.

        They come from a cache, or are decoded and cached. If the cache has no room for
        all files, only the part is decoded, and not cached.
        """
        # Check the file again, so that a cache never returns its old content.
        stat = stat_key(info.path)
        n = min(info.n_samples(self.options["sr"], self._offset), self._n_samples)
        if n == 0:
            return np.zeros(0, dtype=np.float32), 0  # it ends before the offset
        key: Key = (
            info.path,
            *stat,
            self.options["sr"],
            self._offset,
            self._n_samples,
        )
        cache = self._disk or DECODED
        samples = cache.get(key)
        if samples is None and start is not None and not self._fits_cache():
            part = self._decode_part(info, start, width, n)
            if part is not None:
                return part, start
        if samples is None:
            samples = decode(
                info.path,
                self.options["sr"],
                offset=self._offset,
                n_samples=self._n_samples,
            )
            cache.put(key, samples)
        return samples, 0

    def _fits_cache(self) -> bool:
        n_bytes = 4 * len(self._infos) * self._n_samples
        is_small = n_bytes <= get_config()["decode_cache_bytes"]
        return self._disk is not None or is_small

    def _decode_part(
        self, info: AudioInfo, start: int, width: int, n: int
    ) -> np.ndarray | None:
        """Decode a part of a file of `n` samples; None if the whole file is needed."""
        missing = start + width - n
        if missing > 0 and self._pad == "repeat":
            return None  # the padding is the beginning of the file
        if start >= n:
            return np.zeros(0, dtype=np.float32)
        sr = self.options["sr"]
        offset = (round(self._offset * sr) + start) / sr
        # If the file ends before its header says, reading the whole file reports it.
        with suppress(ValueError):
            part = decode(info.path, sr, offset=offset, n_samples=min(width, n - start))
            is_short = len(part) < min(width, n - start)
            return None if is_short and self._pad == "repeat" else part
        return None

    def take(self, rows: np.ndarray) -> "FileSource":
        """Return a source of some of the files."""
        return FileSource([self._infos[i] for i in rows], **self.options)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the current state of the files: a changed file changes the pickle."""
        infos = [_refresh(info) for info in self._infos]
        # Tuples of plain values pickle alike whether or not rows share an AudioInfo.
        state = [tuple(vars(info).values()) for info in infos]
        # The number of threads changes no sample, so it is not part of the identity.
        return _restore_files, (state, {**self.options, "n_threads": None})


def fill(out: np.ndarray, samples: np.ndarray, pad: str, start: int = 0) -> None:
    """Write samples into a row or a part of it, cropped or padded to its length."""
    inside = samples[start : start + len(out)]
    n_inside, n = len(inside), len(samples)
    out[:n_inside] = inside
    if pad == "repeat" and n:
        out[n_inside:] = samples[np.arange(start + n_inside, start + len(out)) % n]
    else:
        out[n_inside:] = 0


def _restore_files(state: list[tuple[Any, ...]], options: dict[str, Any]) -> FileSource:
    infos = [_refresh(AudioInfo(*values)) for values in state]
    return FileSource(infos, **options)


def _refresh(info: AudioInfo) -> AudioInfo:
    """Probe a changed file again. If it is gone, leave the error to the reader."""
    try:
        if stat_key(info.path) == (info.size, info.mtime_ns):
            return info
        return probe(info.path)
    except (OSError, ValueError):
        return info


def _n_cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
