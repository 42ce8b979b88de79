"""How a file must be read so that all of its sound is heard, and nothing but sound.

libsndfile believes sizes and counts in headers, and reads the first of several streams.
Where that is not the whole, the file is given to it in pieces.
"""

import os
from typing import BinaryIO

from sktag.clips.layout._chunks import layout_of_au, layout_of_chunks
from sktag.clips.layout._flac import rates_in_flac
from sktag.clips.layout._mpeg import layout_of_mpeg
from sktag.clips.layout._ogg import layout_of_flac, layout_of_ogg
from sktag.clips.layout._pieces import Link, open_pieces
from sktag.clips.layout._reader import Reader
from sktag.clips.layout._record import AS_IT_IS, Layout
from sktag.clips.layout._tags import skip_tags

__all__ = ["AS_IT_IS", "Layout", "Link", "layout_of", "open_pieces", "rates_in_flac"]

_BY_MAGIC = {
    b"OggS": layout_of_ogg,
    b"fLaC": layout_of_flac,
    b"RIFF": layout_of_chunks,
    b"RIFX": layout_of_chunks,
    b"FORM": layout_of_chunks,
    b".snd": layout_of_au,
    b"dns.": layout_of_au,
}
_ADTS = (b"\xf0", b"\xf1", b"\xf8", b"\xf9")  # second byte of AAC without container
_MPEG_SUFFIXES = (".mp3", ".mp2", ".mp1", ".mpga")


def layout_of(file: BinaryIO, name: str, *, believe: bool = True) -> Layout | None:
    """Return how to read a file; None if it should be MPEG audio, and holds none.

    With ``believe=False`` all frames of MPEG audio are looked at, even if the header
    seems right.
    """
    size = os.fstat(file.fileno()).st_size
    start = skip_tags(Reader(file), 0)
    file.seek(start)
    head = file.read(8)
    magic = head[:4]
    is_adts = magic[:1] == b"\xff" and magic[1:2] in _ADTS
    if head[4:] == b"ftyp" or is_adts:
        return Layout(by_av=True)  # M4A and AAC, whatever their names
    if magic in _BY_MAGIC:
        return _BY_MAGIC[magic](file, size) if start == 0 else AS_IT_IS
    is_mpeg = magic[:1] == b"\xff" and magic[1:2] >= b"\xe0"
    if is_mpeg or start > 0 or name.lower().endswith(_MPEG_SUFFIXES):
        return layout_of_mpeg(file, size, believe)
    return AS_IT_IS
