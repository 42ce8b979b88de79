"""Features of a trained network as a step of a Pipeline."""

import threading
from numbers import Integral, Real

import numpy as np
from cachetools import LRUCache
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sktag._compat import Interval, StrOptions, _fit_context
from sktag.clips import ClipArray
from sktag.clips._dropped import warn_dropped
from sktag.estimators._answers import stacked
from sktag.estimators._base import BaseTagger
from sktag.estimators._features import ModuleFeatures, TaggerFeatures
from sktag.estimators._pickling import pack_module, unpack_module

_CACHE_BYTES = 2**27  # features kept for all searches of a process

_kept: LRUCache = LRUCache(_CACHE_BYTES, getsizeof=lambda features: features.nbytes)
_kept_lock = threading.Lock()


class Embedder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Compute the features that a trained network has learned, a row for each clip.

    The network stays as it is: `fit` learns nothing, and `clone` keeps the network, so
    that a cross-validation trains only the steps that follow. Any classifier of
    scikit-learn can be one of them.

    Parameters
    ----------
    estimator : estimator of sktag, Pipeline or torch.nn.Module
        A fitted estimator; a fitted Pipeline that ends in one; or a network of your
        own, which maps a batch of windows to features, (n_windows, n_units) or with
        further axes, over which the mean is taken.
    layer : str or None, default="penultimate"
        "penultimate" is the input of the network's last dense layer; "pooled" the
        output of the pooling over all time; else the name of a module, as
        ``named_modules`` lists them, of which the output is taken. None is the output
        of the network.
    per_window : bool, default=False
        Whether to return the features of each window rather than their mean.
    sr : float, default=None
        Sample rate in Hz of the clips that a network of your own takes. An estimator
        knows its own.
    window : float > 0, default=None
        Length in seconds of the windows that a network of your own takes; None gives it
        whole clips.
    hop : float > 0, default=None
        Seconds from one window to the next. By default windows lie as in predictions:
        as many as cover the clip.
    kind : {"wave", "spectrogram"}, default=None
        What a network of your own takes: waveforms (n_windows, n_samples), or
        spectrograms (n_windows, n_bins, n_frames).
    batch_size : int > 0, default=16
        Largest number of clips per step, for a network of your own.
    device : str, default="auto"
        Where a network of your own computes: "auto" is CUDA if there is a GPU.
    amp : bool or "auto", default="auto"
        Whether a network of your own computes in bfloat16 where that is safe; "auto"
        does on GPUs with hardware for it.
    n_threads : int > 0, default=None
        Files decoded at a time, for a network of your own.

    See Also
    --------
    CNN2DClassifier.embed : The same features, of an estimator.
    sktag.pretrained.load_musicnn : A published tagger, to be given here.

    Notes
    -----
    Features are kept by clip, up to 128 MiB in a process: a search computes those of
    each clip once, not once for each candidate. ``Pipeline(memory=...)`` keeps them
    between processes.

    A Pipeline's own steps are applied to X, but for those that X went through already:
    clips that are spectrograms skip the front-end and what is before it. Parameters of
    the estimator are not among those of the Embedder.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.svm import SVC
    >>> from sktag import ClipArray, Embedder, SampleCNNClassifier
    >>> from sktag.testing import make_waves
    >>> X = ClipArray.from_array(make_waves(8, 2000), sample_rate=8000)
    >>> tagger = SampleCNNClassifier(max_epochs=75, batch_size=2, random_state=0)
    >>> tagger = tagger.fit(X, list("abababab"))
    >>> pipe = make_pipeline(Embedder(tagger, layer="pooled"), SVC())
    >>> pipe.fit(X, list("ccddccdd"))[:-1].transform(X).shape
    (8, 512)
    """

    _parameter_constraints: dict = {
        "estimator": [BaseTagger, Pipeline, nn.Module],
        "layer": [str, None],
        "per_window": ["boolean"],
        "sr": [Interval(Real, 0, None, closed="neither"), None],
        "window": [Interval(Real, 0, None, closed="neither"), None],
        "hop": [Interval(Real, 0, None, closed="neither"), None],
        "kind": [StrOptions({"wave", "spectrogram"}), None],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "device": [str],
        "amp": ["boolean", StrOptions({"auto"})],
        "n_threads": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        estimator,
        layer="penultimate",
        per_window=False,
        *,
        sr=None,
        window=None,
        hop=None,
        kind=None,
        batch_size=16,
        device="auto",
        amp="auto",
        n_threads=None,
    ):
        self.estimator = estimator
        self.layer = layer
        self.per_window = per_window
        self.sr = sr
        self.window = window
        self.hop = hop
        self.kind = kind
        self.batch_size = batch_size
        self.device = device
        self.amp = amp
        self.n_threads = n_threads

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Check the network and the clips; nothing is learned.

        Parameters
        ----------
        X : ClipArray, array, or what the Pipeline takes
            The clips.
        y : object, optional
            Not used.

        Returns
        -------
        self : object
            The transformer.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the network has no such layer, or if the clips are not such as it takes.
        """
        source = self._source()
        clips = source.clips_of(X, reset=True)
        self._n_features_out = source.n_units(clips)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None):
        """Check the network, and compute the features.

        Parameters
        ----------
        X : ClipArray, array, or what the Pipeline takes
            The clips.
        y : object, optional
            Not used.

        Returns
        -------
        ndarray of shape (n_clips, n_units), float32
            As `transform` returns them.
        """
        if isinstance(X, ClipArray) and any(op.random for op in X.ops):
            warn_dropped(type(self).__name__)
        return self.fit(X, y).transform(X)

    def transform(self, X):
        """Compute the features of each clip.

        Parameters
        ----------
        X : ClipArray, array, or what the Pipeline takes
            Clips of any length.

        Returns
        -------
        ndarray of shape (n_clips, n_units), float32
            The mean over the windows of each clip. With `per_window`, (n_windows,
            n_units) for each clip: a list, or an array of shape (n_clips, n_windows,
            n_units) where all have as many.
        """
        check_is_fitted(self)
        source = self._source()
        clips = source.clips_of(X, reset=False)
        recipe = (source.weights_hash(), self.layer, *source.layout())
        keys = [(recipe, row) for row in clips.row_keys()]
        with _kept_lock:
            found = {key: _kept[key] for key in keys if key in _kept}
        missing = [i for i, key in enumerate(keys) if key not in found]
        if missing or not len(clips):
            new = source.compute(clips[np.array(missing, dtype=int)])
            with _kept_lock:
                for i, features in zip(missing, new, strict=True):
                    found[keys[i]] = features
                    if features.nbytes <= _CACHE_BYTES:
                        _kept[keys[i]] = features
        each = [found[key] for key in keys]
        if self.per_window:
            return stacked([features.copy() for features in each])
        means = [features.mean(axis=0, dtype=float) for features in each]
        return np.array(means, dtype=np.float32).reshape(-1, self._n_features_out)

    def get_params(self, deep=True):
        """Return the parameters, without those of the estimator.

        Parameters
        ----------
        deep : bool, default=True
            Not used: the network is fitted already.

        Returns
        -------
        dict
            Values by name.
        """
        return super().get_params(deep=False)

    def _source(self):
        """Return what computes features: an estimator, or a network."""
        given = {"sr": self.sr, "window": self.window, "kind": self.kind}
        if isinstance(self.estimator, nn.Module):
            if self.sr is None or self.kind is None:
                raise ValueError(
                    "Embedder does not know the clips that a network of yours takes: "
                    "give sr=..., kind='wave' or 'spectrogram', and window=... in "
                    "seconds if they have one length."
                )
            return ModuleFeatures(self)
        named = [name for name, value in given.items() if value is not None]
        if named:
            raise ValueError(
                f"Embedder got {', '.join(named)}, which a fitted estimator has "
                "already: leave them None."
            )
        return TaggerFeatures(self)

    def __getstate__(self):
        """Pickle a network of the user's as arrays, without a device."""
        state = super().__getstate__()
        if isinstance(self.estimator, nn.Module):
            state = {**state, "estimator": pack_module(self.estimator)}
        return state

    def __setstate__(self, state):
        """Restore the network."""
        packed = state["estimator"]
        if isinstance(packed, bytes):
            state = {**state, "estimator": unpack_module(packed)}
        super().__setstate__(state)

    def __sklearn_clone__(self):
        """Return an Embedder with the same network."""
        return type(self)(**self.get_params())

    def __sklearn_is_fitted__(self):
        """Tell whether `fit` has looked at the network."""
        return hasattr(self, "_n_features_out")

    def __sklearn_tags__(self):
        """Say that clips of any form are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        tags.requires_fit = True
        return tags
