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
    "groups_of_search",
    "is_repeat_in_search",
    "is_scorer",
    "place_in_search",
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


# By topic, the Parallel object of the search or cross-validation that was asked about
# last; and how many fits of each have been counted.
_last_search: dict[str, weakref.ref] = {}
_n_fits: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def is_repeat_in_search(topic):
    """Tell whether the running fit is one of a search that was asked about before.

    Called before a warning about a topic that would otherwise be repeated for every
    fold and candidate.
    """
    frames = _frames_of_search()
    if frames and frames[-1].f_code.co_name == "_fit_and_score":
        # In a worker process no line is the user's: the refit of the search warns.
        return frames[-1].f_locals.get("candidate_progress") is not None
    search = _parallel_of(frames)
    if search is None:
        return False
    before = _last_search.get(topic)
    _last_search[topic] = weakref.ref(search)
    return before is not None and before() is search


def place_in_search():
    """Return the candidate and fold of the running fit as text; "" outside a search."""
    frames = _frames_of_search()
    search = _parallel_of(frames)
    if search is not None:
        _n_fits[search] = _n_fits.get(search, 0) + 1
    for frame in frames:
        candidate = frame.f_locals.get("candidate_progress")
        fold = frame.f_locals.get("split_progress")
        if candidate is not None and fold is not None:
            return (
                f"candidate {candidate[0] + 1}/{candidate[1]}, "
                f"fold {fold[0] + 1}/{fold[1]}"
            )
        if frame.f_code.co_name == "_fit_and_score" and search is not None:
            return f"fold {_n_fits[search]}"
    return ""


def groups_of_search():
    """Return whether the search that runs the present fit was given groups."""
    for frame in _frames_of_search():
        params = frame.f_locals.get("params")
        given = [frame.f_locals.get("groups")]
        given.append(params.get("groups") if isinstance(params, dict) else None)
        if any(groups is not None for groups in given):
            return True
    return False


def _frames_of_search():
    """Return the frames of scikit-learn's searches, from the fit to the user."""
    found, frame = [], sys._getframe(2)
    while frame is not None:
        if (frame.f_globals.get("__name__") or "").startswith(_SEARCHES):
            found.append(frame)
        frame = frame.f_back
    return found


def _parallel_of(frames):
    found = [frame.f_locals.get("parallel") for frame in frames]
    found = [parallel for parallel in found if parallel is not None]
    return found[-1] if found else None
