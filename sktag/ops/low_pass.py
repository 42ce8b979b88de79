"""A low-pass filter that decimates, as a matrix product of the samples to keep."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

# Attenuation of the stop band, in dB.
_STOP = 95.0
# With more coefficients, a longer Fourier transform is faster.
_MOST_TAPS = 64
# Samples computed by one row of the matrix product.
_BLOCK = 16


class LowPass(NamedTuple):
    """A low-pass filter that computes every `step`-th sample.

    `taps` is symmetric. `matrix`, of shape (_BLOCK, n), holds the taps, shifted by
    `step` from row to row.
    """

    step: int
    taps: np.ndarray
    matrix: Tensor

    @classmethod
    def design(
        cls, edge: float, hop_length: int, device: torch.device
    ) -> "LowPass | None":
        """Return a filter that passes frequencies up to `edge`, in cycles a sample.

        Aliases in that band are attenuated by `_STOP`. None if it would save no time.
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
        """Number of samples needed beyond either end of a segment."""
        return self.matrix.shape[1]

    def undo(self, first: int, band: Tensor, size: int) -> Tensor:
        """Return the factors that undo the filter in a band of a spectrum of `size`."""
        frequencies = np.arange(first, first + len(band)) / size
        times = np.arange(len(self.taps)) - len(self.taps) // 2
        response = np.cos(2 * np.pi * np.outer(frequencies, times)) @ self.taps
        return torch.from_numpy(self.step / response).to(band.device, torch.float32)

    def __call__(self, x: Tensor, size: int) -> Tensor:
        """Filter and decimate `size` samples, starting with sample `reach`."""
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
    """Split the product of overlapping frames with rows into products to add up.

    The first frame begins at `start`. Each item is a piece of the frames, (n_clips,
    n_frames, n), and the matching columns of the rows, (n_clips, n_rows, n). Pieces do
    not overlap, so they are views that a matrix product takes without a copy.
    """
    for at in range(0, rows.shape[1], hop):
        some = rows[:, at : at + hop].expand(len(x), -1, -1)
        first = start + at
        last = first + (n_frames - 1) * hop + some.shape[2]
        yield x[:, first:last].unfold(1, some.shape[2], hop), some
