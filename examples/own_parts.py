# %% [markdown]
# # A network, loss, metric and callback of your own
#
# Every part of a fit has a seat for your own code: the network is a function that
# returns a `torch.nn.Module`, the loss and the metrics are functions, and callbacks are
# those of skorch. The estimator stays a scikit-learn estimator, so that files still go
# in, and a search runs in parallel processes. The task is to tell six instruments apart,
# in clips that are generated.
#
# In the book, [](#chapter-your-data) trains on recordings of your own.
#
# ```sh
# python examples/own_parts.py
# python examples/own_parts.py --n-clips 360 --epochs 60
# ```

# %%
"""Search over a network and a loss of your own, with a metric and a callback."""

import argparse
import tempfile
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import torch
from sklearn.metrics import make_scorer, top_k_accuracy_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from skorch.callbacks import Callback
from torch import nn

from sktag import CNN2DClassifier, MelSpectrogram, RawWave, Standardizer
from sktag.datasets import make_music

# %% tags=["hide-input"]
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default="own_parts_output")
parser.add_argument("--n-clips", type=int, default=108)
parser.add_argument("--duration", type=float, default=1.0, help="in seconds")
parser.add_argument("--epochs", type=int, default=34)
# A notebook has no command line: options keep their defaults, files are temporary.
in_notebook = "get_ipython" in globals()
if in_notebook:
    temporary = tempfile.TemporaryDirectory()
args = parser.parse_args(["--out", temporary.name] if in_notebook else None)
args.out.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## The network
#
# `architecture` takes any callable `f(input_shape, n_outputs)` that returns a module: a
# class, a function or a `functools.partial`, but not a module, since each fit needs a new
# one. `input_shape` is (bins, frames) of a spectrogram, or (samples,) of a waveform. The
# module maps a batch (clips, bins, frames) to logits (clips, classes), without a softmax.
#
# This one is a small convolutional recurrent network: convolutions over time and
# frequency, then a recurrent layer that reads the frames in order.


# %%
class RecurrentNet(nn.Module):
    """Convolutions, then a bidirectional GRU over time (Choi et al., ICASSP 2017)."""

    def __init__(self, input_shape, n_outputs, width=16):
        super().__init__()
        n_bins, _ = input_shape
        self.convs = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.MaxPool2d((4, 2)),
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.MaxPool2d((4, 2)),
        )
        n_features = width * (n_bins // 16)
        self.gru = nn.GRU(n_features, width, batch_first=True, bidirectional=True)
        self.output = nn.Linear(2 * width, n_outputs)

    def forward(self, x):
        """Map spectrograms (n_clips, n_bins, n_frames) to logits."""
        maps = self.convs(x.unsqueeze(1))  # (n_clips, width, n_bins / 16, n_frames / 4)
        frames = maps.flatten(1, 2).transpose(1, 2)
        states, _ = self.gru(frames)
        return self.output(states.mean(dim=1))


# %% [markdown]
# ## The loss
#
# A loss gets logits and targets, here the index of each clip's class, and returns one
# number a row: the estimator weights the rows and takes the mean. For tags the targets
# are zeros and ones of shape (clips, tags).
#
# The generalised cross-entropy grows less for confident mistakes than cross-entropy
# does, which makes it robust to wrong labels.


# %%
def generalised_cross_entropy(logits, targets, q=0.5):
    """Return (1 - p^q) / q of each row (Zhang and Sabuncu, NeurIPS 2018)."""
    p = logits.softmax(dim=1).gather(1, targets[:, None]).squeeze(1)
    return (1 - p.clamp_min(1e-6) ** q) / q


# %% [markdown]
# ## Metric and callback
#
# `metrics` and `monitor` take names of scikit-learn's scorers, scorers that `make_scorer`
# returns, and functions of (labels, probabilities). They are computed on the validation
# clips at each epoch. A callback sees the net, and may write into its history.


# %%
def mean_confidence(y_true, y_score):
    """Return the mean probability of the predicted class."""
    return y_score.max(axis=1).mean()


class WeightNorm(Callback):
    """Writes the norm of all weights into the history."""

    def on_epoch_end(self, net, **kwargs):
        """Record the norm after the epoch."""
        with torch.no_grad():
            norms = [p.norm() for p in net.module_.parameters() if p.ndim > 1]
        net.history.record("weight_norm", float(torch.stack(norms).norm()))


top_2 = make_scorer(top_k_accuracy_score, response_method="predict_proba", k=2)

# %% [markdown]
# ## A search over all of it
#
# Two processes fit the candidates. What you defined travels to them with the pipeline.

# %%
music = make_music(
    args.n_clips,
    task="instrument",
    sr=16000,
    duration=args.duration,
    random_state=0,
    directory=args.out / "wav",
)
paths, new_paths, y, new_y = train_test_split(
    music.paths, music.target, test_size=1 / 3, stratify=music.target, random_state=0
)
pipe = Pipeline(
    [
        ("wave", RawWave(sr=16000)),
        ("mel", MelSpectrogram(n_mels=48, n_fft=1024, hop_length=512)),
        ("scale", Standardizer()),
        (
            "clf",
            CNN2DClassifier(
                RecurrentNet,
                metrics=[top_2, mean_confidence],
                callbacks=[WeightNorm()],
                early_stopping=True,
                validation_fraction=0.25,
                n_iter_no_change=20,
                max_epochs=args.epochs,
                batch_size=6,
                lr=5e-3,
                random_state=0,
            ),
        ),
    ]
)
grid = {
    "clf__architecture": [
        partial(RecurrentNet, width=8),
        partial(RecurrentNet, width=16),
    ],
    "clf__loss": ["cross_entropy", generalised_cross_entropy],
}
search = GridSearchCV(pipe, grid, cv=2, n_jobs=2).fit(paths, y)
results = pd.DataFrame(search.cv_results_)
for params, score in zip(results.params, results.mean_test_score, strict=True):
    width = params["clf__architecture"].keywords["width"]
    loss = getattr(params["clf__loss"], "__name__", params["clf__loss"])
    print(f"width {width:2}, {loss:25}: {score:.3f}")

# %% [markdown]
# ## What the best one learned
#
# Scores and the callback's numbers are columns of `history_`.

# %% mystnb={"figure": {"caption": "The scores of the validation clips, and the norm of the weights, at each epoch of the best fit.", "name": "fig-ex-own-parts"}, "image": {"alt": "Left, three rising curves of scores; right, one curve of the norm of the weights."}}
best = search.best_estimator_["clf"]
history = pd.DataFrame(best.history_).set_index("epoch")
fig, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
columns = ["valid_accuracy", "valid_top_k_accuracy_score", "valid_mean_confidence"]
for column, style in zip(columns, ["-", "--", ":"], strict=True):
    label = column.removeprefix("valid_").replace("_", " ")
    axes[0].plot(history[column], style, label=label)
axes[0].set(xlabel="epoch", ylabel="score")
axes[0].legend()
axes[1].plot(history["weight_norm"])
axes[1].set(xlabel="epoch", ylabel="norm of the weights")
fig.savefig(args.out / "history.png")

# %% [markdown]
# The network is described, embeds clips and is saved as the built-in ones are:
# "penultimate" is the input of its last dense layer.

# %%
print(best.summary())
clips = search.best_estimator_[:-1].transform(new_paths)
print(f"Embedding: {best.embed(clips).shape}")
print(f"Test accuracy: {search.score(new_paths, new_y):.3f}")
