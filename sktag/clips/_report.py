"""What is wrong with files, gathered into one warning for a call.

A folder of a thousand files may have a hundred that were cut off. Files are decoded in
threads, in batches, again in each epoch and each step of a pipeline; so notes are
gathered for the whole process, and each is given once.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable
from contextlib import ContextDecorator
from typing import Self

from cachetools import LRUCache

from sktag._messages import warn

# From harmless to worst; a file counts as the worst that was noted of it.
_RANKS = ("ok", "suspect", "repaired", "failed")
_MEMORY_SIZE = 2**17  # files
_N_NAMED = 5  # files that a report names

_lock = threading.Lock()
_depth = 0
_gathered: dict[Hashable, tuple[str, str]] = {}
_warned: LRUCache[tuple[Hashable, str], bool] = LRUCache(maxsize=_MEMORY_SIZE)


def note(key: Hashable, kind: str, message: str = "") -> None:
    """Note that a file is "ok", "suspect", was "repaired", or "failed".

    Outside of `one_report` this warns at once; `message` names the file.
    """
    with _lock:
        if _depth:
            known = _gathered.get(key)
            is_worse = known is None or _RANKS.index(kind) > _RANKS.index(known[0])
            if is_worse and (known or len(_gathered) < _MEMORY_SIZE):
                _gathered[key] = kind, message
            return
        is_new = _is_new(key, kind)
    if is_new:
        warn(message)


class one_report(ContextDecorator):  # noqa: N801  it is used like a function
    """Gather the notes of all threads, and warn once, on leaving the outermost one.

    Then `rows` has key, kind and message of each file.
    """

    rows: tuple[tuple[Hashable, str, str], ...] = ()

    def __enter__(self) -> Self:
        global _depth
        with _lock:
            _depth += 1
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        global _depth
        with _lock:
            _depth -= 1
            if _depth:
                return
            notes = dict(_gathered)
            _gathered.clear()
            self.rows = tuple((key, *note) for key, note in notes.items())
            if error is not None:
                return
            new = [note for key, note in notes.items() if _is_new(key, note[0])]
        if new:
            new.sort(key=lambda note: _RANKS.index(note[0]), reverse=True)
            kinds = [kind for kind, _ in notes.values()]
            warn(_summary(kinds, [message for _, message in new]))


def _is_new(key: Hashable, kind: str) -> bool:
    """Tell whether there is a warning to give, that this process has not given."""
    if kind == "ok" or (key, kind) in _warned:
        return False
    _warned[key, kind] = True
    return True


def _summary(kinds: list[str], messages: list[str]) -> str:
    """Count the files of each kind, after what is wrong with the first few."""
    if len(kinds) == 1:
        return messages[0]
    counts = [f"{kinds.count(kind)} {kind}" for kind in reversed(_RANKS)]
    counts = [count for count in counts if not count.startswith("0 ")]
    lines = [f"Files: {', '.join(counts)}.", *messages[:_N_NAMED]]
    if len(messages) > _N_NAMED:
        lines.append(f"and {len(messages) - _N_NAMED} more.")
    return "\n".join(lines)
