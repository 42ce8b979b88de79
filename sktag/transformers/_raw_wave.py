"""Read audio files, or waveforms, as clips of one sample rate and one length."""

import os
from numbers import Integral, Real

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sktag._compat import Interval, Options, StrOptions, _fit_context
from sktag._messages import warn
from sktag.clips import ClipArray
from sktag.clips._files import open_files
from sktag.clips._inputs import forget_features
from sktag.clips._rows import as_paths, as_waves
from sktag.clips._sources import ArraySource, fill
from sktag.ops import LevelOp, WindowOp
from sktag.transformers._base import ClipTransformer

# A learned duration above this multiple of the median warns: most is padding.
_LONG = 4


class RawWave(ClipTransformer):
    """Read audio files as clips: mono waveforms of one sample rate and one length.

    Nothing is decoded yet: `transform` reads headers and returns a
    :class:`ClipArray`. Later steps append their operations, and the clips are read in
    batches when numbers are needed. The files may be WAV, FLAC, OGG, MP3, AIFF or AU of
    any sample rate, bit depth and number of channels; channels are averaged.

    Parameters
    ----------
    sr : int > 0, default=22050
        Sample rate of the clips, in Hz. Files of another rate are resampled.
    duration : float > 0, default=None
        Length of the clips, in seconds: longer ones are cropped, shorter ones padded.
        None means the length of the longest clip of the X given to `fit`.
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
        silence, with or without a warning.
    n_jobs : int, default=None
        Number of threads that decode; None or -1 means one per core.

    Attributes
    ----------
    sr_ : int
        Sample rate of the clips, in Hz.
    duration_ : float
        Length of the clips, in seconds.
    failed_ : ndarray of int
        Rows of the X given to `fit` whose files could not be opened; always empty if
        ``on_error="raise"``.
    n_features_in_ : int
        Number of samples seen in `fit`; only set if it was given a 2-D array.

    See Also
    --------
    MelSpectrogram : The usual next step.
    sktag.datasets.load_folder : Finds files with a class per folder.

    Notes
    -----
    X may be a list, tuple, array, Series or one-column DataFrame of paths; a 2-D array
    of waveforms in [-1, 1] at the sample rate `sr` (divide 16-bit integers by 32768); a
    list of 1-D arrays of unequal length; or the clips of another RawWave. The result is
    always a ClipArray, also for arrays.

    With ``Pipeline(memory=...)``, set `duration`: a learned one is cached with the step
    and does not change when files are replaced by longer ones.

    Lengths come from the headers of the files. A file that holds less than its header
    says is padded, with a warning that names it.

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
        """Open the files, and learn the duration of the clips.

        Parameters
        ----------
        X : list, array, Series or DataFrame of paths; array of waveforms; or clips
            The recordings, see Notes.
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
            If a file is not audio, or if X is none of the inputs listed in Notes.
        """
        self._fit(X)
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
            The clips, ``round(duration_ * sr_)`` samples long.
        """
        check_is_fitted(self, "duration_")
        n_samples = round(self.duration_ * self.sr_)
        start = round(self.offset * self.sr_)
        paths, waves = _paths_or_waves(X)
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
        paths, waves = _paths_or_waves(X)
        forget_features(self)
        vars(self).pop("duration_", None)
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
            warn(
                f"{ended} of {len(lengths)} clips end before offset={self.offset:g} s "
                "and are silent: lower offset, or leave them out."
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
                f"all clips end before offset={self.offset:g} s: lower offset."
            )
        median = float(np.median(lengths))
        if longest > _LONG * median:
            warn(
                f"the longest clip has {longest / self.sr:.1f} s, the median one "
                f"{median / self.sr:.1f} s: most clips will be mostly padding. Set "
                "duration=... in RawWave."
            )
        return longest / self.sr

    def _open(self, paths, n_samples):
        """Return files as clips, and the rows of those that cannot be opened."""
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
        """Return a 2-D array, or the clips of another RawWave, as clips."""
        if isinstance(X, ClipArray) and X.sample_rate != self.sr_:
            raise ValueError(
                f"RawWave(sr={self.sr_}) was given clips at {X.sample_rate} Hz: clips "
                "are resampled when files are read, so give it the paths."
            )
        return super()._check_clips(X, reset=reset)

    def __sklearn_tags__(self):
        """Declare that paths are accepted, and 3-D arrays are not."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = False
        tags.input_tags.string = True
        return tags


def _paths_or_waves(X):
    """Return X as a list of paths, or else as a list of waveforms; None for others."""
    if isinstance(X, ClipArray):
        return None, None
    paths = as_paths(X)
    return paths, None if paths is not None else as_waves(X)


def _lengths(waves):
    return np.array([len(wave) for wave in waves])
