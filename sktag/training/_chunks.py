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

LAYOUTS = ("even", "won2020")


@dataclass(frozen=True)
class Chunks:
    """Chunks of one size, laid out over each clip.

    Parameters
    ----------
    size : int > 0
        Columns (frames or samples) of a chunk.
    n_chunks : int > 0, optional
        Chunks a clip; by default as many as cover it.
    layout : {"even", "won2020"}, default="even"
        "even": from the first column to the last. "won2020": as in the code of Won et
        al., SMC 2020, where the last chunk does not reach the end.
    """

    size: int
    n_chunks: int | None = None
    layout: str = "even"

    def starts(self, clips):
        """Return first columns, (n_clips, n_chunks); None if clips are taken whole."""
        length = clips.shape[-1]
        if length <= self.size:
            return None
        n_chunks = self.n_chunks or -(-length // self.size)
        return chunk_starts(clips.lengths, self.size, n_chunks, self.layout)


def chunk_starts(lengths, size, n_chunks, layout="even"):
    """Return the first column of each chunk, (n_clips, n_chunks); see `Chunks`."""
    room = np.maximum(np.asarray(lengths) - size, 0)[:, np.newaxis]
    if layout == "won2020":
        return np.arange(n_chunks) * (room // n_chunks)
    return np.round(np.linspace(0, room[:, 0], n_chunks, axis=1)).astype(int)


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

    `n_columns` is the length of a clip before the ops, `width` that of a part; a column
    after the ops is `hop` columns before them; a part begins `before` columns early.
    """

    n_columns: int
    width: int
    hop: int
    before: int

    def part_starts(self, starts):
        """Return the first column of the part for chunks that begin at `starts`."""
        wanted = np.asarray(starts) * self.hop - self.before
        return np.clip(wanted, 0, self.n_columns - self.width)

    def offsets(self, starts):
        """Return where, in a computed part, the chunk begins."""
        return np.asarray(starts) - self.part_starts(starts) // self.hop


def margins_of(ops, size, n_columns):
    """Find the parts that chunks of `size` columns after the ops depend on.

    `n_columns` is the length of a clip before the ops. None if a part would be as long.
    """
    first, last, hop = 0, size, 1
    for op in reversed(ops):
        first, last = op.in_slice(first, last)
        hop *= op.hop_length or 1
        # A part begins at a frame of the front-end, whatever is done before it.
        first = first // hop * hop
    # A part that is moved to the end of the clip must still begin at a hop.
    width = last - first + (n_columns - last + first) % hop
    if width >= n_columns:
        return None
    return Margins(n_columns, width, hop, -first)
