"""Training and validation rows: X_val, groups and weights."""

import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn import config_context
from sklearn.metrics import log_loss
from sklearn.pipeline import Pipeline

from sktag import (
    Augmenter,
    CNN2DClassifier,
    CNN2DRegressor,
    MelSpectrogram,
    RawWave,
    Standardizer,
)
from sktag.augment import SpecNoise
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
    assert "concerns X_val" in raised.value.__notes__[0]


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


def test_groups_without_a_split_are_said_to_be_unused(X, Y, quick):
    with pytest.warns(UserWarning, match="groups is not used"):
        quick(max_epochs=1).fit(X, Y, groups=np.arange(36))


def test_groups_of_a_fit_reach_the_split(X, Y, quick):
    groups = np.arange(36) // 3
    clf = quick(early_stopping=True, validation_fraction=0.25, max_epochs=2)
    clf.fit(X, Y, groups=groups)
    assert "valid_loss" in clf.history_[0]


def test_sample_weights_equal_repetitions_in_full_batches(X, Y, quick):
    # In one batch an epoch, without batch norm or dropout (whose draws differ), the
    # mean of repeated rows is the weighted mean. Adam divides rounding errors of tiny
    # gradients by their size, hence the tolerance.
    weights = np.where(np.arange(36) < 18, 2, 1)
    params = {"batch_norm": False, "dropout": 0.0, "optimizer": "sgd"}
    weighted = quick(batch_size=36, **params).fit(X, Y, sample_weight=weights)
    repeated = quick(batch_size=54, **params)
    repeated.fit(np.repeat(X, weights, axis=0), np.repeat(Y, weights))
    np.testing.assert_allclose(
        weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-5
    )


def test_scale_of_sample_weights_does_not_matter(X, Y, quick):
    first, second = (
        quick().fit(X, Y, sample_weight=np.full(36, w)).predict_proba(X)
        for w in (1, 50)
    )
    np.testing.assert_array_equal(first, second)


def test_weightless_clips_are_not_learned(X, Y, quick):
    wrong = (Y + 1) % 3
    y = np.concatenate([Y, wrong])
    weights = np.repeat([1.0, 0.0], 36)
    clf = quick().fit(np.concatenate([X, X]), y, sample_weight=weights)
    assert clf.score(X, Y) == 1
