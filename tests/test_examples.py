"""The examples run, on few clips."""

import re
import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Return a function that runs an example in an empty folder: its output."""
    monkeypatch.chdir(tmp_path)

    def run_example(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return run_example


@pytest.mark.slow
def test_classical_baseline_finds_a_pipeline_above_chance(run, tmp_path):
    out = run("classical_baseline.py", "--n-clips", "54", "--duration", "2")
    assert "36 clips to search on, 18 to test on." in out
    assert "Searched 15 pipelines" in out
    for classifier in ("SVC", "KNeighborsClassifier", "RandomForestClassifier"):
        assert re.search(rf"^  [01]\.\d+ {classifier}", out, re.MULTILINE)
    assert "'sum__stats': (" in out
    accuracy = float(re.search(r"Test accuracy: ([\d.]+)", out)[1])
    assert 1 / 6 < accuracy <= 1
    assert list(tmp_path.iterdir()) == [], "it leaves nothing behind"
