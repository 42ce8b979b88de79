"""The three families of networks on real audio and on a regression task.

The networks are small, so that each trains in minutes on two cores.
"""

import time

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline

from benchmarks._timing import table
from benchmarks.real_audio import read_table
from sktag import (
    CNN1DClassifier,
    CNN1DRegressor,
    CNN2DClassifier,
    CNN2DRegressor,
    MelSpectrogram,
    RawWave,
    SampleCNNClassifier,
    SampleCNNRegressor,
    Standardizer,
)
from sktag.datasets import make_music

TRAINING = {"net__batch_size": 32, "net__lr": 3e-3, "net__random_state": 0}
# Parameters of the steps "wave", "mel" (not for waveforms), "scale" and "net".
RECIPES = {
    "1-D": {
        "wave__sr": 22050,
        "mel__n_fft": 1024,
        "mel__n_mels": 64,
        "net__max_epochs": 25,
        **TRAINING,
    },
    "2-D": {
        "wave__sr": 22050,
        "mel__n_fft": 1024,
        "mel__n_mels": 64,
        "net__n_filters": (16, 32, 64, 128),
        "net__max_epochs": 15,
        **TRAINING,
    },
    "sample-level": {
        "wave__sr": 16000,
        "net__chunk_size": 32805,
        "net__n_filters": (32, 64, 64, 128, 128, 128, 128, 256),
        "net__dropout": 0.25,
        "net__max_epochs": 18,
        **TRAINING,
    },
}
CLASSIFIERS = dict(
    zip(RECIPES, (CNN1DClassifier, CNN2DClassifier, SampleCNNClassifier), strict=True)
)
REGRESSORS = dict(
    zip(RECIPES, (CNN1DRegressor, CNN2DRegressor, SampleCNNRegressor), strict=True)
)
# Measured in advance, over all folds: statistics of log-mel or MFCC with an SVC or a
# logistic regression, and aeon's MiniRocket.
BASELINES = {
    "statistics": {"note_fold": 0.872, "fold": 0.467},
    "MiniRocket": {"note_fold": 0.884, "fold": 0.441},
}
TAG_BASELINE = {"test": (0.890, 0.692), "test_unseen": (0.751, 0.435)}
TEST_FOLD = 1
SR = 11025  # for the regression
# Share of the training tags that `missing_tags` removes.
MISSING = 0.3
MISSING_SEEDS = (0, 1, 2)
FEWEST_ROWS = 20


def _fit(net, recipe, X, y, device):
    """Return a fitted pipeline, its fit time and the size of its network."""
    steps = [("wave", RawWave()), ("mel", MelSpectrogram()), ("scale", Standardizer())]
    if "mel__n_mels" not in recipe:
        del steps[1]
    pipe = Pipeline([*steps, ("net", net(device=device))])
    pipe.set_params(**recipe)
    start = time.perf_counter()
    pipe.fit(X, y)
    return pipe, {
        "fit_seconds": time.perf_counter() - start,
        "n_parameters": pipe["net"].n_parameters_,
    }


def instruments(data, device):
    """Classify instrument families, tested on unseen notes and on unseen programs."""
    rows, X = read_table(data / "fluid_instruments")
    y = np.array([row["label"] for row in rows])
    results = {"recipes": RECIPES, "baselines": BASELINES, "test_fold": TEST_FOLD}
    for split in ("note_fold", "fold"):
        is_test = np.array([int(row[split]) for row in rows]) == TEST_FOLD
        results[split] = {
            "n_train": int((~is_test).sum()),
            "n_test": int(is_test.sum()),
        }
        for name, net in CLASSIFIERS.items():
            pipe, found = _fit(net, RECIPES[name], X[~is_test], y[~is_test], device)
            found["accuracy"] = pipe.score(X[is_test], y[is_test])
            print(f"{split}, {name}: {found}", flush=True)
            results[split][name] = found
    return results


def instruments_report(results):
    """Return the tables of the book."""
    lines = []
    for split in ("note_fold", "fold"):
        lines += [
            [split, f"{name}, baseline", f"{accuracy[split]:.3f}", "", ""]
            for name, accuracy in results["baselines"].items()
        ]
        lines += [
            [split, name, f"{results[split][name]['accuracy']:.3f}", *_cost(found)]
            for name, found in results[split].items()
            if name in RECIPES
        ]
    return "\n\n".join(
        [
            "Instrument families of single notes (fluid_instruments, 12 classes). "
            "`note_fold` splits by pitch, `fold` by the program that plays the note. "
            f"Networks are tested on fold {results['test_fold']} and trained on the "
            "others. The baselines (statistics of log-mel or MFCC with an SVC or a "
            "logistic regression, and MiniRocket) are means over all folds, so they "
            "are only roughly comparable.",
            table(["split", "method", "accuracy", "parameters", "s per fit"], lines),
            _recipes(results),
        ]
    )


def _read_tags(data):
    """Return paths, tags and the split of each clip of fluid_mix."""
    rows, X = read_table(data / "fluid_mix")
    names = list(rows[0])
    names = names[names.index("programs") + 1 :]
    Y = np.array([[int(row[tag]) for tag in names] for row in rows])
    return X, Y, np.array([row["split"] for row in rows])


def tags(data, device):
    """Tag polyphonic clips, tested on seen and on unseen programs."""
    X, Y, split = _read_tags(data)
    train = split == "train"
    results = {"recipes": RECIPES, "baseline": TAG_BASELINE, "networks": {}}
    for name, net in CLASSIFIERS.items():
        pipe, found = _fit(net, RECIPES[name], X[train], Y[train], device)
        for part in ("test", "test_unseen"):
            proba = pipe.predict_proba(X[split == part])
            true = Y[split == part]
            found[part] = (
                float(roc_auc_score(true, proba)),
                float(average_precision_score(true, proba)),
            )
        print(f"{name}: {found}", flush=True)
        results["networks"][name] = found
    return results


def tags_report(results):
    """Return the tables of the book."""
    ways = {"statistics, baseline": results["baseline"], **results["networks"]}
    lines = [
        [
            name,
            *[f"{x:.3f}" for part in ("test", "test_unseen") for x in found[part]],
            *_cost(found),
        ]
        for name, found in ways.items()
    ]
    return "\n\n".join(
        [
            "Tags of polyphonic clips (fluid_mix, 18 tags): macro ROC-AUC and mean "
            "average precision (AP), on clips of programs that occur in training "
            "(test) and of others (unseen). The baseline uses statistics of log-mel or "
            "MFCC with an SVC or a logistic regression.",
            table(
                [
                    "method",
                    "test AUC",
                    "test AP",
                    "unseen AUC",
                    "unseen AP",
                    "parameters",
                    "s per fit",
                ],
                lines,
            ),
            _recipes(results),
        ]
    )


def missing_tags(data, device):
    """Tag polyphonic clips with a share of the training tags not annotated."""
    X, Y, split = _read_tags(data)
    train, test = split == "train", split == "test"
    X_train, Y_train = X[train], Y[train]
    results = {"recipe": RECIPES["1-D"], "missing": MISSING, "n_train": len(Y_train)}
    ways, n_complete = {}, []
    for seed in MISSING_SEEDS:
        unknown = np.random.default_rng(seed).random(Y_train.shape) < MISSING
        complete = ~unknown.any(axis=1)
        n_complete.append(int(complete.sum()))
        recipe = RECIPES["1-D"] | {"net__random_state": seed}
        for name, (rows, y) in {
            "all tags": (slice(None), Y_train),
            "missing, as NaN": (slice(None), np.where(unknown, np.nan, Y_train)),
            "missing, as 0": (slice(None), np.where(unknown, 0, Y_train)),
            "rows without NaN": (complete, Y_train[complete]),
        }.items():
            fits = ways.setdefault(name, [])
            if len(y) < FEWEST_ROWS:
                continue
            net = CLASSIFIERS["1-D"]
            pipe, found = _fit(net, recipe, X_train[rows], y, device)
            proba = pipe.predict_proba(X[test])
            found["test"] = (
                float(roc_auc_score(Y[test], proba)),
                float(average_precision_score(Y[test], proba)),
            )
            print(f"{name}, seed {seed}: {found}", flush=True)
            fits.append(found)
    return results | {"n_complete": n_complete, "ways": ways}


def missing_tags_report(results):
    """Return the table of the book."""
    lines = []
    for name, found in results["ways"].items():
        if not found:
            n_rows = ", ".join(map(str, results["n_complete"]))
            lines.append([name, f"{n_rows} rows: too few to train on", "", ""])
            continue
        aucs, precisions = zip(*(fit["test"] for fit in found), strict=True)
        seconds = np.median([fit["fit_seconds"] for fit in found])
        lines.append(
            [name, *map(_mean_and_range, (aucs, precisions)), f"{seconds:.0f}"]
        )
    return "\n\n".join(
        [
            f"Tags of polyphonic clips (fluid_mix, 18 tags, {results['n_train']} "
            f"training clips) with {results['missing']:.0%} of the training tags "
            "removed at random: macro ROC-AUC and mean average precision (AP) on the "
            "complete tags of the test clips, as the mean and range over "
            f"{len(results['n_complete'])} seeds, of the network and of the removal. "
            "As NaN, the removed entries are left out of the loss; as 0, they are "
            "taken for absent.",
            table(["training tags", "test AUC", "test AP", "s per fit"], lines),
            _recipes({"recipes": {"1-D": results["recipe"]}}),
        ]
    )


def regression(data, device):
    """Predict the pitch of synthesised instruments, in octaves."""
    music = make_music(400, task="instrument", sr=SR, duration=2.0, random_state=0)
    parts = train_test_split(music.data, np.log2(music.pitch), random_state=0)
    X, X_test, y, y_test = parts
    changes = {"net__dropout": 0.0, "net__max_epochs": 60}
    recipes = {name: RECIPES[name] | changes for name in REGRESSORS}
    # The clips are arrays, so all recipes must use their sample rate.
    for recipe in recipes.values():
        recipe["wave__sr"] = SR
    results = {"recipes": recipes, "networks": {}}
    for name, net in REGRESSORS.items():
        pipe, found = _fit(net, recipes[name], X, y, device)
        found["r2"] = pipe.score(X_test, y_test)
        print(f"{name}: {found}", flush=True)
        results["networks"][name] = found
    return results


def regression_report(results):
    """Return the tables of the book."""
    lines = [
        [name, f"{found['r2']:.3f}", *_cost(found)]
        for name, found in results["networks"].items()
    ]
    return "\n\n".join(
        [
            'Pitch in octaves of 400 clips of `make_music(task="instrument")`, '
            "with a quarter held out for testing.",
            table(["network", "R2", "parameters", "s per fit"], lines),
            _recipes(results),
        ]
    )


def _mean_and_range(scores):
    return f"{np.mean(scores):.3f} ({min(scores):.3f} to {max(scores):.3f})"


def _cost(found):
    if "n_parameters" not in found:
        return ["", ""]
    return [f"{found['n_parameters']:,}", f"{found['fit_seconds']:.0f}"]


def _recipes(results):
    return table(
        ["network", "recipe: parameters of the pipeline's steps"],
        [
            [name, ", ".join(f"`{key}={value}`" for key, value in recipe.items())]
            for name, recipe in results["recipes"].items()
        ],
    )
