"""Ranges of the random operations, a number or (least, most), and their draws."""

from collections.abc import Sequence
from numbers import Integral

import numpy as np
import torch
from torch import Tensor

Range = float | tuple[float, float]


def check_range(
    owner: object,
    name: str,
    value: Range,
    least: float = -np.inf,
    most: float = np.inf,
) -> tuple[float, float]:
    """Return a range as (least, most), checked.

    Parameters
    ----------
    owner : object
        The operation, for the message.
    name : str
        The parameter, for the message.
    value : float or (float, float)
        The value to check.
    least, most : float
        Bounds of the range.

    Returns
    -------
    tuple of (float, float)
        The range; a number becomes both ends.

    Raises
    ------
    ValueError
        If `value` is neither a number nor a pair (least, most) within the bounds.
    """
    ends = tuple(value) if isinstance(value, Sequence | np.ndarray) else (value, value)
    try:
        low, high = (float(end) for end in ends)
    except (TypeError, ValueError):
        low, high = np.nan, np.nan
    if not (np.isfinite([low, high]).all() and least <= low <= high <= most):
        bounds = "" if least == -np.inf else f" of at least {least:g}"
        bounds += "" if most == np.inf else f" and at most {most:g}"
        raise ValueError(
            f"{type(owner).__name__} has {name}={value!r}: give one number, or "
            f"(least, most), of finite numbers{bounds}."
        )
    return low, high


def check_count(owner: object, name: str, value: int) -> None:
    """Raise an error if a parameter is not a whole number of at least 1.

    Parameters
    ----------
    owner : object
        The operation, for the message.
    name : str
        The parameter, for the message.
    value : int
        The value to check.

    Raises
    ------
    ValueError
        If `value` is not a whole number of at least 1.
    """
    if not isinstance(value, Integral) or value < 1:
        raise ValueError(
            f"{type(owner).__name__} has {name}={value!r}: give a whole number of at "
            "least 1."
        )


def between(bounds: Range, uniforms: np.ndarray) -> np.ndarray:
    """Map uniform numbers to a range.

    Parameters
    ----------
    bounds : float or tuple of (float, float)
        The range.
    uniforms : ndarray
        Numbers in [0, 1).

    Returns
    -------
    ndarray
        Numbers in [least, most), of the same shape.
    """
    low, high = bounds if isinstance(bounds, tuple) else (bounds, bounds)
    return low + uniforms * (high - low)


def column(values: np.ndarray, x: Tensor) -> Tensor:
    """Return one number for each row, in a shape that broadcasts over the row.

    Parameters
    ----------
    values : ndarray of shape (n_clips,)
        The numbers.
    x : Tensor of shape (n_clips, ...)
        The batch.

    Returns
    -------
    Tensor of shape (n_clips, 1) or (n_clips, 1, 1)
        The numbers, with the type and device of the batch.
    """
    tensor = torch.from_numpy(np.array(values)).to(x.dtype)
    tensor = tensor.to(x.device, non_blocking=True)
    return tensor.view(-1, *[1] * (x.ndim - 1))


def as_seeds(uniforms: np.ndarray) -> np.ndarray:
    """Turn uniform numbers into seeds.

    Parameters
    ----------
    uniforms : ndarray
        Numbers in [0, 1), which have 53 bits.

    Returns
    -------
    ndarray of int64
        Seeds.
    """
    return (uniforms * 2**53).astype(np.int64)


def normal_noise(seeds: np.ndarray, x: Tensor) -> Tensor:
    """Return Gaussian noise of mean 0 and deviation 1, drawn separately for each row.

    Parameters
    ----------
    seeds : ndarray of int of shape (n_clips,)
        Seed of each row. The noise depends on the seed and the kind of device only.
    x : Tensor of shape (n_clips, ...)
        The batch.

    Returns
    -------
    Tensor
        Noise with the shape, type and device of the batch.
    """
    # Contiguous even if the batch is not: the draws depend on the order in memory.
    noise = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    generator = torch.Generator(x.device)
    for field, seed in zip(noise, seeds, strict=True):
        field.normal_(generator=generator.manual_seed(int(seed)))
    return noise
