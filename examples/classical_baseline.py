# %% [markdown]
# # A classical baseline
#
# A network should beat classifiers on simple statistics of mel bands over time. This
# example searches over the statistics and the classifier together, in one grid search
# from audio to accuracy. Without options, it generates music: six genres that differ in
# rhythm, harmony and timbre. With `--data` it uses your own: a folder with a subfolder
# for each class, or a CSV with a column of files and a column of labels.
#
# In the book, [](#chapter-quickstart) compares such a baseline with a network.
#
# ```sh
# python examples/classical_baseline.py
# python examples/classical_baseline.py --data my_music/
# python examples/classical_baseline.py --data labels.csv --label-column genre
# ```

# %%
"""Search for the best statistics of mel bands and the best classifier for them."""

import argparse
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import ConfusionMatrixDisplay, classification_report
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sktag import MelSpectrogram, RawWave, Summarizer
from sktag.datasets import load_folder, load_table, make_music

# %% tags=["hide-input"]
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", type=Path, help="folder of folders, or CSV")
parser.add_argument("--file-column", default="file")
parser.add_argument("--label-column", default="label")
parser.add_argument("--out", type=Path, default="classical_baseline_output")
parser.add_argument("--n-clips", type=int, default=240, help="of generated music")
parser.add_argument("--duration", type=float, help="of a clip, in seconds")
# A notebook has no command line: options keep their defaults, files are temporary.
in_notebook = "get_ipython" in globals()
if in_notebook:
    temporary = tempfile.TemporaryDirectory()
args = parser.parse_args(["--out", temporary.name] if in_notebook else None)
args.out.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## Clips
#
# Your own files are read lazily; generated music stays in memory. A third of the clips
# is held out for testing, and the search never sees it.

# %%
if args.data is None:
    music = make_music(args.n_clips, task="genre", sr=16000, random_state=0)
    X, y = music.data, music.target
else:
    if args.data.is_dir():
        data = load_folder(args.data)
    else:
        data = load_table(args.data, args.file_column, args.label_column)
    X, y = np.array(data.paths), data.target
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=1 / 3, stratify=y, random_state=0
)
print(f"{len(X_train)} clips to search on, {len(X_test)} to test on.")

# %% [markdown]
# ## The search
#
# There are three sets of statistics: only the mean spectrum; moments, including those
# of the differences between neighbouring frames; and quantiles. There are five
# classifiers: support vector machines with three values of C, 1-nearest neighbour, and
# a random forest.

# %%
pipe = Pipeline(
    [
        ("wave", RawWave(sr=16000, duration=args.duration)),
        ("mel", MelSpectrogram(n_mels=64, n_fft=1024, hop_length=1024)),
        ("sum", Summarizer()),
        ("scale", StandardScaler()),
        ("clf", SVC()),
    ]
)
stats = {
    "mean": ("mean",),
    "moments": ("mean", "std", "max", "delta_mean", "delta_std"),
    "quantiles": ("q5", "q25", "median", "q75", "q95", "delta_mean", "delta_std"),
}
classifiers = {
    "SVC, C=0.1": SVC(C=0.1),
    "SVC, C=1": SVC(C=1),
    "SVC, C=10": SVC(C=10),
    "1-nearest neighbour": KNeighborsClassifier(1),
    "forest": RandomForestClassifier(100, random_state=0),
}
grid = {"sum__stats": list(stats.values()), "clf": list(classifiers.values())}
search = GridSearchCV(pipe, grid, cv=3).fit(X_train, y_train)

# In a grid, scikit-learn varies the alphabetically last parameter fastest.
shape = len(classifiers), len(stats)
means = search.cv_results_["mean_test_score"].reshape(shape)
stds = search.cv_results_["std_test_score"].reshape(shape)
print(f"Searched {means.size} pipelines. Best of each classifier:")
for name, row in zip(classifiers, means, strict=True):
    print(f"  {row.max():.3f} {name}, {list(stats)[row.argmax()]}")

# %% mystnb={"figure": {"caption": "Accuracy of each classifier with each set of statistics: mean over three folds, with standard deviations as bars. The dotted line is the share of the most frequent class.", "name": "fig-ex-baseline-search"}, "image": {"alt": "Dot plot of five classifiers with three sets of statistics each; the mean spectrum alone is the worst of the three for most of them."}}
fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
rows = np.arange(len(classifiers))
for i, (name, marker) in enumerate(zip(stats, "osD", strict=True)):
    ax.errorbar(
        means[:, i],
        rows + 0.2 * (i - 1),
        xerr=stds[:, i],
        fmt=marker,
        capsize=3,
        label=name,
    )
chance = np.unique(y_train, return_counts=True)[1].max() / len(y_train)
ax.axvline(chance, color="0.4", linestyle=":")
ax.set_yticks(rows, classifiers)
ax.invert_yaxis()
ax.set_xlim(0, 1)
ax.set_xlabel("accuracy in cross-validation")
ax.legend(title="statistics")
fig.savefig(args.out / "search.png")

# %% [markdown]
# ## The test
#
# The best pipeline was refitted on all clips of the search. Its cross-validation score
# is the best of many and therefore too optimistic; the score that counts is that on the
# test clips.

# %%
predicted = search.predict(X_test)
accuracy = np.mean(predicted == y_test)
print(classification_report(y_test, predicted, zero_division=0))
print("Best:", search.best_params_)
print(f"Features: {len(search.best_estimator_['sum'].get_feature_names_out())}")
print(f"Accuracy in cross-validation: {search.best_score_:.3f}")
print(f"Test accuracy: {accuracy:.3f}")

# %% mystnb={"figure": {"caption": "Confusion matrix of the test clips.", "name": "fig-ex-baseline-confusion"}, "image": {"alt": "Matrix of counts with true classes as rows and predicted ones as columns."}}
fig, ax = plt.subplots(figsize=(6, 5), layout="constrained")
ConfusionMatrixDisplay.from_predictions(
    y_test, predicted, ax=ax, cmap="Blues", colorbar=False, xticks_rotation=45
)
fig.savefig(args.out / "confusion.png")

# %% [markdown]
# The statistics discard the order of frames, and with it most of rhythm and melody. The
# example [From audio files to a saved classifier](quickstart.md) trains a network on
# the same kind of music, which can use them.
