"""Checks of y: what is refused, with which remedy, and columns matched by name."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.pipeline import make_pipeline

from sktag import CNN2DClassifier, MelSpectrogram, RawWave, Standardizer, Summarizer
from sktag.targets._checks import (
    align_tags,
    check_any,
    check_labels,
    check_values,
    tag_names,
)

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


# ------------------------------------------------ before anything is read


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0, 1, 0, 1, 0], "X has 6 clips and y has 5 rows"),
        ([0, "0", 1, "1", 0, 1], "mixes numbers and text"),
        (["a", None] * 3, "NaN or None in 3 of 6 rows"),
        ([1.0, np.inf] * 3, "infinity in 3 of 6 rows"),
        (np.array([[-1, 1], [1, -1]] * 3), r"-1 and 1, .*give \(y \+ 1\) // 2"),
        (np.array([[0, 2], [2, 0]] * 3), "0 and 2, .*give y // 2"),
        (
            pd.DataFrame({"a": [0, 1] * 3, "b": [np.nan] * 6}),
            "all 6 rows of column 'b'",
        ),
        (np.array([[0, np.inf], [1, 0]] * 3), "infinity in 3 of 6 rows"),
    ],
    ids=lambda value: None,
)
@pytest.mark.parametrize("last", [Standardizer, Summarizer])
def test_wrong_y_is_refused_before_any_audio_is_read(
    wave_paths, decoded, y, message, last
):
    steps = [RawWave(), MelSpectrogram(16), last()]
    if last is Standardizer:
        steps.append(CNN2DClassifier())
    with pytest.raises(ValueError, match=message):
        make_pipeline(*steps).fit(wave_paths, y)
    assert decoded == []


def test_y_that_some_estimator_takes_passes():
    numbers = np.array([[-1.0, 1.0], [1.0, -1.0]])
    for y in (None, [], numbers, [1.5, 2], ["a", "b"], np.array([[0, np.nan], [1, 0]])):
        assert check_any(y) is None
    np.testing.assert_array_equal(check_values(numbers), numbers)


# ----------------------------------------------------------------- of tags


@pytest.mark.parametrize(
    ("low", "high", "remedy"), [(-1, 1, r"\(y \+ 1\) // 2"), (0, 2, "y // 2")]
)
@pytest.mark.parametrize("make", [np.array, csr_matrix, pd.DataFrame])
@pytest.mark.parametrize("dtype", [int, float])
def test_tags_of_another_coding_are_refused_in_y_and_y_val(
    X, quick, low, high, remedy, make, dtype
):
    tags = np.stack([np.arange(36) % 2, np.arange(36) % 3 == 0], axis=1).astype(int)
    other = make(np.where(tags == 1, high, low).astype(dtype))
    with pytest.raises(ValueError, match=f"tags are coded 0 and 1: give {remedy}"):
        quick().fit(X, other)
    with pytest.raises(ValueError, match="coded 0 and 1") as caught:
        quick().fit(X, tags, X_val=X, y_val=other)
    assert caught.value.__notes__ == ["This concerns y_val."]


def test_one_hot_rows_warn_and_name_argmax(X, Y, quick):
    with pytest.warns(UserWarning, match=r"36 rows .* exactly one 1.*argmax\(axis=1\)"):
        quick(max_epochs=1).fit(X, np.eye(3, dtype=int)[Y])
    # Of two columns, one may be the absence of the other.
    quick(max_epochs=1).fit(X, np.eye(2, dtype=int)[Y % 2])


def test_tags_with_missing_entries_are_floats():
    tags = np.array([[0, np.nan], [1, 0]])
    np.testing.assert_array_equal(check_labels(tags), tags)
    with pytest.raises(ValueError, match=r"other values than 0 and 1 \(0.5 in row 1"):
        check_labels(np.array([[0, np.nan], [1, 0.5]]))


def test_text_for_a_regressor_is_refused():
    with pytest.raises(ValueError, match=r"y holds text .'120'.*regressor takes"):
        check_values(["120", "98"])
