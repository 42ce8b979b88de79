"""Audio files: find them in a folder, and open them as clips."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from sktag._messages import warn
from sktag.clips._array import ClipArray
from sktag.clips._audio import AudioInfo, probe_many
from sktag.clips._sources import FileSource

AUDIO_EXTENSIONS = (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif", ".au")


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


def open_files(
    paths: list[str],
    sr: int,
    n_samples: int | None = None,
    *,
    on_error: str = "raise",
    n_threads: int | None = None,
    **options: Any,
) -> tuple[ClipArray, np.ndarray]:
    """Read the headers of files, and return the files as clips."""
    infos: list[AudioInfo] = []
    failed: list[int] = []
    for path, info in zip(paths, probe_many(paths, n_threads), strict=True):
        if isinstance(info, Exception):
            if on_error == "raise":
                raise info
            if on_error == "warn":
                warn(f"{info} It is replaced by silence.")
            failed.append(len(infos))
            if len(failed) == len(paths):
                raise info  # not a single file can be read
            info = AudioInfo(
                path=path,
                size=0,
                mtime_ns=0,
                sample_rate=sr,
                n_channels=1,
                n_frames=0,
                format="",
                subtype="",
            )
        infos.append(info)
    if n_samples is None:
        offset = options.get("offset", 0.0)
        n_samples = max(info.n_samples(sr, offset) for info in infos)
    source = FileSource(
        infos, sr, n_samples, on_error=on_error, n_threads=n_threads, **options
    )
    return ClipArray(source), np.array(failed, dtype=int)
