"""Networks that convolve over both axes of a spectrogram, by name."""

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any, NamedTuple

from torch import nn

from sktag.nets.blocks import (
    Network,
    Published,
    Size2d,
    check_architecture,
    check_used,
    init_weights,
    pair,
    smallest_shape,
)
from sktag.nets.compact2d import CompactCNN2d
from sktag.nets.fcn import FCN, MusicTaggerCNN
from sktag.nets.musicnn import MusiCNN
from sktag.nets.short_chunk import ShortChunkCNN, ShortChunkResCNN

__all__ = ["CompactCNN2d", "PUBLISHED", "build_cnn2d"]


class _Architecture(NamedTuple):
    """A network and its own values.

    The values of `n_filters`, `kernel_size` and `pool_size` are one a block; `beyond`
    are those of further blocks, None the last block's.
    """

    make: Callable[..., Network]
    published: Published
    values: dict[str, Any]
    beyond: dict[str, Any] | None = None


_USUAL: dict[str, Any] = {
    "pooling": "max",
    "batch_norm": True,
    "dropout": 0.5,
    "activation": "relu",
    "weight_init": "default",
}


def _blocks(n_filters: tuple[int, ...], pools: tuple[Size2d, ...]) -> dict[str, Any]:
    kernels = ((3, 3),) * len(pools)
    sizes = {"n_filters": n_filters, "kernel_size": kernels, "pool_size": pools}
    return {**sizes, "n_blocks": len(pools), **_USUAL}


def _without(values: dict[str, Any], name: str) -> dict[str, Any]:
    return {k: v for k, v in values.items() if k != name}


_FCN5_POOLS = ((2, 4), (2, 4), (2, 4), (3, 5), (4, 4))
_FCN4 = _blocks((128, 384, 768, 2048), ((2, 4), (4, 5), (3, 8), (4, 8)))
_FCN5 = _blocks((128, 256, 512, 1024, 2048), _FCN5_POOLS)
_FCN_BEYOND = {"n_filters": 1024, "kernel_size": (1, 1), "pool_size": (1, 1)}
_SHORT = _blocks((128, 128, 256, 256, 256, 256, 512), ((2, 2),) * 7)

_ARCHITECTURES: dict[str, _Architecture] = {
    "compact": _Architecture(
        CompactCNN2d,
        Published((64, 216), None),
        {
            **_blocks((24, 48, 96, 128), ((2, 2),) * 4),
            "weight_init": "he_normal",
        },
    ),
    "fcn4": _Architecture(FCN, Published((96, 1366), 1366), _FCN4, _FCN_BEYOND),
    **{
        f"fcn{n}": _Architecture(
            FCN, Published((96, 1366), 1366), {**_FCN5, "n_blocks": n}, _FCN_BEYOND
        )
        for n in (5, 6, 7)
    },
    "music_tagger_cnn": _Architecture(
        MusicTaggerCNN,
        Published((96, 1813), 1813),
        _blocks((64, 128, 128, 128, 64), _FCN5_POOLS),
        {**_FCN_BEYOND, "n_filters": 64},
    ),
    "short_chunk": _Architecture(ShortChunkCNN, Published((128, 231), 231), _SHORT),
    "short_chunk_res": _Architecture(
        ShortChunkResCNN, Published((128, 231), 231), _without(_SHORT, "pooling")
    ),
    "musicnn": _Architecture(
        MusiCNN,
        Published((96, 187), 187),
        {"n_filters": (204, 51, 64), "kernel_size": 7, "n_blocks": 3, **_USUAL},
    ),
}

PUBLISHED: dict[str, Published] = {
    name: own.published for name, own in _ARCHITECTURES.items()
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
        The architecture's name, and in brackets what was shrunk for a short input.

    Raises
    ------
    ValueError
        If there is no such network, or a given value has no use in it or does not fit
        the others or the input.

    Notes
    -----
    `n_filters`, `kernel_size` and `pool_size` are one for all blocks, or a sequence of
    one a block; sizes are a number or (bins, frames). `n_blocks` takes the first
    blocks; further ones are as the last, in "fcn..." and "music_tagger_cnn" of 1 x 1
    without pooling, as FCN-6 and FCN-7 have them.

    "short_chunk_res" has no pooling: its `pool_size` are the strides. "musicnn" has
    no `pool_size`; its `pooling` is over the bins, its `n_blocks` and `kernel_size`
    (frames) are those of the middle, and `n_filters` the middle's too, or three
    numbers: timbral, temporal, middle.

    Short inputs: "fcn..." and "music_tagger_cnn" leave out their last blocks, "compact"
    and "short_chunk" shrink their poolings, the other two take any. A given `pool_size`
    never shrinks, nor does a given number of blocks where blocks would be left out.

    Examples
    --------
    >>> from sktag.nets import build_cnn2d
    >>> net, name = build_cnn2d("fcn4", (96, 200), 10, n_filters=8)
    >>> name
    'fcn4 (3 of 4 blocks)'
    >>> net.min_shape
    (24, 160)
    """
    check_architecture(architecture, _ARCHITECTURES)
    own = _ARCHITECTURES[architecture]
    check_used(architecture, given, own.values)
    given = {name: value for name, value in given.items() if value is not None}
    values = {**own.values, **given}
    rest = {k: values[k] for k in ("batch_norm", "dropout", "activation")}
    if "pooling" in values:
        rest["pooling"] = values["pooling"]
    name = architecture
    net: Network
    if architecture == "musicnn":
        net = _make_musicnn(input_shape[0], n_outputs, values, rest)
    else:
        filters, kernels, pools = _per_block(own, values, given)
        if architecture == "short_chunk_res":
            rest["strides"] = pools
        else:
            pools, name = _fitted(architecture, pools, input_shape, given)
            rest["pool_sizes"] = pools
        n = len(pools)
        net = own.make(
            n_outputs, n_filters=filters[:n], kernel_sizes=kernels[:n], **rest
        )
    init_weights(net, values["weight_init"])
    if architecture == "compact" and "weight_init" not in given:
        # Logits near 0 at the start: a loss of log(n_classes), not of a wrong guess
        # that is sure of itself.
        nn.init.normal_(net.output.weight, std=0.01)
    return net, name


def _make_musicnn(
    n_bins: int, n_outputs: int, values: dict[str, Any], rest: dict[str, Any]
) -> MusiCNN:
    """Make a musicnn of filters, kernel and blocks as they were given."""
    filters, kernel = values["n_filters"], values["kernel_size"]
    if isinstance(filters, Integral):
        filters = (204, 51, filters)
    if len(filters) != 3 or min(filters) < 1:
        raise ValueError(
            f"n_filters={filters!r} does not fit architecture='musicnn': give the "
            "number of filters in the middle, or three (timbral, temporal, middle), "
            "each of at least 1."
        )
    if not isinstance(kernel, Integral):
        raise ValueError(
            f"kernel_size={kernel!r} does not fit architecture='musicnn': give the "
            "number of frames of the filters in the middle."
        )
    return MusiCNN(
        n_outputs,
        n_bins,
        [int(n) for n in filters],
        int(kernel),
        values["n_blocks"],
        **rest,
    )


def _per_block(
    own: _Architecture, values: dict[str, Any], given: dict[str, Any]
) -> tuple[list[int], list[Size2d], list[Size2d]]:
    """Return the filters, the kernel and the pooling of each block."""
    n_blocks, filters = values["n_blocks"], values["n_filters"]
    if _is_several(filters) and "n_filters" in given:
        if given.get("n_blocks", len(filters)) != len(filters):
            raise ValueError(
                f"n_filters={filters!r} is for {len(filters)} blocks, but "
                f"n_blocks={n_blocks}: leave n_blocks=None, or give one number a block."
            )
        n_blocks = len(filters)
    found: dict[str, list[Any]] = {}
    for name in ("n_filters", "kernel_size", "pool_size"):
        value = values[name]
        if name not in given:
            more = own.beyond[name] if own.beyond else value[-1]
            found[name] = [*value, *[more] * n_blocks][:n_blocks]
        elif name == "n_filters":
            several = value if _is_several(value) else [value] * n_blocks
            found[name] = [int(n) for n in several]
        else:
            found[name] = _sizes(name, value, n_blocks)
        if not found[name] or min(_flat(found[name])) < 1:
            raise ValueError(f"{name}={value!r}: give numbers of at least 1.")
    return found["n_filters"], found["kernel_size"], found["pool_size"]


def _sizes(name: str, value: Any, n_blocks: int) -> list[Size2d]:
    """Return the size of each block, in (bins, frames)."""
    if _is_one_size(value):
        return [pair(value)] * n_blocks
    if len(value) != n_blocks:
        raise ValueError(
            f"{name}={value!r} is for {len(value)} blocks, but there are {n_blocks}: "
            "give one (bins, frames) a block, or one for all."
        )
    return [pair(size) for size in value]


def _fitted(
    architecture: str,
    pools: list[Size2d],
    shape: tuple[int, int],
    given: dict[str, Any],
) -> tuple[list[Size2d], str]:
    """Return poolings for the input, of fewer blocks for FCN, and the net's name."""
    least = smallest_shape(pools)
    if _holds(shape, least):
        return pools, architecture
    drops_blocks = _ARCHITECTURES[architecture].make in (FCN, MusicTaggerCNN)
    fixed: list[str] = [n for n in ("pool_size", "n_blocks") if n in given]
    if _is_several(given.get("n_filters", 0)):
        fixed.append("n_filters")
    if not _is_one_size(given.get("kernel_size", 0)):
        fixed.append("kernel_size")
    if not drops_blocks:
        fixed = fixed[:1] if "pool_size" in fixed else []
    if fixed:
        text = ", ".join(f"{name}={given[name]!r}" for name in fixed)
        raise ValueError(
            f"architecture={architecture!r} with {text} needs, in {len(pools)} blocks, "
            f"at least {least[0]} bins and {least[1]} frames; the input has {shape[0]} "
            f"and {shape[1]}. Lower pool_size or n_blocks, or give longer clips."
        )
    n = len(pools)
    if drops_blocks:
        fits = [_holds(shape, smallest_shape(pools[: i + 1])) for i in range(n)]
        kept = _shrunk(pools[: max(1, sum(fits))], shape)
        name = f"{architecture} ({len(kept)} of {n} blocks"
        if not fits[0]:
            name += f", pooled by {kept[0][0]} x {kept[0][1]}"
        return kept, name + ")"
    pools = _shrunk(pools, shape)
    pooled = [sum(p[axis] > 1 for p in pools) for axis in (0, 1)]
    name = f"{architecture} ({pooled[0]} poolings of bins and {pooled[1]} of frames "
    return pools, name + f"of {n})"


def _shrunk(pools: Sequence[Size2d], shape: tuple[int, int]) -> list[Size2d]:
    """Return poolings that leave at least one bin and one frame."""
    out = []
    for pool in pools:
        pool = (min(pool[0], shape[0]), min(pool[1], shape[1]))
        shape = (shape[0] // pool[0], shape[1] // pool[1])
        out.append(pool)
    return out


def _holds(shape: Sequence[int], least: Sequence[int]) -> bool:
    return all(size >= low for size, low in zip(shape, least, strict=True))


def _is_one_size(value: Any) -> bool:
    return not _is_several(value) or not any(_is_several(size) for size in value)


def _is_several(value: Any) -> bool:
    return not isinstance(value, Integral)


def _flat(values: Sequence[Any]) -> list[int]:
    return [n for value in values for n in (value if _is_several(value) else [value])]
