"""Parts that the networks over time share."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sktag.nets.blocks import ACTIVATIONS, Network
from sktag.nets.pooling import make_pool


class SameConv1d(nn.Conv1d):
    """Convolution that keeps the number of frames.

    Parameters
    ----------
    n_in, n_out : int
        Channels of input and output.
    kernel_size : int
        Odd, or even: then there is one more zero at the end than at the start, as in
        torch's own padding "same", which warns of it.
    bias : bool, default=True
        Whether there is a bias.
    """

    def __init__(
        self, n_in: int, n_out: int, kernel_size: int, bias: bool = True
    ) -> None:
        padding = (kernel_size - 1) // 2
        super().__init__(n_in, n_out, kernel_size, padding=padding, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve a batch, (n_clips, n_in, n_frames)."""
        if self.kernel_size[0] % 2 == 0:
            x = F.pad(x, (0, 1))
        return super().forward(x)


def norm(n_channels: int, batch_norm: bool) -> list[nn.Module]:
    """Return a batch norm, or nothing.

    Parameters
    ----------
    n_channels : int
        Number of channels.
    batch_norm : bool
        Whether there is one.

    Returns
    -------
    list of Module
        One, or none.
    """
    return [nn.BatchNorm1d(n_channels)] if batch_norm else []


def style_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what all blocks of a network have in common.

    Parameters
    ----------
    values : dict
        Values of the network.

    Returns
    -------
    dict
        "batch_norm", "activation" and "pooling".
    """
    return {name: values[name] for name in ("batch_norm", "activation", "pooling")}


def conv_block(
    conv: nn.Conv1d,
    *,
    batch_norm: bool,
    activation: str,
    pooling: str,
    pool_size: int = 1,
) -> nn.Sequential:
    """Put batch norm, activation and pooling behind a convolution.

    Parameters
    ----------
    conv : Conv1d
        The convolution.
    batch_norm : bool
        Whether batch normalisation follows it.
    activation : str
        A key of `ACTIVATIONS`.
    pooling : {"max", "avg", "std"}
        Kind of pooling.
    pool_size : int
        Frames that are pooled; 1, the default, pools nothing.

    Returns
    -------
    Sequential
        The block.
    """
    block = nn.Sequential(conv, *norm(conv.out_channels, batch_norm))
    block.append(ACTIVATIONS[activation]())
    if pool_size > 1:
        block.append(make_pool(pooling, (pool_size,)))
    return block


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
    """Block of Kim, Lee and Nam: around its convolutions there is a shortcut.

    Parameters
    ----------
    n_in, n_out : int
        Channels of input and output; where they differ, the shortcut is a convolution
        of length 1 with batch norm.
    n_convs : {1, 2}
        Number of convolutions; between two are ReLU and dropout.
    kernel_size, pool_size : int
        Of the convolutions, and of the pooling.
    batch_norm : bool
        Whether batch normalisation follows each convolution.
    activation : str
        A key of `ACTIVATIONS`.
    pooling : {"max", "avg", "std"}
        Kind of pooling.
    dropout : float in [0, 1)
        Between two convolutions.
    se_ratio : float > 0 or None
        Width of the squeeze before the sum; None leaves it out.

    References
    ----------
    He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        n_convs: int,
        kernel_size: int,
        pool_size: int,
        batch_norm: bool,
        activation: str,
        pooling: str,
        dropout: float,
        se_ratio: float | None,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [SameConv1d(n_in, n_out, kernel_size)]
        for _ in range(n_convs - 1):
            layers += norm(n_out, batch_norm)
            layers += [ACTIVATIONS[activation](), nn.Dropout(dropout)]
            layers.append(SameConv1d(n_out, n_out, kernel_size))
        layers += norm(n_out, batch_norm)
        if se_ratio is not None:
            layers.append(SqueezeExcite(n_out, se_ratio, activation))
        self.layers = nn.Sequential(*layers)
        self.shortcut = nn.Sequential()
        if n_in != n_out:
            self.shortcut.extend([nn.Conv1d(n_in, n_out, 1), *norm(n_out, batch_norm)])
        self.end = nn.Sequential(ACTIVATIONS[activation]())
        if pool_size > 1:
            self.end.append(make_pool(pooling, (pool_size,)))

    def forward(self, x: Tensor) -> Tensor:
        """Compute the maps of a batch, (n_clips, n_in, n_frames)."""
        maps: Tensor = self.end(self.layers(x) + self.shortcut(x))
        return maps


def make_block(
    kind: str, n_in: int, n_out: int, kernel: int, pool: int, values: Mapping[str, Any]
) -> nn.Module:
    """Make a block of the networks of Kim, Lee and Nam.

    Parameters
    ----------
    kind : {"basic", "se", "res1", "res2", "rese1", "rese2"}
        Name of the block.
    n_in, n_out : int
        Channels of input and output.
    kernel, pool : int
        Length of the convolutions, and of the pooling.
    values : dict
        "pooling", "batch_norm", "activation", "inner_dropout", "se_ratio".

    Returns
    -------
    Module
        The block.
    """
    if kind in ("basic", "se"):
        conv = SameConv1d(n_in, n_out, kernel)
        block = conv_block(conv, pool_size=pool, **style_of(values))
        if kind == "se":
            scale = SqueezeExcite(n_out, values["se_ratio"], values["activation"])
            block.append(scale)
        return block
    return ResidualBlock1d(
        n_in,
        n_out,
        n_convs=int(kind[-1]),
        kernel_size=kernel,
        pool_size=pool,
        **style_of(values),
        dropout=values["inner_dropout"],
        se_ratio=values.get("se_ratio"),
    )


class FeatureNet(Network):
    """Network whose logits are one dense layer over its features.

    Parameters
    ----------
    n_features : int
        Number of features of a clip.
    n_outputs : int
        Number of logits.
    dropout : float in [0, 1)
        Share of the features dropped before the dense layer.
    min_shape : tuple of int
        Shortest input, without the axis of clips.

    Attributes
    ----------
    min_shape : tuple of int
        Shortest input, without the axis of clips.
    output : Linear
        The last layer.
    """

    def __init__(
        self,
        n_features: int,
        n_outputs: int,
        dropout: float,
        min_shape: tuple[int, ...],
    ) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(n_features, n_outputs)
        self.min_shape = min_shape
