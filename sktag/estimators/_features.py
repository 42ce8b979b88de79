"""Where the features of an Embedder come from: an estimator, or any network."""

from weakref import WeakKeyDictionary

import joblib
import numpy as np
import torch
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sktag._torch import plain_torch
from sktag.clips import ClipArray
from sktag.clips._inputs import as_clips, check_rate
from sktag.estimators._answers import Tap, compute_windows
from sktag.estimators._base import BaseTagger
from sktag.training._chunks import Chunks
from sktag.training._state import pick_device, use_amp

# The hash of a network's weights, and the versions of the tensors it was computed from.
_hashes: WeakKeyDictionary = WeakKeyDictionary()


class TaggerFeatures:
    """Features of an estimator of sktag."""

    def __init__(self, embedder):
        self.embedder = embedder
        self.steps, self.tagger = [], embedder.estimator
        if isinstance(self.tagger, Pipeline):
            self.steps, self.tagger = self.tagger.steps[:-1], self.tagger.steps[-1][1]
        if not isinstance(self.tagger, BaseTagger):
            raise TypeError(
                f"Embedder takes a Pipeline that ends in an estimator of sktag, and "
                f"this one ends in {type(self.tagger).__name__}: give that of the "
                "network, such as pipe[:3]."
            )
        check_is_fitted(self.tagger)

    def clips_of(self, X, *, reset):
        """Return X as clips such as the network takes."""
        steps = [step for _, step in self.steps if step not in (None, "passthrough")]
        if isinstance(X, ClipArray) and X.kind == "spectrogram":
            waves = [i for i, s in enumerate(steps) if _kind_of(s) == "wave"]
            steps = steps[waves[-1] + 1 :] if waves else steps
        for step in steps:
            X = step.transform(X)
        return self.tagger._known_clips(X)

    def layout(self):
        """Return what decides where windows lie."""
        return (self.chunks(),)

    def chunks(self):
        """Return where windows lie."""
        chunks = self.tagger._lay_out(self.tagger._fitted.window)
        if self.embedder.hop is None:
            return chunks
        columns = self.embedder.hop * self._rate
        return Chunks(chunks.size, hop=max(1, round(columns)))

    @property
    def _rate(self):
        hop_length, sr = self.tagger._fitted.hop_length, self.tagger.sr_
        if hop_length is None or sr is None:
            raise ValueError(
                "hop is in seconds, and the estimator was trained on arrays of which "
                "no sample rate is known: leave hop None."
            )
        return sr / hop_length

    def weights_hash(self):
        """Return a hash of the network."""
        return hash_of(self.tagger.module_)

    def n_units(self, clips):
        """Return the number of features."""
        return self.compute(clips[:0], whole=True).shape[-1]

    def compute(self, clips, whole=False):
        """Return the features of the windows of each clip."""
        tagger, layer = self.tagger, self.embedder.layer
        tap = None if layer is None else Tap(tagger.module_, layer)
        windows = tagger._windows(clips, tap, self.chunks())
        outputs = windows.outputs.astype(np.float32)
        return outputs if whole else windows.each(outputs)


class ModuleFeatures:
    """Features of a network of the user's own."""

    def __init__(self, embedder):
        self.embedder = embedder
        self.module = embedder.estimator

    def clips_of(self, X, *, reset):
        """Return X as clips such as the network takes."""
        given = self.embedder
        clips = as_clips(
            X,
            given,
            takes=given.kind,
            reset=reset,
            sample_rate=given.sr,
            two_d=given.kind,
        )
        check_rate(clips, given.sr, "Embedder")
        chunks = self.chunks(clips)
        return clips if chunks is None else clips.widened(chunks.size)

    def layout(self):
        """Return what else decides the features."""
        given = self.embedder
        device = pick_device(given.device)
        return given.window, given.hop, str(device), use_amp(given.amp, device)

    def chunks(self, clips):
        """Return where windows lie; None for whole clips."""
        given = self.embedder
        if given.window is None:
            return None
        rate = given.sr / (clips.hop_length or 1)
        hop = None if given.hop is None else max(1, round(given.hop * rate))
        return Chunks(max(1, round(given.window * rate)), hop=hop)

    def weights_hash(self):
        """Return a hash of the network."""
        return hash_of(self.module)

    def n_units(self, clips):
        """Return the number of features, of one clip."""
        return self.compute(clips[:1])[0].shape[-1]

    @plain_torch()
    def compute(self, clips):
        """Return the features of the windows of each clip."""
        given = self.embedder
        device = pick_device(given.device)
        self.module.to(device)
        tap = self.module if given.layer is None else Tap(self.module, given.layer)
        is_half = use_amp(given.amp, device)

        def compute(x):
            with torch.autocast(device.type, torch.bfloat16, enabled=is_half):
                features = tap(x)
            if not isinstance(features, torch.Tensor):
                raise TypeError(
                    f"{type(self.module).__name__} returned a "
                    f"{type(features).__name__}: wrap it in a module that returns one "
                    "tensor of features, or name a layer."
                )
            features = features.float()
            # Further axes are those of time and frequency.
            return features.flatten(2).mean(-1) if features.ndim > 2 else features

        chunks, modes = (
            self.chunks(clips),
            [(m, m.training) for m in self.module.modules()],
        )
        try:
            if chunks is not None:
                return self._windows(clips, compute, chunks)
            if not clips.is_ragged:
                return self._windows(clips, compute, Chunks(clips.shape[-1]))
            # Each clip by itself, without padding.
            rows = (clips[[i]] for i in range(len(clips)))
            each = (self._windows(row, compute, Chunks(row.shape[-1])) for row in rows)
            return [features for (features,) in each]
        finally:
            for module, mode in modes:
                module.training = mode

    def _windows(self, clips, compute, chunks):
        given = self.embedder
        windows = compute_windows(
            clips,
            self.module,
            compute,
            chunks,
            (*clips.shape[1:-1], chunks.size),
            given.batch_size,
            given.n_threads,
        )
        return windows.each(windows.outputs.astype(np.float32))


def hash_of(module):
    """Return a hash of a network's weights, computed anew if a tensor has changed."""
    tensors = module.state_dict()
    versions = [(id(t), t._version) for t in [*module.parameters(), *module.buffers()]]
    known = _hashes.get(module)
    if known is None or known[0] != versions:
        arrays = {name: t.cpu().float().numpy() for name, t in tensors.items()}
        known = versions, joblib.hash([type(module).__qualname__, arrays])
        _hashes[module] = known
    return known[1]


def _kind_of(step):
    """Return the kind of clips that a fitted step was given."""
    return getattr(step, "_kind", None)
