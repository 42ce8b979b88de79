"""CRC-32C against its published values, and bit by bit."""

import numpy as np
import pytest

from sktag.pretrained._crc32c import crc32c, unmask


def bit_by_bit(data):
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


# The check value of the polynomial, and the vectors of RFC 3720, B.4.
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"", 0),
    ],
)
def test_crc32c_of_published_vectors_is_theirs(data, expected):
    assert crc32c(data) == crc32c(memoryview(data)) == expected
    assert bit_by_bit(data) == expected


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 27, 60, 252, 1000, 4097])
def test_crc32c_of_any_length_is_that_bit_by_bit(n):
    data = np.random.default_rng(n).bytes(n)
    assert crc32c(data) == bit_by_bit(data)


def test_unmask_undoes_the_mask_of_tensorflow():
    # As in TensorFlow's crc32c.h: rotated right by 15 bits, plus a constant.
    for crc in (0, 1, 0x8A9136AA, 0xFFFFFFFF):
        masked = ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF
        assert unmask(masked) == crc
