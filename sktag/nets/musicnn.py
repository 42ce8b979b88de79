"""The musically motivated network musicnn."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from sktag.nets.blocks import ACTIVATIONS, Network, SameConv2d, as_maps, norm
from sktag.nets.choices import as_integer, as_size, is_several
from sktag.nets.pooling import global_pool, make_pool

_SHARES = (0.4, 0.7)  # of the bins, that a timbral filter spans
_LENGTHS = (128, 64, 32)  # frames that a temporal filter spans
_N_DENSE = 200


class MusiCNN(Network):
    """Filters shaped for timbre and for rhythm: the network of the library musicnn.

    Timbral filters are high (40 and 70 % of the bins) and short (7 frames), temporal
    ones one bin high and 128, 64 and 32 frames long; the maximum over the bins is
    taken of both. Then three convolutions over time, the second and the third with a
    shortcut; the maximum and the mean over time of all of this side by side; a dense
    layer. Each convolution has a bias, ReLU, and then batch norm. For 96 bins, 187
    frames and 50 outputs, with the parameters of batch norm counted:

    ===============================  ==============  ==========
    layer                            output          parameters
    ===============================  ==============  ==========
    batch norm                       1 x 96 x 187             2
    timbral, 204 filters, 38 x 7     204 x 187           54,876
    timbral, 204 filters, 67 x 7     204 x 187           96,288
    temporal, 51 filters, 1 x 128    51 x 187             6,681
    temporal, 51 filters, 1 x 64     51 x 187             3,417
    temporal, 51 filters, 1 x 32     51 x 187             1,785
    side by side                     561 x 187                0
    64 filters of 7                  64 x 187           251,520
    64 filters of 7, residual        64 x 187            28,864
    64 filters of 7, residual        64 x 187            28,864
    side by side                     753 x 187                0
    maximum and mean, batch norm     1506                 3,012
    dense, batch norm                200                301,800
    output                           50                  10,050
    total                                               787,159
    ===============================  ==============  ==========

    Parameters
    ----------
    n_bins : int
        Bins of the input, of which the timbral filters span 40 and 70 %, rounded down.
    n_outputs : int
        Number of outputs (logits).
    values : dict
        "n_filters", a number of the middle, or three: of each timbral, each temporal
        and each middle convolution; "kernel_size" (frames) and "n_blocks" of the
        middle; "pooling", over the bins; "batch_norm", "activation"; and "dropout",
        before the dense layer and before the output.

    Attributes
    ----------
    front : ModuleList
        Two timbral and three temporal layers, before the pooling over the bins.
    middle : ModuleList
        The convolutions over time.
    output : Linear
        The output layer.
    min_shape : tuple of int
        Fewest bins and frames of an input.

    Notes
    -----
    It follows the authors' library of 2019, in which batch norm comes after the
    activation and there is dropout before the dense layer as well. The port in the
    evaluation of 2020 is another network: its temporal filters are 129, 65 and 33
    frames long, act on the mean of the bins, its order is batch norm before the
    activation, and it has 784,300 parameters and another front-end.

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
        pooled = global_pool(torch.cat(parts, dim=1), ("max", "mean"))
        features: Tensor = self.dense(pooled)
        return features

    def _over_bins(self, maps: Tensor) -> Tensor:
        """Pool the bins, as many as the filters leave, to one."""
        pooled: Tensor = make_pool(self.pooling, (maps.shape[2], 1))(maps)
        return pooled
