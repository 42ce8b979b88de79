"""What a network has to beat: statistics of mel bands and a classifier of tables.

One grid search goes over the statistics and the classifier together; audio files go
in, and every fold is computed from its own files. Without arguments, music is
generated: six genres that differ in rhythm, harmony and timbre. With ``--data`` it is
yours: a folder with a sub-folder for each class, or a CSV with a column of files and
a column of labels.

    python examples/classical_baseline.py
    python examples/classical_baseline.py --data my_music/
    python examples/classical_baseline.py --data labels.csv --label-column genre
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import classification_report
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sktag import MelSpectrogram, RawWave, Summarizer
from sktag.datasets import load_folder, load_table, make_music

STATS = [
    ("mean",),
    ("mean", "std", "max", "delta_mean", "delta_std"),
    ("q5", "q25", "median", "q75", "q95", "delta_mean", "delta_std"),
]


def load(args, folder):
    """Return paths and labels, of the user's data or of generated music."""
    if args.data is None:
        print(f"Generating {args.n_clips} clips of music ...", flush=True)
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
    """Return the search over pipelines from files to classes."""
    pipe = Pipeline(
        [
            ("wave", RawWave(sr=16000, duration=args.duration)),
            ("mel", MelSpectrogram(n_mels=64, n_fft=1024)),
            ("sum", Summarizer()),
            ("scale", StandardScaler()),
            ("clf", SVC()),
        ]
    )
    forest = RandomForestClassifier(100, random_state=0)
    grid = [
        {"sum__stats": STATS, "clf": [SVC()], "clf__C": [1, 10, 100]},
        {"sum__stats": STATS, "clf": [KNeighborsClassifier(1), forest]},
    ]
    return GridSearchCV(pipe, grid, cv=3)


def print_best_of_each(search):
    """Print the best statistics and parameters of each kind of classifier."""
    results = search.cv_results_
    best = {}
    for i in np.argsort(-results["mean_test_score"], kind="stable"):
        params = results["params"][i]
        best.setdefault(type(params["clf"]).__name__, (i, params))
    for name, (i, params) in best.items():
        C = f" C={params['clf__C']:g}" if "clf__C" in params else ""
        print(
            f"  {results['mean_test_score'][i]:.3f} {name}{C}, "
            f"{' + '.join(params['sum__stats'])}"
        )


def main():
    """Do it all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, help="folder of folders, or CSV")
    parser.add_argument("--file-column", default="file")
    parser.add_argument("--label-column", default="label")
    parser.add_argument("--n-clips", type=int, default=360, help="of generated music")
    parser.add_argument("--duration", type=float, help="of a clip, in seconds")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        X, y = load(args, folder)
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, test_size=1 / 3, stratify=y, random_state=0
        )
        print(f"{len(X_train)} clips to search on, {len(X_test)} to test on.")

        search = build(args)
        start = time.perf_counter()
        search.fit(X_train, y_train)
        seconds = time.perf_counter() - start
        n_candidates = len(search.cv_results_["params"])
        print(f"Searched {n_candidates} pipelines in {seconds:.0f} s.")
        print("Best of each classifier, by accuracy in cross-validation:")
        print_best_of_each(search)

        predicted = search.predict(X_test)
        print(classification_report(y_test, predicted, zero_division=0))
        n_features = len(search.best_estimator_["sum"].get_feature_names_out())
        print(f"Test accuracy: {np.mean(predicted == y_test):.3f}")
        print(f"with {n_features} features: {search.best_params_}")


if __name__ == "__main__":
    main()
