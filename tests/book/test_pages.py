"""Each page of the book runs on its own; pages, figures and pins are consistent."""

import json
import re
from pathlib import Path

import pytest


def read(path):
    """Return a file's text."""
    return path.read_text(encoding="utf-8")


ROOT = Path(__file__).parents[2]
BOOK = ROOT / "book"
PAGES = sorted(
    path
    for path in [
        *(BOOK / "chapters").glob("*.md"),
        *(BOOK / "reference").glob("*.md"),
        *(ROOT / "examples").glob("*.py"),
    ]
    if path.suffix == ".py" or read(path).startswith("---\njupytext:")
)
# Packages whose versions may differ: Sphinx and the packages that it holds back.
OF_SPHINX = {"Sphinx", "alabaster", "docutils"}


def pins(path):
    """Return the versions of a constraints file by package."""
    lines = [line for line in read(path).splitlines() if "==" in line]
    return dict(line.split("==") for line in lines if not line.startswith("#"))


@pytest.mark.book
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_page_runs_by_itself_and_prints_no_error(path):
    jupytext = pytest.importorskip("jupytext", reason="for `make book-test`")
    nbclient = pytest.importorskip("nbclient", reason="for `make book-test`")
    before = set(path.parent.rglob("*"))
    notebook = jupytext.read(path)
    assert any(cell.cell_type == "code" for cell in notebook.cells)
    folder = {"metadata": {"path": str(path.parent)}}
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources=folder
    )
    client.execute()  # raises at the first cell that does
    assert set(path.parent.rglob("*")) == before
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    printed = [out for out in outputs if out["output_type"] == "stream"]
    assert [out["text"] for out in printed if out["name"] == "stderr"] == []
    for cell in notebook.cells:
        shown = {
            kind for out in cell.get("outputs", []) for kind in out.get("data", {})
        }
        if any(kind.startswith("image/") for kind in shown):
            about = cell.metadata["mystnb"]
            assert about["figure"]["caption"].strip().endswith((".", ")"))
            assert about["figure"]["name"].startswith("fig-")
            assert about["image"]["alt"].strip()


def test_names_of_figures_are_unique_in_the_book():
    names = []
    for path in PAGES:
        text = read(path)
        names += re.findall(r'^ {4}name: (\S+)$|"name": "(fig-[\w-]+)"', text, re.M)
    names = [a or b for a, b in names]
    assert len(names) > 50
    assert len(names) == len(set(names))


def test_pins_of_the_book_are_those_of_the_tests_but_for_sphinx():
    ours, books = pins(ROOT / "constraints.txt"), pins(BOOK / "constraints.txt")
    both = ours.keys() & books.keys()
    assert "torch" in both
    assert {name for name in both if ours[name] != books[name]} <= OF_SPHINX


def test_pages_are_all_in_the_table_of_contents():
    contents = read(BOOK / "_toc.yml")
    listed = set(re.findall(r"file: (\S+)", contents))
    pages = {
        path.relative_to(BOOK).with_suffix("").as_posix() for path in BOOK.rglob("*.md")
    }
    examples = {f"examples/{path.stem}" for path in (ROOT / "examples").glob("*.py")}
    made = (
        "_build/",
        "examples/",
        "intro",
        "reference/generated/",
        "reference/tables/",
    )
    assert {p for p in pages if not p.startswith(made)} | examples == listed


def test_page_of_benchmarks_has_the_table_of_each_result():
    from benchmarks.__main__ import BENCHMARKS, REPORTS

    assert REPORTS.keys() == BENCHMARKS.keys()
    found = {path.stem for path in (ROOT / "benchmarks" / "results").glob("*.json")}
    page = read(BOOK / "reference" / "benchmarks.md")
    assert set(re.findall(r"tables/(\w+)\.md", page)) == found


@pytest.mark.parametrize(
    "path",
    sorted((ROOT / "benchmarks" / "results").glob("*.json")),
    ids=lambda p: p.stem,
)
def test_table_of_a_benchmark_is_made_of_its_json(path):
    from benchmarks.__main__ import page

    found = json.loads(read(path))
    text = page(found)
    assert "| --- |" in text
    assert f"`python -m benchmarks {path.stem}` on {found['machine']['date']}" in text
