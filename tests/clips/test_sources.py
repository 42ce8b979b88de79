"""Sources of clips, arrays and files, follow one protocol."""

import pickle

import joblib
import numpy as np
import pytest
import soundfile

from sktag import config_context
from sktag.clips._cache import DECODED
from sktag.clips._file_source import Excerpt, FileSource
from sktag.clips._sources import ArraySource

ROWS = np.array([3, 0, 3])


def rows_of(paths):
    """Whole files."""
    return [Excerpt(path) for path in paths]


def read(source, rows, starts=None, width=None):
    """Rows, or parts of them, of a source."""
    width = width or source.shape[-1]
    out = np.empty((len(rows), *source.shape[1:-1], width), dtype=np.float32)
    source.read_into(out, rows, starts)
    return out


@pytest.fixture
def files(wave_paths):
    """A source of the six waves."""
    return FileSource(rows_of(wave_paths), 22050, 5512)


@pytest.fixture(params=["array", "files"])
def source(request, waves, files):
    """The waves as either source."""
    return files if request.param == "files" else ArraySource(waves, 22050)


def test_source_knows_shape_rate_and_lengths(source):
    assert source.kind == "wave"
    assert source.shape == (6, 5512)
    assert source.sample_rate == 22050
    assert source.hop_length is None
    assert source.frequencies is None
    assert source.lengths.tolist() == [5512] * 6


def test_rows_are_read_in_the_order_asked_for(source, waves):
    found = read(source, ROWS)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, waves[ROWS])


def test_parts_of_rows_are_read(source, waves):
    starts = np.array([0, 100, 5512 - 50])
    found = read(source, ROWS, starts=starts, width=50)
    expected = [waves[row, s : s + 50] for row, s in zip(ROWS, starts, strict=True)]
    np.testing.assert_array_equal(found, expected)


def test_rows_that_are_read_are_the_callers(source, waves):
    read(source, ROWS)[:] = 7
    np.testing.assert_array_equal(read(source, ROWS), waves[ROWS])


def test_no_rows_are_read_as_none(source):
    assert read(source, np.array([], dtype=int)).shape == (0, 5512)


def test_taken_rows_are_a_source_of_those(source, waves):
    taken = source.take(ROWS)
    assert taken.shape == (3, 5512)
    np.testing.assert_array_equal(read(taken, np.arange(3)), waves[ROWS])


def test_pickle_gives_the_same_rows_and_hash(source):
    again = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(read(again, ROWS), read(source, ROWS))
    assert joblib.hash(again) == joblib.hash(source)


def test_array_of_spectrograms_knows_hop_and_bins():
    X = np.zeros((2, 3, 9), dtype=np.float32)
    frequencies = np.array([100.0, 200.0, 400.0])
    source = ArraySource(X, 8000, np.array([9, 4]), 64, frequencies)
    assert source.kind == "spectrogram"
    assert (source.hop_length, source.lengths.tolist()) == (64, [9, 4])
    taken = source.take(np.array([1]))
    assert (taken.hop_length, taken.lengths.tolist()) == (64, [4])
    assert taken.frequencies is frequencies
    part = read(source, np.array([1, 0]), starts=np.array([2, 5]), width=4)
    assert part.shape == (2, 3, 4)


def test_taken_rows_of_an_array_pickle_without_the_rest():
    source = ArraySource(np.zeros((1000, 100), dtype=np.float32), None)
    few = source.take(np.arange(2))
    assert len(pickle.dumps(few)) < 2000 < len(pickle.dumps(source))


@pytest.mark.parametrize("pad", ["zero", "repeat"])
def test_shorter_file_is_padded_and_longer_cut(wave_paths, waves, pad):
    longer = FileSource(rows_of(wave_paths), 22050, 6000, pad=pad)
    assert longer.lengths.tolist() == [5512] * 6
    (row,) = read(longer, np.array([1]))
    np.testing.assert_array_equal(row[:5512], waves[1])
    expected = np.zeros(488) if pad == "zero" else waves[1, :488]
    np.testing.assert_array_equal(row[5512:], expected)
    shorter = FileSource(rows_of(wave_paths), 22050, 1000, pad=pad)
    assert shorter.lengths.tolist() == [1000] * 6
    np.testing.assert_array_equal(read(shorter, ROWS), waves[ROWS, :1000])


def test_offset_skips_the_beginning_of_each_file(wave_paths, waves):
    source = FileSource(rows_of(wave_paths), 22050, 2000, offset=1000 / 22050)
    np.testing.assert_array_equal(read(source, ROWS), waves[ROWS, 1000:3000])
    late = FileSource(rows_of(wave_paths), 22050, 2000, offset=10.0)
    assert late.lengths.tolist() == [0] * 6
    with pytest.warns(UserWarning, match="a clip of it begins at 10 s"):
        silent = read(late, ROWS)
    np.testing.assert_array_equal(silent, np.zeros((3, 2000)))


def test_file_is_decoded_once_while_it_is_cached(files, decoded):
    read(files, np.array([3, 0]))
    assert len(decoded) == 2
    read(files, ROWS)
    assert len(decoded) == 2


def test_part_of_a_file_that_is_not_cached_is_decoded_alone(files, waves, monkeypatch):
    from sktag.clips import _file_source

    decode, asked = _file_source.decode, []

    def counting(*args, **kwargs):
        samples = decode(*args, **kwargs)
        asked.append(len(samples))
        return samples

    monkeypatch.setattr(_file_source, "decode", counting)
    DECODED.clear()
    with config_context(decode_cache_bytes=0):
        found = read(files, np.array([2]), starts=np.array([700]), width=50)
    assert asked == [50]
    np.testing.assert_allclose(found[0], waves[2, 700:750], atol=1e-6)


def test_changed_file_is_read_anew_and_changes_the_hash(tmp_path, waves):
    path = str(tmp_path / "a.wav")
    soundfile.write(path, waves[0], 22050, subtype="FLOAT")
    source = FileSource(rows_of([path]), 22050, 5512)
    before = joblib.hash(source)
    np.testing.assert_array_equal(read(source, np.array([0]))[0], waves[0])
    soundfile.write(path, waves[1, :5000], 22050, subtype="FLOAT")
    assert joblib.hash(source) != before
    again = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(read(again, np.array([0]))[0, :5000], waves[1, :5000])
    assert again.lengths.tolist() == [5000]


@pytest.mark.parametrize("on_error", ["raise", "warn", "silence"])
def test_file_that_is_gone_raises_warns_or_is_silent(tmp_path, waves, on_error):
    path = tmp_path / "a.wav"
    soundfile.write(path, waves[0], 22050, subtype="FLOAT")
    source = FileSource(rows_of([str(path)]), 22050, 5512, on_error=on_error)
    path.unlink()
    if on_error == "raise":
        with pytest.raises(FileNotFoundError, match=r"a\.wav"):
            read(source, np.array([0]))
        return
    if on_error == "warn":
        with pytest.warns(UserWarning, match=r"a\.wav.*[Ss]ilence"):
            found = read(source, np.array([0]))
    else:
        found = read(source, np.array([0]))
    np.testing.assert_array_equal(found, np.zeros((1, 5512)))


@pytest.mark.parametrize("n_threads", [1, 4])
def test_number_of_threads_changes_no_number(wave_paths, waves, n_threads):
    source = FileSource(rows_of(wave_paths), 22050, 5512, n_threads=n_threads)
    np.testing.assert_array_equal(read(source, ROWS), waves[ROWS])
    other = FileSource(rows_of(wave_paths), 22050, 5512)
    assert joblib.hash(source) == joblib.hash(other)
