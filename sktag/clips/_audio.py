"""Probe and decode sound files: the only place of the package that reads audio.

Requirements:

1. *A file is never trusted.* Headers lie about lengths and rates, downloads turn out to
   be HTML pages named ``.wav``, floats are NaN. A header never decides how much memory
   is used. A file that cannot be used raises an ``OSError`` or a ``ValueError`` that
   names the file, the rule and the remedy.
2. *A part equals the slice of the whole.* ``decode`` with ``offset`` and ``n_samples``
   returns the same samples (to 1e-4) as slicing the fully decoded file. It reads only
   the part it needs if the codec can seek exactly.
3. *Lengths are known without decoding.* ``AudioInfo.n_samples`` is computed from the
   header, and is the length that ``decode`` returns for an intact file.
4. *Threads scale.* Reading and resampling release the GIL, and threads share nothing
   but the lock-protected memory of headers.

Behaviour of libsndfile (measured with version 1.2.2), and its consequences:

- Seeking is exact in PCM, FLAC, A-law, mu-law, ADPCM and ALAC; in Vorbis except within
  the last Ogg page; not in MP3 (errors of 1e-2, the bit reservoir) nor in Opus (the
  decoder's state may never converge), so these two are read from their beginning.
- It never reads past the number of frames in the header. Sound beyond that is lost
  unnoticed; a header that promises too much is noticed.
"""

from __future__ import annotations

import math
import threading

import numpy as np
import numpy.typing as npt
import soxr

from sktag.clips._av import AvStream
from sktag.clips._probe import (
    BITS,
    MAX_RATE,
    MIN_RATE,
    AudioInfo,
    DamagedAudio,
    Key,
    Path,
    Stream,
    UnreadableAudio,
    file_key,
    find_layout,
    inspect,
    opened,
    probe,
    probe_many,
    recall,
    scratch,
    stat_key,
)
from sktag.clips._report import note
from sktag.clips.layout import Layout

__all__ = [
    "AudioInfo",
    "UnreadableAudio",
    "decode",
    "probe",
    "probe_many",
    "stat_key",
]

# Codecs whose samples or blocks do not depend on each other.
_EXACT_SEEK = {*BITS, "IMA_ADPCM", "MS_ADPCM", "ALAC_16", "ALAC_24", "ALAC_32"}
_VORBIS_PAGE = 255 * 4096  # most frames in a page: packets * block / 2

# Half-length of soxr's "HQ" filter, in samples of the lower of the two rates. 100 give
# 1e-5 or better for all rates tried; this is twice as long.
_FILTER_REACH = 200

_FIRST_BUFFER = 2**22  # most frames allocated before they are read

_MOST_PADDING = 10_000  # zeros after the samples: of a cut MPEG frame, for a resampler
_of_thread = threading.local()

_LOUD = 10.0  # a peak that no mix has; sound in other units than full scale has
_TOO_LOUD = (
    "far above full scale, which is 1; divide its samples by full scale (32768 for "
    "16 bits) and write it again, or scale each clip by RawWave(normalize='peak')."
)
_MENDED = (
    "A clip that becomes shorter is padded. Download or encode the file again if "
    "sound is missing."
)


def decode(
    path: Path, sr: int, *, offset: float = 0.0, n_samples: int | None = None
) -> npt.NDArray[np.float32]:
    """Decode a sound file, or a part of it, to mono at a given sample rate.

    Channels are averaged, and the mean is resampled by soxr ("HQ").
    """
    if not (MIN_RATE <= sr <= MAX_RATE and sr == int(sr)):
        raise ValueError(
            f"sr={sr!r} must be a whole number of Hz in [{MIN_RATE}, {MAX_RATE}]."
        )
    if not 0 <= offset < math.inf:
        raise ValueError(f"offset={offset!r} must be a number of seconds, 0 or more.")
    if n_samples is not None and n_samples < 1:
        raise ValueError(f"n_samples={n_samples!r} must be None, or 1 or more.")
    sr = int(sr)
    key = file_key(path)
    info = recall(key)
    layout = info.layout if info else find_layout(key[0])
    start = round(float(offset) * sr)
    stop = None if n_samples is None else start + int(n_samples)
    try:
        return _decode_part(key, info, layout, sr, start, stop)
    except DamagedAudio:
        if not layout.is_believed:
            raise
    # The header seemed right, but the frames behind it are not.
    layout = find_layout(key[0], believe=False)
    return _decode_part(key, None, layout, sr, start, stop)


def _decode_part(
    key: Key,
    info: AudioInfo | None,
    layout: Layout,
    sr: int,
    start: int,
    stop: int | None,
) -> npt.NDArray[np.float32]:
    """Decode the samples [start, stop) at `sr`, and note what was wrong with the file.

    A header that is not known yet is read from the stream that is decoded.
    """
    name = key[0]
    with opened(name, layout.links[0], by_av=layout.by_av) as sound:
        info = info or inspect(sound, key, layout)
        rate, n_frames = info.sample_rate, info.n_frames
        end = info.n_samples(sr)
        stop = end if stop is None else min(stop, end)
        if start >= stop:
            raise ValueError(_beyond(start, end, sr, name))
        first, last, skipped = _frames_for(start, stop, info, sr)
        if len(layout.links) == 1:
            mono = _lent(last - first) if rate != sr else None
            samples, held = _read_mono(sound, info.subtype, n_frames, first, last, mono)
    if len(layout.links) > 1:
        samples, held = _read_links(info, first, last)

    fault = layout.fault
    if held < last and n_frames - held <= _mpeg_padding(info):
        held = last  # zeros follow
    elif held < last:
        fault = (
            f"the header says {n_frames} frames ({n_frames / rate:.3f} s), "
            f"the file holds {held} ({held / rate:.3f} s)"
        )
        stop = min(stop, -(-held * sr // rate))
        if layout.is_believed:
            raise DamagedAudio(f"{name!r}: {fault}.")
        if start >= stop:
            raise UnreadableAudio(_beyond(start, stop, sr, name))
    if fault:
        note(key, "repaired", f"{name!r}: {fault}. {_MENDED}")
    if info.subtype in ("FLOAT", "DOUBLE"):
        peak = _finite_peak(samples, name)
        if peak > _LOUD:
            note(key, "suspect", f"{name!r} has a peak of {peak:.4g}, {_TOO_LOUD}")
    note(key, "ok")
    if rate == sr:
        samples = _resized(samples, stop - start)
        _require_finite(samples, name)
        return samples
    # soxr rounds the number of samples down. Its filter sees zeros after the end in any
    # case; explicit zeros make it compute the last sample.
    samples = _resized(samples, held - first + rate // sr + 2)
    resampled: npt.NDArray[np.float32] = soxr.resample(samples, rate, sr, "HQ")
    resampled = resampled[skipped : skipped + stop - start]
    _require_finite(resampled, name)
    return resampled


def _beyond(start: int, end: int, sr: int, name: str) -> str:
    """Say that a clip would start after the end of the file."""
    return (
        f"{name!r}: offset={start / sr:g} s lies beyond the end of the sound at "
        f"{end / sr:g} s; choose a smaller offset."
    )


def _frames_for(
    start: int, stop: int, info: AudioInfo, sr: int
) -> tuple[int, int, int]:
    """Return the frames of the file that the samples [start, stop) at `sr` depend on.

    Returns the first frame, the frame after the last one, and how many resampled
    samples come before `start`. The first frame coincides in time with a sample, so
    that the resampler has the same phase as for the whole file.
    """
    rate = info.sample_rate
    if rate == sr:
        return start, stop, 0
    lower = min(rate, sr)
    common = math.gcd(rate, sr)
    cell = max(0, start - _FILTER_REACH * sr // lower - 1) // (sr // common)
    last = -(-stop * rate // sr) + _FILTER_REACH * rate // lower + 1
    return (
        cell * (rate // common),
        min(info.n_frames, last),
        start - cell * (sr // common),
    )


def _mpeg_padding(info: AudioInfo) -> int:
    """Return the number of frames that an intact MP3 file may lack: two MPEG frames."""
    if not info.subtype.startswith("MPEG"):
        return 0
    return 2 * (1152 if info.sample_rate >= 32_000 else 576)


def _read_links(
    info: AudioInfo, first: int, last: int
) -> tuple[npt.NDArray[np.float32], int]:
    """Read the frames [first, last) of streams that follow each other.

    What a stream before the last one lacks is silence, so that the next one does not
    move. Returns the same as `_read_mono`.
    """
    parts: list[npt.NDArray[np.float32]] = []
    held, begin = first, 0
    for link, n_frames in zip(info.layout.links, info.link_frames, strict=True):
        end = begin + n_frames
        if first < end and begin < last:
            span = max(first, begin) - begin, min(last, end) - begin
            with opened(info.path, link) as sound:
                part, read = _read_mono(sound, info.subtype, n_frames, *span)
            held = begin + read
            if held < last:
                part = _resized(part, span[1] - span[0])
            parts.append(part)
        begin = end
    mono = np.concatenate(parts)
    mono.resize(max(0, held - first), refcheck=False)
    return mono, held


def _lent(n_frames: int) -> npt.NDArray[np.float32] | None:
    """Return an array of this thread's, for samples that are not kept, if it is enough.

    A new array for each file would cost as much time as a twentieth of its decoding.
    """
    if n_frames > _FIRST_BUFFER:
        return None
    n = n_frames + _MOST_PADDING
    if not hasattr(_of_thread, "samples") or len(_of_thread.samples) < n:
        _of_thread.samples = np.empty(n, np.float32)
    samples: npt.NDArray[np.float32] = _of_thread.samples
    return samples[:n_frames]


def _resized(samples: npt.NDArray[np.float32], n: int) -> npt.NDArray[np.float32]:
    """Return samples cropped, or followed by zeros, in the same memory."""
    if samples.base is None:
        samples.resize(n, refcheck=False)
        return samples
    lent = samples.base
    assert isinstance(lent, np.ndarray)  # by `_lent`, with room for zeros
    lent[len(samples) : n] = 0
    return lent[:n]


def _read_mono(
    sound: Stream | AvStream,
    subtype: str,
    n_frames: int,
    first: int,
    last: int,
    mono: npt.NDArray[np.float32] | None = None,
) -> tuple[npt.NDArray[np.float32], int]:
    """Read the frames [first, last) of a stream of `n_frames`, averaged over channels.

    Returns them, in `mono` if that is given, and the number of the frame after the last
    one read.
    """
    position = 0
    if subtype in _EXACT_SEEK:
        position = first
    elif subtype == "VORBIS":
        position = max(0, min(first, n_frames - _VORBIS_PAGE))
    if position > 0 and isinstance(sound, Stream):
        sound.seek(position)
    if mono is None:
        mono = np.empty(min(last - first, _FIRST_BUFFER), np.float32)
    mixing = sound.channels > 1
    block = scratch(sound.channels) if mixing or position < first else mono
    while position < first:
        got = len(sound.read(out=block[: first - position]))
        if not got:
            return mono[:0].copy(), position
        position += got
    filled = 0
    while position < last:
        if filled == len(mono):
            mono.resize(min(last - first, 2 * filled), refcheck=False)
        if mixing:
            part = sound.read(out=block[: len(mono) - filled])
            got = len(part)
            _average(part, mono[filled : filled + got])
        else:
            got = len(sound.read(out=mono[filled:]))
        if not got:
            break
        filled += got
        position += got
    if mono.base is None:
        mono.resize(filled, refcheck=False)
    return mono[:filled] if len(mono) > filled else mono, position


def _average(frames: npt.NDArray[np.float32], out: npt.NDArray[np.float32]) -> None:
    """Average over channels, ten times as fast as ``frames.mean(axis=1)``."""
    # `_finite_peak` finds overflows, and names the file.
    with np.errstate(over="ignore", invalid="ignore"):
        np.add(frames[:, 0], frames[:, 1], out=out)
        for channel in range(2, frames.shape[1]):
            out += frames[:, channel]
        out /= frames.shape[1]


def _require_finite(samples: npt.NDArray[np.float32], name: str) -> None:
    """Raise an error if a sample is NaN or infinite."""
    # The sum is finite if all samples are; where it is not, they may still be.
    with np.errstate(over="ignore", invalid="ignore"):
        is_finite = math.isfinite(np.add.reduce(samples))
    if not is_finite:
        _finite_peak(samples, name)


def _finite_peak(samples: npt.NDArray[np.float32], name: str) -> float:
    """Return the largest magnitude; raise an error if one is NaN or infinite."""
    if not len(samples):
        return 0.0
    # NaN and infinity show in minimum or maximum, without an array of booleans.
    highest, lowest = float(samples.max()), float(samples.min())
    if not (math.isfinite(highest) and math.isfinite(lowest)):
        raise UnreadableAudio(
            f"{name!r} holds samples that are not finite numbers (NaN, infinite, or "
            "too large for float32); export it again, or leave it out."
        )
    return max(highest, -lowest)
