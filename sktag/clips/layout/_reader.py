"""Read bytes of a file at any place."""

from typing import BinaryIO

_BLOCK = 2**18  # bytes read at a time


class Reader:
    """Read a file at any place, mostly ascending, a block at a time."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._start = 0
        self._block = b""

    def at(self, place: int, n: int) -> bytes:
        """Return up to `n` bytes from a place."""
        i = place - self._start
        if i < 0 or i + n > len(self._block):
            self._file.seek(place)
            self._block = self._file.read(max(_BLOCK, n))
            self._start, i = place, 0
        return self._block[i : i + n]
