# %% [markdown]
# # Watching a training
#
# A network is trained in two stages on music of six genres, and what each epoch came to
# is shown: as a table, as curves, and in TensorBoard, if that is installed
# (`pip install "sktag[monitor]"`). With `--wandb` it goes to Weights & Biases too, for
# which one needs that package, and an account unless `WANDB_MODE=offline`.
#
# In the book, [](#sec-monitoring) says what to look for.
#
# ```sh
# python examples/monitoring.py
# tensorboard --logdir monitoring_output/tensorboard
# ```

# %%
"""Show each epoch of a training as table, curves and events of TensorBoard."""

import argparse
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline

from sktag import CNN2DClassifier, MelSpectrogram, RawWave, Standardizer
from sktag.datasets import make_music
from sktag.inspection import TrainingCurveDisplay

# %% tags=["hide-input"]
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default="monitoring_output")
parser.add_argument("--n-clips", type=int, default=180, help="of generated music")
parser.add_argument("--duration", type=float, default=2.0, help="in seconds")
parser.add_argument("--epochs", type=int, default=30, help="at most")
parser.add_argument("--wandb", action="store_true", help="log there too")
# A notebook has no command line: options keep their defaults, files are temporary.
in_notebook = "get_ipython" in globals()
if in_notebook:
    temporary = tempfile.TemporaryDirectory()
args = parser.parse_args(["--out", temporary.name] if in_notebook else None)
args.out.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## Loggers
#
# They are callbacks of skorch, which sktag trains with; the estimator calls them at
# every epoch with what it measured.


# %%
def panel(key):
    """Return where TensorBoard shows a column of the history."""
    if key.endswith("_loss"):
        return f"Loss/{key}"
    return f"Score/{key}" if key.startswith("valid_") else f"Training/{key}"


callbacks = []
if find_spec("tensorboard"):
    from skorch.callbacks import TensorBoard
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(args.out / "tensorboard")
    callbacks.append(TensorBoard(writer, key_mapper=panel))
else:
    print('TensorBoard is not installed: pip install "sktag[monitor]"')
if args.wandb and find_spec("wandb"):
    import wandb
    from skorch.callbacks import WandbLogger

    run = wandb.init(project="sktag", dir=args.out)
    # The estimator goes back to the best weights by itself.
    callbacks.append(WandbLogger(run, save_model=False))
elif args.wandb:
    print("Weights & Biases is not installed: pip install wandb")

# %% [markdown]
# ## The training
#
# The second stage begins with the best weights of the first and a tenth of its learning
# rate. A part of the clips is kept apart to measure loss, accuracy and the area under
# the ROC curve at each epoch. In a script, `verbose=1` prints a line an epoch.

# %%
music = make_music(
    args.n_clips, task="genre", sr=16000, duration=args.duration, random_state=0
)
X_train, X_test, y_train, y_test = train_test_split(
    music.data, music.target, stratify=music.target, random_state=0
)
clf = CNN2DClassifier(
    n_filters=(16, 32, 64),
    lr_schedule="staged",
    stages=[("adamw", 3e-3, max(1, 2 * args.epochs // 3)), ("adamw", 3e-4)],
    n_iter_no_change=10,
    max_epochs=args.epochs,
    batch_size=8,
    validation_fraction=0.15,
    metrics=["roc_auc"],
    callbacks=callbacks,
    random_state=0,
    verbose=int(not in_notebook),
)
pipe = Pipeline(
    [
        ("wave", RawWave(sr=16000)),
        ("mel", MelSpectrogram(n_mels=40, n_fft=1024, hop_length=1024)),
        ("scale", Standardizer()),
        ("clf", clf),
    ]
)
pipe.fit(X_train, y_train)
print(f"Test accuracy: {pipe.score(X_test, y_test):.3f}")
print(f"Best epoch: {clf.best_epoch_} of {clf.n_iter_}.")

# %% [markdown]
# ## The history
#
# `history_` has a dict for each epoch, which is a table to pandas. Its last rows:

# %%
table = pd.DataFrame(clf.history_).drop(columns="seconds")
print(table.tail().to_string(index=False, float_format="{:.4g}".format))

# %% mystnb={"figure": {"caption": "Losses, scores of the clips kept apart, and the learning rate; the line between the epochs is where the second stage begins.", "name": "fig-ex-monitoring"}, "image": {"alt": "Three panels of curves by epoch: losses that fall, scores that rise, and the learning rate, which drops to a tenth after two thirds of the epochs."}}
display = TrainingCurveDisplay.from_estimator(pipe, lr=True)
display.figure_.savefig(args.out / "training.png")

# %% [markdown]
# ## What the curves tell
#
# A training loss that falls while the validation loss rises is overfitting: more clips,
# augmentation or a smaller network help. Two losses that are both high and still fall
# ask for more epochs or a higher learning rate; a loss that jumps, for a lower one. A
# gap between the two by itself does no harm.

# %%
row = clf.history_[clf.best_epoch_ - 1]
lowest = min(row["valid_loss"] for row in clf.history_)
print(f"Training loss at the best epoch: {row['train_loss']:.2f}")
print(
    f"Validation loss there: {row['valid_loss']:.2f}, the lowest of all: {lowest:.2f}"
)
print(f"Validation loss at the end: {clf.history_[-1]['valid_loss']:.2f}")
