"""Read audio files, or waveforms, as clips of one sample rate."""

import os
from numbers import Integral, Real
from weakref import WeakKeyDictionary

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sktag._compat import Interval, Options, StrOptions, _fit_context
from sktag._messages import warn
from sktag.clips import ClipArray
from sktag.clips._files import open_files
from sktag.clips._inputs import as_clips, forget_features
from sktag.clips._probe import MAX_RATE, MIN_RATE
from sktag.clips._rows import as_waves
from sktag.clips._segments import as_excerpts
from sktag.clips._sources import WaveSource
from sktag.ops import LevelOp, WindowOp
from sktag.targets._checks import check_any
from sktag.transformers._base import ClipTransformer

# A longest clip above this multiple of the median warns: most would be padding.
_LONG = 4
# Bytes of a clip above which a duration is suspected to be in another unit.
_MOST_BYTES = 2**30
# Parameters that shape the clips: those of `fit` hold until the next one.
_SHAPING = ("sr", "duration", "offset", "pad", "normalize")

# The clips last made by each transformer, for `failed_`; `transform` leaves the
# transformer itself as it is.
_LAST: WeakKeyDictionary = WeakKeyDictionary()


class RawWave(ClipTransformer):
    """Read audio files as clips: mono waveforms of one sample rate.

    Nothing is decoded yet: `transform` returns a :class:`ClipArray`. Later steps append
    their operations, and the clips are read in batches when numbers are needed. The
    files may be WAV, FLAC, OGG (Vorbis, Opus), MP3, AIFF or AU of any sample rate, bit
    depth and number of channels, which are averaged. M4A, AAC, WMA and the sound of
    videos need PyAV: ``pip install "sktag[av]"``.

    Parameters
    ----------
    sr : int > 0, default=22050
        Sample rate of the clips, in Hz. Files of another rate are resampled.
    duration : float > 0, default=None
        Length of the clips, in seconds: longer ones are cropped, shorter ones padded.
        None crops nothing, in `fit` or later: each clip keeps its own length. Arrays
        of them are as long as the longest, and shorter clips are padded.
    offset : float >= 0, default=0.0
        Start in each clip, in seconds.
    pad : {"zero", "repeat"}, default="zero"
        How shorter clips are padded: with silence, or by repeating them.
    normalize : {"peak", "rms"} or None, default=None
        "peak" scales each clip to a largest magnitude of 1; "rms" to a root mean square
        of 0.1, padding included, or less if a sample would exceed 1.
    memory : str or Path, default=None
        Folder for decoded clips, shared by all folds, candidates, epochs and processes:
        one memory-mapped file per clip. None keeps them in memory only, up to
        ``set_config(decode_cache_bytes=...)``.
    on_error : {"raise", "warn", "silence"}, default="raise"
        What to do with a file that cannot be read: raise an error, or replace it by
        silence, with or without a warning. Other faults, such as a full disk, are
        errors in any case, and so is a `fit` of which no file can be read.
    n_jobs : int, default=None
        Number of threads that decode; None or -1 means one per core.

    Attributes
    ----------
    sr_ : int
        Sample rate of the clips, in Hz.
    duration_ : float
        Length of the clips of `fit`, in seconds; of the longest without `duration`.
    failed_ : ndarray of int
        Rows of the X last given to `fit` or `transform` whose files could not be read,
        as far as they have been read; always empty if ``on_error="raise"``.
    n_features_in_ : int
        Number of samples seen in `fit`; only set if it was given a 2-D array.

    See Also
    --------
    MelSpectrogram : The usual next step.
    sktag.datasets.load_folder : Finds files with a class per folder.

    Notes
    -----
    X may be a list, tuple, array, Series or one-column DataFrame of paths; a DataFrame
    with the columns ``path``, ``offset`` and ``duration`` in seconds (the last two
    optional, NaN for "to the end"), a row per clip, so that a long file gives many; a
    2-D array of waveforms in [-1, 1] at the sample rate `sr` (divide 16-bit integers by
    32768); a list of 1-D arrays of unequal length; or the clips of another RawWave. The
    result is always a ClipArray, also for arrays.

    Without `duration`, lengths come from the headers of the files. What is wrong with
    files (cut off, joined end to end, far too loud, unreadable) is said in one warning
    for each call, with counts and the first few names, and once for each file.

    Parameters that shape the clips (`sr`, `duration`, `offset`, `pad`, `normalize`)
    take effect at the next `fit`; `memory`, `on_error` and `n_jobs` at once.

    Examples
    --------
    >>> import numpy as np
    >>> from sktag import RawWave
    >>> waves = [np.zeros(22050), np.zeros(44100)]
    >>> RawWave(sr=22050).fit_transform(waves).shape
    (2, 44100)
    """

    _parameter_constraints: dict = {
        "sr": [Interval(Integral, 1, None, closed="left")],
        "duration": [Interval(Real, 0, None, closed="neither"), None],
        "offset": [Interval(Real, 0, None, closed="left")],
        "pad": [StrOptions({"zero", "repeat"})],
        "normalize": [StrOptions({"peak", "rms"}), None],
        "memory": [str, os.PathLike, None],
        "on_error": [StrOptions({"raise", "warn", "silence"})],
        "n_jobs": [
            Interval(Integral, 1, None, closed="left"),
            Options(Integral, {-1}),
            None,
        ],
    }
    takes = "wave"

    def __init__(
        self,
        sr=22050,
        *,
        duration=None,
        offset=0.0,
        pad="zero",
        normalize=None,
        memory=None,
        on_error="raise",
        n_jobs=None,
    ):
        self.sr = sr
        self.duration = duration
        self.offset = offset
        self.pad = pad
        self.normalize = normalize
        self.memory = memory
        self.on_error = on_error
        self.n_jobs = n_jobs

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Open the files, and note their lengths.

        Parameters
        ----------
        X : list, array, Series or DataFrame of paths; array of waveforms; or clips
            The recordings, see Notes.
        y : array of shape (n_clips,) or (n_clips, n_outputs), optional
            Labels, tags or numbers, which are checked before any audio is decoded.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        FileNotFoundError, IsADirectoryError
            If a path is not a file.
        ValueError
            If a file is not audio, or if X is none of the inputs listed in Notes.
        """
        self._check_params()
        self._reset()
        shaping = {name: getattr(self, name) for name in _SHAPING}
        clips = self._make_clips(X, shaping, reset=True)
        check_any(y, len(clips))
        self._check_lengths(clips)
        self.duration_ = self.duration
        if self.duration is None:
            self.duration_ = clips.shape[1] / clips.sample_rate
        self.sr_, self._kind, self._shaping = int(self.sr), "wave", shaping
        _LAST[self] = clips
        return self

    def transform(self, X):
        """Return the clips, without decoding them.

        Parameters
        ----------
        X : list, array, Series or DataFrame of paths; array of waveforms; or clips
            The recordings, see Notes.

        Returns
        -------
        ClipArray of shape (n_clips, n_samples)
            The clips; ``round(duration * sr)`` samples long, or as long as the longest.
        """
        check_is_fitted(self, "duration_")
        clips = self._make_clips(X, self._shaping, reset=False)
        _LAST[self] = clips
        return clips

    @property
    def failed_(self):
        """Rows of the X last given whose files could not be read."""
        check_is_fitted(self, "duration_")
        return _LAST[self].failed if self in _LAST else self._failed

    def _check_params(self):
        """Refuse rates and durations that are given in another unit."""
        if isinstance(self.sr, bool) or not MIN_RATE <= self.sr <= MAX_RATE:
            raise ValueError(
                f"sr={self.sr!r} must be a sample rate in Hz, from {MIN_RATE} to "
                f"{MAX_RATE}; usual are 16000, 22050 and 44100."
            )
        if self.duration is None:
            return
        n_samples = round(self.duration * self.sr)
        if n_samples < 1:
            raise ValueError(
                f"duration={self.duration!r} s is less than one sample at "
                f"sr={self.sr} Hz: durations are in seconds."
            )
        if 4 * n_samples > _MOST_BYTES:
            warn(
                f"duration={self.duration:g} s makes each clip "
                f"{4 * n_samples / 2**30:.1f} GiB, padded if its file is shorter: "
                "durations are in seconds; None keeps the length of each file."
            )

    def _reset(self):
        """Forget an earlier fit."""
        forget_features(self)
        for name in ("duration_", "sr_", "_shaping", "_failed"):
            vars(self).pop(name, None)
        _LAST.pop(self, None)

    def _open_whole(self, X):
        """Return the recordings as clips, of which nothing is cropped."""
        check_is_fitted(self, "duration_")
        return self._make_clips(X, {**self._shaping, "duration": None}, reset=False)

    def _make_clips(self, X, shaping, *, reset):
        """Return X as clips of the given `sr`, `duration`, `offset` and so on."""
        sr, duration, offset, pad, normalize = (shaping[name] for name in _SHAPING)
        n_samples = None if duration is None else round(duration * sr)
        start = round(offset * sr)
        is_clips = isinstance(X, ClipArray)
        excerpts = None if is_clips else as_excerpts(X)
        waves = None if is_clips or excerpts is not None else as_waves(X)
        if excerpts is not None:
            clips = open_files(
                excerpts,
                int(sr),
                n_samples,
                offset=float(offset),
                pad=pad,
                on_error=self.on_error,
                needs_one=reset,
                memory=None if self.memory is None else os.path.abspath(self.memory),
                n_threads=None if self.n_jobs == -1 else self.n_jobs,
            )
        elif waves is not None:
            cut = [wave[start:][:n_samples] for wave in waves]
            clips = ClipArray(WaveSource(cut, int(sr), pad, n_samples))
        else:
            clips = self._check_waves(X, int(sr), reset=reset)
            if start or clips.shape[1] != (n_samples or clips.shape[1]):
                clips = clips.map(WindowOp(start, n_samples, pad))
        if normalize is not None:
            clips = clips.map(LevelOp(normalize))
        return clips

    def _check_lengths(self, clips):
        """Refuse an offset after the end of all clips; warn if most is padding."""
        if self.offset == 0 and self.duration is not None:
            return  # so that no header is read
        lengths = np.delete(clips.lengths, clips.failed)
        ended = int((lengths == 0).sum())
        if ended and ended == len(lengths):
            raise ValueError(
                f"all clips begin after the end of their sound: lower offset, which is "
                f"{self.offset:g} s here; that of a table counts too."
            )
        longest, median = (
            lengths.max(initial=0),
            np.median(lengths) if len(lengths) else 0,
        )
        if self.duration is None and longest > _LONG * median:
            warn(
                f"the longest clip has {longest / self.sr:.1f} s, the median one "
                f"{median / self.sr:.1f} s: in training on whole clips, most would be "
                "padding. Set duration=... in RawWave, or chunk_size=... in the "
                "estimator."
            )

    def _check_waves(self, X, sr, *, reset):
        """Return a 2-D array, or the clips of another RawWave, as clips."""
        if isinstance(X, ClipArray) and X.sample_rate != sr:
            raise ValueError(
                f"RawWave(sr={sr}) was given clips at {X.sample_rate} Hz: clips "
                "are resampled when files are read, so give it the paths."
            )
        return as_clips(X, self, takes="wave", reset=reset, sample_rate=sr)

    def __getstate__(self):
        """Pickle the failed rows of the clips last seen, in place of the clips."""
        state = super().__getstate__()
        return {**state, "_failed": self.failed_} if "duration_" in state else state

    def __sklearn_tags__(self):
        """Declare that paths are accepted, and 3-D arrays are not."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = False
        tags.input_tags.string = True
        return tags
