"""Caches of decoded clips, in memory and on disk.

Keys hold everything that the samples depend on (path, size and modification time of the
file, decode parameters), so a cache never returns the content of an overwritten file.
"""

import hashlib
import math
from pathlib import Path
from threading import Lock

import numpy as np
from cachetools import LRUCache

from sktag._atomic import atomic_write
from sktag._config import get_config

Key = tuple[str | int | float | None, ...]


class MemoryCache:
    """Least recently used arrays, up to ``decode_cache_bytes``, for the whole process.

    Threads may share it: arrays in the cache are read-only.
    """

    def __init__(self) -> None:
        # The limit may change at any time, so it is applied in `put`.
        self._arrays: LRUCache[Key, np.ndarray] = LRUCache(
            math.inf, getsizeof=lambda array: array.nbytes
        )
        self._lock = Lock()

    def get(self, key: Key) -> np.ndarray | None:
        """Return the array of a key, or None."""
        with self._lock:
            return self._arrays.get(key)

    def put(self, key: Key, array: np.ndarray) -> None:
        """Add an array, and drop the least recently used ones to make room."""
        limit = get_config()["decode_cache_bytes"]
        array.flags.writeable = False
        with self._lock:
            self._arrays.pop(key, None)
            if array.nbytes <= limit:
                self._arrays[key] = array
            while self._arrays.currsize > limit:
                self._arrays.popitem()

    def clear(self) -> None:
        """Drop all arrays."""
        with self._lock:
            self._arrays.clear()

    @property
    def n_bytes(self) -> int:
        """Number of bytes in the cache."""
        return int(self._arrays.currsize)


class DiskCache:
    """One memory-mapped ``.npy`` file per clip, in a folder."""

    def __init__(self, directory: str) -> None:
        self.directory = Path(directory)

    def _path(self, key: Key) -> Path:
        name = hashlib.sha256(repr(key).encode()).hexdigest()[:32]
        return self.directory / f"{name}.npy"

    def get(self, key: Key) -> np.ndarray | None:
        """Return the array of a key as a memory map, or None."""
        try:
            return np.load(self._path(key), mmap_mode="r")  # type: ignore[no-any-return]
        except (OSError, ValueError, EOFError):
            # Missing, or without content after a crash of the machine.
            return None

    def put(self, key: Key, array: np.ndarray) -> None:
        """Write an array."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            atomic_write(self._path(key), lambda file: np.save(file, array))
        except OSError as error:
            # No fault of the sound file, which on_error may replace by silence.
            raise RuntimeError(
                f"memory={str(self.directory)!r} cannot be written ({error}): give a "
                "folder with room, or memory=None."
            ) from error


DECODED = MemoryCache()
