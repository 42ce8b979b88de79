"""Batches for the network: decoded by host threads, finished on the device.

Requirements this design meets: no other process reads audio; host threads run a few
batches ahead of the network; waveforms go to the device once, and front-end and scaling
run there in batches; batches depend on the seed and the epoch alone, not on threads.
"""

from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

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
            if self.device.type == "cuda" and batch.x is not dataset.cache:
                batch = batch._replace(x=_pinned(batch.x))
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
        parts, begin, end = [], 0, 0
        for count in self.dataset.counts:
            if end > begin and end + count - begin > self.batch_size:
                parts.append(np.arange(begin, end))
                begin = end
            end += count
        return [*parts, np.arange(begin, end)] if end else []


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


def _pinned(x):
    """Return a batch in pinned memory, from which copies to a GPU are asynchronous."""
    if isinstance(x, list):
        return [_pinned(clip) for clip in x]
    return x.pin_memory() if x.device.type == "cpu" else x


def read_batches(clips, batch_size, device, n_threads=None, starts=None, chunk=None):
    """Compute clips in order, or their chunks that begin at `starts`, clip by clip."""
    nothing = np.zeros(len(clips), dtype=np.float32)
    part = Part(clips, np.arange(len(clips)), nothing, nothing)
    dataset = ClipDataset(part, chunk, starts, n_threads=n_threads)
    for x, _ in Batches(dataset, batch_size, device).in_order():
        yield x


def read_each(clips, device, n_threads=None):
    """Compute clips that have lengths of their own, one by one, in order."""

    def read(rows):
        return clips.read_each(rows, clips.source_widths[rows], n_threads)

    for read_clips in _ahead(read, clips.portions()):
        for clip in read_clips:
            x = torch.from_numpy(clip[np.newaxis]).to(device)
            with torch.no_grad():
                for op in clips.ops:
                    x = op(x)
            yield x[0]
