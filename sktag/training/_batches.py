"""Batches for the network: decoded by host threads, finished on the device.

Requirements this design meets: no other process reads audio; host threads run a few
batches ahead of the network; waveforms go to the device once, and front-end and scaling
run there in batches; batches depend on the seed and the epoch alone, not on threads.
"""

from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from sktag.training._data import ClipDataset, Part

# Batches that are decoded while the network is busy with one.
_AHEAD = 2


def count_batches(n_items, batch_size):
    """Count the batches of a training epoch: none is of one item if there are more.

    Batch normalisation needs two. Batches differ in size by one item at most.
    """
    return max(1, min(-(-n_items // batch_size), n_items // 2))


class Batches:
    """The batches of a data set: of an epoch, which needs a seed, or in order."""

    def __init__(self, dataset, batch_size, device, seed=None):
        self.dataset = dataset
        self.batch_size = batch_size
        self.device = device
        self.seed = seed

    def __len__(self):
        """Return the number of batches, in training or in order."""
        n_items = len(self.dataset)
        if self.seed is None:
            return -(-n_items // self.batch_size)
        return count_batches(n_items, self.batch_size)

    def epoch(self, number, *, augment=True):
        """Yield the batches of an epoch in an order drawn from seed and number."""
        order = np.random.default_rng([self.seed, number])
        order = order.permutation(len(self.dataset))
        parts = np.array_split(order, len(self)) if len(order) else []
        draws = self.dataset.draw(self.seed, number, augment=augment)
        for x, *labels in self._finished(parts, draws):
            yield x, tuple(labels)

    def in_order(self):
        """Yield clean batches in the order of the rows, as `epoch` does.

        All chunks of a clip are read together, but are yielded in batches of at most
        `batch_size`.
        """
        for whole in self._finished(self._parts_by_clip(), self.dataset.clean()):
            some = (tensor.split(self.batch_size) for tensor in whole)
            for x, *labels in zip(*some, strict=True):
                yield x, tuple(labels)

    def _finished(self, parts, draws):
        """Yield (x, targets, weights) on the device for lists of items."""
        dataset = self.dataset

        def fetch(part):
            batch, targets, weights = dataset.read(part, draws)
            x = batch.x
            is_on_host = x.device.type == "cpu" and x is not dataset.cache
            if self.device.type == "cuda" and is_on_host:
                # Copies to the device are asynchronous from pinned memory only.
                batch = batch._replace(x=x.pin_memory())
            return batch, targets, weights

        # Rows in memory need no thread.
        at_hand = dataset.cache is not None or dataset.clips.before(0).in_memory
        fetched = map(fetch, parts) if at_hand else _ahead(fetch, parts)
        for batch, targets, weights in fetched:
            targets = targets.to(self.device, non_blocking=True)
            weights = weights.to(self.device, non_blocking=True)
            yield dataset.finish(batch, draws, self.device), targets, weights

    def _parts_by_clip(self):
        """Return the items in order, all chunks of a clip in the same part."""
        rows = self.dataset.rows
        if not len(rows):
            return []
        new_clip = np.flatnonzero(np.diff(rows, prepend=-1))
        most = np.diff(new_clip, append=len(rows)).max()
        borders = new_clip[:: max(1, self.batch_size // most)]
        return np.split(np.arange(len(rows)), borders[1:])


def _ahead(function, items):
    """Map in a thread that runs a few items ahead of the consumer."""
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


def read_batches(clips, batch_size, device, n_threads=None, chunks=None):
    """Compute clips in order, or their chunks, clip by clip."""
    nothing = np.zeros(len(clips), dtype=np.float32)
    part = Part(clips, np.arange(len(clips)), nothing, nothing)
    starts = None if chunks is None else chunks.starts(clips)
    chunk = None if starts is None else chunks.size
    dataset = ClipDataset(part, chunk, starts, n_threads=n_threads)
    for x, _ in Batches(dataset, batch_size, device).in_order():
        yield x
