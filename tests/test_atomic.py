"""Files are written completely or not at all."""

import os

import pytest

from sktag._atomic import atomic_write


@pytest.mark.parametrize("fsync", [False, True])
def test_file_is_written_and_replaced(tmp_path, fsync):
    path = tmp_path / "a.bin"
    for content in (b"first", b"second"):
        atomic_write(path, lambda file, c=content: file.write(c), fsync=fsync)
        assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["a.bin"]


def test_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def fail(file):
        file.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        atomic_write(path, fail)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_reader_sees_the_old_content_until_all_is_written(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def write(file):
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"

    atomic_write(path, write)
    assert path.read_bytes() == b"new"


def test_file_may_be_read_by_whom_the_umask_allows(tmp_path):
    atomic_write(tmp_path / "a.bin", lambda file: file.write(b"new"))
    (tmp_path / "b.bin").write_bytes(b"new")
    modes = [(tmp_path / name).stat().st_mode for name in ("a.bin", "b.bin")]
    assert modes[0] == modes[1]
