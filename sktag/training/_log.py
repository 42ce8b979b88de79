"""What a fit prints: one line an epoch, and progress bars."""

import sys
from importlib.util import find_spec

from skorch.callbacks import Callback


class EpochLog(Callback):
    """One line an epoch, and a bar over the batches."""

    def __init__(self, n_epochs, n_batches):
        self.n_epochs = n_epochs
        self.n_batches = n_batches

    def on_train_begin(self, net, **kwargs):
        """Open the bar."""
        self.first_ = len(net.history)
        self.bar_ = progress_bar(total=self.n_epochs * self.n_batches, desc="fit")

    def on_epoch_begin(self, net, **kwargs):
        """Move the bar to the start of the epoch: a checkpoint may skip some."""
        self.bar_.n = (len(net.history) - 1 - self.first_) * self.n_batches

    def on_batch_end(self, net, training=False, **kwargs):
        """Advance the bar."""
        if training:
            self.bar_.update()

    def on_epoch_end(self, net, **kwargs):
        """Print the line."""
        row = net.history[-1]
        parts = [f"epoch {row['epoch']:>3}/{self.first_ + self.n_epochs}"]
        parts.append(f"train loss {row['train_loss']:.4f}")
        parts += [
            f"{key.replace('_', ' ')} {value:.4f}"
            for key, value in row.items()
            if key.startswith("valid_") and isinstance(value, float)
        ]
        parts.append(f"lr {row['lr']:.1e}")
        parts.append(f"{row['dur']:.1f} s")
        self.bar_.write("  ".join(parts), file=sys.stdout)

    def close(self):
        """Close the bar."""
        self.bar_.close()


def progress_bar(iterable=None, **kwargs):
    """Return a tqdm bar: a widget in notebooks, silent without a terminal."""
    in_notebook = "ipykernel" in sys.modules
    if in_notebook and find_spec("ipywidgets"):
        from tqdm.notebook import tqdm
    else:
        from tqdm import tqdm
    watched = in_notebook or sys.stderr.isatty()
    return tqdm(iterable, leave=False, disable=not watched, **kwargs)
