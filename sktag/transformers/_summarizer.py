"""Summarize spectrograms by statistics of each bin over time.

- It ends the recipe: clips are computed here, batch by batch and once, whatever the
  number of statistics. Only `transform` reads audio; `fit` uses shapes.
- Sums are in double precision, so that loud, long or offset clips lose nothing. A
  constant bin has a deviation of exactly 0, since a sum of equal float32 numbers has no
  rounding error in float64.
"""

import re

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sktag._compat import _fit_context
from sktag.clips._dropped import warn_dropped
from sktag.clips._inputs import check_rate
from sktag.targets._checks import check_any
from sktag.transformers._base import ClipTransformer


def _mean_magnitude(steps, axis):
    return np.abs(steps).mean(axis=axis)


_OF_FRAMES = {"mean": np.mean, "std": np.std, "max": np.max, "min": np.min}
_OF_STEPS = {"delta_mean": _mean_magnitude, "delta_std": np.std}
_KNOWN = (*_OF_FRAMES, "median", *_OF_STEPS)
_QUANTILE = re.compile(r"q([0-9]+(?:\.[0-9]+)?)")


class Summarizer(ClipTransformer):
    """Summarize each spectrogram by statistics of its bins over time.

    The step between a front-end and any classifier of tables, such as an SVC. The
    result is an array with one row per clip, or a DataFrame with
    ``set_output(transform="pandas")``, but never clips.

    Parameters
    ----------
    stats : tuple of str, default=("mean", "std", "max", "delta_mean", "delta_std")
        Statistics of each bin over the frames of a clip; a single name is accepted too.
        With the steps x[t + 1] - x[t] from one frame to the next:

        - "mean", "std", "max", "min", "median": of the frames;
        - "q" and a percentage from 0 to 100, such as "q5" or "q97.5": that quantile of
          the frames, with linear interpolation;
        - "delta_mean": mean magnitude of the steps;
        - "delta_std": standard deviation of the steps.

        Standard deviations divide by the number of frames or steps. For a clip of one
        frame, "std" and both deltas are 0.

    Attributes
    ----------
    stats_ : tuple of str
        Names of the statistics, in the order of the features.
    n_bins_ : int
        Number of bins seen in `fit`.
    sr_ : float or None
        Sample rate of the clips seen in `fit`, in Hz; None for arrays.
    n_features_in_ : int
        Number of bins seen in `fit`; only set if it was given an array.
    feature_names_in_ : ndarray of shape (n_bins,)
        Names of the columns seen in `fit`; only set if it was given a DataFrame whose
        column names are all strings.

    See Also
    --------
    MelSpectrogram : Makes the spectrograms.
    sklearn.preprocessing.StandardScaler : The usual next step.

    Notes
    -----
    Features are ordered by statistic, then by bin: ``mean_bin0, mean_bin1, ...,
    std_bin0, ...``. They have the unit of the spectrograms, decibels by default.

    A bare 2-D array holds one frame per clip, (n_clips, n_bins). Padding counts as
    silence: crop clips to a length that most of them have, with
    ``RawWave(duration=...)``.

    References
    ----------
    Tzanetakis, Cook, "Musical genre classification of audio signals", IEEE
    Transactions on Speech and Audio Processing, 2002: means and variances over time of
    spectral features.

    Examples
    --------
    >>> import numpy as np
    >>> from sktag import Summarizer
    >>> spectrogram = np.array([[[0, 1, 5], [2, 2, 2]]], dtype="float32")
    >>> summarizer = Summarizer(["max", "delta_mean"])
    >>> summarizer.fit_transform(spectrogram)
    array([[5. , 2. , 2.5, 0. ]], dtype=float32)
    >>> print(*summarizer.get_feature_names_out())
    max_bin0 max_bin1 delta_mean_bin0 delta_mean_bin1
    """

    _parameter_constraints: dict = {"stats": [tuple, list, str]}
    takes = "spectrogram"
    _two_d = "spectrogram"

    def __init__(self, stats=("mean", "std", "max", "delta_mean", "delta_std")):
        self.stats = stats

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Check the names of the statistics, and count the bins; reads no audio.

        Parameters
        ----------
        X : ClipArray or array of shape (n_clips, n_bins, n_frames) or (n_clips, n_bins)
            Spectrograms.
        y : array of shape (n_clips, ...), default=None
            Nothing is learned from it. A y that no estimator takes is refused here,
            before audio is read.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError
            If a statistic is unknown or named twice, or if X is waveforms.
        """
        stats = _checked(self.stats)
        clips = self._fit_clips(X)
        check_any(y, len(clips))
        self.stats_, self.n_bins_ = stats, clips.shape[1]
        self._remember(clips)
        return self

    def transform(self, X):
        """Compute the statistics.

        Parameters
        ----------
        X : ClipArray or array of shape (n_clips, n_bins, n_frames) or (n_clips, n_bins)
            Spectrograms with as many bins as in `fit`; the number of frames may
            differ.

        Returns
        -------
        ndarray of shape (n_clips, n_stats * n_bins), float32
            One row per clip; a DataFrame if `set_output` asks for it.

        Raises
        ------
        ValueError
            If X is waveforms, if its number of bins or sample rate differs from `fit`,
            or if a number is not finite.
        """
        check_is_fitted(self, "n_bins_")
        clips = self._check_clips(X, reset=False)
        check_rate(clips, self.sr_, "Summarizer")
        if any(op.random for op in clips.ops):
            warn_dropped("Summarizer")
        n_features = len(self.stats_) * self.n_bins_
        out = np.empty((len(clips), n_features), dtype=np.float32)
        row = 0
        for batch in clips.batches():
            is_finite = np.isfinite(batch).all(axis=(1, 2))
            if not is_finite.all():
                raise ValueError(
                    f"clip {row + int(is_finite.argmin())} of {clips!r} has numbers "
                    "that are not finite: leave it out, or mend it with "
                    "np.nan_to_num."
                )
            out[row : row + len(batch)] = _summary(batch, self.stats_)
            row += len(batch)
        return out

    def get_feature_names_out(self, input_features=None):
        """Name the features: the statistic, then the bin.

        Parameters
        ----------
        input_features : array-like of str of shape (n_bins,), default=None
            Names of the bins. If None, the columns of the DataFrame given to `fit`, or
            else "bin0", "bin1", ...

        Returns
        -------
        ndarray of str objects of shape (n_stats * n_bins,)
            Such as "mean_bin0".

        Raises
        ------
        ValueError
            If the names differ from those seen in `fit`, or from the number of bins.
        """
        check_is_fitted(self, "n_bins_")
        bins = self._names_in(input_features)
        names = [f"{stat}_{name}" for stat in self.stats_ for name in bins]
        return np.array(names, dtype=object)

    def _check_clips(self, X, *, reset):
        """Return X as spectrograms with the bins of `fit`."""
        clips = super()._check_clips(X, reset=reset)
        if clips.shape[2] == 0:
            raise ValueError(
                f"Summarizer needs clips of at least one frame, not {clips!r}: lower "
                "the front-end's n_fft, or make the clips longer."
            )
        if not reset and clips.shape[1] != self.n_bins_:
            raise ValueError(
                f"Summarizer was fitted on {self.n_bins_} bins and is given "
                f"{clips.shape[1]}: give the front-end the parameters of training."
            )
        return clips


def _checked(stats):
    """Return the names as a tuple; raise an error for unknown or repeated ones."""
    stats = (stats,) if isinstance(stats, str) else tuple(stats)
    rule = (
        f'choose from {", ".join(map(repr, _KNOWN))} and quantiles, "q" and a '
        'percentage from 0 to 100, such as "q5" or "q97.5".'
    )
    if not stats:
        raise ValueError(f"stats={stats!r} names no statistic: {rule}")
    for stat in stats:
        is_known = isinstance(stat, str) and (
            stat in _KNOWN or _percent(stat) is not None
        )
        if not is_known:
            raise ValueError(f"stats has {stat!r}, which is unknown: {rule}")
        if stats.count(stat) > 1:
            raise ValueError(f"stats names {stat!r} more than once: name each once.")
    return stats


def _percent(stat):
    """Return the percentage of a quantile, or None for other statistics."""
    found = _QUANTILE.fullmatch("q50" if stat == "median" else stat)
    percent = None if found is None else float(found[1])
    return percent if percent is not None and percent <= 100 else None


def _summary(spectrograms, stats):
    """Return the statistics over time, (n_clips, n_stats * n_bins), in float64."""
    frames = spectrograms.astype(np.float64)
    steps = np.zeros_like(frames)
    if frames.shape[2] > 1 and any(stat in _OF_STEPS for stat in stats):
        steps = np.diff(frames, axis=2)
    percents = {stat: _percent(stat) for stat in stats if _percent(stat) is not None}
    found = {}
    if percents:
        quantiles = np.percentile(frames, list(percents.values()), axis=2)
        found = dict(zip(percents, quantiles, strict=True))
    for stat in stats:
        if stat in _OF_FRAMES:
            found[stat] = _OF_FRAMES[stat](frames, axis=2)
        elif stat in _OF_STEPS:
            found[stat] = _OF_STEPS[stat](steps, axis=2)
    return np.concatenate([found[stat] for stat in stats], axis=1)
