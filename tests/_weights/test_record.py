"""Weights: equal by content, plain in pickles, and in files that are only data."""

import copy
import json
import pickle
import re
import subprocess
import sys

import joblib
import numpy as np
import pytest
import safetensors.numpy

from sktag._weights import Weights, arrays_of
from sktag.nets import build_cnn2d


def make(**changed):
    arrays = {
        "conv.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
        "norm.running_var": np.ones(2, np.float32),
        "norm.num_batches_tracked": np.array(3),
        "norm.eps": np.array(1e-3),
    }
    given = {
        "family": "cnn2d",
        "architecture": "fcn4",
        "arrays": arrays,
        "input_shape": (96, 187),
        "sizes": {"n_filters": (4, 8), "batch_norm": True},
        "outputs": ("rock", "pop"),
        "sample_rate": 16_000,
        "hop_length": 256,
    }
    return Weights(**{**given, **changed})


def test_weights_are_read_only_copies():
    array = np.zeros((3, 2)).T
    weights = make(arrays={"a": array})
    array[:] = 1
    kept = weights.arrays["a"]
    assert kept.sum() == 0
    assert kept.flags.c_contiguous
    assert not pickle.loads(pickle.dumps(weights)).arrays["a"].flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        kept[:] = 1
    with pytest.raises(TypeError, match="does not support item assignment"):
        weights.arrays["b"] = array
    with pytest.raises(AttributeError, match="cannot assign"):
        weights.family = "cnn1d"


def test_weights_are_equal_and_hash_alike_by_content():
    weights = make()
    backwards = dict(reversed(weights.arrays.items()))
    sizes = {"batch_norm": np.True_, "n_filters": np.array([4, 8])}
    outputs = np.array(["rock", "pop"])
    same = make(arrays=backwards, sizes=sizes, outputs=outputs, sample_rate=16e3)
    assert same == weights
    assert hash(same) == hash(weights)
    assert joblib.hash(same) == joblib.hash(weights)


@pytest.mark.parametrize(
    "changed",
    [
        {"outputs": ("pop", "rock")},
        {"sizes": {}},
        {"hop_length": 512},
        {"architecture": None},
        {"arrays": {"conv.weight": np.zeros(2)}},
    ],
)
def test_weights_of_other_content_differ(changed):
    assert make(**changed) != make()
    assert joblib.hash(make(**changed)) != joblib.hash(make())
    assert make() != "weights"


def test_weights_differ_by_one_bit():
    arrays = dict(make().arrays)
    arrays["norm.running_var"] = np.nextafter(arrays["norm.running_var"], np.float32(2))
    assert make(arrays=arrays) != make()


def test_hash_is_the_same_in_another_process(tmp_path):
    weights = make()
    weights.save(tmp_path / "w")
    code = (
        "import joblib, sys; from sktag.pretrained import Weights;"
        "w = Weights.load(sys.argv[1]); print(hash(w), joblib.hash(w))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "w")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == [str(hash(weights)), joblib.hash(weights)]


def test_pickle_of_weights_is_plain_numpy():
    data = pickle.dumps(make())
    assert pickle.loads(data) == make()
    assert b"torch" not in data
    assert copy.deepcopy(make()) == make()


def test_file_of_weights_gives_them_back(tmp_path):
    weights = make(outputs=(1, 2), sizes={"kernel_size": ((3, 3), (1, 1))})
    weights.save(tmp_path / "w.safetensors")
    loaded = Weights.load(str(tmp_path / "w.safetensors"))
    assert loaded == weights
    assert loaded.sizes == {"kernel_size": ((3, 3), (1, 1))}
    assert loaded.outputs == (1, 2)
    assert [p.name for p in tmp_path.iterdir()] == ["w.safetensors"]


@pytest.mark.parametrize(
    "kind", ["f2", "f4", "f8", "c8", "i1", "i2", "i4", "i8", "u1", "u2", "?"]
)
def test_file_keeps_the_type_and_shape_of_arrays(tmp_path, kind):
    arrays = {"a": np.arange(6).reshape(2, 3).astype(kind), "b": np.ones((), kind)}
    make(arrays=arrays).save(tmp_path / "w")
    loaded = Weights.load(tmp_path / "w").arrays
    assert {name: (a.dtype, a.shape) for name, a in loaded.items()} == {
        "a": (np.dtype(kind), (2, 3)),
        "b": (np.dtype(kind), ()),
    }
    np.testing.assert_array_equal(loaded["a"], arrays["a"])


def rewritten(content, **changed):
    """Return a file with a changed record."""
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    record = json.loads(header["__metadata__"]["sktag_weights"])
    record.update(changed)
    header["__metadata__"]["sktag_weights"] = json.dumps(record)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content[start:]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: b"", "is no file of Weights.save, or it is damaged: "),
        (lambda content: b"RIFF" + bytes(99), "is no file of Weights.save"),
        (lambda content: content[:-3], "is no file of Weights.save, or it is damaged"),
        (lambda content: content[:40], "is no file of Weights.save, or it is damaged"),
        (lambda content: pickle.dumps(make()), "is no file of Weights.save"),
        (
            lambda content: safetensors.numpy.save({"a": np.zeros(2)}),
            "it has arrays, but no record of their network",
        ),
        (
            lambda content: rewritten(content, version=2),
            "has version 2 of the format; this sktag reads version 1. Update sktag",
        ),
        (lambda content: rewritten(content, family="rnn"), "family='rnn' is none of"),
    ],
)
def test_file_that_is_foreign_damaged_or_newer_raises_with_its_name(
    tmp_path, damage, message
):
    path = tmp_path / "some.safetensors"
    make().save(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        Weights.load(path)
    assert str(error.value).startswith(repr(str(path)))


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"family": "cnn3d"}, ValueError, "family='cnn3d' is none of 'cnn1d', "),
        ({"input_shape": (9,)}, ValueError, "give bins and frames"),
        ({"arrays": {"a": "text"}}, ValueError, r"arrays\['a'\] is of type"),
        ({"outputs": (b"rock",)}, TypeError, r"outputs\[0\]=b'rock' cannot be kept"),
        ({"sizes": {"n": print}}, TypeError, r"sizes\['n'\]=<built-in function"),
    ],
)
def test_weights_of_a_wrong_record_raise(changed, error, message):
    with pytest.raises(error, match=message):
        make(**changed)


def test_repr_is_one_short_line_and_parameters_leave_statistics_out():
    net, _ = build_cnn2d("musicnn", (96, 187), 50)
    weights = make(architecture="musicnn", arrays=arrays_of(net))
    assert weights.n_parameters == 787_159
    assert repr(weights) == (
        "<Weights of musicnn (cnn2d): 787,159 parameters, 2 outputs>"
    )
