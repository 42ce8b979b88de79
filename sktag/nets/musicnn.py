"""The musically motivated network musicnn."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sktag.nets.blocks import ACTIVATIONS, Network, SameConv2d, as_maps
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
    n_outputs : int
        Number of outputs (logits).
    n_bins : int
        Bins of the input, of which the timbral filters span 40 and 70 %, rounded down.
    n_filters : (int, int, int)
        Of each of the timbral convolutions, of each of the temporal ones, and of each
        of those in the middle.
    kernel_size : int
        Frames of the filters in the middle.
    n_blocks : int
        Convolutions in the middle.
    pooling : {"max", "avg", "std"}
        What is taken over the bins.
    batch_norm : bool
        Whether there is batch normalisation.
    dropout : float in [0, 1)
        Before the dense layer and before the output.
    activation : str
        After each convolution and the dense layer.

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

    def __init__(
        self,
        n_outputs: int,
        n_bins: int,
        n_filters: Sequence[int],
        kernel_size: int,
        n_blocks: int,
        pooling: str,
        batch_norm: bool,
        dropout: float,
        activation: str,
    ) -> None:
        super().__init__()
        n_timbral, n_temporal, n_middle = n_filters
        heights = [max(1, int(share * n_bins)) for share in _SHARES]

        def layer(conv: nn.Module, n_out: int) -> nn.Module:
            norm = nn.BatchNorm2d(n_out) if batch_norm else nn.Identity()
            return nn.Sequential(conv, ACTIVATIONS[activation](), norm)

        def norm1d(n: int) -> nn.Module:
            return nn.BatchNorm1d(n) if batch_norm else nn.Identity()

        self.pooling = pooling
        self.input_norm = nn.BatchNorm2d(1) if batch_norm else nn.Identity()
        timbral = [
            layer(nn.Conv2d(1, n_timbral, (height, 7), padding=(0, 3)), n_timbral)
            for height in heights
        ]
        temporal = [
            layer(SameConv2d(1, n_temporal, (1, length)), n_temporal)
            for length in _LENGTHS
        ]
        self.front = nn.ModuleList([*timbral, *temporal])
        n_front = 2 * n_timbral + 3 * n_temporal
        self.middle = nn.ModuleList(
            layer(
                SameConv2d(n_middle if i else n_front, n_middle, (1, kernel_size)),
                n_middle,
            )
            for i in range(n_blocks)
        )
        n_pooled = 2 * (n_front + n_blocks * n_middle)
        self.dense = nn.Sequential(
            norm1d(n_pooled),
            nn.Dropout(dropout),
            nn.Linear(n_pooled, _N_DENSE),
            ACTIVATIONS[activation](),
            norm1d(_N_DENSE),
        )
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(_N_DENSE, n_outputs)
        self.min_shape = (max(heights), 1)

    def features(self, x: Tensor) -> Tensor:
        """Compute the penultimate layer of a batch.

        Parameters
        ----------
        x : Tensor of shape (n_clips, n_bins, n_frames)
            Spectrograms.

        Returns
        -------
        Tensor of shape (n_clips, 200)
            Output of the dense layer.
        """
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
