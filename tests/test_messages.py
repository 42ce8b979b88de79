"""Warnings point at the user's line; wrong names get a suggestion."""

import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from sktag import CNN2DClassifier, MelSpectrogram, RawWave, Summarizer
from sktag._messages import as_size, did_you_mean, warn

SHORT = np.random.default_rng(0).uniform(-1, 1, (8, 1000)).astype(np.float32)


def warned_at(function):
    """Return the files that the warnings of a call point at."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function()
    assert caught
    return {warning.filename for warning in caught}


def test_warning_of_a_transformer_points_at_the_call():
    assert warned_at(lambda: MelSpectrogram().fit(SHORT)) == {__file__}


def test_warning_inside_scikit_learn_points_at_the_call():
    pipe = make_pipeline(RawWave(), MelSpectrogram(), Summarizer(), SVC())
    y = np.arange(8) % 2
    assert warned_at(lambda: pipe.fit(SHORT, y)) == {__file__}
    assert warned_at(lambda: cross_validate(pipe, SHORT, y, cv=2)) == {__file__}


def test_warning_of_a_fit_points_at_the_call():
    clf = CNN2DClassifier(n_filters=(4,), max_epochs=1)
    X, y = SHORT.reshape(8, 10, 100), np.arange(8) % 2
    assert warned_at(lambda: clf.fit(X, y)) == {__file__}


def test_warning_of_a_category_points_at_the_line():
    with pytest.warns(DeprecationWarning, match="gone soon") as caught:
        warn("gone soon", DeprecationWarning)
    assert caught[0].filename == __file__


def test_warning_in_a_thread_points_at_the_outermost_frame():
    def run():
        with ThreadPoolExecutor(1) as pool:
            pool.submit(exec, compile("warn('x')", _inside(), "exec"), {"warn": warn})

    assert len(warned_at(run)) == 1


def _inside():
    """Return a file name that counts as one of the package."""
    return warn.__code__.co_filename


@pytest.mark.parametrize(
    ("name", "names", "hint"),
    [
        ("fnc4", ["fcn4", "musicnn"], " Did you mean 'fcn4'?"),
        ("mel", ["fcn4", "musicnn"], ""),
        (None, ["fcn4"], ""),
        ("fcn", [None, "fcn4"], " Did you mean 'fcn4'?"),
    ],
)
def test_close_name_is_suggested(name, names, hint):
    assert did_you_mean(name, names) == hint


def test_messages_import_neither_scikit_learn_nor_torch():
    code = (
        "import importlib.util, sys;"
        "spec = importlib.util.spec_from_file_location('m', sys.argv[1]);"
        "module = importlib.util.module_from_spec(spec);"
        "spec.loader.exec_module(module);"
        "module.warn('x');"
        "print({'torch', 'sklearn', 'skorch', 'joblib'} & set(sys.modules))"
    )
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, _inside()],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [
        (0, "0 bytes"),
        (576, "576 bytes"),
        (1536, "1.5 KiB"),
        (2**20, "1.0 MiB"),
        (300 * 2**20, "300 MiB"),
        (5 * 2**31, "10 GiB"),
    ],
)
def test_sizes_have_a_unit_that_suits_them(n_bytes, text):
    assert as_size(n_bytes) == text
