"""The networks for raw waveforms of an evaluation in 2020: Sample-CNN, plain and SE."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from torch import Tensor, nn

from sktag.nets.architecture import Architecture, Built
from sktag.nets.blocks import ACTIVATIONS, Network, SameConv1d, conv_block, norm
from sktag.nets.pooling import GlobalPool
from sktag.nets.sample_blocks import HU_2018, KIM_2018, ResidualBlock1d
from sktag.nets.sample_cnn import (
    LEE_2017,
    SAMPLE_CNN,
    SampleCNN,
    make_sample_cnn,
    widths,
)
from sktag.nets.short_chunk import WON_2020
from sktag.nets.sizes import Blocks, Request, choose_blocks


class SampleCNNWon2020(SampleCNN):
    """The Sample-CNN of the evaluation by Won et al., on 3.69 s at 16 kHz.

    It is :class:`SampleCNN` but for the first convolution, whose input is padded, by
    one sample at each end in the model 3^9: all frames are those of windows that begin
    one sample earlier. For 59,049 samples and 50 outputs, with the parameters of batch
    norm:

    ===========================  ===========  ==========
    layer                        output       parameters
    ===========================  ===========  ==========
    conv 3, stride 3, padded     128 x 19683         768
    blocks 1 and 2               128 x 2187       99,072
    block 3                      256 x 729        99,072
    blocks 4 to 8                256 x 3         986,880
    block 9                      512 x 1         394,752
    conv 1                       512 x 1         263,680
    output                       50               25,650
    total                                      1,869,874
    ===========================  ===========  ==========

    Parameters
    ----------
    n_outputs : int
        Number of logits.
    stride : int
        Length and stride of the first convolution.
    n_stem, n_last : int
        Filters of the first and the last convolution.
    blocks : Blocks
        Sizes of the blocks.
    values : dict
        "pooling", "batch_norm", "dropout" and "activation".

    Attributes
    ----------
    stem, last : Sequential
        The first and the last convolution.
    blocks : Sequential
        The n blocks.
    pool : GlobalPool
        Mean over time.
    output : Linear
        The output layer.
    min_shape : tuple of int
        Fewest samples of an input.

    References
    ----------
    Won, Ferraro, Bogdanov, Serra, "Evaluation of CNN-based automatic music tagging
    models", SMC 2020.
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
        super().__init__(n_outputs, stride, n_stem, n_last, blocks, values)
        self.min_shape = (_least(stride, blocks),)
        self.stem = conv_block(SameConv1d(1, n_stem, (stride,), stride=stride), values)


class SampleCNNSEWon2020(Network):
    """The SE network of the evaluation by Won et al., on 3.69 s at 16 kHz.

    Eleven residual blocks: the first with a stride of 3 and no pooling, nine with a
    pooling by 3, and a last one of convolutions of length 1. Each has two convolutions
    with batch norm and ReLU between, then a squeeze-and-excitation of the full number
    of channels, a shortcut, ReLU and the pooling. Where the number of channels or
    frames changes, the shortcut is a convolution of length 3 with batch norm. A dense
    layer and the output follow. For 59,049 samples and 50 outputs, including the
    parameters of batch norm:

    ====================  ===========  ==========
    layer                 output       parameters
    ====================  ===========  ==========
    block, stride 3       128 x 19683      84,096
    2 blocks              128 x 2187      264,192
    block                 256 x 729       527,104
    5 blocks              256 x 3       2,631,680
    block                 512 x 1       2,102,784
    block, conv 1         512 x 1       1,052,672
    dense, batch norm     512             263,680
    output                50               25,650
    total                               6,951,858
    ====================  ===========  ==========

    Parameters
    ----------
    n_outputs : int
        Number of logits.
    stride : int
        Length and stride of the first convolution.
    n_stem : int
        Filters of the first block.
    blocks : Blocks
        Sizes of the blocks with poolings.
    values : dict
        "pooling", "batch_norm", "dropout" and "inner_dropout", "activation",
        "se_ratio".

    Attributes
    ----------
    stem, last : ResidualBlock1d
        The first and the last block.
    blocks : Sequential
        The blocks with poolings.
    pool : GlobalPool
        Mean over time.
    output : Linear
        The output layer.
    min_shape : tuple of int
        Fewest samples of an input.

    Notes
    -----
    The network follows the public code of the evaluation, which takes 59,049 samples
    and nothing else. Here, a longer input leaves several frames, which are averaged,
    and a short one drops blocks. It is larger than "rese2" of Kim, Lee and Nam, which
    has other shortcuts and neither a residual first block nor the last block.

    References
    ----------
    Won, Ferraro, Bogdanov, Serra, "Evaluation of CNN-based automatic music tagging
    models", SMC 2020.
    Kim, Lee, Nam, "Sample-level CNN architectures for music auto-tagging using raw
    waveforms", ICASSP 2018.
    """

    def __init__(
        self,
        n_outputs: int,
        stride: int,
        n_stem: int,
        blocks: Blocks,
        values: Mapping[str, Any],
    ) -> None:
        n_last = blocks.n_filters[-1]
        least = (_least(stride, blocks),)
        super().__init__(n_last, n_outputs, values["dropout"], least)
        one = (1,)
        self.stem = ResidualBlock1d(
            2,
            1,
            n_stem,
            (stride,),
            one,
            values,
            stride=stride,
            shortcut_size=(stride,),
        )
        self.blocks = nn.Sequential(
            *(
                ResidualBlock1d(
                    2, n_in, n_out, kernel, pool, values, shortcut_size=kernel
                )
                for n_in, n_out, kernel, pool in blocks.steps(n_stem)
            )
        )
        self.last = ResidualBlock1d(2, n_last, n_last, one, one, values)
        self.pool = GlobalPool("mean")
        self.hidden = nn.Sequential(
            nn.Linear(n_last, n_last),
            *norm(n_last, values["batch_norm"]),
            ACTIVATIONS[values["activation"]](),
        )

    def _features(self, x: Tensor) -> Tensor:
        maps = self.last(self.blocks(self.stem(x.unsqueeze(1))))
        features: Tensor = self.hidden(self.pool(maps))
        return features


def _least(stride: int, blocks: Blocks) -> int:
    """Return the shortest input: the padded first convolution rounds frames up."""
    (n_frames,) = blocks.shortest((1,))
    return stride * (n_frames - 1) + 1


def _make_se(request: Request) -> Built:
    (n_samples,) = request.input_shape
    stride = min(3, n_samples)
    blocks = choose_blocks(
        request, {"samples": n_samples}, drops_blocks=True, stride=stride
    )
    n_stem = blocks.n_filters[0] if "n_filters" in request.given else 128
    net = SampleCNNSEWon2020(request.n_outputs, stride, n_stem, blocks, request.values)
    return Built(net, request.name + blocks.note, bool(blocks.note))


_PUBLISHED: dict[str, Any] = {
    "front_end": {"sr": 16000},
    "standardize": False,
    "year": 2020,
}
SAMPLE_CNN_WON2020 = replace(
    SAMPLE_CNN,
    name="sample_cnn_won2020",
    network=SampleCNNWon2020,
    make=partial(make_sample_cnn, network=SampleCNNWon2020),
    training=None,
    figures={},
    citations=(WON_2020, LEE_2017),
    **_PUBLISHED,
)
SAMPLE_CNN_SE_WON2020 = Architecture(
    name="sample_cnn_se_won2020",
    family="sample_cnn",
    network=SampleCNNSEWon2020,
    make=_make_se,
    sizes={
        "batch_norm": True,
        "dropout": (0.0, 0.5),  # in the blocks, before the output
        "activation": "relu",
        "pooling": "max",
        "n_filters": widths,
        "kernel_size": 3,
        "pool_size": 3,
        "n_blocks": 9,
        "weight_init": "default",
        "se_ratio": 1.0,
    },
    input_shape=(59_049,),
    chunk_size=59_049,
    n_parameters=6_951_858,
    citations=(WON_2020, KIM_2018, HU_2018),
    **_PUBLISHED,
)
