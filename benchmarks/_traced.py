"""Trace a small fit and a prediction: run by ``structure`` on one checkout.

``python -P _traced.py`` prints JSON; PYTHONPATH says which checkout's sktag is traced.
"""

import json
import sys
import tempfile
import threading
import warnings
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile
from sklearn.pipeline import Pipeline

import sktag
from sktag import Augmenter, CNN2DClassifier, MelSpectrogram, RawWave, Standardizer

PACKAGE = str(Path(sktag.__file__).parent)
SR, N_FILES = 16000, 8


def make_pipeline():
    """Return a small pipeline that decodes with one thread."""
    return Pipeline(
        [
            ("wave", RawWave(sr=SR, n_jobs=1)),
            ("mel", MelSpectrogram(n_mels=32)),
            ("scale", Standardizer()),
            ("augment", Augmenter()),
            (
                "clf",
                CNN2DClassifier(
                    n_filters=(8,),
                    max_epochs=1,
                    batch_size=4,
                    n_threads=1,
                    device="cpu",
                    random_state=0,
                ),
            ),
        ]
    )


def write_files(folder):
    """Write second-long files of noise; return their paths."""
    rng = np.random.default_rng(0)
    paths = [str(Path(folder, f"{i}.wav")) for i in range(N_FILES)]
    for path in paths:
        soundfile.write(path, 0.1 * rng.normal(size=SR), SR)
    return paths


def trace(work, *args):
    """Count the files, functions and file changes of one call."""
    entered = defaultdict(list)  # code objects in the order of calls, by thread

    def note(frame, event, _):
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            entered[threading.get_ident()].append(frame.f_code)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        work(*args)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    functions = {code for calls in entered.values() for code in calls}
    return {
        "files": len({code.co_filename for code in functions}),
        "functions": len(functions),
        "changes": sum(map(_count_changes, entered.values())),
    }


def _count_changes(calls):
    files = [code.co_filename for code in calls]
    return sum(a != b for a, b in pairwise(files))


if __name__ == "__main__":
    # One epoch is few steps, and meant to be.
    warnings.filterwarnings("ignore", "fit takes .* steps")
    pipe = make_pipeline()
    with tempfile.TemporaryDirectory() as folder:
        paths = write_files(folder)
        fit = trace(pipe.fit, paths, np.arange(N_FILES) % 2)
        predict = trace(pipe.predict_proba, paths)
    print(json.dumps({"fit": fit, "predict_proba": predict}))
