"""Staged training: each stage starts from the best weights with a new optimizer."""

import sys
from copy import deepcopy

from skorch.callbacks import Callback
from tqdm import tqdm


class StagesEnd(KeyboardInterrupt):
    """The last stage has ended; only an interrupt ends skorch's loop."""


class Stages(Callback):
    """Moves a training from stage to stage.

    The net begins with the optimizer of the first stage, and ends with the best weights
    of all stages.

    References: Lee, Park, Kim, Nam, "Sample-level deep convolutional neural networks
    for music auto-tagging using raw waveforms", SMC 2017 (stages that end by the loss).
    Won, Ferraro, Bogdanov, Serra, "Evaluation of CNN-based automatic music tagging
    models", SMC 2020 (stages by number of epochs).
    """

    def __init__(self, stages, monitor, lower_is_better, patience, verbose):
        self.stages = stages
        self.monitor = monitor
        self.lower_is_better = lower_is_better
        self.patience = patience
        self.verbose = verbose

    def on_train_begin(self, net, **kwargs):
        """Begin with the first stage."""
        self.index_ = 0
        self.n_epochs_ = self.misses_ = 0  # of this stage
        self.best_score_ = self.best_weights_ = None
        self.best_epoch_ = 0

    def on_epoch_begin(self, net, **kwargs):
        """Record the stage in the history."""
        net.history.record("stage", self.index_ + 1)

    def on_epoch_end(self, net, **kwargs):
        """Keep the best weights, and end the stage if it is over."""
        score = net.history[-1, self.monitor]
        self.n_epochs_ += 1
        self.misses_ += 1
        if self._is_better(score):
            self.best_score_, self.misses_ = score, 0
            self.best_epoch_ = net.history[-1, "epoch"]
            self.best_weights_ = deepcopy(net.module_.state_dict())
        n_epochs = self.stages[self.index_].epochs
        is_over = self.misses_ >= self.patience
        if n_epochs is not None:
            is_over = self.n_epochs_ >= n_epochs
        if not is_over:
            return
        if self.index_ + 1 == len(self.stages):
            raise StagesEnd
        net.module_.load_state_dict(self.best_weights_)
        self.begin(net, self.index_ + 1)
        if self.verbose:
            tqdm.write(self._line(), file=sys.stdout)

    def on_train_end(self, net, **kwargs):
        """Restore the best weights."""
        if self.best_weights_ is not None:
            net.module_.load_state_dict(self.best_weights_)

    def begin(self, net, index):
        """Begin a stage, with a new optimizer."""
        self.index_, self.n_epochs_, self.misses_ = index, 0, 0
        net.set_optimizer(self.stages[index])

    def _is_better(self, score):
        if self.best_score_ is None:
            return True
        if self.lower_is_better:
            return score < self.best_score_
        return score > self.best_score_

    def _line(self):
        stage = self.stages[self.index_]
        return (
            f"stage {self.index_ + 1}/{len(self.stages)}: {stage.optimizer.__name__}, "
            f"lr {stage.lr:.1e}, from the weights of epoch {self.best_epoch_}"
        )
