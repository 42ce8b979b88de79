"""Augmentation inside a training: for training rows alone, anew at every epoch."""

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import joblib
import numpy as np
import pytest
import soundfile
import torch
from sklearn.model_selection import GridSearchCV, PredefinedSplit, cross_validate
from sklearn.pipeline import Pipeline

from sktag import (
    Augmenter,
    ClipArray,
    CNN2DClassifier,
    MelSpectrogram,
    RawWave,
    SampleCNNClassifier,
    Standardizer,
)
from sktag.augment import AugmentOp, Gain, Lambda, SpecNoise, TimeMask, TimeShift
from sktag.clips._cache import DECODED
from sktag.ops import RandomOp
from sktag.testing import make_waves

# Tests train for as few steps as they need, and small clips shrink the networks.
pytestmark = [
    pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*is too short for:UserWarning"),
]

N = 12
Y = np.arange(N) % 2
WAVES = make_waves(N, 4000)
SEEN = []  # sums of the rows that `Spy` changed, in order


@dataclass(eq=False, repr=False)
class Spy(RandomOp):
    """Writes down the rows it is to change, and leaves them as they are."""

    n_uniforms: ClassVar[int] = 0

    def draw(self, uniforms, shape):
        return {}

    def change(self, x, sample_rate, params):
        SEEN.extend(x.double().flatten(1).sum(dim=1).tolist())
        return x.clone()


def add_uniform(samples, sample_rate):
    return samples + np.float32(np.random.uniform(0.1, 0.2))  # noqa: NPY002


class Forgetful:
    """An object that keeps what it did last, as some of audiomentations do."""

    def __init__(self):
        self.last = None

    def __call__(self, samples, sample_rate):
        self.last = float(samples[0])
        return samples


@pytest.fixture
def seen():
    SEEN.clear()
    return SEEN


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    paths = [str(folder / f"{i}.wav") for i in range(N)]
    for path, wave in zip(paths, WAVES, strict=True):
        soundfile.write(path, wave, 22050, subtype="FLOAT")
    return paths


def make_pipe(*operations, before=(), random_state=None, **clf):
    """Paths to mel spectrograms to a tiny network, augmented on either side."""
    params = {"n_filters": (4,), "max_epochs": 3, "batch_size": 5, "random_state": 0}
    steps = [
        ("wave", RawWave()),
        ("early", Augmenter(list(before)) if before else None),
        ("mel", MelSpectrogram(16, n_fft=512, hop_length=128)),
        ("scale", Standardizer()),
        ("late", Augmenter(list(operations) or None, random_state=random_state)),
        ("clf", CNN2DClassifier(**{**params, **clf})),
    ]
    return Pipeline([step for step in steps if step[1] is not None])


def augmented(clips, *operations):
    return Augmenter(list(operations) or None).fit_transform(clips)


CLIPS = {
    "wave": ClipArray.from_array(WAVES),
    "spectrogram": ClipArray.from_array(
        np.random.default_rng(0).normal(size=(N, 16, 40))
    ),
}


def test_an_epoch_changes_each_training_row_once_and_no_validation_row(paths, seen):
    pipe = make_pipe(Spy(), early_stopping=True, validation_fraction=0.25)
    pipe.fit(paths, Y)
    assert len(seen) == 3 * 9
    assert set(Counter(np.round(seen, 3)).values()) == {3}


@pytest.mark.parametrize(
    "ask", ["predict", "predict_proba", "decision_function", "predict_taggram", "embed"]
)
def test_answers_see_no_augmentation(paths, seen, ask):
    pipe = make_pipe(Spy(), before=[Spy()]).fit(paths, Y)
    assert len(seen) == 2 * 3 * N
    clf, clips = pipe[-1], pipe[:-1].transform(paths)
    found = getattr(clf, ask)(clips)
    assert len(seen) == 2 * 3 * N
    assert np.isfinite(found).all() if ask != "predict" else len(found) == N


def test_clips_that_carry_random_operations_are_predicted_clean(paths):
    pipe = make_pipe(SpecNoise(10)).fit(paths, Y)
    clips = pipe[:-1].transform(paths)
    carrying = pipe["late"].fit_transform(clips)
    assert carrying.ops[-1].random
    np.testing.assert_array_equal(
        pipe[-1].predict_proba(carrying), pipe[-1].predict_proba(clips)
    )


def test_statistics_of_the_standardizer_are_those_of_clean_clips(paths):
    clean = make_pipe(Spy()).fit(paths, Y)["scale"]
    loud = make_pipe(Spy(), before=[Gain(20)]).fit(paths, Y)["scale"]
    assert np.array_equal(clean.mean_, loud.mean_)
    assert np.array_equal(clean.scale_, loud.scale_)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_cross_validation_with_train_scores_sees_clean_clips(paths, n_jobs):
    pipe = make_pipe(SpecNoise(3.0), n_threads=1)
    found = cross_validate(
        pipe,
        paths,
        Y,
        cv=PredefinedSplit(np.arange(N) % 3),
        return_train_score=True,
        return_estimator=True,
        scoring="neg_log_loss",
        n_jobs=n_jobs,
    )
    for k, fitted in enumerate(found["estimator"]):
        train = np.flatnonzero(np.arange(N) % 3 != k)
        some = [paths[i] for i in train]
        # Asked again, the answers on training rows are those that were scored.
        proba = fitted.predict_proba(some)[np.arange(len(train)), Y[train]]
        assert -np.log(proba).mean() == pytest.approx(-found["train_score"][k])


def test_results_are_bit_equal_for_one_and_two_jobs(paths):
    grid = {"clf__lr": [1e-3, 1e-2]}
    make = partial(GridSearchCV, param_grid=grid, cv=2, scoring="neg_log_loss")
    with joblib.parallel_config("loky", inner_max_num_threads=torch.get_num_threads()):
        one, two = (
            make(make_pipe(SpecNoise(), before=[Gain()]), n_jobs=n).fit(paths, Y)
            for n in (1, 2)
        )
    for search in (one, two):
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    np.testing.assert_array_equal(
        one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"]
    )
    np.testing.assert_array_equal(one.predict_proba(paths), two.predict_proba(paths))


def test_refit_of_a_search_trains_on_augmented_rows(paths, seen):
    grid = {"clf__max_epochs": [1, 2]}
    GridSearchCV(make_pipe(Spy()), grid, cv=2).fit(paths, Y)
    in_folds = (1 + 2) * N  # two halves, each with either number of epochs
    assert len(seen) - in_folds in (N, 2 * N)


def test_pipeline_with_memory_hits_and_keeps_augmenting(paths, seen, tmp_path, decoded):
    pipe = make_pipe(Spy()).set_params(memory=str(tmp_path), wave__duration=0.18)
    first = pipe.fit(paths, Y).predict_proba(paths)
    assert len(seen) == 3 * N
    DECODED.clear()
    n_decoded = len(decoded)
    again = pipe.fit(paths, Y)
    # The network's input is read once, statistics are not computed again.
    assert len(decoded) - n_decoded == N
    assert len(seen) == 2 * 3 * N
    np.testing.assert_array_equal(again.predict_proba(paths), first)


@pytest.mark.parametrize("side", ["array", "clips", "paths"])
def test_array_clips_and_paths_train_alike(paths, side):
    X = {"array": WAVES, "clips": CLIPS["wave"], "paths": paths}[side]
    steps = [Augmenter([TimeShift(), Gain()]), Standardizer()]
    clf = SampleCNNClassifier(n_filters=4, max_epochs=2, random_state=0)

    def fit(X):
        front = [("wave", RawWave())] if X is paths else []
        rest = [(str(i), step) for i, step in enumerate([*steps, clf])]
        return Pipeline([*front, *rest]).fit(X, Y)

    proba = fit(X).predict_proba(X)
    np.testing.assert_allclose(proba, fit(WAVES).predict_proba(WAVES), atol=1e-5)
    clean = Pipeline([("scale", Standardizer()), ("clf", clf)]).fit(WAVES, Y)
    assert np.abs(clean.predict_proba(WAVES) - proba).max() > 1e-4


def test_each_call_of_partial_fit_is_an_epoch():
    clips = augmented(CLIPS["spectrogram"], SpecNoise())
    params = {"n_filters": (4,), "random_state": 0, "lr_schedule": None}
    clf = CNN2DClassifier(**params)
    for _ in range(3):
        clf.partial_fit(clips, Y)
    whole = CNN2DClassifier(max_epochs=3, **params).fit(clips, Y)
    for name, weights in whole.module_.named_parameters():
        assert torch.equal(clf.module_.get_parameter(name), weights)


def test_five_epochs_equal_three_saved_and_two_more_with_augmentation(tmp_path):
    clips = augmented(CLIPS["spectrogram"], SpecNoise(), TimeMask())
    params = {"n_filters": (4,), "random_state": 0, "lr_schedule": None}
    whole = CNN2DClassifier(max_epochs=5, **params).fit(clips, Y)
    first = CNN2DClassifier(max_epochs=3, warm_start=True, **params).fit(clips, Y)
    joblib.dump(first, tmp_path / "clf.joblib")
    rest = joblib.load(tmp_path / "clf.joblib").set_params(max_epochs=2).fit(clips, Y)
    np.testing.assert_array_equal(rest.predict_proba(clips), whole.predict_proba(clips))


def test_function_that_keeps_what_it_drew_leaves_the_recipe_as_it_was(paths):
    clips = augmented(RawWave().fit_transform(paths), Forgetful())
    before = joblib.hash(clips)
    clf = SampleCNNClassifier(n_filters=4, max_epochs=1, random_state=0)
    clf.fit(clips, Y)
    assert joblib.hash(clips) == before


def test_function_runs_in_the_loader_with_any_number_of_threads(paths):
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    proba = [
        make_pipe(before=[add_uniform], n_threads=n).fit(paths, Y).predict_proba(paths)
        for n in (1, 4)
    ]
    np.testing.assert_array_equal(*proba)
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_clips_with_augmentation_have_equal_hashes_in_equal_recipes(paths):
    ops = [Gain(p=0.5), Lambda(add_uniform)]
    one, two = (augmented(RawWave().fit_transform(paths), *ops) for _ in range(2))
    assert joblib.hash(one) == joblib.hash(two)
    assert joblib.hash(one) != joblib.hash(augmented(one.before(0), Gain()))
    assert isinstance(one.ops[-1], AugmentOp)
    assert one.ops[-1].host
