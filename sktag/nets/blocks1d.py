"""Blocks of Kim, Lee and Nam, of the networks on waveforms."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from sktag.nets.blocks import ACTIVATIONS, SameConv1d, Size, conv_block, norm
from sktag.nets.pooling import make_pool


class SqueezeExcite(nn.Module):
    """Scale each channel by a number between 0 and 1 that all channels decide.

    Parameters
    ----------
    n_channels : int
        Channels of input and output.
    ratio : float > 0
        Width of the hidden layer, as a multiple of `n_channels`.
    activation : str
        Of the hidden layer.

    References
    ----------
    Hu, Shen, Sun, "Squeeze-and-excitation networks", CVPR 2018.
    """

    def __init__(self, n_channels: int, ratio: float, activation: str) -> None:
        super().__init__()
        n_hidden = max(1, round(ratio * n_channels))
        self.squeeze = nn.Linear(n_channels, n_hidden)
        self.activation = ACTIVATIONS[activation]()
        self.excite = nn.Linear(n_hidden, n_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Scale a batch, (n_clips, n_channels, n_frames)."""
        hidden = self.activation(self.squeeze(x.mean(-1)))
        return x * torch.sigmoid(self.excite(hidden)).unsqueeze(-1)


class ResidualBlock1d(nn.Module):
    """Convolutions and, around them, a shortcut; activation and pooling of their sum.

    Each convolution is followed by batch norm; between two are activation and dropout.
    Where channels differ, the shortcut is a convolution of length 1 with batch norm.

    Parameters
    ----------
    n_convs : int
        Number of convolutions.
    n_in, n_out : int
        Channels of input and output.
    kernel_size, pool_size : tuple of int
        Of the convolutions, and of the pooling.
    values : dict
        "batch_norm", "activation", "pooling", "inner_dropout"; and "se_ratio" where the
        maps are scaled by `SqueezeExcite` before the sum.

    References
    ----------
    He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016.
    """

    def __init__(
        self,
        n_convs: int,
        n_in: int,
        n_out: int,
        kernel_size: Size,
        pool_size: Size,
        values: Mapping[str, Any],
    ) -> None:
        super().__init__()
        activation, batch_norm = values["activation"], values["batch_norm"]
        self.layers = nn.Sequential(SameConv1d(n_in, n_out, kernel_size))
        for _ in range(n_convs - 1):
            self.layers.extend(norm(n_out, batch_norm))
            self.layers.append(ACTIVATIONS[activation]())
            self.layers.append(nn.Dropout(values["inner_dropout"]))
            self.layers.append(SameConv1d(n_out, n_out, kernel_size))
        self.layers.extend(norm(n_out, batch_norm))
        if "se_ratio" in values:
            self.layers.append(SqueezeExcite(n_out, values["se_ratio"], activation))
        self.shortcut = nn.Sequential()
        if n_in != n_out:
            self.shortcut.extend([nn.Conv1d(n_in, n_out, 1), *norm(n_out, batch_norm)])
        self.end = nn.Sequential(ACTIVATIONS[activation]())
        if pool_size != (1,):
            self.end.append(make_pool(values["pooling"], pool_size))

    def forward(self, x: Tensor) -> Tensor:
        """Compute the maps of a batch, (n_clips, n_in, n_frames)."""
        maps: Tensor = self.end(self.layers(x) + self.shortcut(x))
        return maps


def make_block(
    kind: str,
    n_in: int,
    n_out: int,
    kernel_size: Size,
    pool_size: Size,
    values: Mapping[str, Any],
) -> nn.Module:
    """Make a block by the name of its network.

    Parameters
    ----------
    kind : {"basic", "se", "res1", "res2", "rese1", "rese2"}
        Name of the network.
    n_in, n_out : int
        Channels of input and output.
    kernel_size, pool_size : tuple of int
        Of the convolutions, and of the pooling.
    values : dict
        Values of the network.

    Returns
    -------
    Module
        The block.
    """
    if kind.startswith("res"):
        n_convs = int(kind[-1])
        return ResidualBlock1d(n_convs, n_in, n_out, kernel_size, pool_size, values)
    block = conv_block(SameConv1d(n_in, n_out, kernel_size), values, pool_size)
    if kind == "se":
        block.append(SqueezeExcite(n_out, values["se_ratio"], values["activation"]))
    return block
