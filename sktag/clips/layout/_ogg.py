"""Find the streams that follow each other in a file, as ``cat a b`` makes them.

libsndfile reads the first alone. Chained Ogg is a valid file; FLAC has no such rule,
but decoders that play a file to its end play the second stream too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from sktag.clips.layout._record import Layout

_BLOCK = 2**20  # bytes read at a time
_PAGE = b"OggS\0"  # then flags, of which 2 says that a stream begins
_AUDIO = (b"\x01vorbis", b"OpusHead", b"\x7fFLAC", b"Speex   ")
_LONGEST_PAGE = 27 + 255 + 255 * 255
_HEAD = 64  # bytes that tell whether a stream of sound begins


def layout_of_ogg(file: BinaryIO, size: int) -> Layout:
    """Return the links of a chain of Ogg streams."""
    starts: list[int] = []
    after = -1  # streams that begin in pages in a row are played together
    for place in _places(file, _PAGE + b"\x02"):
        file.seek(place)
        head = file.read(_HEAD)
        if len(head) < 27:
            break  # the file ends within the head of a page
        n_segments = head[26]
        body = 27 + n_segments
        if place != after and head[body:].startswith(_AUDIO):
            starts.append(place)
        after = place + body + sum(head[27:body])
    return _split(starts, size, _cut_page(file, size))


def _cut_page(file: BinaryIO, size: int) -> str:
    """Say whether a file ends within a page."""
    file.seek(max(0, size - _LONGEST_PAGE))
    end = file.read()
    page = end[end.rfind(_PAGE) :]
    n_body = sum(page[27 : 27 + page[26]]) if len(page) > 26 else 0
    if len(page) > 26 and len(page) >= 27 + page[26] + n_body:
        return ""
    return "it ends within an Ogg page; the end of the sound is missing"


def layout_of_flac(file: BinaryIO, size: int) -> Layout:
    """Return the streams of FLAC files joined end to end."""
    starts = []
    for place in _places(file, b"fLaC"):
        file.seek(place)
        # The first block of a stream is STREAMINFO, of 34 bytes.
        if file.read(8)[4:] in (b"\0\0\0\x22", b"\x80\0\0\x22"):
            starts.append(place)
    return _split(starts, size)


def _split(starts: list[int], size: int, fault: str = "") -> Layout:
    if len(starts) < 2:
        return Layout(fault=fault)
    stops = [*starts[1:], size]
    pairs = zip([0, *starts[1:]], stops, strict=True)
    links = tuple((pair,) for pair in pairs)
    return Layout(links, (None,) * len(links), fault)


def _places(file: BinaryIO, pattern: bytes) -> Iterator[int]:
    """Yield where a pattern is found, reading a block at a time."""
    base, rest = 0, b""
    file.seek(0)
    while block := file.read(_BLOCK):
        block = rest + block
        i = block.find(pattern)
        while i >= 0:
            yield base + i
            i = block.find(pattern, i + 1)
        rest = block[1 - len(pattern) :]
        base += len(block) - len(rest)
        file.seek(base + len(rest))  # the caller may have moved
