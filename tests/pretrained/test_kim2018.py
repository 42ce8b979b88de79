"""HDF5 files of the Keras code of 2018, made up, against its layers in plain torch."""

import re
import sys

import h5py
import numpy as np
import pytest
import soundfile
import torch
from torch.nn import functional as F

from sktag._weights import put_arrays
from sktag.nets import build_sample_cnn
from sktag.pretrained import load_kim2018
from sktag.pretrained._kim2018 import read_kim2018
from sktag.pretrained._musicnn_tags import MTT_TAGS


class MadeUp(dict):
    """Layers of random numbers, in the order and with the names of Keras."""

    def __init__(self, first=1):
        super().__init__()
        self.rng = np.random.default_rng(0)
        self.numbers = {}
        self.first = first

    def add(self, kind, **parts):
        number = self.numbers[kind] = self.numbers.get(kind, self.first - 1) + 1
        layer = f"{kind}_{number}" if number else kind
        self[layer] = {k: np.asarray(v, "f4") for k, v in parts.items()}

    def linear(self, kind, *shape):
        scale = (2 / np.prod(shape[:-1])) ** 0.5
        kernel = scale * self.rng.normal(size=shape)
        self.add(kind, kernel=kernel, bias=0.1 * self.rng.normal(size=shape[-1]))

    def norm(self, n):
        # Scales of either sign.
        gamma, beta, mean = self.rng.normal(size=(3, n))
        variance = self.rng.uniform(0.001, 2, n)
        parts = {"beta": 0.1 * beta, "moving_mean": 0.1 * mean}
        self.add("batch_normalization", gamma=gamma, **parts, moving_variance=variance)

    def conv(self, *shape):
        self.linear("conv1d", *shape)
        self.norm(shape[-1])


def make_model(block, *, multi=True, ratio=2, n_outputs=50, **options):
    model = MadeUp(**options)
    model.conv(3, 1, 128)
    n = 128
    for i in range(9):
        n_in, n = n, n * (2 if i in (2, 8) else 1)
        if block.startswith("res") and n != n_in:
            model.conv(1, n_in, n)
        model.conv(3, n_in, n)
        if block.startswith("res"):
            model.conv(3, n, n)
        if block.endswith("se"):
            model.linear("dense", n, int(ratio * n))
            model.linear("dense", int(ratio * n), n)
    n_pooled = 1024 if multi else 512
    model.linear("dense", n_pooled, n_pooled)
    model.norm(n_pooled)
    model.linear("dense", n_pooled, n_outputs)
    return model


def write(path, model, *, is_whole=True, change=None):
    """Write a model as Keras 2 does: by layer, with lists of names as attributes."""
    with h5py.File(path, "w") as file:
        root = file
        if is_whole:
            file.attrs["model_config"] = b"{}"
            file.create_group("optimizer_weights").attrs["weight_names"] = [b"x"]
            root = file.create_group("model_weights")
        # Not in the order of the code.
        layers = ["input_1", "reshape_1", *reversed(model)]
        root.attrs["layer_names"] = [layer.encode() for layer in layers]
        for layer in layers:
            group = root.create_group(layer)
            parts = model.get(layer, {})
            names = [f"{layer}/{part}:0" for part in parts]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, array in zip(names, parts.values(), strict=True):
                group[name] = array
        if change is not None:
            change(root)
    return path


class Reference:
    """The networks as the code makes them; axes are (clips, time, channels)."""

    def __init__(self, block, model, multi):
        self.block, self.multi = block, multi
        self.layers = {
            kind: iter([v for k, v in model.items() if k.startswith(kind)])
            for kind in ("conv1d", "batch_normalization", "dense")
        }

    def parts(self, kind):
        layer = next(self.layers[kind])
        return [torch.tensor(v, dtype=torch.float64) for v in layer.values()]

    def conv(self, x, stride=1):
        kernel, bias = self.parts("conv1d")
        n = len(kernel)
        if stride == 1:
            x = F.pad(x, (0, 0, (n - 1) // 2, n // 2))
        windows = x.unfold(1, n, stride)
        x = torch.einsum("btik,kio->bto", windows, kernel) + bias
        return self.norm(x)

    def norm(self, x):
        gamma, beta, mean, variance = self.parts("batch_normalization")
        return (x - mean) / (variance + 1e-3).sqrt() * gamma + beta

    def dense(self, x):
        kernel, bias = self.parts("dense")
        return x @ kernel + bias

    def squeezed(self, x):
        scale = self.dense(self.dense(x.mean(1)).relu()).sigmoid()
        return x * scale.unsqueeze(1)

    def pool(self, x):
        n = x.shape[1] // 3
        return x[:, : 3 * n].unflatten(1, (n, 3)).amax(2)

    def run_block(self, x, widens):
        if self.block in ("basic", "se"):
            x = self.pool(self.conv(x).relu())
            return self.squeezed(x) if self.block == "se" else x
        shortcut = self.conv(x) if widens else x
        x = self.conv(self.conv(x).relu())
        if self.block == "rese":
            x = self.squeezed(x)
        return self.pool((x + shortcut).relu())

    def __call__(self, x):
        x = self.conv(x.double().unsqueeze(2), stride=3).relu()
        levels = []
        for i in range(9):
            x = self.run_block(x, i in (2, 8))
            levels.append(x.amax(1))
        pooled = torch.cat(levels[-3:], 1) if self.multi else levels[-1]
        return self.dense(self.norm(self.dense(pooled)).relu())


OURS = {"basic": "basic", "se": "se", "res": "res2", "rese": "rese2"}


@pytest.mark.parametrize(
    ("block", "multi", "ratio", "sizes"),
    [
        ("basic", True, None, {}),
        ("basic", False, None, {"multi_level": False}),
        ("se", True, 16, {"se_ratio": 16}),
        ("res", True, None, {}),
        ("rese", True, 0.125, {}),
        ("rese", False, 2, {"multi_level": False, "se_ratio": 2}),
    ],
)
def test_weights_of_a_made_up_model_give_what_its_layers_give(
    block, multi, ratio, sizes, tmp_path
):
    model = make_model(block, multi=multi, ratio=ratio)
    weights = read_kim2018(write(tmp_path / "m.hdf5", model), block)
    assert weights.architecture == OURS[block]
    assert weights.sizes == sizes
    assert (weights.sample_rate, weights.input_shape) == (22_050, (59_049,))
    net, _ = build_sample_cnn(weights.architecture, (59_049,), 50, **sizes)
    put_arrays(net, weights.arrays)
    x = torch.randn(2, 59_049, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = Reference(block, model, multi)(x)
        found = net.double().eval()(x.double())
    assert expected.std() > 0.01
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.fixture(scope="module")
def basic(tmp_path_factory):
    """A file of a basic network, and its layers."""
    model = make_model("basic")
    path = tmp_path_factory.mktemp("kim") / "basic.hdf5"
    return write(path, model), model


@pytest.mark.parametrize("first", [0, 12])
def test_layers_are_found_by_their_order_in_whatever_way_keras_counts(
    first, basic, tmp_path
):
    model = make_model("basic", first=first)
    path = write(tmp_path / "m.hdf5", model, is_whole=False)
    assert read_kim2018(path, "basic") == read_kim2018(basic[0], "basic")


def test_epsilon_is_that_of_keras(basic):
    arrays = read_kim2018(basic[0], "basic").arrays
    epsilons = [v.item() for k, v in arrays.items() if k.endswith(".eps")]
    assert epsilons == [1e-3] * 11


def test_tags_are_those_of_magnatagatune_upwards_unless_given(basic, tmp_path):
    assert read_kim2018(basic[0], "basic").outputs == MTT_TAGS[::-1]
    path = write(tmp_path / "m.hdf5", make_model("basic", n_outputs=2))
    assert read_kim2018(path, "basic", ["a", "b"]).outputs == ("a", "b")
    with pytest.raises(ValueError, match=r"tag_names=None does not .* whose 2 outputs"):
        load_kim2018(path, "basic")


def test_names_of_the_code_and_of_sktag_are_the_same_network(tmp_path):
    path = write(tmp_path / "m.hdf5", make_model("res"))
    assert read_kim2018(path, "res") == read_kim2018(path, "res2")


def test_unknown_architecture_raises_with_all_names_and_a_guess():
    with pytest.raises(ValueError, match=r"'basic', 'se'.*Did you mean 'rese'\?"):
        load_kim2018("any.hdf5", "rese_")


@pytest.mark.parametrize(("block", "wrong"), [("se", "rese"), ("rese", "res")])
def test_wrong_architecture_raises_with_the_right_one(block, wrong, tmp_path):
    path = write(tmp_path / "m.hdf5", make_model(block))
    with pytest.raises(ValueError, match=rf"20 dense layers, as '{block}' has; "):
        read_kim2018(path, wrong)


def replace(group, name, array):
    del group[name]
    group[name] = array


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda m: m["conv1d_3"].pop("bias"),
            "1 missing: 'conv1d_3/bias' (128,)",
        ),
        (
            lambda m: m["conv1d_3"].update(more=np.ones(2)),
            "1 superfluous: 'conv1d_3/more' (2,)",
        ),
        (
            lambda m: m.update(lstm_1={"kernel": np.ones((3, 2))}),
            "1 superfluous: 'lstm_1/kernel' (3, 2)",
        ),
        (
            lambda m: m["conv1d_4"].update(kernel=np.ones((128, 3, 256), "f4")),
            "'conv1d_4/kernel' is float32 (128, 3, 256), the network's is float32 "
            "(3, 128, 256)",
        ),
        (
            lambda m: [m.pop(k) for k in ("dense_2", "conv1d_9")],
            "it has 9 conv1d, 11 batch_normalization, 1 dense layers; 'basic' has 10 ",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_named_as_the_file_does(change, message, tmp_path):
    model = make_model("basic")
    change(model)
    path = write(tmp_path / "m.hdf5", model)
    with pytest.raises(ValueError, match="does not have the arrays of 'basic'") as e:
        read_kim2018(path, "basic")
    assert str(e.value).startswith(repr(str(path)))
    assert message in str(e.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda root: root.attrs.pop("layer_names"),
        lambda root: root.pop("conv1d_2"),
        lambda root: root["conv1d_2"].attrs.pop("weight_names"),
        lambda root: root["conv1d_2/conv1d_2"].pop("bias:0"),
    ],
)
def test_file_of_another_layout_raises(change, tmp_path):
    path = write(tmp_path / "m.hdf5", make_model("basic"), change=change)
    with pytest.raises(ValueError, match="is no HDF5 file of a Keras model"):
        read_kim2018(path, "basic")


def test_file_that_is_not_hdf5_or_missing_raises(tmp_path):
    path = tmp_path / "m.hdf5"
    with pytest.raises(FileNotFoundError, match=re.escape(str(path))):
        read_kim2018(path, "basic")
    path.write_text("weights")
    with pytest.raises(ValueError, match="is no HDF5 file of a Keras model"):
        read_kim2018(path, "basic")


def test_missing_h5py_raises_with_the_command(basic, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=r'h5py: pip install "sktag\[hdf5\]"'):
        load_kim2018(basic[0], "basic")


def test_loaded_pipeline_averages_consecutive_segments(basic, tmp_path):
    path, model = basic
    pipe = load_kim2018(path, "basic")
    rng = np.random.default_rng(0)
    wave = (0.1 * rng.normal(size=2 * 59_049 + 30_000)).astype("f4")
    soundfile.write(tmp_path / "x.wav", wave, 22_050, subtype="FLOAT")
    segments = torch.tensor(wave[: 2 * 59_049]).reshape(2, -1)
    with torch.no_grad():
        expected = Reference("basic", model, True)(segments).sigmoid().mean(0)
    found = pipe.predict_proba([str(tmp_path / "x.wav")])[0]
    # The network is in single precision, the reference in double.
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert list(pipe.named_steps) == ["wave", "clf"]
    assert tuple(pipe[-1].tag_names_) == MTT_TAGS[::-1]
