"""Convolutional network on waveforms, as a classifier."""

from numbers import Integral, Real

from sktag._compat import Interval
from sktag.estimators._classifier import BaseClassifier
from sktag.estimators._parameters import NETWORK_CONSTRAINTS

CONSTRAINTS = {
    # "res2" and "rese2" take a pair.
    "dropout": [*NETWORK_CONSTRAINTS["dropout"], "array-like"],
    "m": [Interval(Integral, 2, None, closed="left"), None],
    "n": [Interval(Integral, 0, None, closed="left"), None],
    "multi_level": ["boolean", None],
    "se_ratio": [Interval(Real, 0, None, closed="neither"), None],
}


class SampleCNNMixin:
    """The networks of the classifier and the regressor: on waveforms."""

    _family = "sample_cnn"
    _takes = "wave"
    _size_params = tuple(
        name
        for name in {**NETWORK_CONSTRAINTS, **CONSTRAINTS}
        if name != "architecture"
    )


class SampleCNNClassifier(SampleCNNMixin, BaseClassifier):
    """Convolutional network on waveforms, for classes or tags.

    Labels make a softmax classifier, an indicator matrix of tags a sigmoid for each
    tag. Filters of a few samples, in many layers: no spectrogram is computed, and
    its parameters need not be chosen. "sample_cnn" with a large first stride (`m`,
    `n`) is a frame-level network.

    Parameters
    ----------
    architecture : str or callable, default="sample_cnn"
        The network: "sample_cnn", "basic", "se", "res1", "res2", "rese1", "rese2",
        "sample_cnn_won2020" or "sample_cnn_se_won2020". Or a function ``f(input_shape,
        n_outputs)``, a class or a partial, that returns a ``torch.nn.Module``: it maps
        (n_clips, n_samples) to (n_clips, n_outputs), and `input_shape` is (n_samples,).
        The parameters from here to `se_ratio` change a named architecture: None is its
        own value, and one that it does not use is an error. They must be None for a
        function.
    n_filters : int > 0 or sequence of int, default=None
        Filters of each block; a number holds for all.
    kernel_size : int > 0, default=None
        Length of the convolutions, in samples or steps.
    pool_size : int > 0, default=None
        Size of the poolings, in samples or steps.
    pooling : {"max", "avg", "std"}, default=None
        Kind of pooling: maximum, average or standard deviation.
    n_blocks : int > 0, default=None
        Number of blocks.
    batch_norm : bool, default=None
        Whether batch normalisation follows the convolutions. It needs two training
        clips or chunks.
    dropout : float in [0, 1) or (float, float), default=None
        Share of the features dropped before the output. "res2" and "rese2" drop some in
        their blocks too, and take two numbers: in the blocks, and before the output.
    activation : {"relu", "leaky_relu", "elu", "gelu", "silu"}, default=None
        Activation after each convolution.
    weight_init : str, default=None
        "he_uniform", "he_normal", "xavier_uniform", "xavier_normal", "lecun_normal",
        "orthogonal", or "default" for torch's own.
    m : int > 1, default=None
        Length of the convolutions and poolings of "sample_cnn", in samples; 3 by
        default.
    n : int >= 0, default=None
        Number of modules of "sample_cnn". By default the largest for which m^(n + 1)
        exceeds neither the input nor 78,125 samples: up to 9 for m = 3.
    multi_level : bool, default=None
        Whether the networks of 2018 pool their last three blocks side by side; True by
        default.
    se_ratio : float > 0, default=None
        Width of squeeze-and-excitation relative to the block; 0.125 by default.
    start_from : sktag.pretrained.Weights, default=None
        Weights to start from, such as `weights_` of a fitted estimator. Every layer
        whose name and shape fit is taken, the output layer only where the classes (or
        the names of tags) are the same; ``verbose=1`` says what was taken and what is
        new.
    freeze : "body" or list of str, default=None
        Layers that are not trained, and whose batch norms keep their statistics: "body"
        for all but the output layer, or names of layers, as `summary` lists them, with
        wildcards such as ``"blocks.*"``. It may change between calls of `fit` with
        `warm_start`.
    body_lr : float > 0, default=None
        Learning rate of the weights that were taken, as a share of `lr`; None for 1.
        With `warm_start` or `partial_fit`, these are the layers before the output.
    chunk_size : int > 0, "auto" or None, default="auto"
        Length of the chunks that clips are cut into, in frames, or in samples for
        networks on waveforms. "auto" is the published length of the architecture, or
        whole clips if it has none; None is whole clips. A clip shorter than a chunk is
        used whole. A clip longer than those of training is predicted in windows of
        their length.
    train_chunks : {"random", "all"}, default="random"
        Train on one chunk per clip and epoch, drawn anew and never from padding, or on
        all.
    n_chunks : int > 0, default=None
        Chunks per clip in predictions and validation, and in training with
        ``train_chunks="all"``. By default as many as cover the clip.
    chunk_layout : {"even", "consecutive", "won2020"}, default="even"
        "even" spreads the chunks from the start of the clip to its end; "consecutive"
        puts one after the other and leaves the remainder out; "won2020" is the layout
        in the code of Won et al. (2020), whose last chunk ends before the clip does.
    aggregate : {"mean", "max", "median"}, default="mean"
        How chunk predictions are aggregated: probabilities of classifiers, numbers of
        regressors.
    optimizer : {"adamw", "adam", "sgd", "rmsprop"} or class, default="adamw"
        Optimizer, or a class of ``torch.optim``. "sgd" has Nesterov momentum of 0.9.
        Further parameters go to `net_params`, such as ``optimizer__momentum``.
    lr : float > 0, default=1e-3
        Learning rate; with "one_cycle" the highest.
    lr_schedule : {"one_cycle", "cosine", "step", "plateau", "staged"} or None, \
            default="one_cycle"
        "one_cycle" rises to `lr` and falls to zero over all steps (Smith and Topin,
        2018); "cosine" falls to zero (Loshchilov and Hutter, 2017); "step" multiplies
        by 0.1 every 30 epochs; "plateau" multiplies by 0.2 if the loss has not fallen
        for a third of `n_iter_no_change` epochs; "staged" follows `stages`; None keeps
        `lr`.
    weight_decay : float >= 0, default=1e-2
        Weight decay; biases and batch norm have none. Set 0 for an optimizer without
        weight decay.
    max_epochs : int > 0, default=50
        Number of epochs.
    batch_size : int > 0, default=16
        Largest number of clips, or chunks, per step. Batches are of even size: none has
        a single clip.
    early_stopping : bool, default=False
        Whether to stop when `monitor` has not improved for `n_iter_no_change` epochs on
        validation clips, and to restore the weights of the best epoch. The clips are
        held out from X unless `fit` is given `X_val`.
    validation_fraction : float in (0, 1), default=0.1
        Share of the clips that is held out. For classifiers each class or tag keeps its
        share, and those of two clips or more have some on both sides, as far as
        possible.
    n_iter_no_change : int > 0, default=10
        Epochs to wait for an improvement.
    monitor : str, scorer or callable, default="loss"
        "loss", the name of a scorer of scikit-learn, a scorer that
        :func:`sklearn.metrics.make_scorer` returns, or a function ``f(y_true,
        y_score)``, which gets what `predict_proba` returns (the second column for two
        classes) or, of regressors, `predict`. Scores are maximised. "roc_auc" of
        several classes is the mean of one against the rest; "roc_auc" and
        "average_precision" of tags are means over tags of which both values occur in
        the validation clips. Tags that are not annotated are left out; functions get
        NaN for them in y_true.
    mixup_alpha : float >= 0, default=0
        Mixup (Zhang et al., ICLR 2018): clips of a step are blended with others of the
        batch, and so are their losses, by a share drawn for each step from
        Beta(`mixup_alpha`, `mixup_alpha`). 0 turns it off.
    cutmix_alpha : float >= 0, default=0
        CutMix (Yun et al., ICCV 2019) on the time axis: a stretch of a clip is replaced
        by that of another of the batch, and the losses are blended by the share that is
        kept, drawn from Beta(`cutmix_alpha`, `cutmix_alpha`). With `mixup_alpha` too, a
        step does either, with equal chances.
    label_smoothing : float in [0, 1), default=0
        Share of a label that is spread evenly over all classes (Szegedy et al., CVPR
        2016); tags move from 0 and 1 towards 1/2. The validation loss is not smoothed.
    gradient_clip : float > 0, default=None
        Largest norm of the gradient.
    loss : {"cross_entropy", "focal"} or callable, default="cross_entropy"
        "cross_entropy", binary for tags; "focal" weights it by (1 - p)^2, where p is
        the probability of the right answer (Lin et al., ICCV 2017); or a function
        ``f(logits, targets)`` that returns a tensor of one loss per row. It gets logits
        (n, n_classes) and class indices (n,), or, for tags, logits and tags of 0 and 1,
        (n, n_tags).
        A tag that is not annotated reaches a function as 0 with a logit of -20 without
        gradient, of which the loss is nearly 0; the losses of rows are then scaled up
        to the mean over the annotated tags.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes. "balanced" is inverse to their frequencies; for tags,
        the weight of each tag's positives is negatives over positives. A dict is by
        label, or by column of the tags; missing keys have weight 1.
    stages : list of tuple, default=None
        Stages of "staged": (optimizer, lr) or (optimizer, lr, epochs) each, in place of
        `optimizer` and `lr`, for example ``[("adam", 1e-4, 80), ("sgd", 1e-3)]``. A
        stage ends after its epochs (Won et al., 2020), or, without a number, when
        `monitor` has not improved for `n_iter_no_change` epochs (Lee et al., 2017). The
        next starts from the best weights so far with a new optimizer. `max_epochs`
        limits all stages together, and the best weights are kept. Clips are held out as
        for `early_stopping`, which has no effect here. `partial_fit` has no stages.
    metrics : list, default=None
        Further scores for `history_`, computed at each epoch on the validation clips:
        names, scorers or functions, as for `monitor`.
    checkpoint : str or path-like, default=None
        Folder in which `fit` saves each epoch, in a file for each fit. A fit that was
        killed and is called again, with the same parameters, clips and functions of
        yours, resumes and ends with the same weights; one that was complete returns at
        once. With ``random_state=None`` the file has the seed. The state of `callbacks`
        is not saved, except for skorch's EarlyStopping; a warning says if their code
        changed. `partial_fit` saves nothing.
    device : str, default="auto"
        "auto" is CUDA if there is a GPU, else the CPU.
    amp : bool or "auto", default="auto"
        Whether to train in bfloat16 where that is safe; "auto" does on GPUs with
        hardware for it.
    n_threads : int > 0, default=None
        Files decoded at a time; by default as RawWave says, or one per core.
    cache_bytes : int >= 0, default=1073741824
        Memory for computed clips during `fit`, in bytes, on the device if it has room.
        Clips that exceed it are computed anew in each epoch.
    warm_start : bool, default=False
        Whether `fit` continues from the weights and epochs of the last `fit`. The
        parameters of the network and `chunk_size` must then stay as they are.
    random_state : int, RandomState or None, default=None
        Seed of weights, order, dropout and split. With an integer, results are
        bit-identical on one device with one number of torch threads.
    verbose : int, default=0
        1 prints a line per epoch, and what is cached.
    callbacks : list, default=None
        Callbacks of skorch, or (name, callback). Copies of them are called, which share
        their parameters, such as the writer of TensorBoard. A callback that cannot be
        copied or pickled works in `fit`, but not in a search.
    net_params : dict, default=None
        Further parameters of :class:`skorch.NeuralNet`; ``optimizer__...`` may also be
        set by `set_params` and searched over. It must not repeat a parameter of this
        class.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,), or (n_tags, 2)
        The labels; for tags 0 and 1 for each tag, which scikit-learn's scorers take.
    tag_names_ : ndarray of shape (n_tags,)
        Columns of y, if it was a DataFrame of tags.
    module_ : torch.nn.Module
        The network: maps (n_clips, n_samples) to logits.
    net_ : skorch.NeuralNet
        The net that trained it.
    architecture_ : str
        The architecture, followed by what was left out for a short input.
    n_parameters_ : int
        Number of parameters that are trained; frozen ones do not count.
    weights_ : sktag.pretrained.Weights
        The weights of the network, to keep or to start another fit from.
    history_ : list of dict
        One per epoch: "epoch", "train_loss", "valid_loss", scores, "lr", "seconds";
        "stage" with "staged".
    n_iter_ : int
        Number of epochs trained.
    best_epoch_ : int
        Epoch whose weights are kept: the last, or with early stopping or stages the
        best.
    sr_ : float or None
        Sample rate of the clips seen in `fit`, in Hz.
    n_features_in_ : int
        Number of samples seen in `fit`, if it was given an array.

    See Also
    --------
    RawWave : Reads waveforms.
    Standardizer : Scales them for a network.

    Notes
    -----
    Fewer than 300 steps give a warning; after fewer than 100, batch-norm statistics are
    re-estimated in one clean pass at the end. Ctrl-C keeps the training so far and
    is raised again.

    For tags, `score` is the share of clips whose tags are all right, a low number;
    ``scoring="roc_auc"`` and "average_precision" tell more.

    References
    ----------
    Lee, Park, Kim, Nam, "Sample-level deep convolutional neural networks for music
    auto-tagging using raw waveforms", SMC 2017 ("sample_cnn").

    Kim, Lee, Nam, "Sample-level CNN architectures for music auto-tagging using raw
    waveforms", ICASSP 2018 (the others).

    Examples
    --------
    >>> import numpy as np
    >>> from sktag import SampleCNNClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["hum", "hiss"], 20)
    >>> X = rng.normal(size=(40, 243))
    >>> X[:20] = np.sin(0.3 * np.arange(243) + rng.uniform(0, 6, (20, 1)))
    >>> clf = SampleCNNClassifier(n_filters=8, max_epochs=100, random_state=0)
    >>> float(clf.fit(X, y).score(X, y))
    1.0
    """

    _parameter_constraints: dict = {
        **BaseClassifier._parameter_constraints,
        **CONSTRAINTS,
    }

    def __init__(
        self,
        architecture="sample_cnn",
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
        m=None,
        n=None,
        multi_level=None,
        se_ratio=None,
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
        super().__init__(
            architecture,
            n_filters=n_filters,
            kernel_size=kernel_size,
            pool_size=pool_size,
            pooling=pooling,
            n_blocks=n_blocks,
            batch_norm=batch_norm,
            dropout=dropout,
            activation=activation,
            weight_init=weight_init,
            start_from=start_from,
            freeze=freeze,
            body_lr=body_lr,
            chunk_size=chunk_size,
            train_chunks=train_chunks,
            n_chunks=n_chunks,
            chunk_layout=chunk_layout,
            aggregate=aggregate,
            optimizer=optimizer,
            lr=lr,
            lr_schedule=lr_schedule,
            weight_decay=weight_decay,
            max_epochs=max_epochs,
            batch_size=batch_size,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            monitor=monitor,
            mixup_alpha=mixup_alpha,
            cutmix_alpha=cutmix_alpha,
            label_smoothing=label_smoothing,
            gradient_clip=gradient_clip,
            loss=loss,
            class_weight=class_weight,
            stages=stages,
            metrics=metrics,
            checkpoint=checkpoint,
            device=device,
            amp=amp,
            n_threads=n_threads,
            cache_bytes=cache_bytes,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
            callbacks=callbacks,
            net_params=net_params,
        )
        self.m = m
        self.n = n
        self.multi_level = multi_level
        self.se_ratio = se_ratio
