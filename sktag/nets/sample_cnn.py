"""The networks m^n for raw waveforms, Sample-CNN."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from sktag.nets.architecture import Architecture, Built
from sktag.nets.blocks import Network, SameConv1d, Size, conv_block
from sktag.nets.pooling import GlobalPool
from sktag.nets.sizes import (
    Blocks,
    Request,
    as_size,
    check_fits,
    choose_blocks,
    count_blocks,
)

# The longest input of the paper's m^n networks, in samples: that of 5^6.
_LONGEST = 78_125


class SampleCNN(Network):
    """Network m^n of Lee, Park, Kim and Nam: n poolings by m of raw samples.

    The first convolution has a stride equal to its length. Then come n blocks, each a
    convolution of length m, batch norm, ReLU and max-pooling by m; a convolution of
    length 1; dropout of 0.5 and a dense output. The model 3^9, for 59,049 samples
    (2.678 s at 22,050 Hz) and 50 outputs:

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

    The paper gives the total as 1.9 million. The other m^n have n blocks of 128, 128,
    256, ..., 512 filters. Their first stride is floor(n_samples / m^n); samples beyond
    stride * m^n are cropped. A large first stride makes a frame-level model (3^4 on
    59,049 samples: 729), a small one a sample-level model. Networks of fewer than three
    blocks, which the paper does not have, have 128 and 512 filters, or 512.

    A clip of at least twice `min_shape` leaves several frames after the last layer,
    which are averaged; that is equal to averaging the logits of its parts.

    Weights start from He's uniform initialisation, as in the authors' code. The input
    of convolutions of even length m is padded by one more zero at the end.

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
        self.pool = GlobalPool("mean")

    def _features(self, x: Tensor) -> Tensor:
        maps = self.last(self.blocks(self.stem(x.unsqueeze(1))))
        features: Tensor = self.pool(maps)
        return features


def make_sample_cnn(request: Request, network: type[SampleCNN] = SampleCNN) -> Built:
    """Build a network m^n."""
    values, given = request.values, request.given
    (n_samples,) = request.input_shape
    m, n = values["m"], count_blocks(given, "n")
    if n is None:
        n = 0
        while m ** (n + 2) <= min(n_samples, _LONGEST):
            n += 1
    name = request.name if (m, n) == (3, 9) else f"{request.name} ({m}^{n})"
    asked = "n" if "n" in given else "n_filters"
    check_fits(name, {asked: given.get(asked)}, (m**n,), {"samples": n_samples})
    kernel_size = m if values["kernel_size"] is None else values["kernel_size"]
    sizes = {"n_blocks": n, "pool_size": m, "kernel_size": kernel_size}
    request = request._replace(
        values={**values, **sizes}, given={**given, "n_blocks": n}
    )
    blocks = choose_blocks(request, {"samples": n_samples}, shrinks=False)
    n_stem, n_last = 128, 512
    if "n_filters" in given:
        filters = blocks.n_filters or as_size("n_filters", given["n_filters"], 1)
        n_stem, n_last = filters[0], filters[-1]
    stride = n_samples // m**n
    net = network(request.n_outputs, stride, n_stem, n_last, blocks, values)
    return Built(net, name)


def _input_of(sizes: Mapping[str, Any]) -> Size:
    """Return the published input, m^(n + 1) samples; 59,049 for every n if m is 3."""
    m, n = sizes.get("m"), sizes.get("n")
    return (59_049,) if m in (None, 3) or n is None else (m ** (n + 1),)


def widths(n: int) -> list[int]:
    """Return the filters of n blocks: 128 for the first two, 512 for the last."""
    return [*[128, 128, *[256] * (n - 3)][: max(0, n - 1)], 512][:n]


LEE_2017_TRAINING: dict[str, Any] = {
    "n_chunks": 10,
    "optimizer": "sgd",
    "lr": 0.01,
    "lr_schedule": "staged",
    # Without a number of epochs: a stage ends when the loss has not fallen for 3.
    "stages": (
        ("sgd", 0.01),
        ("sgd", 0.002),
        ("sgd", 0.0004),
        ("sgd", 0.00008),
        ("sgd", 0.000016),
    ),
    "n_iter_no_change": 3,
    "weight_decay": 0.0,
    "max_epochs": 300,
    "batch_size": 23,
}
LEE_2017 = r"""
@inproceedings{lee2017,
  author    = {Lee, Jongpil and Park, Jiyoung and Kim, Keunhyoung Luke and Nam, Juhan},
  title     = {Sample-level deep convolutional neural networks for music auto-tagging
               using raw waveforms},
  booktitle = {Sound and Music Computing Conference (SMC)},
  year      = {2017}
}
""".strip()
SAMPLE_CNN = Architecture(
    name="sample_cnn",
    family="sample_cnn",
    network=SampleCNN,
    make=make_sample_cnn,
    sizes={
        "batch_norm": True,
        "dropout": 0.5,
        "activation": "relu",
        "pooling": "max",
        "n_filters": widths,
        "kernel_size": None,  # m
        "weight_init": "he_uniform",
        "m": 3,
        "n": None,  # the largest that fits the input
    },
    input_shape=(59_049,),
    chunk_size=59_049,
    shape_for=_input_of,
    front_end={"sr": 22050},
    training={"weight_init": "he_uniform", **LEE_2017_TRAINING},
    year=2017,
    n_parameters=1_869_874,
    figures={"mtat_roc_auc": 0.9055, "msd_roc_auc": 0.8812},
    citations=(LEE_2017,),
)
