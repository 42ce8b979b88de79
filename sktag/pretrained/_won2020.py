"""The networks of the public evaluation code of Won et al., from its state dicts."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from sklearn.pipeline import Pipeline
from torch import Tensor

from sktag._atomic import FilePath
from sktag._messages import did_you_mean
from sktag._weights import Weights
from sktag.nets import ARCHITECTURES, Architecture
from sktag.pretrained._layout import (
    Arrays,
    choose_tags,
    first_axis,
    state_of,
    take_arrays,
)
from sktag.pretrained._musicnn_tags import MTT_TAGS
from sktag.pretrained._pipeline import make_tagger

# MagnaTagATune, as `split/mtat/tags.npy` of the code: by the number of clips. Two tags
# change places in the list of musicnn.
MTAT_TAGS = (*MTT_TAGS[:47], "female voice", "metal", "choral")
_SPECTROGRAM = "spec."  # windows and filterbanks, which sktag computes
# The code's names of models, and sktag's, by the name of the network here.
_NAMES = {
    "music_tagger_cnn": ("fcn",),
    "short_chunk": ("short",),
    "short_chunk_res": ("short_res",),
    "musicnn_won2020": ("musicnn",),
    "sample_cnn_won2020": ("sample", "sample_cnn"),
    "sample_cnn_se_won2020": ("se", "sample_cnn_se"),
}
_OURS = {name: ours for ours, names in _NAMES.items() for name in (ours, *names)}


def _within(blocks: Mapping[str, str], layers: Mapping[str, str]) -> dict[str, str]:
    """Return the names of layers in blocks, here and there."""
    return {
        f"{block}.{layer}": f"{their_block}.{their_layer}"
        for block, their_block in blocks.items()
        for layer, their_layer in layers.items()
    }


_INPUT = {"input_norm.0": "spec_bn"}
_CONV = {"0": "conv", "1": "bn"}
_RES = {"body.0": "conv_1", "body.1": "bn_1", "body.3": "conv_2", "body.4": "bn_2"}
_SE = {
    "layers.0": "conv_1",
    "layers.1": "bn_1",
    "layers.4": "conv_2",
    "layers.5": "bn_2",
    "layers.6.squeeze": "dense1",
    "layers.6.excite": "dense2",
}
_SHORTCUT = {"shortcut.0": "conv_3", "shortcut.1": "bn_3"}
_BLOCKS = {f"blocks.{i}": f"layer{i + 1}" for i in range(7)}
_SAMPLE_BLOCKS = {
    "stem": "layer1",
    **{f"blocks.{i}": f"layer{i + 2}" for i in range(9)},
    "last": "layer11",
}
_MUSICNN = {
    **{f"timbral.{i}": f"layers.{i}" for i in range(2)},
    **{f"temporal.{i}": f"layers.{i + 2}" for i in range(3)},
    **{f"middle.{i}": f"layer{i + 1}" for i in range(3)},
}
_DENSE = {"dense.0": "dense1", "dense.1": "bn", "output": "dense2"}
_HIDDEN = {"hidden.0": "dense1", "hidden.1": "bn", "output": "dense2"}
# The code's name of each layer, for each network and layer of sktag. A layer that a
# network does not have, such as the shortcut of a block, is not looked for.
_LAYERS: dict[str, dict[str, str]] = {
    "music_tagger_cnn": {**_INPUT, **_within(_BLOCKS, _CONV), "output": "dense"},
    "short_chunk": {**_INPUT, **_within(_BLOCKS, _CONV), **_DENSE},
    "short_chunk_res": {**_INPUT, **_within(_BLOCKS, {**_RES, **_SHORTCUT}), **_DENSE},
    "musicnn_won2020": {**_INPUT, **_within(_MUSICNN, _CONV), **_DENSE},
    "sample_cnn_won2020": {**_within(_SAMPLE_BLOCKS, _CONV), "output": "dense"},
    "sample_cnn_se_won2020": {
        **_within(_SAMPLE_BLOCKS, {**_SE, **_SHORTCUT}),
        **_HIDDEN,
    },
}


def load_won2020(
    path: FilePath,
    architecture: str,
    *,
    tag_names: Sequence[str] | None = None,
) -> Pipeline:
    """Load a trained tagger of the evaluation by Won et al., as a fitted Pipeline.

    The evaluation compares networks for the 50 tags of MagnaTagATune, the Million Song
    Dataset and MTG-Jamendo. Its public code, sota-music-tagging-models, saves each as a
    state dict, ``best_model.pth``.

    Parameters
    ----------
    path : str or Path
        File of the state dict. Only tensors are read from it; a file that would run
        code is refused.
    architecture : str
        The network, by its name in the code or in sktag, as in the Notes.
    tag_names : sequence of str, default=None
        Names of the tags, in the order of the outputs. The file does not have them;
        None means the tags of MagnaTagATune in the order of the code.

    Returns
    -------
    Pipeline
        Fitted, from files to tags: "wave", "mel" (not for networks on waveforms) and
        "clf". Predictions average 16 chunks of the code's length and layout.

    Raises
    ------
    ValueError
        If there is no such architecture; if the file is no state dict; if an array is
        missing, superfluous or misshapen, which it names; or if `tag_names` does not
        fit the outputs.

    See Also
    --------
    load_musicnn : The taggers of the library musicnn.

    Notes
    -----
    All that shapes the input comes with the weights: 16 kHz, and for networks on
    spectrograms the mel spectrogram of ``MelSpectrogram.for_architecture``, in dB. One
    difference remains: the code computes a spectrogram of each chunk, sktag one of the
    clip, of which it takes chunks. The first and last frame of a chunk then hear their
    neighbours instead of a reflection, and chunks begin at whole frames.

    ===========================  =======================
    the code                     sktag
    ===========================  =======================
    "fcn"                        "music_tagger_cnn"
    "musicnn"                    "musicnn_won2020"
    "sample" or "sample_cnn"     "sample_cnn_won2020"
    "se" or "sample_cnn_se"      "sample_cnn_se_won2020"
    "short"                      "short_chunk"
    "short_res"                  "short_chunk_res"
    ===========================  =======================

    The code has musicnn, Sample-CNN and its SE variant in versions of its own, which
    are networks of their own here. Its CRNN, self-attention and harmonic CNN are not
    among the networks of sktag.

    References
    ----------
    Won, Ferraro, Bogdanov, Serra, "Evaluation of CNN-based automatic music tagging
    models", SMC 2020.

    Examples
    --------
    >>> from sktag.pretrained import load_won2020
    >>> tagger = load_won2020("best_model.pth", "short_res")  # doctest: +SKIP
    >>> tagger.predict_proba(["song.mp3"]).shape  # doctest: +SKIP
    (1, 50)
    """
    weights = read_won2020(path, architecture, tag_names)
    front_end = _record(architecture).front_end or {}
    return make_tagger(weights, front_end, n_chunks=16, chunk_layout="won2020")


def read_won2020(
    path: FilePath, architecture: str, tag_names: Sequence[str] | None = None
) -> Weights:
    """Return the weights of a state dict; see `load_won2020`."""
    record = _record(architecture)
    arrays = _read(path)
    n_outputs = first_axis(arrays, _rename(record.name, "output.weight"), 50)
    sizes = _sizes(record, arrays)
    state = state_of(record, n_outputs, sizes)
    names = {name: _rename(record.name, name) for name in state}
    what = f"{str(path)!r} does not have the arrays of {architecture!r}"
    try:
        taken = take_arrays(what, arrays, names, state)
    except ValueError as error:
        raise ValueError(f"{error}{_guess(record.name, arrays)}") from error
    # The widths that are not the usual ones are those of another data set.
    known = () if sizes else MTAT_TAGS
    front_end = record.front_end or {}
    return Weights(
        family=record.family,
        architecture=record.name,
        arrays=taken,
        input_shape=record.input_shape,
        sizes=sizes,
        outputs=choose_tags(path, tag_names, n_outputs, known),
        sample_rate=front_end["sr"],
        hop_length=front_end.get("hop_length"),
    )


def _record(architecture: str) -> Architecture:
    if architecture not in _OURS:
        raise ValueError(
            f"architecture={architecture!r} is none of {', '.join(map(repr, _OURS))}."
            f"{did_you_mean(architecture, _OURS)}"
        )
    ours = _OURS[architecture]
    return next(r[ours] for r in ARCHITECTURES.values() if ours in r)


def _read(path: FilePath) -> Arrays:
    """Return the tensors of a state dict, but for those of spectrograms."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # a damaged file makes the unpickler raise nearly any
        raise ValueError(
            f"{str(path)!r} is no file of tensors, is damaged, or holds objects whose "
            "loading would run code. Give a state dict: load the file where you trust "
            "it, and torch.save(model.state_dict(), ...)."
        ) from error
    if not isinstance(state, Mapping) or not all(
        isinstance(value, Tensor) for value in state.values()
    ):
        raise ValueError(
            f"{str(path)!r} holds no state dict (names and tensors): save one with "
            "torch.save(model.state_dict(), ...)."
        )
    return {k: v.numpy() for k, v in state.items() if not k.startswith(_SPECTROGRAM)}


def _sizes(record: Architecture, arrays: Arrays) -> dict[str, Any]:
    """Return the sizes of the network that are not the published ones."""
    if record.name != "musicnn_won2020":
        return {}
    # The code has other widths for the Million Song Dataset.
    usual = record.sizes["n_filters"]
    layers = ("layers.0.conv", "layers.2.conv", "layer1.conv", "dense1")
    widths = tuple(
        first_axis(arrays, f"{layer}.weight", n)
        for layer, n in zip(layers, usual, strict=True)
    )
    return {} if widths == usual else {"n_filters": widths}


def _guess(name: str, arrays: Arrays) -> str:
    """Return a sentence about the network that has arrays of these names."""
    for other in _NAMES:
        names = state_of(_record(other), 50, {})
        if other != name and {_rename(other, n) for n in names} == set(arrays):
            return f" Their names are those of {other!r}."
    return ""


def _rename(name: str, array: str) -> str:
    """Return the name in the code of an array of a network."""
    layer, _, part = array.rpartition(".")
    return f"{_LAYERS[name][layer]}.{part}"
