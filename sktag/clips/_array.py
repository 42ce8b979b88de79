"""ClipArray: the lazy array that flows from the files to the network.

It is a recipe, not data: a source (files, or an array in memory), a row key and a tuple
of ops. Indexing, mapping, shapes and pickling never read audio; only `read` does. The
pickle is the identity: equal recipes over unchanged files have equal hashes in every
process.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from sktag._config import get_config
from sktag._messages import warn
from sktag.clips._display import as_html, as_text
from sktag.clips._dropped import warn_dropped
from sktag.clips._indexing import row_numbers
from sktag.clips._integers import refuse_integers
from sktag.clips._listen import Listen, listen
from sktag.clips._reading import Reading
from sktag.clips._sources import ArraySource, JoinedSource, Source, check_alike
from sktag.ops.op import Op

DEFAULT_SR = 22050
REMEDY = {
    "wave": "leave out the front-end (MelSpectrogram, ...) before it",
    "spectrogram": "put a front-end (MelSpectrogram, ...) before it",
}


class ClipArray(Reading):
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
    least : int, default=0
        Columns of the source to which shorter rows are padded, where rows have lengths
        of their own.

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
        ``(n_clips, n_samples)`` or ``(n_clips, n_bins, n_frames)``; the last axis is as
        long as the longest clip.

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
        self,
        source: Source,
        key: np.ndarray | None = None,
        ops: tuple[Op, ...] = (),
        least: int = 0,
    ) -> None:
        n_rows = source.shape[0]
        self._source = source
        self._key = np.arange(n_rows) if key is None else key
        self.ops = ops
        self._least = least
        self.kind = source.kind
        self.sample_rate = source.sample_rate
        self.hop_length = source.hop_length
        widths = source.widths
        if widths is not None:
            widths = np.maximum(widths[self._key], least)
        self._widths = widths
        longest = source.shape[-1] if widths is None else int(widths.max(initial=1))
        self._width = longest
        shape = (len(self._key), *source.shape[1:-1], longest)
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
        lengths: np.ndarray = self._source.lengths[self._key]
        for op in self.ops:
            lengths = np.array([op.out_length(int(n)) for n in lengths], dtype=int)
        return lengths

    @property
    def widths(self) -> np.ndarray:
        """Number of columns that each clip has by itself, if it is not padded."""
        unique, places = np.unique(self.source_widths, return_inverse=True)
        columns = np.array([self.n_columns(int(n)) for n in unique], dtype=int)
        widths: np.ndarray = columns[places]
        return widths

    def n_columns(self, width: int) -> int:
        """Return the length of a clip after the ops.

        Parameters
        ----------
        width : int
            Columns of the source.

        Returns
        -------
        int
            Columns after the ops.
        """
        shape = (1, *self._source.shape[1:-1], width)
        for op in self.ops:
            shape = op.out_shape(shape)
        return shape[-1]

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

    @property
    def failed(self) -> np.ndarray:
        """Rows whose files could not be read, as far as they have been."""
        failed = getattr(self._source, "failed", np.array([], dtype=int))
        return np.flatnonzero(np.isin(self._key, failed))

    def __iter__(self) -> Iterator[np.ndarray]:
        """Compute one clip after the other."""
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        """Index rows as numpy does. Only an integer computes something: one clip."""
        rows = row_numbers(key, len(self))
        if rows.ndim == 0:
            return self.compute(rows[np.newaxis])[0].numpy()
        return self._like(self._key[rows], self.ops)

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
        return self._like(self._key, (*self.ops, op))

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
        return self._like(self._key, self.ops[:n_ops])

    def _like(self, key: np.ndarray, ops: tuple[Op, ...]) -> "ClipArray":
        return ClipArray(self._source, key, ops, self._least)

    def widened(self, n_columns: int) -> "ClipArray":
        """Pad clips that have lengths of their own to a least length.

        Parameters
        ----------
        n_columns : int
            Columns after the ops that each clip has at least.

        Returns
        -------
        ClipArray
            The longer clips; the same clips if their lengths are all one.
        """
        if not self.is_ragged:
            return self
        least = 1
        while self.n_columns(least) < n_columns:
            least *= 2
        # The last doubling may have been too much.
        candidates = range(least // 2 + 1, least)
        least = least // 2 + 1 + bisect_left(candidates, n_columns, key=self.n_columns)
        return ClipArray(self._source, self._key, self.ops, least)

    @classmethod
    def concatenate(cls, clips: Sequence["ClipArray"]) -> "ClipArray":
        """Join clips, one after the other; computes nothing.

        Parameters
        ----------
        clips : sequence of ClipArray
            Clips of one kind and sample rate, and of the same bins; they may be of
            unequal length.

        Returns
        -------
        ClipArray
            All clips. Operations that all of them share stay part of the recipe.

        Raises
        ------
        ValueError
            If there are none, or if they differ in more than their length.
        """
        parts = list(clips)
        for i, part in enumerate(parts):
            if not isinstance(part, ClipArray):
                raise TypeError(
                    f"item {i} is a {type(part).__name__}: concatenate takes a list of "
                    "ClipArrays; ClipArray.from_array makes one of an array."
                )
        if not parts:
            raise ValueError("there are no clips to join: give at least one ClipArray.")
        check_alike(parts)
        ops = parts[0].ops
        if all(part.ops == ops for part in parts):
            return cls(JoinedSource([part.before(0) for part in parts]), None, ops)
        if any(op.random for part in parts for op in part.ops):
            warn_dropped("ClipArray.concatenate")
        return cls(JoinedSource(parts))

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
        return ClipArray, (self._source.take(self._key), None, self.ops, self._least)

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
