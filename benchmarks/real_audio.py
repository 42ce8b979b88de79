"""Accuracy on real audio, with recipe and training time."""

import csv
import os
import time

import numpy as np
import torch
from joblib import Parallel, delayed, parallel_config
from sklearn.base import clone
from sklearn.model_selection import PredefinedSplit

from benchmarks._timing import table
from sktag import Augmenter, make_recipe
from sktag.augment import FrequencyMask, TimeMask, TimeShift

# Changes to `augmented` for single notes.
INSTRUMENTS = {
    "wave__duration": 2.4,
    "mel__hop_length": 1024,
    # No time shift, which would hide the onset of a note.
    "augment__transforms": [
        FrequencyMask(width=(0.0, 0.15), n_masks=2, p=0.5),
        TimeMask(width=(0.0, 0.15), n_masks=1, p=0.5),
    ],
    "clf__n_filters": (16, 32, 64, 128),
    "clf__mixup_alpha": 0.4,
    "clf__max_epochs": 12,
}


def read_table(folder):
    """Return the rows of a dataset's labels.csv and the paths of its files."""
    with open(folder / "labels.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return rows, np.array([str(folder / row["file"]) for row in rows])


def augmented(**changes):
    """Return the recipe for small data with augmentation and coarser frames."""
    masks = {"width": (0.0, 0.12), "n_masks": 1, "p": 0.5}
    params = {
        "mel__n_fft": 2048,
        "mel__hop_length": 2048,
        # Noise below -60 dB identifies the recording, not its class.
        "mel__amin": 1e-6,
        "augment": Augmenter([TimeShift(), FrequencyMask(**masks), TimeMask(**masks)]),
        "clf__mixup_alpha": 0.2,
        "clf__max_epochs": 50,
    }
    return make_recipe("small_data", **params | changes)


def esc10(data, device):
    """Train on ESC-10's official folds, with and without augmentation."""
    set_ = _folds(data / "esc10")
    return _augmented_or_not(*set_, device, wave__duration=5.0)


def esc10_voting(data, device):
    """Train four networks on ESC-10 and average their probabilities."""
    common = {"wave__duration": 5.0, "clf__device": device}
    again = make_recipe("small_data", clf__random_state=3, **common)
    ways = {
        "small_data": make_recipe("small_data", clf__random_state=0, **common),
        "small_data, another seed": again,
        "augmented, hop 1024": augmented(
            mel__hop_length=1024, clf__random_state=1, **common
        ),
        "augmented, hop 2048": augmented(clf__random_state=2, **common),
    }
    return _cross_validate(ways, *_folds(data / "esc10"), vote=True)


def instruments_augmented(data, device):
    """Classify instruments of unseen programs, with and without augmentation."""
    set_ = _folds(data / "fluid_instruments")
    return _augmented_or_not(*set_, device, **INSTRUMENTS)


def _folds(folder):
    """Return paths, labels and folds of a dataset."""
    rows, X = read_table(folder)
    y = np.array([row["label"] for row in rows])
    return X, y, np.array([int(row["fold"]) for row in rows])


def _augmented_or_not(X, y, folds, device, **changes):
    """Cross-validate a network with and without augmentation."""
    pipe = augmented(clf__random_state=0, clf__device=device, **changes)
    plain = clone(pipe).set_params(augment="passthrough", clf__mixup_alpha=0)
    return _cross_validate({"augmented": pipe, "plain": plain}, X, y, folds)


def _cross_validate(ways, X, y, folds, vote=False):
    """Return the accuracies of pipelines by fold, and their fit times."""
    n_jobs = 1 if torch.cuda.is_available() else os.cpu_count()
    splits = list(PredefinedSplit(folds).split())
    jobs = [(pipe, split) for pipe in ways.values() for split in splits]
    # One fit per core, with one thread: small networks gain little from a second one.
    with parallel_config("loky", inner_max_num_threads=1):
        found = Parallel(n_jobs, verbose=10)(
            delayed(_fit)(pipe, X, y, *split) for pipe, split in jobs
        )
    results = {"n_jobs": n_jobs, "ways": {}}
    votes = []
    for i, (name, pipe) in enumerate(ways.items()):
        probabilities, seconds = zip(
            *found[i * len(splits) : (i + 1) * len(splits)], strict=True
        )
        votes.append(probabilities)
        results["ways"][name] = {
            "recipe": pipe.__repr__(N_CHAR_MAX=10_000),
            **_accuracy(probabilities, y, splits),
            "fit_seconds": list(seconds),
        }
    if vote:
        mean = [np.mean(fold, axis=0) for fold in zip(*votes, strict=True)]
        results["ways"]["vote"] = _accuracy(mean, y, splits)
    for name, way in results["ways"].items():
        print(f"{name}: {way}")
    return results


def _fit(pipe, X, y, train, test):
    """Return the probabilities of the test rows and the fit time in seconds."""
    start = time.perf_counter()
    fitted = clone(pipe).fit(X[train], y[train])
    seconds = time.perf_counter() - start
    return fitted.predict_proba(X[test]), seconds


def _accuracy(probabilities, y, splits):
    """Return the accuracy of each fold and the mean accuracy."""
    labels = np.unique(y)
    accuracies = [
        float(np.mean(labels[fold.argmax(axis=1)] == y[test]))
        for fold, (_, test) in zip(probabilities, splits, strict=True)
    ]
    return {"accuracy": accuracies, "mean_accuracy": float(np.mean(accuracies))}


def augmented_report(results):
    """Return the tables of the book."""
    n_folds = len(next(iter(results["ways"].values()))["accuracy"])
    rows = [
        [
            name,
            f"{found['mean_accuracy']:.4f}",
            *(f"{accuracy:.4f}" for accuracy in found["accuracy"]),
            f"{np.median(found['fit_seconds']):.0f}" if "fit_seconds" in found else "",
        ]
        for name, found in results["ways"].items()
    ]
    about = "Accuracy by fold of networks trained from scratch."
    if "plain" in results["ways"]:
        about += (
            " `augmented` is the pipeline below; `plain` is the same without Augmenter "
            "and mixup, trained for the same number of epochs."
        )
    if "vote" in results["ways"]:
        about += (
            " `vote` predicts the class with the largest mean probability of the "
            "networks above."
        )
    return "\n\n".join(
        [
            f"{about} {results['n_jobs']} fits at a time, each on one core.",
            table(
                [
                    "method",
                    "mean",
                    *(f"fold {k + 1}" for k in range(n_folds)),
                    "s per fit",
                ],
                rows,
            ),
            *(
                f"{name}:\n\n```\n{found['recipe']}\n```"
                for name, found in results["ways"].items()
                if "recipe" in found
            ),
        ]
    )
