"""Where chunks of clips are cut.

Whole clips go in and predictions of whole clips come out; chunks are internal, so that
chunks of one recording never lie on both sides of a split. They are cut from sound,
never from padding, unless a clip is shorter than a chunk.
"""

from dataclasses import dataclass

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
        """Return the first column of each chunk of clips."""
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
    """Draw one chunk a clip, outside the padding."""
    places = np.maximum(np.asarray(lengths) - size, 0) + 1
    # 1 separates these draws from those of the order of rows.
    drawn = np.random.default_rng([seed, epoch, 1]).random(len(places))
    return (drawn * places).astype(int)
