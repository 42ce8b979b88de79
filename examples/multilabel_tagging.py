# %% [markdown]
# # Several tags per clip, and tags over time
#
# Tags are not mutually exclusive: a clip can have guitar and drums, and be fast. A
# network with one sigmoid per tag learns them from a matrix of zeros and ones, and
# predicts tags for chunks of a recording. The clips are generated.
#
# In the book, [](#sec-tags) covers tags of your own files, and thresholds.
#
# ```sh
# python examples/multilabel_tagging.py
# python examples/multilabel_tagging.py --n-clips 600 --epochs 60
# ```

# %%
"""Learn several tags per clip, and predict them over time."""

import argparse
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sktag import (
    ClipArray,
    CNN2DClassifier,
    MelSpectrogram,
    RawWave,
    Standardizer,
    Summarizer,
)
from sktag.datasets import make_music

# %% tags=["hide-input"]
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default="multilabel_tagging_output")
parser.add_argument("--n-clips", type=int, default=240)
parser.add_argument("--duration", type=float, default=2.0, help="in seconds")
parser.add_argument("--epochs", type=int, default=30)
# A notebook has no command line: options keep their defaults, files are temporary.
in_notebook = "get_ipython" in globals()
if in_notebook:
    temporary = tempfile.TemporaryDirectory()
args = parser.parse_args(["--out", temporary.name] if in_notebook else None)
args.out.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## Clips and their tags
#
# `Y` has one row per clip and one column per tag. A third of the clips is held out for
# testing.

# %%
music = make_music(
    args.n_clips, task="tags", sr=16000, duration=args.duration, random_state=0
)
tags = np.array(music.target_names)
X_train, X_test, Y_train, Y_test = train_test_split(
    music.data, music.target, test_size=1 / 3, random_state=0
)
print("Y has the shape", Y_train.shape)
for row in Y_train[:3]:
    print(row, *tags[row == 1])
RawWave(sr=16000).fit_transform(X_train).listen(3)

# %% [markdown]
# ## Training on chunks
#
# In each epoch the network sees one second of each clip, at a new random position. The
# probabilities of a clip are means over its chunks. The labels do not say which second
# has the tag.

# %%
hop_length = 1024
front_end = [
    ("wave", RawWave(sr=16000)),
    ("mel", MelSpectrogram(n_mels=40, n_fft=1024, hop_length=hop_length)),
]
clf = CNN2DClassifier(
    n_filters=(16, 32, 64),
    chunk_size=round(16000 / hop_length),
    max_epochs=args.epochs,
    batch_size=8,
    lr=5e-3,
    random_state=0,
)
pipe = Pipeline([*front_end, ("scale", Standardizer()), ("clf", clf)])
pipe.fit(X_train, Y_train)
print(f"{clf.n_parameters_:,} parameters, {clf.n_iter_} epochs")

# %% [markdown]
# ## The test
#
# Both scores are computed for each tag and averaged (macro). The area under the ROC
# curve is the probability that a clip with the tag is ranked above one without it;
# guessing scores 0.5. Average precision summarises the precision of the ranking;
# guessing scores the share of clips with the tag. The baseline is a logistic regression
# for each tag on statistics of the mel bands.

# %%
simple = Pipeline(
    [
        *front_end,
        ("sum", Summarizer()),
        ("scale", StandardScaler()),
        ("clf", OneVsRestClassifier(LogisticRegression(max_iter=1000))),
    ]
).fit(X_train, Y_train)
scores = {}
print(f"{'':22}{'ROC-AUC':>8}{'average precision':>19}")
for name, model in {"network": pipe, "logistic regression": simple}.items():
    proba = model.predict_proba(X_test)
    auc = roc_auc_score(Y_test, proba, average=None)
    scores[name] = average_precision_score(Y_test, proba, average=None)
    print(f"{name:22}{auc.mean():8.3f}{scores[name].mean():19.3f}")
print(f"{'guessing':22}{0.5:8.3f}{Y_test.mean():19.3f}")

# %% mystnb={"figure": {"caption": "Average precision of each tag on the test clips, sorted by the score of the network. Black lines are the scores of guessing: the share of clips with the tag.", "name": "fig-ex-tagging-scores"}, "image": {"alt": "Horizontal bars for eight tags, two for each, the network and the logistic regression, with a line at the level of guessing."}}
order = np.argsort(scores["network"])
rows = np.arange(len(tags))
fig, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
for (name, values), shift, hatch in zip(
    scores.items(), (0.2, -0.2), ("", "//"), strict=True
):
    ax.barh(rows + shift, values[order], 0.4, label=name, hatch=hatch, edgecolor="w")
shares = Y_test.mean(axis=0)[order]
ax.vlines(shares, rows - 0.4, rows + 0.4, color="k", label="guessing")
ax.set_yticks(rows, tags[order])
ax.set_xlim(0, 1)
ax.set_xlabel("average precision")
fig.legend(loc="outside upper center", ncols=3)
fig.savefig(args.out / "tags.png")

# %% [markdown]
# ## Tags over time
#
# We concatenate three test clips to a recording whose tags change. `predict_taggram`
# returns the probabilities of its chunks, here four overlapping chunks per second. No
# retraining is needed: such a network accepts any length.

# %%
recording = ClipArray.from_array(X_test[:3].reshape(1, -1), sample_rate=16000)
n_chunks = round(3 * args.duration * 4)
clips = pipe[1:-1].transform(recording)
taggram, times = clf.set_params(n_chunks=n_chunks).predict_taggram(
    clips, return_times=True
)
print("(recordings, chunks, tags):", taggram.shape)
recording.listen(1)

# %% mystnb={"figure": {"caption": "Probability of each tag over the recording, at the centre of each chunk. Frames mark the true tags of each clip; a chunk across a border contains both clips.", "name": "fig-ex-tagging-taggram"}, "image": {"alt": "Colour map of eight tags over six seconds, with rectangles around the tags that each of the three clips has."}}
fig, ax = plt.subplots(figsize=(8, 4), layout="constrained")
step = times[0, 1] - times[0, 0]
edges = np.append(times[0] - step / 2, times[0, -1] + step / 2)
mesh = ax.pcolormesh(
    edges, np.arange(len(tags) + 1) - 0.5, taggram[0].T, vmin=0, vmax=1, cmap="cividis"
)
for i, row in enumerate(Y_test[:3]):
    for tag in np.flatnonzero(row):
        corner = i * args.duration, tag - 0.45
        frame = plt.Rectangle(corner, args.duration, 0.9, fill=False, ec="C1", lw=2)
        ax.add_patch(frame)
ax.set_xlim(0, 3 * args.duration)
ax.set_yticks(range(len(tags)), tags)
ax.set_xlabel("time in s")
fig.colorbar(mesh, label="probability")
fig.savefig(args.out / "taggram.png")
