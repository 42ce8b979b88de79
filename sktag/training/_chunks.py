"""Where chunks of clips are cut.

Whole clips go in and predictions of whole clips come out; chunks are internal, so that
chunks of one recording never lie on both sides of a split. They are cut from sound,
never from padding, unless a clip is shorter than a chunk.

A frame of a spectrogram depends on the samples of its window alone, so a chunk of a
spectrogram can be computed from a part of the waveform: its own samples and a margin on
either side. A part always lies inside the clip and begins at a multiple of the hop, so
that its frames are frames of the clip; where it ends with the clip, the front-end pads
it as it pads the clip. The numbers are therefore those of a cut from the whole clip's
spectrogram.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

LAYOUTS = ("even", "consecutive", "won2020")


@dataclass(frozen=True)
class Chunks:
    """Chunks of one size, laid out over each clip.

    Parameters
    ----------
    size : int > 0
        Columns (frames or samples) of a chunk.
    n_chunks : int > 0, optional
        Chunks per clip; by default as many as cover it.
    layout : {"even", "consecutive", "won2020"}, default="even"
        "even": from the first column to the last. "consecutive": one after the other,
        the remainder left out. "won2020": as in the code of Won et al., SMC 2020, where
        the last chunk does not reach the end.
    hop : int > 0, optional
        Columns from one chunk to the next, up to the last, which ends with the clip;
        in place of `n_chunks` and `layout`.
    """

    size: int
    n_chunks: int | None = None
    layout: str = "even"
    hop: int | None = None

    def starts(self, clips):
        """Return the first columns for each clip; None if all are taken whole.

        They depend on the clip's own length alone.
        """
        if not clips.is_ragged and clips.shape[-1] <= self.size:
            return None
        lengths, places = np.unique(clips.lengths, return_inverse=True)
        each = [self.starts_in(int(length)) for length in lengths]
        return [each[place] for place in places]

    def starts_in(self, length):
        room = max(length - self.size, 0)
        if self.hop is not None:
            return np.unique([*range(0, room, self.hop), room])
        n_chunks = self.n_chunks or -(-max(length, 1) // self.size)
        if self.layout == "consecutive":
            n_whole = max(1, length // self.size)
            return np.arange(min(self.n_chunks or n_whole, n_whole)) * self.size
        if self.layout == "won2020":
            return np.arange(n_chunks) * (room // n_chunks)
        return np.round(np.linspace(0, room, n_chunks)).astype(int)


def random_starts(lengths, size, seed, epoch):
    """Draw one chunk a clip, outside the padding: its first column, (n_clips,).

    The draws are a function of seed, epoch and the position of the clip alone.
    """
    places = np.maximum(np.asarray(lengths) - size, 0) + 1
    # 1 separates these draws from those of the order of rows.
    drawn = np.random.default_rng([seed, epoch, 1]).random(len(places))
    return (drawn * places).astype(int)


class Margins(NamedTuple):
    """Parts of clips from which chunks are computed.

    `width` is the length of a part before the ops; a column after the ops is `hop`
    columns before them; a part begins `before` columns early.
    """

    width: int
    hop: int
    before: int

    def part_starts(self, starts, n_columns):
        """Return the first column of the part for chunks that begin at `starts`.

        `n_columns` is the length of each clip before the ops.
        """
        wanted = np.asarray(starts) * self.hop - self.before
        # Where lengths differ, the last part may reach beyond the end, into padding.
        last = -(-(n_columns - self.width) // self.hop) * self.hop
        return np.clip(wanted, 0, np.maximum(last, 0))


def margins_of(ops, size, n_columns, *, is_ragged=False):
    """Find the parts that chunks of `size` columns after the ops depend on.

    `n_columns` is the length of a clip before the ops, or that of the longest. None if
    a part would be as long.
    """
    first, last, hop = 0, size, 1
    for op in reversed(ops):
        first, last = op.in_slice(first, last)
        hop *= op.hop_length or 1
        # A part begins at a frame of the front-end, whatever is done before it.
        first = first // hop * hop
    # A part that is moved to the end of the clip must still begin at a hop.
    width = last - first
    width += hop - 1 if is_ragged else (n_columns - width) % hop
    if width >= n_columns:
        return None
    return Margins(width, hop, -first)
