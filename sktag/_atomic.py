"""Files that are written completely or not at all."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO
from uuid import uuid4

FilePath = str | os.PathLike[str]


def atomic_write(
    path: FilePath,
    write: Callable[[IO[bytes]], object],
    *,
    fsync: bool = False,
) -> None:
    """Write a file under a temporary name, and rename it once it is complete.

    A reader in another process sees the old content or all of the new content. If
    `write` raises an error, the old file does not change.
    """
    path = Path(path)
    # Not by tempfile, whose files only their owner may read, whatever the umask.
    partial = path.with_name(f"{uuid4().hex}.tmp")
    try:
        with partial.open("xb") as file:
            write(file)
            if fsync:
                file.flush()
                os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
