"""Labels of any type, and weights of the classes."""

import numpy as np
import pytest
from sklearn.metrics import get_scorer

from sktag.targets._labels import ClassTargets

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


def test_balanced_classes_weigh_the_rare_one(X, Y, quick):
    y = (Y == 2).astype(int)
    plain = quick(max_epochs=3).fit(X, y).predict_proba(X)[:, 1].mean()
    balanced = quick(max_epochs=3, class_weight="balanced").fit(X, y)
    assert balanced.predict_proba(X)[:, 1].mean() > plain
    by_hand = quick(max_epochs=3).fit(X, y, sample_weight=np.where(y == 1, 1.5, 0.75))
    np.testing.assert_allclose(
        balanced.predict_proba(X), by_hand.predict_proba(X), atol=1e-6
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


def test_partial_fit_of_a_new_class_raises(X, Y, quick):
    clf = quick().partial_fit(X[Y < 2], Y[Y < 2])
    with pytest.raises(ValueError, match=r"labels .*2.* not among the classes"):
        clf.partial_fit(X, Y)


def test_labels_are_coded_by_their_places_among_the_sorted_classes():
    targets = ClassTargets.learn(np.array(["b", "a", "c", "a"]))
    assert targets.classes.tolist() == ["a", "b", "c"]
    codes = targets.encode(np.array(["c", "a"]))
    assert codes.tolist() == [2, 0]
    assert targets.predict(targets.ideal_outputs(codes)).tolist() == ["c", "a"]


def test_classes_may_be_given_where_y_lacks_some():
    targets = ClassTargets.learn(np.array([1, 2]), classes=[3, 1, 2])
    assert targets.classes.tolist() == [1, 2, 3]
    assert targets.n_outputs == 3


@pytest.mark.parametrize(
    ("class_weight", "expected"),
    [
        (None, [1, 1, 1]),
        ("balanced", [6 / (3 * 3), 6 / (3 * 2), 6 / (3 * 1)]),
        ({"a": 2.0, "c": 0}, [2, 1, 0]),
    ],
)
def test_weights_of_rows_are_those_of_their_classes(class_weight, expected):
    targets = ClassTargets(np.array(["a", "b", "c"]))
    codes = np.array([0, 0, 0, 1, 1, 2])
    weighted = targets.configured("focal", class_weight, codes)
    np.testing.assert_allclose(weighted.row_weights(codes), np.array(expected)[codes])
    assert weighted.loss_name == "focal"
    assert targets.weights is None  # targets are not changed


def test_balanced_weights_leave_absent_classes_out_of_the_count():
    targets = ClassTargets(np.arange(3)).configured(
        "cross_entropy", "balanced", np.array([0, 0, 0, 2])
    )
    np.testing.assert_allclose(targets.weights[[0, 2]], [4 / (2 * 3), 4 / (2 * 1)])


def test_scores_of_two_classes_are_of_the_second():
    logits = np.random.default_rng(0).normal(size=(5, 2))
    targets = ClassTargets(np.array(["no", "yes"]))
    np.testing.assert_array_equal(
        targets.scores(logits), targets.probabilities(logits)[:, 1]
    )
    assert targets.decisions(logits).shape == (5,)
    three = ClassTargets(np.arange(3))
    assert three.scores(np.zeros((5, 3))).shape == (5, 3)


def test_large_logits_have_finite_answers():
    logits = np.array([[1e4, -1e4, 0.0]])
    targets = ClassTargets(np.arange(3))
    assert targets.probabilities(logits).tolist() == [[1, 0, 0]]
    assert np.isfinite(targets.combine(np.stack([logits, -logits], 1), "mean")).all()
