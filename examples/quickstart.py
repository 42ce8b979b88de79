# %% [markdown]
# # From audio files to a saved classifier
#
# A pipeline from audio files to genres is trained, compared with a simple one on clips
# that neither has heard, saved, and asked again in a new process. Without options, music
# is generated: six genres that differ in rhythm, harmony and timbre. With `--data` it is
# yours: a folder with a sub-folder for each class, or a CSV with a column of files and a
# column of labels.
#
# In the book, [](#chapter-quickstart) goes through the same steps one by one.
#
# ```sh
# python examples/quickstart.py
# python examples/quickstart.py --data my_music/
# python examples/quickstart.py --data labels.csv --label-column genre
# ```

# %%
"""Train, test and save a classifier of music, and predict in a new process."""

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
# Each of the three sources gives paths and a label for each. A third of the clips is
# kept for the test.

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
# Three of the clips to train on; a notebook plays them.

# %%
print(*y_train[:3], sep=", ")
RawWave(sr=16000, duration=args.duration).fit_transform(X_train[:3]).listen(3)

# %% [markdown]
# ## The pipeline
#
# Files become waveforms, these become mel spectrograms, each band is standardised, and a
# small convolutional network learns the classes. A part of the clips to train on is kept
# apart to tell when to stop.

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
                verbose=int(not in_notebook),  # a line an epoch
            ),
        ),
    ]
)
pipe.fit(X_train, y_train)
clf = pipe[-1]
print(f"Trained {clf.n_iter_} epochs; the best was the {clf.best_epoch_}.")

# %% mystnb={"figure": {"caption": "Loss on the clips trained on and on those kept apart, and the accuracy on the latter. The weights of the best epoch are kept.", "name": "fig-ex-quickstart-learning"}, "image": {"alt": "Two panels of curves by epoch: both losses fall, the validation accuracy rises."}}
TrainingCurveDisplay.from_estimator(pipe).figure_.savefig(args.out / "learning.png")

# %% mystnb={"figure": {"caption": "What the network is given, before it is standardised: the mel spectrogram of one clip of each class.", "name": "fig-ex-quickstart-spectrograms"}, "image": {"alt": "Mel spectrograms, one for each class: drums are vertical lines, held notes horizontal ones."}}
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
# On the clips kept for it: precision and recall of each class, and which ones are taken
# for which.

# %%
predicted = pipe.predict(X_test)
print(classification_report(y_test, predicted, zero_division=0))

# %% mystnb={"figure": {"caption": "Test clips by their class and the class that was predicted.", "name": "fig-ex-quickstart-confusion"}, "image": {"alt": "Matrix of counts with true classes as rows and predicted ones as columns; most clips are on the diagonal."}}
fig, ax = plt.subplots(figsize=(6, 5), layout="constrained")
ConfusionMatrixDisplay.from_predictions(
    y_test, predicted, ax=ax, cmap="Blues", colorbar=False, xticks_rotation=45
)
fig.savefig(args.out / "confusion.png")

# %% [markdown]
# What it has to beat: always saying the most frequent class, and the class of the clip
# whose mean spectrum is nearest. The latter knows timbre, but nothing of rhythm.

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
# The pipeline is one file, from sample rate to weights. A new process needs no more than
# it and some paths.

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
