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
from sktag.estimators._chunks import chunk_starts
from sktag.estimators._loading import ClipDataset, fill_cache, read_batches
from sktag.estimators._parameters import NetParams
from sktag.estimators._state import (
    draw_seed,
    pick_device,
    reproducible,
    to_numpy,
    to_torch,
)
from sktag.estimators._summary import SummaryMixin
from sktag.estimators._targets import tag_names
from sktag.estimators._validation import ValidationScores, split_rows

# Below this many steps a net is rarely trained to the end.
_FEW_STEPS = 300
# Clips or chunks that go through the network at a time in predictions on the CPU.
_ROWS = 4


class BaseTagger(SummaryMixin, NetParams):
    """Base class of the estimators.

    A subclass has the parameters of `TRAINING_CONSTRAINTS`, and writes
    `_build_network`.
    """

    _architecture_params: tuple[str, ...] = ()
    _takes = "spectrogram"

    def _build_network(self, **params):
        """Return the network and its name."""
        raise NotImplementedError

    def _published(self):
        """Return what is published of the architecture: its input and chunk."""
        raise NotImplementedError

    def _is_shrunk(self, name):
        """Tell whether a network's name says that it was cut down for its input."""
        return name != self.architecture

    def _check_y(self, y):
        """Return y as an array."""
        raise NotImplementedError

    def _make_targets(self, y, classes):
        """Return what turns y into targets, and outputs into answers."""
        raise NotImplementedError

    # ------------------------------------------------------------------ fit

    def _fit(self, X, y, sample_weight, *, fresh, partial=False, classes=None):
        """Train, from the start or on from where it was; `partial` is one epoch."""
        from sktag.estimators import _training

        n_epochs = 1 if partial else self.max_epochs
        clips = self._check_clips(X, reset=fresh)
        y_checked = self._check_y(y)
        check_consistent_length(clips, y_checked)
        if fresh:
            self._forget()
            self._targets = self._make_targets(y_checked, classes)
            self._seed = draw_seed(self.random_state)
            self._running = None
            self._chunk = self._choose_chunk(clips.shape[-1])
        else:
            self._targets.class_weight = getattr(self, "class_weight", None)
        codes = self._targets.encode(y_checked)
        weights = _check_sample_weight(
            sample_weight, codes, dtype=np.float64, ensure_non_negative=True
        )
        if len(clips) == 1 and not partial:
            raise ValueError(
                "X has 1 sample, but a network is trained on two clips or more: give "
                "more clips, or use partial_fit."
            )
        train, valid = np.arange(len(clips)), None
        if self.early_stopping and not partial:
            train, valid = split_rows(
                y_checked,
                self.validation_fraction,
                self._seed,
                stratify=self._targets.classes is not None,
            )
        self._targets.weigh(codes[train])
        weights = weights * self._targets.row_weights(codes)
        weights = weights / weights.mean()
        score = None
        if valid is not None:
            score = ValidationScores(
                self._targets, y_checked[valid], self.monitor, self.aggregate
            )
        device = pick_device(self.device)
        with reproducible(device, self._seed):
            module = self._make_module(clips.shape) if fresh else self.module_
            module.to(device, memory_format=torch.channels_last)
            sets = self._make_sets(clips, train, valid, codes, weights, device)
            if not partial:
                self._warn_few_steps(len(sets[0]), fresh)
            net = _training.make_net(
                self, module, device, n_epochs, sets, score=score, partial=partial
            )
            if not fresh:
                _training.take_up(net, self.net_)
            self._train(net, sets[0], n_epochs, partial)
        self.sr_ = clips.sample_rate
        self._hop_length = 1 if clips.kind == "wave" else clips.hop_length
        self._set_targets()
        names = tag_names(y)
        if fresh and names is not None and y_checked.ndim == 2:
            self.tag_names_ = names
        return self

    def _make_sets(self, clips, train, valid, codes, weights, device):
        """Return the training and the validation items."""
        cache = self._fill_cache(clips, device)
        starts = self._starts(clips)

        def items(rows, at):
            return ClipDataset(
                clips,
                rows,
                codes,
                weights,
                cache,
                self.n_threads,
                chunk=None if starts is None else self._chunk,
                starts=at,
            )

        def all_of(rows):
            if starts is None:
                return items(rows, None)
            return items(np.repeat(rows, starts.shape[1]), starts[rows].ravel())

        is_random = starts is not None and self.train_chunks == "random"
        return [
            items(train, None) if is_random else all_of(train),
            None if valid is None else all_of(valid),
        ]

    def _choose_chunk(self, length):
        """Return the columns of a chunk, or None for whole clips."""
        size = self.chunk_size
        if isinstance(size, str):
            published = self._published()
            size = None if published is None else published.chunk_size
        return None if size is None else min(int(size), length)

    def _starts(self, clips):
        """Return the first column of each chunk, or None where clips are taken whole.

        The array has the shape (n_clips, n_chunks).
        """
        length = clips.shape[-1]
        if self._chunk is None or (length == self._chunk and self.n_chunks is None):
            return None
        n_chunks = self.n_chunks or -(-length // self._chunk)
        return chunk_starts(clips.lengths, self._chunk, n_chunks, self.chunk_layout)

    def _set_targets(self):
        """Set the fitted attributes that tell of y."""

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
        if self.verbose and self.best_epoch_ < self.n_iter_:
            print(
                f"{type(self).__name__}: ended after epoch {self.n_iter_}, with the "
                f"weights of epoch {self.best_epoch_}"
            )
        if interrupt is not None:
            self.sr_ = dataset.clips.sample_rate
            self._set_targets()
            raise interrupt

    def _forget(self):
        """Drop the fitted attributes of an earlier fit."""
        of_X = {"n_features_in_", "feature_names_in_"}
        for name in set(vars(self)) - of_X:
            if name.endswith("_") and not name.startswith("_"):
                delattr(self, name)

    def _make_module(self, shape):
        """Return a new network for clips of a shape."""
        params = {name: getattr(self, name) for name in self._architecture_params}
        length = self._chunk or shape[-1]
        self._network = {
            "input_shape": (*map(int, shape[1:-1]), int(length)),
            "n_outputs": self._targets.n_outputs,
            **params,
        }
        module, name = self._build_network(**self._network)
        if self._is_shrunk(name):
            warnings.warn(
                f"an input of {_size(self._network['input_shape'])} is too short for "
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
                f"fit takes {n_steps} steps ({n_batches} an epoch, {self.max_epochs} "
                f"epochs); below {_FEW_STEPS} a network is rarely trained to the end: "
                f"max_epochs={-(-_FEW_STEPS // n_batches)}, or a smaller batch_size, "
                "would reach them.",
                stacklevel=5,
            )

    # ------------------------------------------------------------------ answers

    def embed(self, X):
        """Compute what the network's last layer is given: a vector for each clip.

        Parameters
        ----------
        X : ClipArray or array
            Clips, as for `fit`.

        Returns
        -------
        ndarray of shape (n_clips, n_units), float32
            The penultimate layer, its mean over the chunks of a clip.
        """
        return self._outputs(X, "features").mean(axis=1).astype(np.float32)

    def _logits(self, X):
        """Return the outputs of clips, (n_clips, n_outputs), in double precision."""
        outputs = self._outputs(X)
        return self._targets.combine(outputs, self.aggregate)

    def _outputs(self, X, method="forward"):
        """Return what the network says of chunks, (n_clips, n_chunks, n_outputs)."""
        check_is_fitted(self, "module_")
        clips = self._check_clips(X, reset=False)
        device = next(self.module_.parameters()).device
        starts = self._starts(clips)
        n_chunks = 1 if starts is None else starts.shape[1]
        compute = getattr(self.module_, method)
        # torch's kernels differ by the size of a batch; with one size, a clip alone and
        # among others gets the same bits.
        n_rows = _ROWS if device.type == "cpu" else self.batch_size
        parts = []
        self.module_.eval()
        with torch.no_grad():
            for x in read_batches(
                clips,
                self.batch_size,
                device,
                self.n_threads,
                chunk=None if starts is None else self._chunk,
                starts=starts,
            ):
                for some in x.split(n_rows):
                    filled = some[torch.arange(n_rows).clamp_max(len(some) - 1)]
                    parts.append(compute(filled)[: len(some)].double().cpu().numpy())
        if not parts:
            return np.empty((0, n_chunks, self._targets.n_outputs))
        out = np.concatenate(parts).reshape(len(clips), n_chunks, -1)
        bad = np.flatnonzero(~np.isfinite(out).all(axis=(1, 2)))
        if bad.size:
            raise ValueError(
                f"clips {bad[:5].tolist()} give logits that are not finite: they hold "
                "numbers that are not finite, or too large; look at "
                "np.asarray(clips[i])."
            )
        return out

    def _chunk_times(self, clips):
        """Return the middle of each chunk in seconds, (n_clips, n_chunks)."""
        starts = self._starts(clips)
        width = self._chunk
        if starts is None:
            starts, width = np.zeros((len(clips), 1), dtype=int), clips.shape[-1]
        if clips.sample_rate is None:
            raise ValueError(
                "the sample rate of these spectrograms is not known, and with it the "
                "times: give clips (ClipArray.from_array(X, sample_rate=..., "
                "hop_length=...)), or return_times=False."
            )
        return (starts + width / 2) * (clips.hop_length or 1) / clips.sample_rate

    def _check_clips(self, X, *, reset):
        """Return X as clips of the kind and size the network takes."""
        name = type(self).__name__
        if isinstance(X, ClipArray):
            check_kind(X, self._takes, name)
            clips = X
            for attribute in ("n_features_in_", "feature_names_in_"):
                if reset and hasattr(self, attribute):
                    delattr(self, attribute)
        else:
            clips = self._array_as_clips(validate_array(self, X, reset=reset), reset)
        if reset:
            self._n_bins = clips.shape[1]
            return clips
        check_rate(clips, self.sr_, name)
        if clips.kind == "spectrogram" and clips.shape[1] != self._n_bins:
            raise ValueError(
                f"{name} was fitted on {self._n_bins} bins and is given "
                f"{clips.shape[1]}: give the front-end the parameters of training."
            )
        least = self.module_.min_shape[-1]
        if self._chunk is None and clips.shape[-1] < least:
            unit = "frames" if clips.kind == "spectrogram" else "samples"
            raise ValueError(
                f"{name} needs clips of at least {least} {unit}, these have "
                f"{clips.shape[-1]}: give longer clips, or pad them."
            )
        return clips

    def _array_as_clips(self, X, reset):
        name = type(self).__name__
        if self._takes == "wave":
            if X.ndim != 2:
                raise ValueError(
                    f"{name} takes waveforms (n_clips, n_samples); X has {X.ndim} "
                    f"dimensions, {X.shape}."
                )
            rate = None if reset else self.sr_
            return ClipArray.from_array(X, sample_rate=rate)
        if X.ndim > 3:
            raise ValueError(
                f"{name} takes spectrograms (n_clips, n_bins, n_frames); X has "
                f"{X.ndim} dimensions, {X.shape}."
            )
        return ClipArray.from_array(X if X.ndim == 3 else X[:, :, np.newaxis])

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


def _size(shape):
    """Say how large a clip is."""
    if len(shape) == 1:
        return f"{shape[0]} samples"
    return f"{shape[0]} bins and {shape[1]} frames"
