"""Batches for the network: decoded by host threads, finished on the device.

What this design meets: no process but ours reads audio; host threads run a few batches
ahead of the network; waveforms go to the device once, and front-end and scaling run
there in batches; whatever is deterministic is computed once in a fit, if it fits the
cache; batches depend on the seed and the epoch alone, not on threads.
"""

from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import Dataset

from sktag.estimators._chunks import random_starts

# Batches that are being decoded while the network is busy with one.
_AHEAD = 2


class ClipDataset(Dataset):
    """Clips or chunks of clips, and their targets, fetched a whole batch at a time.

    Parameters
    ----------
    clips : ClipArray
        All clips given to `fit`.
    rows : ndarray of int of shape (n,)
        Which of them the items of this set are of.
    targets : ndarray of shape (n_clips, ...)
        Targets of all clips.
    weights : ndarray of shape (n_clips,)
        Weights of all clips.
    cache : Tensor of shape (n_clips, ...), optional
        All clips, computed; None to read them each time.
    n_threads : int, optional
        Files decoded at a time.
    chunk : int, optional
        Columns of an item; None for whole clips.
    starts : ndarray of int of shape (n,), optional
        First column of each item, for chunks; drawn for each epoch where None.
    """

    def __init__(
        self,
        clips,
        rows,
        targets,
        weights,
        cache=None,
        n_threads=None,
        *,
        chunk=None,
        starts=None,
    ):
        self.clips = clips
        self.chunk = chunk
        self.starts = starts
        self.is_random = chunk is not None and starts is None
        self.rows = rows
        self.targets = torch.from_numpy(np.ascontiguousarray(targets))
        self.weights = torch.from_numpy(np.asarray(weights, dtype=np.float32))
        self.cache = cache
        self.n_threads = n_threads

    def __len__(self):
        """Return the number of clips in the set."""
        return len(self.rows)

    def __getitem__(self, index):
        """Fetch one clip, as a batch of one."""
        return self.__getitems__([index])

    def draw(self, seed, epoch):
        """Draw the chunks of an epoch, if they are random."""
        if self.is_random:
            starts = random_starts(self.clips.lengths, self.chunk, seed, epoch)
            self.starts = starts[self.rows]

    def __getitems__(self, indices):
        """Fetch a batch: clips (read, not finished), targets and weights."""
        indices = np.asarray(indices)
        rows = self.rows[indices]
        return self._read(rows, indices), self.targets[rows], self.weights[rows]

    def _read(self, rows, indices):
        """Return clips, and how to cut chunks of them: which clip, and from where."""
        if self.chunk is None:
            if self.cache is not None:
                return self.cache[torch.from_numpy(rows).to(self.cache.device)], None
            return torch.from_numpy(self.clips.read(rows, self.n_threads)), None
        starts = self.starts[indices]
        if self.cache is not None:
            return self.cache, list(zip(rows, starts, strict=True))
        if self.is_random and all(op.pointwise for op in self.clips.ops):
            x = self.clips.read(rows, self.n_threads, starts=starts, width=self.chunk)
            return torch.from_numpy(x), None
        rows, which = np.unique(rows, return_inverse=True)
        x = torch.from_numpy(self.clips.read(rows, self.n_threads))
        return x, list(zip(which, starts, strict=True))

    def finish(self, read, device):
        """Bring clips to the device, do there what is left to do, and cut chunks."""
        x, cuts = read
        if self.cache is None:
            x = x.to(device, non_blocking=True)
            with torch.no_grad():
                for op in self.clips.ops:
                    x = op(x)
        if cuts is not None:
            x = torch.stack([_cut(x[i], start, self.chunk) for i, start in cuts])
        return x.to(device, non_blocking=True)


def _cut(clip, start, width):
    """Return some columns of a clip, silence where it ends before."""
    part = clip[..., start : start + width]
    return functional.pad(part, (0, width - part.shape[-1]))


class Batches:
    """The batches of an epoch, in an order drawn from the seed and the epoch.

    Batches differ in size by one clip at most, so that none is a single clip, which
    batch normalisation cannot take.

    Parameters
    ----------
    dataset : ClipDataset
        What to draw from.
    batch_size : int
        Largest batch.
    device : torch.device
        Where batches are wanted.
    seed : int, optional
        Seed of the order; None keeps the order of the rows.
    epoch : int, default=0
        Number of the first epoch; each iteration is one.
    """

    def __init__(self, dataset, batch_size, device, seed=None, epoch=0):
        self.dataset = dataset
        self.batch_size = batch_size
        self.device = device
        self.seed = seed
        self.epoch = epoch

    def __len__(self):
        """Return the number of batches."""
        return -(-len(self.dataset) // self.batch_size)

    def __iter__(self):
        """Yield clips, and their targets and weights, on the device."""
        order = np.arange(len(self.dataset))
        if self.seed is not None:
            self.dataset.draw(self.seed, self.epoch)
            order = np.random.default_rng([self.seed, self.epoch]).permutation(order)
        self.epoch += 1
        parts = np.array_split(order, len(self)) if len(self) else []
        fetch = self.dataset.__getitems__
        # Rows in memory are there at once; a thread would only cost time.
        at_hand = self.dataset.cache is not None or self.dataset.clips.in_memory
        fetched = map(fetch, parts) if at_hand else ahead(fetch, parts)
        for x, targets, weights in fetched:
            targets = targets.to(self.device, non_blocking=True)
            weights = weights.to(self.device, non_blocking=True)
            yield self.dataset.finish(x, self.device), (targets, weights)


def ahead(function, items):
    """Map in a thread that runs a few items ahead of the consumer.

    Parameters
    ----------
    function : callable
        What is done to each item.
    items : iterable
        What it is done to.

    Yields
    ------
    object
        The results, in order.
    """
    pool = ThreadPoolExecutor(1)
    try:
        pending = deque()
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > _AHEAD:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def read_batches(clips, batch_size, device, n_threads=None, *, chunk=None, starts=None):
    """Compute clips, or chunks of them, in order, on the device, a batch at a time.

    Parameters
    ----------
    clips : ClipArray
        What to compute.
    batch_size : int
        Clips at a time.
    device : torch.device
        Where.
    n_threads : int, optional
        Files decoded at a time.
    chunk : int, optional
        Columns of a chunk; None for whole clips.
    starts : ndarray of int of shape (n_clips, n_chunks), optional
        First columns of the chunks.

    Yields
    ------
    Tensor of shape (n, ...)
        Computed clips, or chunks, those of a clip one after the other.
    """
    nothing = np.zeros(len(clips), dtype=np.float32)
    n_chunks = 1 if starts is None else starts.shape[1]
    dataset = ClipDataset(
        clips,
        np.repeat(np.arange(len(clips)), n_chunks),
        nothing,
        nothing,
        n_threads=n_threads,
        chunk=chunk,
        starts=None if starts is None else starts.ravel(),
    )
    for x, _ in Batches(dataset, batch_size, device):
        yield x


def fill_cache(clips, limit, batch_size, device, n_threads=None, progress=iter):
    """Compute all clips once and keep them, if they fit.

    Parameters
    ----------
    clips : ClipArray
        What to compute.
    limit : int
        Bytes the clips may take.
    batch_size : int
        Clips computed at a time.
    device : torch.device
        Where the network is.
    n_threads : int, optional
        Files decoded at a time.
    progress : callable, optional
        Wraps the iterable of batches, to show how far it is.

    Returns
    -------
    cache : Tensor of shape (n_clips, ...) or None
        The clips on the device, or on the host where the device has no room.
    message : str
        What is cached and where, or why not.
    """
    size = f"{clips.nbytes / 2**20:.0f} MiB of {clips.kind}s"
    if clips.in_memory and device.type == "cpu":
        return None, f"{size} are in memory"
    if clips.nbytes > limit:
        return None, (
            f"{size} are computed anew in each epoch: they exceed "
            f"cache_bytes={limit} (cache_bytes={clips.nbytes} would keep them)"
        )
    home = device
    if device.type == "cuda" and clips.nbytes > torch.cuda.mem_get_info(device)[0] // 2:
        home = torch.device("cpu")
    cache = torch.empty(clips.shape, dtype=torch.float32, device=home)
    start = 0
    for x in progress(read_batches(clips, batch_size, device, n_threads)):
        cache[start : start + len(x)] = x
        start += len(x)
    return cache, f"{size} are computed once and cached on {home}"
