"""Augmentation: random changes of the training clips, drawn anew at every epoch."""

import os
from dataclasses import replace
from numbers import Integral, Real

from sklearn.utils.validation import check_is_fitted

from sktag._compat import Interval, _fit_context
from sktag._validation import validate_array
from sktag.augment import (
    AugmentOp,
    FrequencyMask,
    Gain,
    Lambda,
    PolarityInversion,
    TimeMask,
    TimeShift,
)
from sktag.clips import ClipArray
from sktag.clips._checks import check_kind, check_rate
from sktag.clips._files import AUDIO_EXTENSIONS, as_paths, audio_files, open_files
from sktag.ops import RandomOp
from sktag.transformers._base import ClipTransformer

# What keeps the labels of nearly all tasks; neither pitch nor tempo.
DEFAULTS = {
    "wave": (Gain(), PolarityInversion(), TimeShift()),
    "spectrogram": (TimeMask(), FrequencyMask()),
}


class Augmenter(ClipTransformer):
    """Change the training clips at random, anew at every epoch, and no other clips.

    ``fit_transform``, which a Pipeline calls in `fit`, returns clips that carry random
    operations: an estimator of sktag does them to the rows it trains on, on its device,
    in each epoch with other draws. ``transform``, which a Pipeline calls in predictions
    and scores, returns what it is given. So ``fit_transform(X)`` is not
    ``fit(X).transform(X)``, as in scikit-learn's TargetEncoder. Validation rows,
    statistics of a Standardizer and ``np.asarray`` see clean clips.

    Put it before a front-end to change waveforms, or right before the estimator to
    change spectrograms, which costs less.

    Parameters
    ----------
    transforms : list, operation, callable or None, default=None
        Operations of :mod:`sktag.augment`, done in this order; or callables
        ``f(samples, sample_rate)``, such as an ``audiomentations`` object, which run
        where files are decoded and so before any front-end. None takes what keeps the
        labels of nearly all tasks: for waveforms a gain of -6 to 6 dB, a change of
        polarity and a circular shift; for spectrograms two masks of at most 10 % of
        the time and two of at most 15 % of the bins. See Notes for the labels that
        operations change.
    sr : float > 0, default=None
        Sample rate of the clips, in Hz; None takes the clips' own (22,050 for arrays).
    p : float in [0, 1], default=1.0
        Probability that a clip is changed at all; operations have a probability of
        their own besides.
    random_state : int, RandomState or None, default=None
        Seed of the draws; None takes the estimator's.

    Attributes
    ----------
    operations_ : tuple of RandomOp
        What is done to training clips.
    sr_ : float or None
        Sample rate of the clips seen in `fit`, in Hz.
    n_features_in_ : int
        Number of samples or bins seen in `fit`, if it was given an array.

    See Also
    --------
    sktag.augment : The operations.
    sktag.AugmentationDroppedWarning : What a step says that loses the changes.

    Notes
    -----
    To hear or see what a training gets, ask the op that the clips carry, for an epoch:
    ``augmenter.fit_transform(X).ops[-1].augment(np.asarray(X), epoch=1)``.

    What is drawn is a function of the seed, the epoch, the position of the clip in the
    X given to `fit` and the place of the operation: it is the same for any number of
    threads and processes, and in any order. Each call of `partial_fit` is an epoch.

    Labels that operations change, and with which they must not be used:

    ==========================================  ====================================
    operation                                   labels
    ==========================================  ====================================
    Gain, DynamicRangeCompression               loudness, dynamics
    Noise, NoiseBlend, BackgroundMix, Filter    quality of the recording, what else
                                                is heard
    Reverb                                      room, quality of the recording
    PitchShift, FrequencyShift                  pitch, key, chords; timbre and voice
                                                beyond a few semitones
    TimeStretch                                 tempo, rhythm in seconds
    TimeShift, TimeMask                         order and place of events in a clip
    FrequencyMask                               what hangs on a narrow band
    PolarityInversion, SpecNoise                none
    ==========================================  ====================================

    References
    ----------
    Park et al., "SpecAugment: a simple data augmentation method for automatic speech
    recognition", Interspeech 2019.

    Salamon, Bello, "Deep convolutional neural networks and data augmentation for
    environmental sound classification", IEEE Signal Processing Letters 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sktag import Augmenter
    >>> from sktag.augment import FrequencyShift, TimeMask
    >>> X = np.random.default_rng(0).normal(size=(4, 84, 100)).astype(np.float32)
    >>> augmenter = Augmenter(
    ...     [TimeMask(n_masks=1), FrequencyShift(bins=(-3, 3), p=0.5)]
    ... )
    >>> augmenter.fit_transform(X)
    <ClipArray 4 arrays -> Augment(TimeMask(...), ...) -> spectrogram (4, 84, 100)>
    >>> bool(np.array_equal(augmenter.transform(X), X))
    True
    """

    _parameter_constraints: dict = {
        "transforms": [list, tuple, callable, None],
        "sr": [Interval(Real, 0, None, closed="neither"), None],
        "p": [Interval(Real, 0, 1, closed="both")],
        "random_state": ["random_state"],
    }

    def __init__(self, transforms=None, *, sr=None, p=1.0, random_state=None):
        self.transforms = transforms
        self.sr = sr
        self.p = p
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Check the operations, and remember what kind of clips there are.

        Parameters
        ----------
        X : ClipArray or array
            Waveforms (n_clips, n_samples) or spectrograms (n_clips, n_bins,
            n_frames).
        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        TypeError
            If a transform is neither an operation nor callable.
        ValueError
            If an operation takes the other kind of clips.
        """
        self._fit(X)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None):
        """Return the clips to train on, with random operations appended.

        This is not ``fit(X).transform(X)``, which changes nothing.

        Parameters
        ----------
        X : ClipArray or array
            Waveforms (n_clips, n_samples) or spectrograms (n_clips, n_bins,
            n_frames).
        y : None
            Ignored.

        Returns
        -------
        ClipArray
            Clips, for an array too. Nothing is computed.
        """
        clips = self._fit(X)
        return clips.map(self._make_op(clips.sample_rate))

    def transform(self, X):
        """Return the clips as they are: predictions are not augmented.

        Parameters
        ----------
        X : ClipArray or array
            Clips of the kind and sample rate seen in `fit`.

        Returns
        -------
        ClipArray or ndarray of float32
            X.
        """
        check_is_fitted(self, "sr_")
        check_rate(self._check_clips(X, reset=False), self.sr_, "Augmenter")
        is_lazy = isinstance(X, ClipArray)
        return X if is_lazy else validate_array(self, X, reset=False)

    def _fit(self, X):
        """Set the fitted attributes; return X as clips."""
        clips = self._fit_clips(X)
        operations = tuple(
            _as_operation(given, clips.sample_rate)
            for given in _as_list(self.transforms, clips.kind)
        )
        for operation in operations:
            check_kind(clips, operation.takes, _name(operation))
            operation.check_rate(clips.sample_rate)
        self.operations_ = operations
        self._seed = self.random_state
        if not (self._seed is None or isinstance(self._seed, Integral)):
            self._seed = int(self._seed.randint(2**31))
        self._remember(clips)
        return clips

    def _make_op(self, sample_rate):
        seed = None if self._seed is None else int(self._seed)
        return AugmentOp(self.operations_, sample_rate, seed, p=float(self.p))


def _as_list(transforms, kind):
    """Return what was given as a list; the defaults of a kind of clips for None."""
    if transforms is None:
        return DEFAULTS[kind]
    return transforms if isinstance(transforms, (list, tuple)) else [transforms]


def _as_operation(given, sample_rate):
    """Return an operation, ready for clips of a sample rate."""
    if not isinstance(given, RandomOp):
        if not callable(given) or isinstance(given, type):
            raise TypeError(
                f"Augmenter got {given!r}: transforms are operations of sktag.augment, "
                "such as Gain(), or callables f(samples, sample_rate)."
            )
        return Lambda(given)
    folder = getattr(given, "background", None)
    first = folder[0] if isinstance(folder, list) and folder else folder
    if isinstance(first, (str, os.PathLike)):
        return replace(given, background=_background(folder, sample_rate))
    return given


def _background(folder, sample_rate):
    """Return the audio files of a folder, or files, as clips."""
    if isinstance(folder, list):
        return open_files(as_paths(folder), sample_rate)[0]
    if not os.path.isdir(folder):
        what = "is a file" if os.path.exists(folder) else "does not exist"
        raise ValueError(
            f"background={str(folder)!r} {what}: give a folder with audio files, or a "
            "list of files."
        )
    paths = as_paths(audio_files(folder))
    if not paths:
        raise ValueError(
            f"background={str(folder)!r} holds no audio files "
            f"({', '.join(AUDIO_EXTENSIONS)}): give a folder with some."
        )
    return open_files(paths, sample_rate)[0]


def _name(operation):
    if isinstance(operation, Lambda):
        return f"{operation.name}, which is called with waveforms,"
    return type(operation).__name__
