"""The code of users' functions and classes: what counts, and what does not."""

import functools
import importlib
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score, make_scorer

from sktag.training._code import code_of, code_of_class

BODY = """
import functools
from functools import cached_property
from torch import nn
import own_parts

FACTOR = 1.0

def inner(x):
    return x + 1

def make(step):
    def closed(x):
        return x + step
    return closed

closed = make(1)

def outer(x, default=1):
    "Say what it does."
    return inner(x) * FACTOR * closed(x) * own_parts.part(x)

class Base:
    size = 3

    def grow(self):
        return 1

class Own(Base, nn.Module):
    @property
    def width(self):
        return 1

    @staticmethod
    def still(x):
        return x

    @cached_property
    def once(self):
        return 1

    def __call__(self, x):
        return inner(x)
"""
PART = "def part(x):\n    return 1\n"


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Return a function that imports a module of a user's with other text."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def load(body=BODY, part=PART):
        for name, text in (("own_parts", part), ("own_body", body)):
            (tmp_path / f"{name}.py").write_text(text)
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        return importlib.import_module("own_body")

    yield load
    for name in ("own_parts", "own_body"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("inner(x) * FACTOR", "inner(x) + FACTOR"),
        ("return x + 1", "return x + 2"),
        ("FACTOR = 1.0", "FACTOR = 2.0"),
        ("return x + step", "return x - step"),
        ("closed = make(1)", "closed = make(2)"),
        ("default=1", "default=2"),
    ],
)
def test_change_of_a_function_or_of_what_it_uses_is_seen(load, old, new):
    first = code_of([load().outer])
    assert BODY.count(old) == 1
    assert code_of([load().outer]) == first
    assert code_of([load(BODY.replace(old, new)).outer]) != first
    assert code_of([load(part=PART.replace("1", "2")).outer]) != first


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("size = 3", "size = 4"),
        ("def grow(self):\n        return 1", "def grow(self):\n        return 2"),
        ("def width(self):\n        return 1", "def width(self):\n        return 2"),
        ("return x\n", "return -x\n"),
        ("def once(self):\n        return 1", "def once(self):\n        return 2"),
        ("return x + 1", "return x + 2"),
    ],
)
def test_change_of_a_class_is_seen_in_its_objects(load, old, new):
    first = load()
    codes = code_of({"loss": first.Own()}), code_of_class(first.Own)
    assert BODY.count(old) == 1
    other = load(BODY.replace(old, new))
    assert code_of({"loss": other.Own()}) != codes[0]
    assert code_of_class(other.Own) != codes[1]


def test_change_that_does_nothing_is_not_seen(load):
    first = code_of([load().outer])
    same = BODY.replace("FACTOR = 1.0", "FACTOR = 1.0  # one\n\nUNUSED = 3")
    assert code_of([load(same).outer]) == first


def test_state_that_code_changes_is_not_code(load):
    text = """
n_calls = 0

def count():
    global n_calls
    n_calls += 1

class Counter:
    n = 0

    def count(self):
        Counter.n += 1
"""
    own = load(text)
    before = code_of([own.count, own.Counter])
    own.count()
    own.Counter().count()
    assert (own.n_calls, own.Counter.n) == (1, 1)
    assert code_of([own.count, own.Counter]) == before


def test_functions_inside_partials_methods_and_scorers_are_found(load):
    own = load()
    for holder in (
        functools.partial(own.outer, default=2),
        make_scorer(own.outer),
        own.Base().grow,
        {"deep": [(own.outer,)]},
    ):
        assert len(code_of(holder)) >= 1


def test_code_of_installed_packages_is_left_out():
    assert code_of([torch.nn.BCELoss(), f1_score, np.arange(3), torch.optim.SGD]) == []


def test_code_is_the_same_in_another_process(load):
    text = "def f(x):\n    return x in {'a', 'b', 'c', 'd'}\n"
    folder = load(text).__file__.rpartition("/")[0]
    code = (
        "import own_body; from sktag.training._code import code_of; "
        "print(code_of([own_body.f]))"
    )
    path = os.pathsep.join([folder, *filter(None, sys.path)])
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(printed) == 1
