"""Read, check and remember the headers of sound files.

The requirements are those of `sktag.clips._audio`, which decodes.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soundfile as sf
from cachetools import LRUCache

Path = str | os.PathLike[str]
Key = tuple[str, int, int]  # path, size in bytes, mtime_ns

# Accepted sample rates, in Hz. Lower ones come from broken headers (a rate of 1 exists
# in the wild); 768 kHz is the highest rate that converters offer.
MIN_RATE, MAX_RATE = 100, 768_000

# Bits per sample of codecs in which all samples have the same size, so that the size of
# the file bounds its frames. FLAC uses the PCM names too, with another container.
BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
BITS |= {"ULAW": 8, "ALAW": 8, "FLOAT": 32, "DOUBLE": 64}
# Most frames per byte. The sparsest MPEG audio, 8 kbit/s at 24 kHz, has 24. Other
# codecs compress silence almost without bound; above the thinnest speech, frames are
# counted.
_MPEG_DENSEST, _CODEC_DENSEST = 25, 100

BLOCK = 2**17  # samples (of all channels) read at a time if they must be mixed
_MEMORY_SIZE = 2**17  # number of headers that a process remembers

_memory: LRUCache[Key, AudioInfo] = LRUCache(maxsize=_MEMORY_SIZE)
_memory_lock = threading.Lock()


@dataclass(frozen=True)
class AudioInfo:
    """The checked header of a sound file."""

    path: str
    size: int  # bytes
    mtime_ns: int  # modification time
    sample_rate: int  # Hz, from 100 to 768000
    n_channels: int
    n_frames: int  # samples per channel; counted if the header is implausible
    format: str  # soundfile's name of the container
    subtype: str  # soundfile's name of the codec

    def n_samples(self, sr: int, offset: float = 0.0) -> int:
        """Return the number of samples at `sr` Hz, from `offset` seconds to the end."""
        whole = -(-self.n_frames * int(sr) // self.sample_rate)
        return max(0, whole - round(float(offset) * int(sr)))


class Stream(sf.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A sound file that is read sequentially.

    soundfile seeks to the current position after each read of a seekable file. This
    restarts the decoder, which costs time and, in MP3, changes the samples at every
    block border (1e-2 measured). A file that says it is not seekable avoids this;
    `seek` still works.

    soundfile 0.14 opens files one at a time, even from many threads, so that the reason
    of a failure is not overwritten by another thread. Opening is a tenth of the time of
    a short file, so here threads open freely, and `opened` asks for the reason again.
    Remove when soundfile no longer locks. (2026-11)
    """

    _sf_error_lock = nullcontext()

    def seekable(self) -> bool:
        return False


def stat_key(path: Path) -> tuple[int, int]:
    """Return the size of a file in bytes and its modification time in nanoseconds."""
    return file_key(path)[1:]


def probe(path: Path) -> AudioInfo:
    """Read and check the header of a sound file.

    The process remembers headers until the size or modification time of the file
    differs. If the number of frames is implausible (zero, negative, or more than the
    codec can pack into the file's size), they are counted by a full decode.
    """
    key = file_key(path)
    known = recall(key)
    if known is not None:
        return known
    with opened(key[0]) as sound:
        return inspect(sound, key)


def probe_many(
    paths: Sequence[Path], n_threads: int | None = None
) -> list[AudioInfo | Exception]:
    """Probe many files at once."""

    def attempt(path: Path) -> AudioInfo | Exception:
        try:
            return probe(path)
        except (OSError, ValueError) as error:
            return error

    def is_unknown(path: Path) -> bool:
        try:
            return recall(file_key(path)) is None
        except (OSError, ValueError):
            return False

    n_threads = min(n_threads or os.cpu_count() or 1, sum(map(is_unknown, paths)))
    if n_threads < 2:
        return [attempt(path) for path in paths]
    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(attempt, paths))


def file_key(path: Path) -> Key:
    """Return the path as a string, with the size and modification time of the file."""
    try:
        name = os.fsdecode(path)
        found = os.stat(name)
    except FileNotFoundError as error:
        seen_from = "" if os.path.isabs(name) else f" (seen from {os.getcwd()!r})"
        why = f"no such sound file{seen_from}; check the path"
        raise FileNotFoundError(error.errno, why, name) from error
    except (TypeError, ValueError) as error:  # not a string; a null byte in it
        raise ValueError(f"{path!r} is not a path: {error}.") from error
    if stat.S_ISDIR(found.st_mode):
        why = "a directory, not a sound file; give the files in it"
        raise IsADirectoryError(errno.EISDIR, why, name)
    if not stat.S_ISREG(found.st_mode):
        # Opening a pipe would wait for a writer, perhaps forever.
        raise ValueError(f"{name!r} is not a regular file; copy its content to one.")
    return name, found.st_size, found.st_mtime_ns


def recall(key: Key) -> AudioInfo | None:
    """Return the remembered header of a file, if the file has not changed."""
    with _memory_lock:
        return _memory.get(key)


@contextmanager
def opened(name: str) -> Iterator[Stream]:
    """Open a sound file, and replace errors of soundfile by more helpful ones."""
    try:
        # As bytes, since soundfile cannot encode names that are not valid Unicode.
        sound = Stream(os.fsencode(name) if os.name == "posix" else name)
    except (sf.SoundFileError, RuntimeError, TypeError) as error:
        # TypeError: soundfile takes a file named .raw for headerless data.
        raise _refusal(name, _reason(name, error)) from error
    with sound:
        if sound.format == "RAW":
            raise _refusal(name, "No header; taken for raw data.")
        try:
            yield sound
        except sf.SoundFileError as error:
            raise ValueError(
                f"{name!r} is damaged, it cannot be decoded to its end "
                f"({error}); download or encode it again, or leave it out."
            ) from error


def _reason(name: str, error: Exception) -> str:
    """Ask soundfile again, under its lock, why a file cannot be opened."""
    try:
        sf.SoundFile(os.fsencode(name) if os.name == "posix" else name).close()
    except (sf.SoundFileError, RuntimeError, TypeError) as again:
        error = again
    return str(getattr(error, "error_string", error))


def _refusal(name: str, reason: str) -> ValueError:
    """Return the error that says why a file is no sound file, and what to do."""
    with open(name, "rb") as raw:  # raises its own error if reading is not permitted
        head = raw.read(512)
    start = head.lstrip().lower()
    if not head:
        what, remedy = "is empty", "download or encode it again"
    elif start.startswith(b"version https://git-lfs"):
        what, remedy = "is a Git LFS pointer, not a sound file", "run 'git lfs pull'"
    elif start.startswith((b"<!doctype", b"<html", b"<?xml")):
        what, remedy = "is a web page, not a sound file", "download it again"
    else:
        what = "is not a sound file that can be read"
        remedy = (
            "readable are WAV, FLAC, OGG (Vorbis, Opus), MP3, AIFF, AU, CAF and W64; "
            "convert others, as in 'ffmpeg -i in.m4a out.wav'"
        )
    if "does not exist" in reason:  # libsndfile's message for MP3 without a frame
        reason = "No sound found in it."
    return ValueError(f"{name!r} {what} ({reason.strip()}); {remedy}.")


def inspect(sound: Stream, key: Key) -> AudioInfo:
    """Check a header and remember it."""
    name, size, _ = key
    rate, n_channels, n_frames = sound.samplerate, sound.channels, sound.frames
    if not MIN_RATE <= rate <= MAX_RATE:
        raise ValueError(
            f"{name!r}: the sample rate {rate} Hz is outside [{MIN_RATE}, {MAX_RATE}]"
            " Hz, the header is damaged; encode the file again."
        )
    if sound.format != "FLAC" and sound.subtype in BITS:
        densest = 8 * size / (BITS[sound.subtype] * n_channels)
    elif sound.subtype.startswith("MPEG"):
        densest = size * _MPEG_DENSEST
    else:
        densest = size * _CODEC_DENSEST
    if not 0 < n_frames <= densest:
        n_frames = _count_frames(name)
    if n_frames == 0:
        raise ValueError(
            f"{name!r} holds no sound (zero frames); encode it again, or leave it out."
        )
    codec = (sound.format, sound.subtype)
    info = AudioInfo(*key, rate, n_channels, n_frames, *codec)
    with _memory_lock:
        _memory[key] = info
    return info


def _count_frames(name: str) -> int:
    """Count the frames of a file by decoding it block by block."""
    n_frames = 0
    with opened(name) as sound:  # a second stream: the caller's stays at its beginning
        block = scratch(sound.channels)
        while got := len(sound.read(out=block)):
            n_frames += got
    return n_frames


def scratch(n_channels: int) -> npt.NDArray[np.float32]:
    """Allocate a block to read into, of shape (n_frames, n_channels) or (n_frames,)."""
    n_frames = max(1, BLOCK // n_channels)
    shape = (n_frames, n_channels) if n_channels > 1 else (n_frames,)
    return np.empty(shape, np.float32)
