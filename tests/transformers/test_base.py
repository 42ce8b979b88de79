"""What all transformers share: fitted parameters, names of columns."""

import pickle
from dataclasses import dataclass

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sktag import (
    CQT,
    Augmenter,
    ClipArray,
    ClipTransformer,
    CNN2DClassifier,
    MelSpectrogram,
    RawWave,
    Spectrogram,
    Standardizer,
    Summarizer,
)
from sktag.augment import Gain, PolarityInversion
from sktag.ops import Op

SPECTRA = {
    "sr": 8000,
    "hop_length": 200,
    "window": "blackman",
    "compression": None,
    "ref": 2.0,
    "amin": 1e-2,
    "top_db": 10.0,
}
STFT = {
    **SPECTRA,
    "n_fft": 256,
    "win_length": 128,
    "center": False,
    "pad_mode": "reflect",
    "power": 1.0,
}
# Of each transformer, another value for each of its parameters.
OTHER = [
    (Spectrogram(512), {**STFT, "log1p_factor": 10.0}),
    (
        MelSpectrogram(12, n_fft=512, fmax=9000.0),
        {
            **STFT,
            "log1p_factor": 10.0,
            "n_mels": 10,
            "fmin": 300.0,
            "fmax": 5000.0,
            "htk": True,
            "norm": None,
        },
    ),
    (
        CQT(12, fmin=1000.0),
        {
            **SPECTRA,
            "log1p_factor": 10.0,
            "n_bins": 10,
            "fmin": 1200.0,
            "bins_per_octave": 10,
            "filter_scale": 0.5,
        },
    ),
    (Standardizer(), {"axis": "clip", "with_mean": False, "with_std": False}),
    (Standardizer("clip"), {"axis": "bin", "with_mean": False, "with_std": False}),
    (Summarizer(), {"stats": ["min"]}),
    (
        Augmenter(Gain()),
        {"transforms": PolarityInversion(), "sr": 8000, "p": 0.5, "random_state": 1},
    ),
]
CASES = [
    pytest.param(step, name, value, id=f"{type(step).__name__}-{name}")
    for step, others in OTHER
    for name, value in others.items()
]


def make_input(step, waves):
    is_on_waves = step.takes == "wave" or isinstance(step, Augmenter)
    return waves if is_on_waves else waves[:, :5400].reshape(6, 6, 900)


def test_parameters_of_all_transformers_are_in_the_table():
    for step, others in OTHER:
        assert set(others) == set(step.get_params())


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(("step", "name", "value"), CASES)
def test_parameter_set_after_fit_changes_nothing_until_the_next_fit(
    step, name, value, lazy, waves
):
    step = clone(step)
    if name == "log1p_factor":
        step.set_params(compression="log1p")
    X = make_input(step, waves)
    X = ClipArray.from_array(X, sample_rate=22050) if lazy else X
    before = np.asarray(step.fit(X).transform(X))
    step.set_params(**{name: value})
    np.testing.assert_array_equal(np.asarray(step.transform(X)), before)
    loaded = pickle.loads(pickle.dumps(step))
    np.testing.assert_array_equal(np.asarray(loaded.transform(X)), before)
    assert loaded.get_params()[name] == clone(step).get_params()[name] == value
    if isinstance(step, Augmenter):
        return  # its `transform` returns X
    if name == "sr":
        with pytest.raises(ValueError, match=r"sr=8000.* 22050 Hz"):
            step.fit(ClipArray.from_array(X, sample_rate=22050))
        return
    after = np.asarray(step.fit(X).transform(X))
    assert after.shape != before.shape or not np.array_equal(after, before)


def test_standardizer_set_after_fit_still_undoes_and_adds_as_fitted(waves):
    step = Standardizer().fit(waves)
    expected = Standardizer().fit(waves).partial_fit(2 * waves)
    out = step.transform(waves)
    step.set_params(axis="clip", with_mean=False)
    # One multiplication and one addition in float32.
    np.testing.assert_allclose(step.inverse_transform(out), waves, atol=1e-6)
    step.partial_fit(2 * waves)
    np.testing.assert_array_equal(step.scale_, expected.scale_)
    np.testing.assert_array_equal(step.transform(waves), expected.transform(waves))


def test_window_changed_in_place_after_fit_changes_nothing(waves):
    window = np.hanning(512)
    step = Spectrogram(512, window=window).fit(waves)
    before = step.transform(waves)
    clips = step.transform(ClipArray.from_array(waves))
    window[:] = 1
    np.testing.assert_array_equal(step.transform(waves), before)
    np.testing.assert_array_equal(np.asarray(clips), before)


def test_statistics_changed_in_place_change_no_clips(waves):
    step = Standardizer().fit(waves)
    clips = step.transform(ClipArray.from_array(waves))
    before = np.asarray(clips)
    step.mean_ += 1
    np.testing.assert_array_equal(np.asarray(clips), before)


def test_fitted_transformers_of_equal_fits_have_equal_hashes(waves):
    step = MelSpectrogram(12, n_fft=512)
    one, other = (clone(step).fit(ClipArray.from_array(waves)) for _ in range(2))
    assert joblib.hash(one) == joblib.hash(other)
    assert joblib.hash(pickle.loads(pickle.dumps(one))) == joblib.hash(one)


@dataclass
class OffsetOp(Op):
    offset: np.ndarray
    rate: float

    def forward(self, x):
        return x + float(self.offset[0]) + self.rate


class Offset(ClipTransformer):
    """A transformer that learns, as CONTRIBUTING.md has it."""

    def __init__(self, factor=1.0):
        self.factor = factor

    def fit(self, X, y=None):
        self.level_ = 0.0
        super().fit(X)
        self.level_ = float(np.asarray(X)[0, 0])
        return self

    def _make_op(self, sample_rate):
        return OffsetOp(np.array([self.level_ * self.factor]), sample_rate)


def test_transformer_of_others_uses_what_it_learned_and_the_parameters_of_fit():
    step = Offset(2.0).fit(np.full((1, 3), 0.5))
    step.factor = 100.0
    clips = ClipArray.from_array(np.zeros((1, 3)), sample_rate=22050)
    assert np.asarray(step.transform(clips)).tolist() == [[22051.0] * 3]
    assert step.factor == 100.0


# Names of columns


AUDIO = make_pipeline(RawWave(), MelSpectrogram(4), Summarizer(["mean", "max"]))
NAMES = [f"{stat}_bin{i}" for stat in ("mean", "max") for i in range(4)]


def test_names_of_a_pipeline_are_those_of_the_summarizer(wave_paths):
    steps = RawWave(), MelSpectrogram(4), Standardizer(), Summarizer("max")
    pipe = make_pipeline(*steps, StandardScaler(), SVC())
    pipe.fit(wave_paths, [0, 1] * 3)
    assert pipe[:-1].get_feature_names_out().tolist() == [
        f"max_bin{i}" for i in range(4)
    ]
    assert pipe[:2].get_feature_names_out().tolist() == [f"bin{i}" for i in range(4)]
    assert pipe[:1].get_feature_names_out().tolist() == ["wave"]


@pytest.mark.parametrize("column", ["path", ["path"]])
def test_names_survive_a_column_transformer_and_pandas(column, wave_paths):
    table = pd.DataFrame({"path": wave_paths, "tempo": np.arange(6.0)})
    columns = ColumnTransformer(
        [("audio", AUDIO, column), ("tempo", StandardScaler(), ["tempo"])]
    ).set_output(transform="pandas")
    out = columns.fit_transform(table)
    expected = [*(f"audio__{name}" for name in NAMES), "tempo__tempo"]
    assert out.columns.tolist() == expected
    assert columns.get_feature_names_out().tolist() == expected


def test_names_of_arrays_are_checked(waves):
    step = Standardizer().fit(waves[:, :2])
    assert step.get_feature_names_out().tolist() == ["x0", "x1"]
    with pytest.raises(ValueError, match="length equal to 2, the number of samples"):
        step.get_feature_names_out(["a"])
    table = pd.DataFrame(waves[:, :2], columns=["a", "b"])
    assert Standardizer().fit(table).get_feature_names_out().tolist() == ["a", "b"]
    spectra = MelSpectrogram(4).fit_transform(waves)
    pipe = make_pipeline(Standardizer(), Summarizer(["mean", "max"])).fit(spectra)
    assert pipe.get_feature_names_out().tolist() == NAMES


def test_pandas_output_of_steps_that_make_clips_is_clips(waves):
    for step in (MelSpectrogram(4), Standardizer(), Augmenter(), RawWave()):
        out = clone(step).set_output(transform="pandas").fit(waves).transform(waves)
        assert isinstance(out, np.ndarray | ClipArray)


def test_subclass_of_the_summarizer_makes_tables_too(waves):
    class Loudness(Summarizer):
        pass

    spectra = MelSpectrogram(4).fit_transform(waves)
    out = Loudness("max").set_output(transform="pandas").fit_transform(spectra)
    assert out.columns.tolist() == NAMES[4:]


@pytest.mark.parametrize(
    "pipe",
    [
        make_pipeline(AUDIO, SVC()),
        make_pipeline(
            RawWave(), MelSpectrogram(4), CNN2DClassifier(n_filters=(4,), max_epochs=1)
        ),
    ],
    ids=["SVC", "CNN2DClassifier"],
)
@pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")
def test_bagging_over_a_column_of_paths_works(pipe, wave_paths):
    column = np.array(wave_paths, dtype=object)[:, np.newaxis]
    bagging = BaggingClassifier(pipe, n_estimators=2, random_state=0)
    assert bagging.fit(column, [0, 1] * 3).predict(column).shape == (6,)
