"""Helpers for warnings and error messages, for all parts of the package.

They import neither scikit-learn nor torch.
"""

import os
import sys
import warnings
from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache
from importlib.util import find_spec

# Frames of these modules are never the line of the user. Those of torch, of decorators
# and of threads lie between frames of sktag.
_NOT_THE_USER = (
    "sktag",
    "sklearn",
    "skorch",
    "joblib",
    "torch",
    "concurrent",
    "contextlib",
    "threading",
)


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn, and point at the line of the user that led here."""
    inside = _places()
    stacklevel = 2  # the caller of this function
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(inside):
        frame = frame.f_back
        stacklevel += 1
    warnings.warn(message, category, stacklevel=stacklevel)


@lru_cache(maxsize=1)
def _places() -> tuple[str, ...]:
    """Return the folders (or single files) of the packages that are not the user."""
    found = []
    for name in _NOT_THE_USER:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            continue
        is_package = spec.submodule_search_locations is not None
        folder = os.path.dirname(spec.origin) + os.sep
        found.append(folder if is_package else spec.origin)
    return tuple(found)


def did_you_mean(name: object, names: Iterable[object], cutoff: float = 0.6) -> str:
    """Suggest the known name that is closest to a wrong one.

    Parameters
    ----------
    name : object
        The wrong name.
    names : iterable
        The known names; those that are not strings are never suggested.

    Returns
    -------
    str
        `` Did you mean 'x'?``, with a space before it, to append to a message; empty if
        no name is close.

    Examples
    --------
    >>> from sktag._messages import did_you_mean
    >>> "there is no 'fnc4'." + did_you_mean("fnc4", ["fcn4", "musicnn"])
    "there is no 'fnc4'. Did you mean 'fcn4'?"
    """
    known = [known for known in names if isinstance(known, str)]
    close = get_close_matches(str(name), known, n=1, cutoff=cutoff)
    return f" Did you mean {close[0]!r}?" if close else ""


def name_of(function: object) -> str:
    """Return the name of a user's function, class or ``functools.partial``."""
    function = getattr(function, "func", function)
    return getattr(function, "__qualname__", type(function).__name__)


def as_size(n_bytes):
    """Return a number of bytes as text, with a unit that suits it."""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if n_bytes >= size:
            n = n_bytes / size
            return f"{n:.1f} {unit}" if n < 10 else f"{n:.0f} {unit}"
    return f"{n_bytes} bytes"
