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
from torch.utils.data import Dataset

from sktag.estimators._chunks import random_starts

# Batches that are being decoded while the network is busy with one.
_AHEAD = 2


class ClipDataset(Dataset):
    """Clips or chunks of clips, and their targets, fetched a whole batch at a time.

    Chunks are cut as early as the recipe allows: what comes after, random ops included,
    is done to chunks alone.

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
        All clips, their ops up to the first random one done; None to read them each
        time.
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
        self.chunk = None if chunk is None else min(chunk, clips.shape[-1])
        self.starts = starts
        self.has_random_chunks = chunk is not None and starts is None
        self.rows = rows
        self.targets = torch.from_numpy(np.ascontiguousarray(targets))
        self.weights = torch.from_numpy(np.asarray(weights, dtype=np.float32))
        self.cache = cache
        self.n_threads = n_threads
        self.draws = None
        ops = clips.ops
        # Ops done in the cache; those that host threads do; where chunks are cut.
        self._n_cached = 0 if cache is None else n_deterministic(clips)
        on_host = [i for i, op in enumerate(ops) if op.random and op.host]
        self._n_host = max(self._n_cached, 1 + max(on_host, default=-1))
        self._cut_at = len(ops)
        while self._cut_at and _keeps_chunks(ops[self._cut_at - 1]):
            self._cut_at -= 1
        self._cut_at = max(self._cut_at, self._n_cached)

    def __len__(self):
        """Return the number of clips in the set."""
        return len(self.rows)

    def __getitem__(self, index):
        """Fetch one clip, as a batch of one."""
        return self.__getitems__([index])

    def draw(self, seed, epoch, *, augment):
        """Draw the chunks of an epoch, and say whether random ops draw for it too."""
        if self.has_random_chunks:
            starts = random_starts(self.clips.lengths, self.chunk, seed, epoch)
            self.starts = starts[self.rows]
        self.draws = (seed, epoch) if augment else None

    def __getitems__(self, indices):
        """Fetch a batch: clips (read, not finished), targets and weights."""
        indices = np.asarray(indices)
        rows = self.rows[indices]
        return self._read(rows, indices), self.targets[rows], self.weights[rows]

    def _read(self, rows, indices):
        """Return a batch as the host leaves it, its rows, and the cuts still to make.

        The cuts are which clip of the batch, and from where, for each chunk.
        """
        starts = None if self.chunk is None else self.starts[indices]
        cuts = None
        if starts is not None and self._cut_at == 0 and self.has_random_chunks:
            x = self.clips.read(rows, self.n_threads, starts=starts, width=self.chunk)
            x = torch.from_numpy(x)
        elif starts is not None and self._cut_at == self._n_cached and self._n_cached:
            x, cuts = self.cache, (rows, starts)
            rows = np.arange(len(x))
        else:
            if starts is not None:
                rows, which = np.unique(rows, return_inverse=True)
                cuts = which, starts
            if self.cache is not None:
                places = torch.from_numpy(rows)
                x = self.cache[places.to(self.cache.device, non_blocking=True)]
            else:
                x = torch.from_numpy(self.clips.read(rows, self.n_threads))
        state = x, rows, cuts
        if self._n_host > self._n_cached:
            state = self._compute(state, self._n_cached, self._n_host)
        return state

    def finish(self, read, device):
        """Bring a batch to the device, and do there what is left to do."""
        x, rows, cuts = read
        if x is not self.cache:
            x = x.to(device, non_blocking=True)
        x, *_ = self._compute((x, rows, cuts), self._n_host, len(self.clips.ops) + 1)
        return x.to(device, non_blocking=True)

    def _compute(self, state, first, last):
        """Do some of the ops, and cut chunks before the one where that is due."""
        x, rows, cuts = state
        with torch.no_grad():
            for index in range(first, last):
                if cuts is not None and index >= self._cut_at:
                    which, starts = cuts
                    x = torch.stack(
                        [
                            x[i, ..., start : start + self.chunk]
                            for i, start in zip(which, starts, strict=True)
                        ]
                    )
                    rows, cuts = rows[which], None
                if index == len(self.clips.ops):
                    break
                op = self.clips.ops[index]
                if not op.random:
                    x = op(x)
                elif self.draws is not None:
                    seed, epoch = self.draws
                    x = op.augment(x, seed=seed, epoch=epoch, rows=rows, index=index)
        return x, rows, cuts


def n_deterministic(clips):
    """Count the ops of a recipe before the first random one.

    Parameters
    ----------
    clips : ClipArray
        The recipe.

    Returns
    -------
    int
        All of them, where none is random.
    """
    random = [i for i, op in enumerate(clips.ops) if op.random]
    return random[0] if random else len(clips.ops)


def _keeps_chunks(op):
    """Tell whether an op may be done to a chunk as well as to the whole clip."""
    return op.takes_chunks if op.random else op.pointwise


class Batches:
    """The batches of an epoch, in an order drawn from the seed and the epoch.

    Batches differ in size by one item at most, and none is a single one if there are
    two, which batch normalisation needs. Without a seed, clips are not augmented and
    chunks of a clip are read together.

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
    augment : bool, default=True
        Whether random ops are done, given a seed.
    """

    def __init__(self, dataset, batch_size, device, seed=None, epoch=0, augment=True):
        self.dataset = dataset
        self.batch_size = batch_size
        self.device = device
        self.seed = seed
        self.epoch = epoch
        self.augment = augment

    def __len__(self):
        """Return the number of batches."""
        n_rows = len(self.dataset)
        n_parts = -(-n_rows // self.batch_size)
        return n_parts if self.seed is None else max(1, min(n_parts, n_rows // 2))

    def __iter__(self):
        """Yield clips, and their targets and weights, on the device."""
        dataset = self.dataset
        order = np.arange(len(dataset))
        if self.seed is None:
            dataset.draws = None
            parts = self._parts_by_clip()
        else:
            dataset.draw(self.seed, self.epoch, augment=self.augment)
            order = np.random.default_rng([self.seed, self.epoch]).permutation(order)
            parts = np.array_split(order, len(self)) if len(order) else []
        self.epoch += 1

        def fetch(part):
            (x, *how), targets, weights = dataset.__getitems__(part)
            if self.device.type == "cuda" and x.device.type == "cpu":
                # A copy to the device is asynchronous from pinned memory alone.
                x = x if x is dataset.cache else x.pin_memory()
            return (x, *how), targets, weights

        # Rows in memory are there at once; a thread would only cost time.
        at_hand = dataset.cache is not None or dataset.clips.before(0).in_memory
        fetched = map(fetch, parts) if at_hand else ahead(fetch, parts)
        for x, targets, weights in fetched:
            targets = targets.to(self.device, non_blocking=True)
            weights = weights.to(self.device, non_blocking=True)
            whole = dataset.finish(x, self.device), targets, weights
            # All chunks of a clip may be too many.
            most = len(targets) if self.seed is not None else self.batch_size
            for some, *labels in zip(*(t.split(most) for t in whole), strict=True):
                yield some, tuple(labels)

    def _parts_by_clip(self):
        """Return the items in order, all chunks of a clip in the same part."""
        rows = self.dataset.rows
        if not len(rows):
            return []
        new_clip = np.flatnonzero(np.diff(rows, prepend=-1))
        most = np.diff(new_clip, append=len(rows)).max()
        borders = new_clip[:: max(1, self.batch_size // most)]
        return np.split(np.arange(len(rows)), borders[1:])


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
        The clips, their ops up to the first random one done, on the device, or on the
        host where it has no room or is to change them.
    message : str
        What is cached and where, or why not.
    """
    rest = clips.ops[n_deterministic(clips) :]
    clips = clips.before(len(clips.ops) - len(rest))
    size = f"{clips.nbytes / 2**20:.0f} MiB of {clips.kind}s"
    if clips.in_memory and device.type == "cpu":
        return None, f"{size} are in memory"
    if clips.nbytes > limit:
        return None, (
            f"{size} are computed anew in each epoch: they exceed "
            f"cache_bytes={limit} (cache_bytes={clips.nbytes} would keep them)"
        )
    home = device
    room = torch.cuda.mem_get_info(device)[0] // 2 if device.type == "cuda" else 0
    if clips.nbytes > room or any(op.random and op.host for op in rest):
        home = torch.device("cpu")
    cache = torch.empty(clips.shape, dtype=torch.float32, device=home)
    start = 0
    for x in progress(read_batches(clips, batch_size, device, n_threads)):
        cache[start : start + len(x)] = x
        start += len(x)
    return cache, f"{size} are computed once and cached on {home}"
