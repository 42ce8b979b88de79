"""What is said of clips: outputs of their chunks, put together, and embeddings."""

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from sktag.clips._inputs import as_clips, check_rate
from sktag.estimators._chunks import chunk_starts
from sktag.estimators._loading import read_batches

# Clips or chunks that go through the network at a time in predictions on the CPU.
_ROWS = 4


class AnswersMixin:
    """The answers of the estimators, and the checks of the clips they are about."""

    def embed(self, X):
        """Compute what the network's last layer is given: a vector for each clip.

        Parameters
        ----------
        X : ClipArray or array
            Clips, as for `fit`. Their length may differ, but for arrays of waveforms,
            which have `n_features_in_` samples.

        Returns
        -------
        ndarray of shape (n_clips, n_units), float32
            The penultimate layer, its mean over the chunks of a clip.
        """
        outputs = self._chunk_outputs(self._known_clips(X), "features")
        return outputs.mean(axis=1).astype(np.float32)

    def _clip_outputs(self, X):
        """Return the outputs of clips, (n_clips, n_outputs), in double precision."""
        outputs = self._chunk_outputs(self._known_clips(X))
        return self._targets.combine(outputs, self.aggregate)

    def _chunk_outputs(self, clips, method="forward"):
        """Return what the network says of chunks, (n_clips, n_chunks, n_outputs)."""
        device = next(self.module_.parameters()).device
        starts = self._starts(clips)
        n_chunks = 1 if starts is None else starts.shape[1]
        compute = getattr(self.module_, method)
        # torch's kernels differ by the size of a batch; with one size, a clip alone and
        # among others gets the same bits.
        n_rows = _ROWS if device.type == "cpu" else self.batch_size
        last = self.module_.output
        width = last.out_features if method == "forward" else last.in_features
        parts = [np.empty((0, width))]
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
                    outputs = compute(filled)[: len(some)]
                    parts.append(outputs.cpu().double().numpy())
        out = np.concatenate(parts).reshape(len(clips), n_chunks, width)
        bad = np.flatnonzero(~np.isfinite(out).all(axis=(1, 2)))
        if bad.size:
            raise ValueError(
                f"clips {bad[:5].tolist()} give logits that are not finite: they hold "
                "numbers that are not finite, or too large; look at "
                "np.asarray(clips[i])."
            )
        return out

    def _starts(self, clips):
        """Return the first column of each chunk, or None where clips are taken whole.

        The array has the shape (n_clips, n_chunks).
        """
        length = clips.shape[-1]
        if self._chunk is None or length <= self._chunk:
            return None
        n_chunks = self.n_chunks or -(-length // self._chunk)
        return chunk_starts(clips.lengths, self._chunk, n_chunks, self.chunk_layout)

    def _chunk_times(self, clips):
        """Return the middle of each chunk in seconds, (n_clips, n_chunks)."""
        hop_length = 1 if clips.kind == "wave" else clips.hop_length
        if clips.sample_rate is None or hop_length is None:
            raise ValueError(
                "the sample rate or the hop_length of these spectrograms is not known, "
                "and with it the times: give clips (ClipArray.from_array(X, "
                "sample_rate=..., hop_length=...)), or return_times=False."
            )
        starts = self._starts(clips)
        width = self._chunk
        if starts is None:
            starts, width = np.zeros((len(clips), 1), dtype=int), clips.shape[-1]
        return (starts + width / 2) * hop_length / clips.sample_rate

    def _known_clips(self, X):
        """Return X as clips such as the network was trained on."""
        check_is_fitted(self)
        name = type(self).__name__
        clips = self._as_clips(X, reset=False)
        check_rate(clips, self.sr_, name)
        self._check_shape(clips, (0, self._n_bins, 0))
        self._check_length(clips, self.module_)
        return clips

    def _check_length(self, clips, module):
        """Raise where clips are too short for a network."""
        least = module.min_shape[-1]
        if clips.shape[-1] < least:
            unit = "frames" if clips.kind == "spectrogram" else "samples"
            raise ValueError(
                f"{type(self).__name__} needs clips of at least {least} {unit}, these "
                f"have {clips.shape[-1]}: give longer clips, or pad them."
            )

    def _check_shape(self, clips, shape):
        """Raise where spectrograms have other bins than those of training."""
        if clips.kind == "spectrogram" and clips.shape[1] != shape[1]:
            raise ValueError(
                f"{type(self).__name__} was fitted on {shape[1]} bins and is given "
                f"{clips.shape[1]}: give the front-end the parameters of training."
            )

    def _as_clips(self, X, *, reset):
        """Return X as clips of the kind that the network takes."""
        return as_clips(
            X,
            self,
            takes=self._takes,
            reset=reset,
            sample_rate=None if reset else getattr(self, "sr_", None),
            hop_length=None if reset else getattr(self, "_hop_length", None),
            two_d=self._takes,
        )
