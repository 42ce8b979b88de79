"""The main job, end to end: file paths in; searched, saved pipelines out."""

import os
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
import soundfile
from sklearn import config_context
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
    learning_curve,
)
from sklearn.pipeline import Pipeline

from sktag import CNN2DClassifier, MelSpectrogram, RawWave, Standardizer
from sktag.clips._cache import DECODED
from sktag.datasets import make_music

pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    """36 one-second clips of three instruments, as files, with string labels."""
    bunch = make_music(
        72,
        task="instrument",
        sr=22050,
        duration=1.0,
        random_state=0,
        directory=tmp_path_factory.mktemp("music"),
    )
    easy = np.isin(bunch.target, ["bowed", "guitar", "organ"])
    return np.array(bunch.paths)[easy], bunch.target[easy]


def make_pipe(**clf):
    params = {"n_filters": (8, 16), "max_epochs": 20, "lr": 1e-2, "random_state": 0}
    return Pipeline(
        [
            ("wave", RawWave()),
            ("mel", MelSpectrogram(n_mels=32, n_fft=1024)),
            ("scale", Standardizer()),
            ("clf", CNN2DClassifier(**{**params, **clf})),
        ]
    )


def test_pipeline_learns_from_paths(music):
    paths, y = music
    kept = np.arange(len(y)) % 4 != 0
    pipe = make_pipe().fit(paths[kept], y[kept])
    assert pipe.score(paths[~kept], y[~kept]) > 0.6  # of 9 clips; chance is 1/3
    assert pipe.classes_.tolist() == ["bowed", "guitar", "organ"]


def test_each_file_is_decoded_once_in_a_fit(music, decoded):
    paths, y = music
    make_pipe(early_stopping=True, validation_fraction=0.25).fit(paths, y)
    assert sorted(decoded) == sorted(paths)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_search_over_front_end_and_network(music, n_jobs):
    paths, y = music
    grid = {"mel__n_mels": [16, 32], "clf__lr": [1e-4, 1e-2]}
    search = GridSearchCV(make_pipe(max_epochs=4), grid, cv=2, n_jobs=n_jobs)
    search.fit(paths, y)
    assert search.best_params_["clf__lr"] == 1e-2
    assert search.predict_proba(paths[:2]).shape == (2, 3)


def test_grid_search_over_the_sample_rate_alone(music):
    paths, y = music
    search = GridSearchCV(make_pipe(), {"wave__sr": [16000, 22050]}, cv=2)
    search.fit(paths, y)
    best = search.best_estimator_
    assert best["mel"].sr_ == best["clf"].sr_ == search.best_params_["wave__sr"]
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_results_do_not_depend_on_the_number_of_processes(music):
    paths, y = music
    # Equal numbers of torch threads in both, or sums differ in the last bits.
    code = (
        "import sys, torch; torch.set_num_threads(1); "
        "sys.path.insert(0, sys.argv[1]); import test_pipeline as t, numpy as np; "
        "from sklearn.model_selection import cross_val_predict; "
        "X = np.array(sys.argv[3::2]); y = np.array(sys.argv[4::2]); "
        "pipe = t.make_pipe(max_epochs=3, dropout=0.5, mixup_alpha=0.4, cutmix_alpha=1); "
        "p = cross_val_predict(pipe, X, y, cv=2, n_jobs=int(sys.argv[2]), "
        "method='predict_proba'); print(p.tobytes().hex())"
    )
    pairs = [item for pair in zip(paths, y, strict=True) for item in pair]
    runs = [
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code, HERE, n, *pairs],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        ).stdout
        for n in ("1", "2")
    ]
    assert len(runs[0]) > 100
    assert runs[0] == runs[1]


def test_threads_of_decoding_do_not_change_a_bit(music):
    paths, y = music
    one, four = (
        make_pipe(n_threads=n, cache_bytes=0, max_epochs=2)
        .fit(paths, y)
        .predict_proba(paths)
        for n in (1, 4)
    )
    np.testing.assert_array_equal(one, four)


def test_paths_and_decoded_arrays_give_the_same_probabilities(music):
    paths, y = music
    pipe = make_pipe().fit(paths, y)
    lazy = pipe.predict_proba(paths)
    waves = np.asarray(pipe[:1].transform(paths))
    np.testing.assert_allclose(pipe[1:].predict_proba(waves), lazy, atol=1e-5)
    spectrograms = np.asarray(pipe[:2].transform(paths))
    np.testing.assert_allclose(pipe[2:].predict_proba(spectrograms), lazy, atol=1e-5)


def test_cross_validation_tools_work(music):
    paths, y = music
    assert cross_val_score(make_pipe(), paths, y, cv=3).mean() > 0.7
    proba = cross_val_predict(make_pipe(), paths, y, cv=2, method="predict_proba")
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    sizes, train, test = learning_curve(
        make_pipe(max_epochs=2),
        paths,
        y,
        cv=2,
        train_sizes=[0.5, 1.0],
        shuffle=True,
        random_state=0,
    )
    assert train.shape == test.shape == (len(sizes), 2)


def test_ensembles_around_the_pipeline_work(music):
    paths, y = music
    pipes = [(f"n{n}", make_pipe().set_params(mel__n_mels=n)) for n in (16, 32)]
    for ensemble in (
        CalibratedClassifierCV(make_pipe(), cv=2, ensemble=False),
        VotingClassifier(pipes, voting="soft"),
        StackingClassifier(pipes, cv=2),
    ):
        ensemble.fit(paths, y)
        assert ensemble.predict_proba(paths).shape == (len(paths), 3)
        assert ensemble.score(paths, y) > 0.8


def test_pipeline_memory_hits_and_notices_an_overwritten_file(music, decoded, tmp_path):
    paths, y = music
    own = [str(tmp_path / f"{i}.wav") for i in range(len(paths))]
    for source, target in zip(paths, own, strict=True):
        Path(target).write_bytes(Path(source).read_bytes())
    pipe = make_pipe(max_epochs=1)[:3]  # what a Pipeline caches: all but the last
    pipe.steps.append(("clf", make_pipe(max_epochs=1)["clf"]))
    pipe.set_params(memory=str(tmp_path / "cache"))

    def mean_after_fit():
        DECODED.clear()
        decoded.clear()
        return pipe.fit(own, y)["scale"].mean_.copy()

    first = mean_after_fit()
    assert sorted(decoded) == sorted(own)  # the Standardizer's; then from memory
    DECODED.clear()
    decoded.clear()
    again = pipe.set_params(clf__cache_bytes=0).fit(own, y)["scale"].mean_
    np.testing.assert_array_equal(again, first)
    assert len(decoded) == len(own), "only the classifier read them"
    soundfile.write(own[0], np.zeros(22050), 22050)
    assert not np.allclose(mean_after_fit(), first)


def test_sample_weights_are_routed_through_the_pipeline(music):
    paths, y = music
    wrong = np.roll(np.unique(y), 1)[np.searchsorted(np.unique(y), y)]
    X, labels = np.concatenate([paths, paths]), np.concatenate([y, wrong])
    weights = np.repeat([1.0, 0.0], len(y))
    named = make_pipe().fit(X, labels, clf__sample_weight=weights)
    assert named.score(paths, y) > 0.8
    with config_context(enable_metadata_routing=True):
        pipe = make_pipe()
        pipe["clf"].set_fit_request(sample_weight=True)
        routed = pipe.fit(X, labels, sample_weight=weights)
    np.testing.assert_array_equal(routed.predict(paths), named.predict(paths))


def test_saved_pipeline_predicts_alike_in_a_new_process(music, tmp_path):
    paths, y = music
    pipe = make_pipe(max_epochs=2).fit(paths, y)
    joblib.dump(pipe, tmp_path / "tagger.joblib")
    code = (
        "import sys, joblib; pipe = joblib.load(sys.argv[1]); "
        "print(pipe.predict_proba(sys.argv[2:]).tolist())"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "tagger.joblib", *paths[:3]],
        capture_output=True,
        text=True,
        check=True,
    )
    expected = pipe.predict_proba(paths[:3]).tolist()
    np.testing.assert_allclose(eval(run.stdout), expected, atol=1e-6)


def test_small_data_is_learned_with_default_parameters():
    # 24 clips of a second, at any pitch and level: tones, noise and chirps.
    rng = np.random.default_rng(0)
    time = np.arange(22050) / 22050
    y = np.tile(["tone", "noise", "chirp"], 8)
    X = rng.normal(0, 0.01, (24, 22050))
    for wave, label in zip(X, y, strict=True):
        pitch, rise = rng.uniform(200, 2000), rng.uniform(500, 2000)
        phase = pitch * time + (rise * time**2 / 2 if label == "chirp" else 0)
        sound = (
            rng.normal(size=22050) if label == "noise" else np.sin(2 * np.pi * phase)
        )
        wave += rng.uniform(0.1, 0.9) * sound / np.abs(sound).max()
    pipe = Pipeline(
        [
            ("wave", RawWave()),
            ("mel", MelSpectrogram()),
            ("scale", Standardizer()),
            ("clf", CNN2DClassifier(random_state=0)),
        ]
    )
    folds = StratifiedKFold(4, shuffle=True, random_state=0)
    assert cross_val_score(pipe, X, y, cv=folds).mean() > 0.9


def test_fit_leaves_the_parameters_of_every_step(music):
    paths, y = music
    pipe = make_pipe(max_epochs=1)
    before = str(pipe.get_params())
    assert str(pipe.fit(paths, y).get_params()) == before
