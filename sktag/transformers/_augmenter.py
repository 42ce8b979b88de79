"""Data augmentation: random changes of the training clips, new in every epoch."""

import inspect
import os
from dataclasses import replace
from numbers import Integral, Real

from sklearn.utils.validation import check_is_fitted

from sktag._compat import Interval, _fit_context
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
from sktag.clips._files import AUDIO_EXTENSIONS, audio_files, open_files
from sktag.clips._inputs import check_kind, check_rate
from sktag.clips._segments import as_excerpts
from sktag.ops import RandomOp
from sktag.transformers._base import ClipTransformer

# They keep the labels of nearly all tasks: neither pitch nor tempo changes.
DEFAULTS = {
    "wave": (Gain(), PolarityInversion(), TimeShift()),
    "spectrogram": (TimeMask(), FrequencyMask()),
}


class Augmenter(ClipTransformer):
    """Augment the training clips at random in every epoch, and no other clips.

    ``fit_transform``, which a Pipeline calls in `fit`, returns clips that carry random
    operations. An estimator of sktag applies them to its training rows, on its device,
    with new draws in each epoch. ``transform``, which a Pipeline calls to predict and
    score, returns its input. So ``fit_transform(X)`` differs from
    ``fit(X).transform(X)``, as in scikit-learn's TargetEncoder. Validation rows,
    statistics of a Standardizer and ``np.asarray`` see clean clips.

    Put it before a front-end to augment waveforms, or right before the estimator to
    augment spectrograms, which is faster.

    Parameters
    ----------
    transforms : list, operation, callable or None, default=None
        Operations of :mod:`sktag.augment`, applied in this order; or callables
        ``f(samples, sample_rate)``, such as an ``audiomentations`` object, which run
        when files are decoded and therefore before any front-end. None takes defaults
        that keep the labels of nearly all tasks: for waveforms a gain of -6 to 6 dB, a
        polarity inversion and a circular shift; for spectrograms two masks of at most
        10 % of the time and two of at most 15 % of the bins. See Notes for the labels
        that each operation changes.
    sr : float > 0, default=None
        Sample rate of the clips, in Hz; None takes the rate of the clips (22,050 for
        arrays).
    p : float in [0, 1], default=1.0
        Probability that a clip is changed at all, in addition to the probability of
        each operation.
    random_state : int, RandomState or None, default=None
        Seed of the draws; None takes the seed of the estimator.

    Attributes
    ----------
    operations_ : tuple of RandomOp
        The operations applied to training clips.
    sr_ : float or None
        Sample rate of the clips seen in `fit`, in Hz.
    n_features_in_ : int
        Number of samples or bins seen in `fit`; only set if it was given an array.

    See Also
    --------
    sktag.augment : The operations.
    sktag.AugmentationDroppedWarning : Warning of steps that drop the operations.

    Notes
    -----
    To hear or see the training clips of an epoch, call the op that the clips carry:
    ``augmenter.fit_transform(X).ops[-1].augment(np.asarray(X), epoch=1)``.

    Draws are a function of the seed, the epoch, the position of the clip in the X given
    to `fit` and the place of the operation. They are the same for any number of threads
    and processes, and in any order. Each call of `partial_fit` is an epoch.

    Labels that each operation changes, and that it must not be used with:

    ==========================================  ====================================
    operation                                   labels
    ==========================================  ====================================
    Gain, DynamicRangeCompression               loudness, dynamics
    Noise, NoiseBlend, BackgroundMix, Filter    sound quality, other sound sources
    Reverb                                      room, sound quality
    PitchShift, FrequencyShift                  pitch, key, chords; timbre and voice
                                                beyond a few semitones
    TimeStretch                                 tempo, rhythm in seconds
    TimeShift, TimeMask                         order and place of events in a clip
    FrequencyMask                               those that depend on a narrow band
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
        """Check the operations, and note the kind and sample rate of the clips.

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
            If a transform is neither an operation nor a function of two arguments.
        ValueError
            If an operation takes the other kind of clips.
        """
        self._fit(X)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None):
        """Return the training clips, with the random operations appended.

        This differs from ``fit(X).transform(X)``, which changes nothing.

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
            Clips, also for an array. Nothing is computed.
        """
        clips = self._fit(X)
        return clips.map(self._make_op(clips.sample_rate))

    def transform(self, X):
        """Return the clips unchanged: predictions are not augmented.

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
        clips = self._check_clips(X, reset=False)
        check_rate(clips, self.sr_, "Augmenter")
        return clips if isinstance(X, ClipArray) else clips.to_numpy()

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
    """Return transforms as a list; None means the defaults for a kind of clips."""
    if transforms is None:
        return DEFAULTS[kind]
    return transforms if isinstance(transforms, (list, tuple)) else [transforms]


def _as_operation(given, sample_rate):
    """Return an operation, with its background opened at a sample rate."""
    if not isinstance(given, RandomOp):
        _check_function(given)
        return Lambda(given)
    if getattr(given, "is_path", False):
        return replace(given, background=_background(given.background, sample_rate))
    return given


def _check_function(given):
    """Raise an error unless an object can be called with samples and sample rate."""
    rule = (
        "transforms are operations of sktag.augment, such as Gain(), or functions "
        "f(samples, sample_rate) of a numpy array."
    )
    # A torch module takes tensors, and its parameters would be part of the pipeline.
    is_module = hasattr(given, "named_parameters")
    if not callable(given) or isinstance(given, type) or is_module:
        raise TypeError(f"Augmenter got {given!r}: {rule}")
    try:
        inspect.signature(given).bind(None, None)
    except TypeError as error:
        raise TypeError(
            f"Augmenter got {given!r}, which cannot be called with two arguments "
            f"({error}): {rule}"
        ) from error
    except ValueError:
        return  # a function written in C, without a signature


def _background(given, sample_rate):
    """Return the audio files of a folder, or a list of files, as clips."""
    if isinstance(given, list):
        return open_files(as_excerpts(given), sample_rate)
    if not os.path.isdir(given):
        what = "is a file" if os.path.exists(given) else "does not exist"
        raise ValueError(
            f"background={str(given)!r} {what}: give a folder with audio files, or a "
            "list of files."
        )
    paths = audio_files(given)
    if not paths:
        raise ValueError(
            f"background={str(given)!r} contains no audio files "
            f"({', '.join(AUDIO_EXTENSIONS)}): give a folder with some."
        )
    return open_files(as_excerpts(paths), sample_rate)


def _name(operation):
    if isinstance(operation, Lambda):
        return f"{operation.name}, which is called with waveforms,"
    return type(operation).__name__
