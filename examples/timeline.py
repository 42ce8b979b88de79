# %% [markdown]
# # A timeline of tags
#
# Which tags does a long recording have, and when? A network is trained on short clips
# and then asked about a recording of a minute, window by window. The recording is made
# of clips that were not trained on, so that the answer is known.
#
# Without options, the clips are generated. With `--data` they are yours: a CSV with a
# column of files, and one of zeros and ones for each tag.
#
# ```sh
# python examples/timeline.py
# python examples/timeline.py --data labels.csv --tags piano guitar drums
# ```

# %%
"""Train a tagger on short clips, and draw the tags of a recording over time."""

import argparse
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline

from sktag import ClipArray, CNN2DClassifier, MelSpectrogram, RawWave, Standardizer
from sktag.datasets import load_table, make_music
from sktag.inspection import SpectrogramDisplay

SR = 16000

# %% tags=["hide-input"]
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", type=Path, help="CSV of files and tags")
parser.add_argument("--file-column", default="file")
parser.add_argument("--tags", nargs="+", help="columns of the CSV")
parser.add_argument("--out", type=Path, default="timeline_output")
parser.add_argument("--n-clips", type=int, default=260, help="of generated music")
parser.add_argument("--duration", type=float, default=6.0, help="of a clip, in seconds")
parser.add_argument("--n-parts", type=int, default=10, help="clips in the recording")
parser.add_argument("--epochs", type=int, default=30)
# A notebook has no command line: options keep their defaults, files are temporary.
in_notebook = "get_ipython" in globals()
if in_notebook:
    temporary = tempfile.TemporaryDirectory()
args = parser.parse_args(["--out", temporary.name] if in_notebook else None)
if (args.data is None) != (args.tags is None):
    parser.error("--data and --tags go together")
args.out.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## Training on short windows
#
# A fifth of the clips is held out. In each epoch the network sees two seconds of each
# training clip, from a place that is drawn anew.

# %%
if args.data is None:
    music = make_music(
        args.n_clips, task="tags", sr=SR, duration=args.duration, random_state=0
    )
    clips = ClipArray.from_array(music.data, sample_rate=SR)
else:
    music = load_table(args.data, args.file_column, args.tags)
    clips = RawWave(sr=SR, duration=args.duration).fit_transform(music.paths)
tags = np.array(music.target_names)
X_train, X_test, Y_train, Y_test = train_test_split(
    clips, music.target, test_size=0.2, random_state=0
)

hop_length, window = 1024, 2.0
clf = CNN2DClassifier(
    n_filters=(16, 32, 64),
    chunk_size=round(window * SR / hop_length),
    max_epochs=args.epochs,
    batch_size=8,
    lr=5e-3,
    random_state=0,
)
mel = MelSpectrogram(n_mels=64, n_fft=2048, hop_length=hop_length)
pipe = Pipeline([("mel", mel), ("scale", Standardizer()), ("clf", clf)])
pipe.fit(X_train, Y_train)


def mean_auc(Y, proba):
    """Return the mean over the tags that some rows of Y have and others have not."""
    known = (Y.min(axis=0) == 0) & (Y.max(axis=0) == 1)
    return roc_auc_score(Y[:, known], proba[:, known])


auc = mean_auc(Y_test, pipe.predict_proba(X_test))
print(f"ROC-AUC of {len(X_test)} clips not trained on: {auc:.3f}")

# %% [markdown]
# ## A recording and its timeline
#
# `predict_taggram` gives the probability of each tag in each window, and the middle of
# the windows in seconds. Here two windows begin in each second, so that they overlap.

# %%
parts, Y_parts = np.asarray(X_test[: args.n_parts]), Y_test[: args.n_parts]
recording = ClipArray.from_array(parts.reshape(1, -1), sample_rate=SR)
total = recording.shape[-1] / SR
clf.set_params(n_chunks=round(2 * (total - window)) + 1)
taggrams, times = clf.predict_taggram(pipe[:-1].transform(recording), return_times=True)
taggram, times = taggrams[0], times[0]
print(f"A recording of {total:g} s: {len(taggram)} windows of {window:g} s")
recording.listen(1)

# %% [markdown]
# Windows that lie within one part can be checked against its tags.

# %%
part = (times // args.duration).astype(int)
offset = times % args.duration
inside = (offset >= window / 2) & (offset <= args.duration - window / 2)
auc = mean_auc(Y_parts[part[inside]], taggram[inside])
print(f"ROC-AUC of the windows within a part: {auc:.3f}")

# %% mystnb={"figure": {"caption": "A recording made of ten clips. Above, its mel spectrogram; below, the probability of each tag in windows of two seconds. Orange lines are the tags of the clips that the recording is made of, dotted lines are where one clip ends and the next begins: windows there hear both.", "name": "fig-ex-timeline"}, "image": {"alt": "Mel spectrogram of a minute of music above a chart of eight tags over the same minute; the dark stretches of each tag coincide with the lines of the clips that have it, with some mistakes."}}
strongest = np.sort(np.argsort(taggram.max(axis=0))[-8:])
fig, (top, bottom) = plt.subplots(
    2, sharex=True, figsize=(5.4, 4.6), height_ratios=(2, 3), layout="constrained"
)
SpectrogramDisplay.from_clips(mel.transform(recording), ax=top, colorbar=False)
bottom.set_xlabel(top.get_xlabel())
top.set_xlabel("")

step = times[1] - times[0]
edges = np.append(times - step / 2, times[-1] + step / 2)
rows = np.arange(len(strongest) + 1) - 0.5
mesh = bottom.pcolormesh(
    edges, rows, taggram[:, strongest].T, vmin=0, vmax=1, cmap="Blues"
)
for row, tag in enumerate(strongest):
    starts = args.duration * np.flatnonzero(Y_parts[:, tag])
    lines = bottom.hlines(
        np.full(len(starts), row + 0.38), starts, starts + args.duration, "C1", lw=3
    )
lines.set_label("true tags of the part")
for ax, color in ((top, "w"), (bottom, "k")):
    for border in args.duration * np.arange(1, len(parts)):
        ax.axvline(border, color=color, linestyle=":", linewidth=1)
bottom.set_xlim(0, total)
bottom.invert_yaxis()
bottom.set_yticks(range(len(strongest)), tags[strongest])
fig.colorbar(mesh, ax=bottom, label="probability", aspect=30, pad=0.01)
fig.legend(loc="outside upper center", frameon=False)
picture = args.out / "timeline.png"
fig.savefig(picture, dpi=175)
# With a palette of 256 colours the file takes a third of the space.
Image.open(picture).convert("RGB").quantize().save(picture, optimize=True)
