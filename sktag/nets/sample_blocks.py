"""The networks of Kim, Lee and Nam for raw waveforms: plain, SE and residual blocks."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from sktag.nets.architecture import Architecture, Built
from sktag.nets.blocks import (
    ACTIVATIONS,
    Network,
    SameConv1d,
    Size,
    conv_block,
    norm,
)
from sktag.nets.pooling import make_pool
from sktag.nets.sample_cnn import LEE_2017_TRAINING, widths
from sktag.nets.short_chunk import HE_2016
from sktag.nets.sizes import Blocks, Request, choose_blocks


class ConcatLevels(nn.Module):
    """Concatenate the pooled outputs of several blocks."""

    def forward(self, *levels: Tensor) -> Tensor:
        """Concatenate levels, (n_clips, n_channels) each, to (n_clips, n_features)."""
        return torch.cat(levels, dim=1)


class SqueezeExcite(nn.Module):
    """Scale each channel by a number between 0 and 1, computed from all channels.

    References: Hu, Shen, Sun, "Squeeze-and-excitation networks", CVPR 2018.
    """

    def __init__(self, n_channels: int, ratio: float, activation: str) -> None:
        super().__init__()
        n_hidden = max(1, round(ratio * n_channels))
        self.squeeze = nn.Linear(n_channels, n_hidden)
        self.activation = ACTIVATIONS[activation]()
        self.excite = nn.Linear(n_hidden, n_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Scale a batch, (n_clips, n_channels, n_frames)."""
        hidden = self.activation(self.squeeze(x.mean(-1)))
        return x * torch.sigmoid(self.excite(hidden)).unsqueeze(-1)


class ResidualBlock1d(nn.Module):
    """Convolutions with a shortcut around them, then activation and pooling.

    Each convolution is followed by batch norm, and activation and dropout come before
    the next one. If the number of channels or of frames changes, the shortcut is a
    convolution with batch norm, of length 1 if no other is given.

    References: He, Zhang, Ren, Sun, "Deep residual learning for image recognition",
    CVPR 2016.
    """

    def __init__(
        self,
        n_convs: int,
        n_in: int,
        n_out: int,
        kernel_size: Size,
        pool_size: Size,
        values: Mapping[str, Any],
        *,
        stride: int = 1,
        shortcut_size: Size = (1,),
    ) -> None:
        super().__init__()
        activation, batch_norm = values["activation"], values["batch_norm"]
        conv = SameConv1d(n_in, n_out, kernel_size, stride=stride)
        self.layers = nn.Sequential(conv)
        for _ in range(n_convs - 1):
            self.layers.extend(norm(n_out, batch_norm))
            self.layers.append(ACTIVATIONS[activation]())
            self.layers.append(nn.Dropout(values["inner_dropout"]))
            self.layers.append(SameConv1d(n_out, n_out, kernel_size))
        self.layers.extend(norm(n_out, batch_norm))
        if "se_ratio" in values:
            self.layers.append(SqueezeExcite(n_out, values["se_ratio"], activation))
        self.shortcut = nn.Sequential()
        if n_in != n_out or stride > 1:
            conv = SameConv1d(n_in, n_out, shortcut_size, stride=stride)
            self.shortcut.extend([conv, *norm(n_out, batch_norm)])
        self.end = nn.Sequential(ACTIVATIONS[activation]())
        if pool_size != (1,):
            self.end.append(make_pool(values["pooling"], pool_size))

    def forward(self, x: Tensor) -> Tensor:
        """Compute the maps of a batch, (n_clips, n_in, n_frames)."""
        maps: Tensor = self.end(self.layers(x) + self.shortcut(x))
        return maps


def make_block(
    kind: str,
    n_in: int,
    n_out: int,
    kernel_size: Size,
    pool_size: Size,
    values: Mapping[str, Any],
) -> nn.Module:
    """Return a block of the network with a name."""
    if kind.startswith("res"):
        n_convs = int(kind[-1])
        return ResidualBlock1d(n_convs, n_in, n_out, kernel_size, pool_size, values)
    block = conv_block(SameConv1d(n_in, n_out, kernel_size), values, pool_size)
    if kind == "se":
        block.append(SqueezeExcite(n_out, values["se_ratio"], values["activation"]))
    return block


class SampleBlocksCNN(Network):
    """Networks of Kim, Lee and Nam: plain, SE and residual blocks on raw samples.

    A convolution of length and stride 3 and nine blocks, each with a pooling by 3; the
    maximum over time of the last block, or of the last three ("multi-level"); a dense
    layer of the same width, dropout of 0.5 and a dense output. "basic", for 59,049
    samples and 50 outputs, including the parameters of batch norm:

    =========================  ===========  ==========
    layer                      output       parameters
    =========================  ===========  ==========
    conv 3, stride 3           128 x 19683         768
    block 1                    128 x 6561       49,536
    block 2                    128 x 2187       49,536
    block 3                    256 x 729        99,072
    blocks 4 to 8              256 x 3         986,880
    block 9                    512 x 1         394,752
    maxima of blocks 7 to 9    1024                  0
    dense, ReLU                1024          1,051,648
    dense                      50               51,250
    total                                    2,683,442
    =========================  ===========  ==========

    ==============================  ==========  ============
    parameters                      multi       single level
    ==============================  ==========  ============
    "basic"                         2,683,442      1,869,874
    "se"                            2,858,066      2,044,498
    "res1"                          2,849,586      2,036,018
    "res2"                          4,920,882      4,107,314
    "rese1"                         3,024,210      2,210,642
    "rese2"                         5,095,506      4,281,938
    ==============================  ==========  ============

    A block of "basic" is convolution, batch norm, ReLU and max-pooling; in "se", a
    squeeze-and-excitation follows that scales the channels. A block of "res1" or "res2"
    has one or two convolutions, and adds a shortcut before ReLU and pooling; "rese1"
    and "rese2" scale the channels before the addition.

    The authors' two releases differ in `se_ratio`, the width of the squeeze: 16 times
    the number of channels in 2018 (24,742,706 parameters for "se"), an eighth of it in
    2019. The default is that of 2019. The dropout rate is 0.5 before the output; in
    "res2" and "rese2" it is also 0.2 between the convolutions of a block. A single
    number for `dropout` sets both rates, a pair is (in the blocks, before the output).
    Weights keep torch's initialisation. A short input drops blocks, those with 256
    filters first.

    Parameters
    ----------
    kind : str
        Name of the architecture.
    n_outputs : int
        Number of logits.
    stride : int
        Length and stride of the first convolution.
    n_stem : int
        Its filters.
    blocks : Blocks
        Sizes of the blocks.
    values : dict
        "pooling", "batch_norm", "dropout" and "inner_dropout", "activation",
        "multi_level", "se_ratio".

    Attributes
    ----------
    stem : Sequential
        The first convolution.
    blocks : ModuleList
        The blocks.
    pool : ConcatLevels
        Gives the maximum over time of the last block, or of the last three.
    output : Linear
        The output layer.
    min_shape : tuple of int
        Fewest samples of an input.

    References
    ----------
    Kim, Lee, Nam, "Sample-level CNN architectures for music auto-tagging using raw
    waveforms", ICASSP 2018.
    """

    def __init__(
        self,
        kind: str,
        n_outputs: int,
        stride: int,
        n_stem: int,
        blocks: Blocks,
        values: Mapping[str, Any],
    ) -> None:
        n_levels = 3 if values["multi_level"] else 1
        n_features = sum(blocks.n_filters[-n_levels:])
        least = (stride * blocks.shortest((1,))[0],)
        super().__init__(n_features, n_outputs, values["dropout"], least)
        self.n_levels = n_levels
        self.stem = conv_block(nn.Conv1d(1, n_stem, stride, stride=stride), values)
        self.blocks = nn.ModuleList(
            make_block(kind, *sizes, values) for sizes in blocks.steps(n_stem)
        )
        self.pool = ConcatLevels()
        self.hidden = nn.Sequential(
            nn.Linear(n_features, n_features),
            *norm(n_features, values["batch_norm"]),
            ACTIVATIONS[values["activation"]](),
        )

    def _features(self, x: Tensor) -> Tensor:
        maps, levels = self.stem(x.unsqueeze(1)), []
        for block in self.blocks:
            maps = block(maps)
            # Taken before the next block runs: the order in which autograd sums
            # gradients, and so the last bits of a fit, depend on it.
            levels.append(maps.amax(-1))
        features: Tensor = self.hidden(self.pool(*levels[-self.n_levels :]))
        return features


def _make(request: Request) -> Built:
    (n_samples,) = request.input_shape
    stride = min(3, n_samples)
    blocks = choose_blocks(
        request, {"samples": n_samples}, drops_blocks=True, stride=stride
    )
    n_stem = blocks.n_filters[0] if "n_filters" in request.given else 128
    net = SampleBlocksCNN(
        request.name, request.n_outputs, stride, n_stem, blocks, request.values
    )
    return Built(net, request.name + blocks.note, bool(blocks.note))


_SIZES: dict[str, Any] = {
    "batch_norm": True,
    "dropout": 0.5,
    "activation": "relu",
    "pooling": "max",
    "n_filters": widths,
    "kernel_size": 3,
    "pool_size": 3,
    "n_blocks": 9,
    "weight_init": "default",
    "multi_level": True,
}
_DROPOUTS = {"dropout": (0.2, 0.5)}  # in the blocks, before the output
_SE = {"se_ratio": 0.125}
KIM_2018 = r"""
@inproceedings{kim2018,
  author    = {Kim, Taejun and Lee, Jongpil and Nam, Juhan},
  title     = {Sample-level {CNN} architectures for music auto-tagging using raw
               waveforms},
  booktitle = {IEEE International Conference on Acoustics, Speech and Signal Processing
               (ICASSP)},
  year      = {2018}
}
""".strip()
HU_2018 = r"""
@inproceedings{hu2018,
  author    = {Hu, Jie and Shen, Li and Sun, Gang},
  title     = {Squeeze-and-excitation networks},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition (CVPR)},
  year      = {2018}
}
""".strip()
_PUBLISHED: dict[str, Any] = {
    "family": "sample_cnn",
    "network": SampleBlocksCNN,
    "make": _make,
    "input_shape": (59_049,),
    "chunk_size": 59_049,
    "front_end": {"sr": 22050},
    "year": 2018,
}
# The paper is by the group of Lee et al. and describes no other training.
_TRAINING = {"multi_level": True, **_SE, **LEE_2017_TRAINING}
BASIC = Architecture(
    name="basic",
    sizes=_SIZES,
    n_parameters=2_683_442,
    figures={"mtat_roc_auc": 0.9077},
    citations=(KIM_2018,),
    **_PUBLISHED,
)
SE = Architecture(
    name="se",
    sizes={**_SIZES, **_SE},
    training=_TRAINING,
    n_parameters=2_858_066,
    figures={"mtat_roc_auc": 0.9111},
    citations=(KIM_2018, HU_2018),
    **_PUBLISHED,
)
RES1 = Architecture(
    name="res1",
    sizes=_SIZES,
    n_parameters=2_849_586,
    figures={"mtat_roc_auc": 0.9037},
    citations=(KIM_2018, HE_2016),
    **_PUBLISHED,
)
RES2 = Architecture(
    name="res2",
    sizes={**_SIZES, **_DROPOUTS},
    n_parameters=4_920_882,
    figures={"mtat_roc_auc": 0.9098},
    citations=(KIM_2018, HE_2016),
    **_PUBLISHED,
)
RESE1 = Architecture(
    name="rese1",
    sizes={**_SIZES, **_SE},
    n_parameters=3_024_210,
    figures={"mtat_roc_auc": 0.9053},
    citations=(KIM_2018, HU_2018, HE_2016),
    **_PUBLISHED,
)
RESE2 = Architecture(
    name="rese2",
    sizes={**_SIZES, **_SE, **_DROPOUTS},
    training=_TRAINING,
    n_parameters=5_095_506,
    figures={"mtat_roc_auc": 0.9113},
    citations=(KIM_2018, HU_2018, HE_2016),
    **_PUBLISHED,
)
