"""Decoded clips kept for the next reader: in memory, and on disk.

Both are keyed by what the samples depend on (path, size and time of change of the
file, decode parameters), so an overwritten file is never served from a cache.
"""

import hashlib
import os
import tempfile
from collections import OrderedDict
from pathlib import Path
from threading import Lock

import numpy as np

from sktag._config import get_config

Key = tuple[str | int | float | None, ...]


class MemoryCache:
    """Least recently used arrays up to ``decode_cache_bytes``, one for the process.

    Threads may share it: an array is read-only from the moment it is kept.
    """

    def __init__(self) -> None:
        self._arrays: OrderedDict[Key, np.ndarray] = OrderedDict()
        self._n_bytes = 0
        self._lock = Lock()

    def get(self, key: Key) -> np.ndarray | None:
        """Return the array kept under a key, or None."""
        with self._lock:
            array = self._arrays.get(key)
            if array is not None:
                self._arrays.move_to_end(key)
            return array

    def put(self, key: Key, array: np.ndarray) -> None:
        """Keep an array, dropping the least recently used ones for it."""
        limit = get_config()["decode_cache_bytes"]
        array.flags.writeable = False
        with self._lock:
            old = self._arrays.pop(key, None)
            self._n_bytes -= 0 if old is None else old.nbytes
            if array.nbytes <= limit:
                self._arrays[key] = array
                self._n_bytes += array.nbytes
            while self._n_bytes > limit:
                _, dropped = self._arrays.popitem(last=False)
                self._n_bytes -= dropped.nbytes

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self._arrays.clear()
            self._n_bytes = 0

    @property
    def n_bytes(self) -> int:
        """Bytes held now."""
        return self._n_bytes


class DiskCache:
    """One memory-mapped ``.npy`` file a clip, in a directory.

    A file is written under a temporary name and then renamed, so that a reader in
    another process sees all of it or nothing.

    Parameters
    ----------
    directory : str
        Where the files are; made at the first write.
    """

    def __init__(self, directory: str) -> None:
        self.directory = Path(directory)

    def _path(self, key: Key) -> Path:
        name = hashlib.sha256(repr(key).encode()).hexdigest()[:32]
        return self.directory / f"{name}.npy"

    def get(self, key: Key) -> np.ndarray | None:
        """Return the array kept under a key as a memory map, or None."""
        try:
            return np.load(self._path(key), mmap_mode="r")  # type: ignore[no-any-return]
        except (OSError, ValueError, EOFError):
            # Not there, or not whole: a crash may leave a file without its content.
            return None

    def put(self, key: Key, array: np.ndarray) -> None:
        """Keep an array."""
        self.directory.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.directory, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                np.save(file, array)
            os.replace(name, self._path(key))
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


DECODED = MemoryCache()
