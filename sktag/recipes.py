"""Whole set-ups, of papers and for small data, each as a plain Pipeline.

What the design meets:

- A recipe is data: a front-end by its architecture's name, and the parameters in which
  an estimator differs from its defaults. Nothing here trains or computes.
- What is made is what a user could have written, so that it can be looked at, changed,
  searched over and cloned like any Pipeline.
"""

from difflib import get_close_matches

from sklearn.pipeline import Pipeline

from sktag.estimators import (
    CNN1DClassifier,
    CNN1DRegressor,
    CNN2DClassifier,
    SampleCNNClassifier,
)
from sktag.transformers import MelSpectrogram, RawWave, Standardizer

__all__ = ["make_recipe"]

# Where a paper's training is not known: one rate, until the validation loss stops
# falling. Its own decay of the weights, if any, is not known either.
_UNKNOWN_TRAINING = {
    "optimizer": "adam",
    "lr": 1e-3,
    "lr_schedule": None,
    "weight_decay": 0.0,
    "max_epochs": 200,
    "early_stopping": True,
}
_LEE_2017 = {
    "chunk_size": 59_049,
    "n_chunks": 10,
    "optimizer": "sgd",
    "lr": 0.01,
    "lr_schedule": "staged",
    # Without a number of epochs: a stage ends when the loss has not fallen for 3.
    "stages": [
        ("sgd", 0.01),
        ("sgd", 0.002),
        ("sgd", 0.0004),
        ("sgd", 0.00008),
        ("sgd", 0.000016),
    ],
    "n_iter_no_change": 3,
    "weight_decay": 0.0,
    "max_epochs": 300,
    "batch_size": 23,
}
_WON_2020 = {
    "chunk_size": 231,
    "n_chunks": 16,
    "chunk_layout": "won2020",
    "optimizer": "adam",
    "lr": 1e-4,
    "lr_schedule": "staged",
    "stages": [
        ("adam", 1e-4, 80),
        ("sgd", 1e-3, 20),
        ("sgd", 1e-4, 20),
        ("sgd", 1e-5, 80),
    ],
    "weight_decay": 1e-4,
    "max_epochs": 200,
    "batch_size": 16,
}
_CHOI_2016 = {"chunk_size": 1366, **_UNKNOWN_TRAINING}
# Found by experiment on ESC-10, 320 clips of 5 s: `benchmarks esc10_voting`.
_SMALL_DATA = {"lr": 3e-3, "max_epochs": 25, "batch_size": 32}
# Class and parameters of the network of each recipe; None is the architecture's own.
_NETWORKS = {
    "fcn4": (CNN2DClassifier, _CHOI_2016),
    "fcn5": (CNN2DClassifier, _CHOI_2016),
    "short_chunk": (CNN2DClassifier, _WON_2020),
    "short_chunk_res": (CNN2DClassifier, _WON_2020),
    "sample_cnn": (SampleCNNClassifier, {"weight_init": "he_uniform", **_LEE_2017}),
    "se": (SampleCNNClassifier, {"multi_level": True, "se_ratio": 0.125, **_LEE_2017}),
    "rese2": (
        SampleCNNClassifier,
        {"multi_level": True, "se_ratio": 0.125, **_LEE_2017},
    ),
    "musicnn": (
        CNN2DClassifier,
        {"chunk_size": 187, **_UNKNOWN_TRAINING, "batch_size": 32},
    ),
    "dieleman2014": (CNN1DClassifier, {"chunk_size": 94, **_UNKNOWN_TRAINING}),
    "spotify2014": (
        CNN1DRegressor,
        {"chunk_size": 599, "loss": "mse", **_UNKNOWN_TRAINING},
    ),
    "small_data": (CNN2DClassifier, _SMALL_DATA),
}
# Sample rate of the networks on waveforms, in Hz; that of others is in the front-end.
_WAVEFORM_SR = 22_050
# In seconds, where a paper's chunk is a whole clip.
_DURATIONS = {"fcn4": 29.12, "fcn5": 29.12}
# They begin with a batch norm over the spectrogram.
_NORMALISES_INPUT = ("short_chunk", "short_chunk_res", "musicnn")


def make_recipe(name, **overrides):
    """Make the whole Pipeline of a paper: rate, front-end, network and training.

    And one that is no paper's: "small_data" is what to start from with a few hundred
    recordings. It was found by experiment; the Notes say what it reaches.

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
    =================  =======  ==============  ===================================

    The steps are "wave", a RawWave; "mel", the paper's MelSpectrogram, in all but
    "sample_cnn", "se" and "rese2", which take waveforms; "scale", a Standardizer, in
    all but "short_chunk", "short_chunk_res" and "musicnn", whose networks begin with a
    batch norm; "augment", a place for an Augmenter of spectrogram operations, in
    "small_data" alone; and "clf", the network, in "spotify2014" a regressor. For
    operations on waveforms put one before the front-end:
    ``pipe.steps.insert(1, ("wave_augment", Augmenter()))``.

    Parameters
    ----------
    name : str
        The recipe: a name of the table.
    **overrides : dict
        Parameters to set otherwise, by the names of the Pipeline: ``clf__max_epochs=3``
        or ``wave__duration=10.0``; "mel" takes the sample rate of "wave". A whole step
        is replaced by its name, or left out: ``scale="passthrough"``.

    Returns
    -------
    Pipeline
        Not fitted. It takes what RawWave does, such as paths, and labels or tags; that
        of "spotify2014" takes numbers.

    Raises
    ------
    ValueError
        If there is no such recipe or parameter, or if a learning rate or optimizer is
        given that the stages of a training leave unused.

    See Also
    --------
    MelSpectrogram.for_architecture : The front-ends alone.

    Notes
    -----
    What is not known for certain, and chosen here:

    - "fcn4", "fcn5": Adam is recalled from the paper; its rate, the size of batches,
      when training ends and how spectrograms are scaled are not known. The paper's
      clips are one chunk of 29.12 s, to which RawWave crops or pads; with
      ``wave__duration=None`` longer ones are cut into chunks.
    - "short_chunk", "short_chunk_res": all is in the authors' code but the filterbank's
      details, which are the defaults of its library, and that SGD decays weights as
      Adam does. Here biases and batch norms have no decay.
    - "sample_cnn": rates, batches and stages are the paper's. `max_epochs` is a bound
      that was added; the scaling of waveforms is not known.
    - "se", "rese2": the training is that of "sample_cnn", by the same group;
      `se_ratio` is that of the authors' later code.
    - "musicnn": the front-end and the network are the library's, the training is chosen
      here.
    - "dieleman2014", "spotify2014": frames, rates and compression of the spectrogram
      and the training are chosen here; windows of 3 s are recalled.

    "small_data" reaches a mean accuracy of 0.923 and 0.930 (two seeds) on the five
    folds of ESC-10, environmental sounds of which 320 are there to train on, and a vote
    of these two and two augmented networks 0.925 (`python -m benchmarks esc10_voting`).
    It was chosen on the same folds, so that this is somewhat too good. That takes 250
    steps and some six minutes of one core; with fewer clips raise ``clf__max_epochs``,
    as the warning about few steps says. Where clips are long or time is short, coarser
    frames train faster, and then augmentation pays: with ``mel__n_fft=2048``,
    ``mel__hop_length=2048``, ``mel__amin=1e-6``, ``clf__mixup_alpha=0.2``,
    ``clf__max_epochs=50`` and an `augment` of a TimeShift and masks it takes less than
    half of the time and reaches 0.915 (`esc10_voting`) and 0.903, without augmentation
    0.873 (`esc10`).

    The papers have splits of their own. Here a tenth of the clips is kept apart, which
    `validation_fraction` changes, to end a training or its stages by.

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
    if name not in _NETWORKS:
        close = get_close_matches(str(name), _NETWORKS, n=1, cutoff=0.7)
        hint = f"; did you mean {close[0]!r}?" if close else "."
        raise ValueError(
            f"there is no recipe {name!r}, but {', '.join(map(repr, _NETWORKS))}{hint}"
        )
    pipe = Pipeline(_make_steps(name))
    _override(pipe, name, overrides)
    return pipe


def _make_small_data(cls, params):
    """Return the steps of the recipe that is no paper's."""
    return [
        ("wave", RawWave()),
        ("mel", MelSpectrogram(64, n_fft=1024)),
        ("scale", Standardizer()),
        ("augment", "passthrough"),
        ("clf", cls(**params)),
    ]


def _make_steps(name):
    """Return the steps of a recipe."""
    cls, params = _NETWORKS[name]
    if name == "small_data":
        return _make_small_data(cls, params)
    sr, front_end = _WAVEFORM_SR, []
    if cls is not SampleCNNClassifier:
        mel = MelSpectrogram.for_architecture(name)
        # The rate is said once, so that overriding it there is enough.
        sr, front_end = mel.sr, [("mel", mel.set_params(sr=None))]
    scale = [] if name in _NORMALISES_INPUT else [("scale", Standardizer())]
    # A list is copied, since it would be shared by all that is made.
    own = {k: list(v) if isinstance(v, list) else v for k, v in params.items()}
    return [
        ("wave", RawWave(sr=sr, duration=_DURATIONS.get(name))),
        *front_end,
        *scale,
        ("clf", cls(name, **own)),
    ]


def _override(pipe, name, overrides):
    """Set parameters of a Pipeline; raise if it has no such, or has no use for one."""
    steps = {k: v for k, v in overrides.items() if "__" not in k}
    known = [*pipe.named_steps, "memory", "verbose", "transform_input", "steps"]
    for key in steps:
        if key not in known:
            raise ValueError(_unknown(key, name, pipe))
    pipe.set_params(**steps)
    params = pipe.get_params()
    others = {k: v for k, v in overrides.items() if k not in steps}
    for key in others:
        # The optimizer's own parameters are named once they are given.
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
    """Say that a Pipeline has no such parameter, and what may have been meant."""
    params = list(pipe.get_params())
    bare = key.split("__")[-1]
    meant = [k for k in params if k.split("__")[-1] == bare and "__" in k]
    meant = meant or get_close_matches(key, params, n=1, cutoff=0.7)
    meant = meant or get_close_matches(f"clf__{key}", params, n=1, cutoff=0.8)
    hint = f" Did you mean {' or '.join(map(repr, meant))}?" if meant else ""
    return (
        f"the recipe {name!r} has no parameter {key!r}.{hint} Its steps are "
        f"{', '.join(pipe.named_steps)}, whose parameters are named step__parameter, "
        "as get_params() of the recipe lists them."
    )
