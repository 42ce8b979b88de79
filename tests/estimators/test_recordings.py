"""Recordings of any length: nothing is dropped, and no answer depends on others."""

import tracemalloc

import numpy as np
import pytest
import soundfile
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from sktag import (
    CQT,
    ClipArray,
    CNN1DClassifier,
    CNN2DClassifier,
    MelSpectrogram,
    RawWave,
    SampleCNNClassifier,
    Standardizer,
    config_context,
)

SR = 8000
SECONDS = (1.0, 1.0, 1.3, 0.4, 5.7, 2.0, 1.0, 3.217)
LABELS = np.array(list("abababab"))
QUICK = {"n_filters": 4, "max_epochs": 2, "random_state": 0}
# Tests train for as few steps as they need.
pytestmark = [
    pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning"),
    pytest.mark.filterwarnings("ignore:the longest clip has:UserWarning"),
]


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    rng = np.random.default_rng(0)
    paths = [str(folder / f"{i}.wav") for i in range(len(SECONDS))]
    for i, (path, seconds) in enumerate(zip(paths, SECONDS, strict=True)):
        t = np.arange(round(seconds * SR)) / SR
        wave = 0.3 * np.sin(2 * np.pi * 200 * (1 + i % 2) * (1 + t / 9) * t)
        noise = rng.uniform(-0.1, 0.1, len(t))
        soundfile.write(path, wave + noise, SR, subtype="FLOAT")
    return paths


PIPES = {
    "mel": [
        ("mel", MelSpectrogram(n_mels=16, n_fft=256, hop_length=128)),
        ("scale", Standardizer()),
        ("clf", CNN2DClassifier(chunk_size=60, **QUICK)),
    ],
    # Ops that need the whole clip.
    "loudness of the clip": [
        ("mel", MelSpectrogram(n_mels=16, n_fft=256, hop_length=128, top_db=40)),
        ("scale", Standardizer(axis="clip")),
        ("clf", CNN1DClassifier(chunk_size=60, **QUICK)),
    ],
    "reflected ends": [
        (
            "mel",
            MelSpectrogram(n_mels=16, n_fft=256, hop_length=128, pad_mode="reflect"),
        ),
        ("clf", CNN1DClassifier(chunk_size=60, **QUICK)),
    ],
    "cqt": [
        ("cqt", CQT(n_bins=24, hop_length=128, fmin=200)),
        ("clf", CNN1DClassifier(chunk_size=60, **QUICK)),
    ],
    "samples": [("clf", SampleCNNClassifier(chunk_size=3**7, **QUICK))],
    "whole clips": [
        ("mel", MelSpectrogram(n_mels=16, n_fft=256, hop_length=128)),
        ("clf", CNN1DClassifier(**QUICK)),
    ],
}


@pytest.fixture(params=PIPES)
def pipe(request, paths):
    """A pipeline that was fitted on clips of about a second."""
    wave = RawWave(SR, normalize="rms" if request.param == "samples" else None)
    short = [p for p, s in zip(paths, SECONDS, strict=True) if s < 1.5]
    y = [label for label, s in zip(LABELS, SECONDS, strict=True) if s < 1.5]
    steps = [("wave", wave), *PIPES[request.param]]
    return clone(Pipeline(steps)).fit(short, y)


def test_answer_for_a_recording_does_not_depend_on_its_neighbours(pipe, paths):
    together = pipe.predict_proba(paths)
    for i, path in enumerate(paths):
        # Batches of other sizes, in float32.
        np.testing.assert_allclose(
            pipe.predict_proba([path])[0], together[i], atol=1e-5
        )
    some = [4, 2, 7]
    np.testing.assert_allclose(
        pipe.predict_proba([paths[i] for i in some]), together[some], atol=1e-5
    )


def test_windows_cover_a_recording_by_its_own_length(pipe, paths):
    clips = pipe[:-1].transform(paths)
    window = pipe[-1]._fitted.window
    taggram, times = pipe[-1].predict_taggram(clips, return_times=True)
    counts = [len(some) for some in taggram]
    assert counts == [-(-max(n, window) // window) for n in clips.lengths]
    for some, end in zip(times, SECONDS, strict=True):
        assert len(some) == 1 or (some < end).all()


def test_whole_recordings_train_chunks_of_their_own_sound(paths):
    pipe = Pipeline([("wave", RawWave(SR)), *PIPES["mel"]])
    for cache_bytes in (2**30, 0):
        pipe.set_params(clf__cache_bytes=cache_bytes).fit(paths, LABELS)
        if cache_bytes:
            cached = pipe.predict_proba(paths)
    # Chunks from a cache, and chunks computed from parts of files.
    np.testing.assert_allclose(pipe.predict_proba(paths), cached, atol=1e-3)


def test_recordings_that_are_longer_than_those_of_fit_are_not_cropped(pipe, paths):
    raw = pipe["wave"]
    clips = raw.transform([paths[4]])
    assert clips.shape == (1, round(5.7 * SR))
    assert raw.duration_ == pytest.approx(1.3)


def test_prediction_equals_that_of_an_array_of_the_same_samples(paths):
    wave, _ = soundfile.read(paths[4], dtype="float32")
    pipe = Pipeline([("wave", RawWave(SR)), *PIPES["mel"]]).fit(paths, LABELS)
    of_array = pipe.predict_proba([wave, wave[:100]])
    np.testing.assert_allclose(of_array[0], pipe.predict_proba(paths)[4], atol=1e-5)


def test_validation_clips_of_any_length_are_scored_in_windows(paths):
    pipe = Pipeline([("wave", RawWave(SR)), *PIPES["mel"]])
    pipe.fit(paths, LABELS, clf__X_val=paths, clf__y_val=LABELS)
    clf = pipe[-1]
    loss = clf.history_[-1]["valid_accuracy"]
    assert loss == pytest.approx((pipe.predict(paths) == LABELS).mean())


def test_statistics_of_standardizer_leave_padding_out(paths):
    clips = RawWave(SR).fit_transform(paths)
    every = np.concatenate([soundfile.read(path)[0] for path in paths])
    scale = Standardizer().fit(clips)
    assert scale.mean_ == pytest.approx(every.mean(), abs=1e-6)
    assert scale.scale_ == pytest.approx(every.std(), rel=1e-5)


def test_long_recording_beside_short_ones_needs_the_memory_of_the_long_one(tmp_path):
    rng = np.random.default_rng(0)
    paths = [str(tmp_path / f"{i}.wav") for i in range(40)]
    for i, path in enumerate(paths):
        n = 40 * 60 * 1000 if i == 7 else 1000
        soundfile.write(path, rng.uniform(-1, 1, n), 1000, subtype="FLOAT")
    clf = SampleCNNClassifier(chunk_size=729, **QUICK)
    pipe = Pipeline([("wave", RawWave(1000)), ("clf", clf)])
    pipe.fit(paths[:6], list("ababab"))

    def peak(X):
        tracemalloc.start()
        with config_context(decode_cache_bytes=0):
            pipe.predict_proba(X)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    alone, beside = peak(paths[7:8]), peak(paths)
    # The others have 1/60 of its samples; numpy's arrays are traced, torch's are not.
    assert beside < 1.3 * alone


def test_hop_of_a_taggram_is_in_seconds_and_the_last_window_ends_with_the_clip(paths):
    pipe = Pipeline([("wave", RawWave(SR)), *PIPES["mel"]]).fit(paths, LABELS)
    clips = pipe[:-1].transform([paths[4]])
    taggram, times = pipe[-1].predict_taggram(clips, hop=0.5, return_times=True)
    hop = round(0.5 * SR / 128)
    starts = [*range(0, clips.shape[-1] - 60, hop), clips.shape[-1] - 60]
    np.testing.assert_allclose(times[0] * SR / 128 - 30, starts)
    x = np.asarray(clips)
    for start, found in zip(starts, taggram[0], strict=True):
        cut = ClipArray.from_array(x[..., start : start + 60])
        expected = pipe[-1].predict_proba(cut)[0]
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("hop", [0, -1.0, np.inf, np.nan])
def test_hop_that_is_no_positive_number_is_an_error(paths, hop):
    pipe = Pipeline([("wave", RawWave(SR)), *PIPES["mel"]]).fit(paths, LABELS)
    clips = pipe[:-1].transform(paths)
    with pytest.raises(ValueError, match=r"hop=.* must be a positive number of sec"):
        pipe[-1].predict_taggram(clips, hop=hop)


def test_consecutive_windows_leave_the_remainder_out(paths):
    pipe = Pipeline([("wave", RawWave(SR)), *PIPES["mel"]]).fit(paths, LABELS)
    pipe.set_params(clf__chunk_layout="consecutive")
    clips = pipe[:-1].transform([paths[4]])
    _, times = pipe[-1].predict_taggram(clips, return_times=True)
    n = clips.shape[-1] // 60
    np.testing.assert_allclose(times[0] * SR / 128, 60 * np.arange(n) + 30)
