"""Parts that the networks share."""

from collections.abc import Callable, Collection, Sequence
from difflib import get_close_matches
from math import prod, sqrt
from numbers import Integral
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sktag.nets.pooling import make_pool

Size2d = tuple[int, int]
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

    Subclasses set the attributes and write `features`.

    Attributes
    ----------
    dropout : Module
        Before the output.
    output : Linear
        The output layer, whose input is `features`.
    min_shape : tuple of int
        Fewest bins and frames, or samples, of an input.
    """

    dropout: nn.Module
    output: nn.Linear
    min_shape: tuple[int, ...]

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
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits of a batch, (n_clips, n_outputs)."""
        logits: Tensor = self.output(self.dropout(self.features(x)))
        return logits


class SameConv2d(nn.Conv2d):
    """Convolution whose output has as many bins and frames as its input.

    With a stride, one in `stride`, rounded up. The filters may be of even size: they
    reach one place further to the end than to the start, as in TensorFlow. (torch's
    own ``padding="same"`` takes no stride, and warns of even sizes.)

    Parameters
    ----------
    n_in, n_out : int
        Channels of input and output.
    kernel_size : tuple of int
        In (bins, frames).
    stride : tuple of int, default=(1, 1)
        In (bins, frames).
    bias : bool, default=True
        Whether there is one.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel_size: Size2d,
        *,
        stride: Size2d = (1, 1),
        bias: bool = True,
    ) -> None:
        both = ((kernel_size[0] - 1) // 2, (kernel_size[1] - 1) // 2)
        super().__init__(n_in, n_out, kernel_size, stride, both, bias=bias)
        self._at_end = (0, 1 - kernel_size[1] % 2, 0, 1 - kernel_size[0] % 2)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve a batch, (n_clips, n_in, n_bins, n_frames)."""
        return super().forward(F.pad(x, self._at_end) if any(self._at_end) else x)


class ConvLayer2d(nn.Sequential):
    """Convolution, batch norm, activation, pooling.

    Parameters
    ----------
    n_in, n_out : int
        Channels of input and output.
    kernel_size : tuple of int
        In (bins, frames); the convolution keeps their number.
    pool_size : tuple of int
        In (bins, frames); (1, 1) pools nothing.
    pooling : {"max", "avg", "std"}
        Kind of pooling.
    batch_norm : bool
        Whether the convolution, which has a bias in any case, is followed by batch
        normalisation.
    activation : str
        A key of `ACTIVATIONS`.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        kernel_size: Size2d,
        pool_size: Size2d,
        pooling: str,
        batch_norm: bool,
        activation: str,
    ) -> None:
        layers: list[nn.Module] = [SameConv2d(n_in, n_out, kernel_size)]
        if batch_norm:
            layers.append(nn.BatchNorm2d(n_out))
        layers.append(ACTIVATIONS[activation]())
        if pool_size != (1, 1):
            layers.append(make_pool(pooling, pool_size))
        super().__init__(*layers)


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
    pooling : {"max", "avg", "std"}
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
        kernel_size: Size2d,
        pool_size: Size2d,
        pooling: str,
        batch_norm: bool,
        activation: str,
    ) -> None:
        layers: list[nn.Module] = []
        for n in (n_in, n_out):
            # Batch norm has a bias of its own.
            layers.append(SameConv2d(n, n_out, kernel_size, bias=not batch_norm))
            if batch_norm:
                layers.append(nn.BatchNorm2d(n_out))
            layers.append(ACTIVATIONS[activation]())
        if pool_size != (1, 1):
            layers.append(make_pool(pooling, pool_size))
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


def pair(size: Any) -> Size2d:
    """Return a size in (bins, frames), of one number or of two.

    Parameters
    ----------
    size : int or (int, int)
        A number stands for both.

    Returns
    -------
    tuple of int
        Bins and frames.

    Raises
    ------
    ValueError
        If there are more numbers, or fewer.
    """
    if isinstance(size, Integral):
        return int(size), int(size)
    if len(size) != 2:
        raise ValueError(f"{size!r} is no size: give a number, or (bins, frames).")
    return int(size[0]), int(size[1])


def smallest_shape(pool_sizes: Sequence[Size2d]) -> Size2d:
    """Return the fewest bins and frames that poolings leave something of.

    Parameters
    ----------
    pool_sizes : sequence of (int, int)
        Of one pooling after the other, in (bins, frames).

    Returns
    -------
    tuple of int
        Bins and frames.
    """
    return prod(p[0] for p in pool_sizes), prod(p[1] for p in pool_sizes)


def check_architecture(architecture: str, names: Collection[str]) -> None:
    """Raise if there is no network of a name.

    Parameters
    ----------
    architecture : str
        The name.
    names : collection of str
        Names that there are.

    Raises
    ------
    ValueError
        If it is none of them.
    """
    if architecture in names:
        return
    close = get_close_matches(architecture, names, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(
        f"architecture={architecture!r} is none of {', '.join(map(repr, names))}.{hint}"
    )


def check_used(
    architecture: str, given: dict[str, Any], names: Collection[str]
) -> None:
    """Raise if a value is given that an architecture has no use for.

    Parameters
    ----------
    architecture : str
        Name of the network.
    given : dict of str
        Values by name; None is not given.
    names : collection of str
        Names of the values that the architecture has.

    Raises
    ------
    ValueError
        If there is one.
    """
    useless = [
        f"{name}={value!r}"
        for name, value in given.items()
        if value is not None and name not in names
    ]
    if useless:
        raise ValueError(
            f"architecture={architecture!r} has no use for {', '.join(useless)}: leave "
            f"it None. What it has is {', '.join(names)}."
        )
