"""Spectrogram plots of one clip, with time, frequency and unit.

Axes and unit are derived from the sample rate, hop length, frequencies and ops of the
clips. Only the plotted clip is read. matplotlib is imported only when something is
drawn.
"""

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sktag.clips import ClipArray
from sktag.clips._inputs import check_kind
from sktag.inspection._chosen import check_index, one_row, start_of, unit_of
from sktag.inspection._matplotlib import check_matplotlib

_NAME = "SpectrogramDisplay"
# Values further below the maximum are hardly audible and reduce the contrast.
_SHOWN_DB = 80


class SpectrogramDisplay:
    """Plot of the spectrogram of one clip.

    Create it with :meth:`from_clips`, :meth:`from_estimator` or :meth:`from_array`. All
    parameters are stored as attributes.

    Parameters
    ----------
    spectrogram : array of shape (n_bins, n_frames)
        The spectrogram.
    sample_rate : float > 0, default=None
        Sample rate of the waveform, in Hz. Without it or `hop_length`, the time axis is
        in frames.
    hop_length : int > 0, default=None
        Number of samples between successive frames.
    frequencies : array of shape (n_bins,), default=None
        Centre frequency of each bin, in Hz, increasing. Without it, the frequency axis
        is in bins.
    start : float, default=0.0
        Time of the centre of the first frame, in seconds.
    unit : str, default=None
        Unit of the values, for the colour bar. With "dB", the colour range ends 80 dB
        below the maximum.

    Attributes
    ----------
    mesh_ : matplotlib QuadMesh
        The spectrogram, in seconds and Hz.
    colorbar_ : matplotlib Colorbar or None
        The colour bar; None with ``colorbar=False``.
    ax_ : matplotlib Axes
        Axes with the spectrogram.
    figure_ : matplotlib Figure
        Figure that contains the axes.

    See Also
    --------
    sktag.MelSpectrogram : Compute mel spectrograms.

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
            Axes to draw into. None creates a new figure.
        y_axis : {"hz", "log", "mel", "note", "bin"}, default=None
            Frequency axis: linear, logarithmic or mel with ticks in Hz; logarithmic
            with note names; or bin indices. None chooses the axis on which the bins are
            evenly spaced.
        cmap : str or matplotlib Colormap, default="magma"
            The colour map.
        vmin, vmax : float, default=None
            Values mapped to the first and last colour. By default the minimum (in dB,
            at most 80 below the maximum) and the maximum.
        colorbar : bool, default=True
            Whether to add a colour bar.

        Returns
        -------
        SpectrogramDisplay
            The display, with its plot elements as attributes.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If the spectrogram or its frequencies have a wrong shape, or if the axis is
            unknown or needs frequencies that are missing.
        """
        check_matplotlib(f"{_NAME}.plot")
        import matplotlib.pyplot as plt

        from sktag.inspection import _axes

        values, frequencies = self._checked()
        if y_axis not in (None, *_axes.Y_AXES):
            raise ValueError(
                f"y_axis={y_axis!r} is none of {', '.join(map(repr, _axes.Y_AXES))}. "
                "Pass one of these, or None for the axis that suits the bins."
            )
        if frequencies is None and y_axis not in (None, "bin"):
            raise ValueError(
                f"y_axis={y_axis!r} needs the frequency of each bin, which is "
                "unknown: pass frequencies=, or ClipArray.from_array(..., "
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
        """Return values and frequencies as validated arrays."""
        values = np.asarray(self.spectrogram)
        if values.ndim != 2 or 0 in values.shape:
            raise ValueError(
                f"spectrogram has shape {values.shape}, but must have shape (n_bins, "
                "n_frames): of several choose one, X[0]; transform waveforms with a "
                "front-end (MelSpectrogram, ...) first."
            )
        if self.frequencies is None:
            return values, None
        frequencies = np.asarray(self.frequencies, dtype=float)
        if frequencies.shape != values.shape[:1]:
            raise ValueError(
                f"frequencies has shape {frequencies.shape}, but there are "
                f"{len(values)} bins: pass one frequency per bin."
            )
        if not (np.isfinite(frequencies).all() and (np.diff(frequencies) > 0).all()):
            raise ValueError(
                "frequencies must be finite and increase from bin to bin: sort them "
                "together with the bins, or pass frequencies=None."
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
        """Compute and draw one clip; the others are not read.

        Parameters
        ----------
        X : ClipArray of shape (n_clips, n_bins, n_frames)
            Spectrogram clips.
        index : int, default=0
            Index of the clip; negative numbers count from the end.
        ax, y_axis, cmap, vmin, vmax, colorbar : see plot
            The parameters of :meth:`plot`.

        Returns
        -------
        SpectrogramDisplay
            The display.

        Raises
        ------
        TypeError
            If X is not a ClipArray, or if the index is not an integer.
        ValueError
            If the clips are waveforms.
        IndexError
            If the index is out of range.
        """
        check_matplotlib(f"{_NAME}.from_clips")
        if not isinstance(X, ClipArray):
            raise TypeError(
                f"from_clips takes a ClipArray, not {type(X).__name__}: pass the array "
                "of one spectrogram to from_array, and the input of a front-end to "
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
        """Draw the spectrogram in an array.

        Parameters
        ----------
        spectrogram : array of shape (n_bins, n_frames)
            The spectrogram.
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
        """Compute and draw one clip with a fitted front-end.

        Parameters
        ----------
        front_end : ClipTransformer or Pipeline
            A fitted front-end. For a Pipeline with a classifier, pass the steps before
            it: ``pipe[:-1]``.
        X : ClipArray, array, or list, array, Series or DataFrame of paths
            Input of the front-end. Only the selected row is transformed.
        index : int, default=0
            Index of the row; negative numbers count from the end.
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
            If the front-end is not a transformer, or if X is not a container of rows.
        ValueError
            If the output of the front-end is not spectrograms.
        IndexError
            If the index is out of range.

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
                f"but {type(steps[-1]).__name__} is not a transformer: pass {remedy}."
            )
        check_is_fitted(front_end)
        out = front_end.transform(one_row(X, index, getattr(steps[0], "sr_", None)))
        if not isinstance(out, ClipArray):
            array = np.asarray(out)
            if array.ndim != 3:
                raise ValueError(
                    f"{name} returns an array of shape {array.shape}, not spectrograms "
                    "(n_clips, n_bins, n_frames): pass only the steps up to the "
                    "front-end (MelSpectrogram, ...)."
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
