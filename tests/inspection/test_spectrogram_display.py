"""SpectrogramDisplay: values, axes, ticks and units, and its errors."""

import pickle
import subprocess
import sys
from dataclasses import dataclass

import librosa
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sktag import ClipArray, CNN2DClassifier, MelSpectrogram, RawWave, Standardizer
from sktag.inspection import SpectrogramDisplay
from sktag.ops import MelSpectrogramOp, Op, ScaleOp, SpectrogramOp
from sktag.testing import InaccessibleError, inaccessible_clips, make_waves

SR = 22050
NOTES = librosa.cqt_frequencies(84, fmin=librosa.note_to_hz("C1"))
SIZES = [(2.2, 1.8), (4, 3), (10, 6)]  # inches; from a small panel to a full screen


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture
def noise():
    """Return three waveforms of one second at 22,050 Hz."""
    return ClipArray.from_array(make_waves(3, SR), sample_rate=SR)


def tone(hz, duration=1.0):
    time = np.arange(round(SR * duration)) / SR
    wave = 0.5 * np.sin(2 * np.pi * hz * time)
    return ClipArray.from_array(wave[np.newaxis], sample_rate=SR)


def note_clips(n_bins=84, n_frames=44, first=0):
    """Return spectrograms with geometric frequencies, like those of a CQT."""
    array = np.random.default_rng(0).normal(size=(1, n_bins, n_frames))
    frequencies = NOTES[first : first + n_bins]
    return ClipArray.from_array(
        array, sample_rate=SR, hop_length=512, frequencies=frequencies
    )


def clips_of(kind, duration=2.0):
    """Return spectrograms of one kind."""
    noise = ClipArray.from_array(make_waves(1, round(SR * duration)), sample_rate=SR)
    ops = {
        "mel": MelSpectrogramOp(SR),
        "htk": MelSpectrogramOp(SR, htk=True),
        "musicnn": MelSpectrogramOp(
            SR, n_fft=512, hop_length=256, n_mels=96, compression="log1p"
        ),
        "linear": SpectrogramOp(SR),
    }
    if kind == "notes":
        return note_clips(n_frames=max(2, int(duration * SR / 512)))
    if kind == "unknown":
        return ClipArray.from_array(np.random.default_rng(0).normal(size=(1, 40, 50)))
    return noise.map(ops[kind])


def tick_labels(axis):
    """Return the visible tick labels of an axis after drawing."""
    low, high = sorted(axis.get_view_interval())
    return [
        label
        for tick in axis.get_major_ticks()
        for label in (tick.label1, tick.label2)
        if label.get_visible() and label.get_text() and low <= tick.get_loc() <= high
    ]


def labels_of(axis):
    axis.get_figure().canvas.draw()
    return [label.get_text() for label in tick_labels(axis)]


def is_within(box, whole):
    corners = [box.min, box.max]
    return all(whole.contains(x, y) for x, y in corners)


def edges(display):
    """Return the edges of the drawn frames and bins, in data coordinates."""
    corners = display.mesh_.get_coordinates()
    return corners[0, :, 0], corners[:, 0, 1]


def brightest(display):
    """Return the position of the brightest pixel, in data coordinates."""
    figure, ax = display.figure_, display.ax_
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[::-1, :, :3].sum(axis=2)
    box = ax.get_window_extent()
    x0, x1 = int(box.x0) + 3, int(box.x1) - 3
    y0, y1 = int(box.y0) + 3, int(box.y1) - 3
    inside = pixels[y0:y1, x0:x1]
    row = inside.mean(axis=1).argmax() + y0 + 0.5
    column = inside.mean(axis=0).argmax() + x0 + 0.5
    return ax.transData.inverted().transform((column, row))


def test_mesh_holds_the_numbers_of_the_chosen_clip(noise):
    clips = MelSpectrogram().fit_transform(noise)
    display = SpectrogramDisplay.from_clips(clips, 1)
    assert_array_equal(display.mesh_.get_array(), clips[1])
    assert_array_equal(display.spectrogram, clips[1])
    assert not np.array_equal(clips[0], clips[1])


def test_negative_index_counts_from_the_end(noise):
    clips = MelSpectrogram().fit_transform(noise)
    display = SpectrogramDisplay.from_clips(clips, np.int64(-1))
    assert_array_equal(display.mesh_.get_array(), clips[2])


def test_clips_others_than_the_chosen_are_not_decoded(wave_paths, decoded):
    clips = MelSpectrogram().fit_transform(RawWave().fit_transform(wave_paths))
    SpectrogramDisplay.from_clips(clips, 4)
    assert decoded == [wave_paths[4]]


@pytest.mark.parametrize("kind", ["mel", "htk", "linear", "notes"])
def test_time_axis_is_in_seconds_with_frames_about_their_centres(kind):
    clips = clips_of(kind)
    display = SpectrogramDisplay.from_clips(clips)
    times, _ = edges(display)
    hop = 512 / SR
    assert_allclose(times, (np.arange(clips.shape[2] + 1) - 0.5) * hop)
    assert_allclose(display.ax_.get_xlim(), (times[0], times[-1]))
    assert display.ax_.get_xlabel() == "time in s"


@pytest.mark.parametrize("center", [True, False])
def test_click_is_drawn_at_its_time(center):
    wave = np.zeros((1, SR), dtype=np.float32)
    wave[0, round(0.6 * SR)] = 1
    op = SpectrogramOp(SR, hop_length=256, center=center, compression=None)
    display = SpectrogramDisplay.from_clips(
        ClipArray.from_array(wave, sample_rate=SR).map(op)
    )
    # A Hann window peaks at its centre: the frame with the nearest centre is loudest.
    assert abs(brightest(display)[0] - 0.6) < 256 / SR
    times, _ = edges(display)
    frame = display.mesh_.get_array().sum(axis=0).argmax()
    assert times[frame] <= 0.6 <= times[frame + 1]


@pytest.mark.parametrize("y_axis", ["hz", "log", "mel", "note"])
@pytest.mark.parametrize("hz", [440.0, 3000.0])
def test_tone_is_bright_at_its_frequency_on_every_axis(y_axis, hz):
    clips = tone(hz).map(SpectrogramOp(SR))
    _, ax = plt.subplots(figsize=(6, 8), layout="constrained")
    display = SpectrogramDisplay.from_clips(clips, ax=ax, y_axis=y_axis)
    _, bins = edges(display)
    row = display.mesh_.get_array().mean(axis=1).argmax()
    assert bins[row] <= hz <= bins[row + 1]
    # On a linear axis a pixel spans about 16 Hz, a bin 11 Hz.
    assert abs(brightest(display)[1] - hz) < 33


@pytest.mark.parametrize("htk", [False, True])
def test_tone_is_bright_at_its_frequency_with_mel_bands(htk):
    display = SpectrogramDisplay.from_clips(
        tone(1000).map(MelSpectrogramOp(SR, n_mels=64, htk=htk))
    )
    _, bins = edges(display)
    row = display.mesh_.get_array().mean(axis=1).argmax()
    assert bins[row] <= 1000 <= bins[row + 1]
    assert bins[row] <= brightest(display)[1] <= bins[row + 1]


@pytest.mark.parametrize(
    ("kind", "label"),
    [
        ("mel", "Hz (mel scale)"),
        ("htk", "Hz (mel scale)"),
        ("linear", "Hz"),
        ("notes", "note"),
        ("unknown", "bin"),
    ],
)
def test_default_axis_makes_all_bins_equally_tall(kind, label):
    display = SpectrogramDisplay.from_clips(clips_of(kind))
    display.figure_.canvas.draw()
    assert display.ax_.get_ylabel() == label
    _, bins = edges(display)
    corners = np.column_stack([np.zeros(len(bins)), bins])
    heights = np.diff(display.ax_.transData.transform(corners)[:, 1])
    assert_allclose(heights, heights.mean(), rtol=1e-3)
    box = display.ax_.get_window_extent()
    assert_allclose(heights.sum(), box.height, rtol=1e-6)


@pytest.mark.parametrize(
    ("kind", "size", "expected"),
    [
        ("mel", (4, 3), ["500", "1000", "2000", "5000", "10000"]),
        ("linear", (4, 3), ["0", "2000", "4000", "6000", "8000", "10000"]),
        ("notes", (4, 3), ["C1", "C2", "C3", "C4", "C5", "C6", "C7"]),
        ("notes", (2.2, 1.4), ["C2", "C5"]),
        ("unknown", (4, 3), ["0", "5", "10", "15", "20", "25", "30", "35"]),
    ],
)
def test_tick_labels_of_the_frequency_axis_are_round(kind, size, expected):
    _, ax = plt.subplots(figsize=size, layout="constrained")
    SpectrogramDisplay.from_clips(clips_of(kind), ax=ax)
    assert labels_of(ax.yaxis) == expected


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("duration", [0.25, 10.0])
@pytest.mark.parametrize("kind", ["mel", "musicnn", "linear", "notes", "unknown"])
def test_labels_neither_overlap_nor_are_cut_off(kind, duration, size):
    _, ax = plt.subplots(figsize=size, layout="constrained")
    display = SpectrogramDisplay.from_clips(clips_of(kind, duration), ax=ax)
    figure, bar = display.figure_, display.colorbar_.ax
    figure.canvas.draw()
    for axis in (ax.xaxis, ax.yaxis, bar.yaxis):
        boxes = [label.get_window_extent() for label in tick_labels(axis)]
        assert len(boxes) >= 2
        for i, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[:i])
            assert is_within(box, figure.bbox)
    names = [ax.xaxis.label, ax.yaxis.label, bar.yaxis.label]
    # musicnn's unit is longer than the height of the smallest figure.
    for name in names[: 2 if size == SIZES[0] else 3]:
        if name.get_text():
            assert is_within(name.get_window_extent(), figure.bbox)


def test_ticks_follow_a_zoom_into_one_octave():
    display = SpectrogramDisplay.from_clips(note_clips())
    display.ax_.set_ylim(librosa.note_to_hz("B3"), librosa.note_to_hz("C5"))
    labels = labels_of(display.ax_.yaxis)
    assert {"C4", "C♯4", "C5"} <= set(labels)
    display = SpectrogramDisplay.from_clips(clips_of("mel"))
    display.ax_.set_ylim(600, 900)
    assert {"600", "700", "800", "900"} <= set(labels_of(display.ax_.yaxis))


def test_note_ticks_are_where_the_notes_are():
    display = SpectrogramDisplay.from_clips(note_clips())
    ticks = display.ax_.get_yticks()
    assert_allclose(ticks[3], 261.6256, rtol=1e-6)
    rows = NOTES[[12 * i for i in range(7)]]
    assert_allclose(ticks, rows, rtol=1e-6)


def test_time_axis_of_more_than_a_minute_counts_minutes():
    clips = note_clips(n_bins=12, n_frames=round(100 * SR / 512))
    _, ax = plt.subplots(figsize=(6, 3), layout="constrained")
    SpectrogramDisplay.from_clips(clips, ax=ax)
    assert ax.get_xlabel() == "time in min:s"
    labels = labels_of(ax.xaxis)
    assert labels[0] == "0:00"
    assert {"0:30", "1:00", "1:30"} <= set(labels)


def test_axes_count_frames_and_bins_where_rate_and_frequencies_are_unknown():
    display = SpectrogramDisplay.from_clips(clips_of("unknown"))
    assert display.ax_.get_xlabel() == "frame"
    assert display.ax_.get_xlim() == (-0.5, 49.5)
    assert display.ax_.get_ylim() == (-0.5, 39.5)


@pytest.mark.parametrize(
    ("y_axis", "label"),
    [
        ("hz", "Hz"),
        ("log", "Hz (log scale)"),
        ("mel", "Hz (mel scale)"),
        ("note", "note"),
        ("bin", "bin"),
    ],
)
def test_y_axis_asked_for_is_drawn(y_axis, label):
    display = SpectrogramDisplay.from_clips(clips_of("linear"), y_axis=y_axis)
    assert display.ax_.get_ylabel() == label
    assert len(labels_of(display.ax_.yaxis)) >= 3
    low, high = display.ax_.get_ylim()
    top = 1024.5 if y_axis == "bin" else SR / 2
    assert_allclose(high, top, rtol=1e-2)
    # A logarithmic axis cannot show 0 Hz; it starts below the second bin.
    assert low == pytest.approx(SR / 2048 / np.sqrt(2)) or y_axis not in ("log", "note")


@pytest.mark.parametrize(
    ("params", "unit"),
    [
        ({}, "dB"),
        ({"power": 1.0}, "dB"),
        ({"compression": None}, "power"),
        ({"compression": None, "power": 1.0}, "magnitude"),
        ({"compression": None, "power": 0.5}, "magnitude^0.5"),
        ({"compression": "log1p"}, "log10(1 + 10000 power)"),
        ({"compression": "pcen"}, "PCEN"),
    ],
)
def test_colour_bar_names_the_unit(noise, params, unit):
    clips = MelSpectrogram(n_mels=32, **params).fit_transform(noise)
    display = SpectrogramDisplay.from_clips(clips)
    assert display.colorbar_.ax.get_ylabel() == unit


@pytest.mark.parametrize("axis", ["bin", "global", "clip"])
def test_colour_bar_of_standardised_clips_says_so(noise, axis):
    mel = MelSpectrogram(n_mels=32).fit_transform(noise)
    clips = Standardizer(axis=axis).fit_transform(mel)
    display = SpectrogramDisplay.from_clips(clips)
    assert display.colorbar_.ax.get_ylabel() == "standardised"
    assert display.ax_.get_ylabel() == "Hz (mel scale)"


def test_colour_bar_of_standardisation_undone_is_in_db_again(noise):
    mel = MelSpectrogram(n_mels=32).fit_transform(noise)
    scale = Standardizer().fit(mel)
    clips = scale.inverse_transform(scale.transform(mel))
    display = SpectrogramDisplay.from_clips(clips)
    assert display.colorbar_.ax.get_ylabel() == "dB"


def test_colour_bar_of_standardised_waveforms_is_that_of_the_front_end(noise):
    op = ScaleOp(np.zeros(1), np.ones(1))
    display = SpectrogramDisplay.from_clips(noise.map(op).map(MelSpectrogramOp(SR)))
    assert display.colorbar_.ax.get_ylabel() == "dB"


def test_colour_bar_after_an_op_of_someone_else_has_no_unit(noise):
    @dataclass(eq=False, repr=False)
    class NegateOp(Op):
        def forward(self, x):
            return -x

    clips = noise.map(MelSpectrogramOp(SR)).map(NegateOp())
    display = SpectrogramDisplay.from_clips(clips)
    assert display.colorbar_.ax.get_ylabel() == ""


def test_decibels_are_shown_80_below_the_maximum():
    wave = np.zeros((1, SR), dtype=np.float32)
    wave[0, : SR // 2] = make_waves(1, SR // 2)
    clips = ClipArray.from_array(wave, sample_rate=SR).map(MelSpectrogramOp(SR))
    display = SpectrogramDisplay.from_clips(clips)
    low, high = display.mesh_.get_clim()
    assert (low, high) == pytest.approx((clips[0].max() - 80, clips[0].max()))
    assert clips[0].min() < low
    assert display.colorbar_.extend == "min"


def test_colours_end_where_they_are_told_to():
    clips = clips_of("mel")
    display = SpectrogramDisplay.from_clips(clips, vmin=-20, vmax=10, cmap="gray")
    assert display.mesh_.get_clim() == (-20, 10)
    assert display.mesh_.get_cmap().name == "gray"
    assert display.colorbar_.extend == "both"


def test_plot_again_draws_into_other_axes_without_colour_bar():
    display = SpectrogramDisplay.from_clips(clips_of("mel"))
    figure, ax = plt.subplots()
    again = display.plot(ax=ax, colorbar=False, y_axis="bin")
    assert again is display
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert display.colorbar_ is None
    assert figure.axes == [ax]
    assert ax.get_ylabel() == "bin"


def test_plot_into_axes_used_before_sets_both_axes_anew():
    array = np.ones((84, round(100 * SR / 512)))
    known = {"sample_rate": SR, "hop_length": 512, "frequencies": NOTES}
    _, ax = plt.subplots()
    SpectrogramDisplay.from_array(array, **known, ax=ax)
    SpectrogramDisplay.from_array(array[:, :40], ax=ax, colorbar=False)
    assert ax.get_yscale() == "linear"
    assert (ax.get_xlim(), ax.get_ylim()) == ((-0.5, 39.5), (-0.5, 83.5))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("frame", "bin")
    assert set(labels_of(ax.xaxis)) >= {"0", "10", "20"}
    assert set(labels_of(ax.yaxis)) >= {"0", "20", "40"}


def test_array_is_drawn_with_what_is_told_of_it():
    array = np.random.default_rng(0).normal(size=(84, 20))
    display = SpectrogramDisplay.from_array(
        array,
        sample_rate=8000,
        hop_length=80,
        frequencies=NOTES,
        start=1.0,
        unit="sone",
    )
    assert_array_equal(display.mesh_.get_array(), array)
    assert_allclose(display.ax_.get_xlim(), (0.995, 1.195))
    assert display.ax_.get_ylabel() == "note"
    assert display.colorbar_.ax.get_ylabel() == "sone"


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((8, 5)),
        np.full((8, 5), -np.inf),
        np.full((8, 5), np.nan),
        np.ones((1, 5)),
        np.ones((8, 1)),
        np.ones((1, 1)),
    ],
)
@pytest.mark.parametrize("y_axis", [None, "log", "bin"])
def test_array_that_is_degenerate_is_drawn_without_a_warning(array, y_axis):
    display = SpectrogramDisplay.from_array(
        array,
        sample_rate=SR,
        hop_length=512,
        frequencies=NOTES[: len(array)],
        unit="dB",
        y_axis=y_axis,
    )
    display.figure_.canvas.draw()
    assert display.mesh_.get_array().shape == array.shape


def test_array_with_holes_scales_colours_by_the_rest():
    array = np.arange(12.0).reshape(3, 4)
    array[0, 0], array[2, 3] = -np.inf, np.nan
    display = SpectrogramDisplay.from_array(array)
    assert display.mesh_.get_clim() == (1, 10)


def test_irregular_frequencies_take_the_axis_that_suits_them_best():
    bark = 600 * np.sinh(np.arange(1, 20) / 6)  # a Bark scale, after Traunmueller
    display = SpectrogramDisplay.from_array(np.ones((19, 3)), frequencies=bark)
    assert display.ax_.get_ylabel() == "Hz (mel scale)"


def test_container_of_any_type_gives_the_same_display(container, waves):
    mel = MelSpectrogram(n_mels=32, n_fft=1024)
    steps = [mel] if isinstance(container, np.ndarray) else [RawWave(), mel]
    front_end = make_pipeline(*steps).fit(container)
    display = SpectrogramDisplay.from_estimator(front_end, container, 3)
    clips = ClipArray.from_array(waves, sample_rate=SR).map(mel._make_op(SR))
    assert_allclose(display.spectrogram, clips[3], atol=1e-3)  # in dB
    assert display.ax_.get_xlabel() == "time in s"
    assert display.ax_.get_ylabel() == "Hz (mel scale)"
    assert display.colorbar_.ax.get_ylabel() == "dB"


@pytest.mark.parametrize(
    "container_of", [list, tuple, np.array, pd.Series, lambda x: pd.DataFrame({"f": x})]
)
def test_paths_others_than_the_chosen_are_not_even_opened(
    wave_paths, decoded, container_of
):
    pipe = make_pipeline(RawWave(), MelSpectrogram(), Standardizer())
    pipe.fit(wave_paths)
    decoded.clear()
    X = container_of(["missing.wav", wave_paths[1], "missing.wav"])
    if isinstance(X, pd.Series | pd.DataFrame):
        X.index = [7, 8, 9]
    display = SpectrogramDisplay.from_estimator(pipe, X, 1)
    assert set(decoded) <= {wave_paths[1]}
    assert_allclose(display.spectrogram, pipe.transform(wave_paths)[1], atol=1e-5)
    assert display.colorbar_.ax.get_ylabel() == "standardised"


def test_arrays_at_another_rate_are_shown_at_that_of_fit():
    mel = MelSpectrogram(sr=8000, n_mels=32).fit(make_waves(2, 8000))
    display = SpectrogramDisplay.from_estimator(mel, make_waves(2, 8000))
    assert_allclose(display.ax_.get_xlim()[1], 15.5 * 512 / 8000)
    assert display.ax_.get_ylim()[1] < 4000


def test_waveforms_of_unequal_length_are_taken_as_rawwave_takes_them():
    waves = list(make_waves(2, 8000))
    waves[0] = waves[0][:5000]
    pipe = make_pipeline(RawWave(), MelSpectrogram(n_mels=32)).fit(waves)
    display = SpectrogramDisplay.from_estimator(pipe, waves, 0)
    # As it is alone, without the padding that the longer one asks for.
    assert_allclose(display.spectrogram, pipe.transform(waves[:1])[0], atol=1e-5)


def test_front_end_that_returns_an_array_is_shown_in_bins_and_frames():
    front_end = FunctionTransformer(lambda X: np.asarray(X).reshape(-1, 8, 100))
    display = SpectrogramDisplay.from_estimator(front_end.fit(None), make_waves(2, 800))
    assert display.spectrogram.shape == (8, 100)
    assert display.ax_.get_ylabel() == "bin"


def test_error_of_waveforms_names_the_missing_front_end(noise):
    with pytest.raises(ValueError, match=r"takes spectrograms.* put a front-end"):
        SpectrogramDisplay.from_clips(noise)
    with pytest.raises(ValueError, match=r"takes spectrograms.* put a front-end"):
        SpectrogramDisplay.from_estimator(RawWave().fit(noise), noise)
    with pytest.raises(
        ValueError, match=r"\(22050,\).*\(n_bins, n_frames\).*front-end"
    ):
        SpectrogramDisplay.from_array(noise[0])


def test_error_of_several_spectrograms_says_to_choose_one(noise):
    clips = MelSpectrogram(n_mels=32).fit_transform(noise)
    with pytest.raises(ValueError, match=r"\(3, 32, 44\).*choose one, X\[0\]"):
        SpectrogramDisplay.from_array(np.asarray(clips))
    with pytest.raises(TypeError, match=r"takes a ClipArray, not ndarray.*from_array"):
        SpectrogramDisplay.from_clips(np.asarray(clips))


@pytest.mark.parametrize("index", [3, -4])
def test_error_of_an_index_out_of_range_names_the_range_and_reads_nothing(index):
    clips = inaccessible_clips(np.zeros((3, 8, 5)))
    per_clip = Standardizer(axis="clip").fit(clips)
    with pytest.raises(IndexError, match=rf"{index} is out .* 3 clips: pass -3 to 2"):
        SpectrogramDisplay.from_clips(clips, index)
    with pytest.raises(IndexError, match=rf"{index} is out .* 3 clips: pass -3 to 2"):
        SpectrogramDisplay.from_estimator(per_clip, clips, index)
    with pytest.raises(InaccessibleError):
        SpectrogramDisplay.from_clips(clips, 2)


def test_error_of_an_index_into_nothing_or_of_no_integer_says_so():
    clips = clips_of("mel")
    with pytest.raises(IndexError, match=r"index=0 is out of range for 0 clips\."):
        SpectrogramDisplay.from_clips(clips[:0])
    with pytest.raises(TypeError, match=r"index=slice.* is not an integer"):
        SpectrogramDisplay.from_clips(clips, slice(2))


def test_error_of_a_front_end_that_is_not_fitted(noise):
    with pytest.raises(NotFittedError, match="MelSpectrogram"):
        SpectrogramDisplay.from_estimator(MelSpectrogram(), noise)
    with pytest.raises(NotFittedError, match="Pipeline"):
        SpectrogramDisplay.from_estimator(make_pipeline(MelSpectrogram()), noise)


def test_error_of_a_pipeline_with_classifier_says_to_leave_it_out(noise):
    pipe = Pipeline([("mel", MelSpectrogram()), ("clf", CNN2DClassifier())])
    with pytest.raises(TypeError, match=r"is not a transformer: pass pipe\[:-1\]"):
        SpectrogramDisplay.from_estimator(pipe, noise)


def test_error_of_a_front_end_that_gives_a_table(noise):
    mean = FunctionTransformer(lambda X: np.asarray(X).mean(axis=2))
    pipe = make_pipeline(MelSpectrogram(n_mels=32), mean).fit(noise)
    with pytest.raises(ValueError, match=r"\(1, 32\), not spectrograms"):
        SpectrogramDisplay.from_estimator(pipe, noise)


def test_error_of_one_path_says_to_put_it_in_a_list(wave_paths):
    pipe = make_pipeline(RawWave(), MelSpectrogram()).fit(wave_paths)
    with pytest.raises(TypeError, match=r"0\.wav' is a single path: pass a list"):
        SpectrogramDisplay.from_estimator(pipe, wave_paths[0])


def test_error_of_an_axis_names_those_there_are():
    with pytest.raises(ValueError, match=r"y_axis='cqt' is none of 'hz', 'log'"):
        SpectrogramDisplay.from_clips(clips_of("mel"), y_axis="cqt")
    with pytest.raises(ValueError, match=r"y_axis='mel' needs the frequency of each"):
        SpectrogramDisplay.from_clips(clips_of("unknown"), y_axis="mel")
    with pytest.raises(ValueError, match=r'above 0 Hz.*pass y_axis="hz"'):
        SpectrogramDisplay.from_array(np.ones((1, 2)), frequencies=[0], y_axis="log")


@pytest.mark.parametrize(
    ("frequencies", "message"),
    [
        ([1, 2], r"shape \(2,\), but there are 3 bins"),
        ([1, 1, 2], "and increase from bin"),
        ([3, 2, 1], "and increase from bin"),
        ([1, 2, np.nan], "and increase from bin"),
    ],
)
def test_error_of_frequencies_that_do_not_fit(frequencies, message):
    with pytest.raises(ValueError, match=message):
        SpectrogramDisplay.from_array(np.ones((3, 4)), frequencies=frequencies)


def test_error_without_matplotlib_says_how_to_install_it(monkeypatch):
    clips = inaccessible_clips(np.zeros((3, 8, 5)))
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    remedy = r'pip install "sktag\[plot\]"'
    with pytest.raises(ImportError, match=rf"from_clips needs matplotlib: {remedy}"):
        SpectrogramDisplay.from_clips(clips)
    with pytest.raises(ImportError, match=rf"from_estimator needs .*: {remedy}"):
        SpectrogramDisplay.from_estimator(Standardizer(axis="clip").fit(clips), clips)
    with pytest.raises(ImportError, match=rf"plot needs matplotlib: {remedy}"):
        SpectrogramDisplay.from_array(np.ones((2, 2)))


def test_import_of_the_module_leaves_matplotlib_and_librosa_alone():
    code = "import sys, sktag.inspection; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    modules = set(run.stdout.split())
    assert "sktag.inspection" in modules
    assert {"librosa", "matplotlib"} & modules == set()


@pytest.mark.parametrize("kind", ["mel", "notes"])
def test_figure_pickles(kind):
    display = SpectrogramDisplay.from_clips(clips_of(kind))
    loaded = pickle.loads(pickle.dumps(display.figure_))
    assert loaded.axes[0].get_ylabel() == display.ax_.get_ylabel()
