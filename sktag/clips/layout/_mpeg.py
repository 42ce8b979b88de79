"""Walk over the frames of MPEG audio (MP3, MP2, MP1), and make a clean stream of them.

libsndfile believes the first frame, if it is a Xing or Info header, and otherwise
estimates the length from the size of the file, tags and cover art included; it reads
no further than that. It prints what it does not understand to stderr. So it is given
the frames alone, behind a header frame that tells how many they are.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import groupby
from typing import BinaryIO, NamedTuple

from sktag.clips.layout._pieces import Link, Piece
from sktag.clips.layout._reader import Reader
from sktag.clips.layout._record import Layout
from sktag.clips.layout._tags import skip_tags, tags_at_end

# kbit/s for each bit rate index, by (is MPEG 1, layer).
_KBITS = {
    (True, 1): range(0, 449, 32),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SYNC = re.compile(rb"\xff[\xe2-\xff][\x10-\xef]")
_DECODER_DELAY = 529  # samples that libmpg123 drops after a header frame
_TOLERANCE = 2  # frames by which a header may differ
_AGREEING = 3  # frames in a row that must agree before they are believed


class Header(NamedTuple):
    """What the four bytes at the beginning of a frame say."""

    size: int  # bytes
    n_samples: int
    rate: int
    version: int  # 3 is MPEG 1, 2 MPEG 2, 0 MPEG 2.5
    layer: int


def _header(second: int, third: int) -> Header | None:
    """Read the second and third byte of a frame; None if they are not valid.

    Frames of a free bit rate do not tell their size, and count as not valid.
    """
    version, layer = second >> 3 & 3, 4 - (second >> 1 & 3)
    kbits_index, rate_index = third >> 4, third >> 2 & 3
    if second < 0xE0 or version == 1 or layer == 4 or rate_index == 3:
        return None
    if kbits_index in (0, 15):
        return None
    rate = (44100, 48000, 32000)[rate_index] >> {3: 0, 2: 1, 0: 2}[version]
    n_samples = {1: 384, 2: 1152, 3: 1152 if version == 3 else 576}[layer]
    bits = 1000 * _KBITS[version == 3, layer][kbits_index]
    slot = 4 if layer == 1 else 1
    size = n_samples // 8 // slot * bits // rate + (third >> 1 & 1)
    return Header(size * slot, n_samples, rate, version, layer)


class Frame(NamedTuple):
    """The header of a frame, and its number of channels."""

    header: Header
    n_channels: int
    kind: tuple[int, ...]  # the same for all frames that are decoded as one stream


@lru_cache(maxsize=4096)  # frames of a file differ in few bits of these bytes
def _frame(head: bytes) -> Frame | None:
    """Return the frame that begins with four bytes, if they begin one."""
    if len(head) < 4 or head[0] != 0xFF:
        return None
    header = _header(head[1], head[2])
    if header is None:
        return None
    n_channels = 1 if head[3] >> 6 == 3 else 2
    return Frame(header, n_channels, (*header[1:], n_channels))


class Run(NamedTuple):
    """Frames that follow each other without a gap."""

    start: int
    stop: int
    n_frames: int
    first: Frame


class Counted(NamedTuple):
    """What a frame says that is a header for the frames behind it."""

    n_frames: int | None
    n_bytes: int | None
    trim: tuple[int, int] | None  # samples of delay and of padding, by LAME


class FrameReader(Reader):
    """Find frames in a file."""

    def find_sync(self, place: int, stop: int) -> int:
        """Return the next place at which a frame may begin, or `stop`."""
        while place < stop:
            block = self.at(place, min(4096, stop - place))
            found = _SYNC.search(block)
            if found:
                return place + found.start()
            place += max(1, len(block) - 2)  # it may begin in the last two bytes
        return stop

    def frame(self, place: int) -> Frame | None:
        """Return the frame that begins at a place, if there is one."""
        return _frame(self.at(place, 4))


def layout_of_mpeg(file: BinaryIO, size: int, believe: bool = True) -> Layout | None:
    """Return how to read a file of MPEG audio; None if no frame is found in it."""
    reader = FrameReader(file)
    start, stop = skip_tags(reader, 0), tags_at_end(reader, size)
    if start >= stop:
        start = 0  # a tag says that it is longer than the file; there may be sound
    if believe and _is_believable(reader, start, stop):
        has_tags = (start, stop) != (0, size)
        return Layout((((start, stop),) if has_tags else (),), is_believed=True)
    runs, n_lost, is_cut = _walk(reader, start, stop)
    links: list[Link] = []
    counts: list[int | None] = []
    faults = []
    for _, group in groupby(runs, lambda run: run.first.kind):
        pieces, count, fault = _stream(reader, list(group))
        if pieces:
            links.append(pieces)
            counts.append(count)
        faults += [fault] if fault else []
    if n_lost:
        faults.append(f"{n_lost} bytes within it are no MPEG audio, and are skipped")
    if is_cut:
        faults.append(
            "it ends within an MPEG frame, the end of the sound may be missing"
        )
    if not links:
        return None
    return Layout(tuple(links), tuple(counts), "; ".join(faults))


def _is_believable(reader: FrameReader, start: int, stop: int) -> bool:
    """Tell whether a header frame counts the bytes that there are."""
    frame = reader.frame(start)
    if frame is None:
        return False
    counted = _counted(reader, start, frame)
    if counted is None or not counted.n_frames or counted.n_bytes is None:
        return False
    # 24 and 2881 bytes are the smallest and the largest frame.
    is_plausible = 24 <= counted.n_bytes / counted.n_frames <= 2881
    return counted.n_bytes == stop - start and is_plausible


def _walk(reader: FrameReader, start: int, stop: int) -> tuple[list[Run], int, bool]:
    """Return the runs of frames, the bytes lost between them, and whether it is cut."""
    runs: list[Run] = []
    n_lost, searched, place = 0, start, start
    while (place := reader.find_sync(place, stop)) < stop:
        if not _is_start(reader, place, stop):
            place += 1
            continue
        run, is_cut = _run_from(reader, place, stop)
        if run.n_frames:
            n_lost += place - searched if runs else 0
            runs.append(run)
        if is_cut:
            return runs, n_lost, True
        place = searched = skip_tags(reader, run.stop)
    return runs, n_lost, False


def _is_start(reader: FrameReader, place: int, stop: int) -> bool:
    """Tell whether frames that agree follow each other from here, or end the file."""
    first = reader.frame(place)
    for i in range(_AGREEING):
        frame = reader.frame(place)
        if frame is None or first is None or frame.kind != first.kind:
            return False
        place += frame.header.size
        if place >= stop:
            # A single frame is believed if it ends where the file ends.
            return i > 0 or place == stop
    return True


def _run_from(reader: FrameReader, start: int, stop: int) -> tuple[Run, bool]:
    """Return the frames from here to the first gap, and whether the last is cut off."""
    first = reader.frame(start)
    assert first is not None  # `_is_start` has seen it
    place, n_frames, kind = start, 0, first.kind
    while (frame := reader.frame(place)) and frame.kind == kind:
        after = place + frame.header.size
        if after > stop:
            return Run(start, place, n_frames, first), True
        place = after
        n_frames += 1
    return Run(start, place, n_frames, first), False


def _stream(reader: FrameReader, runs: list[Run]) -> tuple[Link, int | None, str]:
    """Return the pieces of a clean stream, its samples, and a fault of its header.

    The samples are None if the stream itself tells them.
    """
    first = runs[0].first
    counted = _counted(reader, runs[0].start, first)
    n_frames = sum(run.n_frames for run in runs) - (counted is not None)
    pieces: list[Piece] = []
    for i, run in enumerate(runs):
        start = run.start
        if counted is not None and i == 0:
            start += first.header.size
        if first.header.layer == 3:
            silenced, start = _without_reservoir(reader, start, run.stop)
            pieces += silenced
        if start < run.stop:
            pieces.append((start, run.stop))
    if n_frames == 0:
        return (), None, ""
    if first.header.layer == 3:
        pieces = [_synthetic(reader, runs[0], n_frames, counted), *pieces]
        return tuple(pieces), None, _miscount(first.header, n_frames, counted)
    # In the other layers libsndfile can but estimate, by up to 1 byte a frame too few.
    # Silence at the end makes it read all of the sound.
    silence = _silent_frame(reader, runs[0]) * (2 + n_frames // 50)
    return (*pieces, silence), n_frames * first.header.n_samples, ""


def _silent_frame(reader: FrameReader, run: Run) -> bytes:
    """Return a frame of layer I or II like the first one of a run, but silent."""
    head = reader.at(run.start, 4)
    frame = bytes([head[0], head[1] | 1, *head[2:]])
    return frame.ljust(run.first.header.size, b"\0")


def _miscount(header: Header, n_frames: int, counted: Counted | None) -> str:
    """Say what the header frame counts, if it is not what there is."""
    if counted is None or not counted.n_frames:
        return ""
    # Encoders differ in whether they count the header frame itself.
    if abs(counted.n_frames - n_frames) <= _TOLERANCE:
        return ""
    said, held = (
        n * header.n_samples / header.rate for n in (counted.n_frames, n_frames)
    )
    what = "the rest is missing" if held < said else "all of it is read"
    return f"the header says {said:.3f} s, the file holds {held:.3f} s; {what}"


def _counted(reader: FrameReader, place: int, frame: Frame) -> Counted | None:
    """Read a frame that is a Xing, Info or VBRI header instead of sound."""
    if frame.header.layer != 3:
        return None
    data = reader.at(place, frame.header.size)
    if data[36:40] == b"VBRI":
        return Counted(int.from_bytes(data[50:54], "big"), None, None)
    at = _side_info_end(frame)
    if data[at : at + 4] not in (b"Xing", b"Info"):
        return None
    flags = int.from_bytes(data[at + 4 : at + 8], "big")
    at += 8
    fields: list[int | None] = []
    for bit, length in ((1, 4), (2, 4), (4, 100), (8, 4)):
        has = bool(flags & bit)
        fields.append(int.from_bytes(data[at : at + length], "big") if has else None)
        at += length * has
    trim = None
    if len(data) >= at + 24 and data[at : at + 4] in (b"LAME", b"Lavf", b"Lavc"):
        both = int.from_bytes(data[at + 21 : at + 24], "big")
        trim = both >> 12, both & 0xFFF
    return Counted(fields[0], fields[1], trim)


def _side_info_end(frame: Frame) -> int:
    """Return where the main data of a frame without checksum begins."""
    if frame.header.version == 3:
        return 36 if frame.n_channels == 2 else 21
    return 21 if frame.n_channels == 2 else 13


def _synthetic(
    reader: FrameReader, run: Run, n_frames: int, counted: Counted | None
) -> bytes:
    """Return a header frame that counts the frames, and keeps what LAME trimmed.

    libmpg123 drops the delay of its decoder after any header. Where there was none, a
    silent frame is put in front of the sound, and all of it is trimmed, so that the
    sound is the one without a header.
    """
    head = reader.at(run.start, 4)
    at = _side_info_end(run.first)
    silent = b""
    if counted is not None and counted.trim is not None:
        delay, padding = counted.trim
        padding *= counted.n_frames == n_frames
    else:
        silent = _empty_frame(head, at)
        delay, padding = run.first.header.n_samples - _DECODER_DELAY, 0
        n_frames += 1
    frame = bytearray(_empty_frame(head, at + 40))
    frame[at : at + 12] = b"Info" + (1).to_bytes(4, "big") + n_frames.to_bytes(4, "big")
    frame[at + 12 : at + 16] = b"LAME"
    frame[at + 33 : at + 36] = (delay << 12 | padding).to_bytes(3, "big")
    return bytes(frame) + silent


def _empty_frame(head: bytes, least: int) -> bytes:
    """Return a silent frame of the kind of another one, of at least some bytes."""
    second, rate_bits = head[1] | 1, head[2] & 0b1100
    thirds = [index << 4 | rate_bits for index in range(1, 15)]
    headers = [(third, _header(second, third)) for third in thirds]
    size, third = min((h.size, b) for b, h in headers if h and h.size >= least)
    return bytes([0xFF, second, third, head[3]]).ljust(size, b"\0")


def _without_reservoir(
    reader: FrameReader, start: int, stop: int
) -> tuple[list[Piece], int]:
    """Silence the first frames of a run, if they need bytes from before the run.

    A decoder would take other bytes instead, and make a loud noise of them. What
    later frames need of the silenced ones is kept.
    """
    silenced: list[Piece] = []
    n_before = 0
    while start < stop and (frame := reader.frame(start)):
        data = reader.at(start, frame.header.size)
        sound_at = _side_info_end(frame)
        side_at = 4 if data[1] & 1 else 6  # behind the checksum
        # The first 9 bits (MPEG 1) or 8 bits tell how many earlier bytes are needed.
        unused_bits = 7 if frame.header.version == 3 else 8
        if (
            int.from_bytes(data[side_at : side_at + 2], "big") >> unused_bits
            <= n_before
        ):
            break
        # It asks for the earlier bytes too, since a decoder hands them on from frame to
        # frame, but has no bits of sound.
        n_kept = min(n_before, (1 << 16 - unused_bits) - 1)
        kept = (n_kept << unused_bits).to_bytes(2, "big")
        empty = bytes([data[0], data[1] | 1, *data[2:4], *kept]).ljust(sound_at, b"\0")
        silenced.append(empty + data[sound_at:])
        n_before += len(data) - sound_at
        start += len(data)
    return silenced, start
