"""How clips are shown: source -> steps -> shape. Nothing here reads a file."""

import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sktag.clips._array import ClipArray


def as_text(clips: "ClipArray") -> str:
    """Return the repr of clips."""
    return f"<ClipArray {' -> '.join(_steps(clips))} -> {clips.kind} {clips.shape}>"


def as_html(clips: "ClipArray") -> str:
    """Return the HTML that a notebook shows for clips."""
    steps = "".join(f"<li>{html.escape(step)}</li>" for step in _steps(clips))
    return (
        f"<div><b>ClipArray</b> {clips.kind} {clips.shape}, float32"
        f"<ol style='margin:0'>{steps}</ol></div>"
    )


def _steps(clips: "ClipArray") -> list[str]:
    rate = "" if clips.sample_rate is None else f" at {clips.sample_rate:g} Hz"
    n = len(clips)
    noun = clips._source.noun.removesuffix("s") if n == 1 else clips._source.noun
    ops = [repr(op).replace("Op(", "(", 1) for op in clips.ops]
    return [f"{n} {noun}{rate}", *ops]
