"""All networks by family and name, and functions that build them.

The registry collects the records of every module in `sktag.nets`, so that a network is
added by adding its file.
"""

import pkgutil
import sys
from importlib import import_module
from typing import Any

from sktag.nets.architecture import AXES, Architecture, Family
from sktag.nets.blocks import Network
from sktag.nets.sizes import check_choice


def _collect() -> dict[Family, dict[str, Architecture]]:
    """Return the records of the modules beside this one, in alphabetical order."""
    found: dict[Family, dict[str, Architecture]] = {family: {} for family in AXES}
    folder = sys.modules[__package__].__path__
    for module in pkgutil.iter_modules(folder, f"{__package__}."):
        if module.name != __name__:
            for value in vars(import_module(module.name)).values():
                if isinstance(value, Architecture):
                    found[value.family][value.name] = value
    return found


ARCHITECTURES = _collect()


def find_architecture(family: Family, name: str) -> Architecture:
    """Return the record of a network.

    Parameters
    ----------
    family : {"cnn1d", "cnn2d", "sample_cnn"}
        Networks that convolve over the time of a spectrogram, over both of its axes, or
        over a waveform.
    name : str
        Name of the network.

    Returns
    -------
    Architecture
        The record.

    Raises
    ------
    ValueError
        If the family has no network of that name.

    Examples
    --------
    >>> from sktag.nets import find_architecture
    >>> find_architecture("cnn2d", "short_chunk").input_shape
    (128, 231)
    """
    check_choice("architecture", name, tuple(ARCHITECTURES[family]))
    return ARCHITECTURES[family][name]


def build_cnn1d(
    architecture: str, input_shape: tuple[int, int], n_outputs: int, **given: Any
) -> tuple[Network, str]:
    """Build a network that convolves over the time of spectrograms, by name.

    Parameters
    ----------
    architecture : str
        Name of the network, a key of ``ARCHITECTURES["cnn1d"]``: "compact",
        "dieleman2014", "spotify2014", ...
    input_shape : (int, int)
        Bins and frames of the input. The network takes clips of any length from its
        `min_shape` on, but always the same number of bins.
    n_outputs : int
        Number of outputs.
    **given : dict
        `n_filters`, `kernel_size` and `pool_size` (a number, or one a block),
        `pooling`, `n_blocks`, `batch_norm`, `dropout`, `activation`, `weight_init`.
        None means the architecture's default. `n_blocks`, or the length of `n_filters`,
        sets the number of blocks; further blocks repeat the architecture's last one.

    Returns
    -------
    net : Module
        The network; it maps (n_clips, n_bins, n_frames) to logits (n_clips, n_outputs).
    name : str
        The architecture's name, followed by what a short input dropped.

    Raises
    ------
    ValueError
        If there is no such architecture, or if a given value is out of range,
        contradicts another one or is too large for the input.

    Examples
    --------
    >>> from sktag.nets import build_cnn1d
    >>> net, name = build_cnn1d("spotify2014", (128, 60), n_outputs=10)
    >>> name, net.min_shape
    ('spotify2014 (3 of 4 blocks)', (128, 55))
    """
    return _build("cnn1d", architecture, input_shape, n_outputs, given)


def build_cnn2d(
    architecture: str, input_shape: tuple[int, int], n_outputs: int, **given: Any
) -> tuple[Network, str]:
    """Build a network that convolves over both axes of spectrograms, by name.

    Parameters
    ----------
    architecture : str
        Name of the network, a key of ``ARCHITECTURES["cnn2d"]``: "compact", "fcn4",
        "short_chunk", "musicnn", ...
    input_shape : (int, int)
        Bins and frames of the input.
    n_outputs : int
        Number of outputs.
    **given : dict
        `n_filters`, `kernel_size`, `pool_size`, `pooling`, `n_blocks`, `batch_norm`,
        `dropout`, `activation`, `weight_init`. None means the architecture's default.

    Returns
    -------
    net : Network
        The network; it maps (n_clips, n_bins, n_frames) to logits (n_clips, n_outputs).
    name : str
        The architecture's name, followed by what a short input dropped.

    Raises
    ------
    ValueError
        If there is no such architecture, or if a given value is out of range,
        contradicts another one or is too large for the input.

    Notes
    -----
    `n_filters`, `kernel_size` and `pool_size` are one value for all blocks or a
    sequence with one a block; the latter two are a number or (bins, frames).
    `n_blocks`, or the length of `n_filters`, sets the number of blocks; further blocks
    repeat the architecture's last one. Further blocks of "fcn4" to "fcn7" and
    "music_tagger_cnn" are 1 x 1 convolutions without pooling, as in FCN-6 and FCN-7.

    "short_chunk_res" has strides in place of pooling: `pool_size` sets them. "musicnn"
    has no `pool_size`. Its `pooling` is over the bins; `n_blocks`, `kernel_size` (in
    frames) and `n_filters` apply to its middle layers, and `n_filters` may also be
    three numbers: timbral, temporal, middle; in "musicnn_won2020" four, with the width
    of its dense layer. "musicnn_vgg" has `n_filters` only, and
    two numbers for `dropout`: between the blocks, and before the output.

    For a short input, "fcn4" to "fcn7" and "music_tagger_cnn" drop their last blocks,
    "compact" and "short_chunk" shrink their poolings. Each does the other if its own
    way would change a given value. "musicnn_vgg" always shrinks its poolings;
    "short_chunk_res", "musicnn" and "musicnn_won2020" take any input.

    Examples
    --------
    >>> from sktag.nets import build_cnn2d
    >>> net, name = build_cnn2d("fcn4", (96, 200), 10, n_filters=8)
    >>> name
    'fcn4 (3 of 4 blocks)'
    >>> net.min_shape
    (24, 160)
    """
    return _build("cnn2d", architecture, input_shape, n_outputs, given)


def build_sample_cnn(
    architecture: str, input_shape: tuple[int], n_outputs: int, **given: Any
) -> tuple[Network, str]:
    """Build a network for raw waveforms, by name.

    Parameters
    ----------
    architecture : str
        Name of the network, a key of ``ARCHITECTURES["sample_cnn"]``: "sample_cnn",
        "basic", "se", "res1", "res2", "rese1", "rese2", "sample_cnn_won2020",
        "sample_cnn_se_won2020".
    input_shape : (int,)
        Samples of the input. The network takes clips of any length from its `min_shape`
        on.
    n_outputs : int
        Number of outputs.
    **given : dict
        Values that replace the architecture's defaults, see Notes; None means the
        default.

    Returns
    -------
    net : Module
        The network; it maps (n_clips, n_samples) to logits (n_clips, n_outputs).
    name : str
        The architecture's name, followed by what a short input dropped, as
        "basic (6 of 9 blocks)". "sample_cnn" drops nothing; its name is followed by m^n
        unless that is 3^9, as "sample_cnn (3^7)".

    Raises
    ------
    ValueError
        If there is no such architecture, or if a given value is out of range,
        contradicts another one or is too large for the input.

    Notes
    -----
    All networks take `n_filters` and `kernel_size` (a number, or one a block),
    `pooling`, `batch_norm`, `dropout`, `activation` and `weight_init`. The first
    convolution has as many filters as the first block, and the last convolution of
    "sample_cnn" as many as the last block. "res2" and "rese2" take two numbers for
    `dropout` as well: in the blocks, and before the output; so does
    "sample_cnn_se_won2020".

    "sample_cnn" and "sample_cnn_won2020" also take `m` and `n`. The default of `n` is
    the largest for which m^(n + 1) exceeds neither the input nor 78,125 samples, the
    longest input in the paper: 9 for m = 3. The other networks take `pool_size` (a
    number, or one a block), `n_blocks` and `multi_level`; "se", "rese1" and "rese2"
    also take `se_ratio`.
    "sample_cnn_se_won2020" takes `se_ratio` but not `multi_level`.

    Examples
    --------
    >>> from sktag.nets import build_sample_cnn
    >>> net, name = build_sample_cnn("sample_cnn", (22050,), n_outputs=10)
    >>> name, net.min_shape
    ('sample_cnn (3^8)', (19683,))
    """
    return _build("sample_cnn", architecture, input_shape, n_outputs, given)


def _build(
    family: Family,
    architecture: str,
    input_shape: tuple[int, ...],
    n_outputs: int,
    given: dict[str, Any],
) -> tuple[Network, str]:
    built = find_architecture(family, architecture).build(
        input_shape, n_outputs, **given
    )
    return built.module, built.name
