"""A writer of small TensorFlow checkpoints, after the description of their format."""

import struct
from itertools import takewhile

import numpy as np
import pytest

from sktag.pretrained._crc32c import crc32c

DTYPES = {"<f4": 1, "<f8": 2, "<i4": 3, "|i1": 6, "<i8": 9, "|b1": 10, "<f2": 19}


def varint(n):
    parts = []
    while n > 0x7F:
        parts.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes([*parts, n])


def field(number, value):
    """Return a field of a message of protocol buffers; zeros are not written."""
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3) + varint(value) if value else b""


def masked(data):
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def n_shared(key, new):
    """Return how many bytes two keys begin with alike."""
    pairs = zip(key, new, strict=False)
    return len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))


def block(pairs, kind=0):
    """Return a block of a table: entries share prefixes, every third begins anew."""
    data, key, restarts = b"", b"", []
    for i, (new, value) in enumerate(pairs):
        shared = n_shared(key, new) if i % 3 else 0
        if not i % 3:
            restarts.append(len(data))
        lengths = (shared, len(new) - shared, len(value))
        data += b"".join(map(varint, lengths)) + new[shared:] + value
        key = new
    restarts = restarts or [0]
    data += struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))
    data += bytes([kind])
    return data + masked(data)


def table(blocks):
    """Return a table of LevelDB, given its blocks."""
    content, handles = b"", []

    def add(part):
        nonlocal content
        handle = varint(len(content)) + varint(len(part) - 5)
        content += part
        return handle

    for i, part in enumerate(blocks):
        handles.append((b"%d" % i, add(part)))
    footer = add(block([])) + add(block(handles))
    return content + footer.ljust(40, b"\0") + bytes.fromhex("57fb808b247547db")


def entry(array, offset, **changed):
    """Return the message that describes a tensor."""
    values = {"dtype": DTYPES[array.dtype.str], "shape": array.shape, **changed}
    data = np.ascontiguousarray(array).tobytes()
    shape = b"".join(field(2, field(1, n)) for n in values["shape"])
    message = field(1, values["dtype"]) + field(2, shape)
    message += field(3, values.get("shard", 0)) + field(4, offset)
    message += field(5, values.get("size", len(data)))
    return message + varint(6 << 3 | 5) + masked(data) + values.get("more", b"")


@pytest.fixture(scope="session")
def table_of():
    """A function that returns a table of one block with the given content."""
    return lambda data: table([data + b"\0" + masked(data + b"\0")])


@pytest.fixture(scope="session")
def write_bundle():
    """A function that writes tensors as a checkpoint, and returns its index file."""

    def write(index, tensors, *, kind=0, header=None, changed=None):
        pairs, data = [], b""
        for name in sorted(tensors):
            array = np.asarray(tensors[name])
            change = (changed or {}).get(name, {})
            pairs.append((name.encode(), entry(array, len(data), **change)))
            data += np.ascontiguousarray(array).tobytes()
        header = field(1, 1) + field(3, field(1, 1)) if header is None else header
        index.parent.mkdir(parents=True, exist_ok=True)
        pairs.insert(0, (b"", header))
        parts = [pairs[i : i + 7] for i in range(0, len(pairs), 7)]
        index.write_bytes(table([block(part, kind) for part in parts]))
        shard = index.name.removesuffix(".index") + ".data-00000-of-00001"
        index.with_name(shard).write_bytes(data)
        return index

    return write
