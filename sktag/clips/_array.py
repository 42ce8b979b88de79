"""ClipArray: the lazy array that flows from the files to the network.

It is a recipe, not data: a source (files, or an array in memory), a row key and a tuple
of ops. Indexing, mapping, shapes and pickling never read audio; only `read` does. The
pickle is the identity: equal recipes over unchanged files have equal hashes in every
process.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sktag._config import get_config
from sktag._messages import warn
from sktag._torch import plain_torch
from sktag.clips._display import as_html, as_text
from sktag.clips._dropped import warn_dropped
from sktag.clips._indexing import row_numbers
from sktag.clips._integers import refuse_integers
from sktag.clips._listen import Listen, listen
from sktag.clips._sources import ArraySource, Source
from sktag.ops.op import Op

DEFAULT_SR = 22050
REMEDY = {
    "wave": "leave out the front-end (MelSpectrogram, ...) before it",
    "spectrogram": "put a front-end (MelSpectrogram, ...) before it",
}
# Bytes of waveforms in a batch when a whole array is computed: a few long clips.
_BATCH_BYTES = 2**25


class ClipArray:
    """Lazy array of audio clips: their source, and the operations applied to them.

    For scikit-learn it behaves like a read-only numpy array: ``shape``, ``len`` and
    indexing of rows work, and none of them reads audio. A single integer returns an
    ndarray, any other key a ClipArray. ``np.asarray(clips)`` computes everything.

    :meth:`RawWave.transform` and :meth:`from_array` create clips; the other
    transformers turn clips into clips.

    Parameters
    ----------
    source : object
        Source of the rows; an implementation detail.
    key : ndarray of int, optional
        Rows of the source, in the order of this array; None for all of them.
    ops : tuple of Op, default=()
        Operations applied to the rows, in this order.

    Attributes
    ----------
    kind : {"wave", "spectrogram"}
        Whether rows are waveforms or spectrograms.
    sample_rate : float or None
        Sample rate of the waveforms, in Hz.
    hop_length : int or None
        Samples from one frame to the next; None for waveforms.
    ops : tuple of Op
        Operations applied to the rows.
    shape : tuple of int
        ``(n_clips, n_samples)`` or ``(n_clips, n_bins, n_frames)``.

    See Also
    --------
    RawWave : Makes clips from files.

    Examples
    --------
    >>> import numpy as np
    >>> from sktag import ClipArray
    >>> clips = ClipArray.from_array(np.zeros((4, 22050)), sample_rate=22050)
    >>> clips[1:3].shape
    (2, 22050)
    """

    def __init__(
        self, source: Source, key: np.ndarray | None = None, ops: tuple[Op, ...] = ()
    ) -> None:
        n_rows = source.shape[0]
        self._source = source
        self._key = np.arange(n_rows) if key is None else key
        self.ops = ops
        self.kind = source.kind
        self.sample_rate = source.sample_rate
        self.hop_length = source.hop_length
        shape = (len(self._key), *source.shape[1:])
        for op in ops:
            if op.takes is not None and op.takes != self.kind:
                raise ValueError(
                    f"{type(op).__name__} takes {op.takes}s, but these clips are "
                    f"{self.kind}s: {REMEDY[op.takes]}."
                )
            shape = op.out_shape(shape)
            self.kind = op.gives or self.kind
            self.hop_length = op.hop_length or self.hop_length
        self.shape: tuple[int, ...] = shape

    @classmethod
    def from_array(
        cls,
        X: Any,
        *,
        sample_rate: float | None = None,
        hop_length: int | None = None,
        frequencies: np.ndarray | None = None,
        lengths: np.ndarray | None = None,
    ) -> "ClipArray":
        """Make clips from an array in memory.

        Parameters
        ----------
        X : array of shape (n_clips, n_samples) or (n_clips, n_bins, n_frames)
            Waveforms (2-D) in [-1, 1], or spectrograms (3-D). float32 is not copied.
        sample_rate : float, optional
            Sample rate in Hz; 22,050 for waveforms if it is not given.
        hop_length : int, optional
            Samples from frame to frame, for spectrograms.
        frequencies : array of shape (n_bins,), optional
            Centre of each bin in Hz, for spectrograms.
        lengths : array of int of shape (n_clips,), optional
            Number of columns of each clip that are not padding; all by default.

        Returns
        -------
        ClipArray
            The clips.

        Raises
        ------
        ValueError
            If X is neither 2-D nor 3-D, or is waveforms of integers.
        """
        array = np.asarray(X)
        if array.ndim not in (2, 3):
            raise ValueError(
                f"X has {array.ndim} dimensions; clips are waveforms (n_clips, "
                "n_samples) or spectrograms (n_clips, n_bins, n_frames). A single "
                "clip x is x[np.newaxis]."
            )
        if array.ndim == 2:
            refuse_integers(array.dtype, "ClipArray.from_array")
            sample_rate = DEFAULT_SR if sample_rate is None else sample_rate
        array = array.astype(np.float32, copy=False)
        if sample_rate is not None and sample_rate == int(sample_rate):
            sample_rate = int(sample_rate)  # equal rates have equal hashes
        if lengths is not None:
            lengths = np.asarray(lengths, dtype=int)
            if lengths.shape != array.shape[:1]:
                raise ValueError(
                    f"lengths has shape {lengths.shape}, but there are {len(array)} "
                    "clips: give one number per clip."
                )
        return cls(ArraySource(array, sample_rate, lengths, hop_length, frequencies))

    @property
    def ndim(self) -> int:
        """Number of dimensions: 2 for waveforms, 3 for spectrograms."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[np.float32]:
        """Type of the numbers: float32."""
        return np.dtype(np.float32)

    @property
    def nbytes(self) -> int:
        """Size of ``np.asarray(clips)`` in bytes."""
        return 4 * int(np.prod(self.shape, dtype=np.int64))

    @property
    def lengths(self) -> np.ndarray:
        """Number of columns (samples or frames) of each clip that are not padding.

        The lengths of files come from their headers.
        """
        lengths = self._source.lengths[self._key]
        for op in self.ops:
            lengths = np.array([op.out_length(int(n)) for n in lengths], dtype=int)
        return lengths

    @property
    def frequencies(self) -> np.ndarray | None:
        """Centre of each bin in Hz; None for waveforms, or if it is not known."""
        for op in reversed(self.ops):
            if op.frequencies is not None:
                return op.frequencies
        return self._source.frequencies

    @property
    def in_memory(self) -> bool:
        """Whether the clips are an array in memory, with nothing left to compute."""
        return not self.ops and isinstance(self._source, ArraySource)

    def __len__(self) -> int:
        """Return the number of clips."""
        return self.shape[0]

    def __iter__(self) -> Iterator[np.ndarray]:
        """Compute one clip after the other."""
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        """Index rows as numpy does. Only an integer computes something: one clip."""
        rows = row_numbers(key, len(self))
        if rows.ndim == 0:
            return self.compute(rows[np.newaxis])[0].numpy()
        return ClipArray(self._source, self._key[rows], self.ops)

    def map(self, op: Op) -> "ClipArray":
        """Append an op to the recipe; computes nothing.

        Parameters
        ----------
        op : Op
            The operation.

        Returns
        -------
        ClipArray
            The longer recipe.

        Raises
        ------
        ValueError
            If the op takes the other kind of clips.
        """
        return ClipArray(self._source, self._key, (*self.ops, op))

    def before(self, n_ops: int) -> "ClipArray":
        """Keep only the first ops of the recipe; computes nothing.

        Parameters
        ----------
        n_ops : int
            Number of ops to keep.

        Returns
        -------
        ClipArray
            The shorter recipe.
        """
        return ClipArray(self._source, self._key, self.ops[:n_ops])

    def read(
        self,
        rows: np.ndarray,
        n_threads: int | None = None,
        *,
        starts: np.ndarray | None = None,
        width: int | None = None,
    ) -> np.ndarray:
        """Read some rows from the source, before any op. Only this method reads.

        Parameters
        ----------
        rows : ndarray of int of shape (n,)
            Rows of this array.
        n_threads : int, optional
            Number of files decoded at a time; by default `n_jobs` of RawWave, or one
            per core.
        starts : ndarray of int of shape (n,), optional
            First column of each row; whole rows by default.
        width : int, optional
            Number of columns to read.

        Returns
        -------
        ndarray of shape (n, ...), float32
            A new array that the caller may change.
        """
        return self._source.read(self._key[rows], n_threads, starts, width)

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
        x = torch.from_numpy(self.read(rows, n_threads))
        with plain_torch(), torch.no_grad():
            for op in self.ops:
                x = op(x)
        return x

    def batches(self, n_threads: int | None = None) -> Iterator[np.ndarray]:
        """Compute all clips in order, batch by batch.

        Parameters
        ----------
        n_threads : int, optional
            Number of files decoded at a time.

        Yields
        ------
        ndarray of shape (n, ...), float32
            The next batch.
        """
        widest = max(int(np.prod(self._source.shape[1:])), 1)
        size = max(1, min(64, _BATCH_BYTES // (4 * widest)))
        for start in range(0, len(self), size):
            rows = np.arange(start, min(start + size, len(self)))
            yield self.compute(rows, n_threads).numpy()

    def to_numpy(self) -> np.ndarray:
        """Compute all clips.

        Returns
        -------
        ndarray of shape `shape`, float32
            The clips.
        """
        if not self.ops:
            return self.read(np.arange(len(self)))
        out = np.empty(self.shape, dtype=np.float32)
        start = 0
        for batch in self.batches():
            out[start : start + len(batch)] = batch
            start += len(batch)
        return out

    def __array__(self, dtype: Any = None, *, copy: bool | None = None) -> np.ndarray:
        """Compute all clips, without random operations, for ``np.asarray``."""
        if copy is False:
            raise ValueError(
                "clips are a recipe, and become an array by a copy: np.asarray(clips)."
            )
        if self.nbytes >= get_config()["materialize_warn_bytes"]:
            warn(
                f"np.asarray makes an array of {self.nbytes / 2**30:.1f} GiB from "
                f"{self}. Keep clips lazy, or raise "
                "set_config(materialize_warn_bytes=...) if it is intended."
            )
        if any(op.random for op in self.ops):
            warn_dropped("np.asarray")
        out = self.to_numpy()
        return out if dtype is None else out.astype(dtype, copy=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the recipe, with only the rows that are used."""
        return ClipArray, (self._source.take(self._key), None, self.ops)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> "ClipArray":
        """Return itself: clips never change."""
        return self

    __copy__ = __deepcopy__

    def __repr__(self) -> str:
        """Show source, steps and shape; reads no file."""
        return as_text(self)

    def _repr_html_(self) -> str:
        return as_html(self)

    def listen(self, n: int = 3) -> Listen:
        """Play the first clips in a notebook.

        For spectrograms, the waveforms that they are computed from are played.

        Parameters
        ----------
        n : int, default=3
            Number of clips.

        Returns
        -------
        Listen
            One audio player per clip, shown by a notebook.

        Raises
        ------
        ValueError
            If the clips are spectrograms in memory, which have no waveform.
        """
        return listen(self, n)
