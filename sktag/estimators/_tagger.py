"""What all estimators share: the fit, the fitted state and its pickle.

scikit-learn outside, skorch inside: the public class is a plain scikit-learn estimator
that builds a private net in `fit`. What depends on the kind of network is in the
subclass: its parameters, `_build_network`, and the kind of clips it takes.
"""

import warnings

import numpy as np
import torch
from sklearn.base import is_classifier
from sklearn.utils import check_consistent_length

from sktag._compat import _check_sample_weight
from sktag.estimators._answers import AnswersMixin
from sktag.estimators._batch_norm import batch_norms, is_cold, refresh_batch_norm
from sktag.estimators._labels import align_tags
from sktag.estimators._loading import Batches
from sktag.estimators._optimizers import make_stages
from sktag.estimators._parameters import NetParams
from sktag.estimators._parts import Part, Validation, make_items
from sktag.estimators._pickling import PicklingMixin
from sktag.estimators._state import draw_seed, pick_device, reproducible, to_numpy
from sktag.estimators._summary import SummaryMixin
from sktag.estimators._validation import ValidationScores, check_scorers, split_rows

# Below this many steps a net is rarely trained to the end.
_FEW_STEPS = 300


class BaseTagger(SummaryMixin, AnswersMixin, PicklingMixin, NetParams):
    """Base class of the estimators.

    A subclass has the parameters of `TRAINING_CONSTRAINTS`, and sets the attributes.

    Attributes
    ----------
    _architecture_params : tuple of str
        Names of the parameters that `_build_network` takes.
    _architectures : dict of str to Published
        What the networks were published for, by name.
    _build_network : callable
        Returns a network and its name.
    _takes : {"wave", "spectrogram"}
        Kind of clips.
    """

    _architecture_params: tuple[str, ...] = ()
    _architectures: dict = {}
    _takes = "spectrogram"

    def _published(self):
        """Return what is published of the architecture: its input and chunk."""
        return self._architectures.get(self.architecture)

    def _is_shrunk(self, name):
        """Tell whether a network's name says that it was cut down for its input."""
        return name != self.architecture

    def _check_y(self, y):
        """Return y as an array."""
        raise NotImplementedError

    def _make_targets(self, y, train, classes):
        """Return what turns y into targets, and outputs into answers."""
        raise NotImplementedError

    def _update_targets(self):
        """Let targets of an earlier fit take the parameters as they are now."""
        raise NotImplementedError

    def _set_targets(self, y):
        """Set the fitted attributes that tell of y."""

    # ------------------------------------------------------------------ fit

    def _fit(
        self, X, y, sample_weight, *, validation=None, partial=False, classes=None
    ):
        """Train, from the start or on from where it was; `partial` is one epoch."""
        validation = validation or Validation()
        fresh = not (hasattr(self, "module_") and (partial or self.warm_start))
        check_scorers(self.monitor, self.metrics)
        stages = None if partial else make_stages(self)
        if stages:
            self._warn_unreached(stages)
        if fresh:
            clips = self._as_clips(X, reset=True)
        else:
            self._check_unchanged()
            clips = self._known_clips(X)
            y = align_tags(y, getattr(self, "tag_names_", None))
        y_checked = self._check_y(y)
        check_consistent_length(clips, y_checked)
        if fresh:
            self._forget()
            self._seed = draw_seed(self.random_state)
            self._chunk = self._choose_chunk(clips.shape[-1])
        validation.check(self, clips, y)
        checkpoint = None
        if self.checkpoint is not None and not partial:
            data = [clips, y_checked, sample_weight, *validation.identity]
            checkpoint = self._open_checkpoint(data, fresh)
        is_split = stages or (self.early_stopping and not partial)
        rows = self._split(y_checked, validation) if is_split else None
        if rows is None and validation.groups is not None:
            warnings.warn(
                "groups is not used: no clips of X are kept apart. Set "
                "early_stopping=True, without X_val, or leave groups out.",
                stacklevel=4,
            )
        train, valid, y_valid = self._make_parts(
            clips, y_checked, sample_weight, validation, rows, fresh, classes
        )
        score = None if partial else self._make_score(y_valid)
        device = pick_device(self.device)
        with reproducible(device, self._seed):
            if fresh:
                module, name = self._make_module(clips.shape)
            else:
                module, name = self.module_, self.architecture_
            module.to(device, memory_format=torch.channels_last)
            if valid is not None:
                self._check_length(valid.clips, module)
            is_done = checkpoint is not None and checkpoint.is_finished
            sets = make_items(self, train, valid, None if is_done else device)
            self._check_batch_norm(module, len(sets[0]), len(clips))
            net, interrupt = self._train(
                module, device, sets, score, checkpoint, fresh=fresh, partial=partial
            )
        self._set_fitted(net, name, clips, y)
        if interrupt is not None:
            raise interrupt
        return self

    def _split(self, y, validation):
        """Return the rows to train on and to validate on, unless others are given."""
        if validation.clips is not None:
            return None
        return split_rows(
            y,
            self.validation_fraction,
            self._seed,
            stratify=is_classifier(self),
            groups=validation.groups,
        )

    def _make_parts(self, clips, y, sample_weight, validation, rows, fresh, classes):
        """Make the targets; return what to train and to validate on, and its labels."""
        train, valid = (np.arange(len(clips)), None) if rows is None else rows
        if fresh:
            self._targets = self._make_targets(y, train, classes)
        else:
            self._update_targets()
        codes = self._targets.encode(y)
        weights = self._weigh(sample_weight, codes, train)
        part = Part(clips, train, codes, weights)
        if validation.clips is not None:
            return part, validation.part(self), validation.labels
        if valid is None:
            return part, None, None
        return part, Part(clips, valid, codes, weights), y[valid]

    def _forget(self):
        """Drop the fitted attributes of an earlier fit."""
        of_X = {"n_features_in_", "feature_names_in_"}
        for name in set(vars(self)) - of_X:
            if name.endswith("_") and not name.startswith("_"):
                delattr(self, name)
        # Statistics of batch norm to train on from, where the network has others.
        self._running = None

    def _network_params(self):
        return {name: getattr(self, name) for name in self._architecture_params}

    def _check_unchanged(self):
        """Raise where a parameter is not what the network was built with."""
        built = {**self._network, "chunk_size": self._chunk_size}
        now = {**self._network_params(), "chunk_size": self.chunk_size}
        changed = [
            f"{name}={value!r} (was {built[name]!r})"
            for name, value in now.items()
            if not _is_same(value, built[name])
        ]
        if changed:
            raise ValueError(
                f"{type(self).__name__} cannot train on with {', '.join(changed)}: the "
                "network is built already. Set back what was changed, or start anew, "
                "with fit and warm_start=False."
            )

    def _weigh(self, sample_weight, codes, train):
        """Return the weight of each clip, of mean 1 over those to train on."""
        weights = _check_sample_weight(
            sample_weight, codes, dtype=np.float64, ensure_non_negative=True
        )
        self._targets.weigh(codes[train])
        weights = weights * self._targets.row_weights(codes)
        mean = weights[train].mean()
        if not mean > 0:
            raise ValueError(
                "the weights of all clips to train on are 0: sample_weight and "
                "class_weight must leave some."
            )
        return weights / mean

    def _make_score(self, y):
        """Return what scores the validation rows, if there are any."""
        if y is not None:
            return ValidationScores(
                self._targets, y, self.monitor, self.aggregate, self.metrics
            )
        if self.metrics:
            raise ValueError(
                f"metrics={self.metrics!r} are computed on clips kept apart, and there "
                "are none: set early_stopping=True, give X_val, or set metrics=None."
            )
        return None

    def _choose_chunk(self, length):
        """Return the columns of a chunk, or None for whole clips."""
        size = self.chunk_size
        if isinstance(size, str):
            published = self._published()
            size = None if published is None else published.chunk_size
        return None if size is None else min(int(size), length)

    def _make_module(self, shape):
        """Return a new network for clips of a shape, and its name."""
        length = self._chunk or shape[-1]
        self._chunk_size = self.chunk_size
        self._network = {
            "input_shape": (*map(int, shape[1:-1]), int(length)),
            "n_outputs": self._targets.n_outputs,
            **self._network_params(),
        }
        is_cut = length < shape[-1]
        try:
            module, name = self._build_network(**self._network)
        except ValueError as error:
            if is_cut:
                error.add_note(
                    f"The input is not a clip but a chunk of it, of {length}: see "
                    f"chunk_size={self.chunk_size!r}."
                )
            raise
        if self._is_shrunk(name):
            size = _size(self._network["input_shape"])
            what, remedy = f"an input of {size}", "Longer clips"
            if is_cut:
                what = f"a chunk of {size} (chunk_size={self.chunk_size!r})"
                remedy = "A larger chunk_size"
            warnings.warn(
                f"{what} is too short for {self.architecture!r}, which became "
                f"{name!r}. {remedy}, more bands or a smaller hop_length avoid it.",
                stacklevel=5,
            )
        return module, name

    def _check_batch_norm(self, module, n_items, n_clips):
        if n_items == 1 and batch_norms(module):
            raise ValueError(
                f"there is 1 sample to train on, of {n_clips} given, but batch "
                "normalisation needs two or more: give more clips, or set "
                "batch_norm=False."
            )

    def _open_checkpoint(self, data, fresh):
        """Return the checkpoint of a fit to data, and take its seed."""
        from sktag.estimators._checkpoint import open_checkpoint

        checkpoint = open_checkpoint(self, data, None if fresh else self.net_)
        self._seed = checkpoint.seed
        return checkpoint

    def _train(self, module, device, sets, score, checkpoint, *, fresh, partial):
        """Train; return the net, and Ctrl-C where it came after the first epoch.

        No attribute that tells of success is set here: a failed first fit leaves an
        unfitted estimator, and a failed continuation the weights that were there.
        """
        from sktag.estimators import _training

        n_batches = len(Batches(sets[0], self.batch_size, device, self._seed))
        if not partial:
            self._warn_few_steps(n_batches, fresh)
        n_epochs = 1 if partial else self.max_epochs
        net = _training.make_net(
            self,
            module,
            device,
            n_epochs,
            n_batches,
            valid=sets[1],
            score=score,
            checkpoint=checkpoint,
            partial=partial,
        )
        if not fresh:
            _training.take_up(net, self.net_)
        if checkpoint is not None and checkpoint.is_finished:
            self._running = _training.take_finished(net, checkpoint)
            return net, None
        interrupt = _training.train(net, sets[0], n_epochs, self._running)
        self._running = None
        try:
            if not partial and is_cold(net):
                self._running = to_numpy(dict(module.named_buffers()))
                refresh_batch_norm(net, sets[0])
            if checkpoint is not None and interrupt is None:
                checkpoint.save(net, is_finished=True, running=self._running)
        except KeyboardInterrupt as signal:
            interrupt = signal
        return net, interrupt

    def _warn_few_steps(self, n_batches, fresh):
        n_steps = n_batches * (self.max_epochs + (0 if fresh else self.n_iter_))
        if n_steps < _FEW_STEPS:
            warnings.warn(
                f"fit takes {n_steps} steps ({n_batches} an epoch, {self.max_epochs} "
                f"epochs); below {_FEW_STEPS} a network is rarely trained to the end: "
                f"max_epochs={-(-_FEW_STEPS // n_batches)}, or a smaller batch_size, "
                "would reach them.",
                stacklevel=6,
            )

    def _warn_unreached(self, stages):
        epochs = [stage.epochs for stage in stages[:-1]]
        if None not in epochs and sum(epochs) >= self.max_epochs:
            warnings.warn(
                f"max_epochs={self.max_epochs} ends the training before its last stage "
                f"begins, after {sum(epochs)} epochs: raise max_epochs, or shorten the "
                "stages.",
                stacklevel=5,
            )

    def _set_fitted(self, net, architecture, clips, y):
        """Set all that a training leaves, in one place: it is there, or nothing is."""
        self.net_, self.module_ = net, net.module_.eval()
        self.architecture_ = architecture
        self.n_parameters_ = sum(p.numel() for p in self.module_.parameters())
        if clips.sample_rate is not None or not hasattr(self, "sr_"):
            self.sr_ = clips.sample_rate
            self._hop_length = 1 if clips.kind == "wave" else clips.hop_length
        self._n_bins = clips.shape[1]
        self._set_targets(y)
        self.n_iter_ = self.best_epoch_ = len(net.history)
        for name, callback in net.callbacks_:
            if name in ("early_stopping", "stages"):
                self.best_epoch_ = getattr(callback, "best_epoch_", self.n_iter_)
        hidden = {"batches", "dur", "train_batch_count", "valid_batch_count"}
        self.history_ = [
            {k: v for k, v in row.items() if k not in hidden and k[-5:] != "_best"}
            | {"seconds": row["dur"]}
            for row in net.history
        ]
        if self.verbose and self.best_epoch_ < self.n_iter_:
            print(
                f"{type(self).__name__}: ended after epoch {self.n_iter_}, with the "
                f"weights of epoch {self.best_epoch_}"
            )

    def __sklearn_is_fitted__(self):
        """Tell whether there is a trained network."""
        return hasattr(self, "module_")


def _is_same(value, other):
    """Tell whether two values of a parameter are the same; a list is as a tuple."""
    return np.array_equal(
        np.asarray(value, dtype=object), np.asarray(other, dtype=object)
    )


def _size(shape):
    """Say how large a clip is."""
    if len(shape) == 1:
        return f"{shape[0]} samples"
    return f"{shape[0]} bins and {shape[1]} frames"
