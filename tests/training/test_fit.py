"""One training: its history, its warning, and what it refuses."""

import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

from sktag import ClipArray
from sktag.ops import ScaleOp

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


def test_one_clip_to_train_on_raises_where_there_is_batch_norm(X, quick):
    y = np.array([[0, 1]])
    with pytest.raises(ValueError, match=r"1 (training )?sample.* batch_norm=False"):
        quick().fit(X[:1], y)
    with pytest.raises(ValueError, match=r"1 (training )?sample.* batch_norm=False"):
        quick().partial_fit(X[:1], y)
    two = np.array([[0, 1], [1, 0]])
    left = quick(early_stopping=True, validation_fraction=0.5)
    with pytest.raises(ValueError, match=r"1 (training )?sample.* of 2 given"):
        left.fit(X[:2], two)
    plain = quick(batch_norm=False)
    assert plain.fit(X[:1], y).predict(X[:1]).tolist() == [[0, 1]]
    assert plain.partial_fit(X[:1], y).n_iter_ == 16


def test_one_clip_on_top_of_others_raises_and_leaves_them_learned(X, Y, quick):
    clf = quick().fit(X, Y)
    expected = clf.predict_proba(X)
    with pytest.raises(ValueError, match=r"1 (training )?sample"):
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


# ------------------------------------------------------------ "fit takes N steps"


@pytest.fixture
def warned():
    """Warnings of few steps, each with the file that it points at."""
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always", ConvergenceWarning)
        yield record


def test_few_steps_warn_with_the_number_and_the_remedy(X, Y, quick, warned):
    quick().fit(X, Y)
    (warning,) = warned
    assert warning.category is ConvergenceWarning
    assert "fit takes 45 steps (3 an epoch, 15 epochs)" in str(warning.message)
    assert "Set max_epochs=100, or a smaller batch_size" in str(warning.message)


def test_enough_steps_do_not_warn(X, Y, quick, warned):
    quick(max_epochs=100).fit(X, Y)
    quick().partial_fit(X, Y)
    assert warned == []


def test_steps_of_earlier_fits_count(X, Y, quick, warned):
    clf = quick(max_epochs=60, warm_start=True).fit(X, Y)
    assert len(warned) == 1
    clf.fit(X, Y)
    assert len(warned) == 1


def test_warning_points_at_the_line_that_fits(X, Y, quick, warned):
    clf = quick(max_epochs=1)
    clf.fit(X, Y)
    make_pipeline(clf).fit(X, Y)
    OneVsRestClassifier(clf).fit(X, np.array(["a", "b"])[Y % 2])
    assert [warning.filename for warning in warned] == [__file__] * 3
    lines = Path(__file__).read_text().splitlines()
    called = [lines[warning.lineno - 1].strip() for warning in warned]
    assert called == [
        "clf.fit(X, Y)",
        "make_pipeline(clf).fit(X, Y)",
        'OneVsRestClassifier(clf).fit(X, np.array(["a", "b"])[Y % 2])',
    ]


def test_each_fit_outside_a_search_warns(X, Y, quick, warned):
    clf = quick(max_epochs=1)
    for _ in range(3):
        clf.fit(X, Y)
    assert len(warned) == 3


@pytest.mark.parametrize("refit", [True, False])
def test_search_in_this_process_warns_once(X, Y, quick, warned, refit):
    grid = {"lr": [1e-2, 1e-3]}
    search = GridSearchCV(quick(max_epochs=1), grid, cv=2, refit=refit)
    search.fit(X, Y)
    (warning,) = warned
    assert warning.filename == __file__
    # Another search is another warning.
    search.fit(X, Y)
    assert len(warned) == 2
    quick(max_epochs=1).fit(X, Y)
    assert len(warned) == 3


def test_cross_validation_in_this_process_warns_once_a_call(X, Y, quick, warned):
    clf = quick(max_epochs=1)
    cross_validate(clf, X, Y, cv=3)
    assert len(warned) == 1
    cross_val_score(make_pipeline(clf), X, Y, cv=3)
    assert len(warned) == 2
    cross_val_predict(clf, X, Y, cv=3)
    assert len(warned) == 3
    assert {warning.filename for warning in warned} == {__file__}


SEARCH = """
import numpy as np
from sklearn.model_selection import GridSearchCV
from sktag import CNN2DClassifier

X = np.random.default_rng(0).normal(size=(36, 12, 8))
clf = CNN2DClassifier(n_filters=(4,), max_epochs=1, random_state=0)
GridSearchCV(clf, {"lr": [1e-2, 1e-3]}, cv=2, n_jobs=2).fit(X, np.arange(36) % 3)
print("done")
"""


def test_search_in_two_processes_warns_once(tmp_path):
    script = tmp_path / "search.py"
    script.write_text(SEARCH)
    # Else Python itself would show it once a process and place.
    always = {**os.environ, "PYTHONWARNINGS": "always"}
    done = subprocess.run(
        [sys.executable, str(script)],
        env=always,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "done"
    assert done.stderr.count("ConvergenceWarning: fit takes") == 1
    # In the main process, whose line is shown.
    assert f"{script}:8: ConvergenceWarning" in done.stderr
