"""The error for integer waveforms."""

from typing import Any

import numpy as np

# Samples of these types are divided by their full scale; 8-bit ones are centred first.
_TO_FLOAT = {
    "int8": "X.astype(np.float32) / 128",
    "uint8": "(X.astype(np.float32) - 128) / 128",
    "int16": "X.astype(np.float32) / 32768",
    "int32": "X.astype(np.float32) / 2**31",
    "bool": "X.astype(np.float32)",
}


def refuse_integers(dtype: np.dtype[Any], name: str) -> None:
    """Raise an error if waveforms are integer samples."""
    if dtype.kind not in "iub":
        return
    remedy = _TO_FLOAT.get(
        dtype.name, "X.astype(np.float32) / 32768 for samples of 16 bits"
    )
    raise ValueError(
        f"{name} takes waveforms as floating-point numbers in [-1, 1], and these are "
        f"{dtype.name}. Divide them by their full scale: {remedy}."
    )
