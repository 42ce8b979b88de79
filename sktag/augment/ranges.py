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
    """Return a range as (least, most), checked."""
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
    """Raise an error if a parameter is not a whole number of at least 1."""
    if not isinstance(value, Integral) or value < 1:
        raise ValueError(
            f"{type(owner).__name__} has {name}={value!r}: give a whole number of at "
            "least 1."
        )


def between(bounds: Range, uniforms: np.ndarray) -> np.ndarray:
    """Map uniform numbers to a range."""
    low, high = bounds if isinstance(bounds, tuple) else (bounds, bounds)
    return low + uniforms * (high - low)


def column(values: np.ndarray, x: Tensor) -> Tensor:
    """Return one number for each row, in a shape that broadcasts over the row."""
    tensor = torch.from_numpy(np.array(values)).to(x.dtype)
    tensor = tensor.to(x.device, non_blocking=True)
    return tensor.view(-1, *[1] * (x.ndim - 1))


def as_seeds(uniforms: np.ndarray) -> np.ndarray:
    """Turn uniform numbers into seeds."""
    return (uniforms * 2**53).astype(np.int64)


def normal_noise(seeds: np.ndarray, x: Tensor) -> Tensor:
    """Return Gaussian noise of mean 0 and deviation 1, drawn for each row by itself."""
    # Contiguous even if the batch is not: the draws depend on the order in memory.
    noise = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    generator = torch.Generator(x.device)
    for field, seed in zip(noise, seeds, strict=True):
        field.normal_(generator=generator.manual_seed(int(seed)))
    return noise
