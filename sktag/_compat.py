"""Semi-private names of scikit-learn; no other file imports such names."""

import sys
import weakref

from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import _check_sample_weight

__all__ = [
    "Interval",
    "Options",
    "StrOptions",
    "_check_sample_weight",
    "_fit_context",
    "is_repeat_in_search",
    "is_scorer",
    "scorer_name",
]
_SEARCHES = "sklearn.model_selection."


def is_scorer(value):
    """Tell whether a value is a scorer object, such as `make_scorer` returns."""
    from sklearn.metrics._scorer import _BaseScorer  # slow to import

    return isinstance(value, _BaseScorer)


def scorer_name(scorer):
    """Return the name of the metric of a scorer object, "neg_..." for a loss."""
    sign = "neg_" if scorer._sign < 0 else ""
    return f"{sign}{scorer._score_func.__name__}"


# The Parallel object of the search or cross-validation that was asked about last.
_last_search = None


def is_repeat_in_search():
    """Tell whether the running fit is one of a search that was asked about before.

    Called before a warning that would otherwise be repeated for every fold and
    candidate.
    """
    global _last_search
    search, frame, caller = None, sys._getframe(1), None
    while frame is not None:
        if (frame.f_globals.get("__name__") or "").startswith(_SEARCHES):
            caller = frame
            search = frame.f_locals.get("parallel", search)
        frame = frame.f_back
    if caller is not None and caller.f_code.co_name == "_fit_and_score":
        # In a worker process no line is the user's: the refit of the search warns.
        return caller.f_locals.get("candidate_progress") is not None
    if search is None:
        return False
    is_repeat = _last_search is not None and _last_search() is search
    _last_search = weakref.ref(search)
    return is_repeat
