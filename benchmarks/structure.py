"""How far a reader of sktag has to go: files, imports, and what a fit enters.

Counting rules:

- Lines are those of all ``.py`` files in ``sktag``, blank ones and comments included.
- The import chain is the longest sequence of files each of which imports the next at
  module level. ``__init__.py`` files only pass names on: a chain goes through them, and
  they are not counted. Imports in functions and under ``if TYPE_CHECKING`` do not
  count. The depth is the number of imports in the chain, one less than its files.
- `_traced.py` runs ``pipe.fit(paths, y)`` and then ``pipe.predict_proba(paths)`` in a
  fresh process, under a profile function in every thread. It sees the calls of Python
  functions whose code is in ``sktag``, in the order in which they begin; returns are
  not counted. Files and functions are those entered at least once. A function is a
  code object, which includes comprehensions (before Python 3.12) and the bodies of
  modules and classes that are first imported during the call. A file change is a call
  into another file than that of the call before it in the same thread. One thread
  decodes, so that every run gives the same counts.
"""

import ast
from collections import Counter
from functools import cache
from pathlib import Path

from benchmarks._checkouts import HERE, ask, describe, heads
from benchmarks._timing import table

CALLS = ("fit", "predict_proba")


def structure(data, device, root=HERE, before=None):
    """Count what there is in one checkout, or in two."""
    results = {} if before is None else {"before": _count(before)}
    results["after"] = _count(root)
    return results


def _count(root):
    package = Path(root, "sktag")
    paths = sorted(package.rglob("*.py"))
    n_files = Counter(str(path.parent.relative_to(root)) for path in paths)
    n_lines = sum(len(path.read_text("utf-8").splitlines()) for path in paths)
    chain = longest_chain(package)
    return {
        "checkout": describe(root),
        "folders": dict(sorted(n_files.items())),
        "n_files": len(paths),
        "n_lines": n_lines,
        "import_chain": chain,
        **ask("_traced.py", root),
    }


def longest_chain(package):
    """Return the longest chain of module-level imports within a package.

    Parameters
    ----------
    package : Path
        Folder of the package.

    Returns
    -------
    list of str
        Names of modules, each of which imports the next; without ``__init__.py``.
    """
    files = {}
    for path in package.rglob("*.py"):
        parts = path.relative_to(package.parent).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path

    @cache
    def chain(name):
        imported = sorted(_imports(name, files))
        rest = max(map(chain, imported), key=len, default=())
        return rest if files[name].name == "__init__.py" else (name, *rest)

    return list(max(map(chain, sorted(files)), key=len))


def _imports(name, files):
    """Return the modules of a package that a module of it imports at its top level."""
    found = set()
    for node in ast.parse(files[name].read_text("utf-8")).body:
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = node.level - (files[name].name == "__init__.py")
                parts = name.split(".")
                base = ".".join([*parts[: len(parts) - up], *filter(None, [base])])
            targets = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for target in targets:
            while target and target not in files:  # a name in a module, not a module
                target = target.rpartition(".")[0]
            found.add(target)
    return found - {"", name}


def report(results):
    """Return the tables of the book."""
    sides = list(results.values())
    columns = heads(results)
    folders = sorted({folder for side in sides for folder in side["folders"]})

    def row(name, value):
        return [name, *map(value, sides)]

    sizes = [
        row(f"files in `{name}`", lambda side, name=name: side["folders"].get(name, 0))
        for name in folders
    ]
    sizes += [
        row("files", lambda side: side["n_files"]),
        row("lines", lambda side: f"{side['n_lines']:,}"),
        row("depth of imports", lambda side: len(side["import_chain"]) - 1),
    ]
    calls = [
        row(
            f"{what}, `{call}`",
            lambda side, call=call, key=key: side[call][key],
        )
        for call in CALLS
        for key, what in (
            ("files", "files entered"),
            ("functions", "functions entered"),
            ("changes", "file changes"),
        )
    ]
    chains = "\n".join(
        f"- {head}: {' → '.join(f'`{name}`' for name in side['import_chain'])}"
        for head, side in zip(columns, sides, strict=True)
    )
    return "\n\n".join(
        [
            table(["size", *columns], sizes),
            "What one call enters, of a pipeline of RawWave, MelSpectrogram, "
            "Standardizer, Augmenter and CNN2DClassifier on eight files, in a fresh "
            "process. A file change is a call into another file than that of the call "
            "before it.",
            table(["call", *columns], calls),
            f"The longest import chains, without `__init__.py`:\n\n{chains}",
        ]
    )
