"""The clips to train on and those to validate on, as the items of a training."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_consistent_length

from sktag._compat import _check_sample_weight
from sktag.clips import ClipArray
from sktag.clips._inputs import as_clips_like, check_kind
from sktag.estimators._labels import align_tags, tag_names
from sktag.estimators._loading import ClipDataset, fill_cache


@dataclass
class Part:
    """Some of the clips given to `fit`.

    Parameters
    ----------
    clips : ClipArray
        All clips given as X, or as X_val.
    rows : ndarray of int
        Which of them.
    codes : ndarray of shape (n_clips, ...)
        Targets of all clips.
    weights : ndarray of shape (n_clips,)
        Weights of all clips.
    """

    clips: ClipArray
    rows: np.ndarray
    codes: np.ndarray
    weights: np.ndarray


@dataclass
class Validation:
    """What the user gave to validate on, or how to keep clips apart for it.

    Parameters
    ----------
    X, y, sample_weight : object, optional
        What was given as X_val, y_val and sample_weight_val.
    groups : array of shape (n_clips,), optional
        Clips of a group stay on one side where clips are kept apart.

    Attributes
    ----------
    clips : ClipArray or None
        X, which went the way of the clips to train on.
    labels : ndarray or None
        y, checked.
    """

    X: object = None
    y: object = None
    sample_weight: object = None
    groups: object = None
    clips: ClipArray | None = None
    labels: np.ndarray | None = None

    @property
    def identity(self):
        """What makes the validation: it is part of what makes a fit."""
        return [self.clips, self.labels, self.sample_weight, self.groups]

    def check(self, estimator, clips, y):
        """Set `clips` and `labels`, if they are given.

        Parameters
        ----------
        estimator : BaseTagger
            What is fitted.
        clips : ClipArray
            The clips to train on.
        y : object
            What the user gave with them.

        Raises
        ------
        ValueError
            If what is given does not fit together, or the clips to train on.
        """
        if self.groups is not None:
            check_consistent_length(clips, self.groups)
        if self.X is None and self.y is None:
            if self.sample_weight is not None:
                raise ValueError(
                    "sample_weight_val is given without X_val and y_val, of which it "
                    "is the weights: give them too."
                )
            return
        if self.X is None or self.y is None:
            raise ValueError(
                "of X_val and y_val one is given and the other is not: give both, or "
                "none (early_stopping=True then keeps validation_fraction apart)."
            )
        try:
            if np.shape(self.X)[:1] == (0,):
                raise ValueError("X_val is empty: give clips, or no X_val.")
            labels = estimator._check_y(align_tags(self.y, tag_names(y)))
            given = self._as_clips(estimator, clips)
            check_consistent_length(given, labels)
            check_kind(given, estimator._takes, type(estimator).__name__)
            estimator._check_shape(given, clips.shape)
        except (TypeError, ValueError) as error:
            error.add_note(
                "This is said of X_val and y_val. Where X is an array, X_val is one on "
                "which the same steps were done; clips and paths go through the steps."
            )
            raise
        self.clips, self.labels = given, labels

    def _as_clips(self, estimator, clips):
        """Return X_val as clips."""
        is_raw = clips.in_memory and not isinstance(self.X, ClipArray)
        # What was trained on as it is is validated on as it is.
        return (
            estimator._as_clips(self.X, reset=False)
            if is_raw
            else as_clips_like(self.X, clips)
        )

    def part(self, estimator):
        """Return what was given as a part, once `check` has set it.

        Parameters
        ----------
        estimator : BaseTagger
            What is fitted; its targets are made.

        Returns
        -------
        Part
            All of it.
        """
        try:
            codes = estimator._targets.encode(self.labels)
        except ValueError as error:
            error.add_note("This is said of y_val.")
            raise
        weights = _check_sample_weight(
            self.sample_weight, codes, dtype=np.float64, ensure_non_negative=True
        )
        weights = weights * estimator._targets.row_weights(codes)
        if not weights.any():
            raise ValueError(
                "the weights of all clips of X_val are 0: sample_weight_val and "
                "class_weight must leave some."
            )
        rows = np.arange(len(self.clips))
        return Part(self.clips, rows, codes, weights / weights.mean())


def make_items(estimator, train, valid, device):
    """Return the items of a training and of its validation.

    Parameters
    ----------
    estimator : BaseTagger
        What has the parameters.
    train : Part
        To train on.
    valid : Part or None
        To validate on.
    device : torch.device or None
        Where the network is; None where nothing is to be read.

    Returns
    -------
    list of (ClipDataset, ClipDataset or None)
        Whole clips, or chunks of them: one a clip drawn anew each epoch, or all.
    """
    cache = _fill_cache(estimator, train.clips, device, estimator.cache_bytes)
    items = [_items(estimator, train, cache, is_training=True), None]
    if valid is not None:
        if valid.clips is not train.clips:
            used = 0 if cache is None else cache.nbytes
            room = max(estimator.cache_bytes - used, 0)
            cache = _fill_cache(estimator, valid.clips, device, room)
        items[1] = _items(estimator, valid, cache, is_training=False)
    return items


def _items(estimator, part, cache, *, is_training):
    starts = estimator._starts(part.clips)
    rows, at, chunk = part.rows, None, None
    if starts is not None:
        chunk = estimator._chunk
        if not (is_training and estimator.train_chunks == "random"):
            rows, at = np.repeat(rows, starts.shape[1]), starts[rows].ravel()
    return ClipDataset(
        part.clips,
        rows,
        part.codes,
        part.weights,
        cache,
        estimator.n_threads,
        chunk=chunk,
        starts=at,
    )


def _fill_cache(estimator, clips, device, limit):
    if device is None:
        return None
    # Imported here, since skorch is slow to import.
    from sktag.estimators._callbacks import progress_bar

    def progress(batches):
        total = -(-len(clips) // estimator.batch_size)
        return progress_bar(batches, total=total, desc="read")

    cache, message = fill_cache(
        clips,
        limit,
        estimator.batch_size,
        device,
        estimator.n_threads,
        progress if estimator.verbose else iter,
    )
    if estimator.verbose:
        print(f"{type(estimator).__name__}: {message}")
    return cache
