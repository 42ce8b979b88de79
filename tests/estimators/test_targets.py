"""Labels, tags and weights of CNN2DClassifier: what is learned of y, and answered."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import get_scorer, roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_predict,
)

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["blues", "rock", "waltz"]),
        np.array(["blues", "rock", "waltz"], dtype=object),
        np.array([3, -1, 70]),
        np.array([0.0, 1.0, 2.0]),
    ],
    ids=["str", "object", "int", "float"],
)
def test_labels_of_any_type_are_learned(X, Y, quick, labels):
    y = labels[Y]
    clf = quick().fit(X, y)
    assert clf.score(X, y) == 1
    np.testing.assert_array_equal(clf.classes_, np.unique(y))
    assert clf.predict(X).dtype == y.dtype
    proba = clf.predict_proba(X)
    assert proba.shape == (36, 3)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_array_equal(clf.classes_[proba.argmax(axis=1)], clf.predict(X))
    np.testing.assert_array_equal(
        clf.decision_function(X).argsort(axis=1), proba.argsort(axis=1)
    )


def test_two_classes_have_one_decision(quick, make_data):
    Xb, yb = make_data(n_classes=2)
    clf = quick().fit(Xb, np.array(["no", "yes"])[yb])
    scores = clf.decision_function(Xb)
    assert scores.shape == (36,)
    proba = clf.predict_proba(Xb)[:, 1]
    np.testing.assert_array_equal(scores.argsort(), proba.argsort())
    assert clf.score(Xb, np.array(["no", "yes"])[yb]) == 1
    assert get_scorer("roc_auc")(clf, Xb, np.array(["no", "yes"])[yb]) == 1


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


def test_one_tag_is_raveled_to_two_classes(quick, make_data):
    Xb, yb = make_data(n_classes=2)
    with pytest.warns(DataConversionWarning, match="column-vector"):
        clf = quick().fit(Xb, yb[:, np.newaxis])
    assert clf.predict_proba(Xb).shape == (36, 2)
    with pytest.warns(DataConversionWarning, match="column-vector"):
        sparse = quick().fit(Xb, csr_matrix(yb[:, np.newaxis]))
    np.testing.assert_array_equal(sparse.predict_proba(Xb), clf.predict_proba(Xb))


@pytest.mark.parametrize("make", [np.array, csr_matrix, pd.DataFrame, lambda t: t > 0])
def test_tags_in_any_container_are_the_same(quick, make_tags, make):
    Xt, tags = make_tags(3)
    clf = quick(max_epochs=2).fit(Xt, make(tags))
    expected = quick(max_epochs=2).fit(Xt, tags).predict_proba(Xt)
    np.testing.assert_array_equal(clf.predict_proba(Xt), expected)


def test_columns_of_tags_become_tag_names(quick, make_tags):
    Xt, tags = make_tags(2)
    frame = pd.DataFrame(tags, columns=["piano", "drums"])
    clf = quick(max_epochs=1).fit(Xt, frame)
    assert clf.tag_names_.tolist() == ["piano", "drums"]
    assert not hasattr(clf.fit(Xt, tags), "tag_names_")


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


def test_balanced_classes_weigh_the_rare_one(X, Y, quick):
    y = (Y == 2).astype(int)
    plain = quick(max_epochs=3).fit(X, y).predict_proba(X)[:, 1].mean()
    balanced = quick(max_epochs=3, class_weight="balanced").fit(X, y)
    assert balanced.predict_proba(X)[:, 1].mean() > plain
    by_hand = quick(max_epochs=3).fit(X, y, sample_weight=np.where(y == 1, 1.5, 0.75))
    np.testing.assert_allclose(
        balanced.predict_proba(X), by_hand.predict_proba(X), atol=1e-6
    )


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
        ({"rock": 2.0}, r"keys \['rock'\], but the classes are \[0, 1, 2\]"),
        ({0: -1.0}, "has -1.0 for 0"),
        ({0: np.nan}, "has nan for 0"),
        ({0: "2"}, "has '2' for 0"),
        ({0: 0, 1: 0, 2: 0}, "the weights of all training clips are 0"),
    ],
)
def test_wrong_class_weights_raise(X, Y, quick, class_weight, message):
    with pytest.raises(ValueError, match=message):
        quick(class_weight=class_weight).fit(X, Y)


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


def test_partial_fit_of_a_new_class_raises(X, Y, quick):
    clf = quick().partial_fit(X[Y < 2], Y[Y < 2])
    with pytest.raises(ValueError, match=r"labels .*2.* not among the classes"):
        clf.partial_fit(X, Y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.arange(35) % 3, "inconsistent numbers of samples"),
        (np.zeros(36), "1 class only"),
        (None, "target y is None"),
        ([["piano", "drums"]] * 36, "MultiLabelBinarizer"),
        ([{"piano"}] * 36, "MultiLabelBinarizer"),
        (pd.Series([["piano"], ["piano", "drums"]] * 18), "MultiLabelBinarizer"),
        (np.random.default_rng(0).normal(size=36), "Unknown label type: continuous"),
        (np.arange(72).reshape(36, 2) % 5, "0 and 1"),
        (np.where(np.arange(36) == 3, np.nan, 1.0), "contains NaN .* in row 3"),
        (np.array(["a"] * 34 + [None, "b"], dtype=object), "in 1 of .* in row 34"),
        (pd.Series(["a"] * 34 + [pd.NA, np.nan]), "in 2 of 36 rows .* in row 34"),
    ],
)
def test_bad_y_raises(X, quick, y, message):
    with pytest.raises(ValueError, match=message):
        quick().fit(X, y)
