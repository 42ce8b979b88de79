"""Which part of a clip a chunk depends on.

A frame of a spectrogram depends on the samples of its window alone, so a chunk of a
spectrogram can be computed from a part of the waveform: its own samples and a margin on
either side. A part always lies inside the clip and begins at a multiple of the hop, so
that its frames are frames of the clip; where it ends with the clip, the front-end pads
it as it pads the clip. The numbers are therefore those of a cut from the whole clip's
spectrogram.
"""

from typing import NamedTuple

import numpy as np


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
    """Find the parts that chunks depend on."""
    first, last, hop = 0, size, 1
    for op in reversed(ops):
        first, last = op.in_slice(first, last)
        step = op.hop_length or 1
        first = first // step * step
        hop *= step
    # A part that is moved to the end of the clip must still begin at a hop.
    width = last - first + (n_columns - last + first) % hop
    if width >= n_columns:
        return None
    return Margins(n_columns, width, hop, -first)
