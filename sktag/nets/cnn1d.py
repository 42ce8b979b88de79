"""Networks that convolve over the time of a spectrogram; its bins are channels."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from sktag.nets.blocks import (
    ACTIVATIONS,
    Network,
    Published,
    SameConv1d,
    conv_block,
    init_weights,
)
from sktag.nets.choices import Blocks, as_size, choose_blocks, choose_values
from sktag.nets.pooling import global_pool

_OWN: dict[str, dict[str, Any]] = {
    "compact": {
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
    "dieleman2014": {
        "n_filters": 32,
        "kernel_size": 8,
        "pool_size": 4,
        "pooling": "max",
        "n_blocks": 2,
        "batch_norm": False,
        "dropout": 0.0,
        "activation": "relu",
        "weight_init": "default",
    },
    "spotify2014": {
        "n_filters": (256, 256, 256, 512),
        "kernel_size": 4,
        "pool_size": (4, 2, 2, 1),
        "pooling": "max",
        "n_blocks": 4,
        "batch_norm": False,
        "dropout": 0.0,
        "activation": "relu",
        "weight_init": "default",
    },
}
PUBLISHED = {
    "compact": Published((64, 216), None),
    "dieleman2014": Published((128, 94), 94),
    "spotify2014": Published((128, 599), 599),
}


class CompactCNN1d(Network):
    """Small network over time, the default of CNN1DClassifier.

    Blocks of a convolution of length 5 over all bins, batch norm, ReLU and max-pooling
    by 2; then mean and maximum over time, dropout, and a dense output. For 64 bins,
    216 frames and 10 outputs:

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

    128 bins add 40,960. It follows no single paper: filters that span all bins are
    Dieleman's and Schrauwen's, batch norm is of a year later, and the pooling by mean
    and maximum is a part of Dieleman's later network. Convolutions before a batch norm
    have no bias. A short input is pooled less.

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
    min_shape : tuple of int
        Bins, and fewest frames, of an input.
    output : Linear
        The last layer.

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
        self.blocks = _stack(input_shape[0], blocks, values)

    def _features(self, x: Tensor) -> Tensor:
        return global_pool(self.blocks(x), ("mean", "max"))


class Dieleman2014(Network):
    """Network of Dieleman and Schrauwen for tags, on spectrograms.

    Two convolutions of length 8 over all bins, each with ReLU and max-pooling by 4, and
    two dense layers. For 128 bins, 94 frames and 50 outputs:

    ===================  ==========  ==========
    layer                output      parameters
    ===================  ==========  ==========
    conv 8, 32 filters   32 x 87         32,800
    max-pool 4           32 x 21              0
    conv 8, 32 filters   32 x 14          8,224
    max-pool 4           32 x 3               0
    dense, ReLU          100              9,700
    dense                50               5,050
    total                                55,774
    ===================  ==========  ==========

    The first dense layer sees all frames, so its size depends on the input it is built
    for. Here that is 94 frames of 128 mel bands: windows of 3 s at 16 kHz with a hop of
    512 samples. Windows of 3 s, whose predictions are averaged, are taken to be the
    paper's; its window and hop are not known for certain. A longer clip than it was
    built for is cut into such windows after the last pooling, and their hidden layers
    are averaged.

    Lengths of filters and poolings are the paper's as they are usually told, not read
    again in its code. Convolutions take no padding, as was usual then. Dropout is off,
    and `dropout` puts some before the output. The paper's variant on raw audio, a
    strided convolution in place of the mel bands, is :class:`SampleCNN` with a large
    first stride. A short input takes blocks away.

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
    min_shape : tuple of int
        Bins, and fewest frames, of an input.
    output : Linear
        The last layer.

    References
    ----------
    Dieleman, Schrauwen, "End-to-end learning for music audio", ICASSP 2014.
    """

    def __init__(
        self,
        input_shape: tuple[int, int],
        n_outputs: int,
        blocks: Blocks,
        values: Mapping[str, Any],
    ) -> None:
        n_bins, n_frames = input_shape
        for _, _, (kernel,), (pool,) in blocks.steps(n_bins):
            n_frames = (n_frames - kernel + 1) // pool
        least = (n_bins, *blocks.shortest((n_frames,)))
        super().__init__(100, n_outputs, values["dropout"], least)
        self.blocks = _stack(n_bins, blocks, values)
        self.hidden = nn.Linear(blocks.n_filters[-1] * n_frames, 100)
        self.activation = ACTIVATIONS[values["activation"]]()
        self.n_frames = n_frames

    def _features(self, x: Tensor) -> Tensor:
        windows = self.blocks(x).unfold(-1, self.n_frames, self.n_frames)
        hidden: Tensor = self.activation(
            self.hidden(windows.transpose(1, 2).flatten(2))
        )
        return hidden.mean(1)


class Spotify2014(Network):
    """Network of Dieleman that finds factors of listening data in spectrograms.

    Four convolutions of length 4 over all bins with ReLU, max-poolings between them,
    then mean, maximum and L2 norm over time, and three dense layers. For 128 bins,
    599 frames and 40 outputs:

    ====================  ==========  ==========
    layer                 output      parameters
    ====================  ==========  ==========
    conv 4, 256 filters   256 x 596      131,328
    max-pool 4            256 x 149            0
    conv 4, 256 filters   256 x 146      262,400
    max-pool 2            256 x 73             0
    conv 4, 256 filters   256 x 70       262,400
    max-pool 2            256 x 35             0
    conv 4, 512 filters   512 x 32       524,800
    mean, max, L2         1536                 0
    dense, ReLU           2048         3,147,776
    dense, ReLU           2048         4,196,352
    dense                 40              81,960
    total                              8,607,016
    ====================  ==========  ==========

    The blog's network is a regression: its 40 outputs are latent factors of a
    recommender, learned by mean squared error. Lengths of filters and poolings are
    taken from memory of its drawing. The 599 frames span about 3 s; n_fft and hop are
    not known for certain, and are left to the front-end (at 22,050 Hz a hop of 110
    samples would do). Convolutions take no padding; dropout is off, and `dropout` puts
    some before the output. A short input takes blocks away.

    Parameters
    ----------
    input_shape : (int, int)
        Bins and frames of the input.
    n_outputs : int
        Number of outputs.
    blocks : Blocks
        Sizes of the blocks.
    values : dict
        "pooling", "batch_norm", "dropout" and "activation".

    Attributes
    ----------
    min_shape : tuple of int
        Bins, and fewest frames, of an input.
    output : Linear
        The last layer.

    References
    ----------
    Dieleman, "Recommending music on Spotify with deep learning", 2014.
    van den Oord, Dieleman, Schrauwen, "Deep content-based music recommendation", NIPS
    2013.
    """

    def __init__(
        self,
        input_shape: tuple[int, int],
        n_outputs: int,
        blocks: Blocks,
        values: Mapping[str, Any],
    ) -> None:
        least = (input_shape[0], *blocks.shortest((1,)))
        super().__init__(2048, n_outputs, values["dropout"], least)
        self.blocks = _stack(input_shape[0], blocks, values)
        activation = ACTIVATIONS[values["activation"]]
        self.hidden = nn.Sequential(
            nn.Linear(3 * blocks.n_filters[-1], 2048),
            activation(),
            nn.Linear(2048, 2048),
            activation(),
        )

    def _features(self, x: Tensor) -> Tensor:
        pooled = global_pool(self.blocks(x), ("mean", "max", "l2"))
        features: Tensor = self.hidden(pooled)
        return features


_NETS = {
    "compact": CompactCNN1d,
    "dieleman2014": Dieleman2014,
    "spotify2014": Spotify2014,
}


def build_cnn1d(
    architecture: str, input_shape: tuple[int, int], n_outputs: int, **given: Any
) -> tuple[Network, str]:
    """Build a network over the time of spectrograms, by name.

    Parameters
    ----------
    architecture : {"compact", "dieleman2014", "spotify2014"}
        Name of the network.
    input_shape : (int, int)
        Bins and frames of the input. Bins stay as they are; clips may be longer, or
        shorter down to the net's `min_shape`.
    n_outputs : int
        Number of outputs.
    **given
        `n_filters`, `kernel_size` and `pool_size` (a number, or one a block),
        `pooling`, `n_blocks`, `batch_norm`, `dropout`, `activation`, `weight_init`;
        None means the architecture's own. `n_blocks`, or the length of `n_filters`,
        is the number of blocks; those beyond its own are like its last.

    Returns
    -------
    net : Module
        The network; maps (n_clips, n_bins, n_frames) to logits (n_clips, n_outputs).
    name : str
        The architecture's name, and in brackets what was lost for a short input.

    Raises
    ------
    ValueError
        If there is no such architecture, or a given value does not fit it, the others
        or the input.

    Examples
    --------
    >>> from sktag.nets import build_cnn1d
    >>> net, name = build_cnn1d("spotify2014", (128, 60), n_outputs=10)
    >>> name, net.min_shape
    ('spotify2014 (3 of 4 blocks)', (128, 55))
    """
    values = choose_values(architecture, _OWN, given)
    n_bins, n_frames = as_size("input_shape", input_shape, 2)
    compact = architecture == "compact"
    blocks = choose_blocks(
        architecture,
        values,
        given,
        (n_frames,),
        ("frames",),
        padded=compact,
        drops_blocks=not compact,
    )
    net = _NETS[architecture]((n_bins, n_frames), n_outputs, blocks, values)
    init_weights(net, values["weight_init"])
    if compact and given.get("weight_init") is None:
        # Logits near 0 at the start: a loss of log(n_classes), not of a wrong guess
        # that is sure of itself.
        nn.init.normal_(net.output.weight, std=0.01)
    return net, architecture + blocks.note


def _stack(n_bins: int, blocks: Blocks, values: Mapping[str, Any]) -> nn.Sequential:
    """Return the blocks; padded convolutions have no bias before a batch norm."""
    layers = nn.Sequential()
    for n_in, n_out, kernel, pool in blocks.steps(n_bins):
        conv: nn.Conv1d
        if blocks.padded:
            conv = SameConv1d(n_in, n_out, kernel, bias=not values["batch_norm"])
        else:
            conv = nn.Conv1d(n_in, n_out, kernel[0])
        layers.append(conv_block(conv, values, pool))
    return layers
