"""Clips to validate on: given with X_val, or kept apart by groups."""

import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn import config_context
from sklearn.metrics import log_loss
from sklearn.pipeline import Pipeline

from sktag import (
    Augmenter,
    ClipArray,
    CNN2DClassifier,
    CNN2DRegressor,
    MelSpectrogram,
    RawWave,
    Standardizer,
)
from sktag.augment import SpecNoise
from sktag.estimators._validation import split_rows
from sktag.testing import make_waves

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")
N = 12
Y = np.arange(N) % 2
WAVES = make_waves(N, 4000)
OTHERS = make_waves(6, 4000, random_state=1)
Y_OTHERS = np.array([0, 1, 0, 1, 1, 0])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Paths to train on, and others."""
    folder = tmp_path_factory.mktemp("clips")
    paths = [str(folder / f"{i}.wav") for i in range(N + 6)]
    for path, wave in zip(paths, [*WAVES, *OTHERS], strict=True):
        soundfile.write(path, wave, 22050, subtype="FLOAT")
    return paths[:N], paths[N:]


def make_pipe(*, front=True, **clf):
    """A pipeline with augmentation so strong that validation would show it."""
    params = {"n_filters": (4,), "max_epochs": 2, "lr_schedule": None}
    return Pipeline(
        [
            *([("wave", RawWave(normalize="peak"))] if front else []),
            ("mel", MelSpectrogram(16, n_fft=512, hop_length=128)),
            ("scale", Standardizer()),
            ("augment", Augmenter([SpecNoise(std=50.0)])),
            ("clf", CNN2DClassifier(**params, random_state=0, **clf)),
        ]
    )


def expected_loss(pipe, X, y, weights=None):
    return log_loss(y, pipe.predict_proba(X), sample_weight=weights)


def settled(**params):
    """Parameters that leave batch norm's statistics as training left them."""
    return {"batch_norm": False, **params}


@pytest.mark.parametrize("given", ["list", "array", "series", "raw clips", "clips"])
def test_clips_given_to_validate_on_go_the_way_of_training(files, given):
    paths, others = files
    pipe = make_pipe(**settled())
    X_val = {
        "list": others,
        "array": np.array(others),
        "series": pd.Series(others),
        "raw clips": RawWave(normalize="peak").fit(paths).transform(others),
    }.get(given)
    if given == "clips":
        X_val = clone_fit(pipe, paths)[:-1].transform(others)
    pipe.fit(paths, Y, clf__X_val=X_val, clf__y_val=Y_OTHERS)
    # The loss of the last epoch is that of the fitted pipeline: the way is the same,
    # and nothing random was done. float32 sums differ in the last digits.
    loss = pipe["clf"].history_[-1]["valid_loss"]
    assert loss == pytest.approx(expected_loss(pipe, others, Y_OTHERS), rel=1e-5)
    assert pipe["clf"].n_iter_ == 2


def clone_fit(pipe, paths):
    from sklearn.base import clone

    return clone(pipe).fit(paths, Y)


def test_metadata_routing_transforms_the_clips_to_validate_on(files):
    paths, others = files
    with config_context(enable_metadata_routing=True):
        pipe = make_pipe(**settled()).set_params(transform_input=["X_val"])
        pipe["clf"].set_fit_request(X_val=True, y_val=True)
        pipe.fit(paths, Y, X_val=others, y_val=Y_OTHERS)
        loss = pipe["clf"].history_[-1]["valid_loss"]
        assert loss == pytest.approx(expected_loss(pipe, others, Y_OTHERS), rel=1e-5)


def test_arrays_are_validated_on_arrays_of_the_same_steps():
    pipe = make_pipe(front=False, **settled())
    X_val = clone_fit(pipe, WAVES)[:-1].transform(OTHERS)
    assert isinstance(X_val, np.ndarray)
    pipe.fit(WAVES, Y, clf__X_val=X_val, clf__y_val=Y_OTHERS)
    loss = pipe["clf"].history_[-1]["valid_loss"]
    assert loss == pytest.approx(expected_loss(pipe, OTHERS, Y_OTHERS), rel=1e-5)
    with pytest.raises(ValueError, match="takes spectrograms") as raised:
        pipe.fit(WAVES, Y, clf__X_val=OTHERS, clf__y_val=Y_OTHERS)
    assert "said of X_val" in raised.value.__notes__[0]


def test_bare_arrays_are_validated_on_bare_arrays(make_data, quick):
    X, y = make_data()
    X_val, y_val = make_data(18, random_state=1)
    clf = quick(early_stopping=True, max_epochs=30, n_iter_no_change=3)
    clf.fit(X, y, X_val=X_val, y_val=y_val)
    losses = [row["valid_loss"] for row in clf.history_]
    assert clf.best_epoch_ == 1 + int(np.argmin(losses))
    proba = clf.predict_proba(X_val)
    # Batch norm's statistics are settled anew after so few steps; without that the
    # loss is that of the best epoch.
    assert log_loss(y_val, proba) < 1.5 * min(losses) + 0.1


def test_all_clips_are_trained_on_where_others_are_given_to_validate_on(X, Y, quick):
    params = {"max_epochs": 2, "lr_schedule": None}
    given = quick(early_stopping=True, **params).fit(X, Y, X_val=X[:6], y_val=Y[:6])
    plain = quick(**params).fit(X, Y)
    np.testing.assert_array_equal(given.predict_proba(X), plain.predict_proba(X))
    assert "valid_loss" not in plain.history_[0]
    watched = quick(**params).fit(X, Y, X_val=X[:6], y_val=Y[:6])
    assert {"valid_loss", "valid_accuracy"} <= set(watched.history_[0])


def test_weights_of_the_clips_to_validate_on_weigh_the_loss(make_data, quick):
    X, y = make_data()
    X_val, y_val = make_data(9, random_state=1)
    weights = np.arange(9.0)
    clf = quick(batch_norm=False, max_epochs=1, lr_schedule=None)
    clf.fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weights)
    expected = log_loss(y_val, clf.predict_proba(X_val), sample_weight=weights)
    assert clf.history_[0]["valid_loss"] == pytest.approx(expected, rel=1e-5)


def test_tags_and_numbers_are_validated_on_too(X, quick):
    tags = np.stack([np.arange(36) % 2, np.arange(36) % 3 == 0], axis=1).astype(int)
    clf = quick(max_epochs=2).fit(X, tags, X_val=X[:12], y_val=tags[:12])
    assert np.isfinite(clf.history_[-1]["valid_roc_auc"])
    reg = CNN2DRegressor(n_filters=(4,), max_epochs=2, random_state=0)
    reg.fit(X, np.arange(36.0), X_val=X[:12], y_val=np.arange(12.0))
    assert np.isfinite(reg.history_[-1]["valid_r2"])


def test_clips_to_validate_on_fit_the_same_cache(X, Y, quick, capsys):
    clips = ClipArray.from_array(X)
    scaled = Standardizer().fit(clips).transform(clips)
    quick(max_epochs=1, verbose=1, cache_bytes=scaled.nbytes).fit(
        scaled, Y, X_val=scaled[:12], y_val=Y[:12]
    )
    out = capsys.readouterr().out
    assert out.count("cached on cpu") == 1
    assert "exceed cache_bytes=0" in out


def test_caches_of_waveforms_share_the_budget(capsys):
    waves = ClipArray.from_array(np.random.default_rng(0).normal(size=(24, 4000)))
    waves = Standardizer().fit(waves).transform(waves)  # not in memory as they are
    mel = MelSpectrogram(16, n_fft=512, hop_length=128)
    X = mel.fit_transform(Augmenter().fit_transform(waves))
    clf = CNN2DClassifier(n_filters=(4,), max_epochs=1, random_state=0, verbose=1)
    # Of the clips to train on the waveforms are cached, as the Augmenter changes them;
    # of those to validate on the spectrograms.
    clf.set_params(cache_bytes=(24 * 4000 + 12 * 16 * 32) * 4)
    clf.fit(X, np.arange(24) % 2, X_val=X[:12], y_val=np.arange(12) % 2)
    out = capsys.readouterr().out
    assert out.count("cached on cpu") == 2
    clf.set_params(cache_bytes=clf.cache_bytes - 1)
    clf.fit(X, np.arange(24) % 2, X_val=X[:12], y_val=np.arange(12) % 2)
    assert "exceed cache_bytes=" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"X_val": np.zeros((3, 12, 8))}, "of X_val and y_val one is given"),
        ({"y_val": [0, 1]}, "of X_val and y_val one is given"),
        ({"sample_weight_val": [1, 1]}, "sample_weight_val is given without"),
        ({"X_val": np.zeros((3, 12, 8)), "y_val": [0, 1]}, "inconsistent numbers"),
        ({"X_val": np.zeros((2, 9, 8)), "y_val": [0, 1]}, "12 features|12 bins"),
        ({"X_val": ["a.wav"], "y_val": [0]}, "given file paths"),
        ({"X_val": np.zeros((2, 12, 8)), "y_val": [0, 7]}, r"y has labels \[7\]"),
        ({"X_val": np.zeros((0, 12, 8)), "y_val": []}, "X_val is empty"),
        ({"groups": [1, 2]}, "inconsistent numbers"),
    ],
)
def test_wrong_clips_to_validate_on_are_refused(X, Y, quick, given, message):
    clf = quick()
    with pytest.raises(ValueError, match=message):
        clf.fit(X, Y, **given)
    assert not hasattr(clf, "module_")


def test_clips_of_another_way_or_rate_are_refused(files):
    paths, others = files
    pipe = make_pipe()
    mel = MelSpectrogram(16, n_fft=256, hop_length=128)
    other_way = mel.fit_transform(RawWave(normalize="peak").fit_transform(others))
    other_rate = RawWave(sr=16000).fit_transform(others)
    for X_val, message in [
        (other_way, "went through other steps"),
        (other_rate, "16000 Hz, those of training at 22050"),
        (OTHERS, "clips of training come from files"),
    ]:
        with pytest.raises(ValueError, match=message):
            pipe.fit(paths, Y, clf__X_val=X_val, clf__y_val=Y_OTHERS)
    clips = ClipArray.from_array(WAVES)
    with pytest.raises(ValueError, match="clips of training come from an array"):
        make_pipe(front=False).fit(clips, Y, clf__X_val=others, clf__y_val=Y_OTHERS)


def test_groups_stay_on_one_side():
    groups = np.repeat(np.arange(20), 3)
    y = np.repeat(np.arange(20) % 2, 3)
    tags = np.stack([y, 1 - y], axis=1)
    for labels, stratify in [(y, True), (tags, True), (y.astype(float), False)]:
        for seed in range(5):
            train, valid = split_rows(
                labels, 0.2, seed, stratify=stratify, groups=groups
            )
            assert not set(groups[train]) & set(groups[valid])
            assert sorted([*train, *valid]) == list(range(60))
            assert len(valid) == 12  # whole groups are a fifth exactly
    for seed in range(5):
        # Labels keep their shares where groups allow it.
        assert y[split_rows(y, 0.2, seed, groups=groups)[1]].mean() == 0.5


@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.5, 0.8])
def test_groups_of_small_data_come_near_the_fraction(fraction):
    y = np.arange(80) % 10  # 8 rows a class
    groups = np.arange(80) // 4
    for seed in range(5):
        train, valid = split_rows(y, fraction, seed, groups=groups)
        assert abs(len(valid) - fraction * 80) <= 2  # half a group
        assert set(y[train]) == set(range(10))


def test_class_of_one_group_stays_in_training():
    y = np.array([0] * 8 + [1] * 8 + [2] * 4)
    groups = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 8, 8])
    for seed in range(10):
        assert set(y[split_rows(y, 0.2, seed, groups=groups)[0]]) == {0, 1, 2}


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([None, "a"] * 18, "cannot be sorted"),
        (np.zeros((36, 2)), r"groups has shape \(36, 2\)"),
        (np.zeros(36), "1 group only"),
    ],
)
def test_wrong_groups_are_refused(X, Y, quick, groups, message):
    with pytest.raises(ValueError, match=message):
        quick(early_stopping=True).fit(X, Y, groups=groups)


def test_groups_without_a_split_are_said_to_be_unused(X, Y, quick):
    with pytest.warns(UserWarning, match="groups is not used"):
        quick(max_epochs=1).fit(X, Y, groups=np.arange(36))


def test_groups_of_a_fit_reach_the_split(X, Y, quick):
    groups = np.arange(36) // 3
    clf = quick(early_stopping=True, validation_fraction=0.25, max_epochs=2)
    clf.fit(X, Y, groups=groups)
    assert "valid_loss" in clf.history_[0]


def test_tags_to_validate_on_are_matched_by_their_names(X, quick):
    values = np.stack([np.arange(36) % 2, np.arange(36) % 3 == 0], axis=1).astype(int)
    tags = pd.DataFrame(values, columns=["piano", "voice"])
    losses = [
        quick(max_epochs=1)
        .fit(X, tags, X_val=X[:12], y_val=tags[:12][columns])
        .history_[0]["valid_loss"]
        for columns in (["piano", "voice"], ["voice", "piano"])
    ]
    assert losses[0] == losses[1]
    other = tags[:12].rename(columns={"piano": "PIANO"})
    with pytest.raises(ValueError, match=r"columns \['PIANO', 'voice'\]"):
        quick().fit(X, tags, X_val=X[:12], y_val=other)
    clf = quick(warm_start=True, max_epochs=1).fit(X, tags)
    with pytest.raises(ValueError, match=r"columns \['PIANO', 'voice'\]"):
        clf.fit(X, tags.rename(columns={"piano": "PIANO"}))
