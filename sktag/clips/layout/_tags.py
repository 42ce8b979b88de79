"""Skip the tags in front of, between and behind MPEG frames."""

from __future__ import annotations

from sktag.clips.layout._reader import Reader


def skip_tags(reader: Reader, place: int) -> int:
    """Return the place behind the tags that begin at a place, if there are any."""
    while True:
        head = reader.at(place, 32)
        if head[:3] == b"ID3" and len(head) >= 10:
            has_footer = head[5] >> 4 & 1
            place += 10 * (1 + has_footer) + _syncsafe(head[6:10])
        elif head[:8] == b"APETAGEX" and len(head) == 32:
            place += 32 + int.from_bytes(head[12:16], "little")
        elif head[:3] == b"TAG":
            place += 128
        else:
            return place


def tags_at_end(reader: Reader, size: int) -> int:
    """Return where the tags at the end of a file begin."""
    stop = size
    while stop > 0:
        before = max(0, stop - 160)
        end = reader.at(before, stop - before)
        if end[-128:-125] == b"TAG":
            length = 128
        elif end[-32:-24] == b"APETAGEX":
            has_header = end[-9] >> 7
            length = int.from_bytes(end[-20:-16], "little") + 32 * has_header
        elif end[-9:] == b"LYRICS200" and end[-15:-9].isdigit():
            length = 15 + int(end[-15:-9])
        elif end[-10:-7] == b"3DI":
            length = 20 + _syncsafe(end[-4:])
        else:
            return stop
        if not 0 < length <= stop:
            return stop
        stop -= length
    return stop


def _syncsafe(field: bytes) -> int:
    """Return a number of which each byte holds seven bits."""
    number = 0
    for byte in field:
        number = number << 7 | byte & 127
    return number
