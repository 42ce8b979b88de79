"""Inference: window outputs, predictions, embeddings."""

from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from sktag._torch import plain_torch
from sktag.clips._report import one_report
from sktag.estimators._network import place
from sktag.nets.blocks import Network
from sktag.targets._aggregate import combine_windows
from sktag.training._batches import read_batches
from sktag.training._state import pick_device

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
            frequency. With `per_window` (n_windows, n_units) for each clip: a list, or
            an array of shape (n_clips, n_windows, n_units) where all have as many.

        Raises
        ------
        ValueError
            If the network has no such layer; lists those there are.
        """
        windows = self._windows(self._known_clips(X), Tap(self.module_, layer))
        each = [some.astype(np.float32) for some in windows.each(windows.outputs)]
        if per_window:
            return stacked(each)
        width = windows.outputs.shape[-1]
        means = [some.mean(axis=0, dtype=float) for some in each]
        return np.array(means, dtype=np.float32).reshape(-1, width)

    def _clip_outputs(self, X):
        """Return outputs of clips, (n_clips, n_outputs), in double precision."""
        windows = self._windows(self._known_clips(X))
        return combine_windows(
            self._fitted.targets, windows.outputs, windows.counts, self.aggregate
        )

    def _windows(self, clips, compute=None, chunks=None):
        """Compute the windows of each clip: those of predictions, or `chunks`.

        `compute` maps a batch to outputs; it is the network by default.
        """
        self._follow_device()
        return compute_windows(
            clips,
            self.module_,
            compute or self.module_,
            chunks or self._lay_out(self._fitted.window),
            self._fitted.network.input_shape,
            self.batch_size,
            self.n_threads,
        )

    def _follow_device(self):
        """Move the network to the device of the present parameters, if there is one."""
        with suppress(ValueError):
            device = pick_device(self.device)
            if next(self.module_.parameters()).device.type != device.type:
                place(self.module_, device)

    def _taggram(self, clips, window=None, hop=None):
        """Return (starts, outputs) for each clip: what the windows begin with, and say.

        Window and hop are in columns; by default windows are those of predictions.
        """
        chunks = self._lay_out(window or self._fitted.window)
        if hop is not None:
            chunks = replace(chunks, hop=hop)
        windows = self._windows(clips.widened(chunks.size), chunks=chunks)
        answers = self._fitted.targets.answers(windows.outputs)
        return list(zip(windows.starts, windows.each(answers), strict=True))

    def _column_rate(self, clips):
        """Return how many columns a second of clips has."""
        hop_length = 1 if clips.kind == "wave" else clips.hop_length
        if clips.sample_rate is None or hop_length is None:
            raise ValueError(
                "the sample rate or the hop_length of these spectrograms is not known, "
                "and so the times are not: give clips (ClipArray.from_array(X, "
                "sample_rate=..., hop_length=...)), or return_times=False."
            )
        return clips.sample_rate / hop_length


@plain_torch()
@one_report()
def compute_windows(
    clips, module, compute, chunks, input_shape, batch_size, n_threads=None
):
    """Compute the outputs of windows of clips, in batches, on the module's device.

    `input_shape` is that of a window if there are no clips.
    """
    device = next(module.parameters()).device
    starts = chunks.starts(clips)
    # torch's kernels differ by the size of a batch; with one size, a clip alone and
    # among others gets the same bits.
    n_rows = _ROWS if device.type == "cpu" else batch_size
    module.eval()
    parts = []
    with torch.no_grad():
        for x in read_batches(
            clips, batch_size, device, n_threads, starts, chunks.size
        ):
            for some in x.split(n_rows):
                filled = some[torch.arange(n_rows).clamp_max(len(some) - 1)]
                outputs = compute(filled)[: len(some)]
                parts.append(outputs.cpu().double().numpy())
        if not parts:
            no_clips = torch.zeros(1, *input_shape)
            parts = [compute(no_clips.to(device)).cpu().double().numpy()[:0]]
    width = clips.shape[-1] if starts is None else chunks.size
    starts = starts or [np.zeros(1, dtype=int)] * len(clips)
    windows = Windows(np.concatenate(parts), starts, width)
    bad = ~np.isfinite(windows.outputs).all(axis=1)
    if bad.any():
        rows = np.unique(np.repeat(np.arange(len(clips)), windows.counts)[bad])
        raise ValueError(
            f"clips {rows[:5].tolist()} give logits that are not finite: they hold "
            "numbers that are not finite, or too large; look at "
            "np.asarray(clips[i])."
        )
    return windows


class Windows(NamedTuple):
    """Outputs of all windows, (n_windows, n_outputs), and where they begin.

    `starts` has the first columns of the windows of each clip, all `width` wide.
    """

    outputs: np.ndarray
    starts: list[np.ndarray]
    width: int

    @property
    def counts(self):
        """Number of windows of each clip."""
        return np.array([len(some) for some in self.starts], dtype=int)

    def each(self, values):
        """Split values of all windows into those of each clip."""
        return np.split(values, np.cumsum(self.counts)[:-1]) if self.starts else []


def stacked(each):
    """Return arrays as one, if all are of one shape."""
    is_even = len({some.shape for some in each}) == 1
    return np.stack(each) if is_even else each


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
