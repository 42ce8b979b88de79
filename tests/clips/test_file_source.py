"""Sources of rows: a part of a row is the slice of the whole row."""

import warnings

import numpy as np
import pytest
import soundfile

from sktag import RawWave, config_context
from sktag.clips._cache import DECODED
from sktag.clips._sources import fill

SR, N = 1000, 100
WAVES = [
    np.random.default_rng(n).uniform(-1, 1, n).astype(np.float32)
    for n in (37, 100, 140, 1)
]
PARTS = [(0, 100), (0, 10), (30, 20), (36, 40), (37, 5), (60, 40), (99, 1)]


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    paths = [str(folder / f"{i}.wav") for i in range(len(WAVES))]
    for path, wave in zip(paths, WAVES, strict=True):
        soundfile.write(path, wave, SR, subtype="FLOAT")
    return paths


# The shortest ends before the offset, and is silent.
@pytest.mark.filterwarnings("ignore:(?s).*a clip of it begins at:UserWarning")
@pytest.mark.parametrize("pad", ["zero", "repeat"])
@pytest.mark.parametrize("offset", [0.0, 0.005])
@pytest.mark.parametrize("kept", ["cached", "not cached", "on disk", "array"])
@pytest.mark.parametrize(("start", "width"), PARTS)
def test_part_of_a_row_is_the_slice_of_the_padded_row(
    paths, tmp_path, pad, offset, kept, start, width
):
    DECODED.clear()
    raw = RawWave(
        SR,
        duration=N / SR,
        offset=offset,
        pad=pad,
        memory=tmp_path if kept == "on disk" else None,
        n_jobs=2,
    )
    clips = raw.fit_transform(WAVES if kept == "array" else paths)
    limit = 0 if kept == "not cached" else 2**20
    rows = np.array([2, 0, 3, 1])
    with config_context(decode_cache_bytes=limit):
        part = clips.read(rows, starts=np.full(4, start), width=width)
        whole = clips.read(rows)
    np.testing.assert_array_equal(part, whole[:, start : start + width])


@pytest.mark.parametrize("pad", ["zero", "repeat"])
@pytest.mark.parametrize(("start", "width"), PARTS)
def test_part_of_a_file_that_ends_before_its_header_says_is_the_slice(
    tmp_path, pad, start, width
):
    path = tmp_path / "a.flac"
    soundfile.write(path, WAVES[0], SR, subtype="PCM_24")
    content = bytearray(path.read_bytes())
    field = int.from_bytes(content[18:26], "big")
    content[18:26] = ((field >> 36 << 36) | 80).to_bytes(8, "big")
    path.write_bytes(content)
    clips = RawWave(SR, duration=N / SR, pad=pad).fit_transform([path])
    assert clips.lengths.tolist() == [80]
    with config_context(decode_cache_bytes=0), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*the header says 80 frames")
        part = clips.read(np.array([0]), starts=np.array([start]), width=width)
        whole = clips.read(np.array([0]))
    np.testing.assert_array_equal(part, whole[:, start : start + width])


def test_part_in_the_zeros_after_a_file_decodes_nothing(paths, decoded):
    clips = RawWave(SR, duration=N / SR).fit_transform(paths[:1])
    with config_context(decode_cache_bytes=0):
        part = clips.read(np.array([0]), starts=np.array([50]), width=10)
    assert not part.any()
    assert decoded == []


def test_row_that_cannot_be_read_warns_at_the_line_of_the_user(paths, tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, WAVES[0], SR)
    clips = RawWave(SR, on_error="warn", n_jobs=2).fit_transform([path, paths[0]])
    path.write_text("no sound any more")
    with pytest.warns(UserWarning, match=r"a\.wav.*silence") as caught:
        out = np.asarray(clips)
    assert caught[0].filename == __file__
    assert not out[0].any()
    assert out[1].any()


@pytest.mark.parametrize("pad", ["zero", "repeat"])
@pytest.mark.parametrize("n", [0, 1, 3, 8, 12])
@pytest.mark.parametrize("start", [0, 2, 7])
def test_fill_writes_the_columns_of_the_padded_row(pad, n, start):
    samples = np.arange(1, n + 1, dtype=np.float32)
    row = np.zeros(12, dtype=np.float32)
    row[: min(n, 12)] = samples[:12]
    if pad == "repeat" and n:
        row = np.resize(samples, 12)
    out = np.full(5, np.nan, dtype=np.float32)
    fill(out, samples, pad, start)
    np.testing.assert_array_equal(out, row[start : start + 5])
