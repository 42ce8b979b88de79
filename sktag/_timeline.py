"""Tags of recordings over time.

Requirements that the design meets:

- Recordings are answered one after the other, and a long one a minute at a time, so
  memory does not grow with their number, and little with their length.
- The rows of a recording depend on it alone, and are those of its whole spectrogram.
- Times are seconds in the file, so that labels fit the file in any other program.
"""

import os
from functools import partial
from numbers import Real
from typing import NamedTuple

import numpy as np
import torch
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sktag._torch import plain_torch
from sktag.clips import ClipArray
from sktag.clips._report import one_report
from sktag.clips._rows import rows_of
from sktag.clips._segments import as_excerpts
from sktag.estimators._base import BaseTagger
from sktag.training._batches import read_batches
from sktag.training._callbacks import progress_bar
from sktag.transformers import RawWave

# A span is computed at a time: about this many seconds of a recording, and windows of
# at most this many bytes.
_SPAN_SECONDS, _SPAN_BYTES = 60.0, 2**26
# Seconds after which a progress bar appears.
_PATIENCE = 3
_CPU = torch.device("cpu")
# Levels of the index of a timeline.
INDEX = ("file", "start", "end")


@one_report()
def predict_timeline(estimator, X, *, window=None, hop=None):
    """Predict the tags of recordings of any length over time.

    Windows lie over each recording at equal distances; the last one ends with it. The
    answers for a recording do not depend on the others.

    Parameters
    ----------
    estimator : Pipeline, search or estimator of sktag
        Fitted. A Pipeline that begins with :class:`RawWave`, whose `duration` does not
        crop here, takes paths; a search such as GridSearchCV over one likewise; an
        estimator of sktag takes clips.
    X : list, array, Series or DataFrame of paths; array of waveforms; or clips
        The recordings, as for :class:`RawWave`, or clips as for `predict`. In a table
        with offsets, each row is a recording.
    window : float > 0, default=None
        Length of a window, in seconds. None means the window of the training, a chunk
        or a whole clip. Shorter recordings are one window.
    hop : float > 0, default=None
        Seconds from the start of one window to that of the next. None means half a
        window.

    Returns
    -------
    pandas.DataFrame of shape (n_windows, n_outputs)
        Probabilities of the classes or tags, which are the columns, or the predicted
        numbers of a regressor; NaN for files that could not be read, which is an error
        unless RawWave has another `on_error`. The index has the levels "file" (the path
        as given, or the number of the row), "start" and "end" (in seconds in the file).

    Raises
    ------
    ImportError
        If pandas is missing.
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it is none of sktag's.
    ValueError
        If `window` or `hop` is not a positive number, if the network takes windows of
        the training's length only, or if X is not what the estimator takes.

    See Also
    --------
    sktag.export.write_labels : Write a timeline as labels of other programs.
    sktag.inspection.TimelineDisplay : Plot a timeline.

    Examples
    --------
    >>> from sktag import ClipArray, SampleCNNClassifier, predict_timeline
    >>> from sktag.testing import make_waves
    >>> X = ClipArray.from_array(make_waves(8, 2000), sample_rate=8000)
    >>> clf = SampleCNNClassifier(max_epochs=75, batch_size=2, random_state=0)
    >>> clf = clf.fit(X, list("abababab"))
    >>> long = ClipArray.from_array(make_waves(1, 5000), sample_rate=8000)
    >>> timeline = predict_timeline(clf, long)
    >>> timeline.index.to_list()
    [(0, 0.0, 0.25), (0, 0.125, 0.375), (0, 0.25, 0.5), (0, 0.375, 0.625)]
    >>> timeline.columns.to_list()
    ['a', 'b']
    """
    pandas = import_pandas("predict_timeline")
    for name, value in (("window", window), ("hop", hop)):
        if value is not None and not _is_positive(value):
            raise ValueError(
                f"{name}={value!r} must be a positive number of seconds, or None."
            )
    recordings = open_recordings(estimator, X)
    tagger, clips = recordings.tagger, recordings.clips
    rate = tagger._column_rate(clips)
    width = _width_of(tagger, window, rate)
    step = max(1, round(width / 2 if hop is None else hop * rate))
    rows, columns, values = [], [], []
    counts = [_count(n, width, step) for n in clips.lengths]
    with progress_bar(total=sum(counts), unit=" windows", delay=_PATIENCE) as bar:
        for row in range(len(clips)):
            for starts, answers in _spans(tagger, recordings.alone(row), width, step):
                rows += [row] * len(starts)
                columns.append(starts)
                values.append(answers)
                bar.update(len(starts))
    n_outputs = tagger._fitted.targets.n_outputs
    table = np.concatenate([np.empty((0, n_outputs)), *values])
    table[np.isin(rows, clips.failed)] = np.nan  # silence in place of a file
    begins = np.concatenate([[], *columns]) / rate
    ends = np.minimum(begins + width / rate, recordings.seconds[rows])
    offsets = recordings.offsets[rows]
    files = [recordings.files[row] for row in rows]
    return pandas.DataFrame(
        table,
        pandas.MultiIndex.from_arrays(
            [files, begins + offsets, ends + offsets], names=INDEX
        ),
        _names_of(tagger, n_outputs),
    )


def import_pandas(caller):
    """Return pandas, or raise an ImportError with install instructions."""
    try:
        import pandas
    except ImportError as error:
        raise ImportError(
            f'{caller} needs pandas: pip install "sktag[pandas]"'
        ) from error
    return pandas


class Recordings(NamedTuple):
    """Recordings of any length, as clips that an estimator takes.

    `files` has their paths or numbers, `offsets` where the clips begin in their files,
    in seconds.
    """

    tagger: BaseTagger
    clips: ClipArray
    files: list
    offsets: np.ndarray

    @property
    def seconds(self):
        """Length of each clip, in seconds: frames at its end may reach beyond it."""
        gives = [op.gives for op in self.clips.ops]
        n_ops = gives.index("spectrogram") if "spectrogram" in gives else len(gives)
        sound = self.clips.before(n_ops)
        return sound.lengths / self.tagger._column_rate(sound)

    def alone(self, row):
        """Return the clips of one recording, without any trace of the others."""
        # A pickle has only the rows that are used; so the cache of decoded clips
        # needs no room for the other files.
        make, recipe = self.clips[[row]].__reduce__()
        return make(*recipe)


def open_recordings(estimator, X):
    """Return recordings as clips, transformed by the steps before the estimator."""
    *steps, tagger = steps_of(estimator)
    if not isinstance(tagger, BaseTagger):
        if hasattr(tagger, "fit"):
            check_is_fitted(estimator)
        raise TypeError(
            "timelines need an estimator of sktag such as CNN2DClassifier, a Pipeline "
            "that ends with one, or a search over these with refit=True; "
            f"{type(tagger).__name__} is none of them."
        )
    check_is_fitted(tagger)
    clips, offset, excerpts = X, 0.0, None
    if steps and isinstance(steps[0], RawWave):
        clips = steps[0]._open_whole(X)
        offset = steps[0]._shaping["offset"]
        excerpts = None if isinstance(X, ClipArray) else as_excerpts(X)
        del steps[0]
    for step in steps:
        clips = step.transform(clips)
    clips = tagger._known_clips(clips)
    if excerpts is None:
        return Recordings(
            tagger, clips, list(range(len(clips))), np.full(len(clips), offset)
        )
    paths = rows_of(X["path"] if "path" in getattr(X, "columns", ()) else X)
    offsets = np.array([offset + excerpt.offset for excerpt in excerpts])
    return Recordings(tagger, clips, [os.fsdecode(path) for path in paths], offsets)


def steps_of(estimator):
    """Return the fitted steps of a Pipeline or a search, of nested ones too."""
    if hasattr(estimator, "best_estimator_"):
        return steps_of(estimator.best_estimator_)
    if not isinstance(estimator, Pipeline):
        return [estimator]
    steps = [step for _, step in estimator.steps if step not in (None, "passthrough")]
    return [inner for step in steps for inner in steps_of(step)]


def _is_positive(value):
    return isinstance(value, Real) and value is not True and 0 < value < np.inf


def _width_of(tagger, window, rate):
    """Return the columns of a window, which the network must be able to take."""
    trained = tagger._fitted.window
    width = trained if window is None else max(1, round(window * rate))
    if width == trained:
        return width
    shape = (1, *tagger._fitted.network.input_shape[:-1], width)
    device = next(tagger.module_.parameters()).device
    try:
        with plain_torch(), torch.no_grad():
            tagger.module_(torch.zeros(shape, device=device))
    except (RuntimeError, ValueError, AssertionError) as error:
        raise ValueError(
            f"window={window:g} s: the network of {type(tagger).__name__} was trained "
            f"on windows of {trained / rate:g} s and does not take others of this "
            "length. Pass window=None for the trained one, or train with another "
            "chunk_size."
        ) from error
    return width


def _count(n_columns, width, step):
    """Count the windows of a recording."""
    return 1 + -(-max(int(n_columns) - width, 0) // step)


def _spans(tagger, clip, width, step):
    """Yield the first columns and the answers of windows, a span at a time."""
    device = next(tagger.module_.parameters()).device
    compute = partial(compute_columns, device=device, n_threads=tagger.n_threads)
    if any(op.whole for op in clip.ops):
        clip = compute(clip)  # each column depends on all others
    rate = tagger._column_rate(clip)
    n_bytes = 4 * width * int(np.prod(clip.shape[1:-1]))
    n_windows = int(min(_SPAN_SECONDS * rate / step, _SPAN_BYTES / n_bytes))
    stride = max(1, n_windows) * step
    n_columns = max(int(clip.lengths[0]), min(width, clip.shape[-1]))
    room = max(n_columns - width, 0)
    for first in range(0, room + 1, stride):
        is_last = first + stride > room
        last = n_columns if is_last else first + stride - step + width
        part = compute(clip, first, last)
        [(starts, answers)] = tagger._taggram(part, width, step)
        yield first + starts, answers


@plain_torch()
def compute_columns(clip, first=0, last=None, *, device=_CPU, n_threads=None):
    """Return some columns of a recording as clips in memory, without ops."""
    last = clip.shape[-1] if last is None else last
    [x] = read_batches(clip, 1, device, n_threads, [np.array([first])], last - first)
    return ClipArray.from_array(
        x.cpu().numpy(),
        sample_rate=clip.sample_rate,
        hop_length=clip.hop_length,
        frequencies=clip.frequencies,
    )


def _names_of(tagger, n_outputs):
    """Return the names of tags or targets, or the classes, or else numbers."""
    names = tagger._columns()
    if names is None and getattr(tagger, "classes_", np.empty((0, 2))).ndim == 1:
        names = tagger.classes_
    return range(n_outputs) if names is None else names
