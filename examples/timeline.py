# %% [markdown]
# # A timeline of tags
#
# Which tags does a long recording have, and when? A pipeline is trained on short clips
# and then asked about a recording of a minute, window by window. The recording is made
# of clips that were not trained on, so that the answer is known. The tags are plotted
# below the spectrogram, and written as labels that Audacity shows below the sound.
#
# Without options, the clips are generated. With `--data` they are yours: a CSV with a
# column of files, and one of zeros and ones for each tag.
#
# ```sh
# python examples/timeline.py
# python examples/timeline.py --data labels.csv --tags piano guitar drums
# ```

# %%
"""Train a tagger on short clips, and plot the tags of a recording over time."""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
from PIL import Image
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline

from sktag import (
    CNN2DClassifier,
    MelSpectrogram,
    RawWave,
    Standardizer,
    predict_timeline,
)
from sktag.datasets import load_table, make_music
from sktag.export import write_labels
from sktag.inspection import TimelineDisplay

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
        args.n_clips,
        task="tags",
        sr=SR,
        duration=args.duration,
        random_state=0,
        directory=args.out / "music",
    )
else:
    music = load_table(args.data, args.file_column, args.tags)
Y = pd.DataFrame(music.target, columns=music.target_names)
paths_train, paths_test, Y_train, Y_test = train_test_split(
    music.paths, Y, test_size=0.2, random_state=0
)

hop_length, window = 1024, 2.0
wave = RawWave(sr=SR, duration=args.duration)
mel = MelSpectrogram(n_mels=64, n_fft=2048, hop_length=hop_length)
clf = CNN2DClassifier(
    n_filters=(16, 32, 64),
    chunk_size=round(window * SR / hop_length),
    max_epochs=args.epochs,
    batch_size=8,
    lr=5e-3,
    random_state=0,
)
steps = [("wave", wave), ("mel", mel), ("scale", Standardizer()), ("clf", clf)]
pipe = Pipeline(steps).fit(paths_train, Y_train)


def mean_auc(Y, proba):
    """Return the mean over the tags that some rows of Y have and others have not."""
    known = (Y.min(axis=0) == 0) & (Y.max(axis=0) == 1)
    return roc_auc_score(Y[:, known], proba[:, known])


auc = mean_auc(Y_test.to_numpy(), pipe.predict_proba(paths_test))
print(f"ROC-AUC of {len(paths_test)} clips not trained on: {auc:.3f}")

# %% [markdown]
# ## A recording and its timeline
#
# `predict_timeline` takes recordings of any length, an hour as well as a minute: the
# `duration` of `RawWave` crops the clips of the training only. It returns a table with
# the probability of each tag in each window. Windows are as long as those of the
# training; here two of them begin in each second, so that they overlap.

# %%
parts, Y_parts = wave.transform(paths_test[: args.n_parts]), Y_test[: args.n_parts]
recording = args.out / "recording.wav"
soundfile.write(recording, np.asarray(parts).reshape(-1), SR)
timeline = predict_timeline(pipe, [recording], hop=0.5)
starts, ends = (timeline.index.get_level_values(k).to_numpy() for k in ("start", "end"))
total = ends[-1]
print(f"A recording of {total:g} s: {len(timeline)} windows of {window:g} s")
RawWave(sr=SR).fit_transform([recording]).listen(1)

# %% [markdown]
# Windows that lie within one part can be checked against its tags.

# %%
part = (starts // args.duration).astype(int)
inside = ends <= args.duration * (part + 1)
auc = mean_auc(Y_parts.to_numpy()[part[inside]], timeline.to_numpy()[inside])
print(f"ROC-AUC of the windows within a part: {auc:.3f}")

# %% mystnb={"figure": {"caption": "A recording made of ten clips. Above, its mel spectrogram; below, the probability of each tag in windows of two seconds. Orange lines are the tags of the clips that the recording is made of, dotted lines are where one clip ends and the next begins: windows there hear both.", "name": "fig-ex-timeline"}, "image": {"alt": "Mel spectrogram of a minute of music above a chart of eight tags over the same minute; the dark stretches of each tag coincide with the lines of the clips that have it, with some mistakes."}}
display = TimelineDisplay.from_estimator(pipe, recording, hop=0.5, n_tags=8)
for row, tag in enumerate(display.tags_):
    begins = args.duration * np.flatnonzero(Y_parts[tag])
    height = np.full(len(begins), row + 0.38)
    lines = display.ax_.hlines(height, begins, begins + args.duration, "C1", lw=3)
lines.set_label("true tags of the part")
for ax, color in ((display.spectrogram_ax_, "w"), (display.ax_, "k")):
    for border in args.duration * np.arange(1, len(parts)):
        ax.axvline(border, color=color, linestyle=":", linewidth=1)
display.figure_.legend(loc="outside upper center", frameon=False)
display.figure_.set_size_inches(5.4, 4.6)
picture = args.out / "timeline.png"
display.figure_.savefig(picture, dpi=175)
# With a palette of 256 colours the file takes a third of the space.
Image.open(picture).convert("RGB").quantize().save(picture, optimize=True)

# %% [markdown]
# ## Labels for other programs
#
# `write_labels` joins the neighbouring windows in which a tag is likely, and writes one
# file per recording: here a label track for Audacity, which has a start, an end and a
# tag in each line. Other formats are Raven's, JAMS and CSV. Each tag may have a
# threshold of its own.

# %%
[labels] = write_labels(timeline, args.out, format="audacity", threshold=0.5)
print("".join(labels.read_text().splitlines(keepends=True)[:8]), end="")
