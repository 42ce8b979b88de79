"""Time and frequency axes: scales with evenly spaced bins, and their ticks.

Requirements that the design meets:

- Data coordinates are seconds and Hz on every scale, so that users can draw into the
  axes. librosa's ``specshow`` uses a symmetric logarithm instead of the mel scale, on
  which mel bands differ in height.
- Ticks are round numbers or note names (500 Hz, C4), as many as fit, also after
  zooming or resizing.
- Figures can be pickled: scales and ticks are module-level functions and classes.

This module imports matplotlib, so import it only where something is drawn.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from matplotlib import ticker

Y_AXES = ("hz", "log", "mel", "note", "bin")
_LABELS = {
    "hz": "Hz",
    "log": "Hz (log scale)",
    "mel": "Hz (mel scale)",
    "note": "note",
    "bin": "bin",
}
_STEPS = [1, 2, 5, 10]  # tick spacing, times a power of ten
# Tick spacing of axes in minutes, in seconds.
_TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 3600)
# Minimum semitones between ticks, and the pitch classes that get a tick.
_CHORDS = (
    (1, tuple(range(12))),
    (2, (0, 2, 4, 7, 9)),
    (3, (0, 4, 7)),
    (5, (0, 7)),
    (12, (0,)),
)
# Round frequencies, in order of priority. Below 1 kHz, 500 precedes 100 because the mel
# scale is linear there.
_ROUND_HZ = (0, 1000, 10_000, 100_000, 500, 5000, 50_000, 100, 2000, 20_000, 200)
_ROUND_HZ_LOG = (*_ROUND_HZ, 50, 20, 10, 5, 2, 1)


class Scale(NamedTuple):
    """A function of frequency and its inverse."""

    forward: Callable
    inverse: Callable


def _identity(x):
    return x


def _to_mel(hz, htk):
    from librosa import hz_to_mel

    # HTK's formula is undefined below -700 Hz, and users may drag an axis there.
    return hz_to_mel(np.maximum(hz, -600), htk=htk)


def _from_mel(mels, htk):
    from librosa import mel_to_hz

    return mel_to_hz(mels, htk=htk)


_LINEAR = Scale(_identity, _identity)
_LOG = Scale(np.log2, np.exp2)
_MEL = Scale(partial(_to_mel, htk=False), partial(_from_mel, htk=False))
_HTK = Scale(partial(_to_mel, htk=True), partial(_from_mel, htk=True))


def _unevenness(frequencies, scale):
    """Return how much the bin spacing varies on a scale: 0 if it is constant."""
    steps = np.diff(scale.forward(frequencies))
    # Rounding hides the unevenness of float32 frequencies.
    return round(float(steps.std() / steps.mean()), 3) if steps.size else 0.0


def guess_axis(frequencies):
    """Return the axis on which bins are most evenly spaced; "bin" if unknown."""
    if frequencies is None:
        return "bin"
    scales = [("hz", _LINEAR), ("mel", _MEL), ("mel", _HTK)]
    if frequencies[0] > 0:
        scales.insert(1, ("note", _LOG))
    return min(scales, key=lambda named: _unevenness(frequencies, named[1]))[0]


def scale_of(y_axis, frequencies):
    """Return the scale of an axis; the frequencies select the mel formula."""
    if y_axis == "mel":
        return min(_MEL, _HTK, key=partial(_unevenness, frequencies))
    return _LOG if y_axis in ("log", "note") else _LINEAR


def bin_edges(centres, scale):
    """Return the edges of bins, midway between their centres on a scale.

    Bins that are not on the scale (0 Hz on a logarithmic one) get no height.
    """
    shown = centres[centres > 0] if scale is _LOG else centres
    if not shown.size:
        raise ValueError(
            "a logarithmic axis needs frequencies above 0 Hz, but there are none: pass "
            'y_axis="hz".'
        )
    x = scale.forward(shown)
    steps = np.diff(x) if len(x) > 1 else np.ones(1)
    middles = x[:-1] + np.diff(x) / 2
    ends = x[:1] - steps[0] / 2, x[-1:] + steps[-1] / 2
    edges = scale.inverse(np.concatenate([ends[0], middles, ends[1]]))
    return np.concatenate([np.full(len(centres) - len(shown), edges[0]), edges])


def set_frequency_axis(ax, y_axis, scale, edges):
    """Set scale, limits, ticks and label of the frequency axis."""
    if y_axis in ("log", "note"):
        ax.set_yscale("log", base=2)
    elif y_axis == "mel":
        ax.set_yscale("function", functions=tuple(scale))
    else:
        ax.set_yscale("linear")
    ax.set_ylim(edges[0], edges[-1])
    ax.set_ylabel(_LABELS[y_axis])
    axis = ax.yaxis
    axis.set_minor_locator(ticker.NullLocator())
    if y_axis == "note":
        axis.set_major_locator(NoteLocator())
        axis.set_major_formatter(ticker.FuncFormatter(_note_name))
    elif y_axis in ("log", "mel"):
        axis.set_major_locator(HzLocator(scale))
        axis.set_major_formatter(ticker.StrMethodFormatter("{x:g}"))
    elif y_axis == "bin":
        axis.set_major_locator(_integers())


def set_time_axis(ax, edges, *, in_seconds):
    """Set limits, ticks and label of the time axis."""
    ax.set_xscale("linear")
    ax.set_xlim(edges[0], edges[-1])
    if not in_seconds:
        ax.set_xlabel("frame")
        ax.xaxis.set_major_locator(_integers())
    elif edges[-1] - edges[0] <= 60:
        ax.set_xlabel("time in s")
    else:
        ax.set_xlabel("time in min:s")
        ax.xaxis.set_major_locator(MinuteLocator())
        ax.xaxis.set_major_formatter(ticker.FuncFormatter(_minutes))


def _integers():
    return ticker.MaxNLocator("auto", steps=_STEPS, integer=True)


def _note_name(hz, position=None):
    from librosa import hz_to_note

    return hz_to_note(hz, cents=False)


def _minutes(seconds, position=None):
    seconds = round(seconds)
    sign = "-" if seconds < 0 else ""
    return f"{sign}{abs(seconds) // 60}:{abs(seconds) % 60:02d}"


class _Locator(ticker.Locator):
    """Ticks for the visible part of an axis, as many as fit."""

    def __call__(self):
        return self.tick_values(*sorted(self.axis.get_view_interval()))

    @property
    def room(self):
        """Number of ticks that fit."""
        return max(self.axis.get_tick_space(), 1)


class HzLocator(_Locator):
    """Ticks at round frequencies on a non-linear scale."""

    def __init__(self, scale):
        self.scale = scale

    def tick_values(self, vmin, vmax):
        """Return the ticks between two frequencies, in Hz."""
        round_hz = _ROUND_HZ_LOG if self.scale == _LOG else _ROUND_HZ
        places = {
            hz: float(self.scale.forward(np.float64(hz)))
            for hz in round_hz
            if vmin <= hz <= vmax
        }
        low, high = self.scale.forward(np.array([vmin, vmax]))
        gap = (high - low) / self.room
        ticks = []
        for hz, place in places.items():
            if all(abs(place - places[tick]) >= gap for tick in ticks):
                ticks.append(hz)
        if len(ticks) < 3:  # less than a decade is visible
            even = ticker.MaxNLocator(min(self.room, 9), steps=_STEPS)
            ticks = [hz for hz in even.tick_values(vmin, vmax) if vmin <= hz <= vmax]
        return sorted(ticks)


class NoteLocator(_Locator):
    """Ticks at notes of equal temperament: every C, or more or fewer notes."""

    def tick_values(self, vmin, vmax):
        """Return the ticks between two frequencies, in Hz."""
        from librosa import hz_to_midi, midi_to_hz

        low, high = hz_to_midi(np.array([vmin, vmax]))
        gap = (high - low) / self.room
        chord = next((notes for step, notes in _CHORDS if step >= gap), (0,))
        octaves = 12 * max(1, int(np.ceil(gap / 12)))
        pitches = np.arange(np.ceil(low), np.floor(high) + 1)
        chosen = np.isin(pitches % octaves, chord)
        return midi_to_hz(pitches[chosen])


class MinuteLocator(_Locator):
    """Ticks at round times in minutes and seconds."""

    def tick_values(self, vmin, vmax):
        """Return the ticks between two times, in seconds."""
        fits = (step for step in _TIME_STEPS if (vmax - vmin) / step <= self.room)
        step = next(fits, _TIME_STEPS[-1])
        return step * np.arange(np.ceil(vmin / step), np.floor(vmax / step) + 1)
