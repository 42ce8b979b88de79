"""Sources of the rows of a ClipArray that are in memory, or other clips.

A source is immutable and picklable. Its pickle is its identity: the numbers of an
array, or the paths, sizes and modification times that files have *now*.

A source is ragged if its rows have lengths of their own, `widths`. The longest is the
width of the source; shorter rows are padded when they are read.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from sktag.clips._array import ClipArray

Rows = np.ndarray | Sequence[np.ndarray]


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

    @property
    def widths(self) -> np.ndarray | None:
        """Number of columns of each row of a ragged source, else None."""

    def read_into(
        self,
        outs: Rows,
        rows: np.ndarray,
        starts: np.ndarray | None = None,
        n_threads: int | None = None,
    ) -> None:
        """Fill float32 arrays with some rows. Only this method reads.

        `starts` is the first column of each, 0 by default. What lies beyond the end of
        a row is padded.
        """

    def take(self, rows: np.ndarray) -> "Source":
        """Return a source of some of the rows."""


class ArraySource:
    """Rows of an array in memory."""

    noun: str = "arrays"
    widths: np.ndarray | None = None

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

    def read_into(
        self,
        outs: Rows,
        rows: np.ndarray,
        starts: np.ndarray | None = None,
        n_threads: int | None = None,
    ) -> None:
        """Copy some rows, or a part of each row."""
        if isinstance(outs, np.ndarray) and outs.shape[1:] == self.shape[1:]:
            np.take(self._array, rows, axis=0, out=outs)
            return
        for i, (out, row) in enumerate(zip(outs, rows, strict=True)):
            fill(out, self._array[row], start=0 if starts is None else int(starts[i]))

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


class WaveSource:
    """Waveforms in memory, of unequal length or padded to `n_samples`."""

    noun: str = "arrays"
    kind: str = "wave"
    hop_length: int | None = None
    frequencies: np.ndarray | None = None

    def __init__(
        self,
        waves: Sequence[np.ndarray],
        sample_rate: float | None,
        pad: str = "zero",
        n_samples: int | None = None,
    ) -> None:
        self._waves = list(waves)
        self._pad = pad
        self._n_samples = n_samples
        self.sample_rate = sample_rate
        self.lengths = np.array([len(wave) for wave in waves], dtype=np.int64)
        own = np.maximum(self.lengths, 1)
        self.widths: np.ndarray | None = own if n_samples is None else None

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of waveforms, and length of the longest."""
        longest = int(self.lengths.max(initial=1))
        return len(self._waves), self._n_samples or longest

    def read_into(
        self,
        outs: Rows,
        rows: np.ndarray,
        starts: np.ndarray | None = None,
        n_threads: int | None = None,
    ) -> None:
        """Copy some waveforms, or a part of each."""
        for i, (out, row) in enumerate(zip(outs, rows, strict=True)):
            start = 0 if starts is None else int(starts[i])
            fill(out, self._waves[row], self._pad, start)

    def take(self, rows: np.ndarray) -> "WaveSource":
        """Return a source that holds only some of the waveforms."""
        waves = [self._waves[row] for row in rows]
        return WaveSource(waves, self.sample_rate, self._pad, self._n_samples)


def check_alike(parts: Sequence["ClipArray"]) -> None:
    """Raise if clips differ in more than their number and length."""
    for i, part in enumerate(parts):
        for name in ("kind", "sample_rate", "hop_length"):
            first, other = getattr(parts[0], name), getattr(part, name)
            if first != other:
                raise ValueError(
                    f"item {i} has {name}={other!r}, item 0 has {first!r}: join clips "
                    "that went through the same steps."
                )
        if part.shape[1:-1] != parts[0].shape[1:-1]:
            raise ValueError(
                f"item {i} has {part.shape[1]} bins, item 0 has {parts[0].shape[1]}: "
                "join clips that went through the same steps."
            )


class JoinedSource:
    """The rows of several clips, one after the other."""

    noun: str = "clips"

    def __init__(self, parts: Sequence["ClipArray"]) -> None:
        self._parts = tuple(parts)
        first = self._parts[0]
        self.kind = first.kind
        self.sample_rate = first.sample_rate
        self.hop_length = first.hop_length
        self.frequencies = first.frequencies
        self._ends = np.cumsum([len(part) for part in self._parts])
        own = [part.widths for part in self._parts]
        is_even = len(set(np.concatenate(own).tolist())) < 2
        self.widths = None if is_even else np.concatenate(own)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of clips in all, and the shape of the longest."""
        width = max(part.shape[-1] for part in self._parts)
        return int(self._ends[-1]), *self._parts[0].shape[1:-1], width

    @property
    def lengths(self) -> np.ndarray:
        """Number of columns of each clip that are not padding."""
        return np.concatenate([part.lengths for part in self._parts])

    def read_into(
        self,
        outs: Rows,
        rows: np.ndarray,
        starts: np.ndarray | None = None,
        n_threads: int | None = None,
    ) -> None:
        """Compute some clips of each of the parts."""
        begins = np.zeros(len(rows), int) if starts is None else starts
        which = np.searchsorted(self._ends, rows, side="right")
        for number, part in enumerate(self._parts):
            at = np.flatnonzero(which == number).tolist()
            own = rows[at] - (self._ends[number] - len(part))
            if part.ops:
                clips = part.compute_each(own, n_threads)
                for i, clip in zip(at, clips, strict=True):
                    fill(outs[i], clip, start=int(begins[i]))
            else:
                some = [outs[i] for i in at]
                part.read_into(some, own, begins[at], n_threads)

    def take(self, rows: np.ndarray) -> "Source":
        """Return a source of some of the clips."""
        which = np.searchsorted(self._ends, rows, side="right")
        begins = np.flatnonzero(np.diff(which, prepend=-1))
        parts = []
        for some in np.split(np.arange(len(rows)), begins[1:]):
            number = which[some[0]] if len(some) else 0
            part = self._parts[number]
            parts.append(part[rows[some] - (self._ends[number] - len(part))])
        return JoinedSource(parts)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the parts."""
        return JoinedSource, (self._parts,)


def fill(out: np.ndarray, clip: np.ndarray, pad: str = "zero", start: int = 0) -> None:
    """Write a clip from a column on into an array, cropped or padded to its length."""
    inside = clip[..., start : start + out.shape[-1]]
    n_inside, n = inside.shape[-1], clip.shape[-1]
    out[..., :n_inside] = inside
    if pad == "repeat" and n:
        places = np.arange(start + n_inside, start + out.shape[-1]) % n
        out[..., n_inside:] = clip[..., places]
    else:
        out[..., n_inside:] = 0
