"""What the book needs of Sphinx beyond its extensions.

- Examples become pages, tables of benchmarks are made from their JSON and the table of
  networks from `sktag.nets`, before Sphinx looks for pages.
- Notebooks are run on all cores at once; Sphinx, which would run one after the other,
  finds them in the cache, and runs again, to say what is wrong, what failed.
- MathJax comes from a package, as a file of the book.
- References to other packages are resolved by the lists in ``inventories``.
- Of a class, what sktag and scikit-learn's base classes wrote gets onto its page, not
  what torch passes on to it.
"""

import hashlib
import json
import shutil
import sys
import zlib
from importlib.metadata import distribution
from pathlib import Path

import jupytext
import networks
from jupyter_cache import get_cache
from jupyter_cache.executors import load_executor

BOOK = Path(__file__).parents[1]
ROOT = BOOK.parent
BUILD = BOOK / "_build"
CACHE = BUILD / ".jupyter_cache"
MATHJAX = "tex-chtml.js"
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
FORMAT = {"text_representation": {"extension": ".md", "format_name": "myst"}}
READER = {"type": "plugin", "name": "myst_nb_md"}
# Where the pages of other packages' objects are.
SITES = {
    "scipy": "https://docs.scipy.org/doc/scipy/",
    "sklearn": "https://scikit-learn.org/stable/",
    "skorch": "https://skorch.readthedocs.io/en/stable/",
}


def setup(app):
    """Connect to Sphinx."""
    app.connect("config-inited", _prepare, priority=100)
    app.connect("builder-inited", _execute)
    app.connect("autodoc-skip-member", _skip_what_torch_wrote)
    return {"parallel_read_safe": True}


def _prepare(app, config):
    """Make what the pages are read from."""
    _forget_what_is_stale(app)
    _convert_examples()
    _write_tables()
    config.html_extra_path.append(_copy_mathjax())
    # Beside _static, of which Sphinx loads every file on every page.
    config.mathjax_path = f"../mathjax/{MATHJAX}"
    config.mathjax_options = {"defer": "defer"}
    config.intersphinx_mapping = {
        name: (site, (_inventory(name),)) for name, site in SITES.items()
    }


def _forget_what_is_stale(app):
    """Remove what was made of the pages by another state of the package."""
    digest = hashlib.sha256()
    for path in [*sorted(ROOT.glob("sktag/**/*.py")), BOOK / "constraints.txt"]:
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    stamp = BUILD / "package.sha256"
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    made = (CACHE, Path(app.doctreedir), BOOK / "reference" / "generated")
    for folder in made:
        shutil.rmtree(folder, ignore_errors=True)
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(digest.hexdigest())


def _convert_examples():
    """Put the examples among the pages, as notebooks in Markdown."""
    pages = BOOK / "examples"
    pages.mkdir(exist_ok=True)
    names = set()
    for path in (ROOT / "examples").glob("*.py"):
        notebook = jupytext.read(path)
        notebook.metadata = {"jupytext": FORMAT, "kernelspec": KERNEL}
        names.add(f"{path.stem}.md")
        _write(pages / f"{path.stem}.md", jupytext.writes(notebook, fmt="md:myst"))
    for path in pages.glob("*.md"):
        if path.name not in names:
            path.unlink()


def _write_tables():
    """Write the tables of each benchmark's JSON, and the table of networks."""
    sys.path.insert(0, str(ROOT))
    from benchmarks.__main__ import page

    pages = BOOK / "reference" / "tables"
    pages.mkdir(exist_ok=True)
    for path in (ROOT / "benchmarks" / "results").glob("*.json"):
        _write(pages / f"{path.stem}.md", page(json.loads(path.read_text())))
    _write(pages / "networks.md", networks.page())


def _write(path, text):
    """Write a file, unless it is there: Sphinx reads again what is newer."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def _execute(app):
    """Run the notebooks whose outputs are not in the cache."""
    cache = get_cache(CACHE)
    pages = [
        str(path)
        for path in sorted(BOOK.glob("*/*.md"))
        if path.read_text(encoding="utf-8").startswith("---\njupytext:")
    ]
    for page in pages:
        cache.add_nb_to_project(page, read_data=READER)
    executor = load_executor("local-parallel", cache)
    # The cache also remembers pages that are gone.
    executor.run_and_cache(filter_uris=pages, timeout=app.config.nb_execution_timeout)


def _copy_mathjax():
    """Return a folder with MathJax in it: one script and its fonts."""
    package = distribution("sphinx-mathjax-offline")
    source = Path(package.locate_file("sphinx-mathjax-offline/static/mathjax"))
    folder = BUILD / "extra"
    fonts = "output/chtml/fonts/woff-v2"
    shutil.copytree(source / fonts, folder / "mathjax" / fonts, dirs_exist_ok=True)
    shutil.copy(source / MATHJAX, folder / "mathjax")
    return str(folder)


def _inventory(name):
    """Return the list of a package's objects in the form that Sphinx reads."""
    names = (BOOK / "inventories" / f"{name}.txt").read_text(encoding="utf-8")
    lines = [line for line in names.splitlines() if line and line[0] != "#"]
    path = BUILD / "inventories" / f"{name}.inv"
    path.parent.mkdir(parents=True, exist_ok=True)
    head = (
        f"# Sphinx inventory version 2\n# Project: {name}\n# Version: \n"
        "# The remainder of this file is compressed using zlib.\n"
    )
    body = "".join(f"{line}\n" for line in lines)
    path.write_bytes(head.encode() + zlib.compress(body.encode()))
    return str(path)


def _skip_what_torch_wrote(app, what, name, obj, skip, options):
    """Say whether a member is left out of a class's page."""
    function = getattr(obj, "fget", None) or getattr(obj, "func", None) or obj
    module = getattr(function, "__module__", None) or ""
    if what == "class" and not module.startswith(("sktag", "sklearn.base")):
        return True
    return skip
