"""The mel spectrogram as a transformer."""

from numbers import Integral, Real

from sktag._compat import Interval, StrOptions, _fit_context
from sktag._messages import warn
from sktag.nets import ARCHITECTURES
from sktag.ops import MelSpectrogramOp
from sktag.transformers._spectrogram import Spectrogram


class MelSpectrogram(Spectrogram):
    """Compute mel spectrograms of waveforms.

    The power of the short-time Fourier transform, summed into bands of equal width on
    the mel scale, in decibels. Numbers equal librosa's for the same parameters, clip
    by clip; ``top_db`` and ``ref="max"`` use the maximum of each clip.

    Parameters
    ----------
    n_mels : int > 0, default=128
        Number of mel bands.
    sr : float > 0, default=None
        Sample rate of the waveforms, in Hz. None takes the rate of the clips, and
        22,050 for bare arrays. A rate that differs from that of the clips is an error.
    n_fft : int > 0, default=2048
        Length of the Fourier transform, in samples.
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
    fmin : float >= 0, default=0.0
        Lowest frequency, in Hz.
    fmax : float > 0, default=None
        Highest frequency, in Hz; None means half the sample rate.
    htk : bool, default=False
        Whether to use the mel scale of HTK instead of that of Slaney.
    norm : {"slaney"}, float or None, default="slaney"
        "slaney" divides each filter by its width. A number p scales the p-norm of each
        filter to 1. None leaves the peak of each filter at 1.
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
    RawWave : Reads the waveforms.
    Standardizer : The usual next step.

    Notes
    -----
    A clip shorter than one window is padded with silence, with a warning. Bands without
    a bin of the Fourier transform (too many bands for `n_fft`) are empty; a warning
    names them.

    References
    ----------
    Stevens, Volkmann, Newman, "A scale for the measurement of the psychological
    magnitude pitch", Journal of the Acoustical Society of America, 1937.

    McFee et al., "librosa: audio and music signal analysis in Python", SciPy 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from sktag import MelSpectrogram
    >>> waves = np.random.default_rng(0).uniform(-1, 1, (2, 22050))
    >>> MelSpectrogram(n_mels=64).fit_transform(waves).shape
    (2, 64, 44)
    """

    _parameter_constraints: dict = {
        "n_mels": [Interval(Integral, 1, None, closed="left")],
        **Spectrogram._parameter_constraints,
        "fmin": [Interval(Real, 0, None, closed="left")],
        "fmax": [Interval(Real, 0, None, closed="neither"), None],
        "htk": ["boolean"],
        "norm": [StrOptions({"slaney"}), Real, None],
    }
    _op = MelSpectrogramOp

    def __init__(
        self,
        n_mels=128,
        *,
        sr=None,
        n_fft=2048,
        hop_length=512,
        win_length=None,
        window="hann",
        center=True,
        pad_mode="constant",
        power=2.0,
        fmin=0.0,
        fmax=None,
        htk=False,
        norm="slaney",
        compression="db",
        ref=1.0,
        amin=1e-10,
        top_db=None,
        log1p_factor=1e4,
    ):
        super().__init__(
            n_fft,
            sr=sr,
            hop_length=hop_length,
            win_length=win_length,
            window=window,
            center=center,
            pad_mode=pad_mode,
            power=power,
            compression=compression,
            ref=ref,
            amin=amin,
            top_db=top_db,
            log1p_factor=log1p_factor,
        )
        self.n_mels = n_mels
        self.fmin = fmin
        self.fmax = fmax
        self.htk = htk
        self.norm = norm

    @classmethod
    def for_architecture(cls, name, **overrides):
        """Make the front-end that a published network was trained with.

        Parameters
        ----------
        name : str
            Name of a network that takes spectrograms, such as "fcn4" or "musicnn". The
            message about an unknown name lists them all.
        **overrides : dict
            Parameters that replace the published ones.

        Returns
        -------
        MelSpectrogram
            The front-end. All its parameters are set, including the sample rate `sr`,
            which RawWave needs too.

        Raises
        ------
        ValueError
            If there is no published front-end for that name.

        Notes
        -----
        Some parameters are not published and are sktag's choice: for "dieleman2014" and
        "spotify2014" the Fourier transform, the hop and the compression (599 frames of
        the latter span 3 seconds). "music_tagger_cnn" was published with several
        front-ends; this is the one of Won et al. One of the 128 bands of "short_chunk"
        is empty, as in the published code. The code of musicnn rounds to half precision
        before the logarithm; this front-end does not.

        References
        ----------
        Choi, Fazekas, Sandler, "Automatic tagging using deep convolutional neural
        networks", ISMIR 2016: "fcn4" to "fcn7".

        Dieleman, Schrauwen, "End-to-end learning for music audio", ICASSP 2014.

        Pons, Serra, "musicnn: pre-trained convolutional neural networks for music
        audio tagging", ISMIR late-breaking 2019.

        Won, Ferraro, Bogdanov, Serra, "Evaluation of CNN-based automatic music tagging
        models", SMC 2020: "short_chunk" and "music_tagger_cnn".

        Examples
        --------
        >>> from sktag import MelSpectrogram
        >>> MelSpectrogram.for_architecture("fcn4")
        MelSpectrogram(hop_length=256, n_fft=512, n_mels=96, sr=12000)
        """
        front_ends = {
            architecture.name: architecture.front_end
            for family in ARCHITECTURES.values()
            for architecture in family.values()
            if architecture.takes == "spectrogram" and architecture.front_end
        }
        if name not in front_ends:
            raise ValueError(
                f"architecture {name!r} has no published mel spectrogram; those that "
                f"have one: {', '.join(map(repr, front_ends))}."
            )
        return cls(**{**front_ends[name], **overrides})

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
            If X is not waveforms, if `sr` or a frequency does not fit the rate of the
            clips, or if the window is longer than `n_fft`.
        """
        clips = self._fit_clips(X)
        self._check_stft(clips)
        sr = clips.sample_rate
        fmax = sr / 2 if self.fmax is None else self.fmax
        if not self.fmin < fmax <= sr / 2:
            raise ValueError(
                f"fmin={self.fmin:g} and fmax={fmax:g} Hz: fmin must be below fmax, "
                f"and fmax at most {sr / 2:g}, half the sample rate of the clips."
            )
        empty = self._make_op(sr).empty_bands()
        if empty.size:
            warn(
                f"{empty.size} of {self.n_mels} mel bands are empty (band "
                f"{', '.join(map(str, empty))}): n_fft={self.n_fft} has no bin in "
                "them. Raise n_fft, or lower n_mels."
            )
        self._remember(clips)
        return self
