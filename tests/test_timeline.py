"""predict_timeline: rows, times and names; one recording at a time; its errors."""

import sys

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import SVC

from sktag import (
    CQT,
    Augmenter,
    ClipArray,
    CNN1DClassifier,
    CNN1DRegressor,
    CNN2DClassifier,
    MelSpectrogram,
    RawWave,
    SampleCNNClassifier,
    Standardizer,
    Summarizer,
    _timeline,
    config_context,
    predict_timeline,
)
from sktag._timeline import steps_of

SR, HOP = 8000, 128
SECONDS = (1.0, 1.0, 1.0, 1.0, 7.3, 0.4)
TAGS = pd.DataFrame({"low": [1, 0, 1, 0], "noisy": [1, 1, 0, 0]})
QUICK = {"n_filters": 4, "max_epochs": 2, "random_state": 0}
MEL = MelSpectrogram(n_mels=16, n_fft=256, hop_length=HOP)
# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    rng = np.random.default_rng(0)
    paths = [str(folder / f"{i}.wav") for i in range(len(SECONDS))]
    for i, (path, seconds) in enumerate(zip(paths, SECONDS, strict=True)):
        t = np.arange(round(seconds * SR)) / SR
        wave = 0.3 * np.sin(2 * np.pi * 200 * (1 + i % 2) * (1 + t / 9) * t)
        noise = rng.uniform(-0.1, 0.1, len(t)) * (i in (0, 1, 4))
        soundfile.write(path, wave + noise, SR, subtype="FLOAT")
    return paths


def fitted(paths, *steps, y=TAGS, **wave):
    names = [type(step).__name__ for step in steps]
    wave = RawWave(SR, **{"duration": 1.0, **wave})
    pipe = Pipeline([("wave", wave), *zip(names, steps, strict=True)])
    return pipe.fit(paths[:4], y)


@pytest.fixture(scope="module")
def pipe(paths):
    clf = CNN2DClassifier(chunk_size=30, **QUICK)
    return fitted(paths, MEL, Standardizer(), Augmenter(), clf)


def whole_clips(pipe, path):
    """Return a recording, nothing cropped, after all steps but the last."""
    wave, _ = soundfile.read(path, dtype="float32")
    clips = ClipArray.from_array(wave[np.newaxis], sample_rate=SR)
    return pipe[1:-1].transform(clips) if len(pipe) > 2 else clips


def loop(pipe, path, window, hop):
    """Return starts and answers of windows, in columns, cut by hand one by one."""
    x = np.asarray(whole_clips(pipe, path))
    room = x.shape[-1] - window
    starts = [*range(0, room, hop), room]
    with torch.no_grad():
        cuts = [torch.from_numpy(x[..., start : start + window]) for start in starts]
        # Predictions go by four, and torch's kernels differ by the size of a batch.
        fours = [cut.repeat(4, *[1] * (cut.ndim - 1)) for cut in cuts]
        answers = [pipe[-1].module_(four).sigmoid()[0].numpy() for four in fours]
    return np.array(starts), np.array(answers)


def test_timeline_has_a_row_per_window_in_seconds_and_a_column_per_tag(pipe, paths):
    timeline = predict_timeline(pipe, [paths[4], paths[5]])
    assert timeline.index.names == ["file", "start", "end"]
    assert list(timeline.columns) == ["low", "noisy"]
    assert timeline.index.unique("file").to_list() == [paths[4], paths[5]]
    long = timeline.loc[paths[4]].index.to_frame(index=False)
    window, hop = 30 * HOP / SR, 15 * HOP / SR
    assert long["start"][0] == 0
    np.testing.assert_allclose(np.diff(long["start"])[:-1], hop)
    np.testing.assert_allclose((long["end"] - long["start"])[:-1], window)
    # The last frame reaches beyond the end.
    assert long["end"].iloc[-1] == 7.3
    assert timeline.loc[paths[5]].index.to_list() == [(0.0, 0.4)]


RECIPES = {
    "mel": [MEL, Standardizer(), CNN2DClassifier(chunk_size=30, **QUICK)],
    "cqt": [
        CQT(n_bins=24, hop_length=HOP, fmin=200),
        CNN1DClassifier(chunk_size=30, **QUICK),
    ],
    "samples": [SampleCNNClassifier(chunk_size=3**7, **QUICK)],
    "loudness of the whole recording": [
        MelSpectrogram(n_mels=16, n_fft=256, hop_length=HOP, top_db=40),
        Standardizer(axis="clip"),
        CNN1DClassifier(chunk_size=30, **QUICK),
    ],
}


@pytest.mark.parametrize("span", [60.0, 1.0, 1e-9])
@pytest.mark.parametrize("recipe", RECIPES)
def test_timeline_equals_a_loop_over_windows_of_the_recording(
    paths, recipe, span, monkeypatch
):
    monkeypatch.setattr(_timeline, "_SPAN_SECONDS", span)
    pipe = fitted(paths, *RECIPES[recipe])
    width = pipe[-1]._fitted.window
    starts, expected = loop(pipe, paths[4], width, round(width / 2))
    for cache in (2**30, 0):
        with config_context(decode_cache_bytes=cache):
            timeline = predict_timeline(pipe, [paths[4]])
        columns = 1 if recipe == "samples" else HOP
        found = timeline.index.get_level_values("start")
        np.testing.assert_allclose(found * SR / columns, starts)
        # A constant-Q transform of a part differs by its own precision, which decibels
        # of silence would magnify: this recording has none.
        atol = 1e-5 if recipe == "cqt" else 1e-6
        np.testing.assert_allclose(timeline.to_numpy(), expected, rtol=0, atol=atol)


@pytest.mark.parametrize(("window", "hop"), [(0.8, 0.1), (0.3, None)])
def test_window_and_hop_are_in_seconds(pipe, paths, window, hop):
    timeline = predict_timeline(pipe, [paths[4]], window=window, hop=hop)
    width = round(window * SR / HOP)
    step = round(width / 2 if hop is None else hop * SR / HOP)
    starts, expected = loop(pipe, paths[4], width, step)
    found = timeline.index.get_level_values("start")
    np.testing.assert_allclose(found * SR / HOP, starts)
    np.testing.assert_allclose(timeline.to_numpy(), expected, rtol=0, atol=1e-6)


def test_recording_that_is_shorter_than_a_window_is_one_window(pipe, paths):
    timeline = predict_timeline(pipe, [paths[4], paths[5]], window=20.0)
    assert timeline.index.to_list() == [(paths[4], 0.0, 7.3), (paths[5], 0.0, 0.4)]


def test_rows_of_a_recording_do_not_depend_on_the_others(pipe, paths):
    alone = predict_timeline(pipe, [paths[4]])
    among = predict_timeline(pipe, [*paths, *paths[:4]]).loc[[paths[4]]]
    pd.testing.assert_frame_equal(among, alone, check_exact=True)


def test_times_are_those_of_the_file_after_an_offset(paths):
    clf = CNN2DClassifier(chunk_size=30, **QUICK)
    pipe = fitted(paths, MEL, clf, offset=0.1, duration=0.8)
    table = pd.DataFrame(
        {"path": [paths[4], paths[4]], "offset": [0, 3], "duration": [np.nan, 1.5]}
    )
    timeline = predict_timeline(pipe, table)
    starts = timeline.index.get_level_values("start")
    ends = timeline.index.get_level_values("end")
    second = int(np.flatnonzero(np.diff(starts) < 0)[0]) + 1
    assert starts[0] == pytest.approx(0.1)
    assert ends[second - 1] == pytest.approx(7.3)
    assert starts[second] == pytest.approx(3.1)
    assert ends[-1] == pytest.approx(4.5)


def test_last_window_ends_with_the_sound_of_clips_after_an_offset(paths):
    clf = CNN2DClassifier(chunk_size=30, **QUICK)
    pipe = fitted(paths, MEL, clf, offset=0.1, duration=0.8)
    wave, _ = soundfile.read(paths[4], dtype="float32")
    expected = predict_timeline(pipe, [paths[4]])
    clips = ClipArray.from_array(wave[np.newaxis], sample_rate=SR)
    for X in (clips, wave[np.newaxis], [wave]):
        timeline = predict_timeline(pipe, X)
        assert timeline.index[-1][2] == pytest.approx(7.3)
        np.testing.assert_allclose(timeline.to_numpy(), expected.to_numpy(), atol=1e-6)


def test_containers_of_paths_give_the_paths_as_given(pipe, paths, monkeypatch):
    expected = predict_timeline(pipe, paths[:2]).to_numpy()
    monkeypatch.chdir(paths[0].rpartition("/")[0])
    names = ["0.wav", "1.wav"]
    for X in (
        names,
        np.array(names),
        pd.Series(names, index=[5, 6]),
        pd.DataFrame({"path": names}),
        np.array(names, dtype=object)[:, np.newaxis],
        [name.encode() for name in names],
    ):
        timeline = predict_timeline(pipe, X)
        assert timeline.index.unique("file").to_list() == names
        np.testing.assert_array_equal(timeline.to_numpy(), expected)


def test_clips_and_arrays_are_numbered(pipe, paths):
    clips = pipe[:-1].transform(paths[:3])
    waves = [soundfile.read(path, dtype="float32")[0] for path in paths[:3]]
    expected = predict_timeline(pipe, paths[:3])
    for timeline in (
        predict_timeline(pipe[-1], clips),
        predict_timeline(pipe, waves),
        predict_timeline(pipe[1:], ClipArray.from_array(waves, sample_rate=SR)),
    ):
        assert timeline.index.unique("file").to_list() == [0, 1, 2]
        np.testing.assert_allclose(timeline.to_numpy(), expected.to_numpy(), atol=1e-6)


def test_no_recordings_give_an_empty_timeline(pipe, paths):
    timeline = predict_timeline(pipe[-1], pipe[:-1].transform(paths[:2])[:0])
    assert timeline.shape == (0, 2)
    assert timeline.index.names == ["file", "start", "end"]


def test_search_and_nested_pipeline_answer_as_their_best_pipeline(paths):
    inner = make_pipeline(RawWave(SR, duration=1.0), "passthrough", MEL)
    clf = CNN1DClassifier(chunk_size=30, **QUICK)
    pipe = make_pipeline(inner, clf)
    search = GridSearchCV(pipe, {"cnn1dclassifier__lr": [1e-3]}, cv=2)
    search.fit(paths[:4], list("abba"))
    timeline = predict_timeline(search, [paths[4]])
    assert list(timeline.columns) == ["a", "b"]
    np.testing.assert_allclose(timeline.sum(axis=1), 1)
    flat = [step for step in steps_of(search) if isinstance(step, RawWave)]
    assert len(flat) == 1
    pd.testing.assert_frame_equal(
        timeline, predict_timeline(search.best_estimator_, [paths[4]])
    )


def test_columns_are_numbers_where_outputs_have_no_names(paths):
    clf = CNN1DClassifier(chunk_size=30, **QUICK)
    of_tags = predict_timeline(fitted(paths, MEL, clf, y=TAGS.to_numpy()), [paths[4]])
    assert list(of_tags.columns) == [0, 1]
    reg = CNN1DRegressor(chunk_size=30, **QUICK)
    y = np.array([100.0, 200.0, 100.0, 200.0])
    pipe = fitted(paths, MEL, reg, y=y)
    values = predict_timeline(pipe, [paths[0]], window=1.008)
    assert list(values.columns) == [0]
    # The window is the clip of training, which predict sees in chunks of 30 frames.
    assert 50 < values.to_numpy().mean() < 250
    named = fitted(paths, MEL, reg, y=pd.DataFrame({"hz": y, "db": -y}))
    assert list(predict_timeline(named, [paths[0]]).columns) == ["hz", "db"]


def test_memory_is_that_of_a_span_not_of_the_recording(paths, tmp_path, monkeypatch):
    sizes = []
    compute = _timeline.compute_columns

    def noted(clip, first, last, **kwargs):
        sizes.append(last - first)
        return compute(clip, first, last, **kwargs)

    monkeypatch.setattr(_timeline, "compute_columns", noted)
    clf = SampleCNNClassifier(chunk_size=729, **QUICK)
    pipe = fitted(paths, clf)
    path = str(tmp_path / "long.wav")
    soundfile.write(path, np.zeros(SR * 200), SR)
    with config_context(decode_cache_bytes=0):
        predict_timeline(pipe, [path])
    assert len(sizes) == 4
    assert max(sizes) <= 60 * SR + 729


def test_bar_counts_windows_and_waits_a_few_seconds(pipe, paths, monkeypatch):
    bars = []
    progress_bar = _timeline.progress_bar

    def noted(**kwargs):
        bars.append((progress_bar(**kwargs), kwargs))
        return bars[-1][0]

    monkeypatch.setattr(_timeline, "progress_bar", noted)
    timeline = predict_timeline(pipe, paths)
    [(_, kwargs)] = bars
    assert kwargs["total"] == len(timeline)
    assert kwargs["delay"] >= 2


@pytest.mark.parametrize("name", ["window", "hop"])
@pytest.mark.parametrize("value", [0, -1.0, np.inf, np.nan, "2", True])
def test_window_or_hop_that_is_no_positive_number_is_an_error(pipe, paths, name, value):
    rule = f"^{name}={value!r} must be a positive number of seconds, or None"
    with pytest.raises(ValueError, match=rule):
        predict_timeline(pipe, paths, **{name: value})


class Fixed(torch.nn.Module):
    """A network for 30 frames of 16 bins."""

    def __init__(self, input_shape, n_outputs):
        super().__init__()
        self.output = torch.nn.Linear(16 * 30, n_outputs)

    def forward(self, x):
        return self.output(x.flatten(1))


def test_window_that_the_network_does_not_take_is_an_error(paths):
    clf = CNN2DClassifier(Fixed, chunk_size=30, max_epochs=2, random_state=0)
    pipe = fitted(paths, MEL, clf)
    assert len(predict_timeline(pipe, [paths[4]], window=0.48, hop=0.2))
    rule = r"^window=1 s: .* trained on windows of 0\.48 s .* Pass window=None"
    with pytest.raises(ValueError, match=rule):
        predict_timeline(pipe, [paths[4]], window=1)
    clf = SampleCNNClassifier(chunk_size=3**7, **QUICK)
    with pytest.raises(ValueError, match=r"^window=0\.001 s: "):
        predict_timeline(fitted(paths, clf), [paths[4]], window=0.001)


def test_unfitted_and_foreign_estimators_are_errors(pipe, paths):
    unfitted = make_pipeline(RawWave(SR), MEL, CNN1DClassifier())
    with pytest.raises(NotFittedError, match="CNN1DClassifier"):
        predict_timeline(unfitted, paths)
    with pytest.raises(NotFittedError, match="GridSearchCV"):
        predict_timeline(GridSearchCV(unfitted, {}), paths)
    svc = make_pipeline(RawWave(SR, duration=1.0), MEL, Summarizer(), SVC())
    svc.fit(paths[:4], list("abab"))
    with pytest.raises(TypeError, match=r"need an estimator of sktag.*str is none"):
        predict_timeline("pipe", paths)
    with pytest.raises(TypeError, match=r"Pipeline that ends with one.*SVC is none"):
        predict_timeline(svc, paths)


def test_wrong_recordings_are_errors_that_name_the_remedy(pipe, paths):
    with pytest.raises(ValueError, match=r"is one path: give a list of paths"):
        predict_timeline(pipe, paths[4])
    with pytest.raises(ValueError, match=r"put RawWave\(\) before it"):
        predict_timeline(pipe[1:], paths)
    with pytest.raises(FileNotFoundError, match=r"gone\.wav"):
        predict_timeline(pipe, [paths[0], "gone.wav"])
    arrays = np.zeros((2, 16, 99), dtype=np.float32)
    clf = CNN1DClassifier(**QUICK).fit(arrays, list("ab"))
    with pytest.raises(ValueError, match="sample rate or the hop_length"):
        predict_timeline(clf, arrays)


def test_missing_pandas_is_an_error_that_says_how_to_install_it(
    pipe, paths, monkeypatch
):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r'pip install "sktag\[pandas\]"'):
        predict_timeline(pipe, paths)


def test_files_that_cannot_be_read_have_no_answers(paths, tmp_path):
    bad = tmp_path / "bad.wav"
    bad.write_text("no sound")
    pipe = fitted(paths, MEL, CNN2DClassifier(**QUICK), on_error="silence")
    timeline = predict_timeline(pipe, [paths[0], str(bad)])
    assert timeline.loc[str(bad)].isna().all(axis=None)
    assert timeline.loc[paths[0]].notna().all(axis=None)
