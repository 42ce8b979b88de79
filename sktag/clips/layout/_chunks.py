"""Find the sound in a WAV, AIFF or AU file whose header says too little of it.

A recorder that writes to a pipe, or is stopped, leaves the sizes that it began with.
libsndfile reads no further than they say.
"""

from __future__ import annotations

from typing import BinaryIO, Literal

from sktag.clips.layout._record import AS_IT_IS, Layout

Order = Literal["little", "big"]

_BLOCK = 2**16  # bytes
_LEAST = 512  # bytes; less is no sound worth mending for, or missing
_UNKNOWN = 0x7FFF0000  # bytes; what is written to a pipe gets such a length, or more
# What is often found behind the sound, sometimes cut off.
_KNOWN = {
    b"LIST",
    b"id3 ",
    b"ID3 ",
    b"bext",
    b"cue ",
    b"fact",
    b"smpl",
    b"PEAK",
    b"JUNK",
}
_KNOWN |= {
    b"_PMX",
    b"iXML",
    b"acid",
    b"afsp",
    b"APPL",
    b"ANNO",
    b"MARK",
    b"INST",
    b"COMT",
}


def layout_of_chunks(file: BinaryIO, size: int) -> Layout:
    """Return how to read a file of chunks (RIFF, RIFX or FORM)."""
    file.seek(0)
    order: Order = "little" if file.read(4) == b"RIFF" else "big"
    place = 12
    while place + 8 <= size:
        file.seek(place)
        name = file.read(4)
        length = int.from_bytes(file.read(4), order)
        if name in (b"data", b"SSND"):
            return _up_to_the_end(file, place + 4, place + 8, length, size, order)
        place += 8 + length + length % 2
    return AS_IT_IS


def layout_of_au(file: BinaryIO, size: int) -> Layout:
    """Return how to read an AU file."""
    file.seek(0)
    order: Order = "big" if file.read(4) == b".snd" else "little"
    start, length = (int.from_bytes(file.read(4), order) for _ in range(2))
    return _up_to_the_end(file, 8, start, length, size, order)


def _up_to_the_end(
    file: BinaryIO, field: int, start: int, length: int, size: int, order: Order
) -> Layout:
    """Return a layout with the right length of the sound, if it is too small."""
    end = start + length + length % 2
    said = f"the header says {length} bytes of sound, the file holds {size - start}"
    right = max(0, min(size - start, 2**32 - 1)).to_bytes(4, order)
    link = ((0, field), right, (field + 4, size))
    if start + length - size >= _LEAST:
        if length >= _UNKNOWN:
            return Layout((link,))
        return Layout(fault=f"{said}; the rest is missing")
    if size - end < _LEAST or _is_no_sound(file, end, size, order):
        return AS_IT_IS
    return Layout((link,), fault=f"{said}; all of it is read")


def _is_no_sound(file: BinaryIO, start: int, size: int, order: Order) -> bool:
    """Tell whether a chunk, a tag, or nothing but zeros follows the sound."""
    file.seek(start)
    head = file.read(8)
    length = int.from_bytes(head[4:], order)
    is_chunk = head[:4].isascii() and head[:4].decode("ascii").isprintable()
    if head[:4] in _KNOWN or (is_chunk and start + 8 + length <= size + 1):
        return True
    if head.startswith((b"TAG", b"ID3", b"APETAGEX")):
        return True
    file.seek(start)
    while block := file.read(_BLOCK):
        if block.strip(b"\0"):
            return False
    return True
