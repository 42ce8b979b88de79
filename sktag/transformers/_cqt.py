"""The constant-Q transform as a transformer."""

from numbers import Integral, Real

from sktag._compat import Interval, StrOptions, _fit_context
from sktag._messages import warn
from sktag.ops import CQTOp
from sktag.transformers._base import ClipTransformer


class CQT(ClipTransformer):
    """Compute constant-Q spectrograms of waveforms, with bins spaced like notes.

    Each bin is the magnitude, in decibels, of the inner product of the waveform with a
    windowed tone that has the same number of periods in every bin. A transposition
    therefore shifts the spectrogram along the bins. Numbers equal the definition, with
    the kernels and scale of librosa, to about 1e-5; ``librosa.cqt`` itself resamples
    for speed and deviates by about one percent on noise. ``top_db`` and ``ref="max"``
    use the maximum of each clip.

    Parameters
    ----------
    n_bins : int > 0, default=84
        Number of bins; 84 are seven octaves of semitones.
    sr : float > 0, default=None
        Sample rate of the waveforms, in Hz. None takes the rate of the clips, and
        22,050 for bare arrays. A rate that differs from that of the clips is an error.
    hop_length : int > 0, default=512
        Samples from one frame to the next. Frame t is centred on sample
        ``t * hop_length``; both ends of the clip are padded with silence.
    fmin : float > 0, default=None
        Frequency of the lowest bin, in Hz; None means the note C1, 32.7 Hz.
    bins_per_octave : int > 0, default=12
        Number of bins per octave.
    filter_scale : float > 0, default=1.0
        Factor of the length of the kernels; below 1, the resolution is finer in time
        and coarser in frequency.
    window : str, tuple or float, default="hann"
        Window of the kernels, for :func:`scipy.signal.get_window`.
    compression : {"db", "log1p", "pcen"} or None, default="db"
        "db" is 20 log10 of the magnitude; "log1p" is log10(1 + `log1p_factor` x);
        "pcen" is per-channel energy normalisation with librosa's defaults.
    ref : float > 0 or "max", default=1.0
        Value of 0 dB; "max" is the maximum of each clip.
    amin : float > 0, default=1e-05
        Smaller magnitudes count as `amin`, for "db".
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
    MelSpectrogram : Fewer and wider bands, faster to compute.

    Notes
    -----
    A clip shorter than the longest kernel raises a warning: its low bins contain more
    silence than sound.

    References
    ----------
    Brown, "Calculation of a constant Q spectral transform", Journal of the Acoustical
    Society of America, 1991: the definition.

    McFee et al., "librosa: audio and music signal analysis in Python", SciPy 2015: the
    kernels' lengths and scale.

    Examples
    --------
    >>> import numpy as np
    >>> from sktag import CQT
    >>> waves = np.random.default_rng(0).uniform(-1, 1, (2, 22050))
    >>> CQT().fit_transform(waves).shape
    (2, 84, 44)
    """

    _parameter_constraints: dict = {
        "n_bins": [Interval(Integral, 1, None, closed="left")],
        "sr": [Interval(Real, 0, None, closed="neither"), None],
        "hop_length": [Interval(Integral, 1, None, closed="left")],
        "fmin": [Interval(Real, 0, None, closed="neither"), None],
        "bins_per_octave": [Interval(Integral, 1, None, closed="left")],
        "filter_scale": [Interval(Real, 0, None, closed="neither")],
        "window": [str, tuple, Real],
        "compression": [StrOptions({"db", "log1p", "pcen"}), None],
        "ref": [Interval(Real, 0, None, closed="neither"), StrOptions({"max"})],
        "amin": [Interval(Real, 0, None, closed="neither")],
        "top_db": [Interval(Real, 0, None, closed="left"), None],
        "log1p_factor": [Interval(Real, 0, None, closed="neither")],
    }
    takes = "wave"

    def __init__(
        self,
        n_bins=84,
        *,
        sr=None,
        hop_length=512,
        fmin=None,
        bins_per_octave=12,
        filter_scale=1.0,
        window="hann",
        compression="db",
        ref=1.0,
        amin=1e-5,
        top_db=None,
        log1p_factor=1e4,
    ):
        self.n_bins = n_bins
        self.sr = sr
        self.hop_length = hop_length
        self.fmin = fmin
        self.bins_per_octave = bins_per_octave
        self.filter_scale = filter_scale
        self.window = window
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
            highest bin extends beyond half the sample rate.
        """
        clips = self._fit_clips(X)
        op = self._make_op(clips.sample_rate)
        if op.highest() > clips.sample_rate / 2:
            raise ValueError(
                f"n_bins={self.n_bins}: the highest bin, at {op.frequencies[-1]:.0f} "
                f"Hz, extends to {op.highest():.0f} Hz, beyond half the sample rate of "
                f"the clips, {clips.sample_rate:g} Hz. Lower n_bins or fmin, or raise "
                "sr in RawWave."
            )
        longest = op.longest()
        if clips.shape[1] < longest:
            warn(
                f"clips of {clips.shape[1]} samples are shorter than the lowest bin's "
                f"kernel of {longest}, and are padded with silence. Raise fmin, lower "
                "filter_scale, or make the clips longer."
            )
        self._remember(clips)
        return self

    def _make_op(self, sample_rate):
        params = {k: v for k, v in self.get_params().items() if k != "sr"}
        return CQTOp(sample_rate, **params)
