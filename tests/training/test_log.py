"""The lines that a fit prints."""

import pytest

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


def test_verbose_prints_a_line_an_epoch(X, Y, quick, capsys):
    quick(verbose=1, max_epochs=2, early_stopping=True, validation_fraction=0.3).fit(
        X, Y
    )
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "CNN2DClassifier: 0 MiB of spectrograms are in memory"
    assert lines[1].startswith("epoch   1/2  train loss ")
    assert "valid loss" in lines[2]
    assert "valid accuracy" in lines[2]
    assert len(lines) == 3
    assert err == ""


STOPPING = {"early_stopping": True, "validation_fraction": 0.25}


def test_metrics_are_in_the_line_of_an_epoch(X, Y, quick, capsys):
    quick(**STOPPING, metrics=["f1_macro"], verbose=1, max_epochs=1).fit(X, Y)
    assert "  valid f1 macro " in capsys.readouterr().out.splitlines()[1]
