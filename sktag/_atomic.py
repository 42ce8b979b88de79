"""Files that are written completely or not at all."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO


def atomic_write(
    path: str | os.PathLike[str],
    write: Callable[[IO[bytes]], object],
    *,
    fsync: bool = False,
) -> None:
    """Write a file under a temporary name, and rename it once it is complete.

    A reader in another process sees the old content or all of the new content. If
    `write` raises an error, the old file does not change.
    """
    path = Path(path)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            if fsync:
                file.flush()
                os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
