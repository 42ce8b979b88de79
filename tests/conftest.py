"""What every test shares."""

import os

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")  # figures without a display


def pytest_runtest_setup(item):
    """Skip tests marked `cuda` where there is no CUDA device."""
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
    from sktag.clips import _sources
    from sktag.clips._cache import DECODED

    DECODED.clear()
    paths = []
    decode = _sources.decode

    def counting(path, *args, **kwargs):
        paths.append(path)
        return decode(path, *args, **kwargs)

    monkeypatch.setattr(_sources, "decode", counting)
    return paths
