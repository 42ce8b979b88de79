# %% [markdown]
# # Training on a folder of your own
#
# What you need is a folder with a sub-folder of recordings for each class, some tens of
# them or more. They may differ in length, rate and channels; a file that cannot be read
# is named, and the rest goes on. Where no folder is given, one is made of generated
# music by six instruments, with recordings of different lengths and a broken file.
#
# In the book, [](#chapter-your-data) has the rest: tables, groups, many files.
#
# ```sh
# python examples/train_on_a_folder.py --data my_music/
# python examples/train_on_a_folder.py --data my_music/ --duration 10 --epochs 100
# ```

# %%
"""Train a classifier on a folder, look at its mistakes, and sort new files."""

import argparse
import tempfile
import warnings
from pathlib import Path

import joblib
import matplotlib.pyplot as plt
import numpy as np
import soundfile
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sktag import Augmenter, RawWave, Summarizer, make_recipe
from sktag.datasets import load_folder, make_music

# %% tags=["hide-input"]
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", type=Path, help="folder with one folder a class")
parser.add_argument("--out", type=Path, default="train_on_a_folder_output")
parser.add_argument("--n-clips", type=int, default=150, help="of generated music")
parser.add_argument("--duration", type=float, help="of a clip; by default the median")
parser.add_argument("--epochs", type=int, default=30)
# A notebook has no command line: options keep their defaults, files are temporary.
in_notebook = "get_ipython" in globals()
if in_notebook:
    temporary = tempfile.TemporaryDirectory()
args = parser.parse_args(["--out", temporary.name] if in_notebook else None)
args.out.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## The folder

# %%
folder = args.data
if folder is None:
    folder = args.out / "music"
    music = make_music(
        args.n_clips, task="instrument", sr=16000, duration=3.0, random_state=0
    )
    seconds = np.random.default_rng(0).uniform(1.5, 3.0, args.n_clips)
    for i, label in enumerate(music.target):
        (folder / label).mkdir(parents=True, exist_ok=True)
        path = folder / label / f"{i:03d}.wav"
        soundfile.write(path, music.data[i, : round(16000 * seconds[i])], 16000)
    (folder / "guitar" / "broken.wav").write_bytes(b"RIFF, but no more")

data = load_folder(folder)
paths, labels = np.array(data.paths), data.target
for name, count in zip(*np.unique(labels, return_counts=True), strict=True):
    example = Path(paths[labels == name][0]).relative_to(folder)
    print(f"{count:5} files of {name}, such as {example}")

# %% [markdown]
# ## What can be read, and how long it is
#
# Headers tell, nothing is decoded. With `on_error="warn"` a file that is no audio is
# named in a warning, and its place is in `failed_`; it is left out here.

# %%
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    wave = RawWave(on_error="warn").fit(paths)
for warning in caught:
    print(str(warning.message).replace(str(folder.absolute()), folder.name))
paths, labels = np.delete(paths, wave.failed_), np.delete(labels, wave.failed_)
clips = wave.transform(paths)
lengths = clips.lengths / clips.sample_rate
print(
    f"shortest {lengths.min():.1f} s, median {np.median(lengths):.1f} s, "
    f"longest {lengths.max():.1f} s"
)

# %% [markdown]
# The pipeline makes all clips as long as the longest, unless it is told a duration:
# where a few files are much longer than the others, give one, or most of what is
# computed is padding. Here it is the median, if you do not say otherwise.

# %%
duration = args.duration or float(np.median(lengths))
print(labels[0], labels[-1], sep=", ")
clips[[0, -1]].listen(2)

# %% [markdown]
# ## Training
#
# The recipe "small_data" is made for a few hundred recordings: mel spectrograms and a
# compact 2D network. What differs here is said by name: fewer filters and longer hops
# save time, masks and mixup keep few clips from being learned by heart, classes with few
# files count as much as those with many, and since a network is hardly trained below some
# 300 steps, few clips need small batches. With thousands leave `clf__batch_size` and
# `clf__n_filters` out.

# %%
train, test, y_train, y_test = train_test_split(
    paths, labels, test_size=1 / 3, stratify=labels, random_state=0
)
pipe = make_recipe(
    "small_data",
    wave__duration=duration,
    mel__hop_length=1024,
    augment=Augmenter(),
    clf__mixup_alpha=0.2,
    clf__n_filters=(16, 32, 64),
    clf__batch_size=8,
    clf__class_weight="balanced",
    clf__max_epochs=args.epochs,
    clf__random_state=0,
)
pipe.fit(train, y_train)
print(f"Trained on {len(train)} files, {pipe[-1].n_parameters_:,} parameters.")

# %% [markdown]
# If several files come from one recording, album or player, they have to be on one side:
# split with scikit-learn's `GroupShuffleSplit`. A network that knows the room does well
# on files from that room, and only there.
#
# ## The test
#
# Beside the most frequent class, and a support vector machine on statistics of the same
# mel bands.

# %%
simple = Pipeline(
    [
        ("wave", pipe["wave"]),
        ("mel", pipe["mel"]),
        ("sum", Summarizer()),
        ("scale", StandardScaler()),
        ("clf", SVC(C=10)),
    ]
).fit(train, y_train)
predicted = pipe.predict(test)
chance = np.unique(y_test, return_counts=True)[1].max() / len(y_test)
print(f"Most frequent class: {chance:.3f}")
print(f"Statistics and SVC: {simple.score(test, y_test):.3f}")
print(f"Test accuracy of the network: {np.mean(predicted == y_test):.3f}")

# %% mystnb={"figure": {"caption": "Test files by their folder and the class that was predicted.", "name": "fig-ex-folder-confusion"}, "image": {"alt": "Matrix of counts with true classes as rows and predicted ones as columns."}}
fig, ax = plt.subplots(figsize=(6, 5), layout="constrained")
ConfusionMatrixDisplay.from_predictions(
    y_test, predicted, ax=ax, cmap="Blues", colorbar=False, xticks_rotation=45
)
fig.savefig(args.out / "confusion.png")

# %% [markdown]
# ## Listening to mistakes
#
# The mistakes that the network is surest of tell most: a file in the wrong folder, two
# classes that differ in what the clip does not have, or something that the network has
# not heard often enough.

# %%
proba = pipe.predict_proba(test)
surest = proba.max(axis=1)
wrong = np.flatnonzero(predicted != y_test)
wrong = wrong[np.argsort(-surest[wrong])][:2]
for i in wrong:
    name = Path(test[i]).relative_to(folder)
    print(f"{name} is taken for {predicted[i]} ({surest[i]:.0%})")
pipe["wave"].transform(test)[wrong].listen(2)

# %% [markdown]
# ## New files
#
# The pipeline is saved as one file. Loaded, here or in another process, it sorts files
# that have no folder; what it is not sure of is better left to somebody who listens.

# %%
joblib.dump(pipe, args.out / "model.joblib")
loaded = joblib.load(args.out / "model.joblib")
new_files = test[:5]
for path, row in zip(new_files, loaded.predict_proba(new_files), strict=True):
    answer = loaded.classes_[row.argmax()] if row.max() > 0.5 else "not sure"
    print(f"{Path(path).name}: {answer} ({row.max():.0%})")
