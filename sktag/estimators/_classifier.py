"""What the classifiers share: labels and tags in, probabilities out."""

from numbers import Real

from sklearn.base import ClassifierMixin

from sktag._compat import Interval, StrOptions, _fit_context
from sktag.estimators._labels import check_y, tag_names
from sktag.estimators._parameters import (
    CHUNK_CONSTRAINTS,
    NETWORK_CONSTRAINTS,
    TRAINING_CONSTRAINTS,
)
from sktag.estimators._parts import Validation
from sktag.estimators._tagger import BaseTagger
from sktag.estimators._targets import make_targets


class BaseClassifier(ClassifierMixin, BaseTagger):
    """Base class of the classifiers: fit, answers, and what y may be."""

    _parameter_constraints: dict = {
        **NETWORK_CONSTRAINTS,
        **CHUNK_CONSTRAINTS,
        **TRAINING_CONSTRAINTS,
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def _check_y(self, y):
        return check_y(y)

    def _make_targets(self, y, train, classes):
        return make_targets(y, self.class_weight, classes)

    def _update_targets(self):
        self._targets.class_weight = self.class_weight

    def _set_targets(self, y):
        self.classes_ = self._targets.classes
        names = tag_names(y)
        if names is not None and self.classes_.ndim == 2:
            self.tag_names_ = names

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
        groups=None,
    ):
        """Train the network.

        Parameters
        ----------
        X : ClipArray or array
            Clips, of the kind that the network takes.
        y : array of shape (n_clips,) or (n_clips, n_tags)
            Labels of any type, or an indicator matrix of tags (array, sparse or
            DataFrame).
        sample_weight : array of shape (n_clips,), optional
            Weights of the clips; they are scaled to a mean of 1.
        X_val : paths, ClipArray or array, optional
            Clips to validate on, in place of a share of X: watched in `history_`, and
            with `early_stopping` what ends the training. Raw paths or clips pass
            through the steps that the clips of X went through, but for what is random
            in them. Where X is an array, X_val must have gone through the Pipeline's
            steps already: give paths or clips, or set ``transform_input=["X_val"]``.
        y_val : array of shape (n_val_clips,) or (n_val_clips, n_outputs), optional
            Labels or tags of X_val.
        sample_weight_val : array of shape (n_val_clips,), optional
            Weights of the clips of X_val in the validation loss.
        groups : array of shape (n_clips,), optional
            Clips of a group (a recording, an artist) stay on one side where clips of X
            are kept apart for validation: with `early_stopping` or "staged".

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        ValueError
            If X, y or a parameter is not what it must be; the message says how to
            mend it.
        FloatingPointError
            If the loss stops being finite.
        """
        validation = Validation(X_val, y_val, sample_weight_val, groups)
        return self._fit(X, y, sample_weight, validation=validation)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one more epoch.

        Parameters
        ----------
        X : ClipArray or array
            Clips, of the kind that the network takes.
        y : array of shape (n_clips,) or (n_clips, n_tags)
            Labels, or an indicator matrix of tags.
        classes : array of shape (n_classes,), optional
            All labels, at the first call, if y lacks some.
        sample_weight : array of shape (n_clips,), optional
            Weights of the clips; they are scaled to a mean of 1.

        Returns
        -------
        self : object
            The classifier.
        """
        return self._fit(X, y, sample_weight, partial=True, classes=classes)

    def predict(self, X):
        """Predict the label of each clip, or its tags.

        Parameters
        ----------
        X : ClipArray or array
            Clips, as for `fit`. Their length may differ, but for arrays of waveforms,
            which have `n_features_in_` samples.

        Returns
        -------
        ndarray of shape (n_clips,) or (n_clips, n_tags)
            Labels; or 1 where a tag's probability is above a half.
        """
        logits = self._clip_outputs(X)
        return self._targets.predict(logits)

    def predict_proba(self, X):
        """Predict the probability of each class, or of each tag.

        Parameters
        ----------
        X : ClipArray or array
            Clips, as for `fit`. Their length may differ, but for arrays of waveforms,
            which have `n_features_in_` samples.

        Returns
        -------
        ndarray of shape (n_clips, n_classes) or (n_clips, n_tags)
            Probabilities; rows sum to 1 for classes. Those of chunks are put together
            by `aggregate`.
        """
        logits = self._clip_outputs(X)
        return self._targets.probabilities(logits)

    def decision_function(self, X):
        """Compute scores that rank as the probabilities do.

        Parameters
        ----------
        X : ClipArray or array
            Clips, as for `fit`. Their length may differ, but for arrays of waveforms,
            which have `n_features_in_` samples.

        Returns
        -------
        ndarray of shape (n_clips,), (n_clips, n_classes) or (n_clips, n_tags)
            Logits; for two classes the second's less the first's.
        """
        logits = self._clip_outputs(X)
        return self._targets.decisions(logits)

    def predict_taggram(self, X, return_times=False):
        """Predict the probabilities of each chunk: tags over time.

        Parameters
        ----------
        X : ClipArray or array
            Clips, as for `fit`. Their length may differ, but for arrays of waveforms,
            which have `n_features_in_` samples.
        return_times : bool, default=False
            Whether to return the middle of each chunk too.

        Returns
        -------
        taggram : ndarray of shape (n_clips, n_chunks, n_classes)
            Probabilities; one chunk where clips are taken whole.
        times : ndarray of shape (n_clips, n_chunks)
            In seconds, only with `return_times`.

        Raises
        ------
        ValueError
            If times are asked for, and the sample rate or hop is not known.
        """
        clips = self._known_clips(X)
        # Before the work, since they may be refused.
        times = self._chunk_times(clips) if return_times else None
        taggram = self._targets.probabilities(self._chunk_outputs(clips))
        return (taggram, times) if return_times else taggram

    def __sklearn_tags__(self):
        """Say that 3-D arrays and tags are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = self._takes == "spectrogram"
        tags.classifier_tags.multi_label = True
        return tags
