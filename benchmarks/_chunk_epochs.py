"""Train the short-chunk recipe for a few epochs: run by ``chunks`` on one checkout.

``python -P _chunk_epochs.py {time,check} FOLDER N_FILTERS CACHE_BYTES N_EPOCHS DEVICE``
prints JSON; PYTHONPATH says which checkout's sktag is measured. N_FILTERS is 0 for the
published number, CACHE_BYTES is the size of the cache of decoded clips.
"""

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from skorch.callbacks import Callback
from torch.nn import BatchNorm2d
from torch.nn.modules.module import register_module_forward_pre_hook

from sktag import make_recipe, set_config
from sktag.ops import MelSpectrogramOp

SR = 16000
# What went through the front-end: seconds and samples of each call.
CALLS = []
# Seconds and samples of the front-end in each epoch. Here, not on the callback, of
# which a fit makes a copy.
EPOCHS = []


class FrontEnd(Callback):
    """Add up the work of the front-end by epoch."""

    def on_epoch_begin(self, net, **kwargs):
        """Forget earlier calls."""
        CALLS.clear()

    def on_epoch_end(self, net, **kwargs):
        """Keep the sums of this epoch."""
        EPOCHS.append(np.sum(CALLS, axis=0))


def watch_front_end():
    """Note the time and the input of each call of the mel spectrogram."""
    forward = MelSpectrogramOp.forward

    def timed(self, x):
        _wait(x)
        start = time.perf_counter()
        out = forward(self, x)
        _wait(x)
        CALLS.append((time.perf_counter() - start, x.numel()))
        return out

    MelSpectrogramOp.forward = timed


def _wait(x):
    if x.is_cuda:
        torch.cuda.synchronize(x.device)


def time_epochs(pipe, paths, y):
    """Return seconds and samples of each epoch but the first."""
    watch_front_end()
    pipe.fit(paths, y)
    seconds, samples = np.transpose(EPOCHS[1:]).tolist()
    whole = [row["seconds"] for row in pipe[-1].history_[1:]]
    return {"seconds": whole, "front_end_s": seconds, "samples": samples}


def compare_chunks(pipe, paths, y):
    """Compare the chunks that the network gets with cuts of whole spectrograms."""
    whole = np.asarray(pipe[:2].fit_transform(paths))
    seen = []

    def keep(module, inputs):
        # The network begins with a batch norm over the spectrogram.
        if isinstance(module, BatchNorm2d) and module.num_features == 1:
            seen.extend(inputs[0][:, 0].cpu().numpy().copy())

    found = {"n_threads": torch.get_num_threads()}
    watch_front_end()
    hook = register_module_forward_pre_hook(keep)
    for name, work in {
        "fit": lambda: pipe.fit(paths, y),
        "predict_proba": lambda: pipe.predict_proba(paths),
    }.items():
        seen.clear()
        CALLS.clear()
        work()
        found[name] = {
            "n_chunks": len(seen),
            "max_difference": max(difference(chunk, whole) for chunk in seen),
        }
    hook.remove()
    # Of predictions, whose chunks overlap.
    found["samples"] = sum(samples for _, samples in CALLS)
    return found


def difference(chunk, whole):
    """Return the largest difference between a chunk and the cut that is most like it.

    The cut is that whose middle column is nearest: it may be of any clip, from any
    frame on, so that nothing needs to be known of how chunks are laid.
    """
    size = chunk.shape[-1]
    middle = size // 2
    last = whole.shape[-1] - size + 1
    columns = whole[:, :, middle : middle + last]
    distance = np.abs(columns - chunk[:, middle, np.newaxis]).sum(axis=1)
    clip, start = np.unravel_index(distance.argmin(), distance.shape)
    return float(np.abs(whole[clip, :, start : start + size] - chunk).max())


if __name__ == "__main__":
    mode, folder, n_filters, cache_bytes, n_epochs, device = sys.argv[1:]
    # A few epochs are enough to time one.
    warnings.filterwarnings("ignore", "fit takes .* steps")
    # The paper's front-end has one.
    warnings.filterwarnings("ignore", ".* mel bands are empty")
    set_config(decode_cache_bytes=int(cache_bytes))
    recipe = make_recipe(
        "short_chunk",
        clf__n_filters=int(n_filters) or None,
        clf__max_epochs=int(n_epochs),
        # The paper's stages need clips to validate on.
        clf__lr_schedule=None,
        clf__stages=None,
        clf__cache_bytes=0,
        clf__callbacks=[FrontEnd()],
        clf__device=device,
        clf__random_state=0,
    )
    files = sorted(map(str, Path(folder).glob("*.wav")))
    run = {"time": time_epochs, "check": compare_chunks}[mode]
    print(json.dumps(run(recipe, files, np.arange(len(files)) % 2)))
