"""Dieleman's network for factors of listening data."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from sktag.nets.architecture import UNKNOWN_TRAINING, Architecture, Built
from sktag.nets.blocks import ACTIVATIONS, Network, stack1d
from sktag.nets.pooling import GlobalPool
from sktag.nets.sizes import Blocks, Request, choose_blocks


class Spotify2014(Network):
    """Dieleman's network that predicts factors of listening data from spectrograms.

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

    The network was built for a regression: its 40 outputs are latent factors of a
    recommender, trained with mean squared error. Convolutions have no padding. Dropout
    is off; `dropout` sets its rate before the output. A short input drops blocks.

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
    blocks : Sequential
        The convolutions.
    pool : GlobalPool
        Mean, maximum and L2 norm over time.
    output : Linear
        The output layer.
    min_shape : tuple of int
        Bins, and fewest frames, of an input.

    Notes
    -----
    The lengths of filters and poolings are recalled from a drawing in the first
    reference. Its 599 frames span about 3 s. The Fourier transform and the hop are not
    known for certain; at 22,050 Hz, a hop of 110 samples gives 599 frames in 3 s.

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
        self.blocks = stack1d(blocks.steps(input_shape[0]), values, padded=False)
        self.pool = GlobalPool("mean", "max", "l2")
        activation = ACTIVATIONS[values["activation"]]
        self.hidden = nn.Sequential(
            nn.Linear(3 * blocks.n_filters[-1], 2048),
            activation(),
            nn.Linear(2048, 2048),
            activation(),
        )

    def _features(self, x: Tensor) -> Tensor:
        features: Tensor = self.hidden(self.pool(self.blocks(x)))
        return features


def _make(request: Request) -> Built:
    n_bins, n_frames = request.input_shape
    blocks = choose_blocks(
        request, {"frames": n_frames}, padded=False, drops_blocks=True
    )
    net = Spotify2014((n_bins, n_frames), request.n_outputs, blocks, request.values)
    return Built(net, request.name + blocks.note, bool(blocks.note))


DIELEMAN_2014 = r"""
@misc{dieleman2014spotify,
  author    = {Dieleman, Sander},
  title     = {Recommending music on {Spotify} with deep learning},
  note      = {Blog post},
  year      = {2014}
}
""".strip()
OORD_2013 = r"""
@inproceedings{oord2013,
  author    = {van den Oord, A{\"a}ron and Dieleman, Sander and Schrauwen, Benjamin},
  title     = {Deep content-based music recommendation},
  booktitle = {Advances in Neural Information Processing Systems (NIPS)},
  year      = {2013}
}
""".strip()
SPOTIFY2014 = Architecture(
    name="spotify2014",
    family="cnn1d",
    network=Spotify2014,
    make=_make,
    sizes={
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
    input_shape=(128, 599),
    chunk_size=599,
    # Fourier transform, hop and compression are sktag's choice; 599 frames span 3 s.
    front_end={
        "sr": 22050,
        "n_fft": 1024,
        "hop_length": 110,
        "n_mels": 128,
        "compression": "log1p",
    },
    training={**UNKNOWN_TRAINING, "loss": "mse"},
    task="regression",
    year=2014,
    n_outputs=40,
    n_parameters=8_607_016,
    citations=(DIELEMAN_2014, OORD_2013),
)
