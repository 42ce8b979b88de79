"""The baseline musicnn_vgg: a stack of 3 x 3 convolutions, on 3 s of music."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from sktag.nets.architecture import Architecture, Built
from sktag.nets.blocks import (
    ACTIVATIONS,
    Network,
    SameConv2d,
    Size,
    as_maps,
    norm,
)
from sktag.nets.musicnn import MUSICNN, PONS_2018, PONS_2019
from sktag.nets.sizes import Blocks, Request, choose_blocks

_OVERLAP = 2  # frames that windows of the first pooling share
_N_PLACES = 2  # places in time that the output layer takes


class HalvesPool(nn.Module):
    """Maximum over all bins and each half of the frames.

    The halves of an odd number of frames share the middle one. Two frames stay as they
    are; a single one is both halves.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """Pool a batch, (n_clips, n_channels, n_bins, n_frames), to rows."""
        n_frames = maps.shape[3]
        half = (n_frames + 1) // 2
        halves = (maps[..., :half], maps[..., n_frames - half :])
        return torch.stack([h.amax((2, 3)) for h in halves], dim=2).flatten(1)


class MusiCNNVGG(Network):
    """The baseline of the library musicnn: five 3 x 3 convolutions, after VGG.

    Each convolution has a bias and is followed by ReLU, batch norm and max-pooling. The
    first pooling has windows of 1 bin and 4 frames and steps of 2 bins and 2 frames, so
    that every other bin is left out. The last maps are flattened. For 96 bins, 187
    frames and 50 outputs, including the parameters of batch norm:

    =========================  ===============  ==========
    layer                      output           parameters
    =========================  ===============  ==========
    batch norm                 1 x 96 x 187              2
    128 filters                128 x 96 x 187        1,536
    pool (1, 4), step (2, 2)   128 x 48 x 92             0
    128 filters, pool (2, 2)   128 x 24 x 46       147,840
    128 filters, pool (2, 2)   128 x 12 x 23       147,840
    128 filters, pool (2, 2)   128 x 6 x 11        147,840
    128 filters, pool (4, 4)   128 x 1 x 2         147,840
    flattened                  256                       0
    output                     50                   12,850
    total                                          605,748
    =========================  ===============  ==========

    Parameters
    ----------
    n_outputs : int
        Number of outputs (logits).
    blocks : Blocks
        Sizes of the blocks. The poolings are the steps between windows.
    values : dict
        "batch_norm", "activation" and "dropout"; "inner_dropout", the rate between the
        blocks.

    Attributes
    ----------
    blocks : Sequential
        The layers.
    pool : HalvesPool
        Flattens the last maps.
    output : Linear
        The output layer.
    min_shape : tuple of int
        Fewest bins and frames of an input.

    Notes
    -----
    The network follows the authors' library of 2019, where it takes 187 frames and
    nothing else. Here, the two halves of longer maps, and all of their bins, are pooled
    by their maximum before the output layer, which does not change the two places that
    187 frames leave. A short input shrinks the poolings.

    References
    ----------
    Pons, Serra, "musicnn: Pre-trained convolutional neural networks for music audio
    tagging", late-breaking demo, ISMIR 2019.
    Simonyan, Zisserman, "Very deep convolutional networks for large-scale image
    recognition", ICLR 2015.
    """

    def __init__(
        self, n_outputs: int, blocks: Blocks, values: Mapping[str, Any]
    ) -> None:
        step = blocks.pool_size[0]
        # A step of one frame is what a short input leaves of the pooling.
        window = (1, step[1] + _OVERLAP if step[1] > 1 else 1)
        rest = blocks.shortest((1, 1), start=1)
        n_features = _N_PLACES * blocks.n_filters[-1]
        super().__init__(
            n_features, n_outputs, values["dropout"], _least(rest, step, window)
        )
        self.input_norm = nn.Sequential(*norm(1, values["batch_norm"], n_axes=2))
        self.blocks = nn.Sequential()
        for i, (n_in, n_out, kernel, pool) in enumerate(blocks.steps(1)):
            block = nn.Sequential(
                SameConv2d(n_in, n_out, kernel),
                ACTIVATIONS[values["activation"]](),
                *norm(n_out, values["batch_norm"], n_axes=2),
                nn.MaxPool2d(pool if i else window, pool),
            )
            if i < len(blocks.n_filters) - 1:
                block.append(nn.Dropout(values["inner_dropout"]))
            self.blocks.append(block)
        self.pool = HalvesPool()

    def _features(self, x: Tensor) -> Tensor:
        features: Tensor = self.pool(self.blocks(self.input_norm(as_maps(x))))
        return features


def _least(rest: Size, step: Size, window: Size) -> Size:
    """Return the smallest input that leaves `rest` after the first pooling."""
    sizes = zip(rest, step, window, strict=True)
    return tuple((n - 1) * s + w for n, s, w in sizes)


_BLOCKS: dict[str, Any] = {
    "kernel_size": (3, 3),
    "pool_size": ((2, 2), (2, 2), (2, 2), (2, 2), (4, 4)),
    "n_blocks": 5,
}


def _make(request: Request) -> Built:
    n_bins, n_frames = request.input_shape
    request = request._replace(values={**request.values, **_BLOCKS})
    axes = {"bins": n_bins, "frames": max(1, n_frames - _OVERLAP)}
    blocks = choose_blocks(request, axes)
    net = MusiCNNVGG(request.n_outputs, blocks, request.values)
    return Built(net, request.name + blocks.note, bool(blocks.note))


MUSICNN_VGG = Architecture(
    name="musicnn_vgg",
    family="cnn2d",
    network=MusiCNNVGG,
    make=_make,
    sizes={
        "n_filters": 128,
        "batch_norm": True,
        "dropout": (0.25, 0.5),
        "activation": "relu",
        "weight_init": "default",
    },
    input_shape=(96, 187),
    chunk_size=187,
    front_end=MUSICNN.front_end,
    standardize=False,
    year=2019,
    n_parameters=605_748,
    citations=(PONS_2019, PONS_2018),
)
