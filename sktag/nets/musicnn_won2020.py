"""The musicnn of an evaluation in 2020, which is a network of its own."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from sktag.nets.architecture import Architecture, Built
from sktag.nets.blocks import (
    ACTIVATIONS,
    Network,
    SameConv1d,
    as_maps,
    conv_block,
    norm,
)
from sktag.nets.musicnn import PONS_2018
from sktag.nets.pooling import GlobalPool, make_pool
from sktag.nets.short_chunk import WON_2020, WON_2020_FRONT_END
from sktag.nets.sizes import Request, as_integer, as_size, is_several

_SHARES = (0.7, 0.4)  # share of the bins that each timbral filter covers
_LENGTHS = (129, 65, 33)  # frames that each temporal filter covers
_WIDTHS = (204, 51, 64, 200)  # timbral, temporal, middle, dense


class MusiCNNWon2020(Network):
    """The musicnn of the evaluation by Won et al., a network of its own.

    Timbral filters cover 70 or 40 % of the bins and 7 frames, and are followed by the
    maximum over the bins. Temporal filters take the mean of all bins and cover 129, 65
    or 33 frames. Three convolutions over time come next; the second and the third have
    a shortcut. The outputs of all these layers are concatenated and pooled by maximum
    and mean over time, and a dense layer follows. Each convolution, and the dense
    layer, has a bias and is followed by batch norm, then ReLU. For 96 bins, 188 frames
    and 50 outputs, including the parameters of batch norm:

    ===============================  ==============  ==========
    layer                            output          parameters
    ===============================  ==============  ==========
    batch norm                       1 x 96 x 188             2
    timbral, 204 filters, 67 x 7     204 x 188           96,288
    timbral, 204 filters, 38 x 7     204 x 188           54,876
    temporal, 51 filters of 129      51 x 188             6,732
    temporal, 51 filters of 65       51 x 188             3,468
    temporal, 51 filters of 33       51 x 188             1,836
    concatenated                     561 x 188                0
    64 filters of 7                  64 x 188           251,520
    64 filters of 7, residual        64 x 188            28,864
    64 filters of 7, residual        64 x 188            28,864
    concatenated                     753 x 188                0
    maximum and mean                 1506                     0
    dense, batch norm                200                301,800
    output                           50                  10,050
    total                                               784,300
    ===============================  ==============  ==========

    Parameters
    ----------
    n_bins : int
        Bins of the input. Timbral filters cover 70 and 40 % of them, rounded down.
    n_outputs : int
        Number of outputs (logits).
    values : dict
        "n_filters", of each middle convolution, or four numbers: of each timbral, each
        temporal and each middle convolution, and the width of the dense layer;
        "kernel_size" (frames) and "n_blocks", of the middle convolutions; "pooling",
        over the bins after the timbral filters; "batch_norm"; "activation"; "dropout",
        before the output.

    Attributes
    ----------
    timbral, temporal : ModuleList
        The first layers, before the pooling over the bins and after it.
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
    The network follows the public code of the evaluation. :class:`MusiCNN`, that of
    the library musicnn, has batch norm after the activation and before the dense layer,
    and temporal filters of other lengths on each bin by itself. For the Million Song
    Dataset, that code has 512 filters in the middle and a dense layer of 500.

    The network takes an input of any size.

    References
    ----------
    Won, Ferraro, Bogdanov, Serra, "Evaluation of CNN-based automatic music tagging
    models", SMC 2020.
    Pons, Nieto, Prockup, Schmidt, Ehmann, Serra, "End-to-end learning for music audio
    tagging at scale", ISMIR 2018.
    """

    def __init__(self, n_bins: int, n_outputs: int, values: Mapping[str, Any]) -> None:
        n_filters = values["n_filters"]
        if not is_several(n_filters):
            n_middle = as_integer("n_filters", n_filters)
            n_filters = (*_WIDTHS[:2], n_middle, _WIDTHS[3])
        widths = as_size("n_filters", n_filters, 4)
        n_timbral, n_temporal, n_middle, n_dense = widths
        heights = [max(1, int(share * n_bins)) for share in _SHARES]
        super().__init__(n_dense, n_outputs, values["dropout"], (max(heights), 1))
        self.pooling = values["pooling"]
        self.input_norm = nn.Sequential(*norm(1, values["batch_norm"], n_axes=2))
        self.timbral = nn.ModuleList()
        for height in heights:
            conv = nn.Conv2d(1, n_timbral, (height, 7), padding=(0, 3))
            self.timbral.append(conv_block(conv, values))
        self.temporal = nn.ModuleList()
        for length in _LENGTHS:
            conv1d = SameConv1d(1, n_temporal, (length,))
            self.temporal.append(conv_block(conv1d, values))
        n_in = n_all = 2 * n_timbral + 3 * n_temporal
        kernel = as_size("kernel_size", values["kernel_size"], 1)
        self.middle = nn.ModuleList()
        for _ in range(values["n_blocks"]):
            self.middle.append(conv_block(SameConv1d(n_in, n_middle, kernel), values))
            n_in = n_middle
            n_all += n_middle
        self.pool = GlobalPool("max", "mean")
        self.dense = nn.Sequential(
            nn.Linear(2 * n_all, n_dense),
            *norm(n_dense, values["batch_norm"]),
            ACTIVATIONS[values["activation"]](),
        )

    def _features(self, x: Tensor) -> Tensor:
        maps = self.input_norm(as_maps(x))
        front = []
        for layer in self.timbral:
            timbres = layer(maps)
            pool = make_pool(self.pooling, (timbres.shape[2], 1))
            front.append(pool(timbres).squeeze(2))
        envelope = maps.mean(2)
        front.extend(layer(envelope) for layer in self.temporal)
        parts = [torch.cat(front, dim=1)]
        for i, layer in enumerate(self.middle):
            new = layer(parts[-1])
            parts.append(new + parts[-1] if i else new)
        features: Tensor = self.dense(self.pool(torch.cat(parts, dim=1)))
        return features


def _make(request: Request) -> Built:
    n_bins, _ = request.input_shape
    net = MusiCNNWon2020(n_bins, request.n_outputs, request.values)
    return Built(net, request.name)


MUSICNN_WON2020 = Architecture(
    name="musicnn_won2020",
    family="cnn2d",
    network=MusiCNNWon2020,
    make=_make,
    sizes={
        "n_filters": _WIDTHS,
        "kernel_size": 7,
        "pooling": "max",
        "n_blocks": 3,
        "batch_norm": True,
        "dropout": 0.5,
        "activation": "relu",
        "weight_init": "default",
    },
    input_shape=(96, 188),
    chunk_size=188,
    front_end={**WON_2020_FRONT_END, "n_mels": 96},
    standardize=False,
    year=2020,
    n_parameters=784_300,
    citations=(WON_2020, PONS_2018),
)
