"""Standardize spectrograms and waveforms."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sktag._compat import StrOptions, _fit_context
from sktag.clips._inputs import check_rate
from sktag.ops import ClipScaleOp, ScaleOp
from sktag.targets._checks import check_any
from sktag.transformers._base import ClipTransformer


class Standardizer(ClipTransformer):
    """Subtract the mean and divide by the standard deviation.

    Like scikit-learn's StandardScaler, for the frequency bands of spectrograms and for
    waveforms. Statistics are accumulated batch by batch in double precision; padding
    counts as silence.

    Parameters
    ----------
    axis : {"bin", "global", "clip"}, default="bin"
        "bin": one mean and standard deviation per frequency band (a waveform is a
        single band). "global": one for all bands. "clip": those of each clip; nothing
        is learned.
    with_mean : bool, default=True
        Whether to subtract the mean.
    with_std : bool, default=True
        Whether to divide by the standard deviation.

    Attributes
    ----------
    mean_ : ndarray of shape (n_bins,) or (1,), or None
        Mean of each band; None with ``axis="clip"``.
    var_ : ndarray of shape (n_bins,) or (1,), or None
        Variance of each band.
    scale_ : ndarray of shape (n_bins,) or (1,), or None
        Divisor of each band: the standard deviation, or 1 for constant bands.
    n_samples_seen_ : int
        Number of clips in the statistics.
    n_values_seen_ : int
        Number of values in the statistics of a band: clips times frames, times bands
        if ``axis="global"``.
    sr_ : float or None
        Sample rate of the clips seen in `fit`, in Hz.
    n_features_in_ : int
        Number of samples or bins seen in `fit`; only set if it was given an array.

    See Also
    --------
    sklearn.preprocessing.StandardScaler : The same for tables.

    References
    ----------
    Chan, Golub, LeVeque, "Algorithms for computing the sample variance", The American
    Statistician, 1983: merging the statistics of batches.

    Examples
    --------
    >>> import numpy as np
    >>> from sktag import Standardizer
    >>> spectrograms = np.random.default_rng(0).normal(3, 2, (10, 4, 50))
    >>> out = Standardizer().fit_transform(spectrograms)
    >>> bool(abs(out.mean()) < 1e-6)
    True
    """

    _parameter_constraints: dict = {
        "axis": [StrOptions({"bin", "global", "clip"})],
        "with_mean": ["boolean"],
        "with_std": ["boolean"],
    }

    def __init__(self, axis="bin", *, with_mean=True, with_std=True):
        self.axis = axis
        self.with_mean = with_mean
        self.with_std = with_std

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Compute the statistics.

        Parameters
        ----------
        X : ClipArray or array
            Waveforms (n_clips, n_samples) or spectrograms (n_clips, n_bins,
            n_frames).
        y : array of shape (n_clips, ...), default=None
            Nothing is learned from it. A y that no estimator takes is refused here,
            before audio is read.

        Returns
        -------
        self : object
            The fitted transformer.
        """
        clips = self._fit_clips(X)
        check_any(y, len(clips))
        self._add(clips, self.axis, None, None, 0, 0)
        self._remember(clips)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None):
        """Add more clips to the statistics.

        Parameters that were set since the first call have no effect.

        Parameters
        ----------
        X : ClipArray or array
            Clips with the same number of bands; their length may differ.
        y : None
            Ignored.

        Returns
        -------
        self : object
            The transformer.
        """
        if not hasattr(self, "n_samples_seen_"):
            return self.fit(X)
        fitted = self._as_fitted()
        clips = fitted._check_clips(X, reset=False)
        check_rate(clips, self.sr_, "Standardizer")
        seen = self.mean_, self.var_, self.n_values_seen_, self.n_samples_seen_
        self._add(clips, fitted.axis, *seen)
        return self

    def _add(self, clips, axis, mean, var, n_values, n_samples):
        """Merge clips into statistics, and set the attributes once all are read."""
        scale = None
        if axis != "clip":
            for batch in clips.batches():
                mean, var, n_values = _merge(batch, axis, mean, var, n_values)
            if not np.isfinite(var).all():
                raise ValueError(
                    f"{clips!r} has numbers that are not finite, or too large: find "
                    "the clip with np.isfinite(clips[i]).all()."
                )
            scale = np.sqrt(var)
            # Rounding gives a constant band a tiny deviation instead of zero.
            tiny = 10 * np.finfo(np.float32).eps * np.abs(mean)
            scale = np.where(scale <= tiny, 1.0, scale)
        self.mean_, self.var_, self.scale_ = mean, var, scale
        self.n_values_seen_, self.n_samples_seen_ = n_values, n_samples + len(clips)

    def transform(self, X):
        """Standardize clips, or an array.

        Parameters
        ----------
        X : ClipArray or array
            Clips with the number of bands seen in `fit`; their length may differ.

        Returns
        -------
        ClipArray or ndarray of float32
            Standardized clips.
        """
        return super().transform(X)

    def inverse_transform(self, X):
        """Undo the standardisation.

        Parameters
        ----------
        X : ClipArray or array
            Standardized clips.

        Returns
        -------
        ClipArray or ndarray of float32
            The original clips.

        Raises
        ------
        ValueError
            If ``axis="clip"``, since the statistics of clips are not stored.
        """
        check_is_fitted(self, "sr_")
        fitted = self._as_fitted()
        if fitted.axis == "clip":
            raise ValueError(
                'axis="clip" cannot be undone: the mean and deviation of each clip are '
                'not stored. Use axis="bin" or "global".'
            )
        clips = fitted._check_clips(X, reset=False)
        out = clips.map(fitted._scale_op(inverse=True))
        return out if clips is X else out.to_numpy()

    def _check_clips(self, X, *, reset):
        clips = super()._check_clips(X, reset=reset)
        if not reset:
            self._check_bands(clips)
        return clips

    def _check_bands(self, clips):
        if self.axis != "bin":
            return
        n_bands = clips.shape[1] if clips.ndim == 3 else 1
        if n_bands != len(self.mean_):
            raise ValueError(
                f"Standardizer was fitted on {len(self.mean_)} bands and is given "
                f"{n_bands}: give the front-end the parameters of training."
            )

    def _scale_op(self, *, inverse=False):
        # Copies, so that the op is not changed through `mean_` and `scale_`.
        return ScaleOp(
            self.mean_.copy() if self.with_mean else np.zeros_like(self.mean_),
            self.scale_.copy() if self.with_std else np.ones_like(self.mean_),
            inverse,
        )

    def _make_op(self, sample_rate):
        if self.axis == "clip":
            return ClipScaleOp(self.with_mean, self.with_std)
        return self._scale_op()


def _merge(batch, axis, mean, var, n_values):
    """Return the statistics of a batch and of all batches before it."""
    bands = batch[:, np.newaxis] if batch.ndim == 2 else batch
    axes = (0, 1, 2) if axis == "global" else (0, 2)
    n = bands.size // (1 if axis == "global" else bands.shape[1])
    new_mean = np.atleast_1d(bands.mean(axis=axes, dtype=np.float64))
    new_var = np.atleast_1d(bands.var(axis=axes, dtype=np.float64))
    if n_values == 0:
        return new_mean, new_var, n
    total = n_values + n
    delta = new_mean - mean
    within = (var * n_values + new_var * n) / total
    between = delta**2 * (n_values / total) * (n / total)
    return mean + delta * (n / total), within + between, total
