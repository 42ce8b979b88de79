"""Base of all estimators: `fit`, and the fitted state.

scikit-learn outside, skorch inside: the public class is a plain scikit-learn estimator.
`fit` checks its arguments, decides everything about the training in a frozen plan, and
hands that to `sktag.training`, which knows no estimator.
"""

from dataclasses import replace

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from sktag._compat import place_in_search
from sktag._functions import code_of
from sktag._messages import warn
from sktag._torch import plain_torch, reproducible
from sktag.clips._inputs import as_clips, check_rate
from sktag.clips._report import one_report
from sktag.estimators._answers import AnswersMixin
from sktag.estimators._inputs import (
    FitData,
    check_bins,
    check_length,
    check_validation,
    make_parts,
    warn_of_lost_groups,
)
from sktag.estimators._network import (
    Fitted,
    NetworkMixin,
    build_network,
    check_architecture,
    place,
)
from sktag.estimators._parameters import NetParams
from sktag.estimators._pickling import PicklingMixin
from sktag.estimators._summary import SummaryMixin
from sktag.estimators._transfer import TransferMixin, count_trained
from sktag.targets._checks import align_tags, tag_names
from sktag.targets._scores import ValidationScores, make_metrics
from sktag.targets._splits import split_rows
from sktag.training._mixing import Mixing
from sktag.training._optimizers import make_stage, make_stages
from sktag.training._plan import FitPlan
from sktag.training._start import freeze_layers
from sktag.training._state import (
    draw_seed,
    pick_device,
    to_numpy,
    use_amp,
)

# Parameters that are no part of what a checkpoint is of. Callbacks that change the
# weights are the user's to keep; a warning says if their code changed.
_NOT_IN_CHECKPOINT_KEY = {
    "verbose",
    "n_threads",
    "cache_bytes",
    "device",
    "checkpoint",
    "callbacks",
}


class BaseTagger(
    SummaryMixin, AnswersMixin, TransferMixin, PicklingMixin, NetworkMixin, NetParams
):
    """Base class of the estimators.

    Attributes
    ----------
    _family : {"cnn1d", "cnn2d", "sample_cnn"}
        Which architectures the names stand for, set by the subclass.
    _takes : {"wave", "spectrogram"}
        Kind of clips, set by the subclass.
    _size_params : tuple of str
        Names of the parameters of named architectures, set by the subclass.
    """

    _family = ""
    _takes = "spectrogram"
    _size_params: tuple[str, ...] = ()

    def _check_y(self, y):
        """Return y as an array."""
        raise NotImplementedError

    def _learn_targets(self, y, train, classes):
        """Return new targets for checked y, of which the rows `train` are learned."""
        raise NotImplementedError

    def _configure_targets(self, targets, codes):
        """Return targets with the loss and the weights of the present parameters."""
        raise NotImplementedError

    def _set_targets(self, targets, names):
        """Set the fitted attributes that describe y, whose columns may have names."""

    def _targets_of(self, classes, tag_names, constants):
        """Return targets, names of columns, and the order of given outputs or None."""
        raise NotImplementedError

    def _columns(self):
        """Return the names of the columns of y in training, or None."""
        raise NotImplementedError

    # ------------------------------------------------------------------ fit

    @plain_torch()
    @one_report()
    def _fit(self, X, y, sample_weight, given, *, partial=False, classes=None):
        """Train from scratch, or continue; with `partial` for one epoch."""
        before = None
        if hasattr(self, "module_") and (partial or self.warm_start):
            before = self._fitted
            self._check_unchanged(before)
        monitor, metrics = make_metrics(self.monitor, self.metrics)
        options = self._plan_options(monitor, partial)
        if before is None:
            self._forget()
        data = self._check_data(X, y, sample_weight, given, before)
        window = (
            self._choose_window(data.clips.shape[-1])
            if before is None
            else before.window
        )
        data = data.widened(window)
        seed = draw_seed(self.random_state) if before is None else before.seed
        checkpoint = None
        if self.checkpoint is not None and not partial:
            checkpoint = self._open_checkpoint(data, seed, before)
            seed = checkpoint.seed
        holds_out = bool(options["stages"]) or options["early_stopping"]
        parts = self._make_parts(data, seed, holds_out, before, classes)
        score = None if partial else self._make_score(parts, monitor, metrics)
        alphas = self.mixup_alpha, self.cutmix_alpha
        device = pick_device(self.device)
        plan = FitPlan(
            seed=seed,
            device=device,
            amp=use_amp(self.amp, device),
            mixing=Mixing(*alphas, seed) if any(alphas) else None,
            targets=parts.targets,
            chunks=self._lay_out(window),
            **options,
        )
        trained, network, name, start = self._train(
            plan, data, parts, score, before, checkpoint
        )
        fitted = Fitted(
            network=network,
            chunk_size=self.chunk_size,
            window=window,
            targets=plan.targets,
            optimizer=plan.optimizer,
            seed=seed,
            n_bins=data.clips.shape[1],
            hop_length=1 if self._takes == "wave" else data.clips.hop_length,
            running=trained.running,
            start=start,
        )
        self._set_fitted(fitted, trained.net, name, data)
        if trained.interrupt is not None:
            raise trained.interrupt
        return self

    def _check_data(self, X, y, sample_weight, given, before):
        """Check the arguments of `fit`, of which only headers are read."""
        if before is None:
            clips = self._as_clips(X, reset=True)
        else:
            clips = self._known_clips(X)
            y = align_tags(y, self._columns())
        if not len(clips):
            raise ValueError("X has no clips: give at least one to train on.")
        labels = self._check_y(y)
        check_consistent_length(clips, labels)
        valid = check_validation(
            given,
            clips,
            y,
            check_y=self._check_y,
            as_clips=lambda X_val: self._as_clips(X_val, reset=False),
            name=type(self).__name__,
        )
        return FitData(clips, y, labels, sample_weight, valid, given.groups)

    def _open_checkpoint(self, data, seed, before):
        """Return the checkpoint of a fit to data."""
        from sktag.training._checkpoint import open_checkpoint

        params = self.get_params(deep=False)
        params = {k: v for k, v in params.items() if k not in _NOT_IN_CHECKPOINT_KEY}
        # The seed is left out: with random_state=None the file has it. A function is
        # hashed by its name: what it does must count too.
        identity = [params, code_of(*params.values()), data]
        if before is not None:
            identity.append([self.n_iter_, to_numpy(self.module_.state_dict())])
        return open_checkpoint(
            self.checkpoint,
            identity,
            label=type(self).__name__,
            seed=seed,
            verbose=self.verbose,
        )

    def _make_parts(self, data, seed, holds_out, before, classes):
        """Hold out validation rows, and encode all targets and weights."""
        rows = np.arange(len(data.clips)), None
        if holds_out and data.valid is None:
            rows = split_rows(
                data.labels,
                self.validation_fraction,
                seed,
                stratify=is_classifier(self),
                groups=data.groups,
            )
        elif data.groups is not None:
            warn(
                "groups is not used, because no clips of X are held out. Set "
                "early_stopping=True, without X_val, or leave groups out."
            )
        if holds_out and data.valid is None and data.groups is None:
            warn_of_lost_groups(type(self).__name__)
        if before is None:
            targets = self._learn_targets(data.labels, rows[0], classes)
        else:
            targets = before.targets
        codes = targets.encode(data.labels)
        targets = self._configure_targets(targets, codes[rows[0]])
        return make_parts(data, codes, targets, *rows)

    def _make_score(self, parts, monitor, metrics):
        """Return the scorer of the validation rows; None if there are none."""
        if parts.valid is not None:
            return ValidationScores(
                parts.targets, parts.valid_labels, monitor, self.aggregate, metrics
            )
        if metrics:
            raise ValueError(
                f"metrics={self.metrics!r} are computed on validation clips, and there "
                "are none: set early_stopping=True, give X_val, or set metrics=None."
            )
        return None

    def _train(self, plan, data, parts, score, before, checkpoint):
        """Build or continue the network, and train it.

        Nothing is set on the estimator: a failed first fit leaves it unfitted, a failed
        continuation with the weights it had.
        """
        from sktag.training._fit import Trained, train

        continued, shape = None, data.clips.shape
        with reproducible(plan.device, plan.seed):
            if before is None:
                network = self._spec(plan.chunks, shape, plan.targets.n_outputs)
                module, name = build_network(network, plan.device, shape[-1])
            else:
                network = before.network
                module, name = self.module_, self.architecture_
                continued = Trained(self.net_, before.running)
            place(module, plan.device)
            if parts.valid is not None:
                check_length(parts.valid.clips, module, plan.label)
            names = tag_names(data.y)
            start = self._choose_start(module, plan.targets, names, before, data.clips)
            frozen = () if before is None else before.start.frozen
            freeze_layers(module, start.frozen, frozen)
            try:
                trained = train(
                    replace(plan, start=start),
                    module,
                    parts.train,
                    parts.valid,
                    score,
                    before=continued,
                    checkpoint=checkpoint,
                )
            except BaseException:
                freeze_layers(module, frozen, start.frozen)
                raise
        return trained, network, name, start

    def _plan_options(self, monitor, partial):
        """Return the part of the plan that parameters alone decide, checked."""
        name = type(self).__name__
        check_architecture(self._family, self.architecture, self._sizes(), name)
        net_params = self._check_net_params()
        if self.callbacks:
            from sktag.training._callbacks import check_callbacks

            check_callbacks(self.callbacks, self.lr_schedule)
        stages = None
        if not partial:
            stages = make_stages(
                self.stages,
                self.lr_schedule,
                self.weight_decay,
                net_params,
                self.max_epochs,
            )
        if stages:
            optimizer = stages[0]
        else:
            optimizer = make_stage(
                self.optimizer, self.lr, self.weight_decay, net_params
            )
        return {
            "label": type(self).__name__,
            "batch_size": self.batch_size,
            "optimizer": optimizer,
            "stages": stages,
            "n_epochs": 1 if partial else self.max_epochs,
            "schedule": self.lr_schedule,
            "patience": self.n_iter_no_change,
            "monitor": monitor.name,
            "early_stopping": self.early_stopping and not partial,
            "label_smoothing": getattr(self, "label_smoothing", 0.0),
            "gradient_clip": self.gradient_clip,
            "train_chunks": self.train_chunks,
            "n_threads": self.n_threads,
            "cache_bytes": self.cache_bytes,
            "callbacks": tuple(self.callbacks or ()),
            "net_params": net_params,
            "is_partial": partial,
            "verbose": self.verbose,
            "place": place_in_search() if self.verbose else "",
        }

    def _as_clips(self, X, *, reset):
        """Return X as clips of the kind that the network takes."""
        known = not reset and hasattr(self, "module_")
        return as_clips(
            X,
            self,
            takes=self._takes,
            reset=reset,
            sample_rate=self.sr_ if known else None,
            hop_length=self._fitted.hop_length if known else None,
            two_d=self._takes,
        )

    def _known_clips(self, X):
        """Return X as clips such as the network was trained on."""
        check_is_fitted(self)
        name = type(self).__name__
        clips = self._as_clips(X, reset=False)
        check_rate(clips, self.sr_, name)
        check_bins(clips, self._fitted.n_bins, name)
        clips = clips.widened(self._fitted.window)
        if len(clips):
            check_length(clips, self.module_, name)
        return clips

    def _forget(self):
        """Drop the fitted attributes of an earlier fit, but for those of X."""
        of_X = {"n_features_in_", "feature_names_in_"}
        for name in set(vars(self)) - of_X:
            if name.endswith("_") and not name.startswith("_"):
                delattr(self, name)

    def _set_fitted(self, fitted, net, architecture, data):
        """Set all fitted attributes together, so that a failed fit leaves none."""
        rate = data.clips.sample_rate
        if rate is None and hasattr(self, "sr_"):
            # A continuation with arrays keeps the rate and hop that it knows.
            rate = self.sr_
            fitted = replace(fitted, hop_length=self._fitted.hop_length)
        self._fitted, self.sr_ = fitted, rate
        self.net_, self.module_ = net, net.module_.eval()
        self.architecture_ = architecture
        self.n_parameters_ = count_trained(self.module_)
        self._set_targets(fitted.targets, tag_names(data.y))
        self.n_iter_ = self.best_epoch_ = len(net.history)
        for name, callback in net.callbacks_:
            if name in ("early_stopping", "stages"):
                self.best_epoch_ = getattr(callback, "best_epoch_", self.n_iter_)
        self.history_ = [_shown(row) for row in net.history]
        if self.verbose and self.best_epoch_ < self.n_iter_:
            print(
                f"{type(self).__name__}: ended after epoch {self.n_iter_}, with the "
                f"weights of epoch {self.best_epoch_}"
            )

    def __sklearn_is_fitted__(self):
        """Tell whether there is a trained network."""
        return hasattr(self, "module_")


def _shown(row):
    """Return a row of skorch's history as a row of `history_`."""
    hidden = {"batches", "dur"}
    for prefix in ("train", "valid"):
        hidden |= {f"{prefix}_batch_count", f"{prefix}_loss_best"}
    kept = {k: v for k, v in row.items() if k not in hidden}
    return {**kept, "seconds": row["dur"]}
