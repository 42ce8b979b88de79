"""y in any container becomes the same array, or is refused with the remedy."""

import datetime
from enum import Enum

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_matrix

from sktag.targets._containers import as_array

TAGS = np.array([[0, 1, 1], [1, 0, 0]])
UNKNOWN = np.array([[0, np.nan, 1], [1, 0, np.nan]])


class Mood(Enum):
    CALM = 1


@pytest.mark.parametrize(
    "y",
    [
        ["b", "a"],
        ("b", "a"),
        np.array(["b", "a"]),
        np.array(["b", "a"], dtype=object),
        pd.Series(["b", "a"], index=[7, 3]),
        pd.Series(["b", "a"], dtype="string"),
        pd.Categorical(["b", "a"], categories=["a", "b", "unused"]),
        pd.Series(pd.Categorical(["b", "a"], categories=["a", "b", "unused"])),
        {"x": "b", "y": "a"}.values(),
    ],
    ids=lambda y: type(y).__name__,
)
def test_text_in_any_container_is_the_same(y):
    assert as_array(y).tolist() == ["b", "a"]


@pytest.mark.parametrize(
    "y",
    [
        [2, 1],
        range(2, 0, -1),
        np.array([2, 1], dtype=object),
        pd.Series([2, 1], dtype="Int64"),
        torch.tensor([2, 1]),
    ],
    ids=lambda y: type(y).__name__,
)
def test_numbers_in_any_container_are_an_array_of_numbers(y):
    found = as_array(y)
    assert found.dtype.kind == "i"
    assert found.tolist() == [2, 1]


@pytest.mark.parametrize(
    "make",
    [np.array, csr_matrix, pd.DataFrame, lambda t: t.tolist(), torch.tensor],
    ids=["array", "sparse", "frame", "list", "tensor"],
)
def test_matrix_in_any_container_is_the_same(make):
    np.testing.assert_array_equal(as_array(make(TAGS)), TAGS)


@pytest.mark.parametrize(
    "y",
    [
        UNKNOWN,
        np.ma.masked_invalid(UNKNOWN),
        np.ma.masked_equal([[0, 9, 1], [1, 0, 9]], 9),
        pd.DataFrame(UNKNOWN),
        pd.DataFrame(UNKNOWN).astype("Int64"),
        pd.DataFrame(UNKNOWN).astype("boolean"),
        [[0, None, 1], [1, 0, float("nan")]],
        [[False, None, True], [True, False, pd.NA]],
    ],
    ids=["array", "ma float", "ma int", "frame", "Int64", "boolean", "list", "bools"],
)
def test_missing_entries_of_a_matrix_are_nan(y):
    found = as_array(y)
    assert found.dtype.kind == "f"
    np.testing.assert_array_equal(found, UNKNOWN)


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        ((i for i in range(3)), TypeError, "y is a generator, .* give a list"),
        ({1, 2}, TypeError, "y is a set, .* give a list, in the order of X"),
        ({"a.wav": "x"}, TypeError, "y is a dict with the keys 'a.wav': give a list"),
        ("rock", ValueError, "y is 'rock': give one label"),
        (3, ValueError, "y is 3: give one label"),
        (np.zeros((2, 3, 4)), ValueError, r"y has shape \(2, 3, 4\)"),
        (np.zeros((2, 0)), ValueError, "without columns"),
        ([0, "0", 1, "1"], ValueError, r"mixes numbers and text \(0 in row 0, '0' in "),
        ([True, "a"], ValueError, r"mixes numbers and text .* \[str\(label\)"),
        (pd.Series(["a", 1.5]), ValueError, "mixes numbers and text"),
        ([b"a", b"b"], ValueError, r"holds bytes \(b'a'\).*label.decode\(\)"),
        (np.array([b"a"]), ValueError, r"holds bytes \(b'a'\)"),
        (np.array([1j, 2]), ValueError, "Complex data not supported in y"),
        (np.zeros(2, dtype=[("a", int)]), ValueError, "holds records"),
        ([Mood.CALM], ValueError, "holds Mood .* labels are text or numbers"),
        (pd.date_range("2020", periods=2), ValueError, "holds dates .*2020-01-01"),
        ([datetime.date(2020, 1, 1)], ValueError, "holds dates"),
        ([["piano"], ["piano", "drums"]], ValueError, "MultiLabelBinarizer"),
        ([{"piano": 1}], ValueError, r"a dict in row 0.* pandas.DataFrame\(list\(y"),
        ([[0, 1], [1]], ValueError, r"rows of unequal length .*row 0 is \[0, 1\]"),
        ([np.zeros(2), np.zeros(3)], ValueError, "rows of unequal length"),
        ([[0, "1"], [1, "0"]], ValueError, r"text \('1' in row 0, column 1\)"),
        (pd.DataFrame({"a": ["yes"], "b": [1]}), ValueError, "text .'yes' in row 0"),
        (pd.DataFrame([[0, 1]], columns=["a", "a"]), ValueError, "several .* 'a'"),
    ],
    ids=lambda value: None,
)
def test_what_cannot_be_labels_is_refused_with_the_remedy(y, error, message):
    with pytest.raises(error, match=message):
        as_array(y)
