"""The clip that is shown: chosen before anything is read, and what is known of it."""

import operator
import os

import numpy as np

from sktag.clips import ClipArray
from sktag.ops import ClipScaleOp, ScaleOp


def check_index(index, n_rows):
    """Check that an index is an integer that is in range.

    Parameters
    ----------
    index : int
        Which clip; negative numbers count from the end.
    n_rows : int
        How many there are.

    Returns
    -------
    int
        The index.

    Raises
    ------
    TypeError
        If it is not an integer.
    IndexError
        If it is out of range.
    """
    try:
        row = operator.index(index)
    except TypeError as error:
        raise TypeError(
            f"index={index!r} is not an integer: one clip is shown, give its number."
        ) from error
    if not -n_rows <= row < n_rows:
        raise IndexError(
            f"index={row} is out of range for {n_rows} clips"
            + (f": give {-n_rows} to {n_rows - 1}." if n_rows else ".")
        )
    return row


def one_row(X, index, sample_rate):
    """Choose one row of what a front-end takes.

    Parameters
    ----------
    X : ClipArray, array, or list, array, Series or DataFrame of paths
        The rows.
    index : int
        Which of them.
    sample_rate : float or None
        Of waveforms that do not say theirs, in Hz.

    Returns
    -------
    ClipArray, or what X is, of one row
        Arrays of numbers become clips: from an array a front-end would give an array,
        which does not know rate, hop, frequencies and unit.

    Raises
    ------
    TypeError
        If X is one path, or the index not an integer.
    IndexError
        If there is no such row.
    """
    if isinstance(X, str | os.PathLike):
        raise TypeError(f"X={X!r} is one path: put it in a list, [X].")
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
    """Find the time of the first frame.

    Parameters
    ----------
    clips : ClipArray
        Spectrograms.

    Returns
    -------
    float
        The centre of the frame, in seconds.
    """
    for op in clips.ops:
        if op.gives == "spectrogram" and not getattr(op, "center", True):
            return op.n_fft / 2 / clips.sample_rate
    return 0.0


def unit_of(clips):
    """Find out what the numbers of clips are.

    Parameters
    ----------
    clips : ClipArray
        Spectrograms.

    Returns
    -------
    str or None
        Their unit, such as "dB"; None where that is not known.
    """
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
