# %% [markdown]
# # Watching a training
#
# What each epoch came to is shown as a table, as a figure, and in TensorBoard, if that is
# installed (`pip install "sktag[monitor]"`). A network learns six genres of generated
# music in two stages of the learning rate. With `--wandb` its history goes to Weights &
# Biases too, for which one needs that package, and an account unless WANDB_MODE=offline.
#
# ```sh
# python examples/monitoring.py
# tensorboard --logdir monitoring_output/tensorboard
# ```

# %%
"""Watch a training as a table, as a figure, in TensorBoard and Weights & Biases."""

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
# ruff: noqa: E501 (captions are on the lines that begin cells)
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default="monitoring_output")
parser.add_argument("--n-clips", type=int, default=210)
parser.add_argument("--duration", type=float, default=2.0, help="in seconds")
parser.add_argument("--epochs", type=int, default=24, help="at most")
parser.add_argument("--wandb", action="store_true", help="log there too")
# A notebook has no command line: options keep their defaults, files are temporary.
in_notebook = "get_ipython" in globals()
args = parser.parse_args(["--out", tempfile.mkdtemp()] if in_notebook else None)
args.out.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## Who is told
#
# Trackers are callbacks of skorch, which every estimator takes. For TensorBoard, each
# column of the history is sent to a panel: losses to one, scores to another.


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

    # The estimator goes back to the best weights by itself.
    run = wandb.init(project="sktag", dir=args.out)
    callbacks.append(WandbLogger(run, save_model=False))
elif args.wandb:
    print("Weights & Biases is not installed: pip install wandb")

# %% [markdown]
# ## The training
#
# Two stages: at a high rate, then from the best weights of that stage on at a tenth of
# it. Clips kept apart give the validation loss and, by `metrics`, a score.

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
    n_iter_no_change=8,
    max_epochs=args.epochs,
    batch_size=8,
    validation_fraction=0.2,
    metrics=["roc_auc"],
    callbacks=callbacks,
    random_state=0,
    verbose=int(not in_notebook),  # a line an epoch
)
pipe = Pipeline(
    [
        ("wave", RawWave(sr=16000)),
        ("mel", MelSpectrogram(n_mels=64, n_fft=1024, hop_length=1024)),
        ("scale", Standardizer()),
        ("clf", clf),
    ]
)
pipe.fit(X_train, y_train)
print(f"Test accuracy: {pipe.score(X_test, y_test):.3f}")

# %% [markdown]
# ## What it came to
#
# `history_` is a list of dictionaries, one an epoch, and so a table:

# %%
history = pd.DataFrame(pipe[-1].history_)
print(history.tail().to_string(index=False))
print(f"Best epoch: {pipe[-1].best_epoch_} of {pipe[-1].n_iter_}.")

# %% mystnb={"figure": {"caption": "Losses, ROC-AUC on the clips kept apart, and the learning rate, by epoch; the second stage begins where the rate falls.", "name": "fig-ex-monitoring"}, "image": {"alt": "Three panels by epoch: losses, a score and the learning rate, which falls once to a tenth."}}
display = TrainingCurveDisplay.from_estimator(pipe, lr=True)
display.figure_.savefig(args.out / "training.png", dpi=120)
