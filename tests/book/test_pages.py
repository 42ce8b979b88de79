"""Each page of the book runs by itself, and what pages stand on holds."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "book"
PAGES = sorted(
    path
    for path in [
        *(BOOK / "chapters").glob("*.md"),
        *(BOOK / "reference").glob("*.md"),
        *(ROOT / "examples").glob("*.py"),
    ]
    if path.suffix == ".py" or path.read_text().startswith("---\njupytext:")
)
# Packages that differ between the two environments: Sphinx, and what it holds back.
OF_SPHINX = {"Sphinx", "alabaster", "docutils", "platformdirs"}


def pins(path):
    """Return the versions of a constraints file by package."""
    lines = [line for line in path.read_text().splitlines() if "==" in line]
    return dict(line.split("==") for line in lines if not line.startswith("#"))


@pytest.mark.book
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_page_runs_by_itself_and_prints_no_error(path):
    import jupytext
    from nbclient import NotebookClient

    notebook = jupytext.read(path)
    assert any(cell.cell_type == "code" for cell in notebook.cells)
    folder = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources=folder
    )
    client.execute()  # raises at the first cell that does
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    printed = [out for out in outputs if out["output_type"] == "stream"]
    assert [out["text"] for out in printed if out["name"] == "stderr"] == []


def test_pins_of_the_book_are_those_of_the_tests_but_for_sphinx():
    ours, books = pins(ROOT / "constraints.txt"), pins(BOOK / "constraints.txt")
    both = ours.keys() & books.keys()
    assert "torch" in both
    assert {name for name in both if ours[name] != books[name]} <= OF_SPHINX


def test_pages_are_all_in_the_table_of_contents():
    contents = (BOOK / "_toc.yml").read_text()
    listed = set(re.findall(r"file: (\S+)", contents))
    pages = {
        path.relative_to(BOOK).with_suffix("").as_posix() for path in BOOK.rglob("*.md")
    }
    examples = {f"examples/{path.stem}" for path in (ROOT / "examples").glob("*.py")}
    made = ("_build/", "reference/generated/", "reference/tables/", "intro")
    assert {p for p in pages if not p.startswith(made)} | examples == listed


def test_page_of_benchmarks_has_the_table_of_each_result():
    found = {path.stem for path in (ROOT / "benchmarks" / "results").glob("*.json")}
    page = (BOOK / "reference" / "benchmarks.md").read_text()
    assert set(re.findall(r"tables/(\w+)\.md", page)) == found


@pytest.mark.parametrize(
    "path",
    sorted((ROOT / "benchmarks" / "results").glob("*.json")),
    ids=lambda p: p.stem,
)
def test_table_of_a_benchmark_is_made_of_its_json(path):
    from benchmarks.__main__ import page

    found = json.loads(path.read_text())
    text = page(found)
    assert "| --- |" in text
    assert f"`python -m benchmarks {path.stem}` on {found['machine']['date']}" in text
