"""How the rows of a ClipArray are read and computed."""

import hashlib
import pickle
from collections.abc import Iterator

import joblib
import numpy as np
import torch
from torch import Tensor

from sktag._torch import plain_torch
from sktag.clips._report import one_report
from sktag.clips._sources import Rows, Source
from sktag.ops.op import Op

# Bytes and rows of waveforms in a batch when a whole array is computed.
_BATCH_BYTES, _BATCH_ROWS = 2**25, 64


class Reading:
    """The reading half of a ClipArray, which describes itself in the other half."""

    _source: Source
    _key: np.ndarray
    _width: int
    _least: int
    _widths: np.ndarray | None
    ops: tuple[Op, ...]
    shape: tuple[int, ...]

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def is_ragged(self) -> bool:
        """Whether clips have lengths of their own, and are padded in arrays only."""
        return self._widths is not None

    @property
    def source_widths(self) -> np.ndarray:
        """Number of columns that each clip has by itself, before any op."""
        if self._widths is None:
            return np.full(len(self), self._width)
        return self._widths

    def read(
        self,
        rows: np.ndarray,
        n_threads: int | None = None,
        *,
        starts: np.ndarray | None = None,
        width: int | None = None,
    ) -> np.ndarray:
        """Read some rows from the source, before any op, padded to one length.

        Parameters
        ----------
        rows : ndarray of int of shape (n,)
            Rows of this array.
        n_threads : int, optional
            Number of files decoded at a time; by default `n_jobs` of RawWave, or one
            per core.
        starts : ndarray of int of shape (n,), optional
            First column of each row; 0 by default.
        width : int, optional
            Number of columns to read; by default those of the longest clip.

        Returns
        -------
        ndarray of shape (n, ...), float32
            A new array that the caller may change.
        """
        shape = (len(rows), *self._source.shape[1:-1], width or self._width)
        out = np.empty(shape, dtype=np.float32)
        self.read_into(out, rows, starts, n_threads)
        return out

    def read_each(
        self, rows: np.ndarray, widths: np.ndarray, n_threads: int | None = None
    ) -> list[np.ndarray]:
        """Read some rows from the source, before any op, each with its own width.

        Parameters
        ----------
        rows : ndarray of int of shape (n,)
            Rows of this array.
        widths : ndarray of int of shape (n,)
            Number of columns of each.
        n_threads : int, optional
            Number of files decoded at a time.

        Returns
        -------
        list of ndarray, float32
            The rows; what lies beyond their end is padded.
        """
        shape = self._source.shape[1:-1]
        outs = [np.empty((*shape, int(width)), dtype=np.float32) for width in widths]
        self.read_into(outs, rows, None, n_threads)
        return outs

    def read_into(
        self,
        outs: Rows,
        rows: np.ndarray,
        starts: np.ndarray | None = None,
        n_threads: int | None = None,
    ) -> None:
        """Fill arrays with some rows of the source. Only this method reads.

        Parameters
        ----------
        outs : ndarray of shape (n, ...) or list of ndarray, float32
            Where to write; the last axis says how much of each row is read.
        rows : ndarray of int of shape (n,)
            Rows of this array.
        starts : ndarray of int of shape (n,), optional
            First column of each row; 0 by default.
        n_threads : int, optional
            Number of files decoded at a time.
        """
        self._source.read_into(outs, self._key[rows], starts, n_threads)

    def compute(self, rows: np.ndarray, n_threads: int | None = None) -> Tensor:
        """Read some rows and apply the ops, on the CPU.

        Parameters
        ----------
        rows : ndarray of int of shape (n,)
            Rows of this array.
        n_threads : int, optional
            Number of files decoded at a time.

        Returns
        -------
        Tensor of shape (n, ...)
            The computed clips.
        """
        return self._apply(torch.from_numpy(self.read(rows, n_threads)))

    def compute_each(
        self, rows: np.ndarray, n_threads: int | None = None
    ) -> list[np.ndarray]:
        """Read some rows and apply the ops to each by itself, without padding.

        Parameters
        ----------
        rows : ndarray of int of shape (n,)
            Rows of this array.
        n_threads : int, optional
            Number of files decoded at a time.

        Returns
        -------
        list of ndarray, float32
            The computed clips, of `widths` columns.
        """
        read = self.read_each(rows, self.source_widths[rows], n_threads)
        return [self._apply(torch.from_numpy(x[np.newaxis]))[0].numpy() for x in read]

    def _apply(self, x: Tensor) -> Tensor:
        with plain_torch(), torch.no_grad():
            for op in self.ops:
                x = op(x)
        return x

    def row_keys(self) -> list[bytes]:
        """Return a hash of each row, equal for equal recipes over unchanged files.

        Returns
        -------
        list of bytes
            One for each row.
        """
        shared = joblib.hash((self.ops, self._least, self._width)).encode()
        keys = []
        for row in self._key:
            pickled = pickle.dumps(self._source.take(np.array([row])))
            keys.append(hashlib.blake2b(pickled, digest_size=16, key=shared).digest())
        return keys

    def portions(self) -> Iterator[np.ndarray]:
        """Yield all rows in portions of a bounded number of samples.

        Yields
        ------
        ndarray of int
            The next rows.
        """
        n_rows = np.prod(self._source.shape[1:-1], initial=1)
        most = _BATCH_BYTES // (4 * n_rows)
        begin, used = 0, 0
        for row, width in enumerate(self.source_widths.tolist()):
            if row > begin and (used + width > most or row - begin == _BATCH_ROWS):
                yield np.arange(begin, row)
                begin, used = row, 0
            used += width
        if begin < len(self):
            yield np.arange(begin, len(self))

    def batches(self, n_threads: int | None = None) -> Iterator[np.ndarray]:
        """Compute all clips in order, batch by batch, without padding.

        Parameters
        ----------
        n_threads : int, optional
            Number of files decoded at a time.

        Yields
        ------
        ndarray of shape (n, ...), float32
            The next batch.
        """
        with one_report():
            for rows in self.portions():
                if self.is_ragged:
                    for clip in self.compute_each(rows, n_threads):
                        yield clip[np.newaxis]
                else:
                    yield self.compute(rows, n_threads).numpy()

    @one_report()
    def to_numpy(self) -> np.ndarray:
        """Compute all clips.

        Returns
        -------
        ndarray of shape `shape`, float32
            The clips.
        """
        everything = np.arange(len(self))
        if not self.ops:
            return self.read(everything)
        out = np.empty(self.shape, dtype=np.float32)
        # Those of clips of unequal length are padded as waveforms.
        n_bytes = 4 * self._width * int(np.prod(self._source.shape[1:-1], initial=1))
        n_rows = max(1, min(_BATCH_ROWS, _BATCH_BYTES // n_bytes))
        for begin in range(0, len(self), n_rows):
            rows = everything[begin : begin + n_rows]
            out[rows] = self.compute(rows).numpy()
        return out
