"""Read, check and remember the headers of sound files.

The requirements are those of `sktag.clips._audio`, which decodes.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile as sf
from cachetools import LRUCache

from sktag.clips._av import AvError, AvStream, has_av
from sktag.clips.layout import (
    AS_IT_IS,
    Layout,
    Link,
    layout_of,
    open_pieces,
    rates_in_flac,
)

Path = str | os.PathLike[str]
Key = tuple[str, int, int, int, int]  # path, and what `stat_key` returns

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

# What begins like this, libsndfile reads, or it is damaged.
_IS_OF_LIBSNDFILE = re.compile(rb"RIFF....WAVE|fLaC|FORM....AIF|\.snd", re.DOTALL)

BLOCK = 2**17  # samples (of all channels) read at a time if they must be mixed
_MEMORY_SIZE = 2**17  # number of headers that a process remembers

_memory: LRUCache[Key, AudioInfo] = LRUCache(maxsize=_MEMORY_SIZE)
_memory_lock = threading.Lock()


class UnreadableAudio(ValueError):  # noqa: N818  what it is, not that it is one
    """What is in a file cannot be used as sound; the message names the file."""


class DamagedAudio(UnreadableAudio):
    """A file could be opened, but not decoded to its end."""


@dataclass(frozen=True)
class AudioInfo:
    """The checked header of a sound file."""

    path: str
    size: int  # bytes
    mtime_ns: int  # modification time
    ctime_ns: int  # time of the last change of the file's record
    inode: int
    sample_rate: int  # Hz, from 100 to 768000
    n_channels: int
    n_frames: int  # samples per channel; counted if the header is implausible
    format: str  # soundfile's name of the container
    subtype: str  # soundfile's name of the codec
    layout: Layout = AS_IT_IS
    link_frames: tuple[int, ...] = ()  # samples per channel of each link of the layout

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


def stat_key(path: Path) -> tuple[int, int, int, int]:
    """Return size, mtime_ns, ctime_ns and inode, of which one differs if a file does.

    Size and modification time alone are those of any copy made with ``cp -p``.
    """
    return file_key(path)[1:]


def probe(path: Path) -> AudioInfo:
    """Read and check the header of a sound file.

    The process remembers headers until the `stat_key` of the file differs. If the
    number of frames is implausible (zero, negative, or more than the codec can pack
    into the file's size), they are counted by a full decode.
    """
    key = file_key(path)
    known = recall(key)
    if known is not None:
        return known
    layout = find_layout(key[0])
    with opened(key[0], layout.links[0], by_av=layout.by_av) as sound:
        return inspect(sound, key, layout)


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
    """Return the path as a string, followed by the file's `stat_key`."""
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
        why = "is not a regular file; copy its content to one."
        raise UnreadableAudio(f"{name!r} {why}")
    return name, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def recall(key: Key) -> AudioInfo | None:
    """Return the remembered header of a file, if the file has not changed."""
    with _memory_lock:
        return _memory.get(key)


def find_layout(name: str, *, believe: bool = True) -> Layout:
    """Look at the bytes of a file, before libsndfile sees it."""
    with open(name, "rb", buffering=0) as file:
        layout = layout_of(file, name, believe=believe)
    if layout is None:
        raise _refusal(name, "No sound found in it.")
    return layout


@contextmanager
def opened(
    name: str, link: Link = (), *, by_av: bool = False
) -> Iterator[Stream | AvStream]:
    """Open a sound file, or one link of it, with errors that help the user."""
    with ExitStack() as stack:
        sound = _by_av(name) if by_av else _by_libsndfile(name, link, stack)
        stack.enter_context(sound)
        if sound.format == "RAW":
            raise _refusal(name, "No header; taken for raw data.")
        try:
            yield sound
        except (sf.SoundFileError, AvError) as error:
            raise DamagedAudio(
                f"{name!r} is damaged, it cannot be decoded to its end "
                f"({error}); download or encode it again, or leave it out."
            ) from error


def _by_libsndfile(name: str, link: Link, stack: ExitStack) -> Stream | AvStream:
    """Open a file with libsndfile, or with PyAV where that cannot."""
    try:
        return Stream(_source(name, link, stack))
    except (sf.SoundFileError, RuntimeError, TypeError) as error:
        # TypeError: soundfile takes a file named .raw for headerless data.
        return _by_av(name, _reason(name, link, error))


def _by_av(name: str, reason: str = "Format not recognised.") -> AvStream:
    """Open a file with PyAV, if it is there; else say what is needed."""
    refusal = _refusal(name, reason)
    with open(name, "rb") as raw:
        head = raw.read(12)
    if _IS_OF_LIBSNDFILE.match(head) or not has_av():
        raise refusal
    try:
        return AvStream(name)
    except AvError as error:
        raise _refusal(name, str(error)) from error


def _source(name: str, link: Link, stack: ExitStack) -> Any:
    """Return what soundfile opens: a name, or a file of pieces that `stack` closes."""
    if link:
        return stack.enter_context(open_pieces(name, link))
    # As bytes, since soundfile cannot encode names that are not valid Unicode.
    return os.fsencode(name) if os.name == "posix" else name


def _reason(name: str, link: Link, error: Exception) -> str:
    """Ask soundfile again, under its lock, why a file cannot be opened."""
    try:
        with ExitStack() as stack:
            sf.SoundFile(_source(name, link, stack)).close()
    except (sf.SoundFileError, RuntimeError, TypeError) as again:
        error = again
    return str(getattr(error, "error_string", error))


def _refusal(name: str, reason: str) -> UnreadableAudio:
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
        by_av = "M4A, AAC, WMA and the sound of videos"
        if not has_av():
            by_av += """, after pip install "sktag[av]\""""
        remedy = (
            "readable are WAV, FLAC, OGG (Vorbis, Opus), MP3, AIFF, AU, CAF and W64; "
            f"{by_av}; convert others, as in 'ffmpeg -i in.amr out.wav'"
        )
    if "does not exist" in reason:  # libsndfile's message for MP3 without a frame
        reason = "No sound found in it."
    return UnreadableAudio(f"{name!r} {what} ({reason.strip()}); {remedy}.")


def inspect(sound: Stream | AvStream, key: Key, layout: Layout) -> AudioInfo:
    """Check a header, and those of the other links, and remember them."""
    name = key[0]
    rate = sound.samplerate
    link_frames = [_checked_frames(sound, key, layout.links[0], layout.counts[0])]
    for link, count in zip(layout.links[1:], layout.counts[1:], strict=True):
        with opened(name, link) as other:
            if other.samplerate != rate:
                raise UnreadableAudio(
                    f"{name!r} changes its sample rate from {rate} to "
                    f"{other.samplerate} Hz midway; convert it to one rate."
                )
            link_frames.append(_checked_frames(other, key, link, count))
    if sound.format == "FLAC":
        _require_one_rate(name)
    n_frames = sum(link_frames)
    if n_frames == 0:
        raise UnreadableAudio(
            f"{name!r} holds no sound (zero frames); encode it again, or leave it out."
        )
    rest = (sound.format, sound.subtype, layout, tuple(link_frames))
    info = AudioInfo(*key, rate, sound.channels, n_frames, *rest)
    with _memory_lock:
        _memory[key] = info
    return info


def _require_one_rate(name: str) -> None:
    """Raise an error if a FLAC file changes its rate, which libsndfile ignores."""
    with open(name, "rb", buffering=0) as file:
        rates = rates_in_flac(file, os.fstat(file.fileno()).st_size)
    if len(rates) > 1:
        raise UnreadableAudio(
            f"{name!r} changes its sample rate midway "
            f"({', '.join(map(str, rates))} Hz); convert it to one rate."
        )


def _checked_frames(
    sound: Stream | AvStream, key: Key, link: Link, count: int | None
) -> int:
    """Return the number of frames of a stream; they are counted if implausible."""
    name, size = key[:2]
    if not MIN_RATE <= sound.samplerate <= MAX_RATE:
        raise UnreadableAudio(
            f"{name!r}: the sample rate {sound.samplerate} Hz is outside "
            f"[{MIN_RATE}, {MAX_RATE}] Hz, the header is damaged; encode the file "
            "again."
        )
    if sound.format != "FLAC" and sound.subtype in BITS:
        densest = 8 * size / (BITS[sound.subtype] * sound.channels)
    elif sound.subtype.startswith("MPEG"):
        densest = size * _MPEG_DENSEST
    else:
        densest = size * _CODEC_DENSEST
    n_frames: int = sound.frames
    if count is not None:
        return min(count, n_frames)
    if 0 < n_frames <= densest:
        return n_frames
    return _count_frames(name, link, by_av=isinstance(sound, AvStream))


def _count_frames(name: str, link: Link, *, by_av: bool) -> int:
    """Count the frames of a stream by decoding it block by block."""
    n_frames = 0
    # A second stream, so that the caller's stays at its beginning.
    with opened(name, link, by_av=by_av) as sound:
        block = scratch(sound.channels)
        while got := len(sound.read(out=block)):
            n_frames += got
    return n_frames


def scratch(n_channels: int) -> npt.NDArray[np.float32]:
    """Allocate a block to read into, of shape (n_frames, n_channels) or (n_frames,)."""
    n_frames = max(1, BLOCK // n_channels)
    shape = (n_frames, n_channels) if n_channels > 1 else (n_frames,)
    return np.empty(shape, np.float32)
