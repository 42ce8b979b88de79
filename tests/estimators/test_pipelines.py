"""Every estimator at the end of a pipeline on files: targets, searches, chunks."""

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from sktag import (
    CNN1DClassifier,
    CNN1DRegressor,
    CNN2DClassifier,
    CNN2DRegressor,
    MelSpectrogram,
    RawWave,
    SampleCNNClassifier,
    SampleCNNRegressor,
    Standardizer,
)
from sktag.datasets import make_music

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")

# Small networks of every kind, and as many epochs as they need for a few clips.
QUICK = {"max_epochs": 30, "lr": 1e-2}
CLASSIFIERS = {
    "1-D": CNN1DClassifier(n_filters=16, **QUICK),
    "2-D": CNN2DClassifier(n_filters=(8, 16), **QUICK),
    "sample": SampleCNNClassifier(n_filters=12, **QUICK),
}
REGRESSORS = {
    "1-D": CNN1DRegressor(n_filters=16, dropout=0, **QUICK),
    "2-D": CNN2DRegressor(n_filters=(8, 16), dropout=0, **QUICK),
    "sample": SampleCNNRegressor(n_filters=12, dropout=0, **QUICK),
}
KINDS = list(CLASSIFIERS)


def make_pipe(clf, **params):
    """Return the steps from files to an answer, each network with its own front-end."""
    mel = MelSpectrogram(n_mels=32, n_fft=512, hop_length=256)
    steps = [("wave", RawWave(sr=8000)), ("mel", mel), ("scale", Standardizer())]
    if isinstance(clf, (SampleCNNClassifier, SampleCNNRegressor)):
        del steps[1]
    pipe = Pipeline([*steps, ("clf", clone(clf))])
    return pipe.set_params(clf__random_state=0, clf__batch_size=8, **params)


def write(folder, task, **params):
    return make_music(
        task=task, sr=8000, random_state=0, directory=folder / task, **params
    )


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    """Files of 24 phrases by three instruments and of 40 mixes with eight tags."""
    folder = tmp_path_factory.mktemp("music")
    phrases = write(folder, "instrument", n_clips=48, duration=1.0)
    easy = np.isin(phrases.target, ["bowed", "guitar", "organ"])
    paths, labels = np.array(phrases.paths)[easy], phrases.target[easy]
    two = labels != "bowed"
    mixes = write(folder, "tags", n_clips=40, duration=1.5)
    tags = pd.DataFrame(mixes.target, columns=mixes.target_names)
    numbers = np.column_stack([np.log2(phrases.pitch), phrases.tempo])[easy]
    return {
        "classes": (paths, labels),
        "two": (paths[two], labels[two]),
        "tags": (np.array(mixes.paths), tags),
        "pitch": (paths, numbers[:, 0]),
        "pitch and tempo": (paths, numbers),
    }


def fit(music, estimators, request):
    kind, target = request.param
    X, y = music[target]
    return make_pipe(estimators[kind]).fit(X, y), X, y


@pytest.fixture(scope="module")
def classified(music, request):
    """A fitted pipeline of one kind of network for one kind of target, with X, y."""
    return fit(music, CLASSIFIERS, request)


@pytest.fixture(scope="module")
def regressed(music, request):
    """A fitted pipeline with a regressor."""
    return fit(music, REGRESSORS, request)


def every(fixture, targets):
    """Parametrize a fixture by all networks and these targets."""
    cases = [(kind, target) for target in targets for kind in KINDS]
    ids = [f"{kind}, {target}" for kind, target in cases]
    return pytest.mark.parametrize(
        fixture, cases, ids=ids, indirect=True, scope="module"
    )


def assert_saves(fitted, X, folder, method):
    """A pipeline that was written and read again answers the same to the bit."""
    joblib.dump(fitted, folder / "pipe.joblib")
    loaded = joblib.load(folder / "pipe.joblib")
    before, after = getattr(fitted, method)(X), getattr(loaded, method)(X)
    np.testing.assert_array_equal(before, after)


@every("classified", ["classes", "two"])
def test_classes_are_learned_from_files(classified, tmp_path):
    pipe, X, y = classified
    names = sorted(set(y))
    assert pipe.classes_.tolist() == names
    proba = pipe.predict_proba(X)
    assert proba.shape == (len(X), len(names))
    # Rows are float32 sums of two or three numbers.
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-6)
    predicted = pipe.predict(X)
    assert predicted.tolist() == pipe.classes_[proba.argmax(axis=1)].tolist()
    assert pipe.score(X, y) == np.mean(predicted == y)
    # Of 24 clips by three instruments, or 16 by two, those trained on.
    assert pipe.score(X, y) > {3: 0.75, 2: 0.85}[len(names)]
    assert pipe.decision_function(X).shape == (
        (len(X),) if len(names) == 2 else (24, 3)
    )
    assert_saves(pipe, X, tmp_path, "predict_proba")


@every("classified", ["tags"])
def test_tags_are_learned_from_files_and_a_table(classified, tmp_path):
    pipe, X, Y = classified
    clf = pipe["clf"]
    assert clf.tag_names_.tolist() == Y.columns.tolist()
    assert np.array_equal(clf.classes_, [[0, 1]] * 8)
    proba = pipe.predict_proba(X)
    assert proba.shape == Y.shape
    assert np.all((proba >= 0) & (proba <= 1))
    np.testing.assert_array_equal(pipe.predict(X), proba > 0.5)
    assert pipe.score(X, Y) == np.mean((pipe.predict(X) == Y).all(axis=1))
    assert roc_auc_score(Y, proba) > 0.75  # of clips trained on; chance is 0.5
    assert_saves(pipe, X, tmp_path, "predict_proba")


@every("regressed", ["pitch", "pitch and tempo"])
def test_numbers_are_learned_from_files(regressed, tmp_path):
    pipe, X, y = regressed
    predicted = pipe.predict(X)
    assert predicted.shape == y.shape
    # Each in its own unit: octaves and, if tempo is asked for, beats per minute.
    error = np.sqrt(np.mean((predicted - y) ** 2, axis=0))
    assert np.all(error < 0.7 * y.std(axis=0))  # a constant leaves all of it
    # R2 is the mean over the outputs.
    expected = np.mean(1 - error**2 / y.var(axis=0))
    np.testing.assert_allclose(pipe.score(X, y), expected, rtol=1e-5)
    assert_saves(pipe, X, tmp_path, "predict")


def search(music, clf, grid, measures, **params):
    """Search over the three instruments; measure every candidate in both folds.

    Returns the search, and for each measure a list with one number a candidate.
    """

    def score(pipe, X, y):
        measured = {name: measure(pipe) for name, measure in measures.items()}
        true = np.searchsorted(pipe.classes_, y)
        proba = pipe.predict_proba(X)[np.arange(len(y)), true]
        return {"likelihood": np.log(proba.clip(1e-30)).mean(), **measured}

    params = {"clf__max_epochs": 2, **params}
    found = GridSearchCV(
        make_pipe(clf, **params), grid, scoring=score, refit="likelihood", cv=2
    )
    X, y = music["classes"]
    found.fit(X, y)
    results = found.cv_results_
    for name in measures:  # what is set is the same in both folds
        np.testing.assert_array_equal(results[f"std_test_{name}"], 0)
    assert len(set(results["mean_test_likelihood"])) == len(results["params"])
    best = found.best_estimator_.get_params()
    assert found.best_params_.items() <= best.items()
    assert found.predict_proba(X).shape == (24, 3)
    return found, {name: results[f"mean_test_{name}"].tolist() for name in measures}


def first_conv(pipe):
    """Return the first convolution's weights: (n_filters, n_in, ...)."""
    types = (nn.Conv1d, nn.Conv2d)
    modules = pipe["clf"].module_.modules()
    return next(layer for layer in modules if isinstance(layer, types)).weight


def n_filters(pipe):
    return len(first_conv(pipe))


def n_mels(pipe):
    return len(pipe["scale"].mean_)


@pytest.mark.parametrize("kind", KINDS)
def test_search_over_n_filters_builds_other_networks(music, kind):
    grid = {"clf__n_filters": [4, 12]}
    _, found = search(music, CLASSIFIERS[kind], grid, {"width": n_filters})
    assert found["width"] == [4, 12]


@pytest.mark.parametrize("kind", KINDS)
def test_search_over_pooling_builds_other_networks(music, kind):
    def pools(name):
        def count(pipe):
            layers = [type(m).__name__ for m in pipe["clf"].module_.modules()]
            return sum(layer.startswith(f"{name}Pool") for layer in layers)

        return count

    measures = {name: pools(name) for name in ("Max", "Avg", "Std")}
    grid = {"clf__pooling": ["max", "avg", "std"]}
    _, found = search(music, CLASSIFIERS[kind], grid, measures)
    n = found["Max"][0]  # as many in each network, all of one kind
    assert n > 0
    assert [found[name] for name in measures] == np.diag([n, n, n]).tolist()


@pytest.mark.parametrize(
    ("clf", "names"),
    [
        (
            CNN1DClassifier(n_filters=8, n_blocks=2, pool_size=2),
            ["compact", "dieleman2014"],
        ),
        (CNN2DClassifier(n_filters=8, n_blocks=3), ["compact", "short_chunk"]),
        (SampleCNNClassifier(n_filters=8, n_blocks=4), ["basic", "se"]),
    ],
)
def test_search_over_architecture_builds_the_networks_named(music, clf, names):
    measures = {"n_parameters": lambda pipe: pipe["clf"].n_parameters_}
    found, n = search(music, clf, {"clf__architecture": names}, measures)
    assert found.best_estimator_["clf"].architecture_ in names
    shape = (8000,) if isinstance(clf, SampleCNNClassifier) else (32, 32)
    best = found.best_estimator_["clf"].get_params()
    expected = [
        type(clf)(**{**best, "architecture": name}).summary(shape, 3).n_parameters
        for name in names
    ]
    assert n["n_parameters"] == expected
    assert len(set(expected)) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_search_over_weight_decay_reaches_the_weights(music, kind):
    def decay(pipe):
        groups = pipe["clf"].net_.optimizer_.param_groups
        return max(group["weight_decay"] for group in groups)

    grid = {"clf__weight_decay": [0.0, 20.0]}
    clf, set_here = CLASSIFIERS[kind], {"decay": decay}
    _, found = search(music, clf, grid, set_here, clf__max_epochs=4)
    assert found["decay"] == [0, 20]
    # Same start, same batches: what decays ends up smaller.
    X, y = music["classes"]
    sizes = []
    for value in grid["clf__weight_decay"]:
        pipe = make_pipe(clf, clf__max_epochs=4, clf__weight_decay=value).fit(X, y)
        sizes.append(first_conv(pipe).norm().item())
    assert sizes[1] < 0.8 * sizes[0]


@pytest.mark.parametrize("kind", KINDS)
def test_search_over_momentum_reaches_the_optimizer(music, kind):
    def momentum(pipe):
        (value,) = {g["momentum"] for g in pipe["clf"].net_.optimizer_.param_groups}
        return value

    grid = {"clf__optimizer__momentum": [0.3, 0.9]}
    clf, set_here = CLASSIFIERS[kind], {"momentum": momentum}
    found, values = search(music, clf, grid, set_here, clf__optimizer="sgd")
    assert values["momentum"] == [0.3, 0.9]
    best = found.best_params_["clf__optimizer__momentum"]
    assert momentum(found.best_estimator_) == best


@pytest.mark.parametrize("kind", ["1-D", "2-D"])
def test_search_over_front_end_and_network_varies_both(music, kind):
    grid = {"mel__n_mels": [16, 24], "clf__n_filters": [4, 8]}
    measures = {"bands": n_mels, "width": n_filters}
    found, values = search(music, CLASSIFIERS[kind], grid, measures)
    params = found.cv_results_["params"]
    assert values["bands"] == [p["mel__n_mels"] for p in params]
    assert values["width"] == [p["clf__n_filters"] for p in params]
    if kind == "1-D":  # its first filters span all bands
        weight = first_conv(found.best_estimator_)
        assert weight.shape[1] == found.best_params_["mel__n_mels"]


def test_search_over_sample_rate_and_network_varies_both(music):
    grid = {"wave__sr": [4000, 8000], "clf__n_filters": [4, 8]}
    measures = {"sr": lambda pipe: pipe["clf"].sr_, "width": n_filters}
    _, values = search(music, CLASSIFIERS["sample"], grid, measures)
    assert sorted(zip(values["sr"], values["width"], strict=True)) == [
        *[(4000, 4), (4000, 8), (8000, 4), (8000, 8)]
    ]


def test_ten_seconds_train_a_network_of_59049_samples(tmp_path):
    music = make_music(
        4,
        task="instrument",
        sr=22050,
        duration=10.0,
        random_state=0,
        directory=tmp_path,
    )
    clf = SampleCNNClassifier(n_filters=8, max_epochs=1, random_state=0)
    pipe = Pipeline([("wave", RawWave()), ("scale", Standardizer()), ("clf", clf)])
    seen = []

    def record(module, args):
        if type(module).__name__ == "SampleCNN":
            seen.append((module.training, *args[0].shape))

    handle = register_module_forward_pre_hook(record)
    try:
        pipe.fit(music.paths, ["a", "b", "a", "b"])
        # Trained on one chunk of each clip.
        assert {row for row in seen if row[0]} == {(True, 4, 59049)}
        taggram, times = clf.predict_taggram(
            pipe[:-1].transform(music.paths), return_times=True
        )
    finally:
        handle.remove()
    assert {row[2] for row in seen} == {59049}
    # 10 s are 3.7 chunks of 2.678 s.
    assert taggram.shape == (4, 4, 2)
    half = 59049 / 22050 / 2
    np.testing.assert_allclose(times[:, [0, -1]], [[half, 10 - half]] * 4, atol=1e-3)
    np.testing.assert_allclose(
        pipe.predict_proba(music.paths), taggram.mean(axis=1), atol=1e-6
    )
    assert clf.architecture_ == "sample_cnn"  # 3^9, nothing lost
    assert clf.summary().title == "sample_cnn, input 59049"
    convs = [m for m in clf.module_.modules() if isinstance(m, nn.Conv1d)]
    assert [conv.kernel_size for conv in convs] == [*[(3,)] * 10, (1,)]
