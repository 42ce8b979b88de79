# %% [markdown]
# # Monitoring training
#
# This example trains a network in two stages on music of six genres and shows the
# results of each epoch: as a table, as curves, and in TensorBoard, if you have run
# `pip install "sktag[monitor]"`. With `--wandb` it also logs to Weights & Biases, which
# needs that package, and an account unless `WANDB_MODE=offline`.
#
# In the book, [](#sec-monitoring) explains what to look for.
#
# ```sh
# python examples/monitoring.py
# tensorboard --logdir monitoring_output/tensorboard
# ```

# %%
"""Show each epoch of training as a table, as curves and in TensorBoard."""

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
parser.add_argument("--wandb", action="store_true", help="also log to Weights & Biases")
# A notebook has no command line: options keep their defaults, files are temporary.
in_notebook = "get_ipython" in globals()
if in_notebook:
    temporary = tempfile.TemporaryDirectory()
args = parser.parse_args(["--out", temporary.name] if in_notebook else None)
args.out.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## Loggers
#
# Loggers are callbacks of skorch, which sktag uses for training. The estimator calls
# them after every epoch with the history so far.


# %%
def panel(key):
    """Return the TensorBoard tag of a column of the history."""
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
    # The estimator itself restores the best weights.
    callbacks.append(WandbLogger(run, save_model=False))
elif args.wandb:
    print("Weights & Biases is not installed: pip install wandb")

# %% [markdown]
# ## Training
#
# The second stage starts from the best weights of the first, with a tenth of its
# learning rate. Some clips are held out to measure loss, accuracy and ROC-AUC after
# each epoch. In a script, `verbose=1` prints one line per epoch.

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
# `history_` has one dict per epoch, which pandas turns into a table. Its last rows:

# %%
table = pd.DataFrame(clf.history_).drop(columns="seconds")
print(table.tail().to_string(index=False, float_format="{:.4g}".format))

# %% mystnb={"figure": {"caption": "Losses, validation scores and the learning rate; a vertical line marks the start of the second stage.", "name": "fig-ex-monitoring"}, "image": {"alt": "Three panels of curves by epoch: losses that fall, scores that rise, and the learning rate, which drops to a tenth after two thirds of the epochs."}}
display = TrainingCurveDisplay.from_estimator(pipe, lr=True)
display.figure_.savefig(args.out / "training.png")

# %% [markdown]
# ## How to read the curves
#
# If the training loss falls while the validation loss rises, the network overfits: more
# clips, augmentation or a smaller network help. If both losses are high and still
# falling, train for more epochs or with a higher learning rate; if the loss jumps,
# lower the rate. A gap between the two losses is not harmful by itself.

# %%
row = clf.history_[clf.best_epoch_ - 1]
lowest = min(row["valid_loss"] for row in clf.history_)
print(f"Training loss at the best epoch: {row['train_loss']:.2f}")
print(
    f"Validation loss there: {row['valid_loss']:.2f}, the lowest of all: {lowest:.2f}"
)
print(f"Validation loss at the end: {clf.history_[-1]['valid_loss']:.2f}")
