"""TrainingCurveDisplay: curves, markers and axes, and its errors."""

import pickle
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from sktag import CNN1DClassifier, CNN1DRegressor, Standardizer
from sktag.inspection import TrainingCurveDisplay

# Three stages of two, two and one epochs.
HISTORY = [
    {"epoch": 1, "train_loss": 1.5, "valid_loss": 1.6, "lr": 1e-2, "stage": 1},
    {"epoch": 2, "train_loss": 1.0, "valid_loss": 1.2, "lr": 1e-2, "stage": 1},
    {"epoch": 3, "train_loss": 0.7, "valid_loss": 1.0, "lr": 1e-3, "stage": 2},
    {"epoch": 4, "train_loss": 0.6, "valid_loss": 1.1, "lr": 1e-3, "stage": 2},
    {"epoch": 5, "train_loss": 0.5, "valid_loss": 1.1, "lr": 1e-4, "stage": 3},
]
SCORED = [
    {**row, "valid_accuracy": score, "valid_roc_auc": score + 0.1, "seconds": 0.1}
    for row, score in zip(HISTORY, [0.2, 0.4, 0.6, 0.5, 0.7], strict=True)
]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module", name="X")
def _spectrograms():
    """Return forty spectrograms of 8 bins and 16 frames."""
    return np.random.default_rng(0).normal(size=(40, 8, 16))


@pytest.fixture(scope="module")
def labels():
    return np.repeat(["a", "b"], 20)


def quick(cls=CNN1DClassifier, **params):
    # 100 epochs, because fewer than 300 steps would warn.
    params = {"n_filters": 2, "n_blocks": 1, "max_epochs": 100, **params}
    return cls(random_state=0, **params)


def x_of(line):
    return line.get_xdata()[0]


def labels_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_losses_are_drawn_by_epoch():
    display = TrainingCurveDisplay(HISTORY).plot()
    assert list(display.lines_) == ["train_loss", "valid_loss"]
    for name, line in display.lines_.items():
        assert_array_equal(line.get_xdata(), [1, 2, 3, 4, 5])
        assert_array_equal(line.get_ydata(), [row[name] for row in HISTORY])
        assert line.axes is display.ax_
    assert display.figure_.axes == [display.ax_]
    assert display.score_ax_ is None
    assert display.lr_ax_ is None
    assert display.ax_.get_xlabel() == "epoch"
    assert display.ax_.get_ylabel() == "loss"
    assert labels_of(display.ax_) == ["training", "validation"]


def test_curves_differ_in_dashes_and_colour():
    lines = TrainingCurveDisplay(HISTORY).plot().lines_.values()
    assert len({line.get_linestyle() for line in lines}) == 2
    assert len({line.get_color() for line in lines}) == 2


def test_scores_and_learning_rate_have_axes_of_their_own_and_one_epoch_axis():
    display = TrainingCurveDisplay(SCORED).plot(lr=True)
    axes = [display.ax_, display.score_ax_, display.lr_ax_]
    assert display.figure_.axes == axes
    where = {name: axes.index(line.axes) for name, line in display.lines_.items()}
    assert where == {
        "train_loss": 0,
        "valid_loss": 0,
        "valid_accuracy": 1,
        "valid_roc_auc": 1,
        "lr": 2,
    }
    assert [ax.get_ylabel() for ax in axes] == [
        "loss",
        "validation score",
        "learning rate",
    ]
    assert [ax.get_xlabel() for ax in axes] == ["", "", "epoch"]
    assert labels_of(display.score_ax_) == ["accuracy", "roc auc"]
    assert axes[0].get_xlim() == axes[2].get_xlim()


@pytest.mark.parametrize(
    ("scores", "drawn", "label"),
    [
        (False, [], None),
        (True, ["valid_accuracy", "valid_roc_auc"], "validation score"),
        ("valid_accuracy", ["valid_accuracy"], "validation accuracy"),
        (["valid_roc_auc"], ["valid_roc_auc"], "validation roc auc"),
    ],
)
def test_scores_are_those_asked_for(scores, drawn, label):
    display = TrainingCurveDisplay(SCORED).plot(scores=scores)
    assert [name for name in display.lines_ if name[-5:] != "_loss"] == drawn
    assert (display.score_ax_ and display.score_ax_.get_ylabel()) == label


def test_scores_of_training_and_validation_are_told_apart():
    history = [{**row, "train_accuracy": 0.9} for row in SCORED]
    names = ["train_accuracy", "valid_accuracy"]
    display = TrainingCurveDisplay(history).plot(scores=names)
    assert labels_of(display.score_ax_) == ["training accuracy", "validation accuracy"]
    assert display.score_ax_.get_ylabel() == "score"


def test_best_epoch_is_marked_in_all_axes():
    display = TrainingCurveDisplay(SCORED, best_epoch=3).plot(lr=True)
    assert [x_of(line) for line in display.best_lines_] == [3, 3, 3]
    assert [line.axes for line in display.best_lines_] == display.figure_.axes
    assert labels_of(display.ax_)[-1] == "kept: epoch 3"
    assert TrainingCurveDisplay(SCORED).plot().best_lines_ == []


def test_borders_of_stages_are_between_epochs_and_stages_are_named():
    display = TrainingCurveDisplay(HISTORY).plot(lr=True)
    for ax in display.figure_.axes:
        known = {*display.lines_.values()}
        borders = [line for line in ax.lines if line not in known]
        assert [x_of(line) for line in borders] == [2.5, 4.5]
    named = {text.get_text(): text.get_position()[0] for text in display.ax_.texts}
    assert named == {"stage 1": 1.5, "stage 2": 3.5, "stage 3": 5.0}
    assert len(display.lr_ax_.texts) == 0


def test_one_stage_or_none_is_not_named():
    one = TrainingCurveDisplay(HISTORY[:2]).plot()
    none = TrainingCurveDisplay([{"train_loss": 1.0}, {"train_loss": 0.5}]).plot()
    for display in (one, none):
        assert len(display.ax_.texts) == 0
        assert set(display.ax_.lines) == {*display.lines_.values()}


def test_learning_rate_in_steps_is_logarithmic_and_a_smooth_one_is_not():
    steps = TrainingCurveDisplay(HISTORY).plot(lr=True)
    assert steps.lr_ax_.get_yscale() == "log"
    ticks = [text.get_text() for text in steps.lr_ax_.get_yticklabels()]
    assert ticks == ["0.0001", "0.001", "0.01"]
    assert steps.lines_["lr"].get_drawstyle() == "steps-mid"
    cosine = np.cos(np.linspace(0, np.pi / 2, 5))
    rows = [{**row, "lr": lr} for row, lr in zip(HISTORY, cosine, strict=True)]
    smooth = TrainingCurveDisplay(rows).plot(lr=True)
    assert smooth.lr_ax_.get_yscale() == "linear"
    assert smooth.lines_["lr"].get_drawstyle() == "default"


@pytest.mark.parametrize("n_epochs", [1, 2, 5, 500])
def test_ticks_are_whole_epochs(n_epochs):
    rows = [{"train_loss": 1 / (1 + i)} for i in range(n_epochs)]
    display = TrainingCurveDisplay(rows).plot()
    display.figure_.canvas.draw()
    low, high = display.ax_.get_xlim()
    ticks = [tick for tick in display.ax_.get_xticks() if low <= tick <= high]
    assert ticks == [int(tick) for tick in ticks]
    assert 1 <= len(ticks) <= 12
    # A line with a single point is invisible.
    marker = display.lines_["train_loss"].get_marker()
    assert (marker == "o") == (n_epochs == 1)


def test_rows_that_lack_a_curve_leave_a_gap():
    rows = [HISTORY[0], {"epoch": 2, "train_loss": 1.0}, HISTORY[2]]
    line = TrainingCurveDisplay(rows).plot().lines_["valid_loss"]
    assert_array_equal(line.get_ydata(), [1.6, np.nan, 1.0])


def test_axes_given_are_drawn_into_and_labelled_each():
    figure, axes = plt.subplots(1, 3)
    display = TrainingCurveDisplay(SCORED).plot(ax=axes, lr=True)
    assert [display.ax_, display.score_ax_, display.lr_ax_] == list(axes)
    assert display.figure_ is figure
    assert [ax.get_xlabel() for ax in axes] == ["epoch"] * 3


def test_one_axes_given_takes_the_losses_alone():
    _, ax = plt.subplots()
    display = TrainingCurveDisplay(SCORED).plot(ax=ax)
    assert display.ax_ is ax
    assert list(display.lines_) == ["train_loss", "valid_loss"]


def test_estimator_gives_its_history_best_epoch_and_loss(X, labels):
    clf = quick(early_stopping=True, n_iter_no_change=99).fit(X, labels)
    display = TrainingCurveDisplay.from_estimator(clf)
    losses = [row["valid_loss"] for row in clf.history_]
    assert_array_equal(display.lines_["valid_loss"].get_ydata(), losses)
    assert display.best_epoch == clf.best_epoch_ == 1 + np.argmin(losses)
    assert display.ax_.get_ylabel() == "cross-entropy in nats"
    assert display.score_ax_.get_ylabel() == "validation accuracy"


def test_estimator_without_validation_has_no_best_epoch_nor_scores(X, labels):
    display = TrainingCurveDisplay.from_estimator(quick().fit(X, labels))
    assert list(display.lines_) == ["train_loss"]
    assert display.best_lines_ == []
    assert display.score_ax_ is None


@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
def test_loss_of_a_regressor_is_named(X, loss):
    model = quick(CNN1DRegressor, loss=loss).fit(X, X.mean(axis=(1, 2)))
    label = TrainingCurveDisplay.from_estimator(model).ax_.get_ylabel()
    words = {"mse": "mean squared error", "mae": "mean absolute error"}
    assert label == f"{words.get(loss, 'Huber loss')}, standardised"


def test_loss_of_tags_is_binary_cross_entropy(X, labels):
    tags = np.column_stack([labels == "a", labels == "b"]).astype(int)
    display = TrainingCurveDisplay.from_estimator(quick().fit(X, tags))
    assert display.ax_.get_ylabel() == "binary cross-entropy in nats"


def test_pipeline_and_search_show_the_network_in_them(X, labels):
    pipe = make_pipeline(Standardizer(), quick())
    search = GridSearchCV(pipe, {"cnn1dclassifier__lr": [1e-3]}, cv=2)
    with pytest.warns(UserWarning, match="fewer than 300"):  # a fold has half the clips
        search.fit(X, labels)
    best = search.best_estimator_
    losses = [row["train_loss"] for row in best[-1].history_]
    for estimator in (search, best, best[-1]):
        display = TrainingCurveDisplay.from_estimator(estimator)
        assert_array_equal(display.lines_["train_loss"].get_ydata(), losses)


def test_error_of_an_estimator_that_is_not_fitted():
    with pytest.raises(NotFittedError, match="CNN1DClassifier"):
        TrainingCurveDisplay.from_estimator(CNN1DClassifier())
    with pytest.raises(NotFittedError, match="Pipeline"):
        TrainingCurveDisplay.from_estimator(make_pipeline(CNN1DClassifier()))
    with pytest.raises(NotFittedError, match="GridSearchCV"):
        TrainingCurveDisplay.from_estimator(GridSearchCV(CNN1DClassifier(), {}))


def test_error_of_an_estimator_without_epochs_names_it(X, labels):
    pipe = make_pipeline(Standardizer(axis="clip"), SVC())
    table = X.reshape(40, -1)
    with pytest.raises(TypeError, match=r"the SVC of the Pipeline has no history_"):
        TrainingCurveDisplay.from_estimator(pipe.fit(table, labels))
    with pytest.raises(TypeError, match=r"but SVC has no history_: pass a CNN2DClas"):
        TrainingCurveDisplay.from_estimator(SVC().fit(table, labels))


def test_error_of_a_history_that_is_none():
    with pytest.raises(TypeError, match=r'not DataFrame; .* to_dict\("records"\)'):
        TrainingCurveDisplay(pd.DataFrame(HISTORY)).plot()
    with pytest.raises(
        ValueError, match=r"none of the 0 rows .*'train_loss': pass the hist"
    ):
        TrainingCurveDisplay([]).plot()
    with pytest.raises(ValueError, match=r"none of the 1 rows .*'train_loss'"):
        TrainingCurveDisplay([{"loss": 1.0}]).plot()


def test_error_of_what_was_not_measured_names_what_was():
    with pytest.raises(ValueError, match=r"'valid_f1', .* 'valid_accuracy', 'valid_ro"):
        TrainingCurveDisplay(SCORED).plot(scores="valid_f1")
    with pytest.raises(ValueError, match=r"available: none\. Add scores"):
        TrainingCurveDisplay(HISTORY).plot(scores=["valid_f1"])
    with pytest.raises(ValueError, match="no row of the history has 'lr'"):
        TrainingCurveDisplay([{"train_loss": 1.0}]).plot(lr=True)


def test_error_of_too_few_or_many_axes_names_what_is_drawn():
    _, axes = plt.subplots(2)
    with pytest.raises(ValueError, match=r"1 axes, but 2 .*\(losses, lr\)"):
        TrainingCurveDisplay(SCORED).plot(ax=axes[0], lr=True)
    with pytest.raises(ValueError, match=r"2 axes, but 1 .*\(losses\): pass as many"):
        TrainingCurveDisplay(HISTORY).plot(ax=axes)


def test_error_without_matplotlib_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    remedy = r'pip install "sktag\[plot\]"'
    with pytest.raises(ImportError, match=rf"plot needs matplotlib: {remedy}"):
        TrainingCurveDisplay(HISTORY).plot()
    with pytest.raises(ImportError, match=rf"from_estimator needs .*: {remedy}"):
        TrainingCurveDisplay.from_estimator(CNN1DClassifier())


def test_figure_pickles():
    display = TrainingCurveDisplay(SCORED, best_epoch=3).plot(lr=True)
    loaded = pickle.loads(pickle.dumps(display.figure_))
    assert len(loaded.axes) == 3
