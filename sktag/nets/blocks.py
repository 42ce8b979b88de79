"""Parts that the networks share."""

from collections.abc import Callable, Mapping
from math import prod, sqrt
from typing import Any, NamedTuple

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


class Published(NamedTuple):
    """What a network was published for.

    Parameters
    ----------
    input_shape : tuple of int
        Bins and frames, or samples, of an input.
    chunk_size : int or None
        Frames or samples of a chunk of a clip; None where whole clips are taken.
    """

    input_shape: tuple[int, ...]
    chunk_size: int | None


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


class Network(nn.Module):
    """Features of a batch, dropout, and a dense output.

    Subclasses write `_features`.

    Parameters
    ----------
    n_features : int
        Number of features of a clip.
    n_outputs : int
        Number of logits.
    dropout : float in [0, 1)
        Share of the features dropped before the output.
    min_shape : tuple of int
        Fewest bins and frames, or samples, of an input.

    Attributes
    ----------
    output : Linear
        The output layer, whose input is `features`.
    min_shape : tuple of int
        Fewest bins and frames, or samples, of an input.
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
            Input of the output layer, before its dropout.
        """
        return self._features(x)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits of a batch, (n_clips, n_outputs)."""
        logits: Tensor = self.output(self.dropout(self.features(x)))
        return logits


class _Same(nn.Module):
    """Convolution whose maps are as large as its input.

    With a stride, one place in `stride`, rounded up. Kernels may be of even size: they
    reach one place further to the end than to the start, as in TensorFlow. (torch's
    own ``padding="same"`` takes no stride, and warns of even sizes.)

    Parameters
    ----------
    n_in, n_out : int
        Channels of input and output.
    kernel_size : tuple of int
        One number for each axis.
    stride : int or tuple of int, default=1
        Likewise.
    bias : bool, default=True
        Whether there is one.
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
    """Return a batch norm for maps of one or two axes, or nothing, in a list."""
    kind = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d}[n_axes]
    return [kind(n_channels)] if batch_norm else []


def conv_block(
    conv: nn.Conv1d | nn.Conv2d, values: Mapping[str, Any], pool_size: Size = (1,)
) -> nn.Sequential:
    """Put batch norm, activation and pooling behind a convolution.

    Parameters
    ----------
    conv : Conv1d or Conv2d
        The convolution.
    values : dict
        "batch_norm", "activation" and, where something is pooled, "pooling".
    pool_size : tuple of int
        Window of the pooling, one number for each axis; of ones, the default, there is
        none.

    Returns
    -------
    Sequential
        The block.
    """
    n_axes = len(conv.kernel_size)
    block = nn.Sequential(conv, *norm(conv.out_channels, values["batch_norm"], n_axes))
    block.append(ACTIVATIONS[values["activation"]]())
    if prod(pool_size) > 1:
        block.append(make_pool(values["pooling"], pool_size))
    return block


def as_maps(x: Tensor) -> Tensor:
    """Make feature maps of spectrograms: one channel, channels last in memory.

    Parameters
    ----------
    x : Tensor of shape (n_clips, n_bins, n_frames)
        Spectrograms.

    Returns
    -------
    Tensor of shape (n_clips, 1, n_bins, n_frames)
        The same numbers.
    """
    return x.unsqueeze(1).contiguous(memory_format=torch.channels_last)
