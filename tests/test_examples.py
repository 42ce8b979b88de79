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


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")
def test_monitoring_shows_each_epoch_as_table_figure_and_events(run, tmp_path):
    from tensorboard.backend.event_processing import event_accumulator as events

    out = run("monitoring.py", "--n-clips", "60", "--duration", "2", "--epochs", "4")
    assert "Test accuracy" in out
    assert re.search(r"epoch .*stage.*train_loss .*valid_loss .*roc_auc", out)
    written = tmp_path / "monitoring_output"
    assert (written / "training.png").read_bytes()[:4] == b"\x89PNG"
    logged = events.EventAccumulator(str(written / "tensorboard")).Reload()
    told = {
        line.split()[1]: line
        for line in re.findall(r"^epoch +\d/4  .*$", out, re.MULTILINE)
    }
    assert len(told) == 4
    for part in ("train", "valid"):
        scalars = logged.Scalars(f"Loss/{part}_loss")
        assert [scalar.step for scalar in scalars] == [1, 2, 3, 4]
        for scalar in scalars:
            line = told[f"{scalar.step}/4"]
            printed = float(re.search(rf"{part} loss ([\d.]+)", line)[1])
            assert scalar.value == pytest.approx(printed, abs=1e-4)  # 4 digits
