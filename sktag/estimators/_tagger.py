"""What all estimators share: the fit, the answers, the fitted state and its pickle.

scikit-learn outside, skorch inside: the public class is a plain scikit-learn estimator
that builds a private net in `fit`. What depends on the kind of network is in the
subclass: its parameters, `_build_network`, and the kind of clips it takes.
"""

import warnings

import numpy as np
import torch
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from sktag._compat import _check_sample_weight
from sktag._validation import validate_array
from sktag.clips import ClipArray
from sktag.clips._checks import check_kind, check_rate
from sktag.estimators._loading import ClipDataset, fill_cache, read_batches
from sktag.estimators._parameters import NetParams
from sktag.estimators._state import (
    draw_seed,
    pick_device,
    reproducible,
    to_numpy,
    to_torch,
)
from sktag.estimators._targets import check_y, make_targets, tag_names
from sktag.estimators._validation import ValidationScores, split_rows

# Below this many steps a net is rarely trained to the end.
_FEW_STEPS = 300


class BaseTagger(NetParams):
    """Base class of the estimators.

    A subclass has the parameters of `TRAINING_CONSTRAINTS`, and writes
    `_build_network`.
    """

    _architecture_params: tuple[str, ...] = ()

    def _build_network(self, input_shape, n_outputs, **params):
        """Return the network and its name."""
        raise NotImplementedError

    # ------------------------------------------------------------------ fit

    def _fit(self, X, y, sample_weight, *, fresh, partial=False, classes=None):
        """Train, from the start or on from where it was; `partial` is one epoch."""
        from sktag.estimators import _training

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
            net = _training.make_net(
                self, module, device, n_epochs, sets, score=score, partial=partial
            )
            if not fresh:
                _training.take_up(net, self.net_)
            self._train(net, sets[0], n_epochs, partial)
        self.sr_ = clips.sample_rate
        self.classes_ = self._targets.classes
        names = tag_names(y)
        if fresh and names is not None and y_checked.ndim == 2:
            self.tag_names_ = names
        return self

    def _train(self, net, dataset, n_epochs, partial):
        """Train, and keep what was learned if it was interrupted, but not if it failed.

        Nothing fitted is set before: a failed first fit leaves an unfitted estimator,
        and a failed continuation leaves the weights that were there.
        """
        from sktag.estimators import _training

        interrupt = _training.train(net, dataset, n_epochs, self._running)
        self._running = None
        if not partial and _training.is_cold(net):
            self._running = to_numpy(dict(net.module_.named_buffers()))
            _training.refresh_batch_norm(net, dataset)
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

    def _fill_cache(self, clips, device):
        from sktag.estimators._callbacks import progress_bar

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
                stacklevel=5,
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
        from sktag.estimators import _training

        try:
            device = pick_device(self.device)
        except ValueError:
            device = torch.device("cpu")
        with reproducible(device, 0):
            module, _ = self._build_network(**self._network)
        module.load_state_dict(to_torch(saved["weights"]))
        self.module_ = module.to(device, memory_format=torch.channels_last).eval()
        self.net_ = _training.make_net(self, module, device, 1, ([0], None))
        _training.restore(self.net_, saved)
