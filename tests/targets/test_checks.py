"""Checks of y: what is refused, with which remedy, and columns matched by name."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from sktag.targets._checks import align_tags, check_labels, check_values, tag_names

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


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


@pytest.mark.parametrize(
    "y", [["a", "b"], np.array([3, 1]), np.array([0.0, 1.0]), pd.Series(["a", "b"])]
)
def test_labels_of_any_type_are_a_column_as_they_are(y):
    found = check_labels(y)
    assert isinstance(found, np.ndarray)
    assert found.tolist() == list(y)


def test_indicator_of_any_container_is_a_matrix_of_integers():
    tags = np.array([[0, 1], [1, 1], [0, 0]])
    for y in (tags, tags.astype(bool), tags.astype(float), csr_matrix(tags)):
        found = check_labels(y)
        assert found.dtype.kind == "i"
        np.testing.assert_array_equal(found, tags)
    np.testing.assert_array_equal(check_labels(pd.DataFrame(tags)), tags)


@pytest.mark.parametrize("y", [[1, 2.5], np.array([[1.0], [2.5]]), pd.Series([1, 2.5])])
@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
def test_one_number_a_clip_is_a_column(y):
    found = check_values(y)
    assert found.dtype == np.float64
    assert found.tolist() == [1, 2.5]


@pytest.mark.parametrize(
    ("y", "message"),
    [(None, "y is None"), ([1, np.nan], "NaN"), ([1, np.inf], "infinity")],
)
def test_numbers_that_are_not_finite_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        check_values(y)


def test_columns_are_brought_in_the_order_of_the_names():
    y = pd.DataFrame([[1, 0], [0, 1]], columns=["drums", "piano"])
    assert tag_names(y).tolist() == ["drums", "piano"]
    aligned = align_tags(y, np.array(["piano", "drums"]))
    assert aligned.to_numpy().tolist() == [[0, 1], [1, 0]]
    assert align_tags(y, None) is y
    bare = y.to_numpy()
    assert align_tags(bare, np.array(["piano", "drums"])) is bare
    assert tag_names(bare) is None
