"""Probe and decode sound files: the one place of the package that reads audio.

What the design has to meet:

1. *A file is never trusted.* Headers lie about lengths and rates, downloads end up as
   HTML pages with a ``.wav`` name, floats are NaN. A header never decides how much
   memory is used, and what cannot be used is refused with an error that names the
   file, the rule and the remedy: an ``OSError`` or a ``ValueError``, nothing else.
2. *A cut equals the cut of the whole.* ``decode`` with ``offset`` and ``n_samples``
   gives the samples that slicing the fully decoded file gives (to 1e-4), although it
   reads only the part it needs where the codec can seek exactly.
3. *Lengths are known without decoding.* ``AudioInfo.n_samples`` is computed from the
   header and is what ``decode`` returns for a sound file.
4. *Threads scale.* Reading and resampling release the GIL, and nothing is shared but
   the lock-protected memory of headers.

What libsndfile does, and what follows from it (measured with libsndfile 1.2.2):

- Seeking is exact in PCM, FLAC, A-law, mu-law, ADPCM and ALAC; in Vorbis except within
  the last Ogg page; not in MP3 (errors of 1e-2, the bit reservoir) nor in Opus (the
  decoder's state may never converge), so these two are read from their beginning.
- It never reads past the header's number of frames, so sound beyond that is invisible
  here; a header that promises too much is noticed.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import numpy.typing as npt
import soxr

from sktag.clips._probe import (
    BITS,
    MAX_RATE,
    MIN_RATE,
    AudioInfo,
    Path,
    Stream,
    file_key,
    inspect,
    opened,
    probe,
    probe_many,
    recall,
    scratch,
    stat_key,
)

__all__ = ["AudioInfo", "decode", "probe", "probe_many", "stat_key"]

# Codecs of samples or blocks that do not depend on each other.
_EXACT_SEEK = {*BITS, "IMA_ADPCM", "MS_ADPCM", "ALAC_16", "ALAC_24", "ALAC_32"}
_VORBIS_PAGE = 255 * 4096  # frames that a page holds at most: packets * block / 2

# Half-length of soxr's "HQ" filter, in samples of the lower of the two rates: 100 give
# 1e-5 or better for all rates tried; twice that is taken.
_FILTER_REACH = 200

_FIRST_BUFFER = 2**22  # frames allocated on the word of a header; more as they come


def decode(
    path: Path, sr: int, *, offset: float = 0.0, n_samples: int | None = None
) -> npt.NDArray[np.float32]:
    """Decode a sound file, or a part of it, to mono at a given rate.

    The channels are averaged, then resampled by soxr ("HQ").

    Parameters
    ----------
    path : str or Path
        The file.
    sr : int in [100, 768000]
        Rate of the result, in Hz.
    offset : float >= 0, default=0.0
        Where to begin, in seconds, rounded to a sample of the result.
    n_samples : int > 0, default=None
        Number of samples to return at most; None means up to the end.

    Returns
    -------
    ndarray of shape (n,), float32
        The samples; integer formats are scaled to [-1, 1]. ``n`` is
        ``min(n_samples, probe(path).n_samples(sr, offset))``, or less where the file
        holds less than its header says.

    Raises
    ------
    OSError
        If the file is missing, a directory, or cannot be accessed.
    ValueError
        If the file cannot be decoded or is damaged, if a sample is not finite, or if
        `offset` lies beyond the end.

    Warns
    -----
    UserWarning
        If the file ends before its header says. MP3 files may lack two MPEG frames
        (encoder delay and padding) without a warning: zeros stand for them.
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
    name = key[0]
    with opened(name) as sound:
        info = recall(key) or inspect(sound, key)
        rate, n_frames = info.sample_rate, info.n_frames
        start, stop = round(float(offset) * sr), info.n_samples(sr)
        _require_before(start, stop, sr, name)
        if n_samples is not None:
            stop = min(stop, start + int(n_samples))
        first, last, skipped = _frames_for(start, stop, info, sr)
        samples, held = _read_mono(sound, info, first, last)

    if held < last and n_frames - held <= _mpeg_padding(info):
        held = last  # `resize` fills with zeros
    elif held < last:
        stop = min(stop, -(-held * sr // rate))
        _require_before(start, stop, sr, name)
        warnings.warn(
            f"{name!r}: the header says {n_frames} frames ({n_frames / rate:.3f} s), "
            f"the file holds {held} ({held / rate:.3f} s); the clip is padded or "
            "cropped to the length asked for. Download or encode the file anew.",
            stacklevel=2,
        )
    _require_finite(samples, name)
    if rate == sr:
        samples.resize(stop - start, refcheck=False)
        return samples
    # soxr rounds the number of samples; zeros after the end, which its filter sees
    # there anyway, make it compute the last one instead of leaving it out.
    samples.resize(held - first + rate // sr + 2, refcheck=False)
    resampled: npt.NDArray[np.float32] = soxr.resample(samples, rate, sr, "HQ")
    resampled = resampled[skipped : skipped + stop - start]
    _require_finite(resampled, name)
    return resampled


def _require_before(start: int, stop: int, sr: int, name: str) -> None:
    """Raise if a clip starts where the file has ended."""
    if start >= stop:
        raise ValueError(
            f"{name!r}: offset={start / sr:g} s lies beyond the end of the sound at "
            f"{stop / sr:g} s; choose a smaller offset."
        )


def _frames_for(
    start: int, stop: int, info: AudioInfo, sr: int
) -> tuple[int, int, int]:
    """Give the frames of the file that the samples [start, stop) at `sr` depend on.

    Returns the first frame, the frame after the last, and how many resampled samples
    come before `start`. The first frame lies where a frame and a sample fall
    together: there the resampler's phase is that of the whole file.
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
    """Give the frames that a sound MP3 file may lack: two MPEG frames."""
    if not info.subtype.startswith("MPEG"):
        return 0
    return 2 * (1152 if info.sample_rate >= 32_000 else 576)


def _read_mono(
    sound: Stream, info: AudioInfo, first: int, last: int
) -> tuple[npt.NDArray[np.float32], int]:
    """Read the frames [first, last), averaged over channels.

    Returns them and the frame after the last one that there is, at most `last`.
    """
    position = 0
    if info.subtype in _EXACT_SEEK:
        position = first
    elif info.subtype == "VORBIS":
        position = max(0, min(first, info.n_frames - _VORBIS_PAGE))
    if position > 0:
        sound.seek(position)
    mono = np.empty(min(last - first, _FIRST_BUFFER), np.float32)
    mixing = info.n_channels > 1
    block = scratch(info.n_channels) if mixing or position < first else mono
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
    mono.resize(filled, refcheck=False)
    return mono, position


def _average(frames: npt.NDArray[np.float32], out: npt.NDArray[np.float32]) -> None:
    """Average over channels: ten times as fast as ``frames.mean(axis=1)``."""
    # What overflows is found, and named, by `_require_finite`.
    with np.errstate(over="ignore", invalid="ignore"):
        np.add(frames[:, 0], frames[:, 1], out=out)
        for channel in range(2, frames.shape[1]):
            out += frames[:, channel]
        out /= frames.shape[1]


def _require_finite(samples: npt.NDArray[np.float32], name: str) -> None:
    """Raise if a sample is NaN or infinite."""
    # Minimum and maximum carry both on, and need no array of booleans.
    if len(samples) and not (
        math.isfinite(samples.max()) and math.isfinite(samples.min())
    ):
        raise ValueError(
            f"{name!r} holds samples that are not finite numbers (NaN, infinite, or "
            "too large for float32); export it anew, or leave it out."
        )
