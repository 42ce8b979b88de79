"""Compression of the range of spectra: decibels, logarithm, PCEN.

Each clip is compressed on its own, so its numbers never depend on the other clips of
the batch.
"""

import numpy as np
import torch
from torch import Tensor


def needs_whole_clips(
    compression: str | None, ref: float | str, top_db: float | None
) -> bool:
    """Tell whether a compression looks at all frames of a clip."""
    per_clip = ref == "max" or top_db is not None
    return compression == "pcen" or (compression == "db" and per_clip)


def compress(
    x: Tensor,
    compression: str | None,
    *,
    power: float,
    ref: float | str,
    amin: float,
    top_db: float | None,
    log1p_factor: float,
    frame_rate: float,
) -> Tensor:
    """Compress the range of spectra.

    References: Pons, Serra, "musicnn: pre-trained convolutional neural networks for
    music audio tagging", ISMIR late-breaking 2019: "log1p". Wang, Getreuer, Hughes,
    Lyon, Saurous, "Trainable frontend for robust and far-field keyword spotting",
    ICASSP 2017: "pcen".
    """
    if compression == "db":
        return _decibels(x, 20.0 / power, ref, amin, top_db)
    if compression == "log1p":
        return torch.log10(1 + log1p_factor * x)
    if compression == "pcen":
        return _pcen(x, frame_rate)
    return x


def _decibels(
    x: Tensor, factor: float, ref: float | str, amin: float, top_db: float | None
) -> Tensor:
    levels = factor * torch.log10(x.clamp_min(amin))
    if ref == "max":
        peak = x.amax(dim=(1, 2), keepdim=True).clamp_min(amin)
        levels = levels - factor * torch.log10(peak)
    else:
        levels = levels - factor * float(np.log10(max(amin, float(ref))))
    if top_db is not None:
        floor = levels.amax(dim=(1, 2), keepdim=True) - top_db
        levels = torch.maximum(levels, floor)
    return levels


def _pcen(x: Tensor, frame_rate: float) -> Tensor:
    """Normalise the energy of each channel, with librosa's default parameters."""
    gain, bias, power, time_constant, eps = 0.98, 2.0, 0.5, 0.4, 1e-6
    frames = time_constant * frame_rate
    b = (np.sqrt(1 + 4 * frames**2) - 1) / (2 * frames**2)
    smooth = _smooth(x, float(b))
    agc = torch.exp(-gain * (np.log(eps) + torch.log1p(smooth / eps)))
    out: Tensor = bias**power * torch.expm1(power * torch.log1p(x * agc / bias))
    return out.to(x.dtype)  # the filter on the CPU works in double precision


def _smooth(x: Tensor, b: float) -> Tensor:
    """Return the running mean y[t] = b x[t] + (1 - b) y[t - 1]."""
    # Like librosa, start in the steady state of a unit input, not of the clip.
    if x.device.type == "cpu" and not x.requires_grad:
        from scipy.signal import lfilter

        start = np.full((*x.shape[:-1], 1), 1 - b, dtype=x.numpy().dtype)
        smooth, _ = lfilter([b], [1, b - 1], x.numpy(), zi=start)
        return torch.from_numpy(smooth)
    columns: list[Tensor] = []
    state = torch.full_like(x[..., 0], 1 - b)
    for column in x.unbind(-1):
        columns.append(b * column + state)
        state = (1 - b) * columns[-1]
    return torch.stack(columns, -1)
