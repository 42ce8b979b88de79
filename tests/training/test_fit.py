"""One training: its history, its warning, and what it refuses."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest

from sktag import ClipArray
from sktag.ops import ScaleOp

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


def test_one_clip_to_train_on_raises_where_there_is_batch_norm(X, quick):
    y = np.array([[0, 1]])
    with pytest.raises(ValueError, match=r"1 training sample.* batch_norm=False"):
        quick().fit(X[:1], y)
    with pytest.raises(ValueError, match=r"1 training sample.* batch_norm=False"):
        quick().partial_fit(X[:1], y)
    two = np.array([[0, 1], [1, 0]])
    left = quick(early_stopping=True, validation_fraction=0.5)
    with pytest.raises(ValueError, match="1 training sample, of 2 given"):
        left.fit(X[:2], two)
    plain = quick(batch_norm=False)
    assert plain.fit(X[:1], y).predict(X[:1]).tolist() == [[0, 1]]
    assert plain.partial_fit(X[:1], y).n_iter_ == 16


def test_one_clip_on_top_of_others_raises_and_leaves_them_learned(X, Y, quick):
    clf = quick().fit(X, Y)
    expected = clf.predict_proba(X)
    with pytest.raises(ValueError, match="1 training sample"):
        clf.partial_fit(X[:1], Y[:1])
    np.testing.assert_array_equal(clf.predict_proba(X), expected)


def test_history_has_a_row_an_epoch(X, Y, quick):
    clf = quick(max_epochs=3, early_stopping=True, validation_fraction=0.25).fit(X, Y)
    assert [row["epoch"] for row in clf.history_] == [1, 2, 3]
    assert set(clf.history_[0]) == {
        "epoch",
        "train_loss",
        "valid_loss",
        "valid_accuracy",
        "lr",
        "seconds",
    }
    assert pd.DataFrame(clf.history_).shape == (3, 6)


def test_fit_leaves_no_data_behind(X, Y, quick):
    clips = ClipArray.from_array(X).map(ScaleOp(np.zeros(12), np.ones(12)))
    clf = quick(early_stopping=True, validation_fraction=0.3).fit(clips, Y)
    assert clf.net_.train_split is None
    assert clf.net_.score is None
    assert len(pickle.dumps(clf)) < 100_000


def test_few_steps_warn_with_the_number_and_the_remedy(X, Y, quick):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match=r"45 steps .*max_epochs=100"):
            quick().fit(X, Y)
        quick(max_epochs=100).fit(X, Y)
