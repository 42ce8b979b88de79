"""The Fourier transform of whole clips: on the CPU scipy's, which uses more cores."""

import torch
from scipy import fft
from torch import Tensor


def rfft(x: Tensor) -> Tensor:
    """Transform real signals on the last axis.

    Parameters
    ----------
    x : Tensor of shape (..., n)
        Signals.

    Returns
    -------
    Tensor of shape (..., n // 2 + 1), complex
        Their spectra.
    """
    if x.device.type != "cpu" or x.requires_grad:
        spectra: Tensor = torch.fft.rfft(x)
        return spectra
    return torch.from_numpy(fft.rfft(x.numpy(), workers=torch.get_num_threads()))
