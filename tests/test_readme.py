"""The README's example runs, its names exist, and its links lead somewhere."""

import pkgutil
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_example_of_the_readme_runs_and_prints_a_score_above_chance(
    tmp_path, monkeypatch, capsys
):
    example = re.search(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)[1]
    lines = [line for line in example.splitlines() if line.strip()]
    assert len(lines) <= 12
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    exec(compile(example, "README.md", "exec"), names)
    score = float(capsys.readouterr().out.split()[-1])
    chance = 1 / len(set(names["music"].target))
    assert chance < score <= 1


def test_table_of_the_readme_names_what_can_be_imported():
    rows = re.findall(r"^\|.*\|$", README, re.MULTILINE)
    names = [name for row in rows for name in re.findall(r"`([\w.]+)`", row)]
    assert {"RawWave", "MelSpectrogram", "CNN2DClassifier"} <= set(names)
    public = [f"sktag.{name.removeprefix('sktag.')}" for name in names]
    assert None not in [pkgutil.resolve_name(name) for name in public]


def test_links_of_the_readme_lead_to_files_and_the_picture_is_small():
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []
    pictures = [link for link in links if link.endswith(".png")]
    assert len(pictures) == 1
    assert (ROOT / pictures[0]).stat().st_size < 100_000
