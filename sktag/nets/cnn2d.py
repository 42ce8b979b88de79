"""Networks that convolve over both axes of a spectrogram."""

from collections.abc import Sequence
from math import prod
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn

from sktag.nets.blocks import ConvBlock2d, init_weights, mean_max

Size = int | tuple[int, int]
_COMPACT: dict[str, Any] = {
    "n_filters": (24, 48, 96, 128),
    "kernel_size": 3,
    "pool_size": 2,
    "pooling": "max",
    "n_blocks": 4,
    "batch_norm": True,
    "dropout": 0.5,
    "activation": "relu",
    "weight_init": "he_normal",
}


class CompactCNN2d(nn.Module):
    """Small VGG-style network for spectrograms, the default of CNN2DClassifier.

    Blocks of two 3 x 3 convolutions with batch norm and ReLU, each block with a
    max-pooling by 2; then the mean over frequency, mean and maximum over time,
    dropout, and a dense output. For 64 bins, 216 frames and 10 outputs:

    ========================  ===============  ==========
    layer                     output           parameters
    ========================  ===============  ==========
    block 1, 24 filters       24 x 32 x 108         5,496
    block 2, 48 filters       48 x 16 x 54         31,296
    block 3, 96 filters       96 x 8 x 27         124,800
    block 4, 128 filters      128 x 4 x 13        258,560
    mean, mean and max        256                       0
    dense                     10                    2,570
    total                                         422,722
    ========================  ===============  ==========

    It follows no single paper: the blocks are VGG's, the pooling of frequency by mean
    and of time by mean and maximum is common in tagging of sound events.

    Parameters
    ----------
    n_outputs : int
        Number of outputs (logits).
    n_filters : sequence of int
        Channels of each block.
    kernel_size : int or (int, int)
        Of the convolutions, in (bins, frames).
    pool_sizes : sequence of (int, int)
        Of each block, in (bins, frames).
    pooling : {"max", "avg"}
        Kind of pooling after each block.
    batch_norm : bool
        Whether convolutions are followed by batch normalisation.
    dropout : float in [0, 1)
        Before the dense layer.
    activation : str
        After each convolution.

    Attributes
    ----------
    min_shape : tuple of int
        Fewest bins and frames of an input.

    References
    ----------
    Simonyan, Zisserman, "Very deep convolutional networks for large-scale image
    recognition", ICLR 2015.
    """

    def __init__(
        self,
        n_outputs: int,
        n_filters: Sequence[int],
        kernel_size: Size,
        pool_sizes: Sequence[tuple[int, int]],
        pooling: str,
        batch_norm: bool,
        dropout: float,
        activation: str,
    ) -> None:
        super().__init__()
        channels = [1, *n_filters]
        self.blocks = nn.Sequential(
            *(
                ConvBlock2d(
                    n_in,
                    n_out,
                    kernel_size=_pair(kernel_size),
                    pool_size=pool_size,
                    pooling=pooling,
                    batch_norm=batch_norm,
                    activation=activation,
                )
                for n_in, n_out, pool_size in zip(
                    channels[:-1], channels[1:], pool_sizes, strict=True
                )
            )
        )
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(2 * channels[-1], n_outputs)
        self.min_shape = _smallest(pool_sizes)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits of a batch.

        Parameters
        ----------
        x : Tensor of shape (n_clips, n_bins, n_frames)
            Spectrograms.

        Returns
        -------
        Tensor of shape (n_clips, n_outputs)
            Logits.
        """
        maps = self.blocks(x.unsqueeze(1).contiguous(memory_format=torch.channels_last))
        return self.output(self.dropout(mean_max(maps.mean(2), -1)))  # type: ignore[no-any-return]


def build_cnn2d(
    architecture: str, input_shape: tuple[int, int], n_outputs: int, **given: Any
) -> tuple[nn.Module, str]:
    """Build a network by name.

    Parameters
    ----------
    architecture : {"compact"}
        Name of the network.
    input_shape : (int, int)
        Bins and frames of the input.
    n_outputs : int
        Number of outputs.
    **given
        `n_filters`, `kernel_size`, `pool_size`, `pooling`, `n_blocks`, `batch_norm`,
        `dropout`, `activation`, `weight_init`; None means the architecture's own.

    Returns
    -------
    net : Module
        The network; maps (n_clips, n_bins, n_frames) to logits (n_clips, n_outputs).
    name : str
        The architecture's name, and in brackets what was shrunk for a short input.

    Raises
    ------
    ValueError
        If a given value does not fit the others or the input.
    """
    values = {k: _COMPACT[k] if v is None else v for k, v in given.items()}
    n_filters = _per_block(values, given)
    pool_sizes = _pools(values["pool_size"], len(n_filters))
    name = architecture
    least = _smallest(pool_sizes)
    if any(size < low for size, low in zip(input_shape, least, strict=True)):
        if given["pool_size"] is not None:
            raise ValueError(
                f"pool_size={given['pool_size']!r} in {len(n_filters)} blocks needs "
                f"at least {least[0]} bins and {least[1]} frames; the input has "
                f"{input_shape[0]} and {input_shape[1]}. Lower pool_size or n_blocks, "
                "or give longer clips."
            )
        pool_sizes = _shrunk(pool_sizes, input_shape)
        pooled = [sum(p[axis] > 1 for p in pool_sizes) for axis in (0, 1)]
        name += f" ({pooled[0]} poolings of bins and {pooled[1]} of frames of "
        name += f"{len(n_filters)})"
    net = CompactCNN2d(
        n_outputs,
        n_filters,
        values["kernel_size"],
        pool_sizes,
        values["pooling"],
        values["batch_norm"],
        values["dropout"],
        values["activation"],
    )
    init_weights(net, values["weight_init"])
    if given["weight_init"] is None:
        # Logits near 0 at the start: a loss of log(n_classes), not of a wrong guess
        # that is sure of itself.
        nn.init.normal_(net.output.weight, std=0.01)
    return net, name


def _per_block(values: dict[str, Any], given: dict[str, Any]) -> list[int]:
    """Return the number of filters of each block."""
    filters, n_blocks = values["n_filters"], values["n_blocks"]
    if isinstance(filters, Integral):
        return [int(filters)] * n_blocks
    if given["n_filters"] is None:
        return [*filters, *[filters[-1]] * n_blocks][:n_blocks]
    if given["n_blocks"] not in (None, len(filters)):
        raise ValueError(
            f"n_filters={filters!r} is for {len(filters)} blocks, but "
            f"n_blocks={n_blocks}: leave n_blocks=None, or give one number a block."
        )
    return [int(n) for n in filters]


def _pools(pool_size: Any, n_blocks: int) -> list[tuple[int, int]]:
    """Return the pooling of each block, in (bins, frames)."""
    if isinstance(pool_size, Integral) or isinstance(pool_size[0], Integral):
        return [_pair(pool_size)] * n_blocks
    if len(pool_size) != n_blocks:
        raise ValueError(
            f"pool_size={pool_size!r} is for {len(pool_size)} blocks, but there are "
            f"{n_blocks}: give one (bins, frames) a block, or one for all."
        )
    return [_pair(size) for size in pool_size]


def _shrunk(
    pool_sizes: Sequence[tuple[int, int]], shape: tuple[int, int]
) -> list[tuple[int, int]]:
    """Return poolings that leave at least one bin and one frame."""
    out = []
    for pool in pool_sizes:
        pool = (min(pool[0], shape[0]), min(pool[1], shape[1]))
        shape = (shape[0] // pool[0], shape[1] // pool[1])
        out.append(pool)
    return out


def _smallest(pool_sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    return prod(p[0] for p in pool_sizes), prod(p[1] for p in pool_sizes)


def _pair(size: Any) -> tuple[int, int]:
    if isinstance(size, Integral):
        return int(size), int(size)
    if len(size) != 2:
        raise ValueError(f"{size!r} is no size: give a number, or (bins, frames).")
    return int(size[0]), int(size[1])
