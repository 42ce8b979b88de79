"""What is wrong with files, gathered into one warning for a call.

A folder of a thousand files may have a hundred that were cut off. Files are decoded in
threads, in batches, again in each epoch; so notes are gathered for the whole process.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable

from cachetools import LRUCache

from sktag._messages import warn

# From harmless to worst; a file counts as the worst that was noted of it.
_RANKS = ("sound", "suspect", "repaired", "failed")
_MEMORY_SIZE = 2**17  # files
_N_NAMED = 5  # files that a report names

_lock = threading.Lock()
_depth = 0
_gathered: dict[Hashable, tuple[str, str]] = {}
_warned: LRUCache[tuple[Hashable, str], bool] = LRUCache(maxsize=_MEMORY_SIZE)


def note(key: Hashable, kind: str, message: str = "") -> None:
    """Note that a file is "sound", "suspect", was "repaired", or "failed".

    Outside of `one_report` this warns at once, but once of each key; `message` names
    the file.
    """
    with _lock:
        if _depth:
            known = _gathered.get(key)
            is_worse = known is None or _RANKS.index(kind) > _RANKS.index(known[0])
            if is_worse and (known or len(_gathered) < _MEMORY_SIZE):
                _gathered[key] = kind, message
            return
        is_new = kind != "sound" and (key, kind) not in _warned
        _warned[key, kind] = True
    if is_new:
        warn(message)


class one_report:  # noqa: N801  it is used like a function, as contextlib's are
    """Gather the notes of all threads, and warn once, on leaving the outermost one."""

    # No generator: frames of contextlib would stand between the warning and the user.
    def __enter__(self) -> None:
        global _depth
        with _lock:
            _depth += 1

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        global _depth
        with _lock:
            _depth -= 1
            if _depth:
                return
            notes = list(_gathered.values())
            _gathered.clear()
        message = _summary(notes)
        if message and kind is None:
            warn(message)


def _summary(notes: list[tuple[str, str]]) -> str:
    """Count the files of each kind, and name the first few that are not sound."""
    by_kind = {name: [m for k, m in notes if k == name] for name in reversed(_RANKS)}
    counts = [f"{len(found)} {name}" for name, found in by_kind.items() if found]
    named = [m for name, found in by_kind.items() if name != "sound" for m in found]
    if not named:
        return ""
    lines = [f"Of {len(notes)} files read, {', '.join(counts)}:", *named[:_N_NAMED]]
    if len(named) > _N_NAMED:
        lines.append(f"and {len(named) - _N_NAMED} more.")
    return "\n".join(lines)
