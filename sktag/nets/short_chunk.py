"""The Short-chunk CNN of Won et al., plain and residual."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from sktag.nets.architecture import Architecture, Built
from sktag.nets.blocks import (
    ACTIVATIONS,
    Network,
    SameConv2d,
    Size,
    as_maps,
    conv_block,
    norm,
)
from sktag.nets.pooling import GlobalPool
from sktag.nets.sizes import Blocks, Request, choose_blocks


class _ShortChunk(Network):
    """Batch norm, blocks, global maximum, dense layer, dropout, output."""

    def __init__(
        self, n_outputs: int, n_last: int, least: Size, values: Mapping[str, Any]
    ) -> None:
        super().__init__(n_last, n_outputs, values["dropout"], least)
        self.input_norm = nn.Sequential(*norm(1, values["batch_norm"], n_axes=2))
        self.blocks = nn.Sequential()
        self.pool = GlobalPool("max")
        self.dense = nn.Sequential(
            nn.Linear(n_last, n_last),
            *norm(n_last, values["batch_norm"]),
            ACTIVATIONS[values["activation"]](),
        )

    def _features(self, x: Tensor) -> Tensor:
        maps = self.blocks(self.input_norm(as_maps(x)))
        features: Tensor = self.dense(self.pool(maps))
        return features


class ShortChunkCNN(_ShortChunk):
    """Short-chunk CNN: seven 3 x 3 convolutions and poolings by 2, for 3.69 s of audio.

    Each layer is a convolution with a bias, batch norm, ReLU and max-pooling. For 128
    bins, 231 frames and 50 outputs, including the parameters of batch norm:

    ======================  ================  ==========
    layer                   output            parameters
    ======================  ================  ==========
    batch norm              1 x 128 x 231              2
    128 filters             128 x 64 x 115         1,536
    128 filters             128 x 32 x 57        147,840
    256 filters             256 x 16 x 28        295,680
    256 filters             256 x 8 x 14         590,592
    256 filters             256 x 4 x 7          590,592
    256 filters             256 x 2 x 3          590,592
    512 filters             512 x 1 x 1        1,181,184
    maximum                 512                        0
    dense, batch norm       512                  263,680
    output                  50                    25,650
    total                                      3,687,348
    ======================  ================  ==========

    Parameters
    ----------
    n_outputs : int
        Number of outputs (logits).
    blocks : Blocks
        Sizes of the blocks.
    values : dict
        "pooling", "batch_norm", "dropout" and "activation".

    Attributes
    ----------
    blocks : Sequential
        The layers.
    pool : GlobalPool
        Maximum over all bins and frames left.
    output : Linear
        The output layer.
    min_shape : tuple of int
        Fewest bins and frames of an input.

    Notes
    -----
    The network follows the authors' code, which has details that the paper leaves out:
    a chunk is 59,049 samples at 16 kHz, and the maximum is taken over the remaining
    frames. Their code requires a single remaining bin; here the maximum also covers
    bins, so there may be several. One of the 128 mel bands of their front-end is empty.

    A short input shrinks the poolings.

    References
    ----------
    Won, Ferraro, Bogdanov, Serra, "Evaluation of CNN-based automatic music tagging
    models", SMC 2020.
    """

    def __init__(
        self, n_outputs: int, blocks: Blocks, values: Mapping[str, Any]
    ) -> None:
        least = blocks.shortest((1, 1))
        super().__init__(n_outputs, blocks.n_filters[-1], least, values)
        for n_in, n_out, kernel, pool in blocks.steps(1):
            conv = SameConv2d(n_in, n_out, kernel)
            self.blocks.append(conv_block(conv, values, pool))


class ResBlock2d(nn.Module):
    """Two convolutions, and a third one as a shortcut around them.

    The block is convolution, batch norm, activation, convolution and batch norm. The
    shortcut, a convolution of the input with batch norm, is added before the final
    activation.

    References: He, Zhang, Ren, Sun, "Deep residual learning for image recognition",
    CVPR 2016.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel_size: Size,
        stride: Size,
        values: Mapping[str, Any],
    ) -> None:
        super().__init__()
        activation, batch_norm = ACTIVATIONS[values["activation"]], values["batch_norm"]
        self.body = conv_block(
            SameConv2d(n_in, n_out, kernel_size, stride=stride), values
        )
        self.body.append(SameConv2d(n_out, n_out, kernel_size))
        self.body.extend(norm(n_out, batch_norm, n_axes=2))
        self.shortcut = nn.Sequential(
            SameConv2d(n_in, n_out, kernel_size, stride=stride),
            *norm(n_out, batch_norm, n_axes=2),
        )
        self.activation = activation()

    def forward(self, x: Tensor) -> Tensor:
        """Compute the maps of a batch."""
        maps: Tensor = self.activation(self.body(x) + self.shortcut(x))
        return maps


class ShortChunkResCNN(_ShortChunk):
    """Short-chunk CNN + Res: seven residual blocks of stride 2, for 3.69 s of music.

    For 128 bins, 231 frames and 50 outputs:

    ======================  ================  ==========
    layer                   output            parameters
    ======================  ================  ==========
    batch norm              1 x 128 x 231              2
    block, 128 filters      128 x 64 x 116       150,912
    block, 128 filters      128 x 32 x 58        443,520
    block, 256 filters      256 x 16 x 29      1,181,952
    block, 256 filters      256 x 8 x 15       1,771,776
    block, 256 filters      256 x 4 x 8        1,771,776
    block, 256 filters      256 x 2 x 4        1,771,776
    block, 512 filters      512 x 1 x 2        4,723,200
    maximum                 512                        0
    dense, batch norm       512                  263,680
    output                  50                    25,650
    total                                     12,104,244
    ======================  ================  ==========

    Parameters
    ----------
    n_outputs : int
        Number of outputs (logits).
    blocks : Blocks
        Sizes of the blocks; `pool_size` has the strides.
    values : dict
        "batch_norm", "dropout" and "activation".

    Attributes
    ----------
    blocks : Sequential
        The residual blocks.
    pool : GlobalPool
        Maximum over all bins and frames left.
    output : Linear
        The output layer.
    min_shape : tuple of int
        Fewest bins and frames of an input: one of each, because strides round up.

    Notes
    -----
    The network follows the authors' code. Blocks have strides in place of pooling.
    Every shortcut is a 3 x 3 convolution with batch norm, where ResNet has a 1 x 1
    convolution.

    References
    ----------
    Won, Ferraro, Bogdanov, Serra, "Evaluation of CNN-based automatic music tagging
    models", SMC 2020.
    """

    def __init__(
        self, n_outputs: int, blocks: Blocks, values: Mapping[str, Any]
    ) -> None:
        super().__init__(n_outputs, blocks.n_filters[-1], (1, 1), values)
        for n_in, n_out, kernel, stride in blocks.steps(1):
            self.blocks.append(ResBlock2d(n_in, n_out, kernel, stride, values))


def _make_short_chunk(request: Request) -> Built:
    n_bins, n_frames = request.input_shape
    blocks = choose_blocks(request, {"bins": n_bins, "frames": n_frames})
    net = ShortChunkCNN(request.n_outputs, blocks, request.values)
    return Built(net, request.name + blocks.note, bool(blocks.note))


def _make_short_chunk_res(request: Request) -> Built:
    n_bins, n_frames = request.input_shape
    axes = {"bins": n_bins, "frames": n_frames}
    # Strides round up, so any input is long enough.
    blocks = choose_blocks(request, axes, shrinks=False)
    net = ShortChunkResCNN(request.n_outputs, blocks, request.values)
    return Built(net, request.name)


_SIZES: dict[str, Any] = {
    "n_filters": (128, 128, 256, 256, 256, 256, 512),
    "kernel_size": 3,
    "pool_size": 2,
    "n_blocks": 7,
    "batch_norm": True,
    "dropout": 0.5,
    "activation": "relu",
    "weight_init": "default",
}
# The published code leaves torchaudio's defaults as they are.
WON_2020_FRONT_END: dict[str, Any] = {
    "sr": 16000,
    "n_fft": 512,
    "hop_length": 256,
    "fmax": 8000.0,
    "pad_mode": "reflect",
    "htk": True,
    "norm": None,
}
_TRAINING = {
    "n_chunks": 16,
    "chunk_layout": "won2020",
    "optimizer": "adam",
    "lr": 1e-4,
    "lr_schedule": "staged",
    "stages": (
        ("adam", 1e-4, 80),
        ("sgd", 1e-3, 20),
        ("sgd", 1e-4, 20),
        ("sgd", 1e-5, 80),
    ),
    "weight_decay": 1e-4,
    "max_epochs": 200,
    "batch_size": 16,
}
WON_2020 = r"""
@inproceedings{won2020,
  author    = {Won, Minz and Ferraro, Andres and Bogdanov, Dmitry and Serra, Xavier},
  title     = {Evaluation of {CNN}-based automatic music tagging models},
  booktitle = {Sound and Music Computing Conference (SMC)},
  year      = {2020}
}
""".strip()
HE_2016 = r"""
@inproceedings{he2016,
  author    = {He, Kaiming and Zhang, Xiangyu and Ren, Shaoqing and Sun, Jian},
  title     = {Deep residual learning for image recognition},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition (CVPR)},
  year      = {2016}
}
""".strip()
_PUBLISHED: dict[str, Any] = {
    "family": "cnn2d",
    "input_shape": (128, 231),
    "chunk_size": 231,
    "front_end": {**WON_2020_FRONT_END, "n_mels": 128},
    "standardize": False,
    "training": _TRAINING,
    "year": 2020,
}
SHORT_CHUNK = Architecture(
    name="short_chunk",
    network=ShortChunkCNN,
    make=_make_short_chunk,
    sizes={**_SIZES, "pooling": "max"},
    n_parameters=3_687_348,
    citations=(WON_2020,),
    **_PUBLISHED,
)
SHORT_CHUNK_RES = Architecture(
    name="short_chunk_res",
    network=ShortChunkResCNN,
    make=_make_short_chunk_res,
    sizes=_SIZES,
    n_parameters=12_104_244,
    figures={"mtat_roc_auc": 0.9129, "mtat_pr_auc": 0.4614},
    citations=(WON_2020, HE_2016),
    **_PUBLISHED,
)
