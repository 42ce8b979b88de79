"""The base class of the transformers: eager in, eager out; lazy in, lazy out.

A transformer is a recipe for one op. It appends the op to the ops of given clips. From
a given array it makes clips, appends the op and computes them, so both ways give the
same numbers by construction. What it does after `fit` follows from the parameters of
that `fit`, whatever was set since.
"""

from copy import copy

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sktag._compat import _fit_context
from sktag._functions import code_of, refuse_unpicklable
from sktag.clips import ClipArray
from sktag.clips._inputs import as_clips, check_kind, check_rate
from sktag.targets._checks import check_any


class ClipTransformer(TransformerMixin, BaseEstimator):
    """Base class of the transformers of clips.

    A subclass defines one method, `_make_op`, which returns the op of the fitted
    transformer. If it learns from the data, it also extends `fit`. Its parameters
    follow the conventions of scikit-learn; those set after `fit` change nothing until
    the next `fit`.

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

    def __init_subclass__(cls, **kwargs):
        """Let scikit-learn make DataFrames of tables, but not of clips."""
        keys = ("transform",) if _makes_tables(cls) else None
        super().__init_subclass__(auto_wrap_output_keys=keys, **kwargs)

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
        fitted = self._as_fitted()
        clips = fitted._check_clips(X, reset=False)
        check_rate(clips, self.sr_, type(self).__name__)
        out = clips.map(fitted._make_op(clips.sample_rate))
        return out if isinstance(X, ClipArray) else out.to_numpy()

    def get_feature_names_out(self, input_features=None):
        """Name the bins of the clips that `transform` returns.

        A Pipeline asks each step for them, to name the columns of a Summarizer.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the bins (or samples) of the input. If None, the columns of the
            DataFrame given to `fit`, or else "bin0", "bin1", ...; "x0", "x1", ... for
            the samples of an array, and "wave" for other waveforms.

        Returns
        -------
        ndarray of str objects
            The names of the input, or new ones if the bins are new.

        Raises
        ------
        ValueError
            If the names differ from those seen in `fit`, or from the number of bins.
        """
        check_is_fitted(self, "sr_")
        names = self._names_in(input_features)
        if type(self)._make_op is ClipTransformer._make_op:
            return names
        op = self._as_fitted()._make_op(self.sr_)
        kind, n_bins = op.gives or self._kind, op.out_shape(self._shape)[1]
        if kind == "wave" or (kind, n_bins) == (self._kind, self._shape[1]):
            return names
        return np.array([f"bin{i}" for i in range(n_bins)], dtype=object)

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
        if _makes_tables(type(self)):
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
        """Note what `transform` needs of `fit`; the last step of `fit`."""
        self.sr_ = clips.sample_rate
        self._kind, self._shape = clips.kind, clips.shape
        self._fit_params = {
            # Lists and arrays may be changed in place.
            name: copy(value) if isinstance(value, list | np.ndarray) else value
            for name, value in self.get_params(deep=False).items()
        }

    def _as_fitted(self):
        """Return a copy with the parameters of `fit`, whatever was set since."""
        fitted = copy(self)
        vars(fitted).update(getattr(self, "_fit_params", {}))
        return fitted

    def _names_in(self, input_features):
        """Return the names of the bins or samples of the input, checked."""
        seen = getattr(self, "feature_names_in_", None)
        is_wave = self._kind == "wave"
        n_names = getattr(self, "n_features_in_", None if is_wave else self._shape[1])
        if input_features is None:
            stem = "x" if is_wave else "bin"
            if seen is None:
                seen = [f"{stem}{i}" for i in range(n_names)] if n_names else ["wave"]
            return np.array(seen, dtype=object)
        if n_names is not None and len(input_features) != n_names:
            noun = "samples" if is_wave else "bins"
            raise ValueError(
                f"input_features should have length equal to {n_names}, the number of "
                f"{noun} seen in fit, but has {len(input_features)}."
            )
        if seen is not None and list(input_features) != list(seen):
            raise ValueError(
                "input_features is not equal to feature_names_in_: leave it out, or "
                f"pass the columns seen in fit, {', '.join(seen[:3])}, ..."
            )
        return np.array(input_features, dtype=object)

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

    def __getstate__(self):
        """Return the state, with the code of users' classes and functions.

        ``Pipeline(memory=...)`` takes pickles as keys of its cache.
        """
        values = list(self.get_params(deep=False).values())
        refuse_unpicklable(type(self).__name__, values)
        return {**super().__getstate__(), "_code": code_of(type(self), values)}

    def __setstate__(self, state):
        """Restore the state."""
        super().__setstate__({k: v for k, v in state.items() if k != "_code"})

    def __sklearn_tags__(self):
        """Declare that 3-D arrays are accepted, and that the output is float32."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _makes_tables(cls):
    """Tell whether a class names the columns of tables, which end the recipe."""
    return cls.get_feature_names_out is not ClipTransformer.get_feature_names_out
