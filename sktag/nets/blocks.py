"""Shared parts of the networks: base class, convolutions, initial weights."""

from collections.abc import Callable, Iterable, Mapping
from math import prod, sqrt
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sktag.nets.pooling import make_pool

Size = tuple[int, ...]  # one number for each axis
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}
POOLINGS = ("max", "avg", "std")


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
    """Redraw the weights of convolutions and dense layers, and set biases to 0.

    References: He, Zhang, Ren, Sun, "Delving deep into rectifiers", ICCV 2015.
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


class Network(nn.Module):
    """Base class of the networks: features, dropout and a dense output layer.

    Subclasses implement `_features`.

    Parameters
    ----------
    n_features : int
        Number of features of each clip.
    n_outputs : int
        Number of logits.
    dropout : float in [0, 1)
        Dropout rate before the output layer.
    min_shape : tuple of int
        Smallest input: bins and frames, or samples.

    Attributes
    ----------
    output : Linear
        The output layer; its input is `features`.
    pool : Module
        The global pooling, which gives one row a clip. A network without global pooling
        does not have this attribute.
    min_shape : tuple of int
        Smallest input: bins and frames, or samples.
    """

    def __init__(
        self, n_features: int, n_outputs: int, dropout: float, min_shape: Size
    ) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(n_features, n_outputs)
        self.min_shape = min_shape

    def _features(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def features(self, x: Tensor) -> Tensor:
        """Compute the penultimate layer of a batch.

        Parameters
        ----------
        x : Tensor of shape (n_clips, n_bins, n_frames) or (n_clips, n_samples)
            Spectrograms, or waveforms.

        Returns
        -------
        Tensor of shape (n_clips, n_features)
            Input of the output layer, before dropout.
        """
        return self._features(x)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits of a batch, (n_clips, n_outputs)."""
        logits: Tensor = self.output(self.dropout(self.features(x)))
        return logits


class _Same(nn.Module):
    """Convolution whose output is as large as its input, or 1/stride of it rounded up.

    The input of a kernel of even size is padded by one more zero at the end than at the
    start, as in TensorFlow. (torch's ``padding="same"`` allows no stride and warns
    about even sizes.)
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel_size: Size,
        *,
        stride: int | Size = 1,
        bias: bool = True,
    ) -> None:
        at_start = tuple((n - 1) // 2 for n in kernel_size)
        super().__init__(n_in, n_out, kernel_size, stride, at_start, bias=bias)
        # torch pads the last axis first: (before, after) of each.
        self._at_end = [i for n in reversed(kernel_size) for i in (0, 1 - n % 2)]

    def forward(self, x: Tensor) -> Tensor:
        """Convolve a batch, (n_clips, n_in, ...)."""
        padded = F.pad(x, self._at_end) if any(self._at_end) else x
        maps: Tensor = super().forward(padded)
        return maps


class SameConv1d(_Same, nn.Conv1d):
    """Convolution over time that keeps the number of frames."""


class SameConv2d(_Same, nn.Conv2d):
    """Convolution over both axes that keeps the number of bins and of frames."""


def norm(n_channels: int, batch_norm: bool, n_axes: int = 1) -> list[nn.Module]:
    """Return a list with a batch norm for maps of 1 or 2 axes, or an empty list."""
    kind = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d}[n_axes]
    return [kind(n_channels)] if batch_norm else []


def conv_block(
    conv: nn.Conv1d | nn.Conv2d, values: Mapping[str, Any], pool_size: Size = (1,)
) -> nn.Sequential:
    """Return a convolution followed by batch norm, activation and pooling."""
    n_axes = len(conv.kernel_size)
    block = nn.Sequential(conv, *norm(conv.out_channels, values["batch_norm"], n_axes))
    block.append(ACTIVATIONS[values["activation"]]())
    if prod(pool_size) > 1:
        block.append(make_pool(values["pooling"], pool_size))
    return block


def stack1d(
    steps: Iterable[tuple[int, int, Size, Size]],
    values: Mapping[str, Any],
    *,
    padded: bool,
) -> nn.Sequential:
    """Return a stack of convolutions over time, each a `conv_block`."""
    layers = nn.Sequential()
    for n_in, n_out, kernel, pool in steps:
        conv: nn.Conv1d
        if padded:
            conv = SameConv1d(n_in, n_out, kernel, bias=not values["batch_norm"])
        else:
            conv = nn.Conv1d(n_in, n_out, kernel[0])
        layers.append(conv_block(conv, values, pool))
    return layers


def as_maps(x: Tensor) -> Tensor:
    """Return spectrograms as maps of one channel, with channels last in memory."""
    return x.unsqueeze(1).contiguous(memory_format=torch.channels_last)
