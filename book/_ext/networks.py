"""The networks and what to cite for them, from the records in `sktag.nets`."""

import re

from sktag import nets

ESTIMATORS = {
    "cnn1d": "CNN1DClassifier",
    "cnn2d": "CNN2DClassifier",
    "sample_cnn": "SampleCNNClassifier",
}


def page():
    """Return a table of the networks in Markdown, and the BibTeX of their papers."""
    rows, entries = {}, {}
    for family, records in nets.ARCHITECTURES.items():
        for name, record in records.items():
            # Variants of a network with the same papers share a row.
            is_own = record.year is None
            key = (family, record.network, record.citations, is_own)
            rows.setdefault(key, []).append(f'`"{name}"`')
            entries |= {_key(entry): entry for entry in record.citations}
    lines = [
        "| `architecture` | Estimator | Class | Cite |",
        "| --- | --- | --- | --- |",
        *(_row(names, *key) for key, names in rows.items()),
    ]
    return "\n".join([*lines, "", "```bibtex", *entries.values(), "```", ""])


def _row(names, family, network, citations, is_own):
    cite = ", ".join(f"`{_key(entry)}`" for entry in citations)
    if is_own:
        cite = f"sktag; its parts are from {cite}"
    # The reference lists a class under the name by which it is imported.
    is_exported = network.__name__ in nets.__all__
    module = nets.__name__ if is_exported else network.__module__
    estimator = f"{{class}}`~sktag.{ESTIMATORS[family]}`"
    cls = f"{{class}}`~{module}.{network.__name__}`"
    return f"| {', '.join(names)} | {estimator} | {cls} | {cite} |"


def _key(entry):
    """Return the key of a BibTeX entry."""
    return re.match(r"@\w+\{(\w+),", entry)[1]
