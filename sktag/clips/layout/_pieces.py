"""A file made of pieces: ranges of a file on disk, and bytes put between them."""

import io
import os
from bisect import bisect_right
from itertools import accumulate
from typing import Any

# Bytes, or the first byte and the byte after the last one of a range of the file.
Piece = bytes | tuple[int, int]
Link = tuple[Piece, ...]  # the pieces of one stream

_BUFFER = 2**16  # bytes; libsndfile reads a few at a time


def open_pieces(name: str | bytes, pieces: Link) -> io.BufferedReader:
    """Open the pieces of a file as if they were one file of their own."""
    return io.BufferedReader(_PiecedFile(name, pieces), _BUFFER)


class _PiecedFile(io.RawIOBase):
    """The unbuffered file, of which one piece is read at a time."""

    def __init__(self, name: str | bytes, pieces: Link) -> None:
        self._file = open(name, "rb", buffering=0)  # noqa: SIM115  `close` closes it
        self._pieces = pieces
        sizes = [len(p) if isinstance(p, bytes) else p[1] - p[0] for p in pieces]
        self._starts = [0, *accumulate(sizes)]
        self._at = 0

    def close(self) -> None:
        self._file.close()
        super().close()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._starts[-1]}
        self._at = max(0, base[whence] + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        if self._at >= self._starts[-1]:
            return 0
        i = bisect_right(self._starts, self._at) - 1
        start = self._at - self._starts[i]
        n = min(len(buffer), self._starts[i + 1] - self._at)
        piece = self._pieces[i]
        if isinstance(piece, bytes):
            part = piece[start : start + n]
        else:
            self._file.seek(piece[0] + start)
            part = self._file.read(n)
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)
