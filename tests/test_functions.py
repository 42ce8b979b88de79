"""Keys hold the code of users' functions; those without a name are refused."""

import copy
import importlib
import pickle
import subprocess
import sys
from functools import partial

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import make_scorer
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from sktag import (
    Augmenter,
    ClipArray,
    CNN2DClassifier,
    MelSpectrogram,
    RawWave,
    Standardizer,
)
from sktag._functions import code_of
from sktag.augment import Gain, Lambda
from sktag.ops import ScaleOp

SOURCE = '''
from dataclasses import dataclass
from functools import wraps
from sktag import ClipTransformer
from sktag.ops import Op
import of_another
from of_another import imported

LEVEL = 2
state = 0

def calls(x):
    return imported(x) + of_another.named(x)

def logged(function):
    @wraps(function)
    def wrapper(*args):
        return function(*args)
    return wrapper

def helper(x):
    """Say what it does."""
    return x * 3

def changed(samples, sample_rate, gain=5, *, bias=7):
    return helper(samples) * LEVEL * gain + bias + state

@logged
def decorated(samples, sample_rate):
    return samples * 11

def picks(samples, sample_rate):
    return samples if sample_rate in {"a", "b", "c", "d"} else 0

class Object:
    share = 13
    n_calls = 0

    def count(self):
        Object.n_calls += 1

    def __call__(self, samples, sample_rate):
        return self.made(samples)

    @staticmethod
    def made(samples):
        return samples * 17

@dataclass
class DoubleOp(Op):
    def forward(self, x):
        return x * 19

class Double(ClipTransformer):
    def _make_op(self, sample_rate):
        return DoubleOp()
'''


ANOTHER = """
def imported(x):
    return x * 23

def named(x):
    return x * 29
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Return a function that loads a module of a user, in its present version."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def load(old="", new=""):
        assert old in SOURCE + ANOTHER
        for name, text in (("of_a_user", SOURCE), ("of_another", ANOTHER)):
            (tmp_path / f"{name}.py").write_text(text.replace(old, new))
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        return importlib.import_module("of_a_user")

    yield load
    for name in ("of_a_user", "of_another"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("changed", "+ bias + state", "- bias + state"),
        ("changed", "gain=5", "gain=6"),
        ("changed", "bias=7", "bias=8"),
        ("changed", "LEVEL = 2", "LEVEL = 4"),
        ("changed", "x * 3", "x * 4"),
        ("decorated", "* 11", "* 12"),
        ("Object", "* 17", "* 18"),
        ("Object", "share = 13", "share = 14"),
        ("DoubleOp", "* 19", "* 20"),
        ("calls", "x * 23", "x * 24"),
        ("calls", "x * 29", "x * 30"),
    ],
)
@pytest.mark.parametrize("wrap", [lambda f: f, partial, lambda f: [1, {"f": f}]])
def test_code_of_what_changed_differs(load, name, old, new, wrap):
    before = code_of(wrap(getattr(load(), name)))
    assert before == code_of(wrap(getattr(load(), name)))
    assert before != code_of(wrap(getattr(load(old, new), name)))


def test_code_of_an_object_is_that_of_its_class_and_of_what_it_holds(load):
    before = code_of(load().Object())
    assert before != code_of(load("* 17", "* 18").Object())
    scorer = code_of(make_scorer(load().changed))
    assert scorer != code_of(make_scorer(load("gain=5", "gain=6").changed))


@pytest.mark.parametrize(
    ("old", "new"),
    [("\ndef changed", "\n\n# Why.\ndef changed"), ("state = 0", "state = 1")],
)
def test_code_with_other_comments_or_variables_is_the_same(load, old, new):
    assert code_of(load().changed) == code_of(load(old, new).changed)


def test_code_of_a_class_leaves_out_what_its_methods_count(load):
    own = load()
    before = code_of(own.Object)
    own.Object().count()
    assert own.Object.n_calls == 1
    assert code_of(own.Object) == before


@pytest.mark.parametrize("value", ["fcn4", None, 3, Gain(), ScaleOp, CNN2DClassifier()])
def test_code_of_values_and_of_parts_of_sktag_is_none(value):
    assert code_of(value) == []


def test_code_is_the_same_in_other_processes(load, tmp_path):
    load()
    command = (
        "import joblib, of_a_user; from sktag._functions import code_of;"
        "print(joblib.hash(code_of(of_a_user.picks, of_a_user.changed)))"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", command],
            env={
                "PYTHONPATH": f"{tmp_path}:{':'.join(sys.path)}",
                "PYTHONHASHSEED": seed,
            },
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "01"
    }
    assert len(hashes) == 1


# Keys of Pipeline(memory=...) and of checkpoints are hashes


@pytest.mark.parametrize(
    ("make", "old", "new"),
    [
        (lambda user: Augmenter(user.changed), "gain=5", "gain=6"),
        (lambda user: Augmenter([Gain(), user.Object()]), "* 17", "* 18"),
        (lambda user: Augmenter(Lambda(user.decorated)), "* 11", "* 12"),
        (lambda user: user.Double(), "return DoubleOp()", "return [DoubleOp()][0]"),
    ],
    ids=["function", "object", "op", "transformer"],
)
def test_hash_of_a_step_changes_with_the_code(load, make, old, new):
    before = joblib.hash(make(load()))
    assert joblib.hash(make(load())) == before
    assert joblib.hash(clone(make(load()))) == before
    assert joblib.hash(make(load(old, new))) != before


def test_hash_of_clips_changes_with_the_code_of_their_ops(load, waves):
    def hashed(*change):
        user = load(*change)
        augmented = Augmenter(user.changed).fit_transform(waves)
        return joblib.hash(augmented), joblib.hash(augmented.map(user.DoubleOp()))

    before = hashed()
    assert hashed() == before
    assert hashed("gain=5", "gain=6")[0] != before[0]
    assert hashed("* 19", "* 20")[1] != before[1]


def test_pipeline_with_memory_computes_anew_after_a_change(load, waves, tmp_path):
    clips = ClipArray.from_array(waves)

    def fit(*change):
        steps = load(*change).Double(), Standardizer(), MelSpectrogram(8, n_fft=512)
        return make_pipeline(*steps, memory=str(tmp_path / "memory")).fit(clips)

    scale = fit()[1].scale_
    np.testing.assert_array_equal(fit()[1].scale_, scale)
    np.testing.assert_allclose(fit("* 19", "* 38")[1].scale_, 2 * scale, rtol=1e-6)


def test_pickle_and_copy_of_a_transformer_leave_no_trace_of_the_code(load):
    step = load().Double()
    for copied in (
        copy.copy(step),
        copy.deepcopy(step),
        pickle.loads(pickle.dumps(step)),
    ):
        assert vars(copied) == vars(step)


# Functions that pickle does not find


def half(samples, sample_rate):
    return samples / 2


def make_unpicklable(waves):
    def local(samples, sample_rate):
        return samples / 2

    return {
        "Augmenter": Augmenter([Gain(), local]),
        "Lambda": Augmenter(partial(local)).fit_transform(waves),
        "CNN2DClassifier": CNN2DClassifier(loss=lambda logits, y: logits.sum(1)),
        "pipeline": make_pipeline(RawWave(), Augmenter(local)).fit(waves),
    }


@pytest.mark.parametrize("name", ["Augmenter", "Lambda", "CNN2DClassifier", "pipeline"])
@pytest.mark.parametrize("dump", [pickle.dumps, joblib.hash], ids=["pickle", "hash"])
def test_function_without_a_name_is_refused_by_pickle(name, dump, waves):
    message = r"has the function .*<l.*cannot be pickled.*define it with def"
    with pytest.raises(pickle.PicklingError, match=message):
        dump(make_unpicklable(waves)[name])
    copy.deepcopy(make_unpicklable(waves)[name])


def test_function_with_a_name_is_pickled(waves):
    clips = Augmenter([half, partial(half)]).fit_transform(waves)
    assert joblib.hash(pickle.loads(pickle.dumps(clips))) == joblib.hash(clips)


@pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")
def test_function_without_a_name_goes_to_workers_of_loky(waves):
    pipe = make_pipeline(
        Augmenter([lambda samples, sample_rate: samples / 2]),
        MelSpectrogram(8, n_fft=512),
        CNN2DClassifier(n_filters=(4,), max_epochs=1, random_state=0),
    )
    found, expected = (
        cross_val_score(pipe, waves, [0, 1] * 3, cv=2, n_jobs=n_jobs)
        for n_jobs in (2, 1)
    )
    np.testing.assert_array_equal(found, expected)
