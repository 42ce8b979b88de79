"""Names of scikit-learn that are not quite public, imported in one place."""

import sys

from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import _check_sample_weight

__all__ = [
    "Interval",
    "Options",
    "StrOptions",
    "_check_sample_weight",
    "_fit_context",
    "is_scorer",
]


def is_scorer(value):
    """Tell whether a value is a scorer object, such as `make_scorer` returns."""
    from sklearn.metrics._scorer import _BaseScorer  # slow to import

    return isinstance(value, _BaseScorer)


# The call of a search or cross-validation that was asked about last.
_last_search = 0


def is_repeat_in_search():
    """Tell whether the running fit is one of a search that was asked about before.

    Called where a warning would otherwise be repeated for every fold and candidate.
    """
    global _last_search
    search, frame = None, sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__") or ""
        if module.startswith("sklearn.model_selection."):
            search = frame
        frame = frame.f_back
    if search is None:
        return False
    if search.f_code.co_name == "_fit_and_score":
        # In a worker of a search; its refit, in the user's process, is not a repeat.
        return search.f_locals.get("candidate_progress") is not None
    is_repeat, _last_search = id(search) == _last_search, id(search)
    return is_repeat
