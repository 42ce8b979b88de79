"""Networks that take raw waveforms."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from sktag.nets.blocks import (
    ACTIVATIONS,
    Network,
    Published,
    SameConv1d,
    conv_block,
    init_weights,
    norm,
)
from sktag.nets.blocks1d import make_block
from sktag.nets.choices import (
    Blocks,
    as_size,
    check_fits,
    choose_blocks,
    choose_values,
    count_blocks,
)
from sktag.nets.pooling import global_pool

# The longest input of the m^n networks of Lee et al., in samples: that of 5^6.
_LONGEST = 78_125


def _widths(n: int) -> list[int]:
    """Return the filters of n blocks; the first two have 128, the last 512."""
    return [*[128, 128, *[256] * (n - 3)][: max(0, n - 1)], 512][:n]


_OF_ALL = {
    "batch_norm": True,
    "dropout": 0.5,
    "activation": "relu",
    "pooling": "max",
    "n_filters": _widths,
}
_OF_2018 = {
    **_OF_ALL,
    "kernel_size": 3,
    "pool_size": 3,
    "n_blocks": 9,
    "weight_init": "default",
    "multi_level": True,
}
_TWICE = {"dropout": (0.2, 0.5)}
_SE = {"se_ratio": 0.125}
_OWN: dict[str, dict[str, Any]] = {
    "sample_cnn": {
        **_OF_ALL,
        "kernel_size": None,  # m
        "weight_init": "he_uniform",
        "m": 3,
        "n": None,  # follows the input
    },
    "basic": _OF_2018,
    "se": {**_OF_2018, **_SE},
    "res1": _OF_2018,
    "res2": {**_OF_2018, **_TWICE},
    "rese1": {**_OF_2018, **_SE},
    "rese2": {**_OF_2018, **_SE, **_TWICE},
}
PUBLISHED = {name: Published((59_049,), 59_049) for name in _OWN}


class SampleCNN(Network):
    """Network m^n of Lee, Park, Kim and Nam: n poolings by m of raw samples.

    A first convolution whose length is its stride; n blocks of a convolution of length
    m, batch norm, ReLU and max-pooling by m; a convolution of length 1; dropout of
    0.5 and a dense output. The model 3^9, for 59,049 samples (2.678 s at 22,050 Hz)
    and 50 outputs:

    =======================  ===========  ==================
    layer                    output       parameters + norms
    =======================  ===========  ==================
    conv 3, stride 3         128 x 19683           512 + 256
    conv 3, max-pool 3       128 x 6561         49,280 + 256
    conv 3, max-pool 3       128 x 2187         49,280 + 256
    conv 3, max-pool 3       256 x 729          98,560 + 512
    conv 3, max-pool 3       256 x 243         196,864 + 512
    conv 3, max-pool 3       256 x 81          196,864 + 512
    conv 3, max-pool 3       256 x 27          196,864 + 512
    conv 3, max-pool 3       256 x 9           196,864 + 512
    conv 3, max-pool 3       256 x 3           196,864 + 512
    conv 3, max-pool 3       512 x 1         393,728 + 1,024
    conv 1                   512 x 1         262,656 + 1,024
    dense                    50                       25,650
    total                                  1,863,986 + 5,888
    =======================  ===========  ==================

    The paper's 1.9 million. The other m^n have n blocks of 128, 128, 256 ..., 512
    filters; the first stride is what is left of the input, floor(n_samples / m^n), and
    samples beyond stride * m^n are not used. A large first stride makes a frame-level
    model (3^4 on 59,049 samples: 729), a small one a sample-level model. Fewer than 3
    blocks, which the paper has not, have 128 and 512 or 512 filters. A clip of twice
    `min_shape` or more leaves several frames at the end, which are averaged: that is
    the mean of the logits of its parts.

    `weight_init` is He's uniform one, as the authors'. Even lengths m are
    padded by one more zero at the end.

    Parameters
    ----------
    n_outputs : int
        Number of logits.
    stride : int
        Length and stride of the first convolution.
    n_stem, n_last : int
        Filters of the first and of the last convolution.
    blocks : Blocks
        Sizes of the blocks.
    values : dict
        "pooling", "batch_norm", "dropout" and "activation".

    Attributes
    ----------
    min_shape : tuple of int
        Fewest samples of an input.
    output : Linear
        The last layer.

    References
    ----------
    Lee, Park, Kim, Nam, "Sample-level deep convolutional neural networks for music
    auto-tagging using raw waveforms", SMC 2017.
    """

    def __init__(
        self,
        n_outputs: int,
        stride: int,
        n_stem: int,
        n_last: int,
        blocks: Blocks,
        values: Mapping[str, Any],
    ) -> None:
        least = (stride * blocks.shortest((1,))[0],)
        super().__init__(n_last, n_outputs, values["dropout"], least)
        self.stem = conv_block(nn.Conv1d(1, n_stem, stride, stride=stride), values)
        self.blocks = nn.Sequential(
            *(
                conv_block(SameConv1d(n_in, n_out, kernel), values, pool)
                for n_in, n_out, kernel, pool in blocks.steps(n_stem)
            )
        )
        n_in = [n_stem, *blocks.n_filters][-1]
        self.last = conv_block(nn.Conv1d(n_in, n_last, 1), values)

    def _features(self, x: Tensor) -> Tensor:
        maps = self.last(self.blocks(self.stem(x.unsqueeze(1))))
        return global_pool(maps, ("mean",))


class SampleBlocksCNN(Network):
    """Networks of Kim, Lee and Nam: blocks of vision on raw samples.

    A convolution of length and stride 3, nine blocks that each pool by 3, the maximum
    over time of the last block or ("multi-level") of the last three, a dense layer as
    wide as that, dropout of 0.5 and a dense output. "basic", for 59,049 samples and 50
    outputs, with its batch norms:

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

    A block of "basic" is convolution, batch norm, ReLU and max-pooling; "se" scales its
    channels by a squeeze-and-excitation after that. In "res1" and "res2" one or two
    convolutions are added to a shortcut before ReLU and pooling; "rese1" and "rese2"
    scale them first.

    The authors' two releases differ in `se_ratio`, the width of the squeeze: 16 times
    the channels in 2018 (24,742,706 parameters for "se"), an eighth of them in 2019.
    None is the later. Dropout is 0.5 before the output, and in "res2" and "rese2" also
    0.2 between the convolutions of a block; a number given as `dropout` holds for both,
    a pair is (in the blocks, before the output). Weights start as torch draws them. A
    short input takes blocks away, those with 256 filters first.

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
    min_shape : tuple of int
        Fewest samples of an input.
    output : Linear
        The last layer.

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
        self.hidden = nn.Sequential(
            nn.Linear(n_features, n_features),
            *norm(n_features, values["batch_norm"]),
            ACTIVATIONS[values["activation"]](),
        )

    def _features(self, x: Tensor) -> Tensor:
        maps, levels = self.stem(x.unsqueeze(1)), []
        for block in self.blocks:
            maps = block(maps)
            levels.append(global_pool(maps, ("max",)))
        features: Tensor = self.hidden(torch.cat(levels[-self.n_levels :], dim=1))
        return features


def build_sample_cnn(
    architecture: str, input_shape: tuple[int], n_outputs: int, **given: Any
) -> tuple[Network, str]:
    """Build a network for raw waveforms, by name.

    Parameters
    ----------
    architecture : {"sample_cnn", "basic", "se", "res1", "res2", "rese1", "rese2"}
        Name of the network.
    input_shape : (int,)
        Samples of the input. Clips may be longer, or shorter down to the net's
        `min_shape`.
    n_outputs : int
        Number of outputs.
    **given
        None means the architecture's own. Of all: `n_filters` and `kernel_size` (a
        number, or one a block; the first convolution has as many filters as the first
        block, and that of length 1 of "sample_cnn" as many as the last), `pooling`,
        `batch_norm`, `dropout` (in "res2" and "rese2" also two numbers: in the blocks,
        before the output), `activation`, `weight_init`. Of "sample_cnn": `m` and
        `n`, of which `n` is by default the largest for which m^(n + 1) fits into the
        input, and into 78,125 samples, the longest of the paper: 9 for m = 3. Of the
        others: `pool_size` (a number, or one a block), `n_blocks`, `multi_level`. Of
        "se", "rese1" and "rese2": `se_ratio`.

    Returns
    -------
    net : Module
        The network; maps (n_clips, n_samples) to logits (n_clips, n_outputs).
    name : str
        The architecture's name. In brackets is what was lost for a short input,
        "basic (6 of 9 blocks)"; "sample_cnn" loses nothing, but says its m^n where that
        is not 3^9: "sample_cnn (3^7)".

    Raises
    ------
    ValueError
        If there is no such architecture, or a given value does not fit it, the others
        or the input.

    Examples
    --------
    >>> from sktag.nets import build_sample_cnn
    >>> net, name = build_sample_cnn("sample_cnn", (22050,), n_outputs=10)
    >>> name, net.min_shape
    ('sample_cnn (3^8)', (19683,))
    """
    values = choose_values(architecture, _OWN, given)
    (n_samples,) = as_size("input_shape", input_shape, 1)
    net: Network
    if architecture == "sample_cnn":
        net, name = _build_m_n(n_samples, n_outputs, values, given)
    else:
        stride = min(3, n_samples)
        blocks = choose_blocks(
            architecture,
            values,
            given,
            (n_samples,),
            ("samples",),
            drops_blocks=True,
            stride=stride,
        )
        n_stem = 128 if given.get("n_filters") is None else blocks.n_filters[0]
        net = SampleBlocksCNN(architecture, n_outputs, stride, n_stem, blocks, values)
        name = architecture + blocks.note
    init_weights(net, values["weight_init"])
    return net, name


def _build_m_n(
    n_samples: int, n_outputs: int, values: dict[str, Any], given: Mapping[str, Any]
) -> tuple[SampleCNN, str]:
    """Build a SampleCNN; return it and its name."""
    m, n = values["m"], count_blocks(given, "n")
    if n is None:
        n = 0
        while m ** (n + 2) <= min(n_samples, _LONGEST):
            n += 1
    name = "sample_cnn" if (m, n) == (3, 9) else f"sample_cnn ({m}^{n})"
    asked = "n_filters" if given.get("n") is None else "n"
    check_fits(name, {asked: given.get(asked)}, (m**n,), (n_samples,), ("samples",))
    kernel_size = m if values["kernel_size"] is None else values["kernel_size"]
    blocks = choose_blocks(
        "sample_cnn",
        {**values, "n_blocks": n, "pool_size": m, "kernel_size": kernel_size},
        {**given, "n_blocks": n},
        (n_samples,),
        ("samples",),
        shrinks=False,
    )
    ends = (128, 512)
    if given.get("n_filters") is not None:
        filters = blocks.n_filters or as_size("n_filters", given["n_filters"], 1)
        ends = filters[0], filters[-1]
    return SampleCNN(n_outputs, n_samples // m**n, *ends, blocks, values), name
