"""A reader of TensorFlow checkpoints ("tensor bundles"), without TensorFlow.

A bundle is an index, `<name>.index`, and the bytes of the tensors in shards,
`<name>.data-00000-of-00001`. The index is a table of LevelDB: blocks of sorted keys,
each with a checksum, and a footer that says where they are. A value is the message
BundleEntryProto of protocol buffers: type, shape and place of a tensor, and the
checksum of its bytes.

All checksums are verified, and nothing in the files is executed. A file that is
damaged or something else is a ValueError that names it.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sktag.pretrained._crc32c import crc32c, unmask

_MAGIC = bytes.fromhex("57fb808b247547db")
_FOOTER = 48  # bytes
_TRAILER = 5  # bytes after a block: kind of compression, checksum
_WORD = 0xFFFFFFFFFFFFFFFF
# Numbers of tensorflow.DataType, for those that numpy has.
_TYPES = {
    **{1: "<f4", 2: "<f8", 3: "<i4", 4: "u1", 5: "<i2", 6: "i1", 8: "<c8", 9: "<i8"},
    **{10: "?", 17: "<u2", 18: "<c16", 19: "<f2", 22: "<u4", 23: "<u8"},
}


@dataclass(frozen=True)
class _Entry:
    """Where the bytes of a tensor are, and what they are."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int
    n_slices: int


def read_bundle(index: Path) -> dict[str, NDArray[Any]]:
    """Return all tensors of a checkpoint by name, given its `.index` file."""
    content = index.read_bytes()
    try:
        entries = dict(_read_table(content))
        header = _fields(entries.pop("", b""))
        n_shards, is_big_endian = _number(header, 1), _number(header, 2)
        if n_shards < 1 or is_big_endian:
            raise ValueError("it has no header of a little-endian checkpoint")
        tensors = {name: _read_entry(name, value) for name, value in entries.items()}
    except ValueError as error:
        raise ValueError(
            f"{str(index)!r} is no index of a TensorFlow checkpoint, or it is damaged: "
            f"{error}."
        ) from error
    shards: dict[int, bytes] = {}
    arrays = {}
    for name, entry in tensors.items():
        ending = f".data-{entry.shard:05d}-of-{n_shards:05d}"
        path = index.with_name(index.name.removesuffix(".index") + ending)
        if entry.shard not in shards:
            shards[entry.shard] = path.read_bytes()
        try:
            arrays[name] = _read_tensor(shards[entry.shard], entry)
        except ValueError as error:
            raise ValueError(
                f"{str(path)!r} is damaged, or does not belong to {index.name!r}: "
                f"tensor {name!r} {error}."
            ) from error
    return arrays


def _read_tensor(shard: bytes, entry: _Entry) -> NDArray[Any]:
    end = entry.offset + entry.size
    if end > len(shard):
        raise ValueError(f"ends at byte {end} of {len(shard)}")
    data = memoryview(shard)[entry.offset : end]
    if crc32c(data) != entry.checksum:
        raise ValueError("has another checksum than in the index")
    return np.frombuffer(data, _TYPES[entry.dtype]).reshape(entry.shape)


def _read_entry(name: str, value: bytes) -> _Entry:
    """Read a BundleEntryProto."""
    fields = _fields(value)
    dims = [_fields(dim) for field in fields.get(2, []) for dim in _parts(field)]
    entry = _Entry(
        dtype=_number(fields, 1),
        shape=tuple(_number(dim, 1) for dim in dims),
        shard=_number(fields, 3),
        offset=_number(fields, 4),
        size=_number(fields, 5),
        checksum=unmask(_number(fields, 6)),
        n_slices=len(fields.get(7, [])),
    )
    if entry.n_slices:
        raise ValueError(f"tensor {name!r} is in slices, which sktag does not read")
    if entry.dtype not in _TYPES:
        raise ValueError(f"tensor {name!r} is of type {entry.dtype}, not of numbers")
    needed = prod(entry.shape) * np.dtype(_TYPES[entry.dtype]).itemsize
    if entry.size != needed:
        raise ValueError(
            f"tensor {name!r} of shape {entry.shape} has {entry.size} bytes, it needs "
            f"{needed}"
        )
    return entry


def _parts(shape: Any) -> list[Any]:
    """Return the dimensions of a TensorShapeProto."""
    return _fields(shape).get(2, [])


def _read_table(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the keys and values of a table of LevelDB."""
    if not content.endswith(_MAGIC) or len(content) < _FOOTER:
        raise ValueError("it does not end in the footer of a table")
    footer = content[-_FOOTER:]
    # The metaindex says nothing that is needed here, but its checksum counts too.
    _, at = _read_block(content, footer, 0)
    places, _ = _read_block(content, footer, at)
    for _, place in places:
        for key, value in _read_block(content, place, 0)[0]:
            yield key.decode(), value  # a UnicodeDecodeError is a ValueError


def _read_block(
    content: bytes, place: bytes, at: int
) -> tuple[list[tuple[bytes, bytes]], int]:
    """Return the keys and values of the block at a place, and where that is read to."""
    offset, at = _varint(place, at)
    size, after = _varint(place, at)
    end = offset + size
    if end + _TRAILER > len(content) - _FOOTER or size < 4:
        raise ValueError(f"a block of {size} bytes at byte {offset} is not in it")
    kind, checksum = struct.unpack_from("<BI", content, end)
    if crc32c(content[offset : end + 1]) != unmask(checksum):
        raise ValueError(f"the checksum of the block at byte {offset} is wrong")
    if kind:
        raise ValueError(f"the block at byte {offset} is compressed (kind {kind})")
    data = content[offset:end]
    (n_restarts,) = struct.unpack("<I", data[-4:])
    stop = size - 4 * (n_restarts + 1)
    key, pairs, at = b"", [], 0  # keys share prefixes
    while at < stop:
        n_shared, at = _varint(data, at)
        n_new, at = _varint(data, at)
        n_value, at = _varint(data, at)
        if n_shared > len(key) or at + n_new + n_value > stop:
            raise ValueError(f"the block at byte {offset} has an entry beyond its end")
        key = key[:n_shared] + data[at : at + n_new]
        at += n_new
        pairs.append((key, data[at : at + n_value]))
        at += n_value
    return pairs, after


def _fields(message: Any) -> dict[int, list[Any]]:
    """Return the values of a message of protocol buffers by their field numbers."""
    if not isinstance(message, bytes):
        raise ValueError("an entry has a number in place of a message")
    fields: dict[int, list[Any]] = {}
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        value: int | bytes
        if kind == 0:
            value, at = _varint(message, at)
        else:
            size = {1: 8, 5: 4}.get(kind)
            if kind == 2:
                size, at = _varint(message, at)
            if size is None or at + size > len(message):
                raise ValueError("an entry is cut off")
            part = message[at : at + size]
            value = part if kind == 2 else int.from_bytes(part, "little")
            at += size
        fields.setdefault(number, []).append(value)
    return fields


def _number(fields: dict[int, list[Any]], number: int) -> int:
    """Return the value of a field; a field that is not written is 0."""
    value = fields.get(number, [0])[-1]
    if not isinstance(value, int):
        raise ValueError("an entry has a message in place of a number")
    return value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Read a number of 7 bits a byte; return it, and the place after it."""
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value & _WORD, at
    raise ValueError("a number is cut off")
