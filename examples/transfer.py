# %% [markdown]
# # Transfer: a published tagger for your own classes
#
# With few recordings, a network that was trained on many others helps. Here the features
# of musicnn (Pons and Serra, 2019), trained on MagnaTagATune, are classified by a support
# vector machine. The same network with random weights shows which part of the accuracy
# comes from its training, and statistics of mel bands show what needs no network.
#
# Without options, music is generated. With `--data` it is yours: a folder with a
# subfolder for each class, or a CSV with a column of files and a column of labels. The
# weights are not part of sktag: `pip install --no-deps musicnn==0.1.0`.
#
# ```sh
# python examples/transfer.py
# python examples/transfer.py --data my_music/
# ```

# %%
"""Classify few recordings by the features of a published tagger."""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sktag import (
    Embedder,
    MelSpectrogram,
    RawWave,
    Summarizer,
    make_recipe,
)
from sktag.datasets import load_folder, load_table, make_music
from sktag.nets import build_cnn2d
from sktag.pretrained import load_musicnn

SR = 16000

# %% tags=["hide-input"]
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", type=Path, help="folder of folders, or CSV")
parser.add_argument("--file-column", default="file")
parser.add_argument("--label-column", default="label")
parser.add_argument("--model", default="MTT_musicnn", help="as load_musicnn takes it")
parser.add_argument("--n-clips", type=int, default=90, help="of generated music")
parser.add_argument("--duration", type=float, default=3.0, help="of generated music")
# A notebook has no command line: options keep their defaults.
args = parser.parse_args([] if "get_ipython" in globals() else None)

# %% [markdown]
# ## Few recordings
#
# Ten recordings of each genre are for training, the others for testing.

# %%
folder = tempfile.TemporaryDirectory()
if args.data is None:
    data = make_music(
        args.n_clips,
        task="genre",
        sr=SR,
        duration=args.duration,
        random_state=0,
        directory=folder.name,
    )
elif args.data.is_dir():
    data = load_folder(args.data)
else:
    data = load_table(args.data, args.file_column, args.label_column)
paths, y = np.array(data.paths), data.target
n_train = 10 * len(np.unique(y))
train, test, y_train, y_test = train_test_split(
    paths, y, train_size=n_train, stratify=y, random_state=0
)
print(f"{len(train)} clips to train on, {len(test)} to test on.")


def report(what, pipe):
    """Fit a pipeline, and print its accuracy."""
    accuracy = pipe.fit(train, y_train).score(test, y_test)
    print(f"{what}: {accuracy:.3f}")
    return pipe


# %% [markdown]
# ## What the published weights hear
#
# `load_musicnn` returns a fitted Pipeline from files to tags:

# %%
tagger = load_musicnn(args.model)
probabilities = tagger.predict_proba(test[:3])
for path, row in zip(test, probabilities, strict=False):
    best = row.argsort()[::-1][:3]
    tags = ", ".join(f"{tagger[-1].tag_names_[i]} {row[i]:.2f}" for i in best)
    print(f"{Path(path).name}: {tags}")

# %% [markdown]
# ## Frozen features and a support vector machine
#
# `make_recipe("transfer")` is the front-end of the network, an `Embedder`, a scaler and
# a classifier with probabilities. The features of each clip are computed once, however
# many candidates a search has.

# %%
recipe = make_recipe("transfer", model=args.model)
report("Published weights, frozen", recipe)

# %% [markdown]
# Two controls: the same network with random weights, and statistics of its front-end.
# What random filters give is not knowledge of music.

# %%
torch.manual_seed(0)
network, _ = build_cnn2d("musicnn", (96, 187), n_outputs=50)
control = Embedder(network, "pooled", sr=SR, window=187 * 256 / SR, kind="spectrogram")
report("Random weights, frozen", make_recipe("transfer", embed=control))

statistics = make_pipeline(
    RawWave(SR), MelSpectrogram(64), Summarizer(), StandardScaler(), SVC(C=10)
)
report("Statistics of mel bands", statistics)

# %% [markdown]
# ## A new output layer
#
# With more recordings, the network itself can learn. `start_from` takes every layer that
# fits, and `freeze="body"` trains the output layer alone, at the price of a forward
# pass. Then `freeze=None` with a small `body_lr` and `warm_start` trains the layers below
# it too:
#
# ```python
# clf = CNN2DClassifier(
#     "musicnn", chunk_size=187, start_from=tagger[-1].weights_, freeze="body"
# )
# tuned = make_pipeline(clone(tagger[0]), clone(tagger[1]), clf).fit(train, y_train)
# clf.set_params(freeze=None, body_lr=0.1, warm_start=True)
# ```
