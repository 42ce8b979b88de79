"""Accuracy on real audio, with the recipe and the time it takes."""

import csv
import os
import time

import numpy as np
import torch
from joblib import parallel_config
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import GridSearchCV, PredefinedSplit, cross_validate
from sklearn.pipeline import Pipeline

from benchmarks._timing import table
from sktag import CNN2DClassifier, MelSpectrogram, RawWave, Standardizer, make_recipe
from sktag.augment import FrequencyMask, TimeMask

# In what the recipe for small data differs on single notes.
INSTRUMENTS = {
    "wave__duration": 2.4,
    "mel__hop_length": 1024,
    # A shift would hide where a note begins.
    "augment__transforms": [
        FrequencyMask(width=(0.0, 0.15), n_masks=2, p=0.5),
        TimeMask(width=(0.0, 0.15), n_masks=1, p=0.5),
    ],
    "clf__n_filters": (16, 32, 64, 128),
    "clf__mixup_alpha": 0.4,
    "clf__max_epochs": 12,
}


def read_table(folder):
    """Return the rows of a set's labels.csv, and the paths of its files."""
    with open(folder / "labels.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return rows, np.array([str(folder / row["file"]) for row in rows])


def pipeline(duration, **clf):
    """Return 64 log-mel bands, standardised, and the compact network."""
    return Pipeline(
        [
            ("wave", RawWave(sr=22050, duration=duration)),
            ("mel", MelSpectrogram(n_mels=64, n_fft=1024)),
            ("scale", Standardizer()),
            ("clf", CNN2DClassifier(**clf)),
        ]
    )


def esc10(data, device):
    """ESC-10 from scratch, on its official folds, with and without augmentation."""
    set_ = _folds(data / "esc10")
    return _augmented_or_not(*set_, device, wave__duration=5.0)


def esc10_voting(data, device):
    """ESC-10 by three augmented networks that vote, on two time scales."""
    common = {"clf__device": device, "wave__duration": 5.0}
    fine = {"mel__hop_length": 1024, "clf__max_epochs": 30}
    members = [
        make_recipe("small_data", clf__random_state=seed, **changes, **common)
        for seed, changes in enumerate([{}, {}, fine])
    ]
    named = [(f"net{i}", member) for i, member in enumerate(members)]
    vote = VotingClassifier(named, voting="soft")
    return _cross_validate({"voting": vote}, *_folds(data / "esc10"))


def instruments_augmented(data, device):
    """Instrument families of unseen programs, with and without augmentation."""
    set_ = _folds(data / "fluid_instruments")
    return _augmented_or_not(*set_, device, **INSTRUMENTS)


def _folds(folder):
    """Return paths, labels and folds of a set."""
    rows, X = read_table(folder)
    y = np.array([row["label"] for row in rows])
    return X, y, np.array([int(row["fold"]) for row in rows])


def _augmented_or_not(X, y, folds, device, **changes):
    """Cross-validate the recipe for small data, and the same without augmentation."""
    common = {"clf__random_state": 0, "clf__device": device, **changes}
    pipe = make_recipe("small_data", **common)
    plain = clone(pipe).set_params(augment="passthrough", clf__mixup_alpha=0)
    return _cross_validate({"augmented": pipe, "plain": plain}, X, y, folds)


def _cross_validate(ways, X, y, folds):
    """Return the accuracies of pipelines by fold, and what they took."""
    n_jobs = 1 if torch.cuda.is_available() else min(os.cpu_count(), folds.max())
    results = {"n_jobs": n_jobs, "ways": {}}
    # A fit a core, each with one thread: small networks gain little from a second.
    with parallel_config("loky", inner_max_num_threads=1):
        for name, pipe in ways.items():
            start = time.perf_counter()
            found = cross_validate(
                pipe, X, y, cv=PredefinedSplit(folds), n_jobs=n_jobs, verbose=3
            )
            accuracies = found["test_score"].tolist()
            results["ways"][name] = {
                "recipe": repr(pipe),
                "accuracy": accuracies,
                "mean_accuracy": float(np.mean(accuracies)),
                "fit_seconds": found["fit_time"].tolist(),
                "seconds": time.perf_counter() - start,
            }
            print(f"{name}: {results['ways'][name]}", flush=True)
    return results


def augmented_report(results):
    """Return the tables of the book."""
    n_folds = len(next(iter(results["ways"].values()))["accuracy"])
    rows = [
        [
            name,
            f"{found['mean_accuracy']:.4f}",
            *(f"{accuracy:.4f}" for accuracy in found["accuracy"]),
            f"{np.median(found['fit_seconds']):.0f}",
        ]
        for name, found in results["ways"].items()
    ]
    return "\n\n".join(
        [
            "Accuracy by fold of networks trained from scratch. Augmented is "
            '`make_recipe("small_data")` with the changes below, plain the same '
            "without Augmenter and mixup, for as many epochs; voting is three such "
            "networks whose probabilities are averaged. "
            f"{results['n_jobs']} fits at a time, each on one core.",
            table(
                ["way", "mean", *(f"fold {k + 1}" for k in range(n_folds)), "s a fit"],
                rows,
            ),
            *(
                f"{name}:\n\n```\n{found['recipe']}\n```"
                for name, found in results["ways"].items()
            ),
        ]
    )


def fluid_mix(data, device):
    """Tags of polyphonic clips: a grid by macro ROC-AUC, then the test sets."""
    rows, X = read_table(data / "fluid_mix")
    names = list(rows[0])
    tags = names[names.index("programs") + 1 :]
    Y = np.array([[int(row[tag]) for tag in tags] for row in rows])
    split = np.array([row["split"] for row in rows])
    searched = np.flatnonzero(np.isin(split, ["train", "valid"]))[:300]
    recipe = {
        "n_filters": (16, 32, 64, 128),
        "max_epochs": 20,
        "batch_size": 16,
        "random_state": 0,
    }
    search = GridSearchCV(
        pipeline(4.0, **recipe, device=device),
        {"clf__lr": [1e-3, 3e-3]},
        scoring="roc_auc",
        cv=2,
        verbose=3,
    )
    start = time.perf_counter()
    search.fit(X[searched], Y[searched])
    results = {
        "recipe": recipe,
        "n_clips": len(searched),
        "grid_seconds": time.perf_counter() - start,
        "best_params": search.best_params_,
        "cv_roc_auc": search.cv_results_["mean_test_score"].tolist(),
    }
    for name in ("test", "test_unseen"):
        proba = search.predict_proba(X[split == name])
        true = Y[split == name]
        results[name] = {
            "macro_roc_auc": float(roc_auc_score(true, proba)),
            "map": float(average_precision_score(true, proba)),
        }
    for key, value in results.items():
        print(f"{key}: {value}")
    return results
