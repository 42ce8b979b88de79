"""Base of the classifiers: labels and tags in, probabilities out."""

from numbers import Real

import numpy as np
from sklearn.base import ClassifierMixin

from sktag._compat import Interval, StrOptions, _check_sample_weight, _fit_context
from sktag.estimators._answers import stacked
from sktag.estimators._base import BaseTagger
from sktag.estimators._inputs import Given
from sktag.estimators._parameters import (
    CHUNK_CONSTRAINTS,
    NETWORK_CONSTRAINTS,
    START_CONSTRAINTS,
    TRAINING_CONSTRAINTS,
)
from sktag.targets._checks import (
    align_tags,
    check_any,
    check_classes,
    check_labels,
    check_length,
    warn_one_hot,
)
from sktag.targets._labels import ClassTargets
from sktag.targets._losses import LOSSES, check_own_loss
from sktag.targets._tags import TagTargets


class BaseClassifier(ClassifierMixin, BaseTagger):
    """Parameters, fit and predictions of the classifiers."""

    _parameter_constraints: dict = {
        **NETWORK_CONSTRAINTS,
        **START_CONSTRAINTS,
        **CHUNK_CONSTRAINTS,
        **TRAINING_CONSTRAINTS,
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "loss": [StrOptions(set(LOSSES["labels"])), callable],
    }

    def __init__(
        self,
        architecture="compact",
        *,
        n_filters=None,
        kernel_size=None,
        pool_size=None,
        pooling=None,
        n_blocks=None,
        batch_norm=None,
        dropout=None,
        activation=None,
        weight_init=None,
        start_from=None,
        freeze=None,
        body_lr=None,
        chunk_size="auto",
        train_chunks="random",
        n_chunks=None,
        chunk_layout="even",
        aggregate="mean",
        optimizer="adamw",
        lr=1e-3,
        lr_schedule="one_cycle",
        weight_decay=1e-2,
        max_epochs=50,
        batch_size=16,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        monitor="loss",
        mixup_alpha=0,
        cutmix_alpha=0,
        label_smoothing=0,
        gradient_clip=None,
        loss="cross_entropy",
        class_weight=None,
        stages=None,
        metrics=None,
        checkpoint=None,
        device="auto",
        amp="auto",
        n_threads=None,
        cache_bytes=2**30,
        warm_start=False,
        random_state=None,
        verbose=0,
        callbacks=None,
        net_params=None,
    ):
        self.architecture = architecture
        self.n_filters = n_filters
        self.kernel_size = kernel_size
        self.pool_size = pool_size
        self.pooling = pooling
        self.n_blocks = n_blocks
        self.batch_norm = batch_norm
        self.dropout = dropout
        self.activation = activation
        self.weight_init = weight_init
        self.start_from = start_from
        self.freeze = freeze
        self.body_lr = body_lr
        self.chunk_size = chunk_size
        self.train_chunks = train_chunks
        self.n_chunks = n_chunks
        self.chunk_layout = chunk_layout
        self.aggregate = aggregate
        self.optimizer = optimizer
        self.lr = lr
        self.lr_schedule = lr_schedule
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.monitor = monitor
        self.mixup_alpha = mixup_alpha
        self.cutmix_alpha = cutmix_alpha
        self.label_smoothing = label_smoothing
        self.gradient_clip = gradient_clip
        self.loss = loss
        self.class_weight = class_weight
        self.stages = stages
        self.metrics = metrics
        self.checkpoint = checkpoint
        self.device = device
        self.amp = amp
        self.n_threads = n_threads
        self.cache_bytes = cache_bytes
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose
        self.callbacks = callbacks
        self.net_params = net_params

    def _check_y(self, y):
        return check_labels(y)

    def _learn_targets(self, y, train, classes):
        if y.ndim == 2:
            warn_one_hot(y)
            return TagTargets(y.shape[1])
        return ClassTargets.learn(y, classes)

    def _configure_targets(self, targets, codes):
        # Weights of labels are weights of rows; those of tags are part of the loss.
        of_tags = self.class_weight if isinstance(targets, TagTargets) else None
        check_own_loss(
            self.loss, label_smoothing=self.label_smoothing, class_weight=of_tags
        )
        return targets.configured(self.loss, self.class_weight, codes)

    def _set_targets(self, targets, names):
        self.classes_ = targets.classes
        if names is not None and self.classes_.ndim == 2:
            self.tag_names_ = names

    def _targets_of(self, classes, tag_names, constants):
        if (classes is None) == (tag_names is None):
            raise ValueError(
                "give either classes=[...], of which each clip has one, or "
                "tag_names=[...], of which it may have several, in the order of the "
                "network's outputs."
            )
        if classes is None:
            names = np.asarray(list(tag_names), dtype=object)
            targets = TagTargets(len(names))
            return targets.configured(self.loss, None, None), names, None
        labels = check_labels(list(classes))
        targets = ClassTargets.learn(labels).configured(self.loss, None, None)
        if targets.n_outputs != len(labels):
            raise ValueError(f"classes={list(classes)!r} has a label twice.")
        return targets, None, np.argsort(labels)

    def _columns(self):
        return getattr(self, "tag_names_", None)

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
            Labels, all text or all numbers; or an indicator matrix of tags (array,
            sparse or DataFrame) of 0, 1 and, where a tag is not annotated, NaN. Such
            entries are left out of the loss, the class weights and the scores. With
            NaN, cross-validation of scikit-learn needs a splitter that does not look
            at y, such as ``cv=KFold(5)``.
        sample_weight : array of shape (n_clips,), optional
            Weights of the clips; they are scaled to a mean of 1.
        X_val : paths, ClipArray or array, optional
            Validation clips, in place of held-out clips of X: their loss and scores are
            in `history_`, and `early_stopping` monitors them. Paths or clips pass
            through the fitted steps that X went through, without augmentation. If X is
            an array, X_val must be transformed already: give paths or clips, or set
            ``transform_input=["X_val"]`` of the Pipeline.
        y_val : array of shape (n_val_clips,) or (n_val_clips, n_outputs), optional
            Labels or tags of X_val. Columns of a DataFrame are matched by name.
        sample_weight_val : array of shape (n_val_clips,), optional
            Weights of the clips of X_val in the validation loss.
        groups : array of shape (n_clips,), optional
            Clips of a group (a recording, an artist) stay on one side of the split when
            clips are held out, by `early_stopping` or "staged".

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        ValueError
            If X, y or a parameter is invalid; the message names the remedy.
        FloatingPointError
            If the loss stops being finite.
        """
        check_any(y)
        given = Given(X_val, y_val, sample_weight_val, groups)
        return self._fit(X, y, sample_weight, given)

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
            All labels, at the first call, if y lacks some. Later calls may repeat
            them.
        sample_weight : array of shape (n_clips,), optional
            Weights of the clips; they are scaled to a mean of 1.

        Returns
        -------
        self : object
            The classifier.

        Raises
        ------
        ValueError
            If y or `classes` has labels that are not those of the first call, or if
            `classes` is given with tags.
        """
        check_classes(y, classes, getattr(self, "classes_", None))
        return self._fit(X, y, sample_weight, Given(), partial=True, classes=classes)

    def predict(self, X):
        """Predict the label of each clip, or its tags.

        Parameters
        ----------
        X : ClipArray or array
            Clips, as for `fit`, of any length; arrays of waveforms must have
            `n_features_in_` samples.

        Returns
        -------
        ndarray of shape (n_clips,) or (n_clips, n_tags)
            Labels; or 1 where a tag's probability is above a half.
        """
        logits = self._clip_outputs(X)
        return self._fitted.targets.predict(logits)

    def score(self, X, y, sample_weight=None):
        """Compute the share of right labels, or of rows with all tags right.

        Parameters
        ----------
        X : ClipArray or array
            Clips, as for `fit`, of any length; arrays of waveforms must have
            `n_features_in_` samples.
        y : array of shape (n_clips,) or (n_clips, n_tags)
            The true labels or tags. Columns of a DataFrame are matched by name.
        sample_weight : array of shape (n_clips,), optional
            Weights of the clips.

        Returns
        -------
        float
            Accuracy; of tags the subset accuracy of the annotated entries, over the
            clips that have some.
        """
        clips = self._known_clips(X)
        labels = check_labels(align_tags(y, self._columns()))
        check_length(labels, len(clips))
        self._fitted.targets.check(labels)
        weights = _check_sample_weight(sample_weight, labels)
        if labels.ndim == 2:
            weights = weights * ~np.isnan(labels).all(axis=1)
        if not weights.any():
            raise ValueError(
                "all weights of clips are 0, or none of their tags is annotated: "
                "there is nothing to score."
            )
        right = self.predict(clips) == labels
        if labels.ndim == 2:
            right = (right | np.isnan(labels)).all(axis=1)
        return float(np.average(right, weights=weights))

    def predict_proba(self, X):
        """Predict the probability of each class, or of each tag.

        Parameters
        ----------
        X : ClipArray or array
            Clips, as for `fit`, of any length; arrays of waveforms must have
            `n_features_in_` samples.

        Returns
        -------
        ndarray of shape (n_clips, n_classes) or (n_clips, n_tags)
            Probabilities; rows sum to 1 for classes. Those of chunks are aggregated.
        """
        logits = self._clip_outputs(X)
        return self._fitted.targets.probabilities(logits)

    def decision_function(self, X):
        """Compute scores that rank as the probabilities do.

        Parameters
        ----------
        X : ClipArray or array
            Clips, as for `fit`, of any length; arrays of waveforms must have
            `n_features_in_` samples.

        Returns
        -------
        ndarray of shape (n_clips,), (n_clips, n_classes) or (n_clips, n_tags)
            Logits; for two classes, the second logit minus the first.
        """
        logits = self._clip_outputs(X)
        return self._fitted.targets.decisions(logits)

    def predict_taggram(self, X, hop=None, return_times=False):
        """Predict the probabilities of each window: tags over time.

        Parameters
        ----------
        X : ClipArray or array
            Clips, as for `fit`, of any length; arrays of waveforms must have
            `n_features_in_` samples.
        hop : float > 0, optional
            Seconds from one window to the next; the last window ends with the clip. By
            default windows are those that `predict_proba` aggregates.
        return_times : bool, default=False
            Whether to return the middle of each window as well.

        Returns
        -------
        taggram : list of ndarray of shape (n_windows, n_classes)
            Probabilities for each clip; an array of shape (n_clips, n_windows,
            n_classes) where all clips have as many windows. A clip that is not longer
            than those of training, or than their chunks, is one window.
        times : list of ndarray of shape (n_windows,)
            In seconds, only with `return_times`; an array (n_clips, n_windows) where
            all clips have as many windows.

        Raises
        ------
        ValueError
            If `hop` is not a positive number; or, with `hop` or `return_times`, if the
            sample rate or the hop of the clips is not known.
        """
        clips = self._known_clips(X)
        rate = None
        if return_times or hop is not None:
            rate = self._column_rate(clips)
        if hop is not None:
            if not 0 < hop < np.inf:
                raise ValueError(
                    f"hop={hop!r} must be a positive number of seconds, or None."
                )
            hop = max(1, round(hop * rate))
        found = self._taggram(clips, hop=hop)
        if not found:
            nothing = np.empty((0, 1, self._fitted.targets.n_outputs))
            return (nothing, nothing[..., 0]) if return_times else nothing
        taggram = stacked([outputs for _, outputs in found])
        if not return_times:
            return taggram
        width = min(self._fitted.window, clips.shape[-1])
        return taggram, stacked([(starts + width / 2) / rate for starts, _ in found])

    def __sklearn_tags__(self):
        """Say that 3-D arrays and tags are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = self._takes == "spectrogram"
        tags.classifier_tags.multi_label = True
        return tags
