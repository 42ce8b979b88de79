"""Convolutional network over both axes of spectrograms, as a classifier."""

from sktag.estimators._classifier import BaseClassifier
from sktag.estimators._parameters import NETWORK_CONSTRAINTS
from sktag.nets import ARCHITECTURES, build_cnn2d


class CNN2DMixin:
    """The networks of CNN2DClassifier and CNN2DRegressor: over both axes."""

    _architecture_params = tuple(NETWORK_CONSTRAINTS)
    _architectures = ARCHITECTURES["cnn2d"]
    _build_network = staticmethod(build_cnn2d)


class CNN2DClassifier(CNN2DMixin, BaseClassifier):
    """Convolutional network over both axes of spectrograms, for classes or tags.

    Labels make a softmax classifier, an indicator matrix of tags a sigmoid for each
    tag. The default network is a compact one in the manner of VGG that trains well
    on a few hundred clips.

    Parameters
    ----------
    architecture : str, default="compact"
        The network: "compact", "fcn4" to "fcn7", "music_tagger_cnn",
        "short_chunk", "short_chunk_res" or "musicnn".
        The parameters from here to `weight_init` change it; None leaves the
        architecture's own value, and one that it has no use for is an error.
    n_filters : int > 0 or sequence of int, default=None
        Filters of each block; a number holds for all.
    kernel_size : int > 0 or (int, int), default=None
        Length of the convolutions, in (bins, frames).
    pool_size : int > 0, (int, int) or sequence of (int, int), default=None
        Of the poolings, in (bins, frames).
    pooling : {"max", "avg", "std"}, default=None
        Kind of pooling: maximum, average or standard deviation.
    n_blocks : int > 0, default=None
        Number of blocks.
    batch_norm : bool, default=None
        Whether convolutions are followed by batch normalisation, which needs two clips
        or chunks to train on.
    dropout : float in [0, 1), default=None
        Share of the features dropped before the output.
    activation : {"relu", "leaky_relu", "elu", "gelu", "silu"}, default=None
        After each convolution.
    weight_init : str, default=None
        "he_uniform", "he_normal", "xavier_uniform", "xavier_normal", "lecun_normal",
        "orthogonal", or "default" for torch's own.
    chunk_size : int > 0, "auto" or None, default="auto"
        Length of the chunks that a clip is cut into, in frames; "auto" takes the
        published one of the architecture, None whole clips. A clip shorter than a
        chunk is used whole.
    train_chunks : {"random", "all"}, default="random"
        One chunk a clip and epoch, drawn anew and never from padding; or all.
    n_chunks : int > 0, default=None
        Chunks a clip in predictions and validation, and in training with
        ``train_chunks="all"``. None takes the length over `chunk_size`, rounded up. A
        clip no longer than a chunk is one chunk in any case.
    chunk_layout : {"even", "won2020"}, default="even"
        Where they are: from the first frame to the last, which covers the clip with the
        default `n_chunks`; or as in the code of Won et al. (2020), where the last does
        not reach the end.
    aggregate : {"mean", "max", "median"}, default="mean"
        How the probabilities of chunks are put together.
    optimizer : {"adamw", "adam", "sgd", "rmsprop"} or class, default="adamw"
        Optimizer, or a class of ``torch.optim``. "sgd" has Nesterov momentum of 0.9.
        Further parameters go to `net_params`, as ``optimizer__momentum``.
    lr : float > 0, default=1e-3
        Learning rate; with "one_cycle" the highest.
    lr_schedule : {"one_cycle", "cosine", "step", "plateau", "staged"} or None, \
            default="one_cycle"
        "one_cycle" rises to `lr` and falls to nothing over all steps (Smith and Topin,
        2018); "cosine" falls (Loshchilov and Hutter, 2017); "step" multiplies by 0.1
        every 30 epochs; "plateau" by 0.2 where the loss has not fallen for a third of
        `n_iter_no_change` epochs; "staged" goes through `stages`; None keeps `lr`.
    weight_decay : float >= 0, default=1e-2
        Decay of the weights; biases and batch norm have none. 0 for an optimizer that
        knows none.
    max_epochs : int > 0, default=50
        Number of epochs.
    batch_size : int > 0, default=16
        Clips, or chunks, of a step. Batches are made of even size, so that none is a
        single one.
    early_stopping : bool, default=False
        Whether to stop when `monitor` has not improved for `n_iter_no_change` epochs
        on clips that are kept apart, or on `X_val` of `fit`, and to go back to the best
        epoch's weights.
    validation_fraction : float in (0, 1), default=0.1
        Share of the clips kept apart. Each class or tag keeps its share, and one of
        two clips or more has some on both sides, as far as that is possible.
    n_iter_no_change : int > 0, default=10
        Epochs to wait for an improvement.
    monitor : str, default="loss"
        "loss", or the name of a scorer of scikit-learn ("roc_auc", ...). "roc_auc" of
        several classes is the mean of each against the rest; "roc_auc" and
        "average_precision" of tags are means over those that some of the clips kept
        apart have and some have not.
    mixup_alpha : float >= 0, default=0
        Of mixup (Zhang et al., ICLR 2018): clips of a step are blended with others of
        the batch, and so are their losses, by a share that is drawn for each step from
        Beta(`mixup_alpha`, `mixup_alpha`). 0 blends none.
    cutmix_alpha : float >= 0, default=0
        Of CutMix (Yun et al., ICCV 2019), on the time axis: a stretch of a clip is
        taken from another of the batch, and the losses are blended by the share that is
        kept, drawn from Beta(`cutmix_alpha`, `cutmix_alpha`). With `mixup_alpha` too, a
        step does either, with equal chances.
    label_smoothing : float in [0, 1), default=0
        Share of a label that is spread evenly over all classes (Szegedy et al., CVPR
        2016); it draws tags from 0 and 1 towards 1/2. In training only: the validation
        loss is without.
    gradient_clip : float > 0, default=None
        Largest norm of the gradient.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes. "balanced" is inverse to their frequencies; for tags,
        the weight of each tag's positives is negatives over positives. A dict is by
        label, or by column of the tags; what it lacks has weight 1.
    stages : list of tuple, default=None
        Of "staged": (optimizer, lr) or (optimizer, lr, epochs) of each stage, in place
        of `optimizer` and `lr`, as ``[("adam", 1e-4, 80), ("sgd", 1e-3)]``. A stage
        ends after its epochs (Won et al., 2020), or, where it has none, when `monitor`
        has not improved for `n_iter_no_change` epochs (Lee et al., 2017); the next
        begins with the best weights so far and a new optimizer. `max_epochs` bounds
        all stages together, and the best weights are kept. Clips are kept apart for it,
        unless `X_val` is given to `fit`; `early_stopping` adds nothing to it, and
        `partial_fit` has no stages.
    metrics : list of str, default=None
        Names of scorers of scikit-learn, computed at each epoch on the clips that are
        kept apart or given as `X_val`, for `history_`.
    checkpoint : str or path-like, default=None
        Folder in which `fit` saves each epoch, in a file for each fit. One that was
        killed and is called again, with the same parameters and clips, goes on where
        it was and ends in the same weights; one that was finished has them at once.
        Where `random_state` is None, the file has the seed. What `callbacks` know is
        not saved, but for skorch's EarlyStopping. `partial_fit` saves nothing.
    device : str, default="auto"
        "auto" takes CUDA where there is one, else the CPU.
    amp : bool or "auto", default="auto"
        Whether to train in bfloat16 where that is safe; "auto" on CUDA devices that
        are quick at it.
    n_threads : int > 0, default=None
        Files decoded at a time; by default what RawWave says, or one a core.
    cache_bytes : int >= 0, default=1073741824
        Memory for computed spectrograms during `fit`, in bytes, on the device where
        it has room. Where they exceed it, they are computed anew in each epoch.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights and epochs of the last `fit`. The
        network's parameters and `chunk_size` must then stay as they are.
    random_state : int, RandomState or None, default=None
        Seed of weights, order, dropout and split. With a number, results are the same
        to the bit on one device at one number of torch threads.
    verbose : int, default=0
        1 prints a line an epoch and says what is cached.
    callbacks : list, default=None
        Callbacks of skorch, or (name, callback); copies of them are called, which
        share their parameters, such as the writer of TensorBoard's. One that cannot
        be copied or pickled itself is for `fit` alone, not for a search.
    net_params : dict, default=None
        Further parameters of :class:`skorch.NeuralNet`; ``optimizer__...`` may also be
        set by `set_params` and searched over. None that is a parameter here too.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,), or (n_tags, 2)
        The labels; for tags 0 and 1 for each tag, which scikit-learn's scorers take.
    tag_names_ : ndarray of shape (n_tags,)
        Columns of y, if it was a DataFrame of tags.
    module_ : torch.nn.Module
        The network: maps (n_clips, n_bins, n_frames) to logits.
    net_ : skorch.NeuralNet
        The net that trained it.
    architecture_ : str
        The architecture, and what was shrunk for a short input.
    n_parameters_ : int
        Number of trained parameters.
    history_ : list of dict
        One an epoch: "epoch", "train_loss", "valid_loss", scores, "lr", "seconds";
        "stage" with "staged".
    n_iter_ : int
        Number of epochs trained.
    best_epoch_ : int
        Epoch whose weights are kept: the last, or with early stopping or stages the
        best.
    sr_ : float or None
        Sample rate of the clips seen in `fit`, in Hz.
    n_features_in_ : int
        Number of bins seen in `fit`, if it was given an array.

    See Also
    --------
    MelSpectrogram : Makes spectrograms.
    Standardizer : Brings them to the scale a network is made for.

    Notes
    -----
    A bare 2-D array is taken as (n_clips, n_bins), one frame a clip. Fewer than 300
    steps give a warning; under 100, the statistics of batch norm are estimated anew
    in one clean pass at the end. Ctrl-C keeps what was learned and is raised again.

    For tags, `score` is the share of clips with all tags right, which is low by nature;
    ``scoring="roc_auc"`` and "average_precision" tell more.

    References
    ----------
    Simonyan, Zisserman, "Very deep convolutional networks for large-scale image
    recognition", ICLR 2015 ("compact").

    Choi, Fazekas, Sandler, "Automatic tagging using deep convolutional neural
    networks", ISMIR 2016 ("fcn4" and its like).

    Won, Ferraro, Bogdanov, Serra, "Evaluation of CNN-based automatic music tagging
    models", SMC 2020 ("short_chunk", "short_chunk_res", "music_tagger_cnn").

    Pons, Serra, "musicnn: pre-trained convolutional neural networks for music audio
    tagging", ISMIR late-breaking 2019 ("musicnn").

    Examples
    --------
    >>> import numpy as np
    >>> from sktag import CNN2DClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["low", "high"], 20)
    >>> X = rng.normal(size=(40, 16, 16))
    >>> X[20:, 8:] += 2  # more energy in the upper bins
    >>> clf = CNN2DClassifier(n_filters=(4, 8), max_epochs=100, random_state=0)
    >>> float(clf.fit(X, y).score(X, y))
    1.0
    """

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
