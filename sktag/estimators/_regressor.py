"""Base of the regressors: numbers in, numbers out."""

from sklearn.base import RegressorMixin

from sktag._compat import StrOptions, _fit_context
from sktag.estimators._base import BaseTagger
from sktag.estimators._inputs import Given
from sktag.estimators._parameters import (
    CHUNK_CONSTRAINTS,
    NETWORK_CONSTRAINTS,
    START_CONSTRAINTS,
    TRAINING_CONSTRAINTS,
)
from sktag.targets._checks import align_tags, check_length, check_values
from sktag.targets._losses import LOSSES, check_own_loss
from sktag.targets._values import ValueTargets


class BaseRegressor(RegressorMixin, BaseTagger):
    """Parameters, fit and predictions of the regressors."""

    _parameter_constraints: dict = {
        **NETWORK_CONSTRAINTS,
        **START_CONSTRAINTS,
        **CHUNK_CONSTRAINTS,
        **TRAINING_CONSTRAINTS,
        "loss": [StrOptions(set(LOSSES["values"])), callable],
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
        gradient_clip=None,
        loss="mse",
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
        self.gradient_clip = gradient_clip
        self.loss = loss
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
        return check_values(y)

    def _learn_targets(self, y, train, classes):
        vars(self).pop("_column_names", None)  # of an earlier fit
        return ValueTargets.learn(y[train])

    def _set_targets(self, targets, names):
        if names is not None:
            self._column_names = names

    def _targets_of(self, classes, tag_names, constants):
        if classes is not None or tag_names is not None:
            raise ValueError(
                f"{type(self).__name__} predicts numbers, not classes or tags: leave "
                "classes and tag_names out."
            )
        if not constants:
            raise ValueError(
                "these weights have no mean and scale of the numbers to predict, since "
                "they are not of a regressor: fit one with start_from=weights."
            )
        return ValueTargets.of(constants).configured(self.loss, None, None), None, None

    def _columns(self):
        return getattr(self, "_column_names", None)

    def _configure_targets(self, targets, codes):
        check_own_loss(self.loss)
        return targets.configured(self.loss, None, codes)

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
            Numbers; for the training they are standardised by the mean and scale of the
            training clips.
        sample_weight : array of shape (n_clips,), optional
            Weights of the clips; they are scaled to a mean of 1.
        X_val : paths, ClipArray or array, optional
            Validation clips, in place of held-out clips of X: their loss and scores are
            in `history_`, and `early_stopping` monitors them. Paths or clips pass
            through the fitted steps that X went through, without augmentation. If X is
            an array, X_val must be transformed already: give paths or clips, or set
            ``transform_input=["X_val"]`` of the Pipeline.
        y_val : array of shape (n_val_clips,) or (n_val_clips, n_outputs), optional
            Numbers of X_val. Columns of a DataFrame are matched by name.
        sample_weight_val : array of shape (n_val_clips,), optional
            Weights of the clips of X_val in the validation loss.
        groups : array of shape (n_clips,), optional
            Clips of a group (a recording, an artist) stay on one side of the split when
            clips are held out, by `early_stopping` or "staged".

        Returns
        -------
        self : object
            The fitted regressor.

        Raises
        ------
        ValueError
            If X, y or a parameter is invalid; the message names the remedy.
        FloatingPointError
            If the loss stops being finite.
        """
        given = Given(X_val, y_val, sample_weight_val, groups)
        return self._fit(X, y, sample_weight, given)

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
        return self._fit(X, y, sample_weight, Given(), partial=True)

    def predict(self, X):
        """Predict the numbers of each clip.

        Parameters
        ----------
        X : ClipArray or array
            Clips, as for `fit`, of any length; arrays of waveforms must have
            `n_features_in_` samples.

        Returns
        -------
        ndarray of shape (n_clips,) or (n_clips, n_outputs)
            Numbers, in the unit of y. Those of chunks are aggregated.
        """
        outputs = self._clip_outputs(X)
        return self._fitted.targets.predict(outputs)

    def score(self, X, y, sample_weight=None):
        """Compute the coefficient of determination, R2.

        Parameters
        ----------
        X : ClipArray or array
            Clips, as for `fit`, of any length; arrays of waveforms must have
            `n_features_in_` samples.
        y : array of shape (n_clips,) or (n_clips, n_outputs)
            The true numbers. Columns of a DataFrame are matched by name.
        sample_weight : array of shape (n_clips,), optional
            Weights of the clips.

        Returns
        -------
        float
            R2 of the predictions; of several numbers, the mean.
        """
        clips = self._known_clips(X)
        values = check_values(align_tags(y, self._columns()))
        check_length(values, len(clips))
        self._fitted.targets.check(values)
        return super().score(clips, values, sample_weight)

    def __sklearn_tags__(self):
        """Say that 3-D arrays and several numbers a clip are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = self._takes == "spectrogram"
        tags.target_tags.multi_output = True
        return tags
