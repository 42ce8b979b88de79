"""Checkpoints of TensorFlow: what is written is read, and damage is named."""

import re
import subprocess
import sys

import numpy as np
import pytest

from sktag.pretrained._tf_bundle import read_bundle

RNG = np.random.default_rng(0)
TENSORS = {
    **{f"layer_{i}/kernel": RNG.normal(size=(3, i)).astype("f4") for i in range(20)},
    "step": np.array(2**40),
    "layer/flags": np.array([True, False]),
    "layer/half": RNG.normal(size=5).astype("f2"),
    "layer/double": RNG.normal(size=(1, 2, 300)),
    "bytes": np.array([-3, 7], "i1"),
}


@pytest.fixture
def index(tmp_path, write_bundle):
    return write_bundle(tmp_path / "model.index", TENSORS)


def assert_named(path, message):
    __tracebackhide__ = True
    index = path if path.name.endswith("index") else path.with_name("model.index")
    with pytest.raises(ValueError, match=message) as error:
        read_bundle(index)
    assert str(error.value).startswith(repr(str(path)))


def test_tensors_of_a_bundle_are_those_written(index):
    found = read_bundle(index)
    assert set(found) == set(TENSORS)
    for name, array in TENSORS.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array, strict=True)


def test_bundle_without_a_name_is_read_from_its_folder(tmp_path, write_bundle):
    write_bundle(tmp_path / ".index", {"a": np.ones(3)})
    assert read_bundle(tmp_path / ".index")["a"].sum() == 3


def test_reading_a_bundle_imports_no_tensorflow_and_unpickles_nothing(index):
    code = (
        "import pickle, sys; from pathlib import Path\n"
        "from sktag.pretrained._tf_bundle import read_bundle\n"
        "pickle.loads = pickle.load = pickle.Unpickler = None\n"
        "print(len(read_bundle(Path(sys.argv[1]))), 'tensorflow' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(index)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == [str(len(TENSORS)), "False"]


def test_flipped_bit_anywhere_is_found(index):
    shard = index.with_name("model.data-00000-of-00001")
    for path in (index, shard):
        content = path.read_bytes()
        # The blocks and the footer's magic; after the handles there is only padding.
        places = np.linspace(0, len(content) - 49, 60).astype(int).tolist()
        for at in [*places, len(content) - 1] if path is index else places:
            damaged = bytearray(content)
            damaged[at] ^= 1 << at % 8
            path.write_bytes(damaged)
            assert_named(path, "damaged")
        path.write_bytes(content)
    assert len(read_bundle(index)) == len(TENSORS)


def test_truncated_file_is_found_at_any_length(index):
    shard = index.with_name("model.data-00000-of-00001")
    for path in (index, shard):
        content = path.read_bytes()
        for n in np.linspace(0, len(content) - 1, 40).astype(int):
            path.write_bytes(content[:n])
            assert_named(path, "damaged")
        path.write_bytes(content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"RIFF" + bytes(100),
        bytes(40) + bytes.fromhex("57fb808b247547db"),
        b"\xff" * 40 + bytes.fromhex("57fb808b247547db"),
        bytes.fromhex("57fb808b247547db"),
    ],
)
def test_foreign_index_raises_with_its_name(tmp_path, content):
    path = tmp_path / "model.index"
    path.write_bytes(content)
    assert_named(path, "is no index of a TensorFlow checkpoint, or it is damaged: ")


def test_missing_shard_raises_with_its_name(index):
    index.with_name("model.data-00000-of-00001").unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.data-00000-of-00001"):
        read_bundle(index)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"shape": (2, 2)}, "of shape (2, 2) has 24 bytes, it needs 32"),
        ({"shape": (2**64 - 1, 3)}, "has 24 bytes, it needs"),
        ({"dtype": 7}, "tensor 'a' is of type 7, not of numbers"),
        ({"more": b"\x3a\x00"}, "tensor 'a' is in slices, which sktag does not read"),
        ({"more": b"\x0d"}, "an entry is cut off"),
        ({"more": b"\x0b"}, "an entry is cut off"),
        ({"more": b"\x08"}, "a number is cut off"),
        ({"more": b"\x0a\x00"}, "a message in place of a number"),
        ({"more": b"\x10\x01"}, "a number in place of a message"),
    ],
)
def test_entry_that_contradicts_itself_raises(tmp_path, write_bundle, changed, message):
    path = tmp_path / "model.index"
    write_bundle(path, {"a": np.ones(3)}, changed={"a": changed})
    assert_named(path, re.escape(message))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": 1}, r"the block at byte 0 is compressed \(kind 1\)"),
        ({"header": b""}, "it has no header of a little-endian checkpoint"),
        ({"header": b"\x08\x01\x10\x01"}, "no header of a little-endian checkpoint"),
    ],
)
def test_bundle_of_another_kind_raises(tmp_path, write_bundle, given, message):
    assert_named(write_bundle(tmp_path / "model.index", TENSORS, **given), message)


@pytest.mark.parametrize(
    "entry",
    [
        b"\x01\x01\x00a",  # shares more with the key before than that has
        b"\x00\x09\x00a",  # its key ends behind the block
        b"\x00\x01\x09a",  # its value ends behind the block
    ],
)
def test_entry_beyond_the_end_of_its_block_raises(tmp_path, table_of, entry):
    path = tmp_path / "model.index"
    path.write_bytes(table_of(entry + bytes(4) + b"\1\0\0\0"))
    assert_named(path, "the block at byte 0 has an entry beyond its end")
