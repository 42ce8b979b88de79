"""Accuracy on real audio, with the recipe and the time it takes."""

import csv
import time

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import GridSearchCV, PredefinedSplit, cross_validate
from sklearn.pipeline import Pipeline

from sktag import CNN2DClassifier, MelSpectrogram, RawWave, Standardizer


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
    """ESC-10 from scratch, without augmentation, on its official folds."""
    rows, X = read_table(data / "esc10")
    y = np.array([row["label"] for row in rows])
    folds = PredefinedSplit([int(row["fold"]) for row in rows])
    recipe = {"max_epochs": 25, "batch_size": 32, "lr": 3e-3, "random_state": 0}
    pipe = pipeline(5.0, **recipe, device=device)
    found = cross_validate(pipe, X, y, cv=folds, n_jobs=1, verbose=3)
    accuracies = found["test_score"].tolist()
    print(f"recipe: {recipe}")
    print(f"accuracy by fold: {np.round(accuracies, 4)}")
    print(f"mean accuracy: {np.mean(accuracies):.4f}")
    print(f"seconds a fit: {np.round(found['fit_time'])}")
    return {
        "recipe": recipe,
        "accuracy": accuracies,
        "mean_accuracy": float(np.mean(accuracies)),
        "fit_seconds": found["fit_time"].tolist(),
    }


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
