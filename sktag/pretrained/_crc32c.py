"""CRC-32C, the checksum of TensorFlow's files, over megabytes of bytes in numpy.

Reference: Castagnoli, Braeuer, Herrmann, "Optimization of cyclic redundancy-check codes
with 24 and 32 parity bits", IEEE Transactions on Communications, 1993.
"""

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL = np.uint32(0x82F63B78)  # with its bits reversed
_BITS = np.arange(32, dtype=np.uint32)
# These bytes take the state from 0 to all ones, where the checksum begins.
_START = b"\x54\x64\x1f\x64"

_States = NDArray[np.uint32]


def _make_table() -> _States:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = ((table >> 1) ^ (table & 1) * _POLYNOMIAL).astype(np.uint32)
    return table


_TABLE = _make_table()


def crc32c(data: bytes | memoryview) -> int:
    """Return the CRC-32C of some bytes."""
    content = np.frombuffer(_START + bytes(data), np.uint8)
    # About as many rows as columns. Zeros do not change a state of 0, so they fill up
    # the first row.
    n_rows = 1 << content.size.bit_length() // 2
    n_columns = -(-content.size // n_rows)
    rows = np.zeros((n_rows, n_columns), np.uint8)
    rows.reshape(-1)[rows.size - content.size :] = content
    states = np.zeros(n_rows, np.uint32)
    for column in np.ascontiguousarray(rows.T):
        states = _TABLE[(states ^ column) & 0xFF] ^ (states >> 8)
    # The state after two rows is that of the first, moved on by as many zeros as the
    # second has bytes, plus that of the second. Moving on is linear in the bits.
    moved = np.uint32(1) << _BITS
    for _ in range(n_columns):
        moved = _TABLE[moved & 0xFF] ^ (moved >> 8)
    while states.size > 1:
        states = _apply(moved, states[::2]) ^ states[1::2]
        moved = _apply(moved, moved)
    return int(states[0]) ^ 0xFFFFFFFF


def unmask(masked: int) -> int:
    """Return a checksum as it was before TensorFlow masked it.

    It is masked since a checksum of data that has its own checksum in it says little.
    """
    rotated = (masked - 0xA282EAD8) & 0xFFFFFFFF
    return (rotated >> 17 | rotated << 15) & 0xFFFFFFFF


def _apply(images: _States, states: _States) -> _States:
    """Map states linearly, by the images of the single bits."""
    bits = states[:, np.newaxis] >> _BITS & 1
    mapped: _States = np.bitwise_xor.reduce(np.where(bits, images, 0), axis=1)
    return mapped.astype(np.uint32)
