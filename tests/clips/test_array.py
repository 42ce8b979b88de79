"""The lazy array, against numpy as the oracle."""

import base64
import io
import os
import pickle
import re
import subprocess
import sys

import joblib
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.model_selection import KFold, train_test_split
from sklearn.utils import _safe_indexing

from sktag import ClipArray, MelSpectrogram, RawWave, config_context
from sktag.ops import ScaleOp, SpectrogramOp
from sktag.testing import InaccessibleError, inaccessible_clips

N, N_SAMPLES = 7, 50
ARRAY = np.random.default_rng(0).uniform(-1, 1, (N, N_SAMPLES)).astype(np.float32)
TWICE = ScaleOp(np.array([0.0]), np.array([0.5]))  # divides by a half
row_keys = st.one_of(
    st.slices(N),
    st.lists(st.integers(-N, N - 1), max_size=12),
    hnp.arrays(np.int64, st.integers(0, 12), elements=st.integers(-N, N - 1)),
    hnp.arrays(bool, N),
    st.lists(st.booleans(), min_size=N, max_size=N),
)


def clips():
    return ClipArray.from_array(ARRAY, sample_rate=8000).map(TWICE)


@given(row_keys)
def test_index_of_rows_equals_numpy(key):
    got = clips()[key]
    assert isinstance(got, ClipArray)
    expected = 2 * ARRAY[key]
    assert got.shape == expected.shape
    np.testing.assert_array_equal(np.asarray(got), expected)


@given(row_keys, row_keys)
def test_index_of_an_index_equals_numpy(first, second):
    expected = ARRAY[first]
    try:
        expected = expected[second]
    except IndexError:
        with pytest.raises(IndexError):
            clips()[first][second]
        return
    np.testing.assert_array_equal(np.asarray(clips()[first][second]), 2 * expected)


@given(st.integers(-2 * N, 2 * N))
def test_index_of_one_row_equals_numpy(i):
    if -N <= i < N:
        row = clips()[i]
        assert isinstance(row, np.ndarray)
        np.testing.assert_array_equal(row, 2 * ARRAY[i])
    else:
        with pytest.raises(IndexError, match=str(N)):
            clips()[i]


@given(row_keys)
def test_index_with_ellipsis_is_an_index_of_rows(key):
    np.testing.assert_array_equal(np.asarray(clips()[key, ...]), 2 * ARRAY[key])
    np.testing.assert_array_equal(np.asarray(clips()[key, :]), 2 * ARRAY[key])


@pytest.mark.parametrize("key", [(0, 1), (slice(None), 3), None, [[0, 1], [2, 3]]])
def test_index_of_more_than_rows_raises(key):
    with pytest.raises(IndexError, match="rows only"):
        clips()[key]


@pytest.mark.parametrize("key", [1.5, "a", [True, False], [N]])
def test_index_that_numpy_refuses_raises(key):
    with pytest.raises(IndexError):
        clips()[key]


def test_iteration_computes_each_row():
    rows = list(clips())
    assert len(rows) == N
    np.testing.assert_array_equal(np.stack(rows), 2 * ARRAY)


def test_scikit_learn_splits_without_reading():
    X = inaccessible_clips(ARRAY, sample_rate=8000)
    y = np.arange(N)
    train, test, _, _ = train_test_split(X, y, test_size=2, random_state=0)
    assert (len(train), len(test)) == (5, 2)
    assert [len(_safe_indexing(X, test)) for _, test in KFold(3).split(X)] == [3, 2, 2]
    with pytest.raises(InaccessibleError):
        np.asarray(train)


def test_shape_and_metadata_are_told_without_reading():
    X = inaccessible_clips(np.zeros((3, 2000)), sample_rate=8000)
    mel = MelSpectrogram(n_mels=10, n_fft=512, hop_length=100).fit_transform(X)
    assert (mel.shape, mel.ndim, len(mel), mel.dtype) == (
        (3, 10, 21),
        3,
        3,
        np.float32,
    )
    assert (mel.kind, mel.sample_rate, mel.hop_length) == ("spectrogram", 8000, 100)
    assert mel.frequencies.shape == (10,)
    assert mel.lengths.tolist() == [21, 21, 21]
    assert mel.nbytes == 3 * 10 * 21 * 4
    assert (X.kind, X.hop_length, X.frequencies) == ("wave", None, None)


def test_map_leaves_the_clips_it_is_called_on():
    X = ClipArray.from_array(ARRAY)
    assert X.map(TWICE).ops == (TWICE,)
    assert X.ops == ()


def test_map_of_an_op_for_the_other_kind_names_the_step():
    spectrograms = ClipArray.from_array(np.zeros((2, 3, 4)))
    with pytest.raises(ValueError, match=r"takes waves, but .* spectrograms"):
        spectrograms.map(SpectrogramOp(8000))


def test_from_array_of_one_dimension_names_the_remedy():
    with pytest.raises(ValueError, match=r"np\.newaxis"):
        ClipArray.from_array(np.zeros(5))


def test_asarray_takes_dtype_and_copy():
    assert np.asarray(clips(), dtype=np.float64).dtype == np.float64
    assert np.array(clips(), copy=True).dtype == np.float32
    with pytest.raises(ValueError, match="recipe"):
        np.array(clips(), copy=False)


def test_asarray_above_the_limit_warns():
    with (
        config_context(materialize_warn_bytes=100),
        pytest.warns(UserWarning, match="Keep clips lazy"),
    ):
        np.asarray(clips())


def test_batches_of_many_long_clips_are_small():
    X = ClipArray.from_array(np.zeros((100, 2**20), dtype=np.float32))
    sizes = [len(batch) for batch in X.batches()]
    assert max(sizes) * 4 * 2**20 <= 2**25
    assert sum(sizes) == 100


def test_pickle_of_a_slice_holds_only_its_rows():
    X = ClipArray.from_array(np.zeros((1000, 100), dtype=np.float32))
    assert len(pickle.dumps(X[:2])) < 2000
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(clips()[2:4])), clips()[2:4]
    )


def test_hash_tells_rows_and_ops_apart():
    hashes = [joblib.hash(X) for X in (clips(), clips()[1:], clips().map(TWICE))]
    assert len(set(hashes)) == 3
    assert joblib.hash(clips()[[0, 1]]) == joblib.hash(clips()[:2])


def test_hash_is_equal_in_another_process(wave_paths):
    mel = MelSpectrogram(n_mels=10, window=np.hanning(2048))
    X = mel.fit_transform(RawWave().fit_transform(wave_paths))
    code = (
        "import sys, joblib, numpy as np; from sktag import *; "
        "mel = MelSpectrogram(n_mels=10, window=np.hanning(2048)); "
        "X = mel.fit_transform(RawWave().fit_transform(sys.argv[1:])); "
        "print(joblib.hash(X))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, *wave_paths],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == joblib.hash(X)


def write(path, wave):
    soundfile.write(path, wave, 22050, subtype="FLOAT")


def test_hash_changes_when_a_file_does(tmp_path, waves):
    path = tmp_path / "a.wav"
    write(path, waves[0])
    X = RawWave().fit_transform([path])
    before = joblib.hash(X)
    assert joblib.hash(X) == before
    write(path, waves[1][:3000])
    assert joblib.hash(X) != before


def test_unpickled_clips_of_a_changed_file_are_probed_anew(tmp_path, waves):
    path = tmp_path / "a.wav"
    write(path, waves[0])
    pickled = pickle.dumps(RawWave().fit_transform([path]))
    write(path, waves[1][:3000])
    X = pickle.loads(pickled)
    assert X.lengths.tolist() == [3000]
    assert X.shape == (1, 3000)
    np.testing.assert_array_equal(X[0][:3000], waves[1][:3000])


def test_overwritten_file_is_not_served_from_the_cache(tmp_path, waves):
    path = tmp_path / "a.wav"
    write(path, waves[0])
    X = RawWave().fit_transform([path])
    np.testing.assert_array_equal(X[0], waves[0])
    write(path, waves[1])
    os.utime(path, ns=(1, 1))  # file systems may not tell two writes apart
    np.testing.assert_array_equal(X[0], waves[1])


def test_deleted_file_pickles_and_raises_when_read(tmp_path, waves):
    path = tmp_path / "a.wav"
    write(path, waves[0])
    X = RawWave().fit_transform([path])
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"a\.wav"):
        pickle.loads(pickle.dumps(X))[0]


def test_repr_shows_source_steps_and_shape_without_reading():
    X = inaccessible_clips(np.zeros((3, 4000)), sample_rate=8000)
    mel = MelSpectrogram(n_mels=10, n_fft=512).fit_transform(X)
    assert repr(mel) == (
        "<ClipArray 3 arrays at 8000 Hz -> MelSpectrogram(sr=8000, n_fft=512, "
        "n_mels=10) -> spectrogram (3, 10, 8)>"
    )
    html = mel._repr_html_()
    assert "3 arrays at 8000 Hz" in html
    assert "(3, 10, 8)" in html


def test_listen_makes_a_player_for_each_of_the_first_clips(wave_paths):
    X = RawWave().fit_transform(wave_paths)
    players = MelSpectrogram().fit_transform(X).listen(2)
    assert players._repr_html_().count("src='data:audio/mpeg;base64,") == 2
    assert repr(players) == "<2 audio players of 0.25 s, shown in a notebook>"
    np.testing.assert_array_equal(players.waves, np.asarray(X[:2]))


@pytest.mark.parametrize("rate", [5000, 16000, 22050])
def test_listen_plays_the_waveform_compressed_where_mp3_has_the_rate(rate):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * rate) / rate)
    html = ClipArray.from_array(tone[None], sample_rate=rate).listen()._repr_html_()
    data = re.search("base64,([^']*)'", html)[1]
    wave, found_rate = soundfile.read(io.BytesIO(base64.b64decode(data)))
    assert (found_rate, len(wave)) == (rate, len(tone))
    # 16 bits of WAV are exact to 2^-16; MP3 was measured to be within 0.013 here.
    np.testing.assert_allclose(
        wave[rate // 2 : -rate // 2], tone[rate // 2 : -rate // 2], atol=0.03
    )


def test_listen_to_spectrograms_in_memory_raises():
    with pytest.raises(ValueError, match="no waveform"):
        ClipArray.from_array(np.zeros((2, 3, 4))).listen()
