"""Training curves: losses, scores and learning rate per epoch.

A plot needs only the rows of `history_`, so it can be drawn from a fitted estimator or
later from saved rows. matplotlib is imported only when something is drawn.
"""

from itertools import pairwise
from numbers import Real

import numpy as np
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sktag.inspection._matplotlib import check_matplotlib

_NAME = "TrainingCurveDisplay"
_PARTS = {"train": "training", "valid": "validation"}
# Okabe and Ito's colours, safe for colour blindness.
_COLORS = {"train": "#0072B2", "valid": "#D55E00", "lr": "#000000"}
_SCORE_COLORS = ("#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#0072B2")
_MARK = "0.35"  # gray of annotations
_BORDER = "0.75"
_STEPS = [1, 2, 5, 10]  # tick spacing, times a power of ten
_REGRESSION_LOSSES = {
    "mse": "mean squared error",
    "mae": "mean absolute error",
    "huber": "Huber loss",
}


class TrainingCurveDisplay:
    """Training curves of a fit: losses, scores and learning rate per epoch.

    Create it with :meth:`from_estimator`, or from saved rows of `history_`. All
    parameters are stored as attributes.

    Parameters
    ----------
    history : list of dict
        One dict per epoch, as in `history_`: "train_loss" and, if available, "epoch",
        "valid_loss", "lr", "stage", and scores whose names start with ``"valid_"`` or
        ``"train_"``.
    best_epoch : int > 0, default=None
        Epoch to mark.
    loss_name : str, default="loss"
        Label of the loss axis.

    Attributes
    ----------
    lines_ : dict of str to matplotlib Line2D
        The curves, keyed by their names in `history`.
    best_lines_ : list of matplotlib Line2D
        Markers of the best epoch, one per axes; empty if there is no best epoch.
    ax_ : matplotlib Axes
        Axes with the losses.
    score_ax_ : matplotlib Axes or None
        Axes with the scores; None if they are not drawn.
    lr_ax_ : matplotlib Axes or None
        Axes with the learning rate; None if it is not drawn.
    figure_ : matplotlib Figure
        Figure that contains the axes.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : Scores by number of clips.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sktag.inspection import TrainingCurveDisplay
    >>> history = [
    ...     {"train_loss": 1.6, "valid_loss": 1.5, "valid_accuracy": 0.4},
    ...     {"train_loss": 0.9, "valid_loss": 1.1, "valid_accuracy": 0.7},
    ...     {"train_loss": 0.5, "valid_loss": 1.2, "valid_accuracy": 0.6},
    ... ]
    >>> display = TrainingCurveDisplay(history, best_epoch=2).plot()
    >>> list(display.lines_)
    ['train_loss', 'valid_loss', 'valid_accuracy']
    >>> plt.close(display.figure_)
    """

    def __init__(self, history, *, best_epoch=None, loss_name="loss"):
        self.history = history
        self.best_epoch = best_epoch
        self.loss_name = loss_name

    def plot(self, *, ax=None, scores=None, lr=False):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of them, default=None
            Axes for the losses, the scores and the learning rate, in this order and
            only for those that are drawn. None creates a new figure.
        scores : bool, str or sequence of str, default=None
            Names of the scores to draw, such as "valid_accuracy", or whether to draw
            scores. None draws all scores, unless `ax` is a single Axes.
        lr : bool, default=False
            Whether to draw the learning rate.

        Returns
        -------
        TrainingCurveDisplay
            The display, with its plot elements as attributes.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        TypeError
            If the history is not a list of dicts.
        ValueError
            If the history is empty or lacks a requested curve, or if the number of axes
            is wrong.
        """
        check_matplotlib(f"{_NAME}.plot")
        self._check_history()
        if scores is None:
            scores = ax is None or np.ndim(ax) > 0
        names = self._score_names(scores)
        if lr and not self._has("lr"):
            raise ValueError(
                "lr=True, but no row of the history has 'lr': pass lr=False."
            )
        axes = _make_axes(ax, ["losses"] + ["scores"] * bool(names) + ["lr"] * bool(lr))
        self.ax_, self.figure_ = axes[0], axes[0].figure
        self.score_ax_ = axes[1] if names else None
        self.lr_ax_ = axes[-1] if lr else None
        self.lines_, self.best_lines_ = {}, []
        self._draw_losses()
        if names:
            self._draw_scores(names)
        if lr:
            self._draw_lr()
        self._draw_marks(axes)
        return self

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, scores=None, lr=False):
        """Draw the curves of a fitted estimator.

        Parameters
        ----------
        estimator : estimator, Pipeline or search
            A fitted sktag network, a Pipeline that ends in one, or a search over
            either, whose best estimator is plotted.
        ax, scores, lr : see plot
            The parameters of :meth:`plot`.

        Returns
        -------
        TrainingCurveDisplay
            The display.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If the estimator has no `history_`.
        ValueError
            If a requested curve was not recorded, or if the number of axes is wrong.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> import numpy as np
        >>> from sktag import CNN1DClassifier
        >>> from sktag.inspection import TrainingCurveDisplay
        >>> X = np.random.default_rng(0).normal(size=(40, 8, 16))
        >>> y = X.mean(axis=(1, 2)) > 0
        >>> clf = CNN1DClassifier(n_filters=4, max_epochs=100, early_stopping=True)
        >>> display = TrainingCurveDisplay.from_estimator(clf.fit(X, y), lr=True)
        >>> display.ax_.get_ylabel(), display.score_ax_.get_ylabel()
        ('cross-entropy in nats', 'validation accuracy')
        >>> plt.close(display.figure_)
        """
        check_matplotlib(f"{_NAME}.from_estimator")
        network = _network_of(estimator)
        has_best = any("valid_loss" in row for row in network.history_)
        return cls(
            network.history_,
            best_epoch=network.best_epoch_ if has_best else None,
            loss_name=_loss_name(network),
        ).plot(ax=ax, scores=scores, lr=lr)

    def _check_history(self):
        """Raise unless the history is a list of dicts with a loss."""
        is_list = isinstance(self.history, (list, tuple))
        if not is_list or not all(isinstance(row, dict) for row in self.history):
            raise TypeError(
                "history must be a list of dicts, one per epoch, like history_, not "
                f"{type(self.history).__name__}; convert a DataFrame with "
                'to_dict("records").'
            )
        if not self._has("train_loss"):
            raise ValueError(
                f"none of the {len(self.history)} rows of the history has "
                "'train_loss': pass the history_ of a fitted estimator."
            )

    def _has(self, name):
        return any(name in row for row in self.history)

    def _column(self, name):
        """Return the values of a key, with nan where rows lack it."""
        return np.array([row.get(name, np.nan) for row in self.history], dtype=float)

    @property
    def _epochs(self):
        return np.array([row.get("epoch", i + 1) for i, row in enumerate(self.history)])

    def _score_names(self, scores):
        """Return the names of the scores to draw."""
        known = dict.fromkeys(
            name
            for row in self.history
            for name, value in row.items()
            if name.partition("_")[0] in _PARTS
            and name.partition("_")[2] != "loss"
            and isinstance(value, Real)
        )
        if isinstance(scores, (bool, np.bool_)):
            return list(known) if scores else []
        names = [scores] if isinstance(scores, str) else list(scores)
        # Names may be those of `metrics` or those of the history.
        names = [f"valid_{n}" if f"valid_{n}" in known else n for n in names]
        for name in names:
            if name not in known:
                there = ", ".join(map(repr, known)) or "none"
                raise ValueError(
                    f"scores has {name!r}, which is not in the history; available: "
                    f"{there}. Add scores with the parameter metrics of an estimator."
                )
        return names

    def _line(self, ax, name, **style):
        epochs = self._epochs
        marker = "o" if len(epochs) == 1 else None
        values = self._column(name)
        (self.lines_[name],) = ax.plot(epochs, values, marker=marker, **style)

    def _draw_losses(self):
        for part, label in _PARTS.items():
            name = f"{part}_loss"
            if self._has(name):
                # Dashes distinguish the two in grey scale.
                style = "--" if part == "train" else "-"
                self._line(
                    self.ax_, name, label=label, color=_COLORS[part], linestyle=style
                )
        self.ax_.set_ylabel(self.loss_name)

    def _draw_scores(self, names):
        parts = {name.partition("_")[0] for name in names}
        for i, name in enumerate(names):
            part, _, score = name.partition("_")
            label = score.replace("_", " ")
            if len(parts) > 1:
                label = f"{_PARTS[part]} {label}"
            color = _SCORE_COLORS[i % len(_SCORE_COLORS)]
            style = "--" if part == "train" else "-"
            self._line(self.score_ax_, name, label=label, color=color, linestyle=style)
        label = self.lines_[names[0]].get_label() if len(names) == 1 else "score"
        if len(parts) == 1:
            label = f"{_PARTS[parts.pop()]} {label}"
        self.score_ax_.set_ylabel(label)

    def _draw_lr(self):
        rates = self._column("lr")
        levels = np.unique(rates[np.isfinite(rates)])
        # Few distinct rates are steps, best shown on a logarithmic axis.
        stepwise = len(levels) < len(rates) and len(levels) <= 10
        style = {"drawstyle": "steps-mid"} if stepwise else {}
        self._line(self.lr_ax_, "lr", label="lr", color=_COLORS["lr"], **style)
        if stepwise and len(levels) > 1 and levels[0] > 0:
            self.lr_ax_.set_yscale("log")
            self.lr_ax_.set_yticks(levels, [f"{level:g}" for level in levels])
            self.lr_ax_.minorticks_off()
        else:
            self.lr_ax_.ticklabel_format(axis="y", scilimits=(-2, 3))
        self.lr_ax_.set_ylabel("learning rate")

    def _draw_marks(self, axes):
        """Mark the best epoch and the borders of stages, and label the axes."""
        from matplotlib.ticker import MaxNLocator

        for ax in axes:
            for border in self._borders():
                ax.axvline(border, color=_BORDER, linewidth=0.8, zorder=0)
            if self.best_epoch is not None:
                mark = ax.axvline(
                    self.best_epoch,
                    color=_MARK,
                    linestyle=":",
                    label=f"kept: epoch {self.best_epoch}",
                )
                self.best_lines_.append(mark)
            ticks = MaxNLocator("auto", steps=_STEPS, integer=True, min_n_ticks=1)
            ax.xaxis.set_major_locator(ticks)
            if len(self.history) == 1:
                ax.set_xlim(self._epochs[0] - 0.5, self._epochs[0] + 0.5)
            # Of stacked axes with a shared x-axis, only the last has the label.
            if ax.xaxis.get_tick_params().get("labelbottom", True):
                ax.set_xlabel("epoch")
        self.ax_.legend()
        drawn = [name for name in self.lines_ if name[-5:] != "_loss" and name != "lr"]
        if len(drawn) > 1:
            self.score_ax_.legend(handles=[self.lines_[name] for name in drawn])
        self._name_stages()

    def _borders(self):
        """Return the borders between stages, midway between two epochs."""
        stages = [row.get("stage") for row in self.history]
        epochs = self._epochs
        return [
            (epochs[i] + epochs[i + 1]) / 2
            for i in range(len(stages) - 1)
            if stages[i] != stages[i + 1]
        ]

    def _name_stages(self):
        """Write the names of the stages above the first axes."""
        epochs, borders = self._epochs, self._borders()
        if not borders:
            return
        edges = [epochs[0] - 0.5, *borders, epochs[-1] + 0.5]
        total = edges[-1] - edges[0]
        for start, end in pairwise(edges):
            row = self.history[int(np.searchsorted(epochs, start))]
            stage = row.get("stage")
            if stage is None:
                continue
            wide = (end - start) / total > 0.15
            self.ax_.text(
                (start + end) / 2,
                1.01,
                f"stage {stage}" if wide else str(stage),
                transform=self.ax_.get_xaxis_transform(),
                ha="center",
                va="bottom",
                fontsize="small",
                color=_MARK,
            )


def _make_axes(ax, panels):
    """Return one axes per panel: the given ones, or those of a new figure."""
    import matplotlib.pyplot as plt

    if ax is None:
        size = (6.4, 1.4 + 2.2 * len(panels))
        _, grid = plt.subplots(
            len(panels), sharex=True, figsize=size, layout="constrained", squeeze=False
        )
        return list(grid.flat)
    axes = list(np.ravel(ax))
    if len(axes) != len(panels):
        raise ValueError(
            f"ax has {len(axes)} axes, but {len(panels)} are needed "
            f"({', '.join(panels)}): pass as many, or choose with scores= and lr=."
        )
    return axes


def _network_of(estimator):
    """Return the network: the last step of a pipeline, or of a search's best one."""
    check_is_fitted(estimator)
    network = getattr(estimator, "best_estimator_", estimator)
    if isinstance(network, Pipeline):
        network = network.steps[-1][1]
    if not hasattr(network, "history_"):
        name = type(estimator).__name__
        if network is not estimator:
            name = f"the {type(network).__name__} of the {name}"
        raise TypeError(
            f"from_estimator plots the epochs of a network of sktag, but {name} has "
            "no history_: pass a CNN2DClassifier, say, or a Pipeline that ends in one."
        )
    return network


def _loss_name(network):
    """Return the name of the training loss, with its unit."""
    if is_classifier(network):
        binary = "binary " if network.classes_.ndim == 2 else ""
        return f"{binary}cross-entropy in nats"
    # Targets are standardised in training.
    return f"{_REGRESSION_LOSSES[network.loss]}, standardised"
