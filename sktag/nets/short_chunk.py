"""Networks for short chunks of music, plain and residual."""

from collections.abc import Sequence

from torch import Tensor, nn

from sktag.nets.blocks import (
    ACTIVATIONS,
    ConvLayer2d,
    Network,
    SameConv2d,
    Size2d,
    as_maps,
    smallest_shape,
)


class _ShortChunk(Network):
    """Batch norm, blocks, maximum over all that is left, dense, dropout, output."""

    def __init__(
        self,
        n_outputs: int,
        blocks: Sequence[nn.Module],
        n_features: int,
        batch_norm: bool,
        dropout: float,
        activation: str,
    ) -> None:
        super().__init__()
        self.input_norm = nn.BatchNorm2d(1) if batch_norm else nn.Identity()
        self.blocks = nn.Sequential(*blocks)
        self.dense = nn.Sequential(
            nn.Linear(n_features, n_features),
            nn.BatchNorm1d(n_features) if batch_norm else nn.Identity(),
            ACTIVATIONS[activation](),
        )
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(n_features, n_outputs)

    def features(self, x: Tensor) -> Tensor:
        """Compute the penultimate layer of a batch.

        Parameters
        ----------
        x : Tensor of shape (n_clips, n_bins, n_frames)
            Spectrograms.

        Returns
        -------
        Tensor of shape (n_clips, n_filters[-1])
            Output of the dense layer.
        """
        maps = self.blocks(self.input_norm(as_maps(x)))
        features: Tensor = self.dense(maps.amax((2, 3)))
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
    n_filters : sequence of int
        Channels of each layer; the last is also the width of the dense layer.
    kernel_sizes : sequence of (int, int)
        Of each layer, in (bins, frames).
    pool_sizes : sequence of (int, int)
        Of each layer, in (bins, frames); (1, 1) pools nothing.
    pooling : {"max", "avg", "std"}
        Kind of pooling after each layer; what is left is pooled by maximum.
    batch_norm : bool
        Whether input, convolutions and dense layer are followed by batch
        normalisation.
    dropout : float in [0, 1)
        Before the output.
    activation : str
        After each convolution and the dense layer.

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
        self,
        n_outputs: int,
        n_filters: Sequence[int],
        kernel_sizes: Sequence[Size2d],
        pool_sizes: Sequence[Size2d],
        pooling: str,
        batch_norm: bool,
        dropout: float,
        activation: str,
    ) -> None:
        channels = [1, *n_filters]
        blocks = [
            ConvLayer2d(
                n_in,
                n_out,
                kernel_size=kernel_size,
                pool_size=pool_size,
                pooling=pooling,
                batch_norm=batch_norm,
                activation=activation,
            )
            for n_in, n_out, kernel_size, pool_size in zip(
                channels[:-1], channels[1:], kernel_sizes, pool_sizes, strict=True
            )
        ]
        super().__init__(
            n_outputs, blocks, channels[-1], batch_norm, dropout, activation
        )
        self.min_shape = smallest_shape(pool_sizes)


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
    batch_norm : bool
        Whether convolutions are followed by batch normalisation.
    activation : str
        A key of `ACTIVATIONS`.

    References
    ----------
    He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        kernel_size: Size2d,
        stride: Size2d,
        batch_norm: bool,
        activation: str,
    ) -> None:
        super().__init__()

        def norm() -> nn.Module:
            return nn.BatchNorm2d(n_out) if batch_norm else nn.Identity()

        self.body = nn.Sequential(
            SameConv2d(n_in, n_out, kernel_size, stride=stride),
            norm(),
            ACTIVATIONS[activation](),
            SameConv2d(n_out, n_out, kernel_size),
            norm(),
        )
        self.shortcut = nn.Sequential(
            SameConv2d(n_in, n_out, kernel_size, stride=stride), norm()
        )
        self.activation = ACTIVATIONS[activation]()

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
    n_filters : sequence of int
        Channels of each block; the last is also the width of the dense layer.
    kernel_sizes : sequence of (int, int)
        Of each block, in (bins, frames).
    strides : sequence of (int, int)
        Of each block, in (bins, frames), in place of a pooling.
    batch_norm : bool
        Whether input, convolutions and dense layer are followed by batch
        normalisation.
    dropout : float in [0, 1)
        Before the output.
    activation : str
        After the first convolution of each block, after each block and the dense
        layer.

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
        self,
        n_outputs: int,
        n_filters: Sequence[int],
        kernel_sizes: Sequence[Size2d],
        strides: Sequence[Size2d],
        batch_norm: bool,
        dropout: float,
        activation: str,
    ) -> None:
        channels = [1, *n_filters]
        blocks = [
            ResBlock2d(
                n_in,
                n_out,
                kernel_size=kernel_size,
                stride=stride,
                batch_norm=batch_norm,
                activation=activation,
            )
            for n_in, n_out, kernel_size, stride in zip(
                channels[:-1], channels[1:], kernel_sizes, strides, strict=True
            )
        ]
        super().__init__(
            n_outputs, blocks, channels[-1], batch_norm, dropout, activation
        )
        self.min_shape = (1, 1)
