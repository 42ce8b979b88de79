"""Inference: window outputs, predictions, embeddings."""

import numpy as np
import torch
from torch import nn

from sktag._torch import plain_torch
from sktag.nets.blocks import Network
from sktag.training._batches import read_batches

# Clips or chunks that go through the network at a time in predictions on the CPU.
_ROWS = 4
_LAST_AXIS = (nn.Linear, nn.RNNBase, nn.LayerNorm, nn.TransformerEncoderLayer)


class AnswersMixin:
    """Outputs of the network for clips, and what is computed from them."""

    def embed(self, X, layer="penultimate", per_window=False):
        """Compute the features that a layer of the network makes of each clip.

        Parameters
        ----------
        X : ClipArray or array
            Clips, as for `fit`, of any length; arrays of waveforms must have
            `n_features_in_` samples.
        layer : str, default="penultimate"
            "penultimate" is the input of the network's last dense layer; "pooled" the
            output of the pooling over all time; else the name of a module of
            ``module_``, as ``named_modules`` lists them, of which the output is taken.
        per_window : bool, default=False
            Whether to return the features of each window (chunk) rather than their
            mean.

        Returns
        -------
        ndarray of shape (n_clips, n_units), float32
            Features; feature maps of several axes are averaged over time and
            frequency. With `per_window` (n_clips, n_windows, n_units).

        Raises
        ------
        ValueError
            If the network has no such layer; lists those there are.
        """
        clips = self._known_clips(X)
        outputs = self._window_outputs(clips, Tap(self.module_, layer))
        outputs = outputs if per_window else outputs.mean(axis=1)
        return outputs.astype(np.float32)

    def _clip_outputs(self, X):
        """Return outputs of clips, (n_clips, n_outputs), in double precision."""
        outputs = self._window_outputs(self._known_clips(X))
        return self._fitted.targets.combine(outputs, self.aggregate)

    @plain_torch()
    def _window_outputs(self, clips, compute=None):
        """Return outputs of each window of clips, (n_clips, n_windows, n_outputs)."""
        compute = compute or self.module_
        device = next(self.module_.parameters()).device
        chunks = self._lay_out(self._fitted.chunk)
        # torch's kernels differ by the size of a batch; with one size, a clip alone and
        # among others gets the same bits.
        n_rows = _ROWS if device.type == "cpu" else self.batch_size
        self.module_.eval()
        parts = []
        with torch.no_grad():
            for x in read_batches(
                clips, self.batch_size, device, self.n_threads, chunks
            ):
                for some in x.split(n_rows):
                    filled = some[torch.arange(n_rows).clamp_max(len(some) - 1)]
                    outputs = compute(filled)[: len(some)]
                    parts.append(outputs.cpu().double().numpy())
            if not parts:
                no_clips = torch.zeros(1, *self._fitted.network.input_shape)
                outputs = compute(no_clips.to(device))
                return outputs.cpu().double().numpy()[:0, np.newaxis]
        flat = np.concatenate(parts)
        out = flat.reshape(len(clips), -1, flat.shape[-1])
        bad = np.flatnonzero(~np.isfinite(out).all(axis=(1, 2)))
        if bad.size:
            raise ValueError(
                f"clips {bad[:5].tolist()} give logits that are not finite: they hold "
                "numbers that are not finite, or too large; look at "
                "np.asarray(clips[i])."
            )
        return out

    def _window_times(self, clips):
        """Return the middle of each window in seconds, (n_clips, n_windows)."""
        hop_length = 1 if clips.kind == "wave" else clips.hop_length
        if clips.sample_rate is None or hop_length is None:
            raise ValueError(
                "the sample rate or the hop_length of these spectrograms is not known, "
                "and so the times are not: give clips (ClipArray.from_array(X, "
                "sample_rate=..., hop_length=...)), or return_times=False."
            )
        chunks = self._lay_out(self._fitted.chunk)
        starts = None if chunks is None else chunks.starts(clips)
        if starts is None:
            starts, width = np.zeros((len(clips), 1), dtype=int), clips.shape[-1]
        else:
            width = chunks.size
        return (starts + width / 2) * hop_length / clips.sample_rate


class Tap:
    """Computes the features of one layer, by a hook in a forward pass."""

    def __init__(self, module, layer):
        self.module = module
        self.layer = layer
        self.takes_input = layer == "penultimate"
        self.targets = _find_layers(module, layer)
        # These compute features on the last axis, convolutions on the second.
        self.is_last = self.takes_input or isinstance(self.targets[-1], _LAST_AXIS)

    def __call__(self, x):
        """Return the features of a batch, (n_rows, n_units)."""
        seen = []

        def before(_, inputs, named):
            seen.extend(inputs[:1] or list(named.values())[:1])

        def after(_, inputs, output):
            # Recurrent layers return their states too.
            seen.append(output[0] if isinstance(output, tuple) else output)

        hooks = [
            target.register_forward_pre_hook(before, with_kwargs=True)
            if self.takes_input
            else target.register_forward_hook(after)
            for target in self.targets
        ]
        try:
            self.module(x)
        finally:
            for hook in hooks:
                hook.remove()
        if not seen or not isinstance(seen[-1], torch.Tensor):
            raise ValueError(
                f"layer={self.layer!r} is not used in a forward pass, or gives no "
                f"tensor: {_layers_there_are(self.module)}"
            )
        features = seen[-1].float()
        if features.ndim < 2 or len(features) != len(x):
            raise ValueError(
                f"layer={self.layer!r} gives an array of shape {tuple(features.shape)} "
                f"for {len(x)} clips, not one row of features a clip: "
                f"{_layers_there_are(self.module)}"
            )
        if features.ndim == 2:
            return features
        if self.is_last:
            return features.flatten(1, -2).mean(1)
        return features.flatten(2).mean(-1)


def _find_layers(module, layer):
    """Return the modules to tap; the last one that is called counts."""
    modules = dict(module.named_modules())
    modules.pop("")
    is_own = isinstance(module, Network)
    # Networks of sktag name these layers.
    if layer == "penultimate":
        dense = [m for m in modules.values() if isinstance(m, nn.Linear)]
        found = [modules["output"]] if is_own else dense
        if found:
            return found
    if layer == "pooled":
        pools = [m for m in modules.values() if "Adaptive" in type(m).__name__]
        found = [m for name, m in modules.items() if name == "pool"]
        found = found if is_own else pools
        if found:
            return found
    if layer not in modules:
        raise ValueError(
            f"layer={layer!r} is not one of the network. {_layers_there_are(module)}"
        )
    return [modules[layer]]


def _layers_there_are(module):
    names = [name for name, _ in module.named_modules() if name]
    return (
        f"Its layers are {', '.join(map(repr, names))}; 'penultimate' is the input of "
        "the last torch.nn.Linear, 'pooled' the output of the global pooling (a "
        "torch.nn.Adaptive... layer in a network of yours)."
    )
