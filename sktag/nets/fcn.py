"""The fully convolutional networks FCN-4 to FCN-7."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from sktag.nets.architecture import UNKNOWN_TRAINING, Architecture, Built
from sktag.nets.blocks import Network, SameConv2d, as_maps, conv_block
from sktag.nets.pooling import GlobalPool
from sktag.nets.sizes import Blocks, Request, choose_blocks


class FCN(Network):
    """FCN-4 to FCN-7: 3 x 3 convolutions and poolings down to a single position.

    Each layer is a convolution with a bias, batch norm, ReLU, max-pooling and dropout.
    The last maps are the input of the output layer; there is no hidden dense layer. For
    96 bins, 1366 frames and 50 outputs, including the parameters of batch norm:

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

    FCN-6 adds a layer of 1024 1 x 1 filters without pooling (2,100,224 parameters;
    output 51,250; total 27,232,050), and FCN-7 a second one (1,051,648; total
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
    pool : GlobalPool
        Maximum over all bins and frames left.
    output : Linear
        The output layer.
    min_shape : tuple of int
        Fewest bins and frames of an input.

    Notes
    -----
    For FCN-4, the paper's table and later lecture slides print 24 x 85 and 12 x 21
    after the second and third layers. That is an erratum: those are the sizes of FCN-5.
    FCN-4's own poolings, which are correct and used here, give 12 x 68 and 4 x 8.

    The channels of FCN-4 and the poolings of FCN-4 and FCN-5 are taken from the
    authors' material. The channels of FCN-5, the layers of FCN-6 and FCN-7 and the
    position of the dropout are recalled from the paper.

    An input with more frames or bins than the published one leaves several positions
    after the last layer. The output layer takes the maximum of each channel over them,
    so the network accepts clips of any length.

    A short input drops the last layers.

    References
    ----------
    Choi, Fazekas, Sandler, "Automatic tagging using deep convolutional neural
    networks", ISMIR 2016.
    """

    def __init__(
        self, n_outputs: int, blocks: Blocks, values: Mapping[str, Any]
    ) -> None:
        least, dropout = blocks.shortest((1, 1)), values["dropout"]
        # The last layer's dropout is the one before the output: `features` has none.
        super().__init__(blocks.n_filters[-1], n_outputs, dropout, least)
        self.input_norm = nn.Sequential()
        self.blocks = nn.Sequential(
            *(
                conv_block(SameConv2d(n_in, n_out, kernel), values, pool)
                for n_in, n_out, kernel, pool in blocks.steps(1)
            )
        )
        self.block_dropout: nn.Module = nn.Dropout(dropout)
        self.pool = GlobalPool("max")

    def _features(self, x: Tensor) -> Tensor:
        maps = self.input_norm(as_maps(x))
        for i, block in enumerate(self.blocks):
            maps = block(self.block_dropout(maps) if i else maps)
        features: Tensor = self.pool(maps)
        return features


def make_fcn(request: Request, network: type[FCN] = FCN) -> Built:
    """Build an FCN; a short input drops its last layers."""
    n_bins, n_frames = request.input_shape
    axes = {"bins": n_bins, "frames": n_frames}
    blocks = choose_blocks(request, axes, drops_blocks=True)
    net = network(request.n_outputs, blocks, request.values)
    return Built(net, request.name + blocks.note, bool(blocks.note))


_USUAL: dict[str, Any] = {
    "pooling": "max",
    "batch_norm": True,
    "dropout": 0.5,
    "activation": "relu",
    "weight_init": "default",
}
_FCN4_SIZES: dict[str, Any] = {
    # Further layers repeat the last of these: 1 x 1, without pooling.
    "n_filters": (128, 384, 768, 2048, 1024),
    "kernel_size": (*[(3, 3)] * 4, (1, 1)),
    "pool_size": ((2, 4), (4, 5), (3, 8), (4, 8), (1, 1)),
    "n_blocks": 4,
    **_USUAL,
}
FCN5_SIZES: dict[str, Any] = {
    "n_filters": (128, 256, 512, 1024, 2048, 1024),
    "kernel_size": (*[(3, 3)] * 5, (1, 1)),
    "pool_size": ((2, 4), (2, 4), (2, 4), (3, 5), (4, 4), (1, 1)),
    "n_blocks": 5,
    **_USUAL,
}
CHOI_2016 = r"""
@inproceedings{choi2016,
  author    = {Choi, Keunwoo and Fazekas, Gy{\"o}rgy and Sandler, Mark},
  title     = {Automatic tagging using deep convolutional neural networks},
  booktitle = {International Society for Music Information Retrieval Conference
               (ISMIR)},
  year      = {2016}
}
""".strip()
_PUBLISHED: dict[str, Any] = {
    "family": "cnn2d",
    "network": FCN,
    "make": make_fcn,
    "input_shape": (96, 1366),
    "chunk_size": 1366,
    "front_end": {"sr": 12000, "n_fft": 512, "hop_length": 256, "n_mels": 96},
    "year": 2016,
    "citations": (CHOI_2016,),
}
# The paper's clips are one chunk.
_RECIPE: dict[str, Any] = {"training": UNKNOWN_TRAINING, "duration": 29.12}
FCN4 = Architecture(
    name="fcn4",
    sizes=_FCN4_SIZES,
    n_parameters=17_365_938,
    figures={"mtat_roc_auc": 0.894},
    **_PUBLISHED,
    **_RECIPE,
)
FCN5 = Architecture(
    name="fcn5",
    sizes=FCN5_SIZES,
    n_parameters=25_183_026,
    figures={"mtat_roc_auc": 0.890},
    **_PUBLISHED,
    **_RECIPE,
)
FCN6 = Architecture(
    name="fcn6",
    sizes={**FCN5_SIZES, "n_blocks": 6},
    n_parameters=27_232_050,
    **_PUBLISHED,
)
FCN7 = Architecture(
    name="fcn7",
    sizes={**FCN5_SIZES, "n_blocks": 7},
    n_parameters=28_283_698,
    **_PUBLISHED,
)
