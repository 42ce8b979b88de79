# %% [markdown]
# # Training on a folder of your own
#
# You need a folder with one subfolder per class, each with a few dozen recordings or
# more. They may differ in length, sample rate and channels. Unreadable files are
# reported and skipped. Without `--data`, the example generates a folder of music by six
# instruments, with recordings of different lengths and one broken file.
#
# In the book, [](#chapter-your-data) covers the rest: tables, groups, many files.
#
# ```sh
# python examples/train_on_a_folder.py --data my_music/
# python examples/train_on_a_folder.py --data my_music/ --duration 10 --epochs 100
# ```

# %%
"""Train a classifier on a folder, inspect its errors, and classify new files."""

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
parser.add_argument("--data", type=Path, help="folder with one subfolder per class")
parser.add_argument("--out", type=Path, default="train_on_a_folder_output")
parser.add_argument("--n-clips", type=int, default=150, help="of generated music")
parser.add_argument("--duration", type=float, help="of a clip (default: the median)")
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
# ## Readable files and their lengths
#
# RawWave reads only headers and decodes nothing. With `on_error="warn"`, it warns about
# a file that is not audio and stores its index in `failed_`. We remove such files.

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
# Without a `duration`, the pipeline pads all clips to the length of the longest. If a
# few files are much longer than the others, set a duration; otherwise most of the
# computation is spent on padding. The default of this example is the median.

# %%
duration = args.duration or float(np.median(lengths))
print(labels[0], labels[-1], sep=", ")
clips[[0, -1]].listen(2)

# %% [markdown]
# ## Training
#
# The recipe "small_data" suits a few hundred recordings: mel spectrograms and a compact
# 2D network. We override some parameters. Fewer filters and a longer hop length save
# time. Masks and mixup reduce overfitting. Balanced class weights give rare classes the
# same weight as frequent ones. And since a network needs at least about 300 steps, few
# clips need small batches. With thousands of clips, omit `clf__batch_size` and
# `clf__n_filters`.

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
# If several files come from one recording, album or player, the split must not separate
# them: use scikit-learn's `GroupShuffleSplit`. A network that recognises the room does
# well on files from that room, and only there.
#
# ## The test
#
# We compare with two baselines: the most frequent class, and a support vector machine
# on statistics of the same mel bands.

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

# %% mystnb={"figure": {"caption": "Confusion matrix of the test files.", "name": "fig-ex-folder-confusion"}, "image": {"alt": "Matrix of counts with true classes as rows and predicted ones as columns."}}
fig, ax = plt.subplots(figsize=(6, 5), layout="constrained")
ConfusionMatrixDisplay.from_predictions(
    y_test, predicted, ax=ax, cmap="Blues", colorbar=False, xticks_rotation=45
)
fig.savefig(args.out / "confusion.png")

# %% [markdown]
# ## Listen to errors
#
# The most confident errors are the most informative: a file in the wrong folder, a clip
# that lacks the feature distinguishing two classes, or a sound that is rare in the
# training data.

# %%
proba = pipe.predict_proba(test)
surest = proba.max(axis=1)
wrong = np.flatnonzero(predicted != y_test)
wrong = wrong[np.argsort(-surest[wrong])][:2]
for i in wrong:
    name = Path(test[i]).relative_to(folder)
    print(f"{name} is predicted as {predicted[i]} ({surest[i]:.0%})")
pipe["wave"].transform(test)[wrong].listen(2)

# %% [markdown]
# ## New files
#
# Save the pipeline to one file, and load it, here or in another process, to classify
# new files. If it is not confident, it is better to let a human listen.

# %%
joblib.dump(pipe, args.out / "model.joblib")
loaded = joblib.load(args.out / "model.joblib")
new_files = test[:5]
for path, row in zip(new_files, loaded.predict_proba(new_files), strict=True):
    answer = loaded.classes_[row.argmax()] if row.max() > 0.5 else "not sure"
    print(f"{Path(path).name}: {answer} ({row.max():.0%})")
