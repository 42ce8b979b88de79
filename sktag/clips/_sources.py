"""Where the rows of a ClipArray come from: audio files, or an array in memory.

A source is immutable and picklable. Its pickle is its identity: an array's numbers, or
the files' paths, sizes and times of change as they are *now*.
"""

import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Protocol

import numpy as np

from sktag._config import get_config
from sktag.clips._audio import AudioInfo, decode, probe, stat_key
from sktag.clips._cache import DECODED, DiskCache, Key


class Source(Protocol):
    """What a ClipArray reads its rows from."""

    kind: str
    sample_rate: float | None
    hop_length: int | None
    frequencies: np.ndarray | None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of all rows, known without reading any."""

    @property
    def lengths(self) -> np.ndarray:
        """Columns of each row that are not padding."""

    def read(
        self,
        rows: np.ndarray,
        n_threads: int | None = None,
        starts: np.ndarray | None = None,
        width: int | None = None,
    ) -> np.ndarray:
        """Return some rows as a new float32 array. The only method that reads.

        With `starts` and `width`, a part of each row.
        """

    def take(self, rows: np.ndarray) -> "Source":
        """Return a source of some of the rows."""

    def describe(self) -> str:
        """Say in a few words what this is."""


class ArraySource:
    """Rows of an array in memory.

    Parameters
    ----------
    array : ndarray of shape (n_clips, n_samples) or (n_clips, n_bins, n_frames)
        Waveforms or spectrograms, float32.
    sample_rate : float or None
        In Hz.
    lengths : ndarray of int of shape (n_clips,), optional
        True lengths; None where no row is padded.
    hop_length : int, optional
        Samples from frame to frame, of spectrograms.
    frequencies : ndarray of shape (n_bins,), optional
        Centre of each bin in Hz, of spectrograms.
    """

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
        """True lengths, those of the array where none were given."""
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
        """Copy some rows, or a part of each."""
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

    def describe(self) -> str:
        """Say what is in memory."""
        return f"{self.shape[0]} arrays"


class FileSource:
    """Waveforms in audio files, read when they are asked for.

    Parameters
    ----------
    infos : sequence of AudioInfo
        The files, as they were found.
    sr : int
        Sample rate of the rows, in Hz.
    n_samples : int
        Length of the rows: files are cut or padded to it.
    offset : float
        Where in each file to start, in seconds.
    pad : {"zero", "repeat"}
        What follows a file that is shorter.
    on_error : {"raise", "warn", "silence"}
        What to do with a file that cannot be read: the last two give silence.
    memory : str or None
        Directory for decoded clips; None keeps them in memory only.
    n_threads : int or None
        Files decoded at a time where the reader does not say.
    """

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
        """Number of files, and samples a row."""
        return (len(self._infos), self._n_samples)

    @property
    def lengths(self) -> np.ndarray:
        """Samples each file fills, as its header says."""
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
        """Decode some rows, or a part of each, several files at a time."""
        out = np.empty((len(rows), width or self._n_samples), dtype=np.float32)

        def read_row(i: int) -> None:
            start = None if starts is None else int(starts[i])
            self._read_row(out[i], self._infos[rows[i]], start)

        n_threads = n_threads or self._n_threads or _n_cpus()
        if min(n_threads, len(rows)) > 1:
            with ThreadPoolExecutor(min(n_threads, len(rows))) as pool:
                list(pool.map(read_row, range(len(rows))))
        else:
            for i in range(len(rows)):
                read_row(i)
        return out

    def _read_row(self, out: np.ndarray, info: AudioInfo, start: int | None) -> None:
        try:
            samples = self._samples(info, start, len(out))
        except (OSError, ValueError) as error:
            if self._on_error == "raise":
                raise
            if self._on_error == "warn":
                warnings.warn(f"{error} Silence stands in for it.", stacklevel=2)
            out[:] = 0
            return
        fill(out, samples, self._pad)

    def _samples(self, info: AudioInfo, start: int | None, width: int) -> np.ndarray:
        """Return the samples of a file from a cache, or decode and keep them.

        A part (`width` from `start`) of a file that is not kept is decoded alone where
        not all files would fit the cache; else the file is kept, for other parts.
        """
        # The file is looked at again, lest a cache serve what it held before.
        key: Key = (
            info.path,
            *stat_key(info.path),
            self.options["sr"],
            self._offset,
            self._n_samples,
        )
        if info.n_samples(self.options["sr"], self._offset) == 0:
            return np.zeros(0, dtype=np.float32)  # it ends before the offset
        cache = self._disk or DECODED
        samples = cache.get(key)
        if samples is None:
            n_bytes = 4 * len(self._infos) * self._n_samples
            fits = self._disk or n_bytes <= get_config()["decode_cache_bytes"]
            if start is not None and not fits:
                sr = self.options["sr"]
                offset = (round(self._offset * sr) + start) / sr
                # Where a file ends before its header says, that is told, and padded,
                # with the file as a whole.
                with suppress(ValueError):
                    return decode(info.path, sr, offset=offset, n_samples=width)
            samples = decode(
                info.path,
                self.options["sr"],
                offset=self._offset,
                n_samples=self._n_samples,
            )
            cache.put(key, samples)
        return samples if start is None else samples[start : start + width]

    def take(self, rows: np.ndarray) -> "FileSource":
        """Return a source of some of the files."""
        return FileSource([self._infos[i] for i in rows], **self.options)

    def describe(self) -> str:
        """Say how many files there are."""
        return f"{len(self._infos)} files"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the files as they are now, so that a change changes the pickle."""
        infos = [_refresh(info) for info in self._infos]
        # A list of equal tuples pickles alike whether or not they share an object.
        state = [tuple(vars(info).values()) for info in infos]
        # The number of threads changes no number, so it is not part of the identity.
        return _restore_files, (state, {**self.options, "n_threads": None})


def fill(out: np.ndarray, samples: np.ndarray, pad: str) -> None:
    """Write samples into a row, cut or padded to its length.

    Parameters
    ----------
    out : ndarray of shape (n_samples,)
        The row, changed in place.
    samples : ndarray of shape (n,)
        What it gets.
    pad : {"zero", "repeat"}
        What follows where n is less than n_samples.
    """
    n = min(len(samples), len(out))
    out[:n] = samples[:n]
    out[n:] = np.resize(samples, len(out))[n:] if pad == "repeat" and n else 0


def _restore_files(state: list[tuple[Any, ...]], options: dict[str, Any]) -> FileSource:
    infos = [_refresh(AudioInfo(*values)) for values in state]
    return FileSource(infos, **options)


def _refresh(info: AudioInfo) -> AudioInfo:
    """Probe a file anew if it changed; leave the error to the reader if it is gone."""
    try:
        if stat_key(info.path) == (info.size, info.mtime_ns):
            return info
        return probe(info.path)
    except (OSError, ValueError):
        return info


def _n_cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
