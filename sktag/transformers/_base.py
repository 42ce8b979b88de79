"""The law all transformers keep: eager in, eager out; lazy in, lazy out.

A transformer is a recipe for one op. Given clips it appends the op to theirs; given an
array it makes clips of it, appends the op and computes, so that both give the same
numbers by construction. Checks that all share (kind, sample rate, number of bins or
samples) are here too.
"""

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sktag._compat import _fit_context
from sktag._validation import validate_array
from sktag.clips._array import DEFAULT_SR, ClipArray
from sktag.clips._checks import check_kind, check_rate


class ClipTransformer(TransformerMixin, BaseEstimator):
    """Base class of the transformers of clips.

    A subclass writes one method, `_make_op`, which returns the op of the fitted
    transformer. Where it learns from the data, it also extends `fit`. Its parameters
    follow scikit-learn's conventions.

    Attributes
    ----------
    takes : {"wave", "spectrogram"} or None
        Kind of clips it takes, set by the subclass; None for both.
    sr_ : float or None
        Sample rate of the clips seen in `fit`, in Hz; None for spectrograms of
        unknown rate.
    n_features_in_ : int
        Number of samples (2-D arrays) or of bins (3-D arrays) seen in `fit`; only
        there if `fit` was given an array.

    See Also
    --------
    sktag.testing.check_clip_transformer : Checks that a subclass keeps the laws.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> import numpy as np
    >>> from sktag import ClipTransformer
    >>> from sktag.ops import Op
    >>> @dataclass
    ... class GainOp(Op):
    ...     factor: float
    ...
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> class Gain(ClipTransformer):
    ...     def __init__(self, factor=2.0):
    ...         self.factor = factor
    ...
    ...     def _make_op(self, sample_rate):
    ...         return GainOp(self.factor)
    >>> Gain().fit_transform(np.ones((1, 3), dtype="float32"))
    array([[2., 2., 2.]], dtype=float32)
    """

    _parameter_constraints: dict = {}
    takes: str | None = None

    def _make_op(self, sample_rate):
        """Return the op of the fitted transformer.

        Parameters
        ----------
        sample_rate : float or None
            Of the clips, in Hz.

        Returns
        -------
        Op
            What is done to a batch of clips.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must write _make_op(self, sample_rate)."
        )

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Check the parameters and remember what kind of clips there are.

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
        """
        clips = self._fit_clips(X)
        self._make_op(clips.sample_rate)
        self._remember(clips)
        return self

    def transform(self, X):
        """Do what the transformer does to clips, or to an array.

        Parameters
        ----------
        X : ClipArray or array
            Clips of the kind and sample rate seen in `fit`.

        Returns
        -------
        ClipArray or ndarray of float32
            Clips for clips (nothing is computed yet), an array for an array.
        """
        check_is_fitted(self, "sr_")
        clips = self._check_clips(X, reset=False)
        check_rate(clips, self.sr_, type(self).__name__)
        out = clips.map(self._make_op(clips.sample_rate))
        return out if isinstance(X, ClipArray) else out.to_numpy()

    def set_output(self, *, transform=None):
        """Choose the container of the output, where it is a table.

        Clips and arrays of spectrograms stay what they are, so that the setting of a
        whole Pipeline reaches the steps that make tables.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            Container; None leaves the setting as it is.

        Returns
        -------
        self : object
            The transformer.
        """
        if hasattr(self, "get_feature_names_out"):
            super().set_output(transform=transform)
        return self

    def _fit_clips(self, X):
        """Return X as clips, checked, also against the rate that is asked for."""
        clips = self._check_clips(X, reset=True)
        sr = getattr(self, "sr", None)
        if sr is not None and clips.sample_rate not in (None, sr):
            raise ValueError(
                f"{type(self).__name__}(sr={sr}) was given clips at "
                f"{clips.sample_rate:g} Hz. The rate is said once, in RawWave: leave "
                f"sr=None here, or write RawWave(sr={sr})."
            )
        return clips

    def _remember(self, clips):
        """Remember what `transform` will hold its input to; the last act of `fit`."""
        self.sr_ = clips.sample_rate
        self._kind = clips.kind

    def _check_clips(self, X, *, reset):
        """Return X as clips of the kind the transformer takes."""
        name = type(self).__name__
        if isinstance(X, ClipArray):
            check_kind(X, self.takes, name)
            if not reset:
                check_kind(X, self._kind, name)
            for attribute in ("n_features_in_", "feature_names_in_"):
                if reset and hasattr(self, attribute):
                    delattr(self, attribute)
            return X
        X = validate_array(self, X, reset=reset)
        if X.ndim > 3 or (self.takes == "wave" and X.ndim == 3):
            takes = (
                "waveforms (n_clips, n_samples)"
                if self.takes == "wave"
                else "waveforms (n_clips, n_samples) or spectrograms (n_clips, n_bins, "
                "n_frames)"
            )
            raise ValueError(
                f"{name} takes {takes}; X has {X.ndim} dimensions, {X.shape}"
                + (", which are spectrograms already." if X.ndim == 3 else ".")
            )
        rate = None
        if X.ndim == 2:
            rate = getattr(self, "sr", None) or DEFAULT_SR
            rate = rate if reset or self.sr_ is None else self.sr_
        clips = ClipArray.from_array(X, sample_rate=rate)
        if not reset:
            check_kind(clips, self._kind, name)
        return clips

    def __sklearn_tags__(self):
        """Say that 3-D arrays are taken too, and that the output is float32."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
