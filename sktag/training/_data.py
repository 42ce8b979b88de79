"""What a training reads: clips or chunks of clips, with targets and weights.

A batch is made in two steps. Host threads `read`: they decode, cut chunks as early as
the recipe allows, and run the random ops that need the host. The consumer's device then
runs what is left, in `finish`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch.nn.functional import pad
from torch.utils.data import Dataset

from sktag.clips import ClipArray
from sktag.training._chunks import margins_of, random_starts


@dataclass(frozen=True, eq=False)
class Part:
    """Some rows of the clips given to `fit`, as X or as X_val.

    Parameters
    ----------
    clips : ClipArray
        All clips.
    rows : ndarray of int of shape (n_rows,)
        The rows of this part.
    codes : ndarray of shape (n_clips, ...)
        Encoded targets of all clips.
    weights : ndarray of shape (n_clips,)
        Weights of all clips.
    """

    clips: ClipArray
    rows: np.ndarray
    codes: np.ndarray
    weights: np.ndarray


class Draws(NamedTuple):
    """What is drawn for one epoch: chunks, and the key of the random ops.

    `starts` is the first column of each item, None for whole clips; `key` is (seed,
    epoch), None for clean clips.
    """

    starts: np.ndarray | None
    key: tuple[int, int] | None


class Batch(NamedTuple):
    """A batch on its way through the recipe.

    Parameters
    ----------
    x : Tensor or list of Tensor
        Clips or parts of clips, after some of the ops.
    rows : ndarray of int
        Position in X of each element of `x`.
    cut : (int, ndarray, ndarray), optional
        Chunks yet to be cut: before which op, from which element, at which column.
    offsets : ndarray of int, optional
        Where chunks begin in their parts; None where a part is the chunk.
    """

    x: torch.Tensor | list[torch.Tensor]
    rows: np.ndarray
    cut: tuple[int, np.ndarray, np.ndarray] | None = None
    offsets: np.ndarray | None = None


class ClipDataset(Dataset):
    """Clips or chunks, with targets and weights, read a whole batch at a time.

    An item is a clip; or, with `chunk`, each chunk of a clip that begins at one of its
    `starts`; or, without `starts`, one chunk per clip that is drawn for each epoch.
    `cache` holds all clips after the ops before the first random one: a tensor, or a
    list where clips have lengths of their own.
    """

    def __init__(self, part, chunk=None, starts=None, cache=None, n_threads=None):
        self.clips = part.clips
        self.chunk = None if chunk is None else min(chunk, part.clips.shape[-1])
        self.rows, self.starts = part.rows, None
        self.counts = np.ones(len(part.rows), dtype=int)
        if starts is not None and len(part.rows):
            each = [starts[row] for row in part.rows]
            self.counts = np.array([len(some) for some in each])
            self.rows = np.repeat(part.rows, self.counts)
            self.starts = np.concatenate(each)
        self.targets = torch.from_numpy(np.ascontiguousarray(part.codes))
        self.weights = torch.from_numpy(np.asarray(part.weights, dtype=np.float32))
        self.cache = cache
        self.n_threads = n_threads

    def __len__(self):
        """Return the number of items."""
        return len(self.rows)

    @cached_property
    def _n_cached(self):
        """Ops that were applied before caching."""
        return 0 if self.cache is None else n_deterministic(self.clips)

    @cached_property
    def _n_host(self):
        """Ops that host threads apply."""
        ops = enumerate(self.clips.ops)
        on_host = [i for i, op in ops if op.random and op.host]
        return max(self._n_cached, 1 + max(on_host, default=-1))

    @cached_property
    def _crop_at(self):
        """First op from which on chunks are processed as if they were clips."""
        at = len(self.clips.ops)
        while at > self._n_cached and _takes_chunks(self.clips.ops[at - 1]):
            at -= 1
        return at

    @cached_property
    def _cut_at(self):
        """First op that can be applied to parts of clips."""
        at, ops = self._crop_at, self.clips.ops
        # Random ops before a front-end see the clip: a part has other edges.
        while at > self._n_cached and not (ops[at - 1].whole or ops[at - 1].random):
            at -= 1
        return at

    @cached_property
    def _margins(self):
        """The parts that chunks are computed from, cut before op `_cut_at`."""
        ops = self.clips.ops[self._cut_at : self._crop_at]
        n_columns = int(self._n_columns.max(initial=0))
        return margins_of(ops, self.chunk, n_columns, is_ragged=self._is_ragged)

    @cached_property
    def _is_ragged(self):
        """Whether clips differ in length; one recording does not from itself."""
        return len(set(self.clips.source_widths.tolist())) > 1

    @cached_property
    def _n_columns(self):
        """Columns of each clip before op `_cut_at`."""
        return self.clips.before(self._cut_at).widths

    def draw(self, seed, epoch, *, augment):
        """Draw what is random in an epoch."""
        starts = self.starts
        if self.chunk is not None and starts is None:
            lengths = self.clips.lengths
            starts = random_starts(lengths, self.chunk, seed, epoch)[self.rows]
        return Draws(starts, (seed, epoch) if augment else None)

    def clean(self):
        """Return the draws of an epoch without any: fixed chunks, no random ops."""
        return Draws(self.starts, None)

    def read(self, indices, draws):
        """Read a batch, as far as the host takes it."""
        rows = self.rows[indices]
        starts = None if draws.starts is None else draws.starts[indices]
        batch = self._read(rows, starts)
        if self._n_host > self._n_cached:
            batch = self._compute(batch, self._n_cached, self._n_host, draws.key)
        return batch, self.targets[rows], self.weights[rows]

    def _read(self, rows, starts):
        """Return the source's or the cache's part of a batch."""
        if starts is None:
            return Batch(self._whole(rows), rows)
        unique, which = np.unique(rows, return_inverse=True)
        at, columns, width, offsets = self._crop_at, starts, self.chunk, None
        # A part that ends after a clip of its own length sees silence there, where the
        # front-end may pad the clip otherwise: good for training, not for answers.
        is_exact = not self._is_ragged or self.starts is None
        margins = self._margins if is_exact else None
        # Many chunks of one clip may be more work than the clip.
        if margins and len(rows) * margins.width < self._n_columns[unique].sum():
            at = self._cut_at
            columns = margins.part_starts(starts, self._n_columns[rows])
            width, offsets = margins.width, starts - columns // margins.hop
            if at == self._crop_at:
                offsets = None
            # Several parts of one file are cut from one decode of it.
            if at == 0 and self.cache is None and len(unique) == len(rows):
                x = self.clips.read(rows, self.n_threads, starts=columns, width=width)
                return Batch(torch.from_numpy(x), rows, None, offsets)
        if self.cache is not None and at == self._n_cached:
            # Cut on the device that has the cache.
            places = np.arange(len(self.cache))
            return Batch(self.cache, places, (at, rows, columns), offsets)
        return Batch(self._whole(unique), unique, (at, which, columns), offsets)

    def _whole(self, rows):
        """Return whole clips: a tensor, or a list if they have their own lengths."""
        if isinstance(self.cache, list):
            return [self.cache[row] for row in rows]
        if self.cache is None:
            widths = self.clips.source_widths[rows]
            if self.chunk is not None and len(set(widths.tolist())) > 1:
                clips = self.clips.read_each(rows, widths, self.n_threads)
                return [torch.from_numpy(clip) for clip in clips]
            width = None if self.chunk is None else int(widths[0])
            clips = self.clips.read(rows, self.n_threads, width=width)
            return torch.from_numpy(clips)
        places = torch.from_numpy(rows).to(self.cache.device, non_blocking=True)
        return self.cache[places]

    def finish(self, batch, draws, device):
        """Apply the rest of the recipe on a device."""
        if batch.x is not self.cache:
            batch = batch._replace(x=to_device(batch.x, device))
        end = len(self.clips.ops) + 1
        batch = self._compute(batch, self._n_host, end, draws.key)
        return to_device(batch.x, device)

    @torch.no_grad()
    def _compute(self, batch, first, last, key):
        """Apply ops `first` to `last`; cut and crop chunks where that is due."""
        x, rows, cut, offsets = batch
        ops = self.clips.ops
        for index in range(first, last):
            if cut is not None and index >= cut[0]:
                _, which, columns = cut
                width = self.chunk if offsets is None else self._margins.width
                x = _slices(x, which, columns, width)
                rows, cut = rows[which], None
            if offsets is not None and cut is None and index >= self._crop_at:
                x = _slices(x, range(len(x)), offsets, self.chunk)
                offsets = None
            if index == len(ops):
                break
            if isinstance(x, list):
                some = np.asarray(rows)[:, np.newaxis]
                x = [
                    _apply(ops[index], clip[None], row, key, index)[0]
                    for clip, row in zip(x, some, strict=True)
                ]
            else:
                x = _apply(ops[index], x, rows, key, index)
        return Batch(x, rows, cut, offsets)


def to_device(x, device):
    """Move a batch, or a list of clips, to a device."""
    if isinstance(x, list):
        return [clip.to(device, non_blocking=True) for clip in x]
    return x.to(device, non_blocking=True)


def _apply(op, x, rows, key, index):
    """Apply an op of the recipe; a random one only if there is a key."""
    if not op.random:
        return op(x)
    if key is None:
        return x
    seed, epoch = key
    return op.augment(x, seed=seed, epoch=epoch, rows=rows, index=index)


def _slices(x, which, columns, width):
    """Cut `width` columns out of elements of a batch; zeros follow their end."""
    places = zip(which, columns, strict=True)
    cuts = [x[i][..., start : start + width] for i, start in places]
    return torch.stack([pad(cut, (0, width - cut.shape[-1])) for cut in cuts])


def n_deterministic(clips):
    """Count the ops before the first random one."""
    random = [i for i, op in enumerate(clips.ops) if op.random]
    return random[0] if random else len(clips.ops)


def _takes_chunks(op):
    """Tell whether an op does the same to a chunk as to the whole clip."""
    return op.takes_chunks if op.random else op.pointwise
