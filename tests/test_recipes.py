"""Each recipe agrees with its paper, can be changed and searched, and trains.

The numbers of the papers are repeated here, independently of the code.
"""

import pickle

import numpy as np
import pytest
import soundfile
from numpy.testing import assert_array_equal
from sklearn.base import clone, is_regressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from sktag import Augmenter, SampleCNNClassifier, make_recipe
from sktag.nets import ARCHITECTURES

NAMES = [
    record.name
    for records in ARCHITECTURES.values()
    for record in records.values()
    if record.training is not None
]
# Sample rate in Hz, chunk in frames or samples, outputs and parameters of the network.
# Those of the last two follow from layers that are recalled from the papers.
PUBLISHED = {
    "fcn4": (12_000, 1366, 50, 17_365_938),
    "fcn5": (12_000, 1366, 50, 25_183_026),
    "short_chunk": (16_000, 231, 50, 3_687_348),
    "short_chunk_res": (16_000, 231, 50, 12_104_244),
    "sample_cnn": (22_050, 59_049, 50, 1_869_874),
    "se": (22_050, 59_049, 50, 2_858_066),
    "rese2": (22_050, 59_049, 50, 5_095_506),
    "musicnn": (16_000, 187, 50, 787_159),
    "dieleman2014": (16_000, 94, 50, 55_774),
    "spotify2014": (22_050, 599, 40, 8_607_016),
}
WON = ["short_chunk", "short_chunk_res"]
LEE = ["sample_cnn", "se", "rese2"]
# Sizes that make a recipe small enough to train in a test.
FEW = {"n_filters": 2}
SMALL = {
    "short_chunk": {"n_filters": 8},
    "se": {**FEW, "se_ratio": 1.0},
    "rese2": {**FEW, "se_ratio": 1.0},
    "musicnn": {"n_filters": (4, 4, 4)},
}


def params_of(name):
    return make_recipe(name).get_params()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Eight files of 4 s at 22,050 Hz, low and high tones in noise; their labels."""
    folder = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(0)
    labels = np.array(["low", "high"] * 4)
    time = np.arange(4 * 22_050) / 22_050
    paths = []
    for i, label in enumerate(labels):
        wave = np.sin(2 * np.pi * {"low": 220, "high": 1760}[label] * time)
        wave = 0.3 * wave + 0.05 * rng.normal(size=len(time))
        paths.append(str(folder / f"{i}.wav"))
        soundfile.write(paths[-1], wave, 22_050)
    return paths, labels


def test_every_network_with_a_published_training_is_a_recipe_in_the_docstring():
    assert set(PUBLISHED) <= set(NAMES)
    for name in NAMES:
        assert make_recipe.__doc__.count(f'"{name}"') >= 2, "a row and a reference"


@pytest.mark.parametrize("name", PUBLISHED)
def test_rate_chunk_and_parameters_of_each_recipe_are_the_papers(name):
    sr, chunk, n_outputs, n_parameters = PUBLISHED[name]
    pipe = make_recipe(name)
    assert isinstance(pipe, Pipeline)
    assert pipe["wave"].sr == sr
    assert pipe["clf"].chunk_size == chunk
    assert pipe["clf"].architecture == name
    assert pipe["clf"].summary(n_outputs=n_outputs).n_parameters == n_parameters


@pytest.mark.parametrize("name", PUBLISHED)
def test_steps_of_each_recipe_are_those_its_network_needs(name):
    steps = list(make_recipe(name).named_steps)
    middle = [] if name in LEE else ["mel"]
    middle += [] if name in [*WON, "musicnn"] else ["scale"]
    assert steps == ["wave", *middle, "clf"]
    assert is_regressor(make_recipe(name)) == (name == "spotify2014")


@pytest.mark.parametrize(
    ("name", "n_mels", "n_fft", "hop_length", "compression"),
    [
        ("fcn4", 96, 512, 256, "db"),
        ("fcn5", 96, 512, 256, "db"),
        ("short_chunk", 128, 512, 256, "db"),
        ("short_chunk_res", 128, 512, 256, "db"),
        ("musicnn", 96, 512, 256, "log1p"),
    ],
)
def test_front_end_of_each_recipe_is_the_papers(
    name, n_mels, n_fft, hop_length, compression
):
    mel = make_recipe(name)["mel"]
    assert (mel.n_mels, mel.n_fft, mel.hop_length) == (n_mels, n_fft, hop_length)
    assert mel.compression == compression
    assert mel.log1p_factor == 10_000
    assert mel.sr is None, "only the step before sets the rate"
    assert mel.fmax == (8000 if name in WON else None)


@pytest.mark.parametrize("name", ["fcn4", "fcn5"])
def test_fcn_takes_clips_of_29_seconds_which_are_1366_frames(name):
    pipe = make_recipe(name)
    n_samples = round(pipe["wave"].duration * 12_000)
    assert 1 + n_samples // 256 == pipe["clf"].chunk_size == 1366
    assert pipe["clf"].optimizer == "adam"


@pytest.mark.parametrize("name", WON)
def test_training_of_short_chunk_is_that_of_won_2020(name):
    params = params_of(name)
    # 59,049 samples, and a frame centred on every 256th of them.
    assert params["clf__chunk_size"] == 1 + 59_049 // 256
    assert params["clf__lr_schedule"] == "staged"
    assert params["clf__stages"][:3] == [
        ("adam", 1e-4, 80),
        ("sgd", 1e-3, 20),
        ("sgd", 1e-4, 20),
    ]
    assert params["clf__stages"][3][:2] == ("sgd", 1e-5)
    n_epochs = sum(stage[2] for stage in params["clf__stages"])
    assert n_epochs == params["clf__max_epochs"] == 200
    assert params["clf__weight_decay"] == 1e-4
    assert params["clf__batch_size"] == 16
    assert params["clf__train_chunks"] == "random"
    assert params["clf__n_chunks"] == 16
    assert params["clf__chunk_layout"] == "won2020"
    assert params["clf__aggregate"] == "mean"
    assert params["clf__monitor"] == "loss"


@pytest.mark.parametrize("name", LEE)
def test_training_of_the_sample_level_networks_is_that_of_lee_2017(name):
    params = params_of(name)
    assert params["clf__lr_schedule"] == "staged"
    rates = [0.01, 0.002, 0.0004, 0.00008, 0.000016]
    assert params["clf__stages"] == [("sgd", lr) for lr in rates]
    assert params["clf__n_iter_no_change"] == 3
    assert params["clf__batch_size"] == 23
    assert params["clf__n_chunks"] == 10
    assert params["clf__aggregate"] == "mean"
    assert params["clf__monitor"] == "loss"
    if name == "sample_cnn":
        assert params["clf__weight_init"] == "he_uniform"
    else:
        assert params["clf__se_ratio"] == 0.125
        assert params["clf__multi_level"] is True


@pytest.mark.parametrize(
    ("name", "seconds"), [("musicnn", 3), ("dieleman2014", 3), ("spotify2014", 3)]
)
def test_chunks_of_the_others_span_about_three_seconds(name, seconds):
    pipe = make_recipe(name)
    hop = pipe["mel"].hop_length / pipe["wave"].sr
    assert pipe["clf"].chunk_size * hop == pytest.approx(seconds, rel=0.01)


def test_loss_of_spotify2014_is_the_mean_squared_error():
    assert params_of("spotify2014")["clf__loss"] == "mse"


@pytest.mark.parametrize("name", NAMES)
def test_recipe_is_cloned_and_pickled_with_all_its_parameters(name):
    pipe = make_recipe(name, clf__random_state=3)
    for copy in (clone(pipe), pickle.loads(pickle.dumps(pipe))):
        for key, value in copy.get_params().items():
            if "__" in key:
                assert value == pipe.get_params()[key], key


def test_recipes_of_one_name_share_nothing_that_can_change():
    one, other = make_recipe("sample_cnn"), make_recipe("sample_cnn")
    one["clf"].stages.clear()
    assert len(other["clf"].stages) == len(make_recipe("se")["clf"].stages) == 5


def test_overrides_are_set_and_leave_the_rest():
    pipe = make_recipe(
        "short_chunk",
        wave__duration=10.0,
        mel__n_mels=64,
        clf__max_epochs=3,
        clf__optimizer__amsgrad=True,
        verbose=True,
    )
    plain, params = params_of("short_chunk"), pipe.get_params()
    changed = {k for k, v in params.items() if "__" in k and v != plain.get(k)}
    assert changed == {
        "wave__duration",
        "mel__n_mels",
        "clf__max_epochs",
        "clf__net_params",
        "clf__optimizer__amsgrad",
    }
    assert pipe.verbose is True
    assert params["clf__net_params"] == {"optimizer__amsgrad": True}


def test_step_is_replaced_or_left_out_by_its_name():
    pipe = make_recipe("sample_cnn", scale="passthrough", clf=SampleCNNClassifier("se"))
    assert pipe["scale"] == "passthrough"
    assert pipe["clf"].architecture == "se"
    other = make_recipe("se", clf=SampleCNNClassifier(), clf__lr=0.1)
    assert other["clf"].lr == 0.1


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({"clf__max_epoch": 3}, r"'clf__max_epoch'\. Did you mean 'clf__max_epochs'\?"),
        ({"max_epochs": 3}, r"'max_epochs'\. Did you mean 'clf__max_epochs'\?"),
        ({"batchsize": 3}, r"'batchsize'\. Did you mean 'clf__batch_size'\?"),
        ({"net__lr": 3}, r"Did you mean 'clf__lr'\?"),
        ({"sr": 3}, r"Did you mean 'wave__sr' or 'mel__sr'\?"),
        ({"scale__axis": "bin"}, r"no parameter 'scale__axis'\. Its steps are wave"),
        ({"clf__xyz": 3}, r"Its steps are wave, mel, clf, whose .* get_params\(\)"),
    ],
)
def test_error_of_an_unknown_override_says_what_was_meant(given, hint):
    with pytest.raises(ValueError, match=hint):
        make_recipe("short_chunk", **given)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("short_chunks", r"no recipe 'short_chunks', .* Did you mean 'short_chunk'\?"),
        (
            "resnet50",
            r"no recipe 'resnet50', but 'fcn4', .*'small_data', 'transfer'\.$",
        ),
        (None, "no recipe None, but 'fcn4'"),
    ],
)
def test_error_of_an_unknown_recipe_lists_those_there_are(name, message):
    with pytest.raises(ValueError, match=message):
        make_recipe(name)


def test_error_of_a_rate_that_the_stages_leave_unused_says_so():
    for given in ({"clf__lr": 0.1}, {"clf__optimizer": "adam"}):
        with pytest.raises(ValueError, match=r"no effect: 'sample_cnn' trains in stag"):
            make_recipe("sample_cnn", **given)
    plain = {"clf__lr_schedule": None, "clf__stages": None, "clf__lr": 0.1}
    assert make_recipe("sample_cnn", **plain)["clf"].lr == 0.1
    stages = [("adam", 1e-3)]
    assert make_recipe("se", clf__stages=stages)["clf"].stages == stages
    assert make_recipe("fcn4", clf__lr=0.1)["clf"].lr == 0.1


# Each fit warns: two epochs of eight clips are too few to learn from or to go through
# all stages, and one band of the mel filters of Won et al. is empty.
@pytest.mark.filterwarnings("ignore:max_epochs=2 ends the training:UserWarning")
@pytest.mark.filterwarnings("ignore:fit takes . steps:UserWarning")
@pytest.mark.filterwarnings("ignore:.*mel bands are empty:UserWarning")
@pytest.mark.parametrize("name", NAMES)
def test_each_recipe_trains_from_files_to_answers(name, files):
    paths, labels = files
    small = {f"clf__{k}": v for k, v in SMALL.get(name, FEW).items()}
    pipe = make_recipe(
        name,
        **small,
        clf__max_epochs=2,
        clf__validation_fraction=0.25,
        clf__random_state=0,
    )
    is_regression = name == "spotify2014"
    y = np.arange(8.0) if is_regression else labels
    pipe.fit(paths, y)
    clf = pipe["clf"]
    assert clf.architecture_ == name, "nothing was dropped for a short input"
    assert clf.n_iter_ == 2
    assert [np.isfinite(row["valid_loss"]) for row in clf.history_] == [True, True]
    if is_regression:
        assert np.isfinite(pipe.predict(paths)).all()
        return
    proba = pipe.predict_proba(paths)
    assert proba.shape == (8, 2)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert_array_equal(pipe.classes_, ["high", "low"])


@pytest.mark.filterwarnings("ignore:fit takes . steps:UserWarning")
@pytest.mark.filterwarnings("ignore:.*mel bands are empty:UserWarning")
def test_recipe_is_searched_over(files):
    paths, labels = files
    pipe = make_recipe(
        "short_chunk", clf__n_filters=8, clf__max_epochs=1, clf__random_state=0
    )
    grid = {"wave__sr": [16_000, 22_050], "clf__stages": [[("adam", 1e-2)]]}
    search = GridSearchCV(pipe, grid, cv=2, error_score="raise")
    search.set_params(estimator__clf__validation_fraction=0.5)
    search.fit(paths, labels)
    assert len(search.cv_results_["params"]) == 2
    assert search.best_estimator_["clf"].history_[-1]["lr"] == 1e-2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*mel bands are empty:UserWarning")
def test_recipe_of_stages_goes_through_all_of_them(files):
    paths, labels = files
    stages = [("adam", 1e-2, 40), ("sgd", 1e-2, 40), ("sgd", 1e-3, 20)]
    pipe = make_recipe(
        "short_chunk",
        clf__stages=stages,
        clf__n_filters=8,
        clf__batch_size=2,
        clf__validation_fraction=0.25,
        clf__random_state=0,
    ).fit(paths, labels)
    history = pipe["clf"].history_
    assert [row["stage"] for row in history] == [1] * 40 + [2] * 40 + [3] * 20
    assert [row["lr"] for row in history] == [1e-2] * 80 + [1e-3] * 20
    assert pipe.score(paths, labels) == 1


# Two epochs of two batches, and clips of 4 s, are few and short.
@pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")
def test_recipe_for_small_data_takes_an_augmentation(files):
    paths, labels = files
    small = {"n_filters": (4, 4), "max_epochs": 2, "batch_size": 4, "lr": 0.1}
    small |= {"random_state": 0}
    pipe = make_recipe("small_data", **{f"clf__{k}": v for k, v in small.items()})
    assert list(pipe.named_steps) == ["wave", "mel", "scale", "augment", "clf"]
    proba = pipe.fit(paths, labels).predict_proba(paths)
    pipe = clone(pipe).set_params(augment=Augmenter()).fit(paths, labels)
    assert np.abs(pipe.predict_proba(paths) - proba).max() > 1e-3
