"""Deterministic work is done once in a fit, as far as the cache has room."""

import numpy as np
import torch

from sktag.training._batches import read_batches, read_each
from sktag.training._data import ClipDataset, n_deterministic


def fill_cache(clips, limit, batch_size, device, n_threads=None, progress=iter):
    """Compute all clips once, up to the first random op, and keep them if they fit.

    Returns the cache, on the host if the device has no room or the next op runs there,
    or None; and a message that says what is cached and where, or why not.
    """
    rest = clips.ops[n_deterministic(clips) :]
    clips = clips.before(len(clips.ops) - len(rest))
    n_bytes = 4 * int(clips.widths.sum() * np.prod(clips.shape[1:-1]))
    size = f"{n_bytes / 2**20:.0f} MiB of {clips.kind}s"
    if clips.in_memory and device.type == "cpu":
        return None, f"{size} are in memory"
    if n_bytes > limit:
        return None, (
            f"{size} are computed anew in each epoch: they exceed "
            f"cache_bytes={limit} (cache_bytes={n_bytes} would keep them)"
        )
    home = device
    room = torch.cuda.mem_get_info(device)[0] // 2 if device.type == "cuda" else 0
    if n_bytes > room or any(op.random and op.host for op in rest):
        home = torch.device("cpu")
    if clips.widths.min() < clips.shape[-1]:
        each = progress(read_each(clips, device, n_threads))
        cache = [x.to(home) for x in each]
        return cache, f"{size} are computed once and cached on {home}"
    cache = torch.empty(clips.shape, dtype=torch.float32, device=home)
    start = 0
    for x in progress(read_batches(clips, batch_size, device, n_threads)):
        cache[start : start + len(x)] = x
        start += len(x)
    return cache, f"{size} are computed once and cached on {home}"


def make_datasets(plan, train, valid, *, reads=True):
    """Return the data sets of a training and of its validation, which may be None.

    With ``reads=False`` nothing will be read, so nothing is cached.
    """
    cache = _cached(plan, train.clips, plan.cache_bytes) if reads else None
    sets = [_dataset(plan, train, cache, draws=plan.train_chunks == "random"), None]
    if valid is not None:
        if valid.clips is not train.clips:
            used = sum(clip.nbytes for clip in cache) if cache is not None else 0
            room = max(plan.cache_bytes - used, 0)
            cache = _cached(plan, valid.clips, room) if reads else None
        sets[1] = _dataset(plan, valid, cache, draws=False)
    return sets


def _dataset(plan, part, cache, *, draws):
    starts = plan.chunks.starts(part.clips)
    chunk = None if starts is None else plan.chunks.size
    return ClipDataset(part, chunk, None if draws else starts, cache, plan.n_threads)


def _cached(plan, clips, limit):
    from sktag.training._callbacks import progress_bar

    def progress(batches):
        size = 1 if clips.is_ragged else plan.batch_size
        total = -(-len(clips) // size)
        return progress_bar(batches, total=total, desc="read")

    cache, message = fill_cache(
        clips,
        limit,
        plan.batch_size,
        plan.device,
        plan.n_threads,
        progress if plan.verbose else iter,
    )
    if plan.verbose:
        print(f"{plan.label}: {message}")
    return cache
