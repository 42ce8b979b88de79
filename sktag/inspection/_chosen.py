"""Select the clip to plot, without reading the others, and describe its values."""

import operator
import os

import numpy as np

from sktag.clips import ClipArray
from sktag.ops import ClipScaleOp, ScaleOp


def check_index(index, n_rows):
    """Return an index as int; raise TypeError or IndexError if it is invalid."""
    try:
        row = operator.index(index)
    except TypeError as error:
        raise TypeError(
            f"index={index!r} is not an integer: pass the number of one clip."
        ) from error
    if not -n_rows <= row < n_rows:
        raise IndexError(
            f"index={row} is out of range for {n_rows} clips"
            + (f": pass {-n_rows} to {n_rows - 1}." if n_rows else ".")
        )
    return row


def one_row(X, index, sample_rate):
    """Select one row of the input of a front-end.

    A numeric array becomes clips, because from an array a front-end would return an
    array, which carries no sample rate, hop length, frequencies or unit.
    """
    if isinstance(X, str | os.PathLike):
        raise TypeError(f"X={X!r} is a single path: pass a list, [X].")
    row = check_index(index, len(X))
    if isinstance(X, ClipArray):
        return X[[row]]
    if hasattr(X, "iloc"):
        chosen = X.iloc[[row]]
    else:
        chosen = X[[row]] if hasattr(X, "shape") else [X[row]]
    array = np.asarray(chosen)
    if array.dtype.kind not in "fiu":
        return chosen  # a path
    return ClipArray.from_array(array, sample_rate=sample_rate)


def start_of(clips):
    """Return the time of the centre of the first frame, in seconds."""
    for op in clips.ops:
        if op.gives == "spectrogram" and not getattr(op, "center", True):
            return op.n_fft / 2 / clips.sample_rate
    return 0.0


def unit_of(clips):
    """Return the unit of the values of spectrogram clips, or None if unknown."""
    unit = front_end = None
    for op in clips.ops:
        if op.gives == "spectrogram":
            unit = front_end = _unit_of_front_end(op)
        elif isinstance(op, ScaleOp) and op.inverse:
            unit = front_end
        elif isinstance(op, ScaleOp | ClipScaleOp):
            unit = "standardised"
        else:
            unit = None
    return unit


def _unit_of_front_end(op):
    power = getattr(op, "power", 1.0)  # a CQT is magnitudes
    quantity = {1.0: "magnitude", 2.0: "power"}.get(power, f"magnitude^{power:g}")
    units = {
        None: quantity,
        "db": "dB",
        "log1p": f"log10(1 + {getattr(op, 'log1p_factor', 1):g} {quantity})",
        "pcen": "PCEN",
    }
    return units.get(getattr(op, "compression", "unknown"))
