"""Fixtures for all tests: waveforms, spectrograms of classes and tags, a classifier."""

import os

import numpy as np
import pytest

os.environ.setdefault("MPLBACKEND", "Agg")  # figures without a display


def pytest_runtest_setup(item):
    """Skip tests marked `cuda` or `weights` where there are none."""
    if item.get_closest_marker("weights"):
        from sktag.pretrained._musicnn import find_wheel

        try:
            find_wheel()
        except FileNotFoundError as error:
            pytest.skip(str(error))
    if item.get_closest_marker("cuda"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device")


@pytest.fixture(scope="session")
def waves():
    """Six waveforms of a quarter of a second at 22,050 Hz, no two alike."""
    from sktag.testing import make_waves

    return make_waves(6, 5512)


@pytest.fixture(scope="session")
def wave_paths(waves, tmp_path_factory):
    """The waveforms as float WAV files, which hold them to the bit."""
    import soundfile

    folder = tmp_path_factory.mktemp("waves")
    paths = [str(folder / f"{i}.wav") for i in range(len(waves))]
    for path, wave in zip(paths, waves, strict=True):
        soundfile.write(path, wave, 22050, subtype="FLOAT")
    return paths


@pytest.fixture(params=["array", "clips", "paths"])
def container(request, waves, wave_paths):
    """The waveforms as each of the containers that a transformer takes."""
    from sktag import ClipArray, RawWave

    if request.param == "array":
        return waves
    if request.param == "clips":
        return ClipArray.from_array(waves, sample_rate=22050)
    return RawWave().fit_transform(wave_paths)


@pytest.fixture
def decoded(monkeypatch):
    """Paths that are decoded in this process, in order; the cache is empty at start."""
    from sktag.clips import _file_source
    from sktag.clips._cache import DECODED

    DECODED.clear()
    paths = []
    decode = _file_source.decode

    def counting(path, *args, **kwargs):
        paths.append(path)
        return decode(path, *args, **kwargs)

    monkeypatch.setattr(_file_source, "decode", counting)
    return paths


def ripple(k):
    """Return a pattern known by its period and direction, not by its place."""
    bins, frames = np.mgrid[:12, :8]
    periods = [(3, 1e9), (1e9, 2), (6, 1e9)][k % 3]
    return np.cos(2 * np.pi * (bins / periods[0] + frames / periods[1]))


@pytest.fixture(scope="session")
def make_data():
    """Return a function that makes spectrograms, a ripple for each class in noise."""

    def make(n_clips=36, n_classes=3, random_state=0):
        rng = np.random.default_rng(random_state)
        y = np.arange(n_clips) % n_classes
        X = rng.normal(size=(n_clips, 12, 8)) + np.stack([2 * ripple(k) for k in y])
        return X.astype(np.float32), y

    return make


@pytest.fixture(scope="session")
def make_tags():
    """Return a function that makes spectrograms, a ripple for each of three tags."""

    def make(n_tags, n_clips=40, random_state=0):
        rng = np.random.default_rng(random_state)
        tags = rng.integers(0, 2, (n_clips, n_tags))
        X = rng.normal(size=(n_clips, 12, 8)) / 2
        ripples = [2 * ripple(t) for t in range(n_tags)][:3]
        X += np.einsum("it,tbf->ibf", tags[:, :3], ripples)
        return X.astype(np.float32), tags

    return make


@pytest.fixture(name="X")
def spectrograms(make_data):
    """36 spectrograms of three classes."""
    return make_data()[0]


@pytest.fixture(name="Y")
def labels(make_data):
    """Their classes."""
    return make_data()[1]


@pytest.fixture(scope="session")
def quick():
    """Return a function that makes a classifier which learns them in 15 epochs."""
    from sktag import CNN2DClassifier

    def make(**params):
        defaults = {
            "n_filters": (8, 8),
            "max_epochs": 15,
            "lr": 1e-2,
            "random_state": 0,
        }
        return CNN2DClassifier(**{**defaults, **params})

    return make
