"""Watching a training: the history, its curves, TensorBoard and Weights & Biases.

Music of six genres is generated, a network is trained on it in two stages, and what
each epoch came to is shown: as a table, as a figure, and in TensorBoard, if that is
installed (``pip install "sktag[monitor]"``). With ``--wandb`` it goes to Weights &
Biases too, for which one needs that package, and an account unless WANDB_MODE=offline.

    python examples/monitoring.py
    tensorboard --logdir monitoring_output/tensorboard
"""

import argparse
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline

from sktag import CNN2DClassifier, MelSpectrogram, RawWave, Standardizer
from sktag.datasets import make_music
from sktag.inspection import TrainingCurveDisplay


def tensorboard_callbacks(folder):
    """Return the callback that writes for TensorBoard, if it is installed."""
    if not find_spec("tensorboard"):
        print('TensorBoard is not installed: pip install "sktag[monitor]"')
        return []
    from skorch.callbacks import TensorBoard
    from torch.utils.tensorboard import SummaryWriter

    print(f"To watch: tensorboard --logdir {folder}")
    return [TensorBoard(SummaryWriter(folder), key_mapper=_panel)]


def _panel(key):
    """Return where TensorBoard shows a column of the history."""
    if key.endswith("_loss"):
        return f"Loss/{key}"
    return f"Score/{key}" if key.startswith("valid_") else f"Training/{key}"


def wandb_callbacks(folder):
    """Return the callback that logs to Weights & Biases, if it is installed."""
    if not find_spec("wandb"):
        print("Weights & Biases is not installed: pip install wandb")
        return []
    import wandb
    from skorch.callbacks import WandbLogger

    run = wandb.init(project="sktag", dir=folder)
    # The estimator goes back to the best weights by itself.
    return [WandbLogger(run, save_model=False)]


def build(args, callbacks):
    """Return the pipeline: files, clips, spectrograms, classes."""
    clf = CNN2DClassifier(
        lr_schedule="staged",
        stages=[("adamw", 3e-3, max(1, 2 * args.epochs // 3)), ("adamw", 3e-4)],
        n_iter_no_change=10,
        max_epochs=args.epochs,
        validation_fraction=0.15,
        metrics=["roc_auc"],
        callbacks=callbacks,
        random_state=0,
        verbose=1,
    )
    return Pipeline(
        [
            ("wave", RawWave(sr=16000, duration=args.duration)),
            ("mel", MelSpectrogram(n_mels=64, n_fft=1024)),
            ("scale", Standardizer()),
            ("clf", clf),
        ]
    )


def main():
    """Do it all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", type=Path, default=Path("monitoring_output"))
    parser.add_argument("--n-clips", type=int, default=240, help="of generated music")
    parser.add_argument("--duration", type=float, default=3.0, help="in seconds")
    parser.add_argument("--epochs", type=int, default=30, help="at most")
    parser.add_argument("--wandb", action="store_true", help="log there too")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)

    with tempfile.TemporaryDirectory() as folder:
        music = make_music(
            args.n_clips, task="genre", sr=16000, random_state=0, directory=folder
        )
        X_train, X_test, y_train, y_test = train_test_split(
            np.array(music.paths), music.target, stratify=music.target, random_state=0
        )
        callbacks = tensorboard_callbacks(args.out / "tensorboard")
        if args.wandb:
            callbacks += wandb_callbacks(args.out)
        pipe = build(args, callbacks).fit(X_train, y_train)
        print(f"Test accuracy: {pipe.score(X_test, y_test):.3f}\n")

    clf = pipe[-1]
    print(pd.DataFrame(clf.history_).tail().to_string(index=False))
    print(f"Best epoch: {clf.best_epoch_} of {clf.n_iter_}.")
    display = TrainingCurveDisplay.from_estimator(pipe, lr=True)
    display.figure_.savefig(args.out / "training.png", dpi=120)
    print(f"Written: {args.out / 'training.png'}")


if __name__ == "__main__":
    main()
