"""The way from X to clips: what is taken, and what each error says."""

import os
import subprocess
import sys
from collections import deque
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import BaseEstimator, clone

from sktag import (
    Augmenter,
    ClipArray,
    CNN1DClassifier,
    CNN2DClassifier,
    MelSpectrogram,
    RawWave,
    Standardizer,
    Summarizer,
)
from sktag.clips._inputs import as_clips, as_clips_like
from sktag.clips._rows import as_paths, as_waves

WAVES = np.random.default_rng(0).uniform(-1, 1, (4, 5000)).astype(np.float32)
STEREO = WAVES[:, np.newaxis].repeat(2, axis=1)
RAGGED = [WAVES[0], WAVES[1, :4000]]
PAIRS = np.array([[WAVES[0], 22050], [WAVES[1], 22050]], dtype=object)
STEPS = [
    RawWave(),
    MelSpectrogram(),
    Standardizer(),
    Augmenter(),
    Summarizer(),
]
every_step = pytest.mark.parametrize("step", STEPS, ids=lambda s: type(s).__name__)
wave_steps = pytest.mark.parametrize(
    "step", STEPS[:4], ids=lambda step: type(step).__name__
)
front_ends = pytest.mark.parametrize(
    "step", STEPS[1:], ids=lambda step: type(step).__name__
)


class Step(BaseEstimator):
    """An estimator that only turns X into clips."""

    def __init__(self, takes=None, two_d="wave"):
        self.takes = takes
        self.two_d = two_d

    def fit(self, X, y=None, **params):
        self.clips_ = as_clips(
            X, self, takes=self.takes, reset=True, two_d=self.two_d, **params
        )
        return self


# What is taken


def test_clips_pass_and_leave_no_number_of_features():
    step = Step().fit(WAVES)
    assert step.n_features_in_ == 5000
    clips = ClipArray.from_array(WAVES)
    step.fit(clips)
    assert step.clips_ is clips
    assert not hasattr(step, "n_features_in_")


def test_names_of_columns_are_forgotten_with_the_number_of_features():
    step = Step().fit(pd.DataFrame(WAVES[:, :2], columns=["a", "b"]))
    assert step.feature_names_in_.tolist() == ["a", "b"]
    step.fit(ClipArray.from_array(WAVES))
    assert not hasattr(step, "feature_names_in_")


@pytest.mark.parametrize(
    ("two_d", "shape", "sr", "hop_length"),
    [("wave", (4, 5000), 8000, None), ("spectrogram", (4, 5000, 1), 8000, 100)],
)
def test_two_dimensional_array_is_waveforms_or_one_frame(two_d, shape, sr, hop_length):
    step = Step(two_d=two_d).fit(WAVES, sample_rate=sr, hop_length=hop_length or 100)
    clips = step.clips_
    assert (clips.kind, clips.shape) == (two_d, shape)
    assert (clips.sample_rate, clips.hop_length) == (sr, hop_length)


def test_three_dimensional_array_is_spectrograms():
    clips = Step().fit(np.zeros((2, 3, 4)), hop_length=256).clips_
    assert (clips.kind, clips.shape, clips.hop_length) == (
        "spectrogram",
        (2, 3, 4),
        256,
    )
    assert clips.sample_rate is None


def test_waveforms_without_a_rate_are_at_22050_hz():
    assert Step().fit(WAVES).clips_.sample_rate == 22050


@pytest.mark.parametrize("as_bytes", [False, True])
def test_column_of_an_object_array_holds_paths(as_bytes, wave_paths, waves):
    paths = [path.encode() for path in wave_paths] if as_bytes else wave_paths
    column = np.array(paths, dtype=object)[:, np.newaxis]
    np.testing.assert_array_equal(np.asarray(RawWave().fit_transform(column)), waves)
    assert as_paths(column) == wave_paths
    assert as_paths(np.array(paths)) == wave_paths


@pytest.mark.parametrize(
    "make",
    [
        list,
        tuple,
        lambda rows: [row.tolist() for row in rows],
        lambda rows: pd.Series(rows),
        lambda rows: pd.Series(rows).to_numpy()[:, np.newaxis],
    ],
    ids=["list", "tuple", "lists", "Series", "column"],
)
def test_waveforms_of_unequal_length_are_taken_by_raw_wave(make):
    clips = RawWave().fit_transform(make(RAGGED))
    assert clips.lengths.tolist() == [5000, 4000]
    np.testing.assert_array_equal(clips[1][:4000], RAGGED[1])


@every_step
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_tensor_is_taken_as_an_array(step, dtype):
    X = torch.from_numpy(WAVES).to(dtype).requires_grad_()
    array = X.detach().float().numpy()
    out = np.asarray(clone(step).fit(X).transform(X))
    expected = np.asarray(clone(step).fit(array).transform(array))
    np.testing.assert_array_equal(out, expected)


ARRAY_API = """
import numpy as np, sklearn, torch
from sklearn.pipeline import make_pipeline
from sktag import Augmenter, CNN2DRegressor, MelSpectrogram, RawWave, Standardizer
from sktag.testing import make_waves

X, y = make_waves(6, 4000), np.arange(6.0)
steps = RawWave(), MelSpectrogram(8, n_fft=512), Standardizer(), Augmenter()
net = CNN2DRegressor(n_filters=(4,), max_epochs=2, random_state=0)
expected = make_pipeline(*steps, net).fit(X, y).predict(X)
with sklearn.config_context(array_api_dispatch=True):
    X = torch.from_numpy(X)
    pipe = make_pipeline(*steps, net).fit(X, y)
    np.testing.assert_array_equal(pipe.predict(X), expected)
    spectra = make_pipeline(*steps[1:3]).fit_transform(X)
    net.fit(torch.from_numpy(spectra), y).predict(torch.from_numpy(spectra))
"""


def test_tensor_is_taken_under_array_api_dispatch():
    # scipy reads the variable when it is imported.
    env = {**os.environ, "SCIPY_ARRAY_API": "1"}
    subprocess.run([sys.executable, "-c", ARRAY_API], env=env, check=True)


def test_tensors_of_unequal_length_are_taken_by_raw_wave():
    clips = RawWave().fit_transform([torch.from_numpy(row) for row in RAGGED])
    assert clips.lengths.tolist() == [5000, 4000]


def test_path_through_a_link_and_a_parent_is_the_file_of_the_system(tmp_path):
    (tmp_path / "other" / "folder").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "other" / "folder")
    (tmp_path / "b.wav").write_text("beside the link")
    (tmp_path / "other" / "b.wav").write_text("above the folder")
    found = as_paths([f"{tmp_path}/link/../b.wav", np.str_("a/../b.wav"), "./b.wav"])
    assert Path(found[0]).read_text() == "above the folder"
    assert found[1] == os.path.join(os.getcwd(), "a/../b.wav")
    assert found[2] == os.path.join(os.getcwd(), "b.wav")
    # Equal paths of another type would have another hash.
    assert {type(path) for path in found} == {str}


# Integers and channels


@wave_steps
@pytest.mark.parametrize(
    ("dtype", "remedy"),
    [
        ("int8", r"/ 128"),
        ("uint8", r"\(X.astype\(np.float32\) - 128\) / 128"),
        ("int16", r"X.astype\(np.float32\) / 32768"),
        ("int32", r"/ 2\*\*31"),
        ("int64", r"/ 32768 for samples of 16 bits"),
        ("bool", r"X.astype\(np.float32\)"),
    ],
)
@pytest.mark.parametrize("make", [np.asarray, pd.DataFrame])
def test_integer_waveforms_raise_and_name_the_factor(step, make, dtype, remedy):
    with pytest.raises(ValueError, match=rf"floating-point.*{dtype}.*{remedy}"):
        step.fit(make(np.full((2, 5000), 120, dtype=dtype)))


def test_integers_raise_wherever_waveforms_come_from():
    integers = np.ones((2, 50), dtype=np.int16)
    with pytest.raises(ValueError, match=r"from_array takes.*32768"):
        ClipArray.from_array(integers)
    with pytest.raises(ValueError, match=r"RawWave takes.*32768"):
        RawWave().fit([integers[0], integers[1, :40]])
    with pytest.raises(ValueError, match=r"RawWave takes.*int64"):
        RawWave().fit((200 * integers).tolist())


@wave_steps
@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("make", [np.asarray, np.ndarray.tolist])
def test_small_whole_numbers_of_waveforms_raise(step, make, dtype):
    X = make(np.array([[0, 1, -2], [3, 0, 1]], dtype=dtype))
    with pytest.raises(ValueError, match="floating-point numbers in"):
        step.fit(X)


@wave_steps
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
def test_floats_of_any_size_are_taken(step, dtype):
    X = WAVES.astype(dtype)
    out = np.asarray(clone(step).fit(X).transform(X))
    expected = np.asarray(clone(step).fit(WAVES).transform(WAVES))
    # float16 has 11 bits; in dB, its rounding shows in empty bands.
    atol = 1.5 if dtype == "float16" else 1e-5
    np.testing.assert_allclose(out, expected, rtol=0, atol=atol)
    assert out.dtype == np.float32


def test_integer_spectrograms_are_taken():
    integers = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    np.testing.assert_array_equal(Step().fit(integers).clips_, integers)
    assert Step(two_d="spectrogram").fit(integers[0]).clips_.shape == (3, 4, 1)


@every_step
@pytest.mark.parametrize(
    ("X", "axis"),
    [
        (STEREO, 1),
        (STEREO[:, :1], 1),
        (STEREO.repeat(3, axis=2).transpose(0, 2, 1), 2),
    ],
    ids=["stereo", "one channel", "channels last"],
)
def test_channel_axis_raises_and_names_the_mean(step, X, axis):
    with pytest.raises(ValueError, match=rf"channel axis.*X\.mean\(axis={axis}\)"):
        step.fit(X)


def test_spectrograms_of_two_bins_are_taken_as_clips():
    clips = ClipArray.from_array(STEREO)
    assert Summarizer("mean").fit_transform(clips).shape == (4, 2)


# Other wrong inputs


@every_step
@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ((row for row in WAVES), TypeError, r"is a generator.*give a list"),
        ({"a.wav", "b.wav"}, TypeError, r"is a set.*give a list"),
        ({"data": WAVES}, TypeError, r"is a dict with the keys 'data': give a list"),
        ([], ValueError, "X is empty.*at least one clip"),
        ((), ValueError, "X is empty"),
        (WAVES[0], ValueError, r"one row per clip.*x\[np\.newaxis\]"),
        ({"a": WAVES}.values(), TypeError, "of type dict_values: give a list"),
        (deque(["a.wav"]), TypeError, "of type deque: give a list"),
        (None, TypeError, "of type NoneType: give a list"),
        (bytearray(b"a.wav"), TypeError, "of type bytearray"),
        (0.5, TypeError, "of type float"),
        (WAVES[0].tolist(), ValueError, r"one row per clip.*x\[np\.newaxis\]"),
        (np.array([]), ValueError, "X is empty"),
        (pd.Series([], dtype=object), ValueError, "X is empty"),
        ([("a.wav", "rock")], ValueError, r"labels separately.*zip\(\*X\)"),
        ([(WAVES[0], 22050)], ValueError, r"waveforms alone.*RawWave\(sr=\.\.\.\)"),
        ([(22050, WAVES[0])], ValueError, r"waveforms alone.*RawWave\(sr=\.\.\.\)"),
        ([(torch.ones(9), 22050)], ValueError, "waveforms alone"),
        (PAIRS, ValueError, "waveforms alone"),
        ((WAVES[0], 22050), ValueError, r"one waveform and its sample rate.*\[wave\]"),
        (["a.wav", None], ValueError, "row 1 is None: drop it"),
        (["a.wav", ""], ValueError, "row 1 is empty: drop it"),
        ([""], ValueError, "row 0 is empty"),
        ([None, None], ValueError, r"X\[0\] is None: .* one clip per row"),
        ([WAVES[0], {}], ValueError, r"X\[1\] is \{\}: .* one clip per row"),
        ([WAVES[:2], WAVES[:2, :40]], ValueError, r"shapes \(2, 5000\) and \(2, 40\)"),
        (np.full((2, 50), np.nan), ValueError, "NaN or infinity in 2 of 2"),
        (np.ma.masked_greater(WAVES, 0.5), ValueError, r"masked array: fill it"),
    ],
    ids=range(28),
)
def test_wrong_input_raises_with_the_remedy(step, X, error, message):
    with pytest.raises(error, match=message):
        step.fit(X)


@front_ends
@pytest.mark.parametrize(
    "X",
    ["a.wav", b"a.wav", ["a.wav"], np.array([["a.wav"]]), pd.DataFrame({"f": ["a"]})],
    ids=["str", "bytes", "list", "array", "DataFrame"],
)
def test_paths_name_the_missing_raw_wave(step, X):
    with pytest.raises(ValueError, match=r"file paths: put RawWave\(\) before"):
        step.fit(X)


@front_ends
def test_waveforms_of_unequal_length_name_the_missing_raw_wave(step):
    with pytest.raises(ValueError, match=r"unequal|equal shape.*RawWave\(\).*pads"):
        step.fit(RAGGED)


@pytest.mark.parametrize("X", ["a.wav", b"a.wav"])
def test_single_path_names_the_list(X):
    with pytest.raises(
        ValueError, match=r"one path: give a list of paths, \['a.wav'\]"
    ):
        RawWave().fit(X)


def test_table_of_several_columns_names_one_column():
    table = pd.DataFrame({"file": ["a.wav", "b.wav"], "genre": ["rock", "waltz"]})
    with pytest.raises(ValueError, match=r"shape \(2, 2\).*table of one column"):
        RawWave().fit(table)


@front_ends
def test_table_of_several_columns_names_the_missing_raw_wave(step):
    table = pd.DataFrame({"tempo": [1.0, 2.0], "file": ["a.wav", "b.wav"]})
    with pytest.raises(ValueError, match=r"shape \(2, 2\) and holds text: put RawWave"):
        step.fit(table)


@pytest.mark.parametrize("step", [Summarizer(), CNN1DClassifier(), CNN2DClassifier()])
def test_waveforms_given_as_spectra_name_the_front_end(step):
    with pytest.raises(
        ValueError, match=r"\(4, 20000\) looks like waveforms.*front-end"
    ):
        step.fit(np.tile(WAVES, 4), [0, 1, 0, 1])


def test_text_in_rows_is_not_taken_for_waveforms():
    assert as_waves([["a", "b"], ["c"]]) is None
    assert as_waves([1.0, 2.0]) is None
    assert as_waves([]) is None


def test_other_kind_of_clips_names_the_step():
    spectrograms = ClipArray.from_array(np.zeros((2, 3, 4)))
    with pytest.raises(ValueError, match=r"Step takes waves, not .*leave out"):
        Step("wave").fit(spectrograms)
    with pytest.raises(ValueError, match=r"Step takes spectrograms.*front-end"):
        Step("spectrogram").fit(ClipArray.from_array(WAVES))


@pytest.mark.parametrize(
    ("takes", "shape", "message"),
    [
        ("wave", (2, 3, 4), "waveforms .*3 dimensions.*spectrograms already"),
        ("spectrogram", (2, 3, 4, 5), r"spectrograms \(n_clips, n_bins.*4 dimensions"),
        (None, (2, 3, 4, 5), "waveforms .* or spectrograms .*4 dimensions"),
    ],
)
def test_array_of_other_dimensions_names_those_taken(takes, shape, message):
    with pytest.raises(ValueError, match=message):
        Step(takes).fit(np.zeros(shape))


# Clips that follow others


def test_clips_like_others_go_through_the_same_steps(wave_paths, waves):
    mel = MelSpectrogram(n_mels=8)
    files = mel.fit_transform(RawWave().fit_transform(wave_paths))
    expected = np.asarray(files)
    raw = RawWave().fit_transform(wave_paths)
    for X in (wave_paths, raw, files):
        np.testing.assert_array_equal(np.asarray(as_clips_like(X, files)), expected)
    arrays = mel.fit_transform(ClipArray.from_array(waves))
    np.testing.assert_array_equal(np.asarray(as_clips_like(waves, arrays)), expected)


def test_clips_like_others_have_no_random_ops(waves):
    clips = Augmenter().fit_transform(waves)
    assert as_clips_like(clips, clips).ops == ()


@pytest.mark.parametrize(
    ("X", "others", "message"),
    [
        ("paths", "array", "these are paths, but .* an array"),
        ("array", "files", "this is an array, but .* files"),
        ("other rate", "files", "at 8000 Hz, those of training at 22050 Hz"),
        ("other steps", "files", "went through other steps"),
    ],
)
def test_clips_that_cannot_follow_others_raise(X, others, message, wave_paths, waves):
    files = RawWave().fit_transform(wave_paths)
    given = {
        "paths": wave_paths,
        "array": waves,
        "other rate": ClipArray.from_array(waves, sample_rate=8000),
        "other steps": Standardizer("clip").fit_transform(files),
    }
    clips = files if others == "files" else ClipArray.from_array(waves)
    with pytest.raises(ValueError, match=message):
        as_clips_like(given[X], clips.map(MelSpectrogram()._make_op(22050)))
