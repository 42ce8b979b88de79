"""Parts of messages, and warnings that point at the user's line."""

import sys
import warnings
from collections.abc import Iterable
from difflib import get_close_matches

# Packages between a user's line and the code that warns.
_INSIDE = ("sktag", "sklearn", "skorch", "joblib")


def did_you_mean(name: object, names: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the closest of some names, or ""."""
    close = get_close_matches(str(name), list(names), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def name_of(function: object) -> str:
    """Return the name of a user's function, class or functools.partial."""
    function = getattr(function, "func", function)
    return getattr(function, "__qualname__", type(function).__name__)


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn, pointing at the first caller outside sktag and the packages it is in."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and _is_inside(frame.f_globals.get("__name__")):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def _is_inside(module: str | None) -> bool:
    return module is not None and module.split(".")[0] in _INSIDE
