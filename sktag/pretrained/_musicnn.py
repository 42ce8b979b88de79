"""The four models of the library musicnn, from the files of its distribution."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from sktag._atomic import FilePath
from sktag._messages import did_you_mean
from sktag._weights import Weights
from sktag.nets import Architecture, find_architecture
from sktag.pretrained._musicnn_tags import MSD_TAGS, MTT_TAGS
from sktag.pretrained._pipeline import make_tagger
from sktag.pretrained._tf_bundle import read_bundle

COMMAND = "pip install --no-deps musicnn==0.1.0"
INDEX = ".index"  # the whole name of the file
_EPS = 1e-3  # of batch norms in TensorFlow
_NORM = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
# What only training needs: the moments of Adam, and powers of their decay rates.
_OF_ADAM = ("/Adam", "/Adam_1", "beta1_power", "beta2_power")

Arrays = dict[str, NDArray[Any]]


class _Taken:
    """Tensors of a checkpoint, renamed one by one to those of a network of sktag."""

    def __init__(self, tensors: Arrays) -> None:
        self.left = {k: v for k, v in tensors.items() if not k.endswith(_OF_ADAM)}
        self.arrays: Arrays = {}

    def norm(self, ours: str, theirs: str, order: Any = slice(None)) -> None:
        """Take a batch norm, with its channels in another order."""
        for name, their_name in _NORM.items():
            self.arrays[f"{ours}.{name}"] = self._take(f"{theirs}/{their_name}")[order]
        self.arrays[f"{ours}.num_batches_tracked"] = np.array(0)
        self.arrays[f"{ours}.eps"] = np.array(_EPS)

    def conv(self, ours: str, theirs: str, axes: Sequence[int]) -> None:
        """Take a convolution, with the axes of its kernel in another order."""
        self.arrays[f"{ours}.weight"] = self._take(f"{theirs}/kernel").transpose(axes)
        self.arrays[f"{ours}.bias"] = self._take(f"{theirs}/bias")

    def dense(self, ours: str, theirs: str, order: Any = slice(None)) -> None:
        """Take a dense layer, with its inputs in another order."""
        self.arrays[f"{ours}.weight"] = self._take(f"{theirs}/kernel")[order].T
        self.arrays[f"{ours}.bias"] = self._take(f"{theirs}/bias")

    def _take(self, name: str) -> NDArray[Any]:
        if name not in self.left:
            raise ValueError(
                f"it has no tensor {name!r}.{did_you_mean(name, self.left)}"
            )
        return self.left.pop(name)


def _rename_musicnn(taken: _Taken) -> None:
    taken.norm("input_norm.0", "batch_normalization")
    layers = [*(f"front.{i}" for i in range(5)), *(f"middle.{i}" for i in range(3))]
    for i, layer in enumerate(layers):
        # Kernels are (frames, bins, 1, filters); those of the middle layers have the
        # channels of their input in place of bins.
        axes = (3, 2, 1, 0) if i < 5 else (3, 1, 2, 0)
        taken.conv(f"{layer}.0", f"conv2d_{i}" if i else "conv2d", axes)
        taken.norm(f"{layer}.2", f"batch_normalization_{i + 1}")
    # There, the maximum and the mean of a channel are neighbours.
    order = np.arange(2 * 753).reshape(753, 2).T.reshape(-1)
    taken.norm("dense.0", "batch_normalization_9", order)
    taken.dense("dense.2", "dense", order)
    taken.norm("dense.4", "batch_normalization_10")
    taken.dense("output", "dense_1")


def _rename_vgg(taken: _Taken) -> None:
    taken.norm("input_norm.0", "batch_normalization")
    for i in range(5):
        taken.conv(f"blocks.{i}.0", f"{i + 1}CNN", (3, 2, 1, 0))
        taken.norm(f"blocks.{i}.2", f"batch_normalization_{i + 1}")
    # There, the channels of one place in time are neighbours.
    order = np.arange(2 * 128).reshape(2, 128).T.reshape(-1)
    taken.dense("output", "dense", order)


_MODELS: dict[str, tuple[str, tuple[str, ...], Callable[[_Taken], None]]] = {
    "MTT_musicnn": ("musicnn", MTT_TAGS, _rename_musicnn),
    "MSD_musicnn": ("musicnn", MSD_TAGS, _rename_musicnn),
    "MTT_vgg": ("musicnn_vgg", MTT_TAGS, _rename_vgg),
    "MSD_vgg": ("musicnn_vgg", MSD_TAGS, _rename_vgg),
}


def load_musicnn(model: str = "MTT_musicnn", path: FilePath | None = None) -> Pipeline:
    """Load a trained tagger of the library musicnn, as a fitted Pipeline.

    The weights are not part of sktag. They are read from the distribution of musicnn
    0.1.0, which needs neither TensorFlow nor its other dependencies for that:
    ``pip install --no-deps musicnn==0.1.0`` (29 MB). It is not imported.

    Parameters
    ----------
    model : str, default="MTT_musicnn"
        "MTT_musicnn" or "MTT_vgg", trained on MagnaTagATune; "MSD_musicnn" or
        "MSD_vgg", trained on the Million Song Dataset. Each has 50 tags.
    path : str or Path, default=None
        Folder of the model, or one above it, such as the extracted wheel; None means
        that of the installed distribution.

    Returns
    -------
    Pipeline
        Fitted, from files to tags: "wave", "mel" and "clf". The tags are
        ``pipe[-1].tag_names_``. Predictions average windows of 187 frames (3 s), one
        after the other; what is left at the end is left out.

    Raises
    ------
    ValueError
        If there is no such model, or if its files are damaged or those of another.
    FileNotFoundError
        If the files are not found.

    See Also
    --------
    sktag.make_recipe : The same Pipeline, not fitted: ``make_recipe("musicnn")``.

    Notes
    -----
    All that shapes the input comes with the weights: 16 kHz, the mel spectrogram of
    ``MelSpectrogram.for_architecture("musicnn")`` with the ends padded by reflection,
    and batch norms with an epsilon of 0.001.

    musicnn rounds the mel spectrogram to half precision; sktag does not. For a clip of
    its documentation, probabilities differ by up to 6e-5. It counts windows from the
    length of the decoded file, as sktag does.

    musicnn is under the ISC licence. Its documentation asks to cite the paper below.

    References
    ----------
    Pons, Serra, "musicnn: Pre-trained convolutional neural networks for music audio
    tagging", late-breaking demo, ISMIR 2019.

    Examples
    --------
    >>> from sktag.pretrained import load_musicnn
    >>> tagger = load_musicnn()  # doctest: +SKIP
    >>> tagger.predict_proba(["song.mp3"]).shape  # doctest: +SKIP
    (1, 50)
    """
    # librosa padded by reflection when the models were trained.
    front_end = {**_front_end(model), "pad_mode": "reflect"}
    return make_tagger(read_musicnn(model, path), front_end, chunk_layout="consecutive")


def read_musicnn(model: str, path: FilePath | None = None) -> Weights:
    """Return the weights of a model of musicnn; see `load_musicnn`."""
    architecture = _architecture(model)
    _, tags, rename = _MODELS[model]
    folder = find_wheel() / model if path is None else _find_folder(model, Path(path))
    taken = _Taken(read_bundle(folder / INDEX))
    try:
        rename(taken)
        if taken.left:
            raise ValueError(f"it has tensors too many: {', '.join(taken.left)}")
    except (ValueError, IndexError) as error:
        raise ValueError(
            f"{str(folder)!r} has a checkpoint, but not of {model!r}: {error}"
        ) from error
    return Weights(
        family=architecture.family,
        architecture=architecture.name,
        arrays=taken.arrays,
        input_shape=architecture.input_shape,
        outputs=tags,
        sample_rate=_front_end(model)["sr"],
        hop_length=_front_end(model)["hop_length"],
    )


def _architecture(model: str) -> Architecture:
    if model not in _MODELS:
        raise ValueError(
            f"model={model!r} is none of {', '.join(map(repr, _MODELS))}."
            f"{did_you_mean(model, _MODELS)}"
        )
    return find_architecture("cnn2d", _MODELS[model][0])


def _front_end(model: str) -> dict[str, Any]:
    return dict(_architecture(model).front_end or {})


def find_wheel() -> Path:
    """Return the folder of the installed package musicnn, which is not imported."""
    spec = find_spec("musicnn")
    places = spec.submodule_search_locations if spec is not None else None
    for place in map(Path, places or ()):
        if (place / "MTT_musicnn" / INDEX).is_file():
            return place
    raise FileNotFoundError(f"The weights of musicnn are not installed. Run: {COMMAND}")


def _find_folder(model: str, path: Path) -> Path:
    """Return the folder of a model: `path`, or inside it."""
    places = [path / model, path / "musicnn" / model]
    if path.name not in set(_MODELS) - {model}:
        places.append(path)
    for place in places:
        if (place / INDEX).is_file():
            return place
    raise FileNotFoundError(
        f"{str(path)!r} has no weights of {model!r}: there is no file "
        f"{str(Path(model, INDEX))!r} in it. Give the folder {model!r} of the "
        f"distribution of musicnn, or one above it; or install that: {COMMAND}"
    )
