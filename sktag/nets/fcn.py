"""Fully convolutional networks for tagging."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from sktag.nets.blocks import Network, SameConv2d, as_maps, conv_block, norm
from sktag.nets.choices import Blocks
from sktag.nets.pooling import global_pool


class FCN(Network):
    """FCN-4 to FCN-7: 3 x 3 convolutions and poolings until one place is left.

    Each layer is a convolution with a bias, batch norm, ReLU, max-pooling and dropout;
    the last map goes to the output as it is, with no dense layer between. For 96 bins,
    1366 frames and 50 outputs, with the parameters of batch norm counted:

    ==========================  ===============  ==========
    FCN-4                       output           parameters
    ==========================  ===============  ==========
    128 filters, pool (2, 4)    128 x 48 x 341        1,536
    384 filters, pool (4, 5)    384 x 12 x 68       443,520
    768 filters, pool (3, 8)    768 x 4 x 8       2,656,512
    2048 filters, pool (4, 8)   2048 x 1 x 1     14,161,920
    output                      50                  102,450
    total                                        17,365,938
    ==========================  ===============  ==========

    Without batch norm there are 17,359,282.

    ==========================  ===============  ==========
    FCN-5                       output           parameters
    ==========================  ===============  ==========
    128 filters, pool (2, 4)    128 x 48 x 341        1,536
    256 filters, pool (2, 4)    256 x 24 x 85       295,680
    512 filters, pool (2, 4)    512 x 12 x 21     1,181,184
    1024 filters, pool (3, 5)   1024 x 4 x 4      4,721,664
    2048 filters, pool (4, 4)   2048 x 1 x 1     18,880,512
    output                      50                  102,450
    total                                        25,183,026
    ==========================  ===============  ==========

    FCN-6 has a layer of 1024 filters of 1 x 1 after those, with no pooling (2,100,224
    parameters; output 51,250; total 27,232,050), FCN-7 another (1,051,648; total
    28,283,698).

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
    The paper's table, and lecture slides after it, print 24 x 85 and 12 x 21 after
    FCN-4's second and third layers. That is an erratum: those are the sizes of FCN-5.
    FCN-4's own poolings, which are right and are followed here, give 12 x 68 and 4 x 8.

    The channels and poolings of FCN-4 and FCN-5's poolings are the authors'; FCN-5's
    channels, the layers of FCN-6 and FCN-7 and the place of the dropout are recalled
    from the paper.

    An input longer than the published one, or with more bins, leaves more than one
    place: the output takes each channel's maximum over what is left. The network is
    the same, so that clips of any length do.

    References
    ----------
    Choi, Fazekas, Sandler, "Automatic tagging using deep convolutional neural
    networks", ISMIR 2016.
    """

    def __init__(
        self, n_outputs: int, blocks: Blocks, values: Mapping[str, Any]
    ) -> None:
        least, dropout = blocks.shortest((1, 1)), values["dropout"]
        # The last layer's dropout is before the output: `features` go without it.
        super().__init__(blocks.n_filters[-1], n_outputs, dropout, least)
        self.input_norm = nn.Sequential()
        self.blocks = nn.Sequential(
            *(
                conv_block(SameConv2d(n_in, n_out, kernel), values, pool)
                for n_in, n_out, kernel, pool in blocks.steps(1)
            )
        )
        self.block_dropout: nn.Module = nn.Dropout(dropout)

    def _features(self, x: Tensor) -> Tensor:
        maps = self.input_norm(as_maps(x))
        for i, block in enumerate(self.blocks):
            maps = block(self.block_dropout(maps) if i else maps)
        return global_pool(maps, ("max",))


class MusicTaggerCNN(FCN):
    """The smaller network that goes by the name of FCN, music_tagger_cnn.

    It is neither FCN-4 nor FCN-5: it has the poolings of FCN-5 with fewer channels,
    and batch norm over the input. Dropout is before the output only. For 96 bins, 1813
    frames and 50 outputs:

    ==========================  ===============  ==========
    layer                       output           parameters
    ==========================  ===============  ==========
    batch norm                  1 x 96 x 1813             2
    64 filters, pool (2, 4)     64 x 48 x 453           768
    128 filters, pool (2, 4)    128 x 24 x 113       74,112
    128 filters, pool (2, 4)    128 x 12 x 28       147,840
    128 filters, pool (3, 5)    128 x 4 x 5         147,840
    64 filters, pool (4, 4)     64 x 1 x 1           73,920
    output                      50                    3,250
    total                                           447,732
    ==========================  ===============  ==========

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
    It follows the public code of the second reference, which calls it FCN and takes
    29 s at 16 kHz with a hop of 256: 1 + 464,000 // 256 = 1813 frames of 96 mel bins.
    FCN's 1366 frames leave one place, too. What is left of a longer input is pooled as
    in :class:`FCN`.

    References
    ----------
    Choi, Fazekas, Sandler, "Automatic tagging using deep convolutional neural
    networks", ISMIR 2016.
    Won, Ferraro, Bogdanov, Serra, "Evaluation of CNN-based automatic music tagging
    models", SMC 2020.
    """

    def __init__(
        self, n_outputs: int, blocks: Blocks, values: Mapping[str, Any]
    ) -> None:
        super().__init__(n_outputs, blocks, values)
        self.input_norm.extend(norm(1, values["batch_norm"], n_axes=2))
        self.block_dropout = nn.Identity()
