"""What a training needs to know, decided before it begins."""

from dataclasses import dataclass, field
from typing import Any

import torch

from sktag.targets._protocol import Targets
from sktag.training._chunks import Chunks
from sktag.training._mixing import Mixing
from sktag.training._optimizers import Stage
from sktag.training._start import ALL_ANEW, Start

SCHEDULES = ("one_cycle", "cosine", "step", "plateau", "staged")


@dataclass(frozen=True, eq=False)
class FitPlan:
    """The plan of one call of `fit` or `partial_fit`.

    Parameters
    ----------
    label : str
        Name of the estimator, for messages.
    seed : int
        Seed of order, chunks, augmentation, dropout and mixing.
    device : torch.device
        Where to train.
    amp : bool
        Whether to compute in bfloat16 where torch finds it safe.
    batch_size : int
        Largest batch.
    targets : Targets
        Loss, and outputs to answers.
    optimizer : Stage
        Optimizer and learning rate of a training without stages.
    stages : tuple of Stage or None, default=None
        Optimizers and learning rates of a staged training.
    n_epochs : int, default=1
        Epochs to train.
    schedule : str or None, default=None
        Schedule of the learning rate, one of `SCHEDULES`.
    patience : int, default=10
        Epochs to wait for an improvement.
    monitor : str, default="loss"
        Name of the validation score that is monitored.
    early_stopping : bool, default=False
        Whether to stop when it does not improve.
    label_smoothing : float, default=0.0
        Label smoothing of the training loss.
    gradient_clip : float or None, default=None
        Largest norm of the gradient.
    mixing : Mixing or None, default=None
        Mixup and CutMix.
    chunks : Chunks or None, default=None
        The windows of clips that the network sees; None if nothing is read.
    train_chunks : {"random", "all"}, default="random"
        Whether to train on one random chunk a clip and epoch, or on all.
    n_threads : int or None, default=None
        Files decoded at a time.
    cache_bytes : int, default=0
        Memory for computed clips.
    callbacks : tuple, default=()
        Callbacks of the user.
    net_params : dict
        Further parameters of skorch's net.
    is_partial : bool, default=False
        Whether this is one epoch of many, which has no horizon and no validation.
    verbose : int, default=0
        Whether to print what happens.
    place : str, default=""
        Candidate and fold in a search, for the lines that are printed.
    start : Start
        Layers that are frozen, or trained at a lower rate.
    """

    label: str
    seed: int
    device: torch.device
    amp: bool
    batch_size: int
    targets: Targets
    optimizer: Stage
    stages: tuple[Stage, ...] | None = None
    n_epochs: int = 1
    schedule: str | None = None
    patience: int = 10
    monitor: str = "loss"
    early_stopping: bool = False
    label_smoothing: float = 0.0
    gradient_clip: float | None = None
    mixing: Mixing | None = None
    chunks: Chunks | None = None
    train_chunks: str = "random"
    n_threads: int | None = None
    cache_bytes: int = 0
    callbacks: tuple[Any, ...] = ()
    net_params: dict[str, Any] = field(default_factory=dict)
    is_partial: bool = False
    verbose: int = 0
    place: str = ""
    start: Start = ALL_ANEW

    @property
    def first_stage(self) -> Stage:
        """Optimizer and learning rate that the training begins with."""
        return self.stages[0] if self.stages else self.optimizer
