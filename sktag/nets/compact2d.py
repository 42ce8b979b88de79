"""The compact network for spectrograms."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from sktag.nets.blocks import Network, SameConv2d, as_maps, conv_block
from sktag.nets.choices import Blocks
from sktag.nets.pooling import global_pool


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
    blocks : Blocks
        Sizes of the blocks.
    values : dict
        "pooling", "batch_norm", "dropout" and "activation".

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
    Ioffe, Szegedy, "Batch normalization", ICML 2015.
    """

    def __init__(
        self, n_outputs: int, blocks: Blocks, values: Mapping[str, Any]
    ) -> None:
        n_features = 2 * blocks.n_filters[-1]
        least = blocks.shortest((1, 1))
        super().__init__(n_features, n_outputs, values["dropout"], least)
        self.blocks = nn.Sequential()
        bias = not values["batch_norm"]  # batch norm has one of its own
        for n_in, n_out, kernel, pool in blocks.steps(1):
            block = conv_block(SameConv2d(n_in, n_out, kernel, bias=bias), values)
            conv = SameConv2d(n_out, n_out, kernel, bias=bias)
            self.blocks.append(block.extend(conv_block(conv, values, pool)))

    def _features(self, x: Tensor) -> Tensor:
        return global_pool(self.blocks(as_maps(x)).mean(2), ("mean", "max"))
