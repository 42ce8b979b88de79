"""Duration of ``import sktag``, and its slowest parts."""

import re
import subprocess
import sys
from collections import Counter

from benchmarks._timing import summarize, table

REPEATS = 21
PROFILES = 5
N_SLOWEST = 12
BASE = "import torch, sklearn"
ROOTS = {"torch", "sklearn"}


def imports(data, device):
    """Time imports in fresh interpreters, alternately, and profile sktag's own imports.

    The start-up of the interpreter is not counted.
    """
    statements = {BASE: BASE, "import sktag": "import sktag"}
    seconds = {name: [] for name in statements}
    for turn in range(REPEATS + 1):
        for name, statement in statements.items():
            took = _seconds(statement)
            if turn:  # the first round fills the disk cache
                seconds[name].append(took)
    found = summarize(seconds, base=BASE)
    for name, row in found.items():
        print(f"{name}: median {row['median_s']:.3f} s, min {row['min_s']:.3f} s")
    return {"times": found} | _profile()


def _seconds(statement):
    code = (
        "from time import perf_counter as now; start = now(); "
        f"{statement}; print(now() - start)"
    )
    return float(_python("-c", code).stdout)


def _python(*arguments):
    return subprocess.run(
        [sys.executable, *arguments], check=True, capture_output=True, text=True
    )


def _profile():
    """Return milliseconds by package and module of ``import sktag`` after the base.

    For each module the minimum of several runs is used. A module's total time includes
    the modules that it is the first to import; its own time does not.
    """
    own, whole = {}, {}
    for _ in range(PROFILES):
        result = _python("-X", "importtime", "-c", f"{BASE}; import sktag")
        for name, self_ms, total_ms in _after_base(result.stderr):
            own[name] = min(self_ms, own.get(name, self_ms))
            whole[name] = min(total_ms, whole.get(name, total_ms))
    packages = Counter()
    for name, took in own.items():
        packages[name.split(".")[0]] += took
    others = {n: t for n, t in whole.items() if n.split(".")[0] not in ROOTS}
    return {
        "packages_ms": dict(packages.most_common(N_SLOWEST)),
        "modules_ms": dict(Counter(others).most_common(N_SLOWEST)),
    }


def _after_base(log):
    """Yield name, own and total milliseconds of modules imported after the base."""
    line = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|\s+(\S+)")
    found = [match.groups() for match in map(line.match, log.splitlines()) if match]
    # The log lists a module when it is loaded: after the modules that it imports.
    end = max(i for i, (*_, name) in enumerate(found) if name in ROOTS)
    for own, whole, name in found[end + 1 :]:
        yield name, int(own) / 1e3, int(whole) / 1e3


def report(results):
    """Return the tables of the book."""
    times = table(
        ["in a fresh interpreter", "median, s", "minimum, s", "ratio of the medians"],
        [
            [
                f"`{name}`",
                f"{row['median_s']:.3f}",
                f"{row['min_s']:.3f}",
                f"{row['ratio']:.2f}",
            ]
            for name, row in results["times"].items()
        ],
    )
    packages = table(
        [f"loaded by `import sktag` after `{BASE}`, by package", "own time, ms"],
        [[name, f"{took:.1f}"] for name, took in results["packages_ms"].items()],
    )
    modules = table(
        ["slowest modules except torch and sklearn", "including their imports, ms"],
        [[f"`{name}`", f"{took:.1f}"] for name, took in results["modules_ms"].items()],
    )
    return "\n\n".join(
        [
            times,
            "Interleaved, with files in the system's cache, without the start-up of "
            "the interpreter. Profile (by `-X importtime`, which adds overhead):",
            packages,
            modules,
        ]
    )
