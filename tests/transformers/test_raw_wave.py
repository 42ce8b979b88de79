"""RawWave: what it takes, what it gives, what it says of bad input."""

import errno
import pickle
import warnings
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sktag import ClipArray, CNN1DClassifier, MelSpectrogram, RawWave, Standardizer
from sktag.clips._cache import DECODED
from sktag.testing import clip_transformer_checks

# "eager in, eager out" is the law that RawWave is a documented exception of.
LAWS = [
    (name, check)
    for name, check in clip_transformer_checks(RawWave(duration=0.1, normalize="peak"))
    if name != "eager_equals_lazy"
]


@pytest.mark.parametrize(("name", "check"), LAWS)
def test_laws_hold(name, check):
    check()


def test_array_gives_the_same_clips_as_files(waves, wave_paths):
    raw = RawWave(duration=0.1, normalize="peak")
    of_array, of_files = (raw.fit(X).transform(X) for X in (waves, wave_paths))
    assert isinstance(of_array, ClipArray)
    np.testing.assert_array_equal(np.asarray(of_array), np.asarray(of_files))


@pytest.mark.parametrize(
    "make",
    [
        list,
        tuple,
        np.array,
        lambda paths: np.array(paths, dtype=object),
        lambda paths: [Path(p) for p in paths],
        lambda paths: np.array(paths)[:, np.newaxis],
        pd.Series,
        lambda paths: pd.Series(paths, index=range(10, 10 + len(paths))),
        lambda paths: pd.DataFrame({"file": paths}),
    ],
)
def test_paths_in_any_container_are_read(make, wave_paths, waves):
    clips = RawWave().fit_transform(make(wave_paths))
    np.testing.assert_array_equal(np.asarray(clips), waves)
    assert clips.sample_rate == 22050


@pytest.mark.parametrize("make", [np.array, pd.DataFrame, lambda w: list(w)])
def test_waveforms_in_any_container_are_taken(make, waves):
    clips = RawWave().fit_transform(make(waves))
    np.testing.assert_array_equal(np.asarray(clips), waves)


@pytest.mark.parametrize("pad", ["zero", "repeat"])
@pytest.mark.parametrize("offset", [0.0, 0.001])
@pytest.mark.parametrize("as_files", [True, False])
def test_unequal_lengths_are_cut_and_padded(pad, offset, as_files, tmp_path):
    waves = [np.arange(1, n + 1, dtype=np.float32) / 100 for n in (10, 40, 25)]
    X = waves
    if as_files:
        X = [str(tmp_path / f"{i}.wav") for i in range(3)]
        for path, wave in zip(X, waves, strict=True):
            soundfile.write(path, wave, 1000, subtype="FLOAT")
    clips = RawWave(sr=1000, duration=0.03, offset=offset, pad=pad).fit_transform(X)
    start = round(offset * 1000)
    for row, wave in zip(np.asarray(clips), waves, strict=True):
        kept = wave[start : start + 30]
        expected = (
            np.resize(kept, 30)
            if pad == "repeat"
            else np.pad(kept, (0, 30 - len(kept)))
        )
        np.testing.assert_array_equal(row, expected)
    assert clips.lengths.tolist() == [10 - start, 30, 25 - start]


def test_duration_is_learned_from_the_longest_clip(tmp_path):
    paths = [tmp_path / "short.wav", tmp_path / "long.wav"]
    for path, n in zip(paths, (8000, 12001), strict=True):
        soundfile.write(path, np.zeros(n), 8000)
    raw = RawWave(sr=4000).fit(paths)
    assert raw.duration_ == 6001 / 4000  # 12001 samples, halved and rounded up
    assert raw.transform(paths[:1]).shape == (1, 4000)  # nothing of it is padding
    assert raw.transform(paths).lengths.tolist() == [4000, 6001]
    assert raw.duration is None


def test_duration_far_beyond_the_median_warns():
    waves = [np.zeros(100), np.zeros(100), np.zeros(401)]
    with pytest.warns(UserWarning, match=r"most would be padding\. Set duration"):
        RawWave(sr=100).fit(waves)


def test_resampled_file_equals_soxr(tmp_path):
    import soxr

    wave = np.random.default_rng(0).uniform(-1, 1, 44100).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", wave, 44100, subtype="FLOAT")
    (row,) = RawWave(sr=22050).fit_transform([tmp_path / "a.wav"])
    # Block-wise and whole resampling differ in rounding only.
    np.testing.assert_allclose(row, soxr.resample(wave, 44100, 22050), atol=1e-5)


@pytest.mark.parametrize("normalize", ["peak", "rms"])
def test_normalize_brings_clips_to_one_level(normalize, waves):
    scaled = waves * np.linspace(0.1, 1, len(waves))[:, np.newaxis]
    out = np.asarray(RawWave(normalize=normalize).fit_transform(scaled))
    level = np.abs(out).max(axis=1)
    if normalize == "rms":
        level = 10 * np.sqrt((out**2).mean(axis=1))
    np.testing.assert_allclose(level, 1, rtol=1e-5)


def test_clips_of_another_raw_wave_are_cropped_lazily(wave_paths, waves):
    clips = RawWave().fit_transform(wave_paths)
    out = RawWave(duration=0.1).fit_transform(clips)
    np.testing.assert_array_equal(np.asarray(out), waves[:, :2205])


def test_clips_at_another_rate_raise(wave_paths):
    clips = RawWave().fit_transform(wave_paths)
    with pytest.raises(ValueError, match=r"RawWave\(sr=16000\) .* clips at 22050"):
        RawWave(sr=16000).fit(clips)


def test_arrays_of_another_length_raise_at_transform(waves):
    raw = RawWave().fit(waves)
    with pytest.raises(
        ValueError, match="5511 features, but RawWave is expecting 5512"
    ):
        raw.transform(waves[:, 1:])


def test_fit_on_paths_after_arrays_forgets_the_number_of_samples(waves, wave_paths):
    raw = RawWave().fit(waves).fit(wave_paths)
    assert not hasattr(raw, "n_features_in_")


def test_on_error_puts_silence_in_place_of_a_bad_file(wave_paths, waves, tmp_path):
    bad = tmp_path / "bad.wav"
    bad.write_text("no sound")
    X = [wave_paths[0], bad, wave_paths[1], tmp_path / "missing.wav"]
    with pytest.warns(UserWarning, match=r"(?s)2 failed, 2 ok.*bad\.wav") as caught:
        raw = RawWave(on_error="warn").fit(X)
    assert len(caught) == 1
    assert raw.failed_.tolist() == [1, 3]
    silent = RawWave(on_error="silence").fit(X)
    clips = silent.transform(X)
    assert silent.failed_.tolist() == [1, 3]
    out = np.asarray(clips)
    np.testing.assert_array_equal(out[[0, 2]], waves[:2])
    assert (out[[1, 3]] == 0).all()
    assert clips.lengths.tolist() == [5512, 0, 5512, 0]
    assert joblib.hash(pickle.loads(pickle.dumps(clips))) == joblib.hash(clips)


def test_file_that_breaks_after_its_header_obeys_on_error(wave_paths, tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(Path(wave_paths[0]).read_bytes())
    raising = RawWave().fit_transform([path])
    warning = RawWave(on_error="warn").fit_transform([path])
    path.write_text("no sound any more")
    with pytest.raises(ValueError, match=r"a\.wav"):
        raising[0]
    with pytest.warns(UserWarning, match=r"a\.wav.*silence"):
        assert (warning[0] == 0).all()


def test_odd_files_of_a_whole_pipeline_are_reported_once(wave_paths, tmp_path):
    cut = []
    for i, path in enumerate(wave_paths[:3]):
        cut.append(tmp_path / f"{i}.wav")
        cut[-1].write_bytes(Path(path).read_bytes()[:-4000])
    X = [*cut, *wave_paths[3:]]
    pipe = make_pipeline(
        RawWave(duration=0.2),
        MelSpectrogram(n_mels=16, n_fft=512),
        Standardizer(),
        CNN1DClassifier(max_epochs=1, random_state=0),
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pipe.fit(X, list("ab" * 3)).predict(X)
    reports = [str(w.message) for w in caught if "repaired" in str(w.message)]
    assert len(reports) == 1
    assert reports[0].startswith("Files: 3 repaired, 3 ok.\n")
    assert all(repr(str(path)) in reports[0] for path in cut)


def test_failures_of_prediction_are_rows_of_the_last_x(wave_paths, tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(Path(wave_paths[0]).read_bytes())
    raw = RawWave(duration=0.1, on_error="silence").fit(wave_paths)
    clips = raw.transform([*wave_paths, path])
    path.write_text("no sound any more")
    np.asarray(clips)
    assert raw.failed_.tolist() == [len(wave_paths)]
    raw.transform(wave_paths)
    assert raw.failed_.tolist() == []


def test_too_many_open_files_is_no_fault_of_a_file(wave_paths, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.EMFILE, "Too many open files")

    raw = RawWave(duration=0.1, on_error="silence").fit(wave_paths)
    monkeypatch.setattr("sktag.clips._file_source.decode", full)
    DECODED.clear()
    with pytest.raises(OSError, match="Too many open files"):
        np.asarray(raw.transform(wave_paths))


@pytest.mark.parametrize(
    ("write", "error", "message"),
    [
        (None, FileNotFoundError, "no such sound file"),
        (lambda p: p.mkdir(), IsADirectoryError, "give the files in it"),
        (lambda p: p.touch(), ValueError, "is empty"),
        (lambda p: p.write_text("lyrics"), ValueError, "convert others"),
        (
            lambda p: soundfile.write(p, np.zeros(0), 8000),
            ValueError,
            "holds no sound",
        ),
    ],
    ids=["missing", "directory", "empty", "text", "no frames"],
)
def test_bad_file_raises_and_is_named(write, error, message, wave_paths, tmp_path):
    path = tmp_path / "bad.wav"
    if write is not None:
        write(path)
    with pytest.raises(error, match=message) as caught:
        RawWave().fit([wave_paths[0], path])
    assert "bad.wav" in str(caught.value)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ("song.wav", r"give a list of paths, \['song.wav'\]"),
        (["song.wav", None], "row 1 is None"),
        (np.zeros(5), "Expected 2D array"),
        (np.zeros((2, 3, 4)), "waveforms .* X has 3 dimensions"),
        (np.array([[0.0, np.nan]]), "contains NaN"),
        ([np.zeros(3), np.array([0.0, np.inf])], r"X\[1\] contains infinity"),
        ([], "Expected 2D array|0 sample"),
    ],
)
def test_bad_x_raises(X, message):
    with pytest.raises(ValueError, match=message):
        RawWave().fit(X)


@pytest.mark.parametrize("as_files", [True, False])
def test_clips_that_end_before_the_offset_are_silence(as_files, tmp_path):
    X = [np.full(n, 0.5, dtype=np.float32) for n in (100, 300)]
    if as_files:
        for i, wave in enumerate(X):
            soundfile.write(tmp_path / f"{i}.wav", wave, 100, subtype="FLOAT")
        X = [tmp_path / "0.wav", tmp_path / "1.wav"]
    clips = RawWave(sr=100, offset=2).fit_transform(X)
    assert clips.lengths.tolist() == [0, 100]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert np.asarray(clips).tolist() == [[0.0] * 100, [0.5] * 100]
    said = [str(w.message) for w in caught]
    assert ["ends at 1 s, and a clip of it begins at 2 s" in m for m in said] == (
        [True] * as_files
    )


def test_number_of_threads_is_not_in_the_identity(wave_paths):
    hashes = {
        joblib.hash(RawWave(sr, n_jobs=n).fit_transform(wave_paths))
        for sr, n in ((22050, 1), (np.int64(22050), 2))
    }
    assert len(hashes) == 1


def test_no_readable_file_raises_even_without_on_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        RawWave(on_error="silence").fit([tmp_path / "a.wav"])


def test_offset_beyond_every_clip_raises(waves):
    with pytest.raises(ValueError, match="lower offset"):
        RawWave(offset=10).fit(waves)


def test_duration_of_less_than_a_sample_raises(waves):
    with pytest.raises(ValueError, match="durations are in seconds"):
        RawWave(duration=1e-6).fit(waves)


def test_parameters_are_kept_and_cloned(tmp_path):
    raw = RawWave(8000, duration=2, memory=tmp_path, pad="repeat", n_jobs=2)
    assert clone(raw).get_params() == raw.get_params()


@pytest.mark.parametrize(
    "changed",
    [
        {"sr": 16000},
        {"duration": 0.1},
        {"offset": 0.1},
        {"pad": "repeat"},
        {"normalize": "peak"},
    ],
)
@pytest.mark.parametrize("given", ["paths", "waves", "clips"])
def test_parameters_that_shape_clips_hold_until_the_next_fit(
    given, changed, wave_paths, waves
):
    X = {
        "paths": wave_paths,
        "waves": [*waves[:5], waves[5, :100]],
        "clips": ClipArray.from_array(waves, sample_rate=22050),
    }[given]
    raw = RawWave(duration=0.3).fit(X)
    before = np.asarray(raw.transform(X))
    raw.set_params(**changed)
    np.testing.assert_array_equal(np.asarray(raw.transform(X)), before)


def test_on_error_and_memory_act_at_once(wave_paths, tmp_path):
    bad = tmp_path / "bad.wav"
    bad.write_text("no sound")
    raw = RawWave(duration=0.1).fit(wave_paths)
    raw.set_params(on_error="silence", memory=tmp_path / "kept")
    clips = raw.transform([bad, *wave_paths])
    assert not np.asarray(clips)[0].any()
    assert raw.failed_.tolist() == [0]
    assert len(list((tmp_path / "kept").glob("*.npy"))) == len(wave_paths)
    assert pickle.loads(pickle.dumps(raw)).failed_.tolist() == [0]


@pytest.mark.parametrize("sr", [16, True, 99, 10**6])
def test_rate_that_is_none_is_refused_at_fit(sr, waves):
    with pytest.raises(ValueError, match=rf"sr={sr} must be a sample rate in Hz"):
        RawWave(sr).fit(waves)


def test_duration_in_another_unit_warns_at_fit(wave_paths):
    with pytest.warns(UserWarning, match=r"duration=100000 s makes each clip 8\.2 GiB"):
        RawWave(duration=1e5).fit(wave_paths)


@pytest.mark.parametrize("on_error", ["warn", "silence"])
def test_folder_that_cannot_be_written_is_no_fault_of_the_file(
    on_error, wave_paths, tmp_path
):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    raw = RawWave(duration=0.1, memory=blocked, on_error=on_error)
    with pytest.raises(RuntimeError, match=r"memory='.*file' cannot be written"):
        np.asarray(raw.fit_transform(wave_paths))


def test_single_bad_file_of_a_prediction_obeys_on_error(wave_paths, tmp_path):
    raw = RawWave(duration=0.1, on_error="silence").fit(wave_paths)
    clips = raw.transform([tmp_path / "missing.wav"])
    assert not np.asarray(clips).any()
    assert raw.failed_.tolist() == [0]
