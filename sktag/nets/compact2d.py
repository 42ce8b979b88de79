"""The compact network for spectrograms."""

from collections.abc import Sequence

from torch import Tensor, nn

from sktag.nets.blocks import (
    ConvBlock2d,
    Network,
    Size2d,
    as_maps,
    mean_max,
    smallest_shape,
)


class CompactCNN2d(Network):
    """Small VGG-style network for spectrograms, the default of CNN2DClassifier.

    Blocks of two 3 x 3 convolutions with batch norm and ReLU, each block with a
    max-pooling by 2; then the mean over frequency, mean and maximum over time,
    dropout, and a dense output. For 64 bins, 216 frames and 10 outputs:

    ========================  ===============  ==========
    layer                     output           parameters
    ========================  ===============  ==========
    block 1, 24 filters       24 x 32 x 108         5,496
    block 2, 48 filters       48 x 16 x 54         31,296
    block 3, 96 filters       96 x 8 x 27         124,800
    block 4, 128 filters      128 x 4 x 13        258,560
    mean, mean and max        256                       0
    dense                     10                    2,570
    total                                         422,722
    ========================  ===============  ==========

    It follows no single paper: the blocks are VGG's, the pooling of frequency by mean
    and of time by mean and maximum is common in tagging of sound events.

    Parameters
    ----------
    n_outputs : int
        Number of outputs (logits).
    n_filters : sequence of int
        Channels of each block.
    kernel_sizes : sequence of (int, int)
        Of the convolutions of each block, in (bins, frames).
    pool_sizes : sequence of (int, int)
        Of each block, in (bins, frames).
    pooling : {"max", "avg", "std"}
        Kind of pooling after each block.
    batch_norm : bool
        Whether convolutions are followed by batch normalisation.
    dropout : float in [0, 1)
        Before the dense layer.
    activation : str
        After each convolution.

    Attributes
    ----------
    blocks : Sequential
        The blocks.
    output : Linear
        The output layer.
    min_shape : tuple of int
        Fewest bins and frames of an input.

    References
    ----------
    Simonyan, Zisserman, "Very deep convolutional networks for large-scale image
    recognition", ICLR 2015.
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
        super().__init__()
        channels = [1, *n_filters]
        self.blocks = nn.Sequential(
            *(
                ConvBlock2d(
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
            )
        )
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(2 * channels[-1], n_outputs)
        self.min_shape = smallest_shape(pool_sizes)

    def features(self, x: Tensor) -> Tensor:
        """Compute the penultimate layer of a batch.

        Parameters
        ----------
        x : Tensor of shape (n_clips, n_bins, n_frames)
            Spectrograms.

        Returns
        -------
        Tensor of shape (n_clips, 2 * n_filters[-1])
            Means, then maxima, over time.
        """
        return mean_max(self.blocks(as_maps(x)).mean(2), -1)
