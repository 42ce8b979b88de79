"""The base class of the transformers: eager in, eager out; lazy in, lazy out.

A transformer is a recipe for one op. It appends the op to the ops of given clips. From
a given array it makes clips, appends the op and computes them, so both ways give the
same numbers by construction.
"""

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sktag._compat import _fit_context
from sktag.clips import ClipArray
from sktag.clips._inputs import as_clips, check_kind, check_rate
from sktag.targets._checks import check_any


class ClipTransformer(TransformerMixin, BaseEstimator):
    """Base class of the transformers of clips.

    A subclass defines one method, `_make_op`, which returns the op of the fitted
    transformer. If it learns from the data, it also extends `fit`. Its parameters
    follow the conventions of scikit-learn.

    Attributes
    ----------
    takes : {"wave", "spectrogram"} or None
        Kind of clips that it takes, set by the subclass; None for both.
    sr_ : float or None
        Sample rate of the clips seen in `fit`, in Hz; None for spectrograms of
        unknown rate.
    n_features_in_ : int
        Number of samples (2-D arrays) or bins (3-D arrays) seen in `fit`; only set if
        `fit` was given an array.

    See Also
    --------
    sktag.testing.check_clip_transformer : Checks that a subclass is a valid one.

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
    _two_d = "wave"  # content of a bare 2-D array

    def _make_op(self, sample_rate):
        """Return the op of the fitted transformer."""
        raise NotImplementedError(
            f"{type(self).__name__} must define _make_op(self, sample_rate)."
        )

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Check the parameters, and note the kind and sample rate of the clips.

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
        self._make_op(clips.sample_rate)
        self._remember(clips)
        return self

    def transform(self, X):
        """Transform clips lazily, or an array at once.

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
        """Choose the container of outputs that are tables.

        Clips and arrays of spectrograms are not affected, so that the setting of a
        whole Pipeline only changes the steps that make tables.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            The container; None keeps the current setting.

        Returns
        -------
        self : object
            The transformer.
        """
        if hasattr(self, "get_feature_names_out"):
            super().set_output(transform=transform)
        return self

    def _fit_clips(self, X):
        """Return X as clips, whose sample rate must be `sr` if that is set."""
        clips = self._check_clips(X, reset=True)
        sr = getattr(self, "sr", None)
        if sr is not None and clips.sample_rate not in (None, sr):
            raise ValueError(
                f"{type(self).__name__}(sr={sr}) was given clips at "
                f"{clips.sample_rate:g} Hz. Set the sample rate in RawWave only: leave "
                f"sr=None here, or write RawWave(sr={sr})."
            )
        return clips

    def _remember(self, clips):
        """Note what `transform` compares its input with; the last step of `fit`."""
        self.sr_ = clips.sample_rate
        self._kind = clips.kind

    def _check_clips(self, X, *, reset):
        """Return X as clips of the kind that the transformer takes."""
        rate = getattr(self, "sr", None) if reset else self.sr_
        clips = as_clips(
            X,
            self,
            takes=self.takes,
            reset=reset,
            sample_rate=rate,
            two_d=self._two_d,
        )
        if not reset:
            check_kind(clips, self._kind, type(self).__name__)
        return clips

    def __sklearn_tags__(self):
        """Declare that 3-D arrays are accepted, and that the output is float32."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
