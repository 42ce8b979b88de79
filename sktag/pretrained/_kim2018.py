"""The networks of Kim, Lee and Nam, from the HDF5 files of their Keras code."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from sktag._atomic import FilePath
from sktag._messages import did_you_mean
from sktag._weights import Weights
from sktag.nets import find_architecture
from sktag.pretrained._layout import (
    Arrays,
    choose_tags,
    first_axis,
    state_of,
    take_arrays,
)
from sktag.pretrained._musicnn_tags import MTT_TAGS
from sktag.pretrained._pipeline import make_tagger

_EPS = 1e-3  # of batch norms in Keras
# The code's names of blocks, and sktag's.
_OURS = {
    "basic": "basic",
    "se": "se",
    "res": "res2",
    "rese": "rese2",
    "res2": "res2",
    "rese2": "rese2",
}
# Kinds of layers, and the parts of each here and there.
_CONV, _NORM, _DENSE = "conv1d", "batch_normalization", "dense"
_LINEAR = {"weight": "kernel", "bias": "bias"}
_PARTS = {
    _CONV: _LINEAR,
    _NORM: {
        "weight": "gamma",
        "bias": "beta",
        "running_mean": "moving_mean",
        "running_var": "moving_variance",
    },
    _DENSE: _LINEAR,
}
_WIDENS = (2, 8)  # blocks with more channels than the one before


def load_kim2018(
    path: FilePath,
    architecture: str,
    *,
    tag_names: Sequence[str] | None = None,
) -> Pipeline:
    """Load a trained tagger of Kim, Lee and Nam, as a fitted Pipeline.

    The authors' Keras code, resemul, saves models as HDF5 files, and two trained on
    MagnaTagATune are published with it: "se" and "rese". This needs h5py:
    ``pip install "sktag[hdf5]"``.

    Parameters
    ----------
    path : str or Path
        The file: a whole model or its weights. Only arrays are read from it.
    architecture : str
        The blocks of the network: "basic", "se", "res" or "rese". "res2" and "rese2",
        sktag's names of the latter two, are the same.
    tag_names : sequence of str, default=None
        Names of the tags, in the order of the outputs. The file does not have them;
        None means the tags of MagnaTagATune in the order of the code.

    Returns
    -------
    Pipeline
        Fitted, from files to tags: "wave" and "clf". Predictions average chunks of
        59,049 samples at 22,050 Hz (2.7 s), one after the other; what is left at the
        end is left out.

    Raises
    ------
    ImportError
        If h5py is missing.
    ValueError
        If there is no such architecture; if the file is no HDF5 file of Keras; if an
        array is missing, superfluous or misshapen, which it names; or if `tag_names`
        does not fit the outputs.

    See Also
    --------
    load_won2020 : Taggers of a later evaluation, with one of the same name.

    Notes
    -----
    Whether the network is multi-level, and `se_ratio`, follow from the file. Batch
    norms have Keras' epsilon, 0.001. The code takes the first 29 s of a clip, sktag all
    of it.

    References
    ----------
    Kim, Lee, Nam, "Sample-level CNN architectures for music auto-tagging using raw
    waveforms", ICASSP 2018.

    Examples
    --------
    >>> from sktag.pretrained import load_kim2018
    >>> path = "se-multi-auc_0.9111-tfrmodel.hdf5"
    >>> tagger = load_kim2018(path, "se")  # doctest: +SKIP
    >>> tagger.predict_proba(["song.mp3"]).shape  # doctest: +SKIP
    (1, 50)
    """
    weights = read_kim2018(path, architecture, tag_names)
    front_end = {"sr": weights.sample_rate}
    return make_tagger(weights, front_end, chunk_layout="consecutive")


def read_kim2018(
    path: FilePath, architecture: str, tag_names: Sequence[str] | None = None
) -> Weights:
    """Return the weights of an HDF5 file; see `load_kim2018`."""
    if architecture not in _OURS:
        raise ValueError(
            f"architecture={architecture!r} is none of {', '.join(map(repr, _OURS))}."
            f"{did_you_mean(architecture, _OURS)}"
        )
    record = find_architecture("sample_cnn", _OURS[architecture])
    arrays = _read(path)
    theirs = _rank_layers(arrays)
    what = f"{str(path)!r} does not have the arrays of {architecture!r}"
    ours = _layers(record.name)
    if _count(theirs) != _count(ours):
        fitting = [
            name for name in _OURS if _count(_layers(_OURS[name])) == _count(theirs)
        ]
        those = f", as {fitting[0]!r} has" if fitting else ""
        raise ValueError(
            f"{what}: it has {_listed(theirs)} layers{those}; {architecture!r} has "
            f"{_listed(ours)}."
        )
    pairs = [
        (kind, layer, their_layer)
        for kind in _PARTS
        for layer, their_layer in zip(ours[kind], theirs[kind], strict=True)
    ]
    renamed = {layer: their_layer for _, layer, their_layer in pairs}
    n_outputs = first_axis(arrays, f"{renamed['output']}/bias", len(MTT_TAGS))
    sizes = _sizes(arrays, renamed)
    names = {
        f"{layer}.{part}": f"{their_layer}/{their_part}"
        for kind, layer, their_layer in pairs
        for part, their_part in _PARTS[kind].items()
    }
    state = state_of(record, n_outputs, sizes)
    taken = take_arrays(what, arrays, names, state, is_reversed=True)
    for layer in ours[_NORM]:
        taken[f"{layer}.num_batches_tracked"] = np.array(0)
        taken[f"{layer}.eps"] = np.array(_EPS)
    # The code sorts tags by the number of clips, upwards.
    return Weights(
        family=record.family,
        architecture=record.name,
        arrays=taken,
        input_shape=record.input_shape,
        sizes=sizes,
        outputs=choose_tags(path, tag_names, n_outputs, MTT_TAGS[::-1]),
        sample_rate=(record.front_end or {})["sr"],
    )


def _read(path: FilePath) -> Arrays:
    """Return the arrays of a file of Keras as ``<layer>/<part>``."""
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            'load_kim2018 needs h5py: pip install "sktag[hdf5]"'
        ) from error
    try:
        with h5py.File(path, "r") as file:
            # A whole model has its weights in a group, beside those of the optimizer.
            return dict(_walk(file.get("model_weights", file)))
    except FileNotFoundError:
        raise
    except (OSError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(
            f"{str(path)!r} is no HDF5 file of a Keras model or its weights, or it is "
            f"damaged: {error}"
        ) from error


def _walk(group: Any) -> Iterator[tuple[str, Any]]:
    for layer in _texts(group.attrs["layer_names"]):
        for name in _texts(group[layer].attrs["weight_names"]):
            part = name.rpartition("/")[2].partition(":")[0]
            yield f"{layer}/{part}", group[layer][name][()]


def _texts(names: Any) -> list[str]:
    return [n.decode() if isinstance(n, bytes) else str(n) for n in names]


def _rank_layers(arrays: Arrays) -> dict[str, list[str]]:
    """Return the layers of each kind in the order in which the code makes them.

    Keras numbers layers through all models of a process: the first need not be 1.
    """
    layers = dict.fromkeys(name.rpartition("/")[0] for name in arrays)
    found: dict[str, list[tuple[int, str]]] = {kind: [] for kind in _PARTS}
    for layer in layers:
        match = re.fullmatch(rf"({'|'.join(_PARTS)})(?:_(\d+))?", layer)
        if match:
            found[match[1]].append((int(match[2] or 0), layer))
    return {kind: [layer for _, layer in sorted(found[kind])] for kind in found}


def _layers(name: str) -> dict[str, list[str]]:
    """Return the layers of a network of sktag in the order of the code, by kind."""
    convs, norms, denses = ["stem.0"], ["stem.1"], []
    is_residual = name.startswith("res")
    inside = ("layers.0", "layers.4") if is_residual else ("0",)
    after = ("layers.1", "layers.5") if is_residual else ("1",)
    squeeze = "layers.6" if is_residual else "4"
    for i in range(9):
        block = f"blocks.{i}"
        if is_residual and i in _WIDENS:
            convs.append(f"{block}.shortcut.0")
            norms.append(f"{block}.shortcut.1")
        convs += [f"{block}.{layer}" for layer in inside]
        norms += [f"{block}.{layer}" for layer in after]
        if "se" in name:
            denses += [f"{block}.{squeeze}.{part}" for part in ("squeeze", "excite")]
    norms.append("hidden.1")
    return {_CONV: convs, _NORM: norms, _DENSE: [*denses, "hidden.0", "output"]}


def _sizes(arrays: Arrays, renamed: dict[str, str]) -> dict[str, Any]:
    """Return the sizes of the network that are not the defaults of sktag."""
    sizes: dict[str, Any] = {}
    squeeze = next((v for k, v in renamed.items() if k.endswith("squeeze")), None)
    if squeeze is not None:
        n_channels, n_hidden = (
            first_axis(arrays, f"{squeeze}/kernel", n, axis)
            for axis, n in enumerate((128, 16))
        )
        if n_hidden != n_channels * 0.125:
            sizes["se_ratio"] = n_hidden / n_channels
    n_pooled = first_axis(arrays, f"{renamed['hidden.0']}/kernel", 1024)
    if n_pooled == 512:
        sizes["multi_level"] = False
    return sizes


def _count(layers: dict[str, list[str]]) -> list[int]:
    return [len(layers[kind]) for kind in _PARTS]


def _listed(layers: dict[str, list[str]]) -> str:
    return ", ".join(f"{len(layers[kind])} {kind}" for kind in _PARTS)
