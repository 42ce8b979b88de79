"""The compact network over the time of spectrograms."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from sktag.nets.architecture import Architecture, Built
from sktag.nets.blocks import Network, stack1d
from sktag.nets.dieleman2014 import DIELEMAN_SCHRAUWEN_2014
from sktag.nets.pooling import GlobalPool
from sktag.nets.sizes import Blocks, Request, choose_blocks


class CompactCNN1d(Network):
    """Small network over the time of spectrograms, the default of CNN1DClassifier.

    Each block is a convolution of length 5 over all bins, batch norm, ReLU and
    max-pooling by 2. The mean and the maximum over time, dropout and a dense output
    follow. For 64 bins, 216 frames and 10 outputs:

    ====================  ==========  ==========
    layer                 output      parameters
    ====================  ==========  ==========
    block 1, 128 filters  128 x 108       41,216
    block 2, 128 filters  128 x 54        82,176
    block 3, 128 filters  128 x 27        82,176
    block 4, 128 filters  128 x 13        82,176
    mean and max          256                  0
    dense                 10               2,570
    total                                290,314
    ====================  ==========  ==========

    128 bins add 40,960 parameters. The network follows no single paper: it combines the
    filters over all bins of Dieleman and Schrauwen, batch norm, and the global pooling
    by mean and maximum of Dieleman's later network. Convolutions before a batch norm
    have no bias. A short input shrinks the poolings.

    Parameters
    ----------
    input_shape : (int, int)
        Bins and frames of the input.
    n_outputs : int
        Number of logits.
    blocks : Blocks
        Sizes of the blocks.
    values : dict
        "pooling", "batch_norm", "dropout" and "activation".

    Attributes
    ----------
    blocks : Sequential
        The blocks.
    pool : GlobalPool
        Mean and maximum over time.
    output : Linear
        The output layer.
    min_shape : tuple of int
        Bins, and fewest frames, of an input.

    References
    ----------
    Dieleman, Schrauwen, "End-to-end learning for music audio", ICASSP 2014.
    Ioffe, Szegedy, "Batch normalization", ICML 2015.
    """

    def __init__(
        self,
        input_shape: tuple[int, int],
        n_outputs: int,
        blocks: Blocks,
        values: Mapping[str, Any],
    ) -> None:
        least = (input_shape[0], *blocks.shortest((1,)))
        n_last = blocks.n_filters[-1]
        super().__init__(2 * n_last, n_outputs, values["dropout"], least)
        self.blocks = stack1d(blocks.steps(input_shape[0]), values, padded=True)
        self.pool = GlobalPool("mean", "max")

    def _features(self, x: Tensor) -> Tensor:
        features: Tensor = self.pool(self.blocks(x))
        return features


def _make(request: Request) -> Built:
    n_bins, n_frames = request.input_shape
    blocks = choose_blocks(request, {"frames": n_frames})
    net = CompactCNN1d((n_bins, n_frames), request.n_outputs, blocks, request.values)
    return Built(net, request.name + blocks.note, bool(blocks.note))


COMPACT_1D = Architecture(
    name="compact",
    family="cnn1d",
    network=CompactCNN1d,
    make=_make,
    sizes={
        "n_filters": 128,
        "kernel_size": 5,
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
    citations=(DIELEMAN_SCHRAUWEN_2014,),
)
