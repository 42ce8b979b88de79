"""The lines that a fit prints."""

import numpy as np
import pytest
import sklearn
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


def test_verbose_prints_a_line_an_epoch(X, Y, quick, capsys):
    quick(verbose=1, max_epochs=2, early_stopping=True, validation_fraction=0.3).fit(
        X, Y
    )
    out, err = capsys.readouterr()
    lines = out.splitlines()
    size = f"{X.size * 4 / 1024:.0f} KiB"
    assert lines[0] == f"CNN2DClassifier: {size} of spectrograms are in memory"
    assert lines[1].startswith("epoch   1/2  train loss ")
    assert "valid loss" in lines[2]
    assert "valid accuracy" in lines[2]
    assert len(lines) == 3
    assert err == ""


def test_lines_of_a_search_say_candidate_and_fold(X, Y, quick, capsys):
    search = GridSearchCV(
        quick(verbose=1, max_epochs=1), {"lr": [1e-3, 1e-2]}, cv=2, refit=True
    )
    search.fit(X, Y)
    lines = [line for line in capsys.readouterr().out.splitlines() if "epoch " in line]
    places = [f"candidate {i}/2, fold {k}/2" for i in (1, 2) for k in (1, 2)]
    assert [line.split("  ")[0] for line in lines[:4]] == places
    assert lines[4].startswith("epoch ")  # the refit


def test_lines_of_a_cross_validation_say_the_fold(X, Y, quick, capsys):
    for _ in range(2):
        cross_validate(quick(verbose=1, max_epochs=1), X, Y, cv=2)
    lines = [line for line in capsys.readouterr().out.splitlines() if "epoch " in line]
    assert [line.split("  ")[0] for line in lines] == 2 * ["fold 1", "fold 2"]


def test_groups_that_stop_at_the_folds_are_said_once(X, Y, quick, recwarn):
    clf = quick(max_epochs=1, early_stopping=True, validation_fraction=0.3)
    groups = np.arange(len(X)) // 2
    cross_validate(clf, X, Y, cv=GroupKFold(2), groups=groups)
    lost = [w for w in recwarn if "do not reach" in str(w.message)]
    assert len(lost) == 1
    assert "CNN2DClassifier(...).set_fit_request(groups=True)" in str(lost[0].message)
    assert lost[0].filename == __file__
    recwarn.clear()
    with sklearn.config_context(enable_metadata_routing=True):
        routed = clf.set_fit_request(groups=True)
        cross_validate(routed, X, Y, cv=GroupKFold(2), params={"groups": groups})
    assert not [w for w in recwarn if "do not reach" in str(w.message)]


STOPPING = {"early_stopping": True, "validation_fraction": 0.25}


def test_metrics_are_in_the_line_of_an_epoch(X, Y, quick, capsys):
    quick(**STOPPING, metrics=["f1_macro"], verbose=1, max_epochs=1).fit(X, Y)
    assert "  valid f1 macro " in capsys.readouterr().out.splitlines()[1]
