"""Networks that convolve over both axes of a spectrogram, by name."""

from typing import Any

from torch import nn

from sktag.nets.blocks import Network, Published, init_weights
from sktag.nets.choices import as_size, choose_blocks, choose_values
from sktag.nets.compact2d import CompactCNN2d
from sktag.nets.fcn import FCN, MusicTaggerCNN
from sktag.nets.musicnn import MusiCNN
from sktag.nets.short_chunk import ShortChunkCNN, ShortChunkResCNN

_USUAL: dict[str, Any] = {
    "kernel_size": 3,
    "pooling": "max",
    "batch_norm": True,
    "dropout": 0.5,
    "activation": "relu",
    "weight_init": "default",
}
_FCN5: dict[str, Any] = {
    **_USUAL,
    # Further layers are as the last of these: 1 x 1, without pooling.
    "n_filters": (128, 256, 512, 1024, 2048, 1024),
    "kernel_size": (*[(3, 3)] * 5, (1, 1)),
    "pool_size": ((2, 4), (2, 4), (2, 4), (3, 5), (4, 4), (1, 1)),
    "n_blocks": 5,
}
_SHORT: dict[str, Any] = {
    **_USUAL,
    "n_filters": (128, 128, 256, 256, 256, 256, 512),
    "pool_size": 2,
    "n_blocks": 7,
}
_OWN: dict[str, dict[str, Any]] = {
    "compact": {
        **_USUAL,
        "n_filters": (24, 48, 96, 128),
        "pool_size": 2,
        "n_blocks": 4,
        "weight_init": "he_normal",
    },
    "fcn4": {
        **_USUAL,
        "n_filters": (128, 384, 768, 2048, 1024),
        "kernel_size": (*[(3, 3)] * 4, (1, 1)),
        "pool_size": ((2, 4), (4, 5), (3, 8), (4, 8), (1, 1)),
        "n_blocks": 4,
    },
    "fcn5": _FCN5,
    "fcn6": {**_FCN5, "n_blocks": 6},
    "fcn7": {**_FCN5, "n_blocks": 7},
    "music_tagger_cnn": {**_FCN5, "n_filters": (64, 128, 128, 128, 64, 64)},
    "short_chunk": _SHORT,
    "short_chunk_res": {k: v for k, v in _SHORT.items() if k != "pooling"},
    "musicnn": {**_USUAL, "n_filters": (204, 51, 64), "kernel_size": 7, "n_blocks": 3},
}
PUBLISHED = {
    "compact": Published((64, 216), None),
    "fcn4": Published((96, 1366), 1366),
    "fcn5": Published((96, 1366), 1366),
    "fcn6": Published((96, 1366), 1366),
    "fcn7": Published((96, 1366), 1366),
    "music_tagger_cnn": Published((96, 1813), 1813),
    "short_chunk": Published((128, 231), 231),
    "short_chunk_res": Published((128, 231), 231),
    "musicnn": Published((96, 187), 187),
}
_NETS = {
    "compact": CompactCNN2d,
    **dict.fromkeys(("fcn4", "fcn5", "fcn6", "fcn7"), FCN),
    "music_tagger_cnn": MusicTaggerCNN,
    "short_chunk": ShortChunkCNN,
    "short_chunk_res": ShortChunkResCNN,
}


def build_cnn2d(
    architecture: str, input_shape: tuple[int, int], n_outputs: int, **given: Any
) -> tuple[Network, str]:
    """Build a network by name.

    Parameters
    ----------
    architecture : {"compact", "fcn4", "fcn5", "fcn6", "fcn7", "music_tagger_cnn", \
            "short_chunk", "short_chunk_res", "musicnn"}
        Name of the network. `PUBLISHED` has the inputs they were published for.
    input_shape : (int, int)
        Bins and frames of the input.
    n_outputs : int
        Number of outputs.
    **given
        `n_filters`, `kernel_size`, `pool_size`, `pooling`, `n_blocks`, `batch_norm`,
        `dropout`, `activation`, `weight_init`; None means the architecture's own.

    Returns
    -------
    net : Network
        The network; maps (n_clips, n_bins, n_frames) to logits (n_clips, n_outputs).
    name : str
        The architecture's name, and in brackets what was lost for a short input.

    Raises
    ------
    ValueError
        If there is no such network, or a given value has no use in it or does not fit
        the others or the input.

    Notes
    -----
    `n_filters`, `kernel_size` and `pool_size` are one for all blocks, or a sequence of
    one a block; sizes are a number or (bins, frames). `n_blocks`, or the length of
    `n_filters`, is the number of blocks: the first ones, and further ones as the last,
    in "fcn..." and "music_tagger_cnn" of 1 x 1 without pooling, as FCN-6 and FCN-7
    have them.

    "short_chunk_res" has no pooling: its `pool_size` are the strides. "musicnn" has
    no `pool_size`; its `pooling` is over the bins, its `n_blocks` and `kernel_size`
    (frames) are those of the middle, and `n_filters` the middle's too, or three
    numbers: timbral, temporal, middle.

    Short inputs: "fcn..." and "music_tagger_cnn" leave out their last blocks, "compact"
    and "short_chunk" shrink their poolings; each does the other where it was given
    what it would lose, for nothing given is lost. The other two take any input.

    Examples
    --------
    >>> from sktag.nets import build_cnn2d
    >>> net, name = build_cnn2d("fcn4", (96, 200), 10, n_filters=8)
    >>> name
    'fcn4 (3 of 4 blocks)'
    >>> net.min_shape
    (24, 160)
    """
    values = choose_values(architecture, _OWN, given)
    shape = as_size("input_shape", input_shape, 2)
    net: Network
    name = architecture
    if architecture == "musicnn":
        net = MusiCNN(shape[0], n_outputs, values)
    else:
        blocks = choose_blocks(
            architecture,
            values,
            given,
            shape,
            ("bins", "frames"),
            drops_blocks=issubclass(_NETS[architecture], FCN),
            shrinks=architecture != "short_chunk_res",  # whose strides round up
        )
        net = _NETS[architecture](n_outputs, blocks, values)
        name += blocks.note
    init_weights(net, values["weight_init"])
    if architecture == "compact" and given.get("weight_init") is None:
        # Logits near 0 at the start: a loss of log(n_classes), not of a wrong guess
        # that is sure of itself.
        nn.init.normal_(net.output.weight, std=0.01)
    return net, name
