"""Find out whether a FLAC file changes its sample rate midway.

libsndfile reads on as if nothing had changed. (It converts other bit depths rightly,
and raises an error for other channels.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from sktag.clips.layout._reader import Reader
from sktag.clips.layout._tags import skip_tags

_WINDOW = 2**16  # bytes read in a place: some frames, at any common block size
# Windows of a longer file: enough for a change that lasts, at 5 ms for any length.
_N_WINDOWS = 16
_SYNC = re.compile(rb"\xff[\xf8\xf9]")
_KILOHERTZ = (0, 88.2, 176.4, 192, 8, 16, 22.05, 24, 32, 44.1, 48, 96)


def rates_in_flac(file: BinaryIO, size: int) -> list[int]:
    """Return the sample rates of a FLAC file, in the order in which they are found."""
    start = skip_tags(Reader(file), 0)
    file.seek(start)
    # STREAMINFO holds it as 20 bits.
    own = int.from_bytes(file.read(21)[18:], "big") >> 4
    rates: dict[int, None] = {}
    step = max(_WINDOW, (size - _WINDOW) // (_N_WINDOWS - 1))
    for place in range(0, size, step):
        file.seek(min(place, max(0, size - _WINDOW)))
        rates |= dict.fromkeys(rate or own for rate in _rates(file.read(_WINDOW)))
    return list(rates)


def _rates(block: bytes) -> Iterator[int]:
    """Yield the rates of frames that follow each other; 0 is the file's own rate."""
    before = (-2, 0)
    for match in _SYNC.finditer(block):
        header = block[match.start() : match.start() + 16]
        frame = _frame(header)
        if frame is None:
            continue
        # Random bytes may look like a frame, but not like two with numbers in order.
        # Frames of varying size have the number of a sample.
        step = frame[0] - before[0]
        if 0 < step <= (65535 if header[1] & 1 else 1) and frame[1] == before[1]:
            yield frame[1]
        before = frame


def _frame(header: bytes) -> tuple[int, int] | None:
    """Return number and rate of a frame; None if its bytes are no header of a frame."""
    if len(header) < 16:
        return None
    size_code, rate_code = header[2] >> 4, header[2] & 15
    if size_code == 0 or rate_code == 15 or header[3] & 1 or header[3] >> 4 > 10:
        return None
    # The number is written like a character in UTF-8, of up to 7 bytes.
    ones = f"{header[4]:08b}".find("0")
    n_bytes = ones or 1
    if ones in (1, -1):
        return None
    number = header[4] & (0x7F >> ones)
    for byte in header[5 : 4 + n_bytes]:
        number = number << 6 | byte & 63
    at = 4 + n_bytes + {6: 1, 7: 2}.get(size_code, 0)
    n_bytes = {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    field = int.from_bytes(header[at : at + n_bytes], "big")
    at += n_bytes
    if at >= len(header) or _crc8(header[:at]) != header[at]:
        return None
    if rate_code < 12:
        return number, round(1000 * _KILOHERTZ[rate_code])
    return number, field * {12: 1000, 13: 1, 14: 10}[rate_code]


def _crc8(data: bytes) -> int:
    """Return the checksum of a header of a frame."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07 * (crc >> 7)) & 0xFF
    return crc
