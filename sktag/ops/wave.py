"""Ops for the length and the level of waveforms."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from sktag.ops.op import Op, Shape

# RMS level of "rms": 20 dB below full scale, a usual level of mixes.
RMS_LEVEL = 0.1


@dataclass
class WindowOp(Op):
    """Cut or extend waveforms to one length.

    Parameters
    ----------
    start : int >= 0
        First sample kept.
    n_samples : int > 0 or None
        Length of the result; None for all that follows.
    pad : {"zero", "repeat"}, default="zero"
        How shorter waveforms are extended: with silence, or by repeating them.

    Examples
    --------
    >>> import torch
    >>> from sktag.ops import WindowOp
    >>> WindowOp(1, 5, pad="repeat")(torch.tensor([[1.0, 2.0, 3.0]]))
    tensor([[2., 3., 2., 3., 2.]])
    """

    takes: ClassVar[str | None] = "wave"

    start: int
    n_samples: int | None
    pad: str = "zero"

    def out_shape(self, shape: Sequence[int]) -> Shape:
        """Return the shape of the output: (n_clips, n_samples)."""
        return (shape[0], self.n_samples or max(0, shape[1] - self.start))

    def out_length(self, length: int) -> int:
        """Return how many samples of the output are not padding."""
        rest = max(0, length - self.start)
        return rest if self.n_samples is None else min(rest, self.n_samples)

    def forward(self, x: Tensor) -> Tensor:
        """Cut or extend a batch, as in :meth:`sktag.ops.Op.forward`."""
        x = x[:, self.start :]
        if self.n_samples is None:
            return x
        x = x[:, : self.n_samples]
        missing = self.n_samples - x.shape[1]
        if missing == 0:
            return x
        if self.pad == "repeat" and x.shape[1] > 0:
            times = -(-self.n_samples // x.shape[1])
            return x.repeat(1, times)[:, : self.n_samples]
        return functional.pad(x, (0, missing))


@dataclass
class LevelOp(Op):
    """Scale each waveform to a given level; silence stays silence.

    Parameters
    ----------
    level : {"peak", "rms"}
        "peak": the largest magnitude becomes 1. "rms": the root mean square becomes
        0.1 (-20 dB), or less if a sample would exceed 1.

    Examples
    --------
    >>> import torch
    >>> from sktag.ops import LevelOp
    >>> LevelOp("peak")(torch.tensor([[0.1, -0.2]]))
    tensor([[ 0.5000, -1.0000]])
    """

    takes: ClassVar[str | None] = "wave"

    level: str

    def forward(self, x: Tensor) -> Tensor:
        """Scale a batch, as in :meth:`sktag.ops.Op.forward`."""
        # The smallest normal number: silence divided by it stays 0.
        tiny = torch.finfo(x.dtype).tiny
        peak = x.abs().amax(dim=1, keepdim=True)
        gain = 1 / peak.clamp_min(tiny)
        if self.level == "rms":
            rms = x.square().mean(dim=1, keepdim=True).sqrt()
            gain = torch.minimum(gain, RMS_LEVEL / rms.clamp_min(tiny))
        return x * gain
