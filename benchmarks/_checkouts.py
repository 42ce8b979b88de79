"""Run a script on several checkouts of sktag, each in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parents[1]


def ask(script, root, *args):
    """Run a script of this folder with the sktag of a checkout; return its answer.

    Parameters
    ----------
    script : str
        Name of a script beside this file; it prints JSON on its last line.
    root : path
        The checkout: the folder in which ``sktag`` is.
    *args
        Command-line arguments of the script.

    Returns
    -------
    object
        What the script has printed.
    """
    root = Path(root).resolve()
    if not (root / "sktag" / "__init__.py").exists():
        raise FileNotFoundError(f"no sktag in {root}: give the root of a checkout.")
    # -P leaves the script's own folder, and so this checkout, out of sys.path.
    command = [sys.executable, "-P", Path(__file__).with_name(script), *map(str, args)]
    done = subprocess.run(
        command,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    return json.loads(done.stdout.splitlines()[-1])


def describe(root):
    """Return the commit of a checkout, with "-dirty" if files have changed since."""
    command = ["git", "-C", root, "describe", "--always", "--dirty", "--abbrev=7"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def heads(results):
    """Return the heads of a table's columns: before and after, or the one there is."""
    names = {when: f"`{side['checkout']}`" for when, side in results.items()}
    if len(names) == 1:
        return list(names.values())
    return [f"{when}, {name}" for when, name in names.items()]
