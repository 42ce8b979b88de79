"""Checks of y: what is refused, with which remedy, and columns matched by name."""

import numpy as np
import pandas as pd
import pytest

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
