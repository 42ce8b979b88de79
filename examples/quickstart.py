# %% [markdown]
# # From audio files to a saved classifier
#
# This example trains a pipeline from audio files to genres, compares it with a simple
# baseline on held-out clips, saves it, and predicts with it in a new process. Without
# options, it generates music: six genres that differ in rhythm, harmony and timbre.
# With `--data` it uses your own: a folder with a subfolder for each class, or a CSV
# with a column of files and a column of labels.
#
# In the book, [](#chapter-quickstart) explains the same steps one by one.
#
# ```sh
# python examples/quickstart.py
# python examples/quickstart.py --data my_music/
# python examples/quickstart.py --data labels.csv --label-column genre
# ```

# %%
"""Train, test and save a music classifier, and predict in a new process."""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import joblib
import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import ConfusionMatrixDisplay, classification_report
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sktag import CNN2DClassifier, MelSpectrogram, RawWave, Standardizer, Summarizer
from sktag.datasets import load_folder, load_table, make_music
from sktag.inspection import SpectrogramDisplay, TrainingCurveDisplay

# %% tags=["hide-input"]
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", type=Path, help="folder of folders, or CSV")
parser.add_argument("--file-column", default="file")
parser.add_argument("--label-column", default="label")
parser.add_argument("--out", type=Path, default="quickstart_output")
parser.add_argument("--n-clips", type=int, default=300, help="of generated music")
parser.add_argument("--duration", type=float, help="of a clip, in seconds")
parser.add_argument("--epochs", type=int, default=20, help="at most")
# A notebook has no command line: options keep their defaults, files are temporary.
in_notebook = "get_ipython" in globals()
if in_notebook:
    temporary = tempfile.TemporaryDirectory()
args = parser.parse_args(["--out", temporary.name] if in_notebook else None)
args.out.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## Files and their classes
#
# Each of the three sources provides paths and one label per path. A third of the clips
# is held out for testing.

# %%
if args.data is None:
    music = make_music(
        args.n_clips,
        task="genre",
        sr=16000,
        random_state=0,
        directory=args.out / "music",
    )
elif args.data.is_dir():
    music = load_folder(args.data)
else:
    music = load_table(args.data, args.file_column, args.label_column)
X, y = np.array(music.paths), music.target
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=1 / 3, stratify=y, random_state=0
)
print(f"{len(X_train)} clips to train on, {len(X_test)} to test on.")

# %% [markdown]
# Here are three training clips; a notebook plays them.

# %%
print(*y_train[:3], sep=", ")
RawWave(sr=16000, duration=args.duration).fit_transform(X_train[:3]).listen(3)

# %% [markdown]
# ## The pipeline
#
# The pipeline decodes files to waveforms, computes mel spectrograms, standardises each
# band, and trains a small convolutional network. Some of the training clips are held
# out for early stopping.

# %%
pipe = Pipeline(
    [
        ("wave", RawWave(sr=16000, duration=args.duration)),
        ("mel", MelSpectrogram(n_mels=64, n_fft=1024, hop_length=1024)),
        ("scale", Standardizer()),
        (
            "clf",
            CNN2DClassifier(
                n_filters=(16, 32, 64),
                max_epochs=args.epochs,
                batch_size=8,
                lr=3e-3,
                early_stopping=True,
                n_iter_no_change=10,
                validation_fraction=0.15,
                random_state=0,
                verbose=int(not in_notebook),  # one line per epoch
            ),
        ),
    ]
)
pipe.fit(X_train, y_train)
clf = pipe[-1]
print(f"Trained {clf.n_iter_} epochs; the best was epoch {clf.best_epoch_}.")

# %% mystnb={"figure": {"caption": "Training and validation loss, and validation accuracy. The weights of the best epoch are kept.", "name": "fig-ex-quickstart-learning"}, "image": {"alt": "Two panels of curves by epoch: both losses fall, the validation accuracy rises."}}
TrainingCurveDisplay.from_estimator(pipe).figure_.savefig(args.out / "learning.png")

# %% mystnb={"figure": {"caption": "Input of the network before standardisation: the mel spectrogram of one clip of each class.", "name": "fig-ex-quickstart-spectrograms"}, "image": {"alt": "Mel spectrograms, one for each class: drums are vertical lines, held notes horizontal ones."}}
chosen = np.unique(y_train)[:6]
fig, grid = plt.subplots(2, 3, figsize=(9, 5), layout="constrained")
for ax, label in zip(grid.flat, chosen, strict=False):
    index = np.flatnonzero(y_train == label)[0]
    SpectrogramDisplay.from_estimator(pipe[:2], X_train, index, ax=ax, colorbar=False)
    ax.set_title(label)
    ax.label_outer()
for ax in grid.flat[len(chosen) :]:
    ax.axis("off")
fig.savefig(args.out / "spectrograms.png")

# %% [markdown]
# ## The test
#
# Precision and recall of each class on the test clips, and the confusion matrix:

# %%
predicted = pipe.predict(X_test)
print(classification_report(y_test, predicted, zero_division=0))

# %% mystnb={"figure": {"caption": "Confusion matrix of the test clips.", "name": "fig-ex-quickstart-confusion"}, "image": {"alt": "Matrix of counts with true classes as rows and predicted ones as columns; most clips are on the diagonal."}}
fig, ax = plt.subplots(figsize=(6, 5), layout="constrained")
ConfusionMatrixDisplay.from_predictions(
    y_test, predicted, ax=ax, cmap="Blues", colorbar=False, xticks_rotation=45
)
fig.savefig(args.out / "confusion.png")

# %% [markdown]
# There are two baselines: always predict the most frequent class, or predict the class
# of the clip with the nearest mean spectrum. The latter captures timbre, but not
# rhythm.

# %%
nearest = Pipeline(
    [
        *pipe.steps[:2],
        ("mean", Summarizer(("mean",))),
        ("scale", StandardScaler()),
        ("clf", KNeighborsClassifier(1)),
    ]
).fit(X_train, y_train)
chance = np.unique(y_test, return_counts=True)[1].max() / len(y_test)
print(f"Most frequent class: {chance:.3f}")
print(f"1-nearest neighbour on mean spectra: {nearest.score(X_test, y_test):.3f}")
print(f"Test accuracy of the network: {pipe.score(X_test, y_test):.3f}")

# %% [markdown]
# ## A saved model
#
# The whole pipeline is saved to one file, from sample rate to weights. A new process
# needs only this file and some paths.

# %%
joblib.dump(pipe, args.out / "model.joblib")
print("Written:", *sorted(path.name for path in args.out.glob("*.*")))

code = """
import sys
import joblib

model, *paths = sys.argv[1:]
pipe = joblib.load(model)
for proba in pipe.predict_proba(paths):
    print(f"{pipe.classes_[proba.argmax()]} ({proba.max():.0%})")
"""
command = [sys.executable, "-c", code, args.out / "model.joblib", *X_test[:5]]
answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
print("Predictions in a new process:", *answer.splitlines(), sep="\n  ")
print("True:", *y_test[:5], sep="\n  ")
