# %% [markdown]
# # Training on a folder of your own
#
# A folder with a sub-folder for each class becomes a saved classifier, by the recipe for
# small collections: circular shifts, masks and mixup, so that some hundred recordings
# are enough. The recordings may differ in length, rate and channels; a file that cannot
# be read is named, and the rest goes on. Without a folder, one is made of generated
# music, with recordings of different lengths and one file that is broken.
#
# ```sh
# python examples/train_on_a_folder.py
# python examples/train_on_a_folder.py my_music/ --duration 10 --epochs 50
# ```

# %%
"""Train on a folder with a sub-folder for each class, and save the classifier."""

import argparse
import shutil
import tempfile
import warnings
from pathlib import Path

import joblib
import matplotlib.pyplot as plt
import numpy as np
import soundfile
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import train_test_split

from sktag import RawWave, make_recipe
from sktag.datasets import load_folder, make_music

# %% tags=["hide-input"]
# ruff: noqa: E501 (captions are on the lines that begin cells)
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("folder", type=Path, nargs="?", help="of sub-folders of audio")
parser.add_argument("--out", type=Path, default="train_on_a_folder_output")
parser.add_argument("--duration", type=float, default=2.0, help="of a clip, in seconds")
parser.add_argument("--epochs", type=int, default=30)
# A notebook has no command line: options keep their defaults, files are temporary.
in_notebook = "get_ipython" in globals()
args = parser.parse_args(["--out", tempfile.mkdtemp()] if in_notebook else None)
args.out.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## The folder
#
# This one is made, of phrases by four instruments that last from one to three seconds.

# %%
if args.folder is None:
    args.folder = args.out / "music"
    shutil.rmtree(args.folder, ignore_errors=True)
    music = make_music(240, task="instrument", sr=16000, duration=3.0, random_state=0)
    rng = np.random.default_rng(0)
    for i, (wave, label) in enumerate(zip(music.data, music.target, strict=True)):
        if label in ("bell", "bowed", "flute", "guitar"):
            path = args.folder / label / f"{i:03d}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, wave[: rng.integers(16000, 48000)], 16000)
    (args.folder / "guitar" / "broken.wav").write_bytes(b"RIFF, but no more")

data = load_folder(args.folder)
print(data.DESCR)

# %% [markdown]
# ## What cannot be read
#
# Headers are read first. With `on_error="warn"` a file that is no audio is named in a
# warning and listed in `failed_`, by its place; it is left out here.

# %%
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    wave = RawWave(duration=args.duration, on_error="warn").fit(data.paths)
print(*(str(warning.message) for warning in said), sep="\n")
good = np.setdiff1d(np.arange(len(data.paths)), wave.failed_)
X, y = np.array(data.paths)[good], data.target[good]
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.4, stratify=y, random_state=0
)
print(f"{len(X_train)} recordings to train on, {len(X_test)} to test on.")

# %% [markdown]
# Three of them, cut or filled up to the duration of a clip:

# %%
print(*y_train[:3], sep=", ")
RawWave(duration=args.duration).fit_transform(X_train[:3]).listen(3)

# %% [markdown]
# ## The recipe
#
# Every parameter of the pipeline can be given by its name. Here the network is made
# smaller than the recipe's, to be trained in seconds, and classes with few recordings
# count as much as those with many.

# %%
pipe = make_recipe(
    "small_data",
    wave__duration=args.duration,
    mel__hop_length=1024,
    clf__n_filters=(8, 16, 32, 64),
    clf__max_epochs=args.epochs,
    clf__batch_size=8,
    clf__class_weight="balanced",
    clf__random_state=0,
)
pipe.fit(X_train, y_train)
print(pipe)

# %% [markdown]
# ## The test

# %% mystnb={"figure": {"caption": "Recordings that were kept for the test, by their class and the class that was predicted.", "name": "fig-ex-folder-confusion"}, "image": {"alt": "Matrix of counts with true classes as rows and predicted ones as columns; most recordings are on the diagonal."}}
predicted = pipe.predict(X_test)
fig, ax = plt.subplots(figsize=(5, 4), layout="constrained")
ConfusionMatrixDisplay.from_predictions(
    y_test, predicted, ax=ax, cmap="Blues", colorbar=False, xticks_rotation=45
)
fig.savefig(args.out / "confusion.png")

# %%
frequent = np.unique(y_test, return_counts=True)[1].max() / len(y_test)
print(f"Most frequent class: {frequent:.3f}")
print(f"Test accuracy: {np.mean(predicted == y_test):.3f}")
wrong = np.flatnonzero(predicted != y_test)[:3]
for path, label, taken in zip(
    X_test[wrong], y_test[wrong], predicted[wrong], strict=True
):
    print(f"{Path(path).name} is {label}, taken for {taken}")

# %% [markdown]
# ## The model
#
# One file, which needs no more than paths:

# %%
joblib.dump(pipe, args.out / "model.joblib")
loaded = joblib.load(args.out / "model.joblib")
proba = loaded.predict_proba(X_test[:1])[0]
for label, p in sorted(zip(loaded.classes_, proba, strict=True), key=lambda x: -x[1]):
    print(f"{p:.0%} {label}")
