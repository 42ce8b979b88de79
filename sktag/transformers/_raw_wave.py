"""Audio files, or waveforms, to clips of one rate and one length."""

import os
import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.utils.validation import check_array, check_is_fitted

from sktag._compat import Interval, Options, StrOptions, _fit_context
from sktag.clips import ClipArray
from sktag.clips._files import as_paths, open_files
from sktag.clips._sources import ArraySource, fill
from sktag.ops import LevelOp, WindowOp
from sktag.transformers._base import ClipTransformer

# A learned duration beyond this multiple of the median makes mostly padding.
_LONG = 4


class RawWave(ClipTransformer):
    """Audio files to clips: mono waveforms of one sample rate and one length.

    Nothing is decoded yet: `transform` reads headers and returns a
    :class:`ClipArray`, which later steps extend and which is read in batches where
    numbers are needed. WAV, FLAC, OGG, MP3, AIFF and AU of any rate, bit depth and
    number of channels are read; channels are averaged.

    Parameters
    ----------
    sr : int > 0, default=22050
        Sample rate of the clips, in Hz. Files of another rate are resampled.
    duration : float > 0, default=None
        Length of the clips, in seconds: longer ones are cropped, shorter ones padded.
        None means the longest clip of the X given to `fit`.
    offset : float >= 0, default=0.0
        Where in each clip to start, in seconds.
    pad : {"zero", "repeat"}, default="zero"
        What follows a shorter clip: silence, or the clip again.
    normalize : {"peak", "rms"} or None, default=None
        "peak" brings each clip's largest magnitude to 1; "rms" its root mean square,
        padding included, to 0.1, or as much as leaves no sample beyond 1.
    memory : str or Path, default=None
        Directory in which decoded clips are kept, for every fold, candidate, epoch
        and process: one memory-mapped file a clip. None keeps them in memory only,
        up to ``set_config(decode_cache_bytes=...)``.
    on_error : {"raise", "warn", "silence"}, default="raise"
        What to do with a file that cannot be read: raise an error, or let silence
        stand in for it, with or without a warning.
    n_jobs : int, default=None
        Threads that decode; one a core where None or -1.

    Attributes
    ----------
    sr_ : int
        Sample rate of the clips, in Hz.
    duration_ : float
        Length of the clips, in seconds.
    failed_ : ndarray of int
        Rows of the X given to `fit` whose files could not be opened; always empty
        with ``on_error="raise"``.
    n_features_in_ : int
        Number of samples seen in `fit`, if it was given a 2-D array.

    See Also
    --------
    MelSpectrogram : The usual next step.
    sktag.datasets.load_folder : Finds files with a class per folder.

    Notes
    -----
    X may be a list, tuple, array, Series or one-column DataFrame of paths; a 2-D array
    of waveforms in [-1, 1], taken to be at `sr` (divide 16-bit integers by 32768); a
    list of 1-D arrays of unequal length; or the clips of another RawWave. The result is
    always a ClipArray, for arrays too.

    With ``Pipeline(memory=...)`` give `duration`: a learned one is remembered with the
    step, and stays what it was when files are replaced by longer ones.

    Lengths come from the files' headers. A file that holds less or more than its
    header says is padded or cropped, with a warning that names it.

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
        """Open the files and learn the clips' duration.

        Parameters
        ----------
        X : list, array, Series or DataFrame of paths; array of waveforms; or clips
            What to read, see Notes.
        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        FileNotFoundError, IsADirectoryError
            If a path is not a file.
        ValueError
            If a file is not audio, or X is none of what is taken.
        """
        self._fit(X)
        return self

    def transform(self, X):
        """Return the clips, without decoding them.

        Parameters
        ----------
        X : list, array, Series or DataFrame of paths; array of waveforms; or clips
            What to read, see Notes.

        Returns
        -------
        ClipArray of shape (n_clips, n_samples)
            The clips, ``round(duration_ * sr_)`` samples long.
        """
        check_is_fitted(self, "duration_")
        n_samples = round(self.duration_ * self.sr_)
        start = round(self.offset * self.sr_)
        paths, waves = as_paths(X), _as_waves(X)
        if paths is not None:
            clips = self._open(paths, n_samples)[0]
        elif waves is not None:
            array = np.empty((len(waves), n_samples), dtype=np.float32)
            for out, wave in zip(array, waves, strict=True):
                fill(out, wave[start:], self.pad)
            lengths = np.clip(_lengths(waves) - start, 0, n_samples)
            clips = ClipArray(ArraySource(array, self.sr_, lengths))
        else:
            clips = self._check_clips(X, reset=False)
            if start or clips.shape[1] != n_samples:
                clips = clips.map(WindowOp(start, n_samples, self.pad))
        if self.normalize is not None:
            clips = clips.map(LevelOp(self.normalize))
        return clips

    def _fit(self, X):
        self.sr_ = int(self.sr)
        self.failed_ = np.array([], dtype=int)
        start = round(self.offset * self.sr)
        paths, waves = as_paths(X), _as_waves(X)
        for attribute in ("n_features_in_", "feature_names_in_", "duration_"):
            if hasattr(self, attribute):
                delattr(self, attribute)
        self._kind = "wave"
        if paths is not None:
            clips, self.failed_ = self._open(paths, n_samples=None)
            lengths = clips.lengths
        elif waves is not None:
            lengths = _lengths(waves) - start
        else:
            lengths = self._check_clips(X, reset=True).lengths - start
        ended = int((np.asarray(lengths) <= 0).sum()) - len(self.failed_)
        if self.offset > 0 and 0 < ended < len(lengths):
            warnings.warn(
                f"{ended} of {len(lengths)} clips end before offset={self.offset:g} s "
                "and are silence from there: lower offset, or leave them out.",
                stacklevel=3,
            )
        if self.duration is None:
            self.duration_ = self._learn_duration(np.maximum(lengths, 0))
        elif round(self.duration * self.sr) < 1:
            raise ValueError(
                f"duration={self.duration!r} s is less than one sample at "
                f"sr={self.sr} Hz: durations are in seconds."
            )
        else:
            self.duration_ = self.duration

    def _learn_duration(self, lengths):
        longest = int(lengths.max(initial=0))
        if longest < 1:
            raise ValueError(
                f"no clip reaches beyond offset={self.offset:g} s: lower offset."
            )
        median = float(np.median(lengths))
        if longest > _LONG * median:
            warnings.warn(
                f"the longest clip has {longest / self.sr:.1f} s, the median one "
                f"{median / self.sr:.1f} s: most clips will be mostly padding. Set "
                "duration=... in RawWave.",
                stacklevel=2,
            )
        return longest / self.sr

    def _open(self, paths, n_samples):
        """Return clips of files, and the rows of those that cannot be opened."""
        return open_files(
            paths,
            self.sr_,
            n_samples,
            offset=float(self.offset),
            pad=self.pad,
            on_error=self.on_error,
            memory=None if self.memory is None else os.path.abspath(self.memory),
            n_threads=self._n_threads(),
        )

    def _n_threads(self):
        return None if self.n_jobs == -1 else self.n_jobs

    def _check_clips(self, X, *, reset):
        """Return a 2-D array or the clips of another RawWave as clips."""
        if isinstance(X, ClipArray) and X.sample_rate != self.sr_:
            raise ValueError(
                f"RawWave(sr={self.sr_}) was given clips at {X.sample_rate} Hz: clips "
                "are resampled where files are read, so give it the paths."
            )
        return super()._check_clips(X, reset=reset)

    def __sklearn_tags__(self):
        """Say that paths are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = False
        tags.input_tags.string = True
        return tags


def _as_waves(X):
    """Return X as 1-D float32 arrays if it is a list of waveforms, else None."""
    if isinstance(X, np.ndarray) and X.dtype != object:
        return None
    if not isinstance(X, (list, tuple, np.ndarray)) or not len(X):
        return None
    if not all(isinstance(row, np.ndarray) and row.ndim == 1 for row in X):
        return None
    return [
        check_array(row, dtype=np.float32, ensure_2d=False, input_name=f"X[{i}]")
        for i, row in enumerate(X)
    ]


def _lengths(waves):
    return np.array([len(wave) for wave in waves])
