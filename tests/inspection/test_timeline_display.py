"""TimelineDisplay: tags over time below the spectrogram, and its errors."""

import pickle
import sys
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import soundfile
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline

from sktag import (
    ClipArray,
    CNN1DClassifier,
    CNN1DRegressor,
    MelSpectrogram,
    RawWave,
    SampleCNNClassifier,
    Standardizer,
    predict_timeline,
)
from sktag.inspection import TimelineDisplay

SR, HOP = 8000, 128
SECONDS = 7.3
QUICK = {"n_filters": 4, "max_epochs": 2, "random_state": 0}
MEL = MelSpectrogram(n_mels=16, n_fft=256, hop_length=HOP)
# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def waves():
    return np.random.default_rng(0).uniform(-0.5, 0.5, (4, SR)).astype(np.float32)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("recordings") / "a.wav")
    wave = np.random.default_rng(1).uniform(-0.5, 0.5, round(SECONDS * SR))
    soundfile.write(path, wave, SR, subtype="FLOAT")
    return path


@pytest.fixture(scope="module")
def pipe(waves):
    clf = CNN1DClassifier(chunk_size=30, **QUICK)
    steps = [("wave", RawWave(SR)), ("mel", MEL), ("scale", Standardizer())]
    Y = pd.DataFrame({"low": [1, 0, 1, 0], "noisy": [1, 1, 0, 0]})
    return Pipeline([*steps, ("clf", clf)]).fit(list(waves), Y)


def shown(mesh):
    return np.asarray(mesh.get_array()).reshape(mesh.get_coordinates().shape[0] - 1, -1)


def edges(mesh):
    return mesh.get_coordinates()[0, :, 0]


def test_strongest_tags_by_peak_are_drawn_in_their_order_and_named():
    rng = np.random.default_rng(0)
    values = rng.uniform(0, 0.5, (30, 50))
    names = [f"tag {i}" for i in range(50)]
    for i in (40, 3, 17):
        values[5, i] = 0.9
    starts = np.arange(30.0)
    display = TimelineDisplay(values, starts, starts + 2, names).plot(n_tags=3)
    assert display.tags_ == ["tag 3", "tag 17", "tag 40"]
    ticks = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert ticks == display.tags_
    assert_allclose(shown(display.mesh_), values[:, [3, 17, 40]].T)
    assert display.ax_.get_ylim() == (2.5, -0.5)  # the first is above
    assert display.mesh_.get_clim() == (0, 1)
    assert display.colorbar_.ax.get_ylabel() == "probability"
    assert display.figure_.axes[0] is display.ax_
    assert display.spectrogram_ax_ is None


def test_names_of_fifty_tags_do_not_overlap():
    values = np.random.default_rng(0).uniform(0, 1, (30, 50))
    starts = np.arange(30.0)
    names = [f"tag {i}" for i in range(50)]
    display = TimelineDisplay(values, starts, starts + 2, names).plot(n_tags=None)
    assert len(display.tags_) == 50
    display.figure_.canvas.draw()
    boxes = [text.get_window_extent() for text in display.ax_.get_yticklabels()]
    assert all(a.y0 > b.y1 for a, b in pairwise(boxes))


def test_windows_meet_halfway_between_their_middles_and_cover_the_recording():
    starts, ends = np.array([0.0, 1.0, 1.6]), np.array([2.0, 3.0, 3.6])
    display = TimelineDisplay([[0.1], [0.2], [0.3]], starts, ends, ["a"]).plot()
    assert_allclose(edges(display.mesh_), [0, 1.5, 2.3, 3.6])
    assert display.ax_.get_xlim() == (0, 3.6)
    assert display.ax_.get_xlabel() == "time in s"


def test_stretches_without_a_window_stay_empty():
    starts, ends = np.array([0.0, 3.0, 4.0]), np.array([2.0, 5.0, 6.0])
    display = TimelineDisplay([[0.1], [0.2], [0.3]], starts, ends, ["a"]).plot()
    assert_allclose(edges(display.mesh_), [0, 2, 3, 4.5, 6])
    assert_allclose(shown(display.mesh_)[0], [0.1, np.nan, 0.2, 0.3])


def test_timeline_of_a_path_has_the_spectrogram_of_the_front_end_above(pipe, path):
    display = TimelineDisplay.from_estimator(pipe, path)
    timeline = predict_timeline(pipe, [path])
    assert_allclose(shown(display.mesh_), timeline.to_numpy().T)
    assert display.tags_ == ["low", "noisy"]
    above, below = display.spectrogram_ax_, display.ax_
    assert display.figure_.axes[:2] == [above, below]
    assert above.get_position().y0 > below.get_position().y1
    assert above.get_xlim() == below.get_xlim() == (0, SECONDS)
    assert (above.get_xlabel(), below.get_xlabel()) == ("", "time in s")
    # Before scaling: decibels of 16 bands.
    spectrogram = display.spectrogram
    assert spectrogram.unit == "dB"
    wave, _ = soundfile.read(path, dtype="float32")
    clips = ClipArray.from_array(wave[np.newaxis], sample_rate=SR)
    expected = np.asarray(MEL.fit_transform(clips))[0]
    # Computed in float32.
    assert_allclose(spectrogram.spectrogram, expected, atol=1e-3)


def test_frames_of_a_long_recording_are_averaged(pipe, path, monkeypatch):
    from sktag.inspection import _timeline

    whole = TimelineDisplay.from_estimator(pipe, path).spectrogram
    monkeypatch.setattr(_timeline, "_MOST_FRAMES", 100)
    monkeypatch.setattr(_timeline, "_BLOCK", 7)
    mean = TimelineDisplay.from_estimator(pipe, path).spectrogram
    n_frames = whole.spectrogram.shape[1]
    each = -(-n_frames // 100)
    assert mean.spectrogram.shape == (16, -(-n_frames // each))
    cut = whole.spectrogram[:, : n_frames // each * each]
    expected = cut.reshape(16, -1, each).mean(axis=2)
    # Blocks of frames are computed apart, in float32.
    assert_allclose(mean.spectrogram[:, : expected.shape[1]], expected, atol=1e-3)
    rest = whole.spectrogram[:, n_frames // each * each :]
    assert rest.size
    assert_allclose(mean.spectrogram[:, -1], rest.mean(axis=1), atol=1e-3)
    assert mean.hop_length == each * HOP
    assert mean.start == pytest.approx((each - 1) / 2 * HOP / SR)


def test_front_end_that_needs_the_whole_recording_is_drawn_from_it(waves, path):
    mel = MelSpectrogram(n_mels=16, n_fft=256, hop_length=HOP, top_db=5)
    clf = CNN1DClassifier(chunk_size=30, **QUICK)
    pipe = Pipeline([("wave", RawWave(SR)), ("mel", mel), ("clf", clf)])
    display = TimelineDisplay.from_estimator(pipe.fit(list(waves), list("abab")), path)
    values = display.spectrogram.spectrogram
    assert values.min() == pytest.approx(values.max() - 5, abs=1e-3)
    assert display.spectrogram.unit == "dB"


def test_network_on_waveforms_is_shown_with_a_mel_spectrogram(waves, path):
    clf = SampleCNNClassifier(chunk_size=3**7, **QUICK)
    pipe = Pipeline([("wave", RawWave(SR, offset=0.3)), ("clf", clf)])
    display = TimelineDisplay.from_estimator(pipe.fit(list(waves), list("abab")), path)
    assert display.tags_ == ["a", "b"]
    assert display.spectrogram_ax_.get_ylabel() == "Hz (mel scale)"
    # Seconds in the file.
    assert display.spectrogram_ax_.get_xlim() == pytest.approx((0.3, SECONDS))
    assert display.spectrogram.start == pytest.approx(0.3)


def test_numbers_of_a_regressor_have_colours_of_their_own_range(waves, path):
    reg = CNN1DRegressor(chunk_size=30, **QUICK)
    pipe = Pipeline([("wave", RawWave(SR)), ("mel", MEL), ("reg", reg)])
    pipe.fit(list(waves), [100.0, 200.0, 100.0, 200.0])
    display = TimelineDisplay.from_estimator(pipe, path)
    assert display.colorbar_.ax.get_ylabel() == "value"
    values = shown(display.mesh_)
    assert display.mesh_.get_clim() == (values.min(), values.max())


def test_one_of_several_recordings_is_chosen_by_its_index(pipe, path, waves):
    of_path = TimelineDisplay.from_estimator(pipe, path)
    short = str(path).replace("a.wav", "short.wav")
    soundfile.write(short, waves[0], SR)
    for X, index in (([short, path], 1), ([short, path], -1), ([path], 0)):
        display = TimelineDisplay.from_estimator(pipe, X, index)
        assert_allclose(shown(display.mesh_), shown(of_path.mesh_))
    display = TimelineDisplay.from_estimator(pipe, waves, 2, window=0.5, hop=0.25)
    assert len(edges(display.mesh_)) == 4
    assert edges(display.mesh_)[-1] == pytest.approx(1.0)


def test_recording_of_a_timeline_is_drawn_with_or_without_clips(pipe, path, waves):
    timeline = predict_timeline(pipe, waves)
    part = timeline.loc[[2]]
    display = TimelineDisplay.from_timeline(timeline, 2, colorbar=False)
    assert_allclose(shown(display.mesh_), part.to_numpy().T)
    assert display.spectrogram_ax_ is None
    assert display.colorbar_ is None
    clips = pipe[:-1].transform(waves)
    clips = ClipArray.from_array(waves, sample_rate=SR)[[2]]
    display = TimelineDisplay.from_timeline(part, clips=clips)
    assert display.spectrogram_ax_.get_xlim() == display.ax_.get_xlim() == (0, 1)


def test_axes_of_the_user_are_used(pipe, path):
    _, axes = plt.subplots(2)
    display = TimelineDisplay.from_estimator(pipe, path, ax=axes)
    assert [display.spectrogram_ax_, display.ax_] == list(axes)
    timeline = predict_timeline(pipe, [path])
    _, ax = plt.subplots()
    assert TimelineDisplay.from_timeline(timeline, ax=ax).ax_ is ax
    with pytest.raises(ValueError, match="ax has 1 axes, but 2 are needed"):
        TimelineDisplay.from_estimator(pipe, path, ax=ax)


def test_figure_can_be_pickled_and_saved(pipe, path, tmp_path):
    display = TimelineDisplay.from_estimator(pipe, path)
    figure = pickle.loads(pickle.dumps(display.figure_))
    figure.savefig(tmp_path / "timeline.png")
    assert (tmp_path / "timeline.png").stat().st_size > 5000


def test_wrong_arguments_are_errors_that_name_the_remedy(pipe, path, waves):
    timeline = predict_timeline(pipe, waves)
    with pytest.raises(ValueError, match=r"file=None is none of.*pass one of 0, 1, 2"):
        TimelineDisplay.from_timeline(timeline)
    with pytest.raises(ValueError, match="file=9 is none of"):
        TimelineDisplay.from_timeline(timeline, 9)
    with pytest.raises(TypeError, match="takes a DataFrame as predict_timeline"):
        TimelineDisplay.from_timeline(timeline.to_numpy())
    with pytest.raises(TypeError, match="clips is a ndarray: pass a ClipArray"):
        TimelineDisplay.from_timeline(timeline, 0, clips=waves[:1])
    clips = ClipArray.from_array(waves, sample_rate=SR)
    with pytest.raises(ValueError, match=r"clips has 4 clips.*pass clips\[\[i\]\]"):
        TimelineDisplay.from_timeline(timeline, 0, clips=clips)
    with pytest.raises(ValueError, match="n_tags=0 must be 1 or more"):
        TimelineDisplay.from_timeline(timeline, 0, n_tags=0)
    with pytest.raises(ValueError, match="no windows"):
        TimelineDisplay(np.empty((0, 2)), [], [], ["a", "b"]).plot()
    with pytest.raises(IndexError, match="index=1 is out of range"):
        TimelineDisplay.from_estimator(pipe, [path], 1)
    with pytest.raises(NotFittedError):
        TimelineDisplay.from_estimator(Pipeline([("clf", CNN1DClassifier())]), [path])


def test_missing_matplotlib_is_an_error_that_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'pip install "sktag\[plot\]"'):
        TimelineDisplay([[0.5]], [0.0], [1.0], ["a"]).plot()
