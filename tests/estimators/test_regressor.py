"""The regressors, and what they share with the classifiers."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from sktag import (
    CNN1DRegressor,
    CNN2DRegressor,
    MelSpectrogram,
    RawWave,
    SampleCNNRegressor,
    Standardizer,
)
from sktag.datasets import make_music

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")
RNG = np.random.default_rng(0)
LEVEL = RNG.uniform(0.2, 2, 40)
WAVES = (RNG.normal(size=(40, 729)) * LEVEL[:, np.newaxis]).astype(np.float32)
SPECTRA = RNG.normal(size=(40, 16, 32)).astype(np.float32)
SPECTRA += LEVEL[:, np.newaxis, np.newaxis]
QUICK = {
    "n_filters": 8,
    "dropout": 0,
    "max_epochs": 80,
    "lr": 3e-3,
    "random_state": 0,
}

CASES = [
    (CNN1DRegressor, SPECTRA),
    (CNN2DRegressor, SPECTRA),
    (SampleCNNRegressor, WAVES),
]


@pytest.mark.parametrize(("cls", "X"), CASES)
@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
def test_a_number_is_learned_in_its_own_unit(cls, X, loss):
    y = 1000 + 300 * LEVEL
    reg = cls(loss=loss, **QUICK).fit(X, y)
    assert reg.score(X, y) > 0.8
    assert reg.predict(X).shape == (40,)
    assert abs(reg.predict(X).mean() - y.mean()) < 100


@pytest.mark.parametrize(("cls", "X"), CASES)
def test_several_numbers_are_learned_at_once(cls, X):
    Y = np.column_stack([LEVEL, 5 - 100 * LEVEL])
    reg = cls(**QUICK).fit(X, Y)
    assert reg.predict(X).shape == (40, 2)
    assert reg.score(X, Y) > 0.8


@pytest.mark.parametrize(("cls", "X"), CASES)
def test_pickle_and_clone_predict_the_same(cls, X, tmp_path):
    reg = cls(**{**QUICK, "max_epochs": 3}).fit(X, LEVEL)
    joblib.dump(reg, tmp_path / "reg.joblib")
    loaded = joblib.load(tmp_path / "reg.joblib")
    np.testing.assert_array_equal(loaded.predict(X), reg.predict(X))
    again = clone(reg).fit(X, LEVEL)
    np.testing.assert_array_equal(again.predict(X), reg.predict(X))


@pytest.mark.parametrize("how", ["mean", "max", "median"])
def test_predictions_of_chunks_equal_a_plain_loop(how):
    reg = SampleCNNRegressor(chunk_size=200, aggregate=how, n_chunks=5)
    reg.set_params(**{**QUICK, "max_epochs": 3}).fit(WAVES, LEVEL)
    values = np.empty((40, 5))
    with torch.no_grad():
        for i, wave in enumerate(WAVES):
            for j in range(5):
                start = round(j * (729 - 200) / 4)
                chunk = torch.from_numpy(wave[np.newaxis, start : start + 200])
                values[i, j] = reg.module_(chunk).item()
    combined = {"mean": np.mean, "max": np.max, "median": np.median}[how](values, 1)
    expected = combined * LEVEL.std() + LEVEL.mean()
    # Batches of other sizes, in float32, of numbers around 1.
    np.testing.assert_allclose(reg.predict(WAVES), expected, atol=1e-6)


def test_continuation_takes_a_changed_loss():
    far = LEVEL.copy()
    far[0] = 1000  # which squares see and absolute values hardly do
    params = {**QUICK, "max_epochs": 2, "warm_start": True}
    reg = CNN1DRegressor(loss="mse", **params).fit(SPECTRA, far)
    reg.set_params(loss="mae", lr=1e-30).fit(SPECTRA, far)
    scaled = (far - far.mean()) / far.std()
    outputs = (reg.predict(SPECTRA) - far.mean()) / far.std()
    # Steps of 1e-30 are lost; batch norm sees batches of the training, not its means.
    loss = reg.history_[-1]["train_loss"]
    assert loss == pytest.approx(np.abs(outputs - scaled).mean(), rel=0.2)
    assert loss < 0.5 * ((outputs - scaled) ** 2).mean()


def test_early_stopping_records_the_coefficient_of_determination():
    params = {**QUICK, "early_stopping": True, "validation_fraction": 0.3}
    reg = CNN1DRegressor(monitor="r2", **params).fit(SPECTRA, LEVEL)
    best = max(reg.history_, key=lambda row: row["valid_r2"])
    assert reg.best_epoch_ == best["epoch"]


def test_sample_weights_equal_repetitions_in_full_batches():
    weights = np.repeat([1.0, 2.0], 20)
    rows = np.repeat(np.arange(40), weights.astype(int))
    # Weights are of mean 1, and so are those of repetitions: the loss is the same.
    # Batch norm would see other batches, and standardisation other means.
    y = np.tile([0.5, 1.5], 20)
    params = {
        **QUICK,
        "batch_norm": False,
        "batch_size": 100,
        "optimizer": "sgd",
        "max_epochs": 5,
    }
    weighted = CNN1DRegressor(**params).fit(SPECTRA, y, sample_weight=weights)
    repeated = CNN1DRegressor(**params).fit(SPECTRA[rows], y[rows])
    a, b = weighted.predict(SPECTRA), repeated.predict(SPECTRA)
    # Sums over rows in another order, after five steps.
    np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "the target y is None"),
        (np.full(40, np.nan), "y contains NaN"),
        (LEVEL[:30], "inconsistent numbers of samples"),
    ],
)
def test_wrong_targets_raise(y, message):
    with pytest.raises(ValueError, match=message):
        CNN1DRegressor(**QUICK).fit(SPECTRA, y)


def test_columns_in_another_order_are_the_same_numbers_wherever_y_is_given():
    Y = pd.DataFrame({"level": LEVEL, "pitch": 5 - 100 * LEVEL})
    other = Y[["pitch", "level"]]
    params = {**QUICK, "max_epochs": 3, "warm_start": True}
    reg = CNN1DRegressor(**params).fit(SPECTRA, Y)
    assert reg.score(SPECTRA, other) == reg.score(SPECTRA, Y)
    loaded = pickle.loads(pickle.dumps(reg))
    assert loaded.score(SPECTRA, other) == reg.score(SPECTRA, Y)
    same, turned = (
        CNN1DRegressor(**params)
        .fit(SPECTRA, Y, X_val=SPECTRA, y_val=Y)
        .fit(SPECTRA, y, X_val=SPECTRA, y_val=y)
        for y in (Y, other)
    )
    np.testing.assert_array_equal(same.predict(SPECTRA), turned.predict(SPECTRA))
    # A new fit to an array has no names.
    reg.set_params(warm_start=False).fit(SPECTRA, other.to_numpy())
    assert reg.score(SPECTRA, other) == reg.score(SPECTRA, other.to_numpy())


@pytest.mark.slow
def test_pitch_of_music_is_predicted_from_paths(tmp_path):
    music = make_music(
        96, task="instrument", sr=8000, duration=1.0, random_state=0, directory=tmp_path
    )
    y = np.log2(music.pitch)
    pipe = Pipeline(
        [
            ("wave", RawWave(sr=8000)),
            ("mel", MelSpectrogram(n_mels=64, n_fft=1024, hop_length=256)),
            ("scale", Standardizer()),
            ("reg", CNN1DRegressor(max_epochs=40, random_state=0)),
        ]
    )
    search = GridSearchCV(pipe, {"reg__n_filters": [32]}, cv=2, n_jobs=1)
    search.fit(music.paths[:72], y[:72])
    assert search.score(music.paths[72:], y[72:]) > 0.3
