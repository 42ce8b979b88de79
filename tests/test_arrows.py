"""The layout holds: imports point one way, files stay short, and tests mirror them.

The imports are read from the source, those inside functions included, so that a cycle
hidden in a function counts too.
"""

import ast
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parents[1] / "sktag"
TESTS = Path(__file__).parent
MAX_LINES = 430  # aim at 400
MAX_FILES = 20  # of a folder; aim at 15

# What a module may import of sktag: itself, and these. None: anything but `NEVER`.
MAY_IMPORT = {
    "sktag": None,
    "sktag._config": [],
    "sktag._compat": [],
    "sktag._messages": [],
    "sktag._atomic": [],
    "sktag._functions": [],
    "sktag._torch": [],
    "sktag.ops": ["sktag._functions", "sktag._torch"],
    "sktag.augment": ["sktag._torch", "sktag.ops"],
    "sktag.nets": ["sktag._messages"],
    "sktag._weights": ["sktag._atomic", "sktag.nets"],  # modules as arrays, and files
    "sktag.clips": [
        "sktag._atomic",
        "sktag._config",
        "sktag._messages",
        "sktag._torch",
        "sktag.ops.op",
    ],
    "sktag.transformers": [
        "sktag._compat",
        "sktag._functions",
        "sktag._messages",
        "sktag.augment",
        "sktag.clips",
        "sktag.nets",  # the registry, for MelSpectrogram.for_architecture
        "sktag.ops",
        "sktag.targets._checks",  # a wrong y is refused before audio is read
    ],
    "sktag.targets": ["sktag._compat", "sktag._messages"],
    "sktag.training": [
        "sktag._atomic",
        "sktag._compat",
        "sktag._functions",
        "sktag._messages",
        "sktag._torch",
        "sktag.clips",
        "sktag.nets",
        "sktag.targets",
    ],
    "sktag.estimators": [
        "sktag._compat",
        "sktag._functions",
        "sktag._messages",
        "sktag._torch",
        "sktag._weights",
        "sktag.clips",
        "sktag.nets",
        "sktag.targets",
        "sktag.training",
    ],
    "sktag._timeline": None,
    "sktag.recipes": None,
    "sktag.pretrained": None,
    "sktag.datasets": None,
    "sktag.metrics": None,
    "sktag.model_selection": None,
    "sktag.export": None,
    "sktag.testing": None,
    "sktag.inspection": None,
}
# What is there from the first release on; a rule about nothing would pass unnoticed.
ALWAYS_THERE = {
    "sktag._atomic",
    "sktag._compat",
    "sktag._config",
    "sktag._functions",
    "sktag._messages",
    "sktag._torch",
    "sktag.clips",
    "sktag.datasets",
    "sktag.estimators",
    "sktag.nets",
    "sktag.ops",
    "sktag.targets",
    "sktag.testing",
    "sktag.training",
    "sktag.transformers",
}
NEVER = "sktag.inspection"  # it looks at all, nobody looks at it

SCIKIT = ["sklearn", "skorch"]
FILES = ["os", "pathlib"]
FOREIGN_NEVER = {
    "sktag.ops": SCIKIT + FILES,
    "sktag.augment": SCIKIT + FILES,
    "sktag.nets": SCIKIT + FILES,
    "sktag.clips": SCIKIT,
    "sktag.clips._audio": ["torch", *SCIKIT],
    "sktag.targets": ["skorch", *FILES],
    "sktag._messages": ["torch", *SCIKIT],
    "sktag._functions": ["torch", *SCIKIT],
    "sktag._torch": SCIKIT,
}
# They validate X with scikit-learn's public functions, for transformers and estimators.
VALIDATES = {"sktag.clips._inputs", "sktag.clips._rows"}

# They see a frozen plan and data, never an estimator.
KNOW_NO_ESTIMATOR = ("targets", "training")
ESTIMATOR_NAMES = {"estimator", "est", "clf", "reg", "tagger"}

# Modules without a test file of their name: where they are tested instead.
TESTED_IN = {
    "_compat": "training/test_fit.py",  # imports; how often a search warns
    "_config": "clips/test_cache.py",
    "augment/ranges": "augment/test_random_op.py",  # through the ops that have them
    "clips/_display": "clips/test_array.py",
    "clips/_dropped": "transformers/test_augmenter.py",
    "clips/_indexing": "clips/test_array.py",
    "clips/_integers": "clips/test_inputs.py",
    "clips/_listen": "clips/test_array.py",
    "clips/_refusals": "clips/test_inputs.py",
    "clips/layout/_reader": "clips/layout/test_mpeg.py",
    "clips/layout/_record": "clips/layout/test_mpeg.py",
    "clips/layout/_tags": "clips/layout/test_mpeg.py",
    "clips/_rows": "clips/test_inputs.py",
    "datasets/_compose": "datasets/test_music.py",
    "datasets/_synth": "datasets/test_music.py",
    "inspection/_axes": "inspection/test_spectrogram_display.py",
    "inspection/_chosen": "inspection/test_spectrogram_display.py",
    "inspection/_matplotlib": "inspection/test_spectrogram_display.py",
    "inspection/_spectrogram": "inspection/test_spectrogram_display.py",
    "inspection/_timeline": "inspection/test_timeline_display.py",
    "inspection/_training_curve": "inspection/test_training_curve_display.py",
    "ops/random_op": "augment/test_random_op.py",
    "pretrained/_layout": "pretrained/test_won2020.py",
    "pretrained/_musicnn_tags": "pretrained/test_musicnn.py",
    "pretrained/_pipeline": "pretrained/test_won2020.py",
}
# Modules with nothing to test: records and protocols.
UNTESTED = {"targets/_protocol"}


class Import(NamedTuple):
    """One name that a module imports."""

    module: str
    target: str
    at: str


def module_name(path, package):
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_within(name, *prefixes):
    return any(name == p or name.startswith(p + ".") for p in prefixes)


def targets_of(node, module, is_package):
    """Return the dotted names that an import statement asks for."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = node.module or ""
    if node.level:
        up = node.level - is_package
        parts = module.split(".")
        base = ".".join(parts[: len(parts) - up] + ([base] if base else []))
    return [f"{base}.{alias.name}" for alias in node.names]


def imports_of(package, *, only_at_import=False):
    """Return all imports of a package; `only_at_import` leaves out function bodies."""
    found = []
    for path in sorted(package.rglob("*.py")):
        module = module_name(path, package)
        pending = [ast.parse(path.read_text(encoding="utf-8"))]
        while pending:
            node = pending.pop()
            if isinstance(node, ast.Import | ast.ImportFrom):
                at = f"{path.relative_to(package.parent)}:{node.lineno}"
                is_package = path.name == "__init__.py"
                for target in targets_of(node, module, is_package):
                    found.append(Import(module, target, at))
            is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            if not (only_at_import and is_function):
                pending.extend(ast.iter_child_nodes(node))
    assert found, f"no imports found in {package}: the guard would guard nothing"
    return found


def wrong_arrows(imports):
    """Return the imports of sktag by sktag that `MAY_IMPORT` does not allow."""
    wrong = []
    for module, target, at in imports:
        wing = ".".join(module.split(".")[:2])
        if not is_within(target, "sktag"):
            continue
        allowed = MAY_IMPORT[wing]
        if allowed is None:
            fine = wing == NEVER or not is_within(target, NEVER)
        else:
            fine = is_within(target, wing, *allowed)
        if not fine:
            wrong.append(f"{at}: {module} imports {target}")
    return wrong


def foreign_imports(imports):
    """Return the imports of other packages that `FOREIGN_NEVER` forbids."""
    return [
        f"{at}: {module} imports {target}"
        for module, target, at in imports
        for wing, forbidden in FOREIGN_NEVER.items()
        if is_within(module, wing)
        and is_within(target, *forbidden)
        and not (module in VALIDATES and is_within(target, "sklearn.utils.validation"))
    ]


def missing_tests(package, tests):
    """Return the modules without a test file of their name."""
    missing = []
    for path in sorted(package.rglob("*.py")):
        place = path.relative_to(package)
        test = tests / place.with_name(f"test_{place.stem.lstrip('_')}.py")
        if place.stem != "__init__" and not test.exists():
            missing.append(place.with_suffix("").as_posix())
    return missing


def estimators_named(path):
    """Return where a file takes an estimator, or has a variable called like one."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [
        (node.lineno, node.arg if isinstance(node, ast.arg) else node.id)
        for node in ast.walk(tree)
        if isinstance(node, ast.arg | ast.Name)
    ]
    return [
        f"{path.name}:{at}: {name}" for at, name in names if name in ESTIMATOR_NAMES
    ]


def private_sklearn(imports):
    """Return the imports of scikit-learn's private names outside `_compat`."""
    return [
        f"{at}: {module} imports {target}"
        for module, target, at in imports
        if module != "sktag._compat"
        and is_within(target, "sklearn")
        and any(p.startswith("_") and p != "__version__" for p in target.split("."))
    ]


@pytest.fixture(scope="module")
def imports():
    return imports_of(PACKAGE)


@pytest.fixture
def plant(tmp_path):
    """Return a function that writes a package of one module."""

    def write(module, source):
        path = tmp_path.joinpath(*module.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True)
        path.write_text(source)
        return tmp_path / "sktag"

    return write


def test_layout_each_module_is_known_to_the_arrows():
    names = {f"sktag.{p.stem}" for p in PACKAGE.glob("*.py")} - {"sktag.__init__"}
    names |= {f"sktag.{p.parent.name}" for p in PACKAGE.glob("*/*.py")}
    assert names >= ALWAYS_THERE
    assert names <= set(MAY_IMPORT), "say in MAY_IMPORT what the new module may import"


def test_arrows_of_the_package_point_one_way(imports):
    assert wrong_arrows(imports) == []


def test_foreign_packages_of_the_basements_are_torch_and_numpy_only(imports):
    assert foreign_imports(imports) == []


def test_private_sklearn_names_come_through_compat(imports):
    assert any(module == "sktag._compat" for module, _, _ in imports)
    assert private_sklearn(imports) == []


def test_librosa_at_module_level_is_never_imported():
    found = imports_of(PACKAGE, only_at_import=True)
    assert [i.at for i in found if is_within(i.target, "librosa")] == []


def test_import_sktag_in_a_new_process_leaves_slow_packages_alone():
    code = "import sys, sktag; sktag.__all__; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert {"librosa", "numba", "matplotlib"} & set(run.stdout.split()) == set()


def test_files_of_the_package_can_be_read_in_one_sitting():
    n_lines = {
        str(path.relative_to(PACKAGE)): len(path.read_text("utf-8").splitlines())
        for path in PACKAGE.rglob("*.py")
    }
    assert n_lines
    assert {path: n for path, n in n_lines.items() if n > MAX_LINES} == {}


def test_folders_of_the_package_can_be_taken_in_at_a_glance():
    n_files = {
        folder.name: len(list(folder.glob("*.py")))
        for folder in [PACKAGE, *PACKAGE.iterdir()]
        if folder.is_dir() and folder.name != "__pycache__"
    }
    assert n_files
    assert {name: n for name, n in n_files.items() if n > MAX_FILES} == {}


def test_each_module_has_a_test_file_of_its_name():
    missing = set(missing_tests(PACKAGE, TESTS))
    without = missing - set(TESTED_IN) - UNTESTED
    assert without == set(), "add tests/<wing>/test_<name>.py"
    stale = (set(TESTED_IN) | UNTESTED) - missing
    assert stale == set(), "these have one, or are gone: take them off the lists"
    assert [test for test in TESTED_IN.values() if not (TESTS / test).exists()] == []


def test_training_and_targets_take_no_estimator():
    found = []
    for wing in KNOW_NO_ESTIMATOR:
        paths = list((PACKAGE / wing).glob("*.py"))
        assert paths
        for path in paths:
            found += estimators_named(path)
    assert found == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("sktag.clips._array", "from sktag.ops.spectral import Mel"),
        ("sktag.clips._array", "from ..transformers import RawWave"),
        ("sktag.clips._array", "import sktag"),
        ("sktag.ops.cqt", "from sktag.clips import ClipArray"),
        ("sktag.nets.blocks", "def f():\n    from sktag import ClipArray"),
        ("sktag.estimators._base", "from ..transformers._base import ClipTransformer"),
        ("sktag.transformers._cqt", "import sktag.estimators._base"),
        ("sktag.transformers._cqt", "from sktag.training import Chunks"),
        ("sktag.training._fit", "from sktag.estimators._base import BaseTagger"),
        ("sktag.training._fit", "def f():\n    from sktag import CNN2DClassifier"),
        ("sktag.training._data", "from ..transformers import RawWave"),
        ("sktag.training._data", "from sktag.transformers import RawWave"),
        ("sktag.targets._labels", "from sktag.estimators import CNN2DClassifier"),
        ("sktag.targets._labels", "from sktag.training import FitPlan"),
        ("sktag.targets._labels", "from ..clips import ClipArray"),
        ("sktag.nets.fcn", "from sktag.training import FitPlan"),
        ("sktag.clips._array", "from sktag.targets import split_rows"),
        ("sktag.recipes", "from sktag import inspection"),
        ("sktag.testing.__init__", "from ..inspection import TagDisplay"),
        ("sktag.__init__", "from . import inspection"),
    ],
)
def test_wrong_arrow_planted_is_found(plant, module, source):
    assert len(wrong_arrows(imports_of(plant(module, source)))) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("sktag.clips._array", "from sktag.ops.op import Op"),
        ("sktag.clips._array", "from . import _cache"),
        ("sktag.clips.__init__", "from ._array import ClipArray"),
        ("sktag.estimators._network", "from ..nets.fcn import FCN"),
        ("sktag.estimators._base", "from sktag.training._fit import train"),
        ("sktag.estimators._base", "from ..targets import split_rows"),
        ("sktag.training._plan", "from sktag.targets import Targets"),
        ("sktag.training._data", "from ..clips import ClipArray"),
        ("sktag.inspection._display", "from sktag.inspection import _axes"),
        ("sktag.__init__", "from sktag.clips import ClipArray"),
    ],
)
def test_right_arrow_planted_is_let_through(plant, module, source):
    assert wrong_arrows(imports_of(plant(module, source))) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("sktag.ops.op", "from sklearn.base import clone"),
        ("sktag.augment.waveform", "import os.path as p"),
        ("sktag.nets.blocks", "from pathlib import Path"),
        ("sktag.clips._array", "import skorch.utils"),
        ("sktag.clips._audio", "import torch"),
        ("sktag.clips._inputs", "from sklearn.base import clone"),
        ("sktag.clips._cache", "from sklearn.utils.validation import validate_data"),
        ("sktag._messages", "import torch"),
        ("sktag.targets._losses", "from skorch import NeuralNet"),
        ("sktag._messages", "from sklearn.base import clone"),
    ],
)
def test_foreign_import_planted_is_found(plant, module, source):
    assert len(foreign_imports(imports_of(plant(module, source)))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "from sklearn.base import _fit_context",
        "from sklearn.utils._param_validation import Interval",
        "import sklearn.utils._testing",
    ],
)
def test_private_sklearn_name_planted_is_found(plant, source):
    assert len(private_sklearn(imports_of(plant("sktag.recipes", source)))) == 1


def test_librosa_planted_in_a_function_is_let_through(plant):
    package = plant("sktag.recipes", "import numpy\ndef f():\n    import librosa")
    found = imports_of(package, only_at_import=True)
    assert [i.target for i in found] == ["numpy"]


@pytest.mark.parametrize("name", ["_cnn9d.py", "cnn9d.py"])
def test_module_without_a_test_file_planted_is_found(tmp_path, name):
    for folder in ("sktag", "tests"):
        (tmp_path / folder / "nets").mkdir(parents=True)
    (tmp_path / "sktag" / "nets" / "__init__.py").touch()
    (tmp_path / "sktag" / "nets" / name).touch()
    found = missing_tests(tmp_path / "sktag", tmp_path / "tests")
    assert found == [f"nets/{name[:-3]}"]
    # A test file of another wing is not its own.
    (tmp_path / "tests" / "test_cnn9d.py").touch()
    assert missing_tests(tmp_path / "sktag", tmp_path / "tests") == found
    (tmp_path / "tests" / "nets" / "test_cnn9d.py").touch()
    assert missing_tests(tmp_path / "sktag", tmp_path / "tests") == []


@pytest.mark.parametrize(
    ("source", "n_found"),
    [
        ("def train(plan, estimator):\n    pass", 1),
        ("def train(plan, *, clf=None):\n    pass", 1),
        ("def train(plan):\n    estimator = plan.parent", 1),
        ("class Net:\n    def fit(self, estimator):\n        estimator.fit()", 2),
        ("def train(plan):\n    'Not of an estimator.'", 0),
    ],
)
def test_estimator_planted_is_found(tmp_path, source, n_found):
    (tmp_path / "_fit.py").write_text(source)
    assert len(estimators_named(tmp_path / "_fit.py")) == n_found
