"""The network music_tagger_cnn, a small FCN."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import nn

from sktag.nets.architecture import Architecture
from sktag.nets.blocks import norm
from sktag.nets.fcn import CHOI_2016, FCN, FCN5_SIZES, make_fcn
from sktag.nets.short_chunk import WON_2020, WON_2020_FRONT_END
from sktag.nets.sizes import Blocks


class MusicTaggerCNN(FCN):
    """The small network music_tagger_cnn, which is often called FCN.

    It is neither FCN-4 nor FCN-5: it has the poolings of FCN-5 but fewer channels, a
    batch norm over the input, and dropout only before the output. For 96 bins, 1813
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
    pool : GlobalPool
        Maximum over all bins and frames left.
    output : Linear
        The output layer.
    min_shape : tuple of int
        Fewest bins and frames of an input.

    Notes
    -----
    The network follows the public code of the second reference, which calls it FCN and
    takes 29 s at 16 kHz with a hop of 256: 1 + 464,000 // 256 = 1813 frames of 96 mel
    bands. 1366 frames, as of FCN-4, leave a single position as well. Longer inputs are
    pooled as in :class:`FCN`.

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


MUSIC_TAGGER_CNN = Architecture(
    name="music_tagger_cnn",
    family="cnn2d",
    network=MusicTaggerCNN,
    make=partial(make_fcn, network=MusicTaggerCNN),
    sizes={**FCN5_SIZES, "n_filters": (64, 128, 128, 128, 64, 64)},
    input_shape=(96, 1813),
    chunk_size=1813,
    front_end={**WON_2020_FRONT_END, "n_mels": 96},
    standardize=False,
    year=2016,
    n_parameters=447_732,
    citations=(CHOI_2016, WON_2020),
)
