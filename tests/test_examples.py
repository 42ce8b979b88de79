"""The examples run as scripts, on few clips; tests/book runs them as notebooks."""

import json
import re
import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
# Few clips make short trainings.
few = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


@pytest.fixture
def run(monkeypatch, tmp_path, capfd):
    """Return a function that runs an example in an empty folder: its output."""
    import matplotlib.pyplot as plt

    monkeypatch.chdir(tmp_path)

    def run_example(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capfd.readouterr().out

    yield run_example
    plt.close("all")


def number(pattern, text):
    """Return the number after a pattern at the start of a line."""
    return float(re.search(rf"^\s*{pattern}:? *([+-]?[\d.]+)", text, re.MULTILINE)[1])


def written(folder):
    """Return the names of the files in a folder, and check that figures are PNG."""
    for path in folder.glob("*.png"):
        assert path.read_bytes()[:4] == b"\x89PNG"
    return {path.name for path in folder.iterdir() if path.is_file()}


@pytest.mark.slow
@few
def test_quickstart_trains_saves_and_predicts_in_a_new_process(run, tmp_path):
    out = run("quickstart.py", "--n-clips", "60", "--duration", "2", "--epochs", "8")
    assert "40 clips to train on, 20 to test on." in out
    assert re.search(r"^epoch +1/8  train loss", out, re.MULTILINE)
    assert 0 <= number("Test accuracy of the network", out) <= 1
    assert 0 <= number("1-nearest neighbour on mean spectra", out) <= 1
    figures = {"learning.png", "spectrograms.png", "confusion.png"}
    folder = tmp_path / "quickstart_output"
    assert written(folder) == {*figures, "model.joblib"}
    again = re.search(r"in a new process:\n((?:  .*\n)+)True:\n((?:  .*\n)+)", out)
    predicted, true = (part.splitlines() for part in again.groups())
    assert len(predicted) == len(true) == 5
    import joblib

    pipe = joblib.load(folder / "model.joblib")
    for line in predicted:
        assert re.fullmatch(r"  \w+ \(\d+%\)", line)
        assert line.split()[0] in pipe.classes_


@pytest.mark.slow
@few
def test_quickstart_and_baseline_take_a_table_of_files(run, tmp_path):
    from sktag.datasets import make_music

    music = make_music(36, sr=8000, duration=1, random_state=0, directory="wav")
    pairs = zip(music.paths, music.target, strict=True)
    rows = [f"{path},{label}" for path, label in pairs]
    table = tmp_path / "songs.csv"
    table.write_text("\n".join(["file,style", *rows]))
    given = ("--data", str(table), "--label-column", "style")
    out = run("quickstart.py", *given, "--epochs", "2")
    assert "24 clips to train on, 12 to test on." in out
    out = run("classical_baseline.py", *given)
    assert "24 clips to search on, 12 to test on." in out


@pytest.mark.slow
def test_classical_baseline_finds_a_pipeline_above_chance(run, tmp_path):
    out = run("classical_baseline.py", "--n-clips", "54", "--duration", "2")
    assert "36 clips to search on, 18 to test on." in out
    assert "Searched 15 pipelines" in out
    for classifier in ("SVC, C=1", "1-nearest neighbour", "forest"):
        assert re.search(rf"^  [01]\.\d+ {classifier}, \w+$", out, re.MULTILINE)
    assert "'sum__stats': (" in out
    assert 1 / 6 < number("Test accuracy", out) <= 1
    assert [path.name for path in tmp_path.iterdir()] == ["classical_baseline_output"]
    folder = tmp_path / "classical_baseline_output"
    assert written(folder) == {"search.png", "confusion.png"}


def test_architectures_compares_all_and_shows_those_named(run, tmp_path):
    out = run("architectures.py", "dieleman2014", "se")
    # Of the layer table, for 50 tags: what is built has as many.
    assert re.search(r"^fcn4 +17,365,938 +17,365,938 +343,521,312$", out, re.MULTILINE)
    assert re.search(r"^dieleman2014, input 128 x 94$", out, re.MULTILINE)
    assert re.search(r"^se, input 59049$", out, re.MULTILINE)
    assert "fcn4, input" not in out
    assert written(tmp_path / "architectures_output") == {"architectures.png"}


def test_architectures_names_those_there_are_for_a_wrong_name(run, capfd):
    with pytest.raises(SystemExit):
        run("architectures.py", "fcn3")
    assert "'fcn3' is none of dieleman2014, " in capfd.readouterr().err


@few
def test_grid_search_finds_the_best_of_front_ends_and_networks(run, tmp_path):
    out = run("grid_search.py", "--n-clips", "36", "--epochs", "6")
    assert "24 clips to search on, 12 to test on." in out
    assert out.count("Best front-end of the ") == 2
    assert re.search(r"^Best: [12]D network on \w", out, re.MULTILINE)
    guess = number("Most frequent class", out)
    assert guess < number("Accuracy in the search", out) <= 1
    assert 0 <= number("Test accuracy", out) <= 1  # of few clips
    assert written(tmp_path / "grid_search_output") == {"grid.png"}


@pytest.mark.slow
@few
def test_own_parts_searches_over_networks_and_losses(run, tmp_path):
    out = run("own_parts.py", "--n-clips", "96", "--duration", "1", "--epochs", "2")
    scores = re.findall(r"^width +(\d+), (\w+) *: (\d\.\d+)$", out, re.MULTILINE)
    losses = ["cross_entropy", "generalised_cross_entropy"]
    assert [(width, loss) for width, loss, _ in scores] == [
        (width, loss) for width in ("8", "16") for loss in losses
    ]
    assert all(0 <= float(score) <= 1 for *_, score in scores)
    assert "gru (GRU)" in out
    assert re.search(r"^Embedding: \(32, (16|32)\)$", out, re.MULTILINE)
    assert 0 <= number("Test accuracy", out) <= 1
    assert written(tmp_path / "own_parts_output") == {"history.png"}


@few
def test_multilabel_tagging_scores_tags_and_follows_them(run, tmp_path):
    out = run("multilabel_tagging.py", "--n-clips", "72", "--epochs", "8")
    assert "Y has the shape (48, 8)" in out
    guess = number("guessing +0.500", out)
    assert 0.3 < guess < 0.5
    for name in ("network", "logistic regression"):
        assert 0.5 < number(name, out) <= 1
        assert guess < number(rf"{name} +[\d.]+", out) <= 1
    assert "(recordings, chunks, tags): (1, 24, 8)" in out
    assert written(tmp_path / "multilabel_tagging_output") == {
        "tags.png",
        "taggram.png",
    }


@few
def test_timeline_follows_the_tags_of_a_joined_recording(run, tmp_path):
    sizes = ("--n-clips", "60", "--duration", "3", "--n-parts", "6", "--epochs", "10")
    out = run("timeline.py", *sizes)
    assert "A recording of 18 s: 33 windows of 2 s" in out
    assert 0.5 < number("ROC-AUC of 12 clips not trained on", out) <= 1
    assert 0.5 < number("ROC-AUC of the windows within a part", out) <= 1
    label = r"^\d+\.\d+\t\d+\.\d+\t\w+$"
    folder = tmp_path / "timeline_output"
    labels = (folder / "recording.txt").read_text().splitlines()
    assert labels
    assert all(re.fullmatch(label, line) for line in labels)
    assert set(re.findall(label, out, re.MULTILINE)) <= set(labels)
    assert written(folder) == {"timeline.png", "recording.wav", "recording.txt"}


@few
def test_timeline_takes_a_table_of_files_and_tags(run, tmp_path):
    from sktag.datasets import make_music

    music = make_music(
        30, task="tags", sr=8000, duration=3, random_state=0, directory="wav"
    )
    chosen = [music.target_names.index(tag) for tag in ("drums", "organ")]
    pairs = zip(music.paths, music.target[:, chosen], strict=True)
    rows = [f"{path},{drums},{organ}" for path, (drums, organ) in pairs]
    (tmp_path / "songs.csv").write_text("\n".join(["file,drums,organ", *rows]))
    given = ("--data", "songs.csv", "--tags", "drums", "organ")
    out = run("timeline.py", *given, "--duration", "3", "--epochs", "2")
    assert "A recording of 18 s: 33 windows of 2 s" in out
    assert 0 <= number("ROC-AUC of the windows within a part", out) <= 1


@few
def test_regression_compares_two_networks_with_the_mean(run, tmp_path):
    out = run("regression.py", "--n-clips", "60", "--epochs", "20")
    assert "40 clips to train on, 20 to test on." in out
    mean = number("mean", out)
    for name in ("1D network", "2D network"):
        assert 0 < number(name, out) < mean
    assert re.search(r"^2D minus 1D: [+-][\d.]+ semitones", out, re.MULTILINE)
    assert written(tmp_path / "regression_output") == {"cqt.png", "scatter.png"}


@few
def test_augmentation_compared_gives_a_verdict_on_each_way(run, tmp_path):
    sizes = ("--n-train", "18", "--n-test", "24", "--epochs", "4", "--repeats", "2")
    out = run("augmentation_compared.py", *sizes)
    assert "2 x 18 clips to train on, 24 to test on." in out
    plain, augmented, mixup = (
        re.search(rf"^{way} +([\d.]+) +([\d.]+)   ([\d. ]+)$", out, re.MULTILINE)
        for way in ("neither", "augmented", "mixup")
    )
    for row in (plain, augmented, mixup):
        scores = [float(score) for score in row[3].split()]
        assert len(scores) == 2
        assert float(row[2]) == pytest.approx(sum(scores) / 2, abs=1.1e-3)
    verdict = r"(helps here|hurts here|makes no clear difference): ([+-][\d.]+) on"
    for name, row in (("augmented", augmented), ("mixup", mixup)):
        gain = float(re.search(rf"^{name} {verdict}", out, re.MULTILINE)[2])
        assert gain == pytest.approx(float(row[2]) - float(plain[2]), abs=1.6e-3)
    assert written(tmp_path / "augmentation_compared_output") == {
        "draws.png",
        "scores.png",
    }


@few
def test_train_on_a_folder_makes_one_where_none_is_given(run, tmp_path):
    out = run("train_on_a_folder.py", "--n-clips", "36", "--epochs", "4")
    assert out.count("    6 files of ") == 5
    assert "    7 files of guitar" in out
    assert "'music/guitar/broken.wav' is not a sound file" in out
    assert "Trained on 24 files" in out
    assert 0 <= number("Test accuracy of the network", out) <= 1
    folder = tmp_path / "train_on_a_folder_output"
    assert len(list(folder.glob("music/*/*.wav"))) == 37
    assert written(folder) == {"confusion.png", "model.joblib"}
    new = re.findall(r"^\d+\.wav: [\w ]+ \(\d+%\)$", out, re.MULTILINE)
    assert len(new) == 5


@few
def test_train_on_a_folder_takes_that_of_the_user(run, tmp_path):
    from sktag.datasets import make_music

    music = make_music(12, sr=8000, duration=1, random_state=0, directory="mine")
    for path, label in zip(music.paths, music.target, strict=True):
        side = "odd" if label in ("blues", "bossa", "dance") else "even"
        (tmp_path / "mine" / side).mkdir(exist_ok=True)
        Path(path).replace(tmp_path / "mine" / side / Path(path).name)
    out = run("train_on_a_folder.py", "--data", "mine", "--epochs", "2")
    assert "6 files of even, such as even/genre_" in out
    assert "shortest 1.0 s, median 1.0 s, longest 1.0 s" in out
    assert not (tmp_path / "train_on_a_folder_output" / "music").exists()


@few
def test_monitoring_shows_each_epoch_as_table_figure_and_events(run, tmp_path):
    from tensorboard.backend.event_processing import event_accumulator as events

    out = run("monitoring.py", "--n-clips", "60", "--duration", "2", "--epochs", "4")
    assert "Test accuracy" in out
    assert re.search(r"epoch .*stage.*train_loss .*valid_loss .*roc_auc", out)
    folder = tmp_path / "monitoring_output"
    assert written(folder) == {"training.png"}
    logged = events.EventAccumulator(str(folder / "tensorboard")).Reload()
    told = {
        line.split()[1]: line
        for line in re.findall(r"^epoch +\d/4  .*$", out, re.MULTILINE)
    }
    assert len(told) == 4
    losses = [float(line.split("train loss ")[1].split()[0]) for line in told.values()]
    assert min(losses[1:]) < losses[0]
    for part in ("train", "valid"):
        scalars = logged.Scalars(f"Loss/{part}_loss")
        assert [scalar.step for scalar in scalars] == [1, 2, 3, 4]
        for scalar in scalars:
            line = told[f"{scalar.step}/4"]
            printed = float(re.search(rf"{part} loss ([\d.]+)", line)[1])
            assert scalar.value == pytest.approx(printed, abs=1e-4)  # 4 digits


@pytest.mark.slow
@pytest.mark.weights
@few
def test_transfer_compares_published_and_random_weights(run):
    out = run("transfer.py", "--n-clips", "66", "--duration", "1.5")
    assert "60 clips to train on, 6 to test on." in out
    for what in ("Published weights", "Random weights"):
        assert 0 <= number(f"{what}, frozen", out) <= 1
    assert 0 <= number("Statistics of mel bands", out) <= 1


def test_figures_have_caption_name_and_text_for_who_cannot_see_them():
    names = []
    for path in EXAMPLES.glob("*.py"):
        for cell in re.split(r"^# %%", path.read_text("utf-8"), flags=re.MULTILINE):
            if ".savefig(" not in cell:
                continue
            head = cell.partition("\n")[0].strip()
            metadata = json.loads(head.removeprefix("mystnb="))
            assert metadata["figure"]["caption"].endswith(".")
            assert metadata["image"]["alt"].endswith(".")
            names.append(metadata["figure"]["name"])
    assert len(names) == len(set(names)) >= 9
    assert all(name.startswith("fig-ex-") for name in names)
