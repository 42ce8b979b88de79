"""State dicts of the evaluation of 2020, made up, against its layers in plain torch."""

import pickle
import re
import warnings

import librosa
import numpy as np
import pytest
import soundfile
import torch
from torch.nn import functional as F

from sktag._weights import put_arrays
from sktag.nets import ARCHITECTURES
from sktag.pretrained import load_won2020
from sktag.pretrained._won2020 import MTAT_TAGS, read_won2020


class MadeUp(dict):
    """A state dict of random numbers: the names and shapes of the code."""

    def __init__(self, seed=0):
        super().__init__()
        self.rng = np.random.default_rng(seed)

    def add(self, name, *shape, scale=1.0, shift=0.0):
        values = shift + scale * self.rng.normal(size=shape)
        self[name] = torch.tensor(values, dtype=torch.float32)

    def layer(self, name, n_out, n_in, *size):
        fan_in = n_in * int(np.prod(size))
        self.add(f"{name}.weight", n_out, n_in, *size, scale=(2 / fan_in) ** 0.5)
        self.add(f"{name}.bias", n_out, scale=0.1)

    def norm(self, name, n):
        # Scales of either sign.
        self.add(f"{name}.weight", n)
        self.add(f"{name}.bias", n, scale=0.1)
        self.add(f"{name}.running_mean", n, scale=0.1)
        self[f"{name}.running_var"] = torch.tensor(
            self.rng.uniform(0.5, 2, n), dtype=torch.float32
        )
        self[f"{name}.num_batches_tracked"] = torch.tensor(1000)

    def conv_norm(self, name, n_out, n_in, *size):
        self.layer(f"{name}.conv", n_out, n_in, *size)
        self.norm(f"{name}.bn", n_out)

    def residual(self, name, n_out, n_in, size, has_shortcut):
        pairs = [(n_in, 1), (n_out, 2), *([(n_in, 3)] if has_shortcut else [])]
        for n, i in pairs:
            self.layer(f"{name}.conv_{i}", n_out, n, *size)
            self.norm(f"{name}.bn_{i}", n_out)

    def spectrogram(self, n_mels):
        self["spec.spectrogram.window"] = torch.hann_window(512)
        self["spec.mel_scale.fb"] = torch.rand(257, n_mels)
        self.norm("spec_bn", 1)

    def head(self, n_in, n_hidden, n_outputs):
        self.layer("dense1", n_hidden, n_in)
        self.norm("bn", n_hidden)
        self.layer("dense2", n_outputs, n_hidden)


SHORT = (1, 128, 128, 256, 256, 256, 256, 512)
SAMPLE = (1, 128, 128, 128, *[256] * 6, 512, 512)


def make_state(name, n_outputs=50, middle=64, hidden=200):
    state = MadeUp()
    if name == "fcn":
        state.spectrogram(96)
        widths = (1, 64, 128, 128, 128, 64)
        for i in range(5):
            state.conv_norm(f"layer{i + 1}", widths[i + 1], widths[i], 3, 3)
        state.layer("dense", n_outputs, 64)
    elif name in ("short", "short_res"):
        state.spectrogram(128)
        for i in range(7):
            args = (f"layer{i + 1}", SHORT[i + 1], SHORT[i])
            if name == "short":
                state.conv_norm(*args, 3, 3)
            else:
                state.residual(*args, (3, 3), has_shortcut=True)
        state.head(512, 512, n_outputs)
    elif name == "musicnn":
        state.spectrogram(96)
        for i, height in enumerate((67, 38)):
            state.conv_norm(f"layers.{i}", 204, 1, height, 7)
        for i, length in enumerate((129, 65, 33)):
            state.conv_norm(f"layers.{i + 2}", 51, 1, length)
        for i in range(3):
            state.conv_norm(f"layer{i + 1}", middle, middle if i else 561, 7)
        state.head(2 * (561 + 3 * middle), hidden, n_outputs)
    else:
        for i in range(11):
            n_in, n_out = SAMPLE[i], SAMPLE[i + 1]
            size = (1 if i == 10 else 3,)
            if name == "sample":
                state.conv_norm(f"layer{i + 1}", n_out, n_in, *size)
                continue
            state.residual(f"layer{i + 1}", n_out, n_in, size, n_in != n_out)
            state.layer(f"layer{i + 1}.dense1", n_out, n_out)
            state.layer(f"layer{i + 1}.dense2", n_out, n_out)
        if name == "sample":
            state.layer("dense", n_outputs, 512)
        else:
            state.head(512, 512, n_outputs)
    return dict(state)


class Reference:
    """The networks as the evaluation has them, on its names."""

    def __init__(self, name, state):
        self.name = name
        self.state = {k: v.double() for k, v in state.items()}

    def part(self, layer):
        return self.state[f"{layer}.weight"], self.state[f"{layer}.bias"]

    def norm(self, x, layer):
        mean, var = (self.state[f"{layer}.running_{s}"] for s in ("mean", "var"))
        shape = (1, -1, *[1] * (x.ndim - 2))
        weight, bias = self.part(layer)
        x = (x - mean.reshape(shape)) / (var.reshape(shape) + 1e-5).sqrt()
        return x * weight.reshape(shape) + bias.reshape(shape)

    def conv(self, x, layer, stride=1, padding=None):
        weight, bias = self.part(layer)
        convolve = F.conv1d if x.ndim == 3 else F.conv2d
        if padding is None:
            padding = weight.shape[-1] // 2
        return convolve(x, weight, bias, stride, padding)

    def conv_norm(self, x, layer, **options):
        return self.norm(self.conv(x, f"{layer}.conv", **options), f"{layer}.bn").relu()

    def residual(self, x, layer, stride, squeeze=False):
        y = self.norm(self.conv(x, f"{layer}.conv_1", stride), f"{layer}.bn_1").relu()
        y = self.norm(self.conv(y, f"{layer}.conv_2"), f"{layer}.bn_2")
        if squeeze:
            scale = F.linear(y.mean(2), *self.part(f"{layer}.dense1")).relu()
            scale = F.linear(scale, *self.part(f"{layer}.dense2")).sigmoid()
            y = y * scale.unsqueeze(2)
        if f"{layer}.conv_3.weight" in self.state:
            x = self.norm(self.conv(x, f"{layer}.conv_3", stride), f"{layer}.bn_3")
        return (x + y).relu()

    def head(self, x):
        x = self.norm(F.linear(x, *self.part("dense1")), "bn").relu()
        return F.linear(x, *self.part("dense2"))

    def __call__(self, x):
        return getattr(self, self.name)(x.double().unsqueeze(1))

    def fcn(self, x):
        x = self.norm(x, "spec_bn")
        pools = [(2, 4), (2, 4), (2, 4), (3, 5), (4, 4)]
        for i, pool in enumerate(pools, 1):
            x = F.max_pool2d(self.conv_norm(x, f"layer{i}"), pool)
        return F.linear(x.flatten(1), *self.part("dense"))

    def short(self, x):
        x = self.norm(x, "spec_bn")
        for i in range(1, 8):
            x = F.max_pool2d(self.conv_norm(x, f"layer{i}"), 2)
        return self.head(x.squeeze(2).amax(2))

    def short_res(self, x):
        x = self.norm(x, "spec_bn")
        for i in range(1, 8):
            x = self.residual(x, f"layer{i}", 2)
        return self.head(x.squeeze(2).amax(2))

    def musicnn(self, x):
        x = self.norm(x, "spec_bn")
        parts = [
            self.conv_norm(x, f"layers.{i}", padding=(0, 3)).amax(2) for i in range(2)
        ]
        parts += [self.conv_norm(x.mean(2), f"layers.{i}") for i in (2, 3, 4)]
        parts = [torch.cat(parts, 1)]
        parts.append(self.conv_norm(parts[-1], "layer1"))
        parts.append(self.conv_norm(parts[-1], "layer2") + parts[-1])
        parts.append(self.conv_norm(parts[-1], "layer3") + parts[-1])
        every = torch.cat(parts, 1)
        return self.head(torch.cat([every.amax(2), every.mean(2)], 1))

    def sample(self, x):
        x = self.conv_norm(x, "layer1", stride=3)
        for i in range(2, 11):
            x = F.max_pool1d(self.conv_norm(x, f"layer{i}"), 3)
        x = self.conv_norm(x, "layer11").squeeze(2)
        return F.linear(x, *self.part("dense"))

    def se(self, x):
        x = self.residual(x, "layer1", 3, squeeze=True)
        for i in range(2, 11):
            x = F.max_pool1d(self.residual(x, f"layer{i}", 1, squeeze=True), 3)
        return self.head(self.residual(x, "layer11", 1, squeeze=True).squeeze(2))


SHAPES = {
    "fcn": (96, 1813),
    "short": (128, 231),
    "short_res": (128, 231),
    "musicnn": (96, 188),
    "sample": (59_049,),
    "se": (59_049,),
}
COUNTS = {
    "fcn": 447_732,
    "short": 3_687_348,
    "short_res": 12_104_244,
    "musicnn": 784_300,
    "sample": 1_869_874,
    "se": 6_951_858,
}
each = pytest.mark.parametrize("name", SHAPES)


@pytest.fixture
def saved(tmp_path):
    """A function that writes a made-up state dict, and returns its path and content."""

    def save(name, change=None, **sizes):
        state = make_state(name, **sizes)
        if change is not None:
            change(state)
        torch.save(state, tmp_path / "best_model.pth")
        return tmp_path / "best_model.pth", state

    return save


def network_of(weights):
    record = ARCHITECTURES[weights.family][weights.architecture]
    net = record.build(
        weights.input_shape, len(weights.outputs), **weights.sizes
    ).module
    put_arrays(net, weights.arrays)
    return net.double().eval()


@each
def test_weights_of_a_made_up_model_give_what_its_layers_give(name, saved):
    path, state = saved(name)
    weights = read_won2020(path, name)
    assert weights.input_shape == SHAPES[name]
    assert weights.n_parameters == COUNTS[name]
    assert (weights.sample_rate, weights.sizes) == (16_000, {})
    assert weights.hop_length == (None if name in ("sample", "se") else 256)
    x = torch.randn(2, *SHAPES[name], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = Reference(name, state)(x)
        found = network_of(weights)(x.double())
    assert expected.std() > 0.01
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_musicnn_of_the_million_song_dataset_has_other_widths(saved):
    path, state = saved("musicnn", middle=512, hidden=500)
    with pytest.raises(ValueError, match="give their names in the order of the data"):
        read_won2020(path, "musicnn")
    weights = read_won2020(path, "musicnn", [f"tag {i}" for i in range(50)])
    assert weights.sizes == {"n_filters": (204, 51, 512, 500)}
    x = torch.randn(2, 96, 188, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = Reference("musicnn", state)(x)
        found = network_of(weights)(x.double())
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("names", "architecture"),
    [
        (("fcn", "music_tagger_cnn"), "music_tagger_cnn"),
        (("musicnn", "musicnn_won2020"), "musicnn_won2020"),
        (("sample", "sample_cnn", "sample_cnn_won2020"), "sample_cnn_won2020"),
    ],
)
def test_names_of_the_code_and_of_sktag_are_the_same_network(
    names, architecture, saved
):
    path, _ = saved(names[0])
    weights = {read_won2020(path, name) for name in names}
    assert [w.architecture for w in weights] == [architecture]


def test_unknown_architecture_raises_with_all_names_and_a_guess():
    with pytest.raises(ValueError, match=r"'fcn'.*Did you mean 'short_chunk'\?"):
        load_won2020("any.pth", "short_chunks")


def test_tags_are_those_of_magnatagatune_unless_given(saved):
    path, _ = saved("sample")
    outputs = read_won2020(path, "sample").outputs
    assert outputs == MTAT_TAGS
    assert len(set(outputs)) == 50
    assert outputs[:3] == ("guitar", "classical", "slow")
    assert outputs[-4:] == ("country", "female voice", "metal", "choral")
    path, _ = saved("sample", n_outputs=2)
    assert read_won2020(path, "sample", ["a", "b"]).outputs == ("a", "b")


@pytest.mark.parametrize(
    ("n_outputs", "tag_names", "message"),
    [
        (50, ["a", "b"], r"tag_names=\(2 names\) does not fit .* whose 50 outputs"),
        (7, None, "tag_names=None does not fit .* whose 7 outputs"),
    ],
)
def test_tag_names_that_do_not_fit_the_outputs_raise(
    n_outputs, tag_names, message, saved
):
    path, _ = saved("sample", n_outputs=n_outputs)
    with pytest.raises(ValueError, match=message):
        load_won2020(path, "sample", tag_names=tag_names)


@pytest.mark.parametrize(
    ("change", "messages"),
    [
        (
            lambda s: s.pop("layer3.bn.running_var"),
            ["1 missing: 'layer3.bn.running_var' (128,)"],
        ),
        (
            lambda s: s.update({"layer2.convs.bias": s.pop("layer2.conv.bias")}),
            ["1 missing: 'layer2.conv.bias' (128,) (the closest that would fit: "],
        ),
        (
            lambda s: s.update({"dense.weight": torch.ones(50, 9)}),
            ["'dense.weight' is float32 (50, 9), the network's is float32 (50, 512)"],
        ),
        (
            lambda s: s.update({"dense.weight": torch.tensor(1.0)}),
            ["'dense.weight' is float32 (), the network's is float32 (50, 512)"],
        ),
    ],
)
def test_arrays_that_do_not_fit_are_named_as_the_file_does(change, messages, saved):
    path, _ = saved("sample", change)
    with pytest.raises(ValueError, match="does not have the arrays of 'sample'") as e:
        read_won2020(path, "sample")
    assert str(e.value).startswith(repr(str(path)))
    for message in messages:
        assert message in str(e.value)


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [
        ("short", "fcn", "short_chunk"),
        ("short_res", "short", "short_chunk_res"),
        ("sample", "se", "sample_cnn_won2020"),
        ("musicnn", "fcn", "musicnn_won2020"),
    ],
)
def test_wrong_architecture_raises_with_the_right_one(name, wrong, right, saved):
    path, _ = saved(name)
    with pytest.raises(ValueError, match=rf"Their names are those of '{right}'\.$"):
        read_won2020(path, wrong)


class Evil:
    """An object whose unpickling would raise."""

    def __reduce__(self):
        return exec, ("raise SystemExit('code was run')",)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda p: torch.save({"a": Evil()}, p), "whose loading would run code"),
        (
            lambda p: p.write_bytes(pickle.dumps(Evil(), 2)),
            "whose loading would run code",
        ),
        (lambda p: torch.save(torch.nn.Linear(1, 1), p), "whose loading would run"),
        (lambda p: p.write_bytes(b""), "is no file of tensors, is damaged"),
        (lambda p: p.write_text("weights"), "is no file of tensors, is damaged"),
        (lambda p: p.write_bytes(bytes(99)), "is no file of tensors, is damaged"),
        (lambda p: p.write_bytes(b"\x80\x02h\x07."), "is no file of tensors, is dam"),
        (lambda p: p.write_bytes(b"PK\x03\x04" + bytes(99)), "is no file of tensors"),
        (lambda p: torch.save(torch.ones(3), p), "holds no state dict"),
        (lambda p: torch.save({"epoch": 3}, p), "holds no state dict"),
    ],
)
def test_file_that_is_no_state_dict_raises_and_runs_no_code(write, message, tmp_path):
    write(tmp_path / "x.pth")
    with pytest.raises(ValueError, match=message) as error:
        read_won2020(tmp_path / "x.pth", "fcn")
    assert re.search(r"torch\.save\(model\.state_dict\(\)", str(error.value))


def test_missing_file_raises(tmp_path):
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path))):
        load_won2020(tmp_path / "none.pth", "fcn")


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    """A file of 5 s of tones and noise at 16 kHz, and its samples."""
    path = tmp_path_factory.mktemp("song") / "song.wav"
    t = np.arange(80_000) / 16_000
    rng = np.random.default_rng(0)
    wave = 0.2 * np.sin(2 * np.pi * 440 * t) * np.sin(3 * t)
    wave = (wave + 0.02 * rng.normal(size=t.size)).astype("f4")
    soundfile.write(path, wave, 16_000, subtype="FLOAT")
    return str(path), wave


def chunks_of(x, length):
    """Return the 16 chunks of the evaluation, along the last axis."""
    hop = (x.shape[-1] - length) // 16
    return np.stack([x[..., i * hop : i * hop + length] for i in range(16)])


def decibels_of(wave, n_mels):
    """Return a spectrogram with the defaults of torchaudio, which the code leaves."""
    window, wave = torch.hann_window(512), torch.tensor(wave)
    stft = torch.stft(wave, 512, 256, window=window, return_complex=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Empty filters")
        bank = librosa.filters.mel(
            sr=16_000, n_fft=512, n_mels=n_mels, fmax=8000, htk=True, norm=None
        )
    power = torch.tensor(bank) @ stft.abs().square()
    return 10 * power.clamp_min(1e-10).log10()


@pytest.mark.parametrize("name", ["short", "sample"])
def test_loaded_pipeline_averages_the_chunks_of_the_evaluation(name, saved, song):
    path, state = saved(name)
    pipe = load_won2020(path, name)
    file, wave = song
    *bins, length = SHAPES[name]
    x = decibels_of(wave, bins[0]).numpy() if bins else wave
    chunks = torch.tensor(chunks_of(x, length))
    with torch.no_grad():
        expected = Reference(name, state)(chunks).sigmoid().mean(0)
    assert expected.std() > 0.01
    # Decibels near silence, in single precision by two programs.
    np.testing.assert_allclose(pipe.predict_proba([file])[0], expected, atol=1e-3)
    assert tuple(pipe[-1].tag_names_) == MTAT_TAGS
    assert list(pipe.named_steps) == ["wave", *["mel"] * len(bins), "clf"]
    assert pipe[-1].n_iter_ == 0


def test_loaded_pipeline_keeps_weights_and_answers_in_a_pickle(saved, song):
    path, _ = saved("musicnn")
    pipe = load_won2020(path, "musicnn")
    again = pickle.loads(pickle.dumps(pipe))
    expected = pipe.predict_proba([song[0]])
    np.testing.assert_array_equal(again.predict_proba([song[0]]), expected)
    assert again[-1].weights_ == read_won2020(path, "musicnn")
