"""What a front-end gives: the spectrogram of one clip, with time, frequency and unit.

Clips know their rate, hop, frequencies and ops, from which the axes and the unit of
the colours follow. Only the clip that is shown is read. matplotlib is imported when
something is drawn, not before.
"""

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sktag.clips import ClipArray
from sktag.clips._inputs import check_kind
from sktag.inspection._chosen import check_index, one_row, start_of, unit_of
from sktag.inspection._matplotlib import check_matplotlib

_NAME = "SpectrogramDisplay"
# What is further below the loudest place is hardly heard, and takes contrast away.
_SHOWN_DB = 80


class SpectrogramDisplay:
    """Spectrogram of one clip.

    Make it with :meth:`from_clips`, :meth:`from_estimator` or :meth:`from_array`. All
    parameters are stored as attributes.

    Parameters
    ----------
    spectrogram : array of shape (n_bins, n_frames)
        The numbers.
    sample_rate : float > 0, default=None
        Of the waveform, in Hz; without it, or `hop_length`, time counts in frames.
    hop_length : int > 0, default=None
        Samples from one frame to the next.
    frequencies : array of shape (n_bins,), default=None
        Centre of each bin, in Hz, increasing; without it frequency counts in bins.
    start : float, default=0.0
        Time of the centre of the first frame, in seconds.
    unit : str, default=None
        What the numbers are, for the colour bar. With "dB", colours end 80 dB below the
        maximum.

    Attributes
    ----------
    mesh_ : matplotlib QuadMesh
        The spectrogram, in seconds and Hz.
    colorbar_ : matplotlib Colorbar or None
        Its colour bar, None with ``colorbar=False``.
    ax_ : matplotlib Axes
        Where it is.
    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    sktag.MelSpectrogram : Makes such spectrograms.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sktag import ClipArray, MelSpectrogram
    >>> from sktag.inspection import SpectrogramDisplay
    >>> from sktag.testing import make_waves
    >>> clips = ClipArray.from_array(make_waves(3, 22050), sample_rate=22050)
    >>> clips = MelSpectrogram(n_mels=64).fit_transform(clips)
    >>> display = SpectrogramDisplay.from_clips(clips, 2)
    >>> display.ax_.get_ylabel(), display.colorbar_.ax.get_ylabel()
    ('Hz (mel scale)', 'dB')
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        spectrogram,
        *,
        sample_rate=None,
        hop_length=None,
        frequencies=None,
        start=0.0,
        unit=None,
    ):
        self.spectrogram = spectrogram
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        self.frequencies = frequencies
        self.start = start
        self.unit = unit

    def plot(
        self,
        *,
        ax=None,
        y_axis=None,
        cmap="magma",
        vmin=None,
        vmax=None,
        colorbar=True,
    ):
        """Draw the spectrogram.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; a new figure where None.
        y_axis : {"hz", "log", "mel", "note", "bin"}, default=None
            Frequency axis: linear, logarithmic or mel with ticks in Hz; logarithmic
            with names of notes; or the bins' indices. None takes the one on which the
            bins are evenly spaced.
        cmap : str or matplotlib Colormap, default="magma"
            The colours.
        vmin, vmax : float, default=None
            Numbers that the first and last colour stand for; where None, the smallest
            (in dB, at most 80 below the largest) and the largest.
        colorbar : bool, default=True
            Whether to add a colour bar.

        Returns
        -------
        SpectrogramDisplay
            The display, with what was drawn as attributes.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If the spectrogram or its frequencies are of a wrong shape, or the axis is
            not known or needs frequencies that are not.
        """
        check_matplotlib(f"{_NAME}.plot")
        import matplotlib.pyplot as plt

        from sktag.inspection import _axes

        values, frequencies = self._checked()
        if y_axis not in (None, *_axes.Y_AXES):
            raise ValueError(
                f"y_axis={y_axis!r} is none of {', '.join(map(repr, _axes.Y_AXES))}, "
                "or None for the one that suits the bins."
            )
        if frequencies is None and y_axis not in (None, "bin"):
            raise ValueError(
                f"y_axis={y_axis!r} needs the frequency of each bin, which is not "
                "known here: give frequencies=, or ClipArray.from_array(..., "
                'frequencies=...), or y_axis="bin".'
            )
        y_axis = y_axis or _axes.guess_axis(frequencies)
        scale = _axes.scale_of(y_axis, frequencies)
        centres = frequencies if y_axis != "bin" else np.arange(float(len(values)))
        y_edges = _axes.bin_edges(centres, scale)
        x_edges = np.arange(values.shape[1] + 1) - 0.5
        in_seconds = self.sample_rate is not None and self.hop_length is not None
        if in_seconds:
            x_edges = self.start + x_edges * (self.hop_length / self.sample_rate)

        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        finite = values[np.isfinite(values)]
        if finite.size:
            vmax = finite.max() if vmax is None else vmax
            floor = vmax - _SHOWN_DB if self.unit == "dB" else -np.inf
            vmin = max(finite.min(), floor) if vmin is None else vmin
        self.mesh_ = ax.pcolormesh(
            x_edges, y_edges, values, cmap=cmap, vmin=vmin, vmax=vmax, rasterized=True
        )
        _axes.set_frequency_axis(ax, y_axis, scale, y_edges)
        _axes.set_time_axis(ax, x_edges, in_seconds=in_seconds)
        self.colorbar_ = None
        if colorbar:
            below = finite.size and finite.min() < vmin
            above = finite.size and finite.max() > vmax
            extend = {(0, 0): "neither", (1, 0): "min", (0, 1): "max"}
            self.colorbar_ = ax.figure.colorbar(
                self.mesh_,
                ax=ax,
                label=self.unit or "",
                extend=extend.get((int(below), int(above)), "both"),
            )
        self.ax_ = ax
        self.figure_ = ax.figure
        return self

    def _checked(self):
        """Return the numbers and frequencies as arrays of the right shape."""
        values = np.asarray(self.spectrogram)
        if values.ndim != 2 or 0 in values.shape:
            raise ValueError(
                f"spectrogram has shape {values.shape}, but one of shape (n_bins, "
                "n_frames) is shown: of several choose one, X[0]; waveforms need a "
                "front-end (MelSpectrogram, ...) before."
            )
        if self.frequencies is None:
            return values, None
        frequencies = np.asarray(self.frequencies, dtype=float)
        if frequencies.shape != values.shape[:1]:
            raise ValueError(
                f"frequencies has shape {frequencies.shape}, but there are "
                f"{len(values)} bins: give one number a bin."
            )
        if not (np.isfinite(frequencies).all() and (np.diff(frequencies) > 0).all()):
            raise ValueError(
                "frequencies must increase from bin to bin, all of them finite: sort "
                "them, and the bins with them, or give frequencies=None."
            )
        return values, frequencies

    @classmethod
    def from_clips(
        cls,
        X,
        index=0,
        *,
        ax=None,
        y_axis=None,
        cmap="magma",
        vmin=None,
        vmax=None,
        colorbar=True,
    ):
        """Compute and draw one of some clips; the others are not read.

        Parameters
        ----------
        X : ClipArray of shape (n_clips, n_bins, n_frames)
            Spectrograms.
        index : int, default=0
            Which of them; negative numbers count from the end.
        ax, y_axis, cmap, vmin, vmax, colorbar : see plot
            The parameters of :meth:`plot`.

        Returns
        -------
        SpectrogramDisplay
            The display.

        Raises
        ------
        TypeError
            If X is not clips, or the index not an integer.
        ValueError
            If the clips are waveforms.
        IndexError
            If there is no such clip.
        """
        check_matplotlib(f"{_NAME}.from_clips")
        if not isinstance(X, ClipArray):
            raise TypeError(
                f"from_clips takes a ClipArray, not {type(X).__name__}: an array of "
                "one spectrogram goes to from_array, what a front-end takes goes to "
                "from_estimator."
            )
        check_kind(X, "spectrogram", _NAME)
        return cls(
            X[check_index(index, len(X))],
            sample_rate=X.sample_rate,
            hop_length=X.hop_length,
            frequencies=X.frequencies,
            start=start_of(X),
            unit=unit_of(X),
        ).plot(ax=ax, y_axis=y_axis, cmap=cmap, vmin=vmin, vmax=vmax, colorbar=colorbar)

    @classmethod
    def from_array(
        cls,
        spectrogram,
        *,
        sample_rate=None,
        hop_length=None,
        frequencies=None,
        start=0.0,
        unit=None,
        ax=None,
        y_axis=None,
        cmap="magma",
        vmin=None,
        vmax=None,
        colorbar=True,
    ):
        """Draw an array.

        Parameters
        ----------
        spectrogram : array of shape (n_bins, n_frames)
            The numbers.
        sample_rate, hop_length, frequencies, start, unit : see SpectrogramDisplay
            The parameters of the class.
        ax, y_axis, cmap, vmin, vmax, colorbar : see plot
            The parameters of :meth:`plot`.

        Returns
        -------
        SpectrogramDisplay
            The display.
        """
        return cls(
            spectrogram,
            sample_rate=sample_rate,
            hop_length=hop_length,
            frequencies=frequencies,
            start=start,
            unit=unit,
        ).plot(ax=ax, y_axis=y_axis, cmap=cmap, vmin=vmin, vmax=vmax, colorbar=colorbar)

    @classmethod
    def from_estimator(
        cls,
        front_end,
        X,
        index=0,
        *,
        ax=None,
        y_axis=None,
        cmap="magma",
        vmin=None,
        vmax=None,
        colorbar=True,
    ):
        """Compute and draw what a fitted front-end makes of one clip.

        Parameters
        ----------
        front_end : ClipTransformer or Pipeline
            Fitted; of a Pipeline with a classifier, the steps before it: ``pipe[:-1]``.
        X : ClipArray, array, or list, array, Series or DataFrame of paths
            What the front-end takes. Only the chosen row is transformed.
        index : int, default=0
            Which row; negative numbers count from the end.
        ax, y_axis, cmap, vmin, vmax, colorbar : see plot
            The parameters of :meth:`plot`.

        Returns
        -------
        SpectrogramDisplay
            The display.

        Raises
        ------
        NotFittedError
            If the front-end is not fitted.
        TypeError
            If it does not transform, or X is not a container of rows.
        ValueError
            If what it gives is not spectrograms.
        IndexError
            If there is no such row.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from sktag import MelSpectrogram
        >>> from sktag.inspection import SpectrogramDisplay
        >>> from sktag.testing import make_waves
        >>> waves = make_waves(3, 22050)
        >>> mel = MelSpectrogram(n_mels=64).fit(waves)
        >>> display = SpectrogramDisplay.from_estimator(mel, waves, -1)
        >>> display.spectrogram.shape
        (64, 44)
        >>> plt.close(display.figure_)
        """
        check_matplotlib(f"{_NAME}.from_estimator")
        name = type(front_end).__name__
        steps = [front_end]
        if isinstance(front_end, Pipeline):
            steps = [step for _, step in front_end.steps]
        if not hasattr(front_end, "transform"):
            remedy = "pipe[:-1]" if len(steps) > 1 else "a MelSpectrogram, say"
            raise TypeError(
                "from_estimator takes a transformer or a Pipeline of transformers, "
                f"and {type(steps[-1]).__name__} is none: give {remedy}."
            )
        check_is_fitted(front_end)
        out = front_end.transform(one_row(X, index, getattr(steps[0], "sr_", None)))
        if not isinstance(out, ClipArray):
            array = np.asarray(out)
            if array.ndim != 3:
                raise ValueError(
                    f"{name} gives an array of shape {array.shape}, not spectrograms "
                    "(n_clips, n_bins, n_frames): give the steps up to the front-end "
                    "(MelSpectrogram, ...)."
                )
            out = ClipArray.from_array(array)
        return cls.from_clips(
            out,
            ax=ax,
            y_axis=y_axis,
            cmap=cmap,
            vmin=vmin,
            vmax=vmax,
            colorbar=colorbar,
        )
