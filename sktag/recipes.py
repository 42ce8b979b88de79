"""Complete pipelines, of papers and for small data, each as a plain Pipeline.

The design meets two requirements:

- A recipe is data: the records of `sktag.nets` have the front-end and the training of
  each paper. Nothing here trains or computes.
- The result is a Pipeline that a user could have written, to be inspected, changed,
  searched over and cloned like any other.
"""

from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sktag._messages import did_you_mean
from sktag.estimators import (
    CNN1DClassifier,
    CNN1DRegressor,
    CNN2DClassifier,
    CNN2DRegressor,
    Embedder,
    SampleCNNClassifier,
    SampleCNNRegressor,
)
from sktag.nets import ARCHITECTURES
from sktag.nets.architecture import Family
from sktag.pretrained import load_musicnn
from sktag.transformers import MelSpectrogram, RawWave, Standardizer

__all__ = ["make_recipe"]

_ESTIMATORS: dict[Family, dict[str, type]] = {
    "cnn2d": {"classification": CNN2DClassifier, "regression": CNN2DRegressor},
    "sample_cnn": {
        "classification": SampleCNNClassifier,
        "regression": SampleCNNRegressor,
    },
    "cnn1d": {"classification": CNN1DClassifier, "regression": CNN1DRegressor},
}
_PUBLISHED = {
    name: architecture
    for family in _ESTIMATORS
    for name, architecture in ARCHITECTURES[family].items()
    if architecture.training is not None
}
_SMALL_DATA, _TRANSFER = "small_data", "transfer"
_NAMES = (*_PUBLISHED, _SMALL_DATA, _TRANSFER)


def make_recipe(name, **overrides):
    """Make the complete Pipeline of a paper: rate, front-end, network and training.

    Two recipes come from no paper: "small_data" is a start for a few hundred
    recordings, whose accuracy is in the Notes, and "transfer" for even fewer, if they
    are music: it classifies the features of a published tagger.

    =================  =======  ==============  ===================================
    recipe             rate     chunk           training
    =================  =======  ==============  ===================================
    "fcn4", "fcn5"     12 kHz   1366 frames     Adam
    "short_chunk",     16 kHz   231 frames      Adam, then SGD in three stages;
    "short_chunk_res"                           16 chunks a clip in predictions
    "sample_cnn"       22 kHz   59,049 samples  SGD in five stages;
                                                10 chunks a clip in predictions
    "se", "rese2"      22 kHz   59,049 samples  as "sample_cnn"
    "musicnn"          16 kHz   187 frames      Adam
    "dieleman2014"     16 kHz   94 frames       Adam
    "spotify2014"      22 kHz   599 frames      Adam; a regression
    "small_data"       22 kHz   whole clips     AdamW, one cycle
    "transfer"         16 kHz   187 frames      none; a support vector machine
    =================  =======  ==============  ===================================

    The steps are:

    - "wave", a RawWave.
    - "mel", the paper's MelSpectrogram; not in "sample_cnn", "se" and "rese2", which
      take waveforms.
    - "scale", a Standardizer; not in "short_chunk", "short_chunk_res" and "musicnn",
      whose networks begin with a batch norm.
    - "augment", only in "small_data": a placeholder for an Augmenter of spectrograms.
    - "embed", only in "transfer": an Embedder of the weights that
      :func:`sktag.pretrained.load_musicnn` reads, and "scale", a StandardScaler.
    - "clf", the network; a regressor in "spotify2014"; in "transfer" an SVC for each
      class or tag, with calibrated probabilities.

    To augment waveforms, insert an Augmenter before the front-end:
    ``pipe.steps.insert(1, ("wave_augment", Augmenter()))``.

    Parameters
    ----------
    name : str
        Name of the recipe, as in the table.
    **overrides : dict
        Parameters that replace those of the recipe, named as in the Pipeline:
        ``clf__max_epochs=3`` or ``wave__duration=10.0``. "mel" uses the sample rate of
        "wave". The name of a step replaces the step or leaves it out:
        ``scale="passthrough"``. "transfer" also takes `model` and `path`, as
        `load_musicnn` does: ``make_recipe("transfer", model="MSD_musicnn")``.

    Returns
    -------
    Pipeline
        Not fitted. Its X is that of RawWave, such as paths; its y is labels or tags,
        and numbers for "spotify2014".

    Raises
    ------
    ValueError
        If there is no such recipe or parameter, or if a given learning rate or
        optimizer would have no effect because the recipe trains in stages.
    FileNotFoundError
        If the weights of "transfer" are not installed; says how to install them.

    See Also
    --------
    MelSpectrogram.for_architecture : The front-ends alone.

    Notes
    -----
    Some details are not known for certain and are sktag's choice:

    - "fcn4", "fcn5": Adam is recalled from the paper. Its learning rate, the batch
      size, the end of training and the scaling of spectrograms are not known. The
      paper's clips are one chunk of 29.12 s, and RawWave crops or pads to that length;
      with ``wave__duration=None``, longer clips are cut into chunks.
    - "short_chunk", "short_chunk_res": the authors' code has everything except the
      details of the filterbank, taken to be the defaults of its library, and the weight
      decay of SGD, taken to be that of Adam. Here biases and batch norms have no decay.
    - "sample_cnn": learning rates, batch size and stages are the paper's. `max_epochs`
      is an added limit. The scaling of waveforms is not known.
    - "se", "rese2": the training is that of "sample_cnn", by the same group; `se_ratio`
      is that of the authors' later code.
    - "musicnn": front-end and network are those of the library, the training is
      sktag's.
    - "dieleman2014", "spotify2014": sample rate, frames and compression of the
      spectrogram and the training are sktag's; windows of 3 s are recalled.

    On the five folds of ESC-10 (environmental sounds, 320 training clips), "small_data"
    has a mean accuracy of 0.923 and 0.930 with two seeds, and 0.925 as a vote of these
    two and two augmented networks (`python -m benchmarks esc10_voting`). The recipe was
    chosen on the same folds, so these figures are slightly optimistic. A fit takes 250
    steps, about six minutes on one core; with fewer clips raise ``clf__max_epochs``, as
    the warning about few steps says.

    For long clips or little time, coarser frames train faster, and augmentation then
    helps: with ``mel__n_fft=2048``, ``mel__hop_length=2048``, ``mel__amin=1e-6``,
    ``clf__mixup_alpha=0.2``, ``clf__max_epochs=50`` and an `augment` of a TimeShift and
    masks, a fit takes less than half the time and the accuracy is 0.915
    (`esc10_voting`) and 0.903, compared with 0.873 without augmentation (`esc10`).

    The papers use splits of their own. Here a tenth of the clips,
    `validation_fraction`, is held out to decide when training or a stage ends.

    References
    ----------
    Choi, Fazekas, Sandler, "Automatic tagging using deep convolutional neural
    networks", ISMIR 2016 ("fcn4", "fcn5").

    Dieleman, Schrauwen, "End-to-end learning for music audio", ICASSP 2014
    ("dieleman2014").

    Dieleman, "Recommending music on Spotify with deep learning", 2014 ("spotify2014").

    Kim, Lee, Nam, "Sample-level CNN architectures for music auto-tagging using raw
    waveforms", ICASSP 2018 ("se", "rese2").

    Lee, Park, Kim, Nam, "Sample-level deep convolutional neural networks for music
    auto-tagging using raw waveforms", SMC 2017 ("sample_cnn").

    Pons, Serra, "musicnn: pre-trained convolutional neural networks for music audio
    tagging", ISMIR late-breaking 2019 ("musicnn").

    Won, Ferraro, Bogdanov, Serra, "Evaluation of CNN-based automatic music tagging
    models", SMC 2020 ("short_chunk", "short_chunk_res").

    Examples
    --------
    >>> from sktag import make_recipe
    >>> pipe = make_recipe("short_chunk", clf__max_epochs=100, clf__random_state=0)
    >>> list(pipe.named_steps)
    ['wave', 'mel', 'clf']
    >>> params = pipe.get_params()
    >>> params["wave__sr"], params["clf__chunk_size"], params["clf__n_chunks"]
    (16000, 231, 16)
    >>> params["clf__stages"][:2]
    [('adam', 0.0001, 80), ('sgd', 0.001, 20)]
    """
    if name not in _NAMES:
        raise ValueError(
            f"there is no recipe {name!r}, but {', '.join(map(repr, _NAMES))}."
            f"{did_you_mean(name, _NAMES, cutoff=0.7)}"
        )
    if name == _TRANSFER:
        given = {k: overrides.pop(k) for k in ("model", "path") if k in overrides}
        steps = _transfer_steps(**given)
    else:
        steps = _small_data_steps() if name == _SMALL_DATA else _steps(_PUBLISHED[name])
    pipe = Pipeline(steps)
    _override(pipe, name, overrides)
    return pipe


def _small_data_steps():
    """Return the steps of "small_data"."""
    return [
        ("wave", RawWave()),
        ("mel", MelSpectrogram(64, n_fft=1024)),
        ("scale", Standardizer()),
        ("augment", "passthrough"),
        # Found by experiment on ESC-10, 320 clips of 5 s: `benchmarks esc10_voting`.
        ("clf", CNN2DClassifier(lr=3e-3, max_epochs=25, batch_size=32)),
    ]


def _transfer_steps(model="MTT_musicnn", path=None):
    """Return the steps of "transfer"."""
    tagger = load_musicnn(model, path)
    # As a tagger it leaves out what remains after the last window of 3 s.
    tagger["clf"].set_params(chunk_layout="even")
    svc = CalibratedClassifierCV(SVC(C=10), ensemble=False)
    return [
        ("wave", clone(tagger["wave"])),
        ("mel", clone(tagger["mel"])),
        ("embed", Embedder(tagger["clf"], "pooled")),
        ("scale", StandardScaler()),
        ("clf", OneVsRestClassifier(svc)),
    ]


def _steps(architecture):
    """Return the steps of a paper's recipe."""
    front_end, scale = [], []
    if architecture.takes == "spectrogram":
        mel = MelSpectrogram.for_architecture(architecture.name)
        # Only the first step sets the rate, so that one override changes it.
        front_end = [("mel", mel.set_params(sr=None))]
    if architecture.standardize:
        scale = [("scale", Standardizer())]
    estimator = _ESTIMATORS[architecture.family][architecture.task]
    # The stages become a list of this recipe's own.
    training = {
        k: list(v) if isinstance(v, tuple) else v
        for k, v in architecture.training.items()
    }
    chunk_size, sr = architecture.chunk_size, architecture.front_end["sr"]
    return [
        ("wave", RawWave(sr=sr, duration=architecture.duration)),
        *front_end,
        *scale,
        ("clf", estimator(architecture.name, chunk_size=chunk_size, **training)),
    ]


def _override(pipe, name, overrides):
    """Set parameters of a Pipeline; raise if one is unknown or would have no effect."""
    steps = {k: v for k, v in overrides.items() if "__" not in k}
    known = [*pipe.named_steps, "memory", "verbose", "transform_input", "steps"]
    for key in steps:
        if key not in known:
            raise ValueError(_unknown(key, name, pipe))
    pipe.set_params(**steps)
    params = pipe.get_params()
    others = {k: v for k, v in overrides.items() if k not in steps}
    for key in others:
        # The Pipeline lists parameters of the optimizer only once they are set.
        if key not in params and not key.startswith("clf__optimizer__"):
            raise ValueError(_unknown(key, name, pipe))
    pipe.set_params(**others)
    if pipe.get_params().get("clf__lr_schedule") != "staged":
        return
    for key in ("clf__lr", "clf__optimizer"):
        if key in others and "clf__stages" not in others:
            raise ValueError(
                f"{key}={others[key]!r} would have no effect: {name!r} trains in "
                f"stages, each with its own. Give clf__stages="
                f"{pipe['clf'].stages!r} with other values, or clf__lr_schedule=None "
                "and clf__stages=None."
            )


def _unknown(key, name, pipe):
    """Return the message for an unknown parameter, with the likely ones."""
    params = list(pipe.get_params())
    bare = key.split("__")[-1]
    meant = [k for k in params if k.split("__")[-1] == bare and "__" in k]
    hint = f" Did you mean {' or '.join(map(repr, meant))}?" if meant else ""
    hint = hint or did_you_mean(key, params, cutoff=0.7)
    hint = hint or did_you_mean(f"clf__{key}", params, cutoff=0.8)
    return (
        f"the recipe {name!r} has no parameter {key!r}.{hint} Its steps are "
        f"{', '.join(pipe.named_steps)}, whose parameters are named step__parameter, "
        "as get_params() of the recipe lists them."
    )
