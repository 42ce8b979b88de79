"""The compact network over both axes of spectrograms."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from sktag.nets.architecture import Architecture, Built
from sktag.nets.blocks import Network, SameConv2d, as_maps, conv_block
from sktag.nets.pooling import GlobalPool
from sktag.nets.sizes import Blocks, Request, choose_blocks


class CompactCNN2d(Network):
    """Small VGG-style network for spectrograms, the default of CNN2DClassifier.

    Each block is two 3 x 3 convolutions with batch norm and ReLU, and a max-pooling by
    2. The mean over frequency, the mean and the maximum over time, dropout and a dense
    output follow. For 64 bins, 216 frames and 10 outputs:

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

    The network follows no single paper: the blocks are those of VGG, and the global
    pooling is common in the tagging of sound events. Convolutions before a batch norm
    have no bias. A short input shrinks the poolings.

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
    pool : GlobalPool
        Mean and maximum over time, after the mean over the bins.
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
        bias = not values["batch_norm"]  # batch norm adds one
        for n_in, n_out, kernel, pool in blocks.steps(1):
            block = conv_block(SameConv2d(n_in, n_out, kernel, bias=bias), values)
            conv = SameConv2d(n_out, n_out, kernel, bias=bias)
            self.blocks.append(block.extend(conv_block(conv, values, pool)))
        self.pool = GlobalPool("mean", "max")

    def _features(self, x: Tensor) -> Tensor:
        features: Tensor = self.pool(self.blocks(as_maps(x)).mean(2))
        return features


def _make(request: Request) -> Built:
    n_bins, n_frames = request.input_shape
    blocks = choose_blocks(request, {"bins": n_bins, "frames": n_frames})
    net = CompactCNN2d(request.n_outputs, blocks, request.values)
    return Built(net, request.name + blocks.note, bool(blocks.note))


SIMONYAN_2015 = r"""
@inproceedings{simonyan2015,
  author    = {Simonyan, Karen and Zisserman, Andrew},
  title     = {Very deep convolutional networks for large-scale image recognition},
  booktitle = {International Conference on Learning Representations (ICLR)},
  year      = {2015}
}
""".strip()
COMPACT_2D = Architecture(
    name="compact",
    family="cnn2d",
    network=CompactCNN2d,
    make=_make,
    sizes={
        "n_filters": (24, 48, 96, 128),
        "kernel_size": 3,
        "pool_size": 2,
        "pooling": "max",
        "n_blocks": 4,
        "batch_norm": True,
        "dropout": 0.5,
        "activation": "relu",
        "weight_init": "he_normal",
    },
    # Logits near 0 at the start: the first loss is log(n_classes), not that of a
    # confident guess.
    output_std=0.01,
    input_shape=(64, 216),
    citations=(SIMONYAN_2015,),
)
