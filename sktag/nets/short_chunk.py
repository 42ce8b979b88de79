"""Networks for short chunks of music, plain and residual."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from sktag.nets.blocks import (
    ACTIVATIONS,
    Network,
    SameConv2d,
    Size,
    as_maps,
    conv_block,
    norm,
)
from sktag.nets.choices import Blocks
from sktag.nets.pooling import global_pool


class _ShortChunk(Network):
    """Batch norm, blocks, maximum over all that is left, dense, dropout, output."""

    def __init__(
        self, n_outputs: int, n_last: int, least: Size, values: Mapping[str, Any]
    ) -> None:
        super().__init__(n_last, n_outputs, values["dropout"], least)
        self.input_norm = nn.Sequential(*norm(1, values["batch_norm"], n_axes=2))
        self.blocks = nn.Sequential()
        self.dense = nn.Sequential(
            nn.Linear(n_last, n_last),
            *norm(n_last, values["batch_norm"]),
            ACTIVATIONS[values["activation"]](),
        )

    def _features(self, x: Tensor) -> Tensor:
        maps = self.blocks(self.input_norm(as_maps(x)))
        features: Tensor = self.dense(global_pool(maps, ("max",)))
        return features


class ShortChunkCNN(_ShortChunk):
    """Short-chunk CNN: seven layers of 3 x 3 with poolings by 2, for 3.69 s of music.

    Each layer is a convolution with a bias, batch norm, ReLU and max-pooling. For 128
    bins, 231 frames and 50 outputs, with the parameters of batch norm counted:

    ======================  ================  ==========
    layer                   output            parameters
    ======================  ================  ==========
    batch norm              1 x 128 x 231              2
    128 filters             128 x 64 x 115         1,536
    128 filters             128 x 32 x 57        147,840
    256 filters             256 x 16 x 28        295,680
    256 filters             256 x 8 x 14         590,592
    256 filters             256 x 4 x 7          590,592
    256 filters             256 x 2 x 3          590,592
    512 filters             512 x 1 x 1        1,181,184
    maximum                 512                        0
    dense, batch norm       512                  263,680
    output                  50                    25,650
    total                                      3,687,348
    ======================  ================  ==========

    Parameters
    ----------
    n_outputs : int
        Number of outputs (logits).
    blocks : Blocks
        Sizes of the blocks.
    values : dict
        "pooling", "batch_norm", "dropout" and "activation".

    Attributes
    ----------
    blocks : Sequential
        The layers.
    output : Linear
        The output layer.
    min_shape : tuple of int
        Fewest bins and frames of an input.

    Notes
    -----
    It follows the authors' code, which says more than the paper: 59,049 samples at 16
    kHz make a chunk, and the maximum is taken over the frames left. Theirs needs
    exactly one bin left; here the maximum goes over all bins left, so that there may
    be more. One of the 128 mel bands of their front-end is empty.

    References
    ----------
    Won, Ferraro, Bogdanov, Serra, "Evaluation of CNN-based automatic music tagging
    models", SMC 2020.
    """

    def __init__(
        self, n_outputs: int, blocks: Blocks, values: Mapping[str, Any]
    ) -> None:
        least = blocks.shortest((1, 1))
        super().__init__(n_outputs, blocks.n_filters[-1], least, values)
        for n_in, n_out, kernel, pool in blocks.steps(1):
            conv = SameConv2d(n_in, n_out, kernel)
            self.blocks.append(conv_block(conv, values, pool))


class ResBlock2d(nn.Module):
    """Two convolutions, the first with a stride, and a shortcut of a third.

    Convolution, batch norm, activation, convolution, batch norm; plus convolution,
    batch norm of the input; then the activation.

    Parameters
    ----------
    n_in, n_out : int
        Channels of input and output.
    kernel_size : tuple of int
        Of all three convolutions, in (bins, frames).
    stride : tuple of int
        Of the first convolution and the shortcut, in (bins, frames).
    values : dict
        "batch_norm" and "activation".

    References
    ----------
    He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel_size: Size,
        stride: Size,
        values: Mapping[str, Any],
    ) -> None:
        super().__init__()
        activation, batch_norm = ACTIVATIONS[values["activation"]], values["batch_norm"]
        self.body = conv_block(
            SameConv2d(n_in, n_out, kernel_size, stride=stride), values
        )
        self.body.append(SameConv2d(n_out, n_out, kernel_size))
        self.body.extend(norm(n_out, batch_norm, n_axes=2))
        self.shortcut = nn.Sequential(
            SameConv2d(n_in, n_out, kernel_size, stride=stride),
            *norm(n_out, batch_norm, n_axes=2),
        )
        self.activation = activation()

    def forward(self, x: Tensor) -> Tensor:
        """Compute the maps of a batch."""
        maps: Tensor = self.activation(self.body(x) + self.shortcut(x))
        return maps


class ShortChunkResCNN(_ShortChunk):
    """Short-chunk CNN + Res: seven residual blocks of stride 2, for 3.69 s of music.

    For 128 bins, 231 frames and 50 outputs:

    ======================  ================  ==========
    layer                   output            parameters
    ======================  ================  ==========
    batch norm              1 x 128 x 231              2
    block, 128 filters      128 x 64 x 116       150,912
    block, 128 filters      128 x 32 x 58        443,520
    block, 256 filters      256 x 16 x 29      1,181,952
    block, 256 filters      256 x 8 x 15       1,771,776
    block, 256 filters      256 x 4 x 8        1,771,776
    block, 256 filters      256 x 2 x 4        1,771,776
    block, 512 filters      512 x 1 x 2        4,723,200
    maximum                 512                        0
    dense, batch norm       512                  263,680
    output                  50                    25,650
    total                                     12,104,244
    ======================  ================  ==========

    Parameters
    ----------
    n_outputs : int
        Number of outputs (logits).
    blocks : Blocks
        Sizes of the blocks; "pool_size" are the strides.
    values : dict
        "batch_norm", "dropout" and "activation".

    Attributes
    ----------
    blocks : Sequential
        The residual blocks.
    output : Linear
        The output layer.
    min_shape : tuple of int
        Fewest bins and frames of an input: one of each, as strides round up.

    Notes
    -----
    It follows the authors' code. No block pools, and every shortcut is a convolution
    of 3 x 3 with batch norm, where ResNet has one of 1 x 1. The maximum is taken over
    all bins and frames left.

    References
    ----------
    Won, Ferraro, Bogdanov, Serra, "Evaluation of CNN-based automatic music tagging
    models", SMC 2020.
    """

    def __init__(
        self, n_outputs: int, blocks: Blocks, values: Mapping[str, Any]
    ) -> None:
        super().__init__(n_outputs, blocks.n_filters[-1], (1, 1), values)
        for n_in, n_out, kernel, stride in blocks.steps(1):
            self.blocks.append(ResBlock2d(n_in, n_out, kernel, stride, values))
