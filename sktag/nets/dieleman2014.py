"""The network of Dieleman and Schrauwen for tags."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from sktag.nets.architecture import UNKNOWN_TRAINING, Architecture, Built
from sktag.nets.blocks import ACTIVATIONS, Network, stack1d
from sktag.nets.sizes import Blocks, Request, choose_blocks


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

    The first dense layer takes all frames, so its size depends on the input that the
    network is built for. A longer clip is cut into windows of that size after the last
    pooling, and their hidden layers are averaged; there is no global pooling.

    Convolutions have no padding, as was usual at the time. Dropout is off; `dropout`
    sets its rate before the output. The paper's variant for raw audio, with a strided
    convolution in place of the mel bands, is :class:`SampleCNN` with a large first
    stride. A short input drops blocks.

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
        The convolutions.
    output : Linear
        The output layer.
    min_shape : tuple of int
        Bins, and fewest frames, of an input.

    Notes
    -----
    The lengths of filters and poolings, and the windows of 3 s whose predictions are
    averaged, are recalled from the paper and were not checked against its code. The
    paper's frame rate is not known for certain; here 94 frames, at 16 kHz with a hop of
    512 samples, span 3 s.

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
        self.blocks = stack1d(blocks.steps(n_bins), values, padded=False)
        self.hidden = nn.Linear(blocks.n_filters[-1] * n_frames, 100)
        self.activation = ACTIVATIONS[values["activation"]]()
        self.n_frames = n_frames

    def _features(self, x: Tensor) -> Tensor:
        windows = self.blocks(x).unfold(-1, self.n_frames, self.n_frames)
        hidden: Tensor = self.activation(
            self.hidden(windows.transpose(1, 2).flatten(2))
        )
        return hidden.mean(1)


def _make(request: Request) -> Built:
    n_bins, n_frames = request.input_shape
    blocks = choose_blocks(
        request, {"frames": n_frames}, padded=False, drops_blocks=True
    )
    net = Dieleman2014((n_bins, n_frames), request.n_outputs, blocks, request.values)
    return Built(net, request.name + blocks.note, bool(blocks.note))


DIELEMAN_SCHRAUWEN_2014 = r"""
@inproceedings{dieleman2014endtoend,
  author    = {Dieleman, Sander and Schrauwen, Benjamin},
  title     = {End-to-end learning for music audio},
  booktitle = {IEEE International Conference on Acoustics, Speech and Signal Processing
               (ICASSP)},
  year      = {2014}
}
""".strip()
DIELEMAN2014 = Architecture(
    name="dieleman2014",
    family="cnn1d",
    network=Dieleman2014,
    make=_make,
    sizes={
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
    input_shape=(128, 94),
    chunk_size=94,
    # Fourier transform, hop and compression are sktag's choice.
    front_end={
        "sr": 16000,
        "n_fft": 1024,
        "hop_length": 512,
        "n_mels": 128,
        "compression": "log1p",
    },
    training=UNKNOWN_TRAINING,
    year=2014,
    figures={"mtat_roc_auc": 0.882},
    citations=(DIELEMAN_SCHRAUWEN_2014,),
)
