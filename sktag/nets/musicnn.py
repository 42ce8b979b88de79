"""The musically motivated network musicnn."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from sktag.nets.architecture import UNKNOWN_TRAINING, Architecture, Built
from sktag.nets.blocks import ACTIVATIONS, Network, SameConv2d, as_maps, norm
from sktag.nets.pooling import GlobalPool, make_pool
from sktag.nets.sizes import Request, as_integer, as_size, is_several

_SHARES = (0.4, 0.7)  # share of the bins that each timbral filter covers
_LENGTHS = (128, 64, 32)  # frames that each temporal filter covers
_N_DENSE = 200


class MusiCNN(Network):
    """The network of the library musicnn, with filters for timbre and for rhythm.

    Timbral filters cover 40 or 70 % of the bins and 7 frames. Temporal filters cover
    one bin and 128, 64 or 32 frames. Both are followed by the maximum over the bins.
    Three convolutions over time come next; the second and the third have a shortcut.
    The outputs of all these layers are concatenated and pooled by maximum and mean over
    time, and a dense layer follows. Each convolution has a bias and is followed by
    ReLU, then batch norm. For 96 bins, 187 frames and 50 outputs, including the
    parameters of batch norm:

    ===============================  ==============  ==========
    layer                            output          parameters
    ===============================  ==============  ==========
    batch norm                       1 x 96 x 187             2
    timbral, 204 filters, 38 x 7     204 x 187           54,876
    timbral, 204 filters, 67 x 7     204 x 187           96,288
    temporal, 51 filters, 1 x 128    51 x 187             6,681
    temporal, 51 filters, 1 x 64     51 x 187             3,417
    temporal, 51 filters, 1 x 32     51 x 187             1,785
    concatenated                     561 x 187                0
    64 filters of 7                  64 x 187           251,520
    64 filters of 7, residual        64 x 187            28,864
    64 filters of 7, residual        64 x 187            28,864
    concatenated                     753 x 187                0
    maximum and mean, batch norm     1506                 3,012
    dense, batch norm                200                301,800
    output                           50                  10,050
    total                                               787,159
    ===============================  ==============  ==========

    Parameters
    ----------
    n_bins : int
        Bins of the input. Timbral filters cover 40 and 70 % of them, rounded down.
    n_outputs : int
        Number of outputs (logits).
    values : dict
        "n_filters", of each middle convolution, or three numbers: of each timbral, each
        temporal and each middle convolution; "kernel_size" (frames) and "n_blocks", of
        the middle convolutions; "pooling", over the bins; "batch_norm"; "activation";
        "dropout", before the dense layer and before the output.

    Attributes
    ----------
    front : ModuleList
        Two timbral and three temporal layers, before the pooling over the bins.
    middle : ModuleList
        The convolutions over time.
    pool : GlobalPool
        Maximum and mean over time of the outputs of all layers.
    output : Linear
        The output layer.
    min_shape : tuple of int
        Fewest bins and frames of an input.

    Notes
    -----
    The network follows the authors' library of 2019: batch norm comes after the
    activation, and there is dropout before the dense layer too. The port in the
    evaluation by Won et al. (2020) is a different network: it has temporal filters of
    129, 65 and 33 frames on the mean of the bins, batch norm before the activation,
    784,300 parameters, and another front-end.

    The network takes an input of any size: convolutions over time are padded, and the
    heights of the timbral filters follow the number of bins.

    References
    ----------
    Pons, Nieto, Prockup, Schmidt, Ehmann, Serra, "End-to-end learning for music audio
    tagging at scale", ISMIR 2018.
    Pons, Serra, "musicnn: Pre-trained convolutional neural networks for music audio
    tagging", late-breaking demo, ISMIR 2019.
    """

    def __init__(self, n_bins: int, n_outputs: int, values: Mapping[str, Any]) -> None:
        heights = [max(1, int(share * n_bins)) for share in _SHARES]
        super().__init__(_N_DENSE, n_outputs, values["dropout"], (max(heights), 1))
        n_filters, batch_norm = values["n_filters"], values["batch_norm"]
        if not is_several(n_filters):
            n_filters = (204, 51, as_integer("n_filters", n_filters))
        n_timbral, n_temporal, n_middle = as_size("n_filters", n_filters, 3)
        (length,) = as_size("kernel_size", values["kernel_size"], 1)

        def layer(conv: nn.Conv2d) -> nn.Sequential:
            after = norm(conv.out_channels, batch_norm, n_axes=2)
            return nn.Sequential(conv, ACTIVATIONS[values["activation"]](), *after)

        self.pooling = values["pooling"]
        self.input_norm = nn.Sequential(*norm(1, batch_norm, n_axes=2))
        self.front = nn.ModuleList()
        for height in heights:
            conv = nn.Conv2d(1, n_timbral, (height, 7), padding=(0, 3))
            self.front.append(layer(conv))
        for n_frames in _LENGTHS:
            self.front.append(layer(SameConv2d(1, n_temporal, (1, n_frames))))
        n_front = n_in = 2 * n_timbral + 3 * n_temporal
        self.middle = nn.ModuleList()
        for _ in range(values["n_blocks"]):
            self.middle.append(layer(SameConv2d(n_in, n_middle, (1, length))))
            n_in = n_middle
        n_pooled = 2 * (n_front + values["n_blocks"] * n_middle)
        self.pool = GlobalPool("max", "mean")
        self.dense = nn.Sequential(
            *norm(n_pooled, batch_norm),
            nn.Dropout(values["dropout"]),
            nn.Linear(n_pooled, _N_DENSE),
            ACTIVATIONS[values["activation"]](),
            *norm(_N_DENSE, batch_norm),
        )

    def _features(self, x: Tensor) -> Tensor:
        maps = self.input_norm(as_maps(x))
        parts = [torch.cat([self._over_bins(f(maps)) for f in self.front], dim=1)]
        for i, layer in enumerate(self.middle):
            new = layer(parts[-1])
            parts.append(new + parts[-1] if i else new)
        features: Tensor = self.dense(self.pool(torch.cat(parts, dim=1)))
        return features

    def _over_bins(self, maps: Tensor) -> Tensor:
        """Pool all bins that a filter leaves."""
        pooled: Tensor = make_pool(self.pooling, (maps.shape[2], 1))(maps)
        return pooled


def _make(request: Request) -> Built:
    n_bins, _ = request.input_shape
    return Built(MusiCNN(n_bins, request.n_outputs, request.values), request.name)


PONS_2018 = r"""
@inproceedings{pons2018,
  author    = {Pons, Jordi and Nieto, Oriol and Prockup, Matthew and Schmidt, Erik and
               Ehmann, Andreas and Serra, Xavier},
  title     = {End-to-end learning for music audio tagging at scale},
  booktitle = {International Society for Music Information Retrieval Conference
               (ISMIR)},
  year      = {2018}
}
""".strip()
PONS_2019 = r"""
@inproceedings{pons2019,
  author    = {Pons, Jordi and Serra, Xavier},
  title     = {musicnn: Pre-trained convolutional neural networks for music audio
               tagging},
  booktitle = {Late-breaking demo, International Society for Music Information Retrieval
               Conference (ISMIR)},
  year      = {2019}
}
""".strip()
MUSICNN = Architecture(
    name="musicnn",
    family="cnn2d",
    network=MusiCNN,
    make=_make,
    sizes={
        "n_filters": (204, 51, 64),
        "kernel_size": 7,
        "pooling": "max",
        "n_blocks": 3,
        "batch_norm": True,
        "dropout": 0.5,
        "activation": "relu",
        "weight_init": "default",
    },
    input_shape=(96, 187),
    chunk_size=187,
    front_end={
        "sr": 16000,
        "n_fft": 512,
        "hop_length": 256,
        "n_mels": 96,
        "compression": "log1p",
    },
    standardize=False,
    training={**UNKNOWN_TRAINING, "batch_size": 32},
    year=2018,
    citations=(PONS_2018, PONS_2019),
)
