"""Tags: indicator matrices of any container, and weights of their positives."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_matrix
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import get_scorer, roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_predict

from sktag.targets._tags import TagTargets
from sktag.training._net import RowLoss

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


@pytest.mark.parametrize("n_tags", [2, 3, 50])
def test_tags_work_with_scikit_learns_scorers(quick, make_tags, n_tags):
    Xt, tags = make_tags(n_tags)
    clf = quick()
    assert clf.fit(Xt, tags).predict(Xt).shape == tags.shape
    assert clf.predict_proba(Xt).shape == tags.shape
    proba = clf.predict_proba(Xt)
    np.testing.assert_array_equal(clf.predict(Xt), proba > 0.5)
    for name in ("roc_auc", "average_precision"):
        got = get_scorer(name)(clf, Xt, tags)
        assert got > (0.9 if n_tags <= 3 else 0.5)
    assert get_scorer("roc_auc")(clf, Xt, tags) == roc_auc_score(tags, proba)


def test_tags_work_in_cross_val_predict_and_grid_search(quick, make_tags):
    Xt, tags = make_tags(3)
    proba = cross_val_predict(quick(), Xt, tags, cv=3, method="predict_proba")
    assert roc_auc_score(tags, proba) > 0.9
    search = GridSearchCV(quick(), {"lr": [1e-2, 1e-4]}, scoring="roc_auc", cv=3)
    assert search.fit(Xt, tags).best_params_ == {"lr": 1e-2}


@pytest.mark.parametrize("make", [np.array, csr_matrix, pd.DataFrame, lambda t: t > 0])
def test_tags_in_any_container_are_the_same(quick, make_tags, make):
    Xt, tags = make_tags(3)
    clf = quick(max_epochs=2).fit(Xt, make(tags))
    expected = quick(max_epochs=2).fit(Xt, tags).predict_proba(Xt)
    np.testing.assert_array_equal(clf.predict_proba(Xt), expected)


def test_one_tag_is_raveled_to_two_classes(quick, make_data):
    Xb, yb = make_data(n_classes=2)
    with pytest.warns(DataConversionWarning, match="column-vector"):
        clf = quick().fit(Xb, yb[:, np.newaxis])
    assert clf.predict_proba(Xb).shape == (36, 2)
    with pytest.warns(DataConversionWarning, match="column-vector"):
        sparse = quick().fit(Xb, csr_matrix(yb[:, np.newaxis]))
    np.testing.assert_array_equal(sparse.predict_proba(Xb), clf.predict_proba(Xb))


def test_columns_of_tags_become_tag_names(quick, make_tags):
    Xt, tags = make_tags(2)
    frame = pd.DataFrame(tags, columns=["piano", "drums"])
    clf = quick(max_epochs=1).fit(Xt, frame)
    assert clf.tag_names_.tolist() == ["piano", "drums"]
    assert not hasattr(clf.fit(Xt, tags), "tag_names_")


def test_balanced_tags_weigh_the_positives(quick, make_tags):
    Xt, tags = make_tags(2)
    tags[:, 0] = 0
    tags[:4, 0] = 1
    plain = quick(max_epochs=3).fit(Xt, tags).predict_proba(Xt)
    balanced = quick(max_epochs=3, class_weight="balanced").fit(Xt, tags)
    assert balanced.predict_proba(Xt)[:, 0].mean() > plain[:, 0].mean()
    # 36 clips without the first tag, 4 with it.
    n = tags[:, 1].sum()
    by_hand = quick(max_epochs=3, class_weight={0: 9.0, 1: (40 - n) / n}).fit(Xt, tags)
    np.testing.assert_allclose(
        balanced.predict_proba(Xt), by_hand.predict_proba(Xt), atol=1e-6
    )


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({"piano": 2.0}, r"keys \['piano'\], but columns of tags are \[0, 1\]"),
        ({2: 2.0}, r"keys \[2\], but columns of tags"),
        ({1: -0.5}, "has -0.5 for 1"),
    ],
)
def test_wrong_weights_of_tags_raise(quick, make_tags, class_weight, message):
    Xt, tags = make_tags(2)
    with pytest.raises(ValueError, match=message):
        quick(class_weight=class_weight).fit(Xt, tags)


@pytest.mark.parametrize("smoothing", [0.1, 0.5])
def test_smoothed_tags_are_drawn_to_a_half(smoothing):
    logits = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 3)))
    tags = torch.from_numpy(np.random.default_rng(1).integers(0, 2, (4, 3)) * 1.0)
    criterion = RowLoss(TagTargets(3), smoothing)
    soft = np.where(tags == 1, 1 - smoothing / 2, smoothing / 2)
    proba = 1 / (1 + np.exp(-logits.numpy()))
    expected = -(soft * np.log(proba) + (1 - soft) * np.log(1 - proba))
    np.testing.assert_allclose(
        criterion(logits, tags), expected.mean(axis=1), rtol=1e-12
    )


def test_weights_count_annotated_tags_alone():
    tags = np.array([[1, 0], [np.nan, 0], [np.nan, 1], [0, np.nan]])
    targets = TagTargets(2).configured("cross_entropy", "balanced", tags)
    assert targets.positive.tolist() == [1, 2]
    assert targets.row_weights(tags).tolist() == [1, 0.5, 0.5, 0.5]


@pytest.mark.parametrize("mixup_alpha", [0, 0.4])
def test_loss_of_a_fit_is_the_mean_over_annotated_entries(
    quick, make_tags, mixup_alpha
):
    X, tags = make_tags(3)
    y = np.where(np.random.default_rng(0).random(tags.shape) < 0.4, np.nan, tags)
    y[:5] = np.nan
    # Steps of 1e-30 are lost: the network is as at first in all batches.
    params = {"lr": 1e-30, "batch_norm": False, "dropout": 0.0, "max_epochs": 1}
    clf = quick(**params, batch_size=8, mixup_alpha=mixup_alpha)
    row = clf.fit(X, y, X_val=X, y_val=y).history_[0]
    proba, known = clf.predict_proba(X), ~np.isnan(y)
    expected = -np.log(np.where(tags == 1, proba, 1 - proba))[known].mean()
    assert row["valid_loss"] == pytest.approx(expected, rel=1e-5)  # in float32
    if mixup_alpha:
        assert np.isfinite(row["train_loss"])
    else:
        assert row["train_loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("loss", ["cross_entropy", "focal"])
def test_tags_are_learned_from_half_of_the_annotations(quick, make_tags, loss):
    X, tags = make_tags(3, n_clips=80)
    y = np.where(np.random.default_rng(0).random(tags.shape) < 0.5, np.nan, tags)
    clf = quick(loss=loss, class_weight="balanced", mixup_alpha=0.2, max_epochs=30)
    clf.set_params(early_stopping=True, validation_fraction=0.25, monitor="roc_auc")
    clf.fit(X, y)
    assert np.isfinite([row["valid_loss"] for row in clf.history_]).all()
    unknown = np.isnan(y)
    proba = clf.predict_proba(X)
    assert roc_auc_score(tags[unknown], proba[unknown]) > 0.9


@pytest.mark.parametrize("kind", ["array", "frame", "nullable", "masked"])
def test_missing_tags_in_any_container_are_the_same(quick, make_tags, kind):
    X, tags = make_tags(3)
    y = np.where(np.random.default_rng(0).random(tags.shape) < 0.3, np.nan, tags)
    makes = {
        "array": np.array,
        "frame": pd.DataFrame,
        "nullable": lambda y: pd.DataFrame(y).astype("Int64"),
        "masked": np.ma.masked_invalid,
    }
    clf = quick(max_epochs=2).fit(X, makes[kind](y))
    expected = quick(max_epochs=2).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), expected.predict_proba(X))
    assert clf.score(X, makes[kind](y)) == expected.score(X, y)


def test_column_without_annotations_raises_and_is_named(quick, make_tags):
    X, tags = make_tags(2)
    y = pd.DataFrame(tags, columns=["piano", "drums"]).astype(float)
    y["drums"] = np.nan
    with pytest.raises(ValueError, match="all 40 rows of column 'drums': leave"):
        quick().fit(X, y)
    with pytest.raises(ValueError, match="all 40 rows of column 1: leave"):
        quick().fit(X, y.to_numpy())
    # A batch of many, or the rows to validate on, may lack a tag.
    clf = quick(max_epochs=1).fit(X, tags, X_val=X, y_val=y.to_numpy())
    clf.partial_fit(X, y.to_numpy())


def test_no_annotation_to_validate_on_raises(quick, make_tags):
    X, tags = make_tags(2)
    with pytest.raises(ValueError, match="y_val some annotated tags"):
        quick().fit(X, tags, X_val=X, y_val=np.full(tags.shape, np.nan))
    y = tags.astype(float)
    y[2:] = np.nan  # one of the two rows is kept to train on
    y[0], y[1] = 0, 1
    groups = np.arange(40) // 2
    clf = quick(early_stopping=True, validation_fraction=0.2)
    with pytest.raises(ValueError, match=r"8 held-out clips .* none of .* annotated"):
        clf.fit(X, y, groups=groups)


def test_tags_are_coded_as_they_are_and_come_back():
    targets, tags = TagTargets(3), np.array([[0, 1, 1], [1, 0, 0]])
    codes = targets.encode(tags)
    assert codes.dtype == np.float32
    np.testing.assert_array_equal(targets.predict(targets.ideal_outputs(codes)), tags)
    assert targets.classes.tolist() == [[0, 1]] * 3
    np.testing.assert_array_equal(targets.row_weights(codes), [1, 1])


@pytest.mark.parametrize("y", [np.zeros(4), np.zeros((4, 2))])
def test_tags_of_another_number_raise(y):
    with pytest.raises(ValueError, match="was trained on 3 tags"):
        TagTargets(3).encode(y)


def test_balanced_positives_weigh_negatives_over_positives():
    tags = np.array([[1, 0, 1], [0, 0, 1], [0, 0, 1], [0, 0, 1]])
    targets = TagTargets(3).configured("cross_entropy", "balanced", tags)
    # A tag that no clip has weighs 1, and one that all have next to nothing.
    np.testing.assert_allclose(targets.positive, [3, 1, 1e-3])
    given = TagTargets(3).configured("cross_entropy", {1: 5.0}, tags)
    assert given.positive.tolist() == [1, 5, 1]
    assert TagTargets(3).configured("focal", None, tags).positive is None
