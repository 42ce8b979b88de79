"""From audio files to a saved classifier, and back to predictions in a new process.

Without arguments, music is generated: six genres that differ in rhythm, harmony and
timbre. With ``--data`` it is yours: a folder with a sub-folder for each class, or a
CSV with a column of files and a column of labels.

    python examples/quickstart.py
    python examples/quickstart.py --data my_music/
    python examples/quickstart.py --data labels.csv --label-column genre
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import joblib
import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import ConfusionMatrixDisplay, classification_report
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sktag import CNN2DClassifier, MelSpectrogram, RawWave, Standardizer
from sktag.datasets import load_folder, load_table, make_music
from sktag.inspection import SpectrogramDisplay, TrainingCurveDisplay


def load(args):
    """Return paths and labels, of the user's data or of generated music."""
    if args.data is None:
        folder = args.out / "music"
        print(f"Generating {args.n_clips} clips of music in {folder} ...", flush=True)
        music = make_music(
            args.n_clips, task="genre", sr=16000, random_state=0, directory=folder
        )
        return np.array(music.paths), music.target
    if args.data.is_dir():
        data = load_folder(args.data)
    else:
        data = load_table(args.data, args.file_column, args.label_column)
    return np.array(data.paths), data.target


def build(args):
    """Return the pipeline: files, clips, spectrograms, classes."""
    return Pipeline(
        [
            ("wave", RawWave(sr=16000, duration=args.duration)),
            ("mel", MelSpectrogram(n_mels=64, n_fft=1024)),
            ("scale", Standardizer()),
            (
                "clf",
                CNN2DClassifier(
                    max_epochs=args.epochs,
                    lr=3e-3,
                    early_stopping=True,
                    n_iter_no_change=15,
                    validation_fraction=0.15,
                    random_state=0,
                    verbose=1,
                ),
            ),
        ]
    )


def mean_over_time(spectrograms):
    """Return one mean spectrum a clip."""
    return np.asarray(spectrograms).mean(axis=2)


def baseline(args):
    """Return what a network has to beat: the nearest neighbour of mean spectra."""
    return make_pipeline(
        RawWave(sr=16000, duration=args.duration),
        MelSpectrogram(n_mels=64, n_fft=1024),
        FunctionTransformer(mean_over_time),
        StandardScaler(),
        KNeighborsClassifier(1),
    )


def plot_confusion(pipe, X_test, y_test, path):
    """Save the confusion matrix."""
    figure, axes = plt.subplots(figsize=(6, 5), layout="constrained")
    ConfusionMatrixDisplay.from_predictions(
        y_test, pipe.predict(X_test), ax=axes, cmap="Blues", colorbar=False
    )
    plt.setp(axes.get_xticklabels(), rotation=45, ha="right", rotation_mode="anchor")
    axes.set_title("Number of test clips")
    figure.savefig(path, dpi=120)


def plot_spectrograms(pipe, paths, labels, path):
    """Save the spectrogram of one clip of each of six classes."""
    figure, grid = plt.subplots(2, 3, figsize=(11, 5), layout="constrained")
    chosen = np.unique(labels)[:6]
    for axes, label in zip(grid.flat, chosen, strict=False):
        index = np.flatnonzero(labels == label)[0]
        SpectrogramDisplay.from_estimator(pipe[:2], paths, index, ax=axes)
        axes.set_title(label)
    for axes in grid.flat[len(chosen) :]:
        axes.axis("off")
    figure.savefig(path, dpi=120)


def predict(model, paths):
    """Load a model and say what it makes of some files: the new process."""
    pipe = joblib.load(model)
    for path, proba in zip(paths, pipe.predict_proba(paths), strict=True):
        best = proba.argmax()
        print(f"  {Path(path).name}: {pipe.classes_[best]} ({proba[best]:.0%})")


def main():
    """Do it all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, help="folder of folders, or CSV")
    parser.add_argument("--file-column", default="file")
    parser.add_argument("--label-column", default="label")
    parser.add_argument("--out", type=Path, default=Path("quickstart_output"))
    parser.add_argument("--n-clips", type=int, default=360, help="of generated music")
    parser.add_argument("--duration", type=float, help="of a clip, in seconds")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--predict", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.predict:
        return predict(args.predict[0], args.predict[1:])

    args.out.mkdir(parents=True, exist_ok=True)
    X, y = load(args)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=1 / 3, stratify=y, random_state=0
    )
    print(f"{len(X_train)} clips to train on, {len(X_test)} to test on.")

    pipe = build(args)
    start = time.perf_counter()
    pipe.fit(X_train, y_train)
    seconds = time.perf_counter() - start
    clf = pipe[-1]
    print(f"Trained {clf.n_iter_} epochs in {seconds:.0f} s; best: {clf.best_epoch_}.")
    print(classification_report(y_test, pipe.predict(X_test), zero_division=0))
    nearest = baseline(args).fit(X_train, y_train).score(X_test, y_test)
    print(f"Test accuracy: {pipe.score(X_test, y_test):.3f}")
    print(f"1-nearest neighbour on mean spectra: {nearest:.3f}\n")

    plot_confusion(pipe, X_test, y_test, args.out / "confusion.png")
    display = TrainingCurveDisplay.from_estimator(pipe)
    display.figure_.savefig(args.out / "learning.png", dpi=120)
    plot_spectrograms(pipe, X_train, y_train, args.out / "spectrograms.png")
    model = args.out / "model.joblib"
    joblib.dump(pipe, model)
    print("Written:", *(f"  {path}" for path in sorted(args.out.glob("*.*"))), sep="\n")

    print("Predictions of the saved model in a new process:", flush=True)
    command = [sys.executable, __file__, "--predict", model, *X_test[:5]]
    subprocess.run(command, check=True)
    print("True:", ", ".join(map(str, y_test[:5])))
    return None


if __name__ == "__main__":
    main()
