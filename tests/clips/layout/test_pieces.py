"""Pieces of a file, read as one file."""

import io

import pytest

from sktag.clips.layout import open_pieces

CONTENT = bytes(range(256)) * 1000
PIECES = ((10, 20), b"between", (100_000, 230_000), b"", b"end")
EXPECTED = CONTENT[10:20] + b"between" + CONTENT[100_000:230_000] + b"end"


@pytest.fixture
def file(tmp_path):
    (tmp_path / "a").write_bytes(CONTENT)
    with open_pieces(str(tmp_path / "a"), PIECES) as file:
        yield file


def test_read_of_all_pieces_joins_them(file):
    assert file.read() == EXPECTED


@pytest.mark.parametrize("n", [1, 7, 1000])
def test_readinto_fills_the_buffer_across_pieces(file, n):
    buffer = bytearray(n)
    found = b""
    while got := file.readinto(buffer):
        assert got == n or len(found) + got == len(EXPECTED)
        found += buffer[:got]
        if len(found) > 3000:
            break
    assert found == EXPECTED[: len(found)]


@pytest.mark.parametrize("place", [0, 5, 10, 16, 17, 99_000, len(EXPECTED)])
def test_read_after_a_seek_goes_on_from_there(file, place):
    assert file.seek(place) == file.tell() == place
    assert file.read(20) == EXPECTED[place : place + 20]
    assert file.seek(place - len(EXPECTED), io.SEEK_END) == place
    assert file.read(20) == EXPECTED[place : place + 20]


def test_read_of_a_file_that_became_shorter_ends(tmp_path):
    (tmp_path / "a").write_bytes(bytes(100))
    with open_pieces(str(tmp_path / "a"), ((50, 200), b"end")) as file:
        assert file.read(1000) == bytes(50)
