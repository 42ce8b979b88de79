# %% [markdown]
# # One search over front-end and network
#
# The best network depends on the front-end, so we search over both together: the values
# of the grid are whole steps of the pipeline. The task is to classify six instruments
# in generated clips.
#
# In the book, [](#chapter-search) explains how to read the results of a search.
#
# ```sh
# python examples/grid_search.py
# python examples/grid_search.py --n-clips 360 --epochs 60
# ```

# %%
"""Search over the front-end and the network of a pipeline together."""

import argparse
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline

from sktag import (
    CQT,
    CNN1DClassifier,
    CNN2DClassifier,
    MelSpectrogram,
    RawWave,
    Standardizer,
)
from sktag.datasets import make_music

# %% tags=["hide-input"]
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default="grid_search_output")
parser.add_argument("--n-clips", type=int, default=150)
parser.add_argument("--duration", type=float, default=1.5, help="in seconds")
parser.add_argument("--epochs", type=int, default=34)
# A notebook has no command line: options keep their defaults, files are temporary.
in_notebook = "get_ipython" in globals()
if in_notebook:
    temporary = tempfile.TemporaryDirectory()
args = parser.parse_args(["--out", temporary.name] if in_notebook else None)
args.out.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## Clips
#
# The search uses two thirds of the clips. The rest is held out until the end.

# %%
music = make_music(
    args.n_clips, task="instrument", sr=16000, duration=args.duration, random_state=0
)
X_train, X_test, y_train, y_test = train_test_split(
    music.data, music.target, test_size=1 / 3, stratify=music.target, random_state=0
)
print(f"{len(X_train)} clips to search on, {len(X_test)} to test on.")
RawWave(sr=16000).fit_transform(X_train).listen(2)

# %% [markdown]
# ## The grid
#
# There are three front-ends: few mel bands, many mel bands, and a constant-Q transform
# with one bin per semitone. There are two networks: one whose filters span all bands
# and slide over time (1D), and one whose filters slide over both axes (2D). You could
# also search over parameters of a step, such as `front__n_mels` or `clf__lr`; here we
# replace whole steps.

# %%
front_ends = {
    "16 mel bands": MelSpectrogram(n_mels=16, n_fft=1024, hop_length=1024),
    "64 mel bands": MelSpectrogram(n_mels=64, n_fft=1024, hop_length=1024),
    "CQT, 72 semitones": CQT(n_bins=72, hop_length=1024),
}
training = {
    "max_epochs": args.epochs,
    "batch_size": 6,
    "lr": 5e-3,
    "random_state": 0,
}
networks = {
    "1D": CNN1DClassifier(n_filters=32, n_blocks=3, **training),
    "2D": CNN2DClassifier(n_filters=(8, 16), **training),
}
pipe = Pipeline(
    [
        ("wave", RawWave(sr=16000)),
        ("front", MelSpectrogram()),
        ("scale", Standardizer()),
        ("clf", CNN2DClassifier()),
    ]
)
grid = {"clf": list(networks.values()), "front": list(front_ends.values())}
search = GridSearchCV(pipe, grid, cv=2).fit(X_train, y_train)

# %% mystnb={"figure": {"caption": "Cross-validation accuracy of each front-end with each network.", "name": "fig-ex-grid-search"}, "image": {"alt": "Table of colours with a number in each of its cells: two networks by three front-ends."}}
# In a grid, scikit-learn varies the alphabetically last parameter fastest.
means = search.cv_results_["mean_test_score"].reshape(len(networks), len(front_ends))
fig, ax = plt.subplots(figsize=(6.5, 3), layout="constrained")
image = ax.imshow(means, cmap="cividis", aspect="auto")
for (i, j), mean in np.ndenumerate(means):
    is_light = image.norm(mean) > 0.5
    ax.text(j, i, f"{mean:.2f}", ha="center", va="center", color="wk"[int(is_light)])
ax.set_xticks(range(len(front_ends)), front_ends)
ax.set_yticks(range(len(networks)), networks)
fig.colorbar(image, label="accuracy")
fig.savefig(args.out / "grid.png")

# %% [markdown]
# ## Results
#
# The next cell prints the best front-end for each network, and the average differences
# between networks and between front-ends. Compare a difference with the noise of a
# score on so few clips: its standard error, assuming that clips are independent.

# %%
for network, row in zip(networks, means, strict=True):
    print(f"Best front-end of the {network} network: {list(front_ends)[row.argmax()]}")
noise = np.sqrt(means.mean() * (1 - means.mean()) / len(X_train))
print(f"Between networks: {np.ptp(means.mean(axis=1)):.3f}")
print(f"Between front-ends: {np.ptp(means.mean(axis=0)):.3f}")
print(f"Standard error of one score: {noise:.3f}")
first, second = np.sort(means.ravel())[:-3:-1]
if first - second < noise:
    print("The difference between the two best candidates is within the noise.")

# %% [markdown]
# ## The test
#
# The best pipeline was refitted on all clips of the search. Its score in the search is
# the best of several and therefore too optimistic; the test uses other clips.

# %%
i, j = np.unravel_index(means.argmax(), means.shape)
print(f"Best: {list(networks)[i]} network on {list(front_ends)[j]}")
print(f"Accuracy in the search: {search.best_score_:.3f}")
print(f"Test accuracy: {search.score(X_test, y_test):.3f}")
chance = np.unique(y_test, return_counts=True)[1].max() / len(y_test)
print(f"Most frequent class: {chance:.3f}")
