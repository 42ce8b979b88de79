"""The table of networks in the book agrees with the registry."""

import importlib.util
import re
from pathlib import Path

import pytest

from sktag.nets import ARCHITECTURES

BOOK = Path(__file__).parents[2] / "book"
CLASSIFIERS = {
    "cnn1d": "CNN1DClassifier",
    "cnn2d": "CNN2DClassifier",
    "sample_cnn": "SampleCNNClassifier",
}


@pytest.fixture
def page():
    spec = importlib.util.spec_from_file_location(
        "networks", BOOK / "_ext" / "networks.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.page()


def test_table_of_networks_names_each_once_with_entries_that_are_there(page):
    rows = re.findall(r"^\| (`.+`) \| .*~sktag\.(\w+)` \| .* \| (.*) \|$", page, re.M)
    named = [
        (estimator, name)
        for names, estimator, _ in rows
        for name in re.findall(r'`"(\w+)"`', names)
    ]
    expected = [
        (CLASSIFIERS[family], name)
        for family, records in ARCHITECTURES.items()
        for name in records
    ]
    assert sorted(named) == sorted(expected)
    cited = {key for *_, cite in rows for key in re.findall(r"`(\w+)`", cite)}
    entries = re.findall(r"^@\w+\{(\w+),$", page, re.M)
    assert sorted(entries) == sorted(cited)


def test_page_about_citing_includes_the_table():
    text = (BOOK / "reference" / "cite.md").read_text(encoding="utf-8")
    assert "```{include} tables/networks.md\n```" in text
