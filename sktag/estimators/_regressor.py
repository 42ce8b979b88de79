"""What the regressors share: numbers in, numbers out."""

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_array, column_or_1d

from sktag._compat import StrOptions, _fit_context
from sktag.estimators._parameters import (
    CHUNK_CONSTRAINTS,
    NETWORK_CONSTRAINTS,
    TRAINING_CONSTRAINTS,
)
from sktag.estimators._parts import Validation
from sktag.estimators._tagger import BaseTagger
from sktag.estimators._targets import LOSSES, ValueTargets


class BaseRegressor(RegressorMixin, BaseTagger):
    """Base class of the regressors: fit, answers, and what y may be."""

    _parameter_constraints: dict = {
        **NETWORK_CONSTRAINTS,
        **CHUNK_CONSTRAINTS,
        **TRAINING_CONSTRAINTS,
        "loss": [StrOptions(set(LOSSES))],
    }

    def _check_y(self, y):
        if y is None:
            raise ValueError(
                "fit requires y to be passed, but the target y is None: give a number "
                "or a row of numbers for each clip."
            )
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        return column_or_1d(y, warn=True) if y.ndim < 2 or y.shape[1] == 1 else y

    def _make_targets(self, y, train, classes):
        return ValueTargets(y[train], self.loss)

    def _update_targets(self):
        self._targets.loss_name = self.loss

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
        y : array of shape (n_clips,) or (n_clips, n_outputs)
            Numbers; they are standardised for the training, by mean and scale of the
            clips that are trained on.
        sample_weight : array of shape (n_clips,), optional
            Weights of the clips; they are scaled to a mean of 1.
        X_val : paths, ClipArray or array, optional
            Clips to validate on, in place of a share of X: watched in `history_`, and
            with `early_stopping` what ends the training. Raw paths or clips pass
            through the steps that the clips of X went through, but for what is random
            in them. Where X is an array, X_val must have gone through the Pipeline's
            steps already: give paths or clips, or set ``transform_input=["X_val"]``.
        y_val : array of shape (n_val_clips,) or (n_val_clips, n_outputs), optional
            Numbers of X_val.
        sample_weight_val : array of shape (n_val_clips,), optional
            Weights of the clips of X_val in the validation loss.
        groups : array of shape (n_clips,), optional
            Clips of a group (a recording, an artist) stay on one side where clips of X
            are kept apart for validation: with `early_stopping` or "staged".

        Returns
        -------
        self : object
            The fitted regressor.

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
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one more epoch.

        Parameters
        ----------
        X : ClipArray or array
            Clips, of the kind that the network takes.
        y : array of shape (n_clips,) or (n_clips, n_outputs)
            Numbers; mean and scale are those of the first call.
        sample_weight : array of shape (n_clips,), optional
            Weights of the clips; they are scaled to a mean of 1.

        Returns
        -------
        self : object
            The regressor.
        """
        return self._fit(X, y, sample_weight, partial=True)

    def predict(self, X):
        """Predict the numbers of each clip.

        Parameters
        ----------
        X : ClipArray or array
            Clips, as for `fit`. Their length may differ, but for arrays of waveforms,
            which have `n_features_in_` samples.

        Returns
        -------
        ndarray of shape (n_clips,) or (n_clips, n_outputs)
            Numbers, in the unit of y. Those of chunks are put together by `aggregate`.
        """
        outputs = self._clip_outputs(X)
        return self._targets.predict(outputs)

    def __sklearn_tags__(self):
        """Say that 3-D arrays and several numbers a clip are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = self._takes == "spectrogram"
        tags.target_tags.multi_output = True
        return tags
