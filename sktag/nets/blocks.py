"""Parts that the networks share."""

from collections.abc import Callable
from math import sqrt
from typing import Any

import torch
from torch import Tensor, nn

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}
POOLINGS: dict[str, Callable[[Any], nn.Module]] = {
    "max": nn.MaxPool2d,
    "avg": nn.AvgPool2d,
}


def _lecun_normal(weight: Tensor) -> None:
    fan_in = weight[0].numel()
    nn.init.normal_(weight, std=1 / sqrt(fan_in))


INITIALISERS: dict[str, Callable[[Tensor], Any]] = {
    "he_uniform": lambda w: nn.init.kaiming_uniform_(w, nonlinearity="relu"),
    "he_normal": lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"),
    "xavier_uniform": nn.init.xavier_uniform_,
    "xavier_normal": nn.init.xavier_normal_,
    "lecun_normal": _lecun_normal,
    "orthogonal": nn.init.orthogonal_,
}


def init_weights(net: nn.Module, weight_init: str) -> None:
    """Draw the weights of convolutions and dense layers anew; biases become 0.

    Parameters
    ----------
    net : Module
        The network, changed in place.
    weight_init : str
        A key of `INITIALISERS`, or "default", which leaves torch's own.

    References
    ----------
    He, Zhang, Ren, Sun, "Delving deep into rectifiers", ICCV 2015.
    Glorot, Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010.
    LeCun, Bottou, Orr, Mueller, "Efficient BackProp", 1998.
    Saxe, McClelland, Ganguli, "Exact solutions to the nonlinear dynamics of learning
    in deep linear neural networks", ICLR 2014.
    """
    if weight_init == "default":
        return
    for module in net.modules():
        if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Linear)):
            INITIALISERS[weight_init](module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class ConvBlock2d(nn.Sequential):
    """Two times convolution, batch norm, activation; then a pooling.

    Parameters
    ----------
    n_in, n_out : int
        Channels of input and output.
    kernel_size : tuple of int
        Of the convolutions, in (bins, frames); the output keeps their number.
    pool_size : tuple of int
        In (bins, frames); (1, 1) pools nothing.
    pooling : {"max", "avg"}
        Kind of pooling.
    batch_norm : bool
        Whether convolutions are followed by batch normalisation.
    activation : str
        A key of `ACTIVATIONS`.

    References
    ----------
    Simonyan, Zisserman, "Very deep convolutional networks for large-scale image
    recognition", ICLR 2015.
    Ioffe, Szegedy, "Batch normalization", ICML 2015.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        kernel_size: tuple[int, int],
        pool_size: tuple[int, int],
        pooling: str,
        batch_norm: bool,
        activation: str,
    ) -> None:
        layers: list[nn.Module] = []
        for n in (n_in, n_out):
            # Batch norm has a bias of its own.
            layers.append(
                nn.Conv2d(n, n_out, kernel_size, padding="same", bias=not batch_norm)
            )
            if batch_norm:
                layers.append(nn.BatchNorm2d(n_out))
            layers.append(ACTIVATIONS[activation]())
        if pool_size != (1, 1):
            layers.append(POOLINGS[pooling](pool_size))
        super().__init__(*layers)


def mean_max(x: Tensor, dim: int) -> Tensor:
    """Pool one axis away: its mean and its maximum, one after the other.

    Parameters
    ----------
    x : Tensor of shape (n_clips, n_channels, ...)
        Feature maps.
    dim : int
        Axis that goes.

    Returns
    -------
    Tensor of shape (n_clips, 2 * n_channels, ...)
        Means, then maxima.
    """
    return torch.cat([x.mean(dim), x.amax(dim)], dim=1)
