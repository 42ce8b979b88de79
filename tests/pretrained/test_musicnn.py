"""The models of musicnn: made-up checkpoints against its layers, the real ones."""

import pickle
import re
import sys
from importlib.machinery import ModuleSpec

import librosa
import numpy as np
import pytest
import soundfile
import torch
from sklearn.svm import SVC
from torch.nn import functional as F

from sktag import make_recipe
from sktag._weights import put_arrays
from sktag.nets import build_cnn2d
from sktag.pretrained import _musicnn, load_musicnn
from sktag.pretrained._musicnn import COMMAND, find_wheel, read_musicnn
from sktag.pretrained._tf_bundle import read_bundle
from sktag.testing import make_waves

MODELS = ("MTT_musicnn", "MSD_musicnn", "MTT_vgg", "MSD_vgg")
EPS = 1e-3


def shapes_of(model):
    """Return the shapes of a model's tensors, but for batch norms and biases."""
    if model.endswith("vgg"):
        kernels = {f"{i}CNN": (3, 3, 1 if i == 1 else 128, 128) for i in range(1, 6)}
        return {**kernels, "dense": (256, 50)}, [1, *[128] * 5]
    kernels = {"conv2d": (7, 38, 1, 204), "conv2d_1": (7, 67, 1, 204)}
    for i, length in enumerate((128, 64, 32)):
        kernels[f"conv2d_{i + 2}"] = (length, 1, 1, 51)
    for i, n_in in enumerate((561, 64, 64)):
        kernels[f"conv2d_{i + 5}"] = (7, n_in, 1, 64)
    norms = [1, 204, 204, 51, 51, 51, 64, 64, 64, 1506, 200]
    return {**kernels, "dense": (1506, 200), "dense_1": (200, 50)}, norms


def make_tensors(model):
    """Return random tensors as a checkpoint has them, with negative gammas too."""
    rng = np.random.default_rng(0)
    kernels, norms = shapes_of(model)
    tensors = {}
    for name, shape in kernels.items():
        scale = np.prod(shape[:-1]) ** -0.5
        tensors[f"{name}/kernel"] = rng.normal(scale=scale, size=shape)
        tensors[f"{name}/bias"] = rng.normal(scale=0.1, size=shape[-1])
    for i, n in enumerate(norms):
        name = f"batch_normalization_{i}" if i else "batch_normalization"
        tensors[f"{name}/gamma"] = rng.normal(size=n)
        tensors[f"{name}/beta"] = rng.normal(scale=0.1, size=n)
        tensors[f"{name}/moving_mean"] = rng.normal(scale=0.1, size=n)
        # As small as epsilon, so that it shows.
        tensors[f"{name}/moving_variance"] = rng.uniform(1e-3, 1.0, size=n)
    tensors = {name: array.astype("f4") for name, array in tensors.items()}
    moments = {f"{n}/{slot}": a + 9 for n, a in tensors.items() for slot in ADAM}
    powers = {f"beta{i}_power": np.float32(0) for i in (1, 2)}
    return {**tensors, **moments, **powers}


ADAM = ("Adam", "Adam_1")


@pytest.fixture(scope="session")
def made_up(tmp_path_factory, write_bundle):
    """A folder of made-up checkpoints, and their tensors, by model."""
    folder = tmp_path_factory.mktemp("musicnn")
    tensors = {model: make_tensors(model) for model in MODELS}
    for model in MODELS:
        write_bundle(folder / model / ".index", tensors[model])
    return folder, tensors


class Reference:
    """The models after the code of musicnn 0.1.0: axes are (clips, frames, bins)."""

    def __init__(self, tensors):
        self.tensors = {k: torch.tensor(v) for k, v in tensors.items()}

    def norm(self, x, i, axis=1):
        name = f"batch_normalization_{i}" if i else "batch_normalization"
        gamma, beta, mean, var = (
            self.tensors[f"{name}/{part}"]
            for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        x = x.movedim(axis, -1)
        x = (x - mean) / (var + EPS).sqrt() * gamma + beta
        return x.movedim(-1, axis)

    def conv(self, x, name):
        """Convolve (clips, channels, frames, bins) and apply ReLU."""
        kernel = self.tensors[f"{name}/kernel"].permute(3, 2, 0, 1)
        return F.conv2d(x, kernel, self.tensors[f"{name}/bias"]).relu()

    def dense(self, x, name):
        return x @ self.tensors[f"{name}/kernel"] + self.tensors[f"{name}/bias"]

    def musicnn(self, x):
        x = self.norm(x.unsqueeze(1), 0)
        front = []
        for i in range(5):
            name = f"conv2d_{i}" if i else "conv2d"
            n = self.tensors[f"{name}/kernel"].shape[0]
            padded = F.pad(x, (0, 0, (n - 1) // 2, n // 2))
            front.append(self.norm(self.conv(padded, name), i + 1).amax(3))
        parts = [torch.cat(front, 1).transpose(1, 2)]  # (clips, frames, channels)
        for i in range(3):
            padded = F.pad(parts[-1], (0, 0, 3, 3)).unsqueeze(1)
            maps = self.norm(self.conv(padded, f"conv2d_{i + 5}"), i + 6)
            maps = maps.squeeze(3).transpose(1, 2)
            parts.append(maps + parts[-1] if i else maps)
        every = torch.cat(parts, 2)
        pooled = torch.stack([every.amax(1), every.mean(1)], 2).flatten(1)
        hidden = self.dense(self.norm(pooled, 9), "dense").relu()
        return self.dense(self.norm(hidden, 10), "dense_1")

    def vgg(self, x):
        x = self.norm(x.unsqueeze(1), 0)
        for i in range(1, 6):
            x = self.norm(self.conv(F.pad(x, (1, 1, 1, 1)), f"{i}CNN"), i)
            window, step = {1: ((4, 1), 2), 5: (4, 4)}.get(i, (2, 2))
            x = F.max_pool2d(x, window, step)
        return self.dense(x.permute(0, 2, 3, 1).flatten(1), "dense")


def assert_equals_the_reference(model, weights, tensors):
    """Compare logits of a network with the weights, and of the reference."""
    net, _ = build_cnn2d(weights.architecture, weights.input_shape, 50)
    put_arrays(net, weights.arrays)
    x = torch.rand(2, 96, 187, generator=torch.Generator().manual_seed(0))
    reference = getattr(Reference(tensors), model.partition("_")[2])
    with torch.no_grad():
        expected = reference(x.transpose(1, 2))
        # Sums of 1506 numbers in another order.
        torch.testing.assert_close(net.eval()(x), expected, rtol=1e-4, atol=1e-4)
    assert expected.std() > 0.1


@pytest.mark.parametrize("model", MODELS)
def test_weights_of_a_made_up_model_give_what_its_layers_give(model, made_up):
    folder, tensors = made_up
    weights = read_musicnn(model, folder)
    assert_equals_the_reference(model, weights, tensors[model])


@pytest.mark.parametrize("model", MODELS)
def test_weights_say_what_network_and_input_they_are_for(model, made_up):
    weights = read_musicnn(model, made_up[0])
    assert weights.architecture == ("musicnn_vgg" if "vgg" in model else "musicnn")
    assert (weights.family, weights.input_shape) == ("cnn2d", (96, 187))
    assert (weights.sample_rate, weights.hop_length) == (16_000, 256)
    assert weights.n_parameters == (605_748 if "vgg" in model else 787_159)
    epsilons = {v.item() for k, v in weights.arrays.items() if k.endswith(".eps")}
    assert epsilons == {EPS}


def test_tags_are_fifty_each_in_the_published_order(made_up):
    mtt, msd = (read_musicnn(f"{d}_musicnn", made_up[0]).outputs for d in MTT_MSD)
    assert len(set(mtt)) == len(set(msd)) == 50
    assert (mtt[:3], mtt[-1]) == (("guitar", "classical", "slow"), "choral")
    assert (msd[:3], msd[-1]) == (("rock", "pop", "alternative"), "happy")
    assert mtt == read_musicnn("MTT_vgg", made_up[0]).outputs


MTT_MSD = ("MTT", "MSD")


def test_folder_of_the_model_or_one_above_it_is_taken(made_up, tmp_path):
    folder, _ = made_up
    above = tmp_path / "extracted"
    above.mkdir()
    (above / "musicnn").symlink_to(folder)
    expected = read_musicnn("MTT_vgg", folder)
    for path in (folder / "MTT_vgg", str(folder), above):
        assert read_musicnn("MTT_vgg", path) == expected


def test_folder_of_another_model_or_of_none_raises_with_the_remedy(made_up, tmp_path):
    for path in (made_up[0] / "MSD_musicnn", tmp_path):
        with pytest.raises(FileNotFoundError, match="has no weights of 'MTT_mus") as e:
            read_musicnn("MTT_musicnn", path)
        assert str(e.value).startswith(repr(str(path)))
        assert str(e.value).endswith(COMMAND)


def test_unknown_model_raises_with_all_names_and_a_guess():
    with pytest.raises(ValueError, match=r"'MSD_vgg'\. Did you mean 'MTT_vgg'\?"):
        read_musicnn("MTT_vg")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("3CNN/bias"), "it has no tensor '3CNN/bias'. Did you mean '"),
        (lambda t: t.update(more=t["3CNN/bias"]), "it has tensors too many: more"),
        (lambda t: t.update({"1CNN/kernel": np.ones(3)}), "axes don't match array"),
        (lambda t: t.update({"dense/kernel": np.ones((9, 9))}), "out of bounds"),
    ],
)
def test_checkpoint_of_another_model_raises(tmp_path, write_bundle, change, message):
    tensors = make_tensors("MTT_vgg")
    change(tensors)
    folder = tmp_path / "some"
    write_bundle(folder / ".index", tensors)
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        read_musicnn("MTT_vgg", folder)
    said = f"{str(folder)!r} has a checkpoint, but not of 'MTT_vgg': "
    assert str(error.value).startswith(said)


def test_installed_distribution_is_found_without_being_imported(
    tmp_path, monkeypatch, made_up
):
    package = tmp_path / "musicnn"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    for model in MODELS:
        (package / model).symlink_to(made_up[0] / model)
    monkeypatch.syspath_prepend(tmp_path)
    assert find_wheel() == package
    assert "musicnn" not in sys.modules
    assert read_musicnn("MTT_vgg") == read_musicnn("MTT_vgg", made_up[0])


@pytest.mark.parametrize("is_other_package", [True, False])
def test_missing_distribution_raises_with_the_command(
    tmp_path, monkeypatch, is_other_package
):
    spec = ModuleSpec("musicnn", None, is_package=True) if is_other_package else None
    if spec is not None:
        spec.submodule_search_locations.append(str(tmp_path))
    monkeypatch.setattr(_musicnn, "find_spec", lambda name: spec)
    with pytest.raises(FileNotFoundError) as error:
        read_musicnn("MTT_musicnn")
    assert str(error.value) == (
        "The weights of musicnn are not installed. Run: "
        "pip install --no-deps musicnn==0.1.0"
    )


def make_song(path, seconds):
    """Write tones that come and go over noise, at 16 kHz."""
    t = np.arange(int(seconds * 16_000)) / 16_000
    rng = np.random.default_rng(len(t))
    tones = [np.sin(2 * np.pi * f * t) * np.sin(f / 90 * t) for f in (220, 550, 3000)]
    wave = 0.1 * sum(tones) + 0.01 * rng.normal(size=t.size)
    soundfile.write(path, wave.astype("f4"), 16_000, subtype="FLOAT")
    return wave.astype("f4")


def taggram_of(reference, wave):
    """Return probabilities of windows as musicnn lays them, but for half precision."""
    mel = librosa.feature.melspectrogram(
        y=wave, sr=16_000, hop_length=256, n_fft=512, n_mels=96, pad_mode="reflect"
    )
    frames = np.log10(10_000 * mel.T + 1)
    starts = range(0, len(frames) - 187 + 1, 187)
    windows = np.stack([frames[i : i + 187] for i in starts])
    return torch.sigmoid(reference(torch.tensor(windows))).numpy()


@pytest.fixture(scope="session")
def songs(tmp_path_factory):
    """Paths and waveforms of two songs, of 2 and of 3 windows and a remainder."""
    folder = tmp_path_factory.mktemp("songs")
    paths = [str(folder / f"{seconds}.wav") for seconds in (7.5, 10.0)]
    return paths, [make_song(p, s) for p, s in zip(paths, (7.5, 10.0), strict=True)]


def assert_tags_as(model, tensors, songs, pipe):
    paths, waves = songs
    reference = getattr(Reference(tensors), model.partition("_")[2])
    expected = [taggram_of(reference, wave) for wave in waves]
    assert [len(taggram) for taggram in expected] == [2, 3]
    found = pipe[-1].predict_taggram(pipe[:-1].transform(paths))
    for taggram, other in zip(found, expected, strict=True):
        # Mel spectrograms in single precision by two programs.
        np.testing.assert_allclose(taggram, other, atol=1e-4)
    means = [taggram.mean(0) for taggram in expected]
    np.testing.assert_allclose(pipe.predict_proba(paths), means, atol=1e-4)
    assert np.ptp(means, axis=1).min() > 0.1


@pytest.mark.parametrize("model", ["MTT_musicnn", "MSD_vgg"])
def test_loaded_pipeline_tags_files_as_the_library_does(model, made_up, songs):
    folder, tensors = made_up
    pipe = load_musicnn(model, folder)
    assert_tags_as(model, tensors[model], songs, pipe)
    tags = read_musicnn(model, folder).outputs
    assert tuple(pipe[-1].tag_names_) == tags
    assert pipe[-1].n_iter_ == 0


def test_loaded_pipeline_keeps_weights_and_answers_in_a_pickle(made_up, songs):
    folder, _ = made_up
    pipe = load_musicnn("MTT_vgg", folder)
    again = pickle.loads(pickle.dumps(pipe))
    expected = pipe.predict_proba(songs[0])
    np.testing.assert_array_equal(again.predict_proba(songs[0]), expected)
    assert again[-1].weights_ == read_musicnn("MTT_vgg", folder)


def test_recipe_classifies_the_features_of_the_weights(made_up, songs):
    tagger = load_musicnn("MTT_vgg", made_up[0])
    recipe = make_recipe("transfer", model="MTT_vgg", path=made_up[0], clf=SVC())
    assert list(recipe.named_steps) == ["wave", "mel", "embed", "scale", "clf"]
    paths = [*songs[0], *songs[0]]
    y = np.arange(len(paths)) % 2
    recipe.fit(paths, y)
    clips = tagger[:-1].transform(paths)
    even = tagger[-1].set_params(chunk_layout="even")
    features = recipe[:3].transform(paths)
    np.testing.assert_array_equal(features, even.embed(clips, "pooled"))


def test_recipe_has_probabilities_of_classes_and_tags(made_up):
    waves = make_waves(18, 24000)
    recipe = make_recipe("transfer", model="MTT_vgg", path=made_up[0])
    labels = np.array(list("abc") * 6)
    found = recipe.fit(waves, labels).predict_proba(waves)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    tags = np.stack([labels == "a", labels != "b"], axis=1).astype(int)
    found = recipe.fit(waves, tags).predict_proba(waves)
    assert found.shape == (18, 2)
    assert ((found > 0) & (found < 1)).all()


def test_loaded_pipeline_is_fitted_to_no_length_and_no_names(made_up):
    pipe = load_musicnn("MTT_vgg", made_up[0])
    for step in (pipe, *pipe[:-1]):
        assert not hasattr(step, "n_features_in_")
        assert not hasattr(step, "feature_names_in_")
    assert [step.sr_ for _, step in pipe.steps] == [16_000] * 3
    assert pipe[0].duration is None


@pytest.mark.weights
@pytest.mark.parametrize("model", MODELS)
def test_published_weights_tag_files_as_the_library_does(model, songs):
    tensors = read_bundle(find_wheel() / model / ".index")
    assert_equals_the_reference(model, read_musicnn(model), tensors)
    assert_tags_as(model, tensors, songs, load_musicnn(model))
