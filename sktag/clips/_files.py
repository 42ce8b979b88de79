"""Audio files: find them in a folder, and open them as clips."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sktag.clips._array import ClipArray
from sktag.clips._file_source import Excerpt, FileSource
from sktag.clips._report import one_report

# fmt: off
AUDIO_EXTENSIONS = (
    ".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".au",
    ".m4a", ".aac", ".wma",  # by PyAV
)
# fmt: on


def audio_files(
    folder: str | os.PathLike[str], extensions: tuple[str, ...] = AUDIO_EXTENSIONS
) -> list[Path]:
    """List the audio files in a folder and its sub-folders, except hidden ones."""
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(parent, name)
            for name in files
            if not name.startswith(".") and name.lower().endswith(extensions)
        ]
    return sorted(found)


@one_report()
def open_files(
    rows: Sequence[Excerpt],
    sr: int,
    n_samples: int | None = None,
    *,
    on_error: str = "raise",
    needs_one: bool = False,
    **options: Any,
) -> ClipArray:
    """Return files as clips, once it is known that they are there.

    Headers are read if the length is to come from them, ``n_samples=None``. With
    `needs_one` it is an error if none can be read, whatever `on_error` says.
    """
    source = FileSource(rows, sr, n_samples, on_error=on_error, **options)
    errors = source.check()
    if errors and (on_error == "raise" or (needs_one and len(errors) == len(rows))):
        raise errors[0]
    return ClipArray(source)
