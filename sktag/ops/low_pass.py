"""A low-pass filter that computes only the samples to keep, as a matrix product."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

# What the filter lets through of what it should not, in dB.
_STOP = 95.0
# The most coefficients at which it is quicker than a longer Fourier transform.
_MOST_TAPS = 64
# Samples computed by a row of the matrix product.
_BLOCK = 16


class LowPass(NamedTuple):
    """A low-pass filter, of which every `step`-th sample is computed.

    `taps` is symmetric; `matrix`, of shape (_BLOCK, n), holds it shifted by `step` from
    row to row.
    """

    step: int
    taps: np.ndarray
    matrix: Tensor

    @classmethod
    def design(
        cls, edge: float, hop_length: int, device: torch.device
    ) -> "LowPass | None":
        """Return the filter that keeps up to `edge`, in cycles a sample.

        What it folds onto that is down by `_STOP`. None if nothing is gained.
        """
        from scipy.signal import firwin, kaiserord

        for step in (4, 2):
            width = 1 / step - 2 * edge
            if hop_length % step or width <= 0:
                continue
            n_taps, beta = kaiserord(_STOP, 2 * width)
            if n_taps > _MOST_TAPS:
                continue
            n_taps |= 1
            taps = firwin(n_taps, 1 / step, window=("kaiser", beta))
            matrix = np.zeros((_BLOCK, (_BLOCK - 1) * step + n_taps))
            for row in range(_BLOCK):
                matrix[row, row * step : row * step + n_taps] = taps
            return cls(step, taps, torch.from_numpy(matrix).to(device, torch.float32))
        return None

    @property
    def reach(self) -> int:
        """Samples needed beyond either end of a segment."""
        return self.matrix.shape[1]

    def undo(self, first: int, band: Tensor, size: int) -> Tensor:
        """Return what a band must be multiplied by, for spectra of `size` columns."""
        frequencies = np.arange(first, first + len(band)) / size
        times = np.arange(len(self.taps)) - len(self.taps) // 2
        response = np.cos(2 * np.pi * np.outer(frequencies, times)) @ self.taps
        return torch.from_numpy(self.step / response).to(band.device, torch.float32)

    def __call__(self, x: Tensor, size: int) -> Tensor:
        """Filter and decimate `size` samples, those from `reach` on."""
        hop = _BLOCK * self.step
        n_blocks = -(-size // hop)
        out = x.new_zeros(len(x), n_blocks, _BLOCK)
        start = self.reach - len(self.taps) // 2
        for frames, some in pieces(x, self.matrix, start, n_blocks, hop):
            out = torch.baddbmm(out, frames, some.mT)
        return out.view(len(x), -1)[:, : size // self.step]


def pieces(
    x: Tensor, rows: Tensor, start: int, n_frames: int, hop: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield what to multiply, and add up, for products of overlapping frames with rows.

    The first frame begins at `start`. Pieces of frames that do not overlap are views
    that a matrix product takes as they lie: (n_clips, n_frames, n), and the columns of
    the rows that they meet: (n_clips, n_rows, n).
    """
    for at in range(0, rows.shape[1], hop):
        some = rows[:, at : at + hop].expand(len(x), -1, -1)
        first = start + at
        last = first + (n_frames - 1) * hop + some.shape[2]
        yield x[:, first:last].unfold(1, some.shape[2], hop), some
