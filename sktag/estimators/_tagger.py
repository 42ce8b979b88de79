"""What all estimators share: the fit, the answers, the fitted state and its pickle.

scikit-learn outside, skorch inside: the public class is a plain scikit-learn estimator
that builds a private net in `fit`. What depends on the kind of network is in the
subclass: its parameters, `_build_network`, and the kind of clips it takes.
"""

import warnings
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.metrics import get_scorer_names
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted
from skorch.helper import predefined_split
from skorch.history import History

from sktag._compat import Interval, StrOptions, _check_sample_weight
from sktag._validation import validate_array
from sktag.clips import ClipArray
from sktag.clips._checks import check_kind, check_rate
from sktag.estimators._callbacks import SCHEDULES, make_callbacks, progress_bar
from sktag.estimators._loading import Batches, ClipDataset, fill_cache, read_batches
from sktag.estimators._state import (
    draw_seed,
    pick_device,
    reproducible,
    to_numpy,
    to_torch,
    use_amp,
)
from sktag.estimators._targets import check_y, make_targets, tag_names
from sktag.estimators._training import (
    COLD_STEPS,
    OPTIMIZERS,
    RowLoss,
    TaggerNet,
    load_moments,
    refresh_batch_norm,
    take_up,
)
from sktag.estimators._validation import ValidationScores, split_rows

# Below this many steps a net is rarely trained to the end.
_FEW_STEPS = 300
# What net_params may not set, because sktag makes it.
_OWN = {"module", "criterion", "train_split", "iterator_train", "iterator_valid"}
_OWN |= {"seed", "amp", "score"}

TRAINING_CONSTRAINTS = {
    "optimizer": [StrOptions(set(OPTIMIZERS)), type],
    "lr": [Interval(Real, 0, None, closed="neither")],
    "lr_schedule": [StrOptions(set(SCHEDULES)), None],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "max_epochs": [Interval(Integral, 1, None, closed="left")],
    "batch_size": [Interval(Integral, 1, None, closed="left")],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    "monitor": [StrOptions({"loss", *get_scorer_names()})],
    "gradient_clip": [Interval(Real, 0, None, closed="neither"), None],
    "device": [str],
    "amp": ["boolean", StrOptions({"auto"})],
    "n_threads": [Interval(Integral, 1, None, closed="left"), None],
    "cache_bytes": [Interval(Integral, 0, None, closed="left")],
    "warm_start": ["boolean"],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
    "callbacks": [list, None],
    "net_params": [dict, None],
}


class BaseTagger(BaseEstimator):
    """Base class of the estimators.

    A subclass has the parameters of `TRAINING_CONSTRAINTS`, and writes
    `_build_network`.
    """

    _architecture_params: tuple[str, ...] = ()

    def _build_network(self, input_shape, n_outputs, **params):
        """Return the network and its name."""
        raise NotImplementedError

    # ------------------------------------------------------------------ parameters

    def get_params(self, deep=True):
        """Return the parameters.

        Parameters
        ----------
        deep : bool, default=True
            Whether to name the optimizer's parameters in `net_params` too.

        Returns
        -------
        dict
            Values by name.
        """
        params = super().get_params(deep=deep)
        if deep and isinstance(self.net_params, dict):
            params.update({k: v for k, v in self.net_params.items() if "__" in k})
        return params

    def set_params(self, **params):
        """Set parameters; ``optimizer__momentum`` and its like go to `net_params`.

        Parameters
        ----------
        **params
            Values by name.

        Returns
        -------
        self : object
            The estimator.
        """
        prefixes = ("optimizer__", "callbacks__")
        further = {k: v for k, v in params.items() if k.startswith(prefixes)}
        own = {k: v for k, v in params.items() if k not in further}
        super().set_params(**own)
        if further:
            self.net_params = {**(self.net_params or {}), **further}
        return self

    def _check_net_params(self):
        """Return the further parameters of skorch's net."""
        given = dict(self.net_params or {})
        public = set(super().get_params(deep=False))
        for key in given:
            if key in public:
                raise ValueError(
                    f"net_params has {key!r}, which is a parameter of "
                    f"{type(self).__name__}: set it there."
                )
            if key.split("__")[0] in _OWN:
                raise ValueError(
                    f"net_params has {key!r}, which {type(self).__name__} makes "
                    "itself: leave it out."
                )
        return given

    # ------------------------------------------------------------------ fit

    def _fit(self, X, y, sample_weight, *, fresh, partial=False, classes=None):
        """Train, from the start or on from where it was; `partial` is one epoch."""
        n_epochs = 1 if partial else self.max_epochs
        clips = self._check_clips(X, reset=fresh)
        y_checked = check_y(y)
        check_consistent_length(clips, y_checked)
        if fresh:
            self._forget()
            self._targets = make_targets(y_checked, self.class_weight, classes)
            self._seed = draw_seed(self.random_state)
            self._running = None
        else:
            self._targets.class_weight = self.class_weight
        codes = self._targets.encode(y_checked)
        weights = _check_sample_weight(
            sample_weight, codes, dtype=np.float64, ensure_non_negative=True
        )
        train, valid = np.arange(len(clips)), None
        if self.early_stopping and not partial:
            train, valid = split_rows(y_checked, self.validation_fraction, self._seed)
        self._targets.weigh(codes[train])
        weights = weights * self._targets.row_weights(codes)
        weights = weights / weights.mean()
        if not partial:
            self._warn_few_steps(len(train), fresh)
        score = None
        if valid is not None:
            score = ValidationScores(self._targets, y_checked[valid], self.monitor)
        device = pick_device(self.device)
        with reproducible(device, self._seed):
            module = self._make_module(clips.shape[1:]) if fresh else self.module_
            module.to(device, memory_format=torch.channels_last)
            cache = self._fill_cache(clips, device)
            sets = [
                None
                if rows is None
                else ClipDataset(clips, rows, codes, weights, cache, self.n_threads)
                for rows in (train, valid)
            ]
            net = self._make_net(module, device, n_epochs, sets, score, partial)
            if not fresh:
                take_up(net, self.net_)
            self._train(net, sets[0], n_epochs, device, partial)
        self.sr_ = clips.sample_rate
        self.classes_ = self._targets.classes
        names = tag_names(y)
        if fresh and names is not None and y_checked.ndim == 2:
            self.tag_names_ = names
        return self

    def _train(self, net, dataset, n_epochs, device, partial):
        """Train, and keep what was learned if it was interrupted, but not if it failed.

        Nothing fitted is set before: a failed first fit leaves an unfitted estimator,
        and a failed continuation leaves the weights that were there.
        """
        before = to_numpy(net.module_.state_dict())
        if self._running is not None:
            # Go on from the running averages, as if training had not stopped.
            net.module_.load_state_dict(to_torch(self._running), strict=False)
        interrupt = None
        try:
            net.train(dataset, n_epochs)
        except KeyboardInterrupt as signal:
            interrupt = signal
        except BaseException:
            net.module_.load_state_dict(to_torch(before))
            raise
        finally:
            # The net outlives the fit; what it was trained on must not.
            net.train_split = net.score = None
        net.history = History([row for row in net.history if "dur" in row])
        if interrupt is not None and not net.history:
            raise interrupt
        self._running = None
        n_steps = sum(row["train_batch_count"] for row in net.history)
        if n_steps < COLD_STEPS and not partial:
            self._running = to_numpy(dict(net.module_.named_buffers()))
            batches = Batches(dataset, self.batch_size, device, self._seed)
            refresh_batch_norm(net.module_, batches)
        net.module_.eval()
        self.net_, self.module_ = net, net.module_
        self._set_history()
        if interrupt is not None:
            self.sr_ = dataset.clips.sample_rate
            self.classes_ = self._targets.classes
            raise interrupt

    def _forget(self):
        """Drop the fitted attributes of an earlier fit."""
        of_X = {"n_features_in_", "feature_names_in_"}
        for name in set(vars(self)) - of_X:
            if name.endswith("_") and not name.startswith("_"):
                delattr(self, name)

    def _make_module(self, input_shape):
        """Return a new network for spectrograms of some bins and frames."""
        params = {name: getattr(self, name) for name in self._architecture_params}
        n_bins, n_frames = (int(n) for n in input_shape)
        self._network = {
            "input_shape": (n_bins, n_frames),
            "n_outputs": self._targets.n_outputs,
            **params,
        }
        module, name = self._build_network(**self._network)
        if name != self.architecture:
            warnings.warn(
                f"the input of {n_bins} bins and {n_frames} frames is too short for "
                f"{self.architecture!r}, which became {name!r}. Longer clips, more "
                "bands or a smaller hop_length avoid it.",
                stacklevel=5,
            )
        self.architecture_ = name
        self.n_parameters_ = sum(p.numel() for p in module.parameters())
        return module

    def _make_net(self, module, device, n_epochs, sets, score=None, partial=False):
        """Return a skorch net around the module, with a new optimizer."""
        optimizer, options = OPTIMIZERS.get(self.optimizer, (self.optimizer, {}))
        further = self._check_net_params()
        if further.get("optimizer__momentum") == 0:
            options = {}  # torch's Nesterov needs momentum
        train, valid = sets
        n_batches = -(-len(train) // self.batch_size)
        return TaggerNet(
            module,
            criterion=RowLoss(self._targets),
            optimizer=optimizer,
            lr=self.lr,
            max_epochs=n_epochs,
            batch_size=self.batch_size,
            iterator_train=Batches,
            iterator_train__device=device,
            iterator_train__seed=self._seed,
            iterator_train__epoch=0,
            iterator_valid=Batches,
            iterator_valid__device=device,
            train_split=None if valid is None else predefined_split(valid),
            callbacks=make_callbacks(
                self, n_epochs, n_batches, valid is not None, partial
            ),
            device=str(device),
            seed=self._seed,
            amp=use_amp(self.amp, device),
            score=score,
            verbose=0,
            **{
                "optimizer__weight_decay": self.weight_decay,
                **{f"optimizer__{k}": v for k, v in options.items()},
                **further,
            },
        ).initialize()

    def _fill_cache(self, clips, device):
        def progress(batches):
            total = -(-len(clips) // self.batch_size)
            return progress_bar(batches, total=total, desc="read")

        cache, message = fill_cache(
            clips,
            self.cache_bytes,
            self.batch_size,
            device,
            self.n_threads,
            progress if self.verbose else iter,
        )
        if self.verbose:
            print(f"{type(self).__name__}: {message}")
        return cache

    def _set_history(self):
        """Set the fitted attributes that tell of the training."""
        history = self.net_.history
        self.n_iter_ = self.best_epoch_ = len(history)
        for name, callback in self.net_.callbacks_:
            if name == "early_stopping":
                self.best_epoch_ = getattr(callback, "best_epoch_", self.n_iter_)
        hidden = {"batches", "dur", "train_batch_count", "valid_batch_count"}
        self.history_ = [
            {k: v for k, v in row.items() if k not in hidden and k[-5:] != "_best"}
            | {"seconds": row["dur"]}
            for row in history
        ]

    def _warn_few_steps(self, n_rows, fresh):
        n_batches = -(-n_rows // self.batch_size)
        n_steps = n_batches * (self.max_epochs + (0 if fresh else self.n_iter_))
        if n_steps < _FEW_STEPS:
            warnings.warn(
                f"fit takes {n_steps} steps ({n_batches} a epoch, {self.max_epochs} "
                f"epochs); below {_FEW_STEPS} a network is rarely trained to the end: "
                f"max_epochs={-(-_FEW_STEPS // n_batches)}, or a smaller batch_size, "
                "would reach them.",
                stacklevel=4,
            )

    # ------------------------------------------------------------------ answers

    def _logits(self, X):
        """Return the logits of clips, (n_clips, n_outputs), in double precision."""
        check_is_fitted(self, "module_")
        clips = self._check_clips(X, reset=False)
        device = next(self.module_.parameters()).device
        out = np.empty((len(clips), self._targets.n_outputs))
        start = 0
        self.module_.eval()
        with torch.no_grad():
            for x in read_batches(clips, self.batch_size, device, self.n_threads):
                # A batch of one takes another way through torch's kernels; doubled,
                # a clip alone and among others gets the same bits.
                logits = self.module_(x if len(x) > 1 else x.repeat(2, 1, 1))
                out[start : start + len(x)] = logits[: len(x)].cpu().numpy()
                start += len(x)
        bad = np.flatnonzero(~np.isfinite(out).all(axis=1))
        if bad.size:
            raise ValueError(
                f"clips {bad[:5].tolist()} give logits that are not finite: they hold "
                "numbers that are not finite, or too large; look at "
                "np.asarray(clips[i])."
            )
        return out

    def _check_clips(self, X, *, reset):
        """Return X as clips of the kind and size the network takes."""
        name = type(self).__name__
        if isinstance(X, ClipArray):
            check_kind(X, "spectrogram", name)
            clips = X
            for attribute in ("n_features_in_", "feature_names_in_"):
                if reset and hasattr(self, attribute):
                    delattr(self, attribute)
        else:
            X = validate_array(self, X, reset=reset)
            if X.ndim > 3:
                raise ValueError(
                    f"{name} takes spectrograms (n_clips, n_bins, n_frames); X has "
                    f"{X.ndim} dimensions, {X.shape}."
                )
            clips = ClipArray.from_array(X if X.ndim == 3 else X[:, :, np.newaxis])
        if reset:
            self._n_bins = clips.shape[1]
            return clips
        check_rate(clips, self.sr_, name)
        if clips.shape[1] != self._n_bins:
            raise ValueError(
                f"{name} was fitted on {self._n_bins} bins and is given "
                f"{clips.shape[1]}: give the front-end the parameters of training."
            )
        least = self.module_.min_shape[-1]
        if clips.shape[-1] < least:
            raise ValueError(
                f"{name} needs clips of at least {least} frames, these have "
                f"{clips.shape[-1]}: give longer clips, or pad them."
            )
        return clips

    # ------------------------------------------------------------------ the pickle

    def __getstate__(self):
        """Pickle weights and moments as numpy arrays, without a device."""
        state = dict(super().__getstate__())
        if "module_" in state:
            module, net = state.pop("module_"), state.pop("net_")
            state["_saved"] = {
                "weights": to_numpy(module.state_dict()),
                "optimizer": type(net.optimizer_).__name__,
                "moments": to_numpy(net.optimizer_.state_dict()["state"]),
                "history": [dict(row) for row in net.history],
            }
        return state

    def __setstate__(self, state):
        """Build network and optimizer again, on the device there is."""
        state = dict(state)
        saved = state.pop("_saved", None)
        super().__setstate__(state)
        if saved is None:
            return
        try:
            device = pick_device(self.device)
        except ValueError:
            device = torch.device("cpu")
        with reproducible(device, 0):
            module, _ = self._build_network(**self._network)
        module.load_state_dict(to_torch(saved["weights"]))
        self.module_ = module.to(device, memory_format=torch.channels_last).eval()
        self.net_ = self._make_net(module, device, 1, ([0], None))
        self.net_.history = History(saved["history"])
        load_moments(self.net_, saved["optimizer"], to_torch(saved["moments"]))
