"""The spectrogram as a transformer."""

from numbers import Integral, Real

import numpy as np

from sktag._compat import Interval, StrOptions, _fit_context
from sktag._messages import warn
from sktag.ops import SpectrogramOp
from sktag.transformers._base import ClipTransformer


class Spectrogram(ClipTransformer):
    """Compute spectrograms of waveforms.

    The power of the short-time Fourier transform, in decibels. Numbers equal librosa's
    for the same parameters, clip by clip; ``top_db`` and ``ref="max"`` use the maximum
    of each clip.

    Parameters
    ----------
    n_fft : int > 0, default=2048
        Length of the Fourier transform, in samples: n_fft // 2 + 1 bins.
    sr : float > 0, default=None
        Sample rate of the waveforms, in Hz. None takes the rate of the clips, and
        22,050 for bare arrays. A rate that differs from that of the clips is an error.
    hop_length : int > 0, default=512
        Samples from one frame to the next.
    win_length : int > 0, default=None
        Length of the window, at most `n_fft`; None means `n_fft`.
    window : str, tuple, float or ndarray of shape (win_length,), default="hann"
        Window for :func:`scipy.signal.get_window`, or its samples.
    center : bool, default=True
        Whether frame t is centred on sample ``t * hop_length``, by padding both ends.
        Otherwise it starts there.
    pad_mode : {"constant", "edge", "reflect", "symmetric"}, default="constant"
        How to pad both ends; "constant" is silence.
    power : float > 0, default=2.0
        Exponent of the magnitudes: 1 for magnitude, 2 for power.
    compression : {"db", "log1p", "pcen"} or None, default="db"
        "db" is 10 log10 of a power (20 log10 of a magnitude); "log1p" is
        log10(1 + `log1p_factor` x); "pcen" is per-channel energy normalisation with
        librosa's defaults.
    ref : float > 0 or "max", default=1.0
        Value of 0 dB; "max" is the maximum of each clip.
    amin : float > 0, default=1e-10
        Smaller powers (or magnitudes) count as `amin`, for "db".
    top_db : float >= 0, default=None
        Range below the maximum of each clip, in dB; lower levels are raised to it.
    log1p_factor : float > 0, default=10000.0
        Factor in "log1p".

    Attributes
    ----------
    sr_ : float
        Sample rate of the clips seen in `fit`, in Hz.
    n_features_in_ : int
        Number of samples seen in `fit`; only set if it was given an array.

    See Also
    --------
    MelSpectrogram : Far fewer bins, spaced like perceived pitch.
    CQT : Bins spaced like the notes of a scale.

    Notes
    -----
    A clip shorter than one window is padded with silence, with a warning.

    References
    ----------
    Allen, Rabiner, "A unified approach to short-time Fourier analysis and synthesis",
    Proceedings of the IEEE, 1977.

    McFee et al., "librosa: audio and music signal analysis in Python", SciPy 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from sktag import Spectrogram
    >>> waves = np.random.default_rng(0).uniform(-1, 1, (2, 22050))
    >>> Spectrogram(n_fft=1024).fit_transform(waves).shape
    (2, 513, 44)
    """

    _parameter_constraints: dict = {
        "sr": [Interval(Real, 0, None, closed="neither"), None],
        "n_fft": [Interval(Integral, 1, None, closed="left")],
        "hop_length": [Interval(Integral, 1, None, closed="left")],
        "win_length": [Interval(Integral, 1, None, closed="left"), None],
        "window": [str, tuple, Real, np.ndarray],
        "center": ["boolean"],
        "pad_mode": [StrOptions({"constant", "edge", "reflect", "symmetric"})],
        "power": [Interval(Real, 0, None, closed="neither")],
        "compression": [StrOptions({"db", "log1p", "pcen"}), None],
        "ref": [Interval(Real, 0, None, closed="neither"), StrOptions({"max"})],
        "amin": [Interval(Real, 0, None, closed="neither")],
        "top_db": [Interval(Real, 0, None, closed="left"), None],
        "log1p_factor": [Interval(Real, 0, None, closed="neither")],
    }
    takes = "wave"
    _op = SpectrogramOp

    def __init__(
        self,
        n_fft=2048,
        *,
        sr=None,
        hop_length=512,
        win_length=None,
        window="hann",
        center=True,
        pad_mode="constant",
        power=2.0,
        compression="db",
        ref=1.0,
        amin=1e-10,
        top_db=None,
        log1p_factor=1e4,
    ):
        self.n_fft = n_fft
        self.sr = sr
        self.hop_length = hop_length
        self.win_length = win_length
        self.window = window
        self.center = center
        self.pad_mode = pad_mode
        self.power = power
        self.compression = compression
        self.ref = ref
        self.amin = amin
        self.top_db = top_db
        self.log1p_factor = log1p_factor

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Check the parameters against each other and the sample rate of the clips.

        Parameters
        ----------
        X : ClipArray or array of shape (n_clips, n_samples)
            Waveforms.
        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError
            If X is not waveforms, if `sr` differs from the rate of the clips, or if the
            window is longer than `n_fft`.
        """
        clips = self._fit_clips(X)
        self._check_stft(clips)
        self._remember(clips)
        return self

    def _check_stft(self, clips):
        if self.win_length is not None and self.win_length > self.n_fft:
            raise ValueError(
                f"win_length={self.win_length} is longer than n_fft={self.n_fft}: "
                "lower it, or raise n_fft."
            )
        win_length = self.win_length or self.n_fft
        if isinstance(self.window, np.ndarray) and self.window.shape != (win_length,):
            raise ValueError(
                f"window has shape {self.window.shape}, but its length should be "
                f"{win_length}: set win_length={self.window.size}."
            )
        if clips.shape[1] < self.n_fft:
            warn(
                f"clips of {clips.shape[1]} samples are shorter than one window, "
                f"n_fft={self.n_fft}, and are padded with silence. Lower n_fft, or "
                "make the clips longer."
            )

    def _make_op(self, sample_rate):
        params = {k: v for k, v in self.get_params().items() if k != "sr"}
        return self._op(sample_rate, **params)
