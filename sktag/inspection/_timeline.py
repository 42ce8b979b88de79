"""Timelines: the tags of a recording over time, below its spectrogram.

matplotlib is imported only when something is drawn.
"""

import numpy as np
from sklearn.base import is_classifier

from sktag._timeline import (
    compute_columns,
    open_recordings,
    predict_timeline,
    steps_of,
)
from sktag.clips import ClipArray
from sktag.clips._rows import is_path
from sktag.export._labels import TOUCH, check_timeline
from sktag.inspection._chosen import one_row, start_of, unit_of
from sktag.inspection._matplotlib import check_matplotlib
from sktag.inspection._spectrogram import SpectrogramDisplay
from sktag.transformers import MelSpectrogram

_NAME = "TimelineDisplay"
# A figure shows no more frames than this; those of longer recordings are averaged.
_MOST_FRAMES = 2000
# Columns of a spectrogram that are computed at a time.
_BLOCK = 4096
_PROBABILITY = "probability"


class TimelineDisplay:
    """Plot of the tags of a recording over time.

    Create it with :meth:`from_estimator` or :meth:`from_timeline`. All parameters are
    stored as attributes.

    Parameters
    ----------
    values : array of shape (n_windows, n_tags)
        Probabilities of the tags in each window, or numbers.
    starts : array of shape (n_windows,)
        Where the windows begin, in seconds, increasing.
    ends : array of shape (n_windows,)
        Where they end, in seconds.
    tag_names : sequence of shape (n_tags,)
        Names of the tags.
    spectrogram : SpectrogramDisplay, default=None
        Spectrogram of the recording, to draw above the tags.
    value_name : str, default="probability"
        Label of the colour bar. The colours of probabilities range from 0 to 1, those
        of other values from their minimum to their maximum.

    Attributes
    ----------
    tags_ : list of str
        The tags that are drawn, from top to bottom.
    mesh_ : matplotlib QuadMesh
        Their values; row `i` lies from ``i - 0.5`` to ``i + 0.5``.
    colorbar_ : matplotlib Colorbar or None
        The colour bar; None with ``colorbar=False``.
    ax_ : matplotlib Axes
        Axes with the tags.
    spectrogram_ax_ : matplotlib Axes or None
        Axes with the spectrogram; None if there is none.
    figure_ : matplotlib Figure
        Figure that contains the axes.

    See Also
    --------
    sktag.predict_timeline : Predict the tags of recordings over time.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from sktag.inspection import TimelineDisplay
    >>> values = np.array([[0.1, 0.9, 0.2], [0.2, 0.7, 0.1], [0.8, 0.1, 0.1]])
    >>> starts = np.array([0.0, 1.0, 2.0])
    >>> names = ["drums", "guitar", "organ"]
    >>> display = TimelineDisplay(values, starts, starts + 2, names).plot(n_tags=2)
    >>> display.tags_
    ['drums', 'guitar']
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        values,
        starts,
        ends,
        tag_names,
        *,
        spectrogram=None,
        value_name=_PROBABILITY,
    ):
        self.values = values
        self.starts = starts
        self.ends = ends
        self.tag_names = tag_names
        self.spectrogram = spectrogram
        self.value_name = value_name

    def plot(self, *, ax=None, n_tags=8, cmap="Blues", colorbar=True):
        """Draw the spectrogram, if there is one, and the tags.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of them, default=None
            Axes for the spectrogram, if there is one, and the tags. None creates a new
            figure.
        n_tags : int > 0 or None, default=8
            How many tags to draw: those with the highest peaks, in their own order.
            None draws all.
        cmap : str or matplotlib Colormap, default="Blues"
            The colour map of the tags.
        colorbar : bool, default=True
            Whether to add a colour bar for the tags.

        Returns
        -------
        TimelineDisplay
            The display, with its plot elements as attributes.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If there are no windows, or if the number of axes or tags is wrong.
        """
        check_matplotlib(f"{_NAME}.plot")
        from sktag.inspection import _axes

        values = np.asarray(self.values, dtype=float)
        if not len(values):
            raise ValueError("the timeline has no windows: there is nothing to draw.")
        if n_tags is not None and n_tags < 1:
            raise ValueError(f"n_tags={n_tags!r} must be 1 or more, or None for all.")
        strongest = np.argsort(-values.max(axis=0), kind="stable")[:n_tags]
        shown = np.sort(strongest)
        axes = _make_axes(ax, self.spectrogram is not None, len(shown))
        self.ax_, self.figure_ = axes[-1], axes[-1].figure
        self.spectrogram_ax_ = axes[0] if self.spectrogram is not None else None
        if self.spectrogram is not None:
            self.spectrogram.plot(ax=axes[0], colorbar=False)
        edges, columns = _without_overlap(values[:, shown], self.starts, self.ends)
        limits = (0, 1) if self.value_name == _PROBABILITY else (None, None)
        self.tags_ = [str(self.tag_names[i]) for i in shown]
        rows = np.arange(len(shown) + 1) - 0.5
        self.mesh_ = self.ax_.pcolormesh(
            edges,
            rows,
            columns.T,
            vmin=limits[0],
            vmax=limits[1],
            cmap=cmap,
            rasterized=True,
        )
        self.ax_.set_yticks(range(len(shown)), self.tags_)
        self.ax_.set_ylim(len(shown) - 0.5, -0.5)
        for each in axes:
            _axes.set_time_axis(each, edges, in_seconds=True)
        if self.spectrogram is not None:
            axes[0].set_xlabel("")
            axes[0].tick_params(labelbottom=False)
        self.colorbar_ = None
        if colorbar:
            self.colorbar_ = self.figure_.colorbar(
                self.mesh_,
                ax=self.ax_,
                label=self.value_name,
                aspect=14 + 2 * len(shown),  # of one width, whatever the height
                pad=0.01,
            )
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        index=0,
        *,
        window=None,
        hop=None,
        ax=None,
        n_tags=8,
        cmap="Blues",
        colorbar=True,
    ):
        """Predict and draw the timeline of one recording, with its spectrogram.

        The spectrogram is that of the pipeline's front-end; of a network on waveforms
        it is a mel spectrogram.

        Parameters
        ----------
        estimator : Pipeline, search or estimator of sktag
            Fitted, as for :func:`sktag.predict_timeline`.
        X : path, list of paths, table, array of waveforms, or clips
            The recording, or several.
        index : int, default=0
            Which of several recordings; negative numbers count from the end.
        window, hop : float > 0, default=None
            In seconds, as for :func:`sktag.predict_timeline`.
        ax, n_tags, cmap, colorbar : see plot
            The parameters of :meth:`plot`.

        Returns
        -------
        TimelineDisplay
            The display.

        Raises
        ------
        ImportError
            If matplotlib or pandas is missing.
        NotFittedError
            If the estimator is not fitted.
        TypeError, ValueError
            As :func:`sktag.predict_timeline` raises them.
        IndexError
            If the index is out of range.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from sktag import ClipArray, SampleCNNClassifier
        >>> from sktag.inspection import TimelineDisplay
        >>> from sktag.testing import make_waves
        >>> X = ClipArray.from_array(make_waves(8, 2000), sample_rate=8000)
        >>> clf = SampleCNNClassifier(max_epochs=75, batch_size=2, random_state=0)
        >>> clf = clf.fit(X, list("abababab"))
        >>> long = ClipArray.from_array(make_waves(1, 80_000), sample_rate=8000)
        >>> display = TimelineDisplay.from_estimator(clf, long)
        >>> display.tags_, display.ax_.get_xlabel()
        (['a', 'b'], 'time in s')
        >>> plt.close(display.figure_)
        """
        check_matplotlib(f"{_NAME}.from_estimator")
        rate = getattr(steps_of(estimator)[0], "sr_", None)
        one = [X] if is_path(X) else one_row(X, index, rate)
        timeline = predict_timeline(estimator, one, window=window, hop=hop)
        recordings = open_recordings(estimator, one)
        above = _spectrogram_of(recordings.clips, recordings.offsets[0])
        is_labels = is_classifier(recordings.tagger)
        display = cls(
            timeline.to_numpy(),
            *_times_of(timeline),
            list(timeline.columns),
            spectrogram=above,
            value_name=_PROBABILITY if is_labels else "value",
        )
        return display.plot(ax=ax, n_tags=n_tags, cmap=cmap, colorbar=colorbar)

    @classmethod
    def from_timeline(
        cls,
        timeline,
        file=None,
        *,
        clips=None,
        value_name=_PROBABILITY,
        ax=None,
        n_tags=8,
        cmap="Blues",
        colorbar=True,
    ):
        """Draw one recording of a timeline.

        Parameters
        ----------
        timeline : pandas.DataFrame
            A timeline of :func:`sktag.predict_timeline`, or some columns of one.
        file : str or int, default=None
            The recording, a value of the index level "file". None takes the only one.
        clips : ClipArray, default=None
            The recording as one clip, to draw its spectrogram above the tags: that of
            spectrogram clips before any scaling, or a mel spectrogram of waveforms.
        value_name : str, default="probability"
            Label of the colour bar. The colours of probabilities range from 0 to 1.
        ax, n_tags, cmap, colorbar : see plot
            The parameters of :meth:`plot`.

        Returns
        -------
        TimelineDisplay
            The display.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        TypeError
            If the timeline is not one, or if `clips` is not a ClipArray.
        ValueError
            If the timeline has several recordings and `file` is None or none of them,
            or if there is more than one clip.
        """
        check_matplotlib(f"{_NAME}.from_timeline")
        check_timeline(timeline, f"{_NAME}.from_timeline")
        files = list(timeline.index.unique("file"))
        if file is None and len(files) == 1:
            file = files[0]
        if file not in files:
            raise ValueError(
                f"file={file!r} is none of the recordings of the timeline: pass one "
                f"of {', '.join(map(repr, files[:5]))}{', ...' * (len(files) > 5)}."
            )
        above = None
        if clips is not None:
            if not isinstance(clips, ClipArray):
                raise TypeError(
                    f"clips is a {type(clips).__name__}: pass a ClipArray of the "
                    "recording, as RawWave.transform or ClipArray.from_array makes it."
                )
            if len(clips) != 1:
                raise ValueError(
                    f"clips has {len(clips)} clips, but one recording is drawn: pass "
                    "clips[[i]]."
                )
            above = _spectrogram_of(clips, 0.0)
        part = timeline.loc[[file]].sort_index()
        names = list(timeline.columns)
        display = cls(
            part.to_numpy(),
            *_times_of(part),
            names,
            spectrogram=above,
            value_name=value_name,
        )
        return display.plot(ax=ax, n_tags=n_tags, cmap=cmap, colorbar=colorbar)


def _without_overlap(values, starts, ends):
    """Return edges and values of columns; overlapping windows meet halfway."""
    edges, columns = [starts[0]], [values[0]]
    for k in range(1, len(values)):
        if starts[k] > ends[k - 1] + TOUCH:  # nothing is known of the gap
            edges += [ends[k - 1], starts[k]]
            columns += [np.full_like(values[0], np.nan)]
        else:
            edges += [(starts[k - 1] + ends[k - 1] + starts[k] + ends[k]) / 4]
        columns += [values[k]]
    return np.array([*edges, ends[-1]]), np.array(columns)


def _times_of(timeline):
    """Return where the windows begin and end."""
    return [timeline.index.get_level_values(k).to_numpy() for k in ("start", "end")]


def _spectrogram_of(clips, offset):
    """Return a display of one recording, which begins at `offset` in seconds."""
    if clips.kind == "wave":
        clips = MelSpectrogram().fit_transform(clips)
    front_ends = [i for i, op in enumerate(clips.ops) if op.gives == "spectrogram"]
    clips = clips.before(front_ends[0] + 1 if front_ends else 0)
    start, unit = start_of(clips), unit_of(clips)
    if any(op.whole for op in clips.ops):
        clips = compute_columns(clips)
    n_frames = clips.shape[-1]
    each = -(-n_frames // _MOST_FRAMES)  # frames that are averaged to one
    means = []
    for first in range(0, n_frames, each * _BLOCK):
        block = compute_columns(clips, first, min(first + each * _BLOCK, n_frames))
        x = np.asarray(block)[0]
        means.append(np.add.reduceat(x, range(0, x.shape[1], each), axis=1))
    values = np.concatenate(means, axis=1)
    counts = np.diff(np.append(np.arange(0, n_frames, each), n_frames))
    rate, hop = clips.sample_rate, clips.hop_length
    if rate is not None and hop is not None:
        start += offset + (each - 1) / 2 * hop / rate
    return SpectrogramDisplay(
        values / counts,
        sample_rate=rate,
        hop_length=None if hop is None else each * hop,
        frequencies=clips.frequencies,
        start=start,
        unit=unit,
    )


def _make_axes(ax, has_spectrogram, n_tags):
    """Return the axes of the spectrogram, if there is one, and of the tags."""
    import matplotlib.pyplot as plt

    if ax is not None:
        axes = list(np.ravel(ax))
        if len(axes) != 1 + has_spectrogram:
            raise ValueError(
                f"ax has {len(axes)} axes, but {1 + has_spectrogram} are needed: for "
                "the spectrogram, if there is one, and the tags."
            )
        return axes
    heights = [2.0] * has_spectrogram + [0.5 + 0.27 * max(n_tags, 3)]
    _, axes = plt.subplots(
        len(heights),
        sharex=True,
        figsize=(6.4, 0.5 + sum(heights)),
        height_ratios=heights,
        layout="constrained",
        squeeze=False,
    )
    return list(axes.flat)
