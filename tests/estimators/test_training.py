"""Training of CNN2DClassifier: seeds, schedules, optimizers, what is shown."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import (
    GridSearchCV,
)
from skorch.callbacks import Callback, EarlyStopping

from sktag import ClipArray, SampleCNNClassifier
from sktag.ops import ScaleOp

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


def test_cache_and_no_cache_train_alike(X, Y, quick):
    clips = ClipArray.from_array(X).map(ScaleOp(np.zeros(12), np.full(12, 2.0)))
    cached = quick().fit(clips, Y).predict_proba(clips)
    streamed = quick(cache_bytes=0).fit(clips, Y).predict_proba(clips)
    np.testing.assert_allclose(cached, streamed, atol=1e-5)


RANDOM = {"dropout": 0.5, "early_stopping": True, "validation_fraction": 0.2}
RANDOM |= {"mixup_alpha": 0.4, "cutmix_alpha": 1.0, "label_smoothing": 0.1}


@pytest.mark.parametrize("again", ["refit", "clone", "RandomState"])
def test_equal_seeds_give_equal_bits(X, Y, quick, again):
    clf = quick(**RANDOM)
    expected = clf.fit(X, Y).predict_proba(X)
    if again == "clone":
        clf = clone(clf)
    if again == "RandomState":
        first, second = (
            quick(random_state=np.random.RandomState(3)).fit(X, Y).predict_proba(X)
            for _ in range(2)
        )
        np.testing.assert_array_equal(first, second)
        return
    np.testing.assert_array_equal(clf.fit(X, Y).predict_proba(X), expected)


def test_other_seeds_give_other_nets(X, Y, quick):
    first, second = (quick(random_state=s).fit(X, Y).predict_proba(X) for s in (0, 1))
    assert not np.allclose(first, second)


def test_global_random_states_are_left_alone(X, Y, quick):
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002  # the global state is what is tested
    expected = torch.rand(1), np.random.rand()  # noqa: NPY002
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002
    clf = quick(random_state=None, max_epochs=1, **RANDOM).fit(X, Y)
    pickle.loads(pickle.dumps(clf)).predict(X)
    assert (torch.rand(1), np.random.rand()) == expected  # noqa: NPY002


def test_batch_size_leaves_no_clip_alone(X, Y, quick):
    # 33 clips in batches of 16: three of 11, none of 1.
    clf = quick(batch_size=16, max_epochs=2).fit(X[:33], Y[:33])
    assert clf.net_.history[0]["train_batch_count"] == 3


def test_one_clip_to_train_on_raises_where_there_is_batch_norm(X, quick):
    y = np.array([[0, 1]])
    with pytest.raises(ValueError, match=r"1 training sample.* batch_norm=False"):
        quick().fit(X[:1], y)
    with pytest.raises(ValueError, match=r"1 training sample.* batch_norm=False"):
        quick().partial_fit(X[:1], y)
    two = np.array([[0, 1], [1, 0]])
    left = quick(early_stopping=True, validation_fraction=0.5)
    with pytest.raises(ValueError, match="1 training sample, of 2 given"):
        left.fit(X[:2], two)
    plain = quick(batch_norm=False)
    assert plain.fit(X[:1], y).predict(X[:1]).tolist() == [[0, 1]]
    assert plain.partial_fit(X[:1], y).n_iter_ == 16


def test_one_clip_on_top_of_others_raises_and_leaves_them_learned(X, Y, quick):
    clf = quick().fit(X, Y)
    expected = clf.predict_proba(X)
    with pytest.raises(ValueError, match="1 training sample"):
        clf.partial_fit(X[:1], Y[:1])
    np.testing.assert_array_equal(clf.predict_proba(X), expected)


def test_history_has_a_row_an_epoch(X, Y, quick):
    clf = quick(max_epochs=3, early_stopping=True, validation_fraction=0.25).fit(X, Y)
    assert [row["epoch"] for row in clf.history_] == [1, 2, 3]
    assert set(clf.history_[0]) == {
        "epoch",
        "train_loss",
        "valid_loss",
        "valid_accuracy",
        "lr",
        "seconds",
    }
    assert pd.DataFrame(clf.history_).shape == (3, 6)


class Recorder(Callback):
    """Keep the output's weights of each epoch."""

    def on_train_begin(self, net, **kwargs):
        self.weights_ = []

    def on_epoch_end(self, net, **kwargs):
        self.weights_.append(net.module_.output.weight.detach().clone())


def test_optimizer_parameters_go_to_net_params(X, Y, quick):
    clf = quick(optimizer="sgd").set_params(optimizer__momentum=0.5)
    assert clf.net_params == {"optimizer__momentum": 0.5}
    assert clf.get_params()["optimizer__momentum"] == 0.5
    clf.fit(X, Y)
    assert clf.net_.optimizer_.param_groups[0]["momentum"] == 0.5
    assert clone(clf).net_params == {"optimizer__momentum": 0.5}


def test_optimizer_parameters_are_searched_over(X, Y, quick):
    # At this rate, steps without momentum hardly move.
    clf = quick(optimizer="sgd", lr=3e-3)
    search = GridSearchCV(clf, {"optimizer__momentum": [0.0, 0.95]}, cv=2).fit(X, Y)
    assert search.best_params_ == {"optimizer__momentum": 0.95}
    without, with_it = search.cv_results_["mean_test_score"]
    assert without < with_it
    best = search.best_estimator_
    assert best.net_params == {"optimizer__momentum": 0.95}
    assert best.net_.optimizer_.param_groups[0]["momentum"] == 0.95


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("adamw", torch.optim.AdamW),
        ("adam", torch.optim.Adam),
        ("sgd", torch.optim.SGD),
        ("rmsprop", torch.optim.RMSprop),
    ],
)
def test_optimizers_by_name_learn(X, Y, quick, name, kind):
    clf = quick(optimizer=name).fit(X, Y)
    assert type(clf.net_.optimizer_) is kind
    group = clf.net_.optimizer_.param_groups[0]
    assert group["weight_decay"] == 1e-2
    assert bool(group.get("nesterov")) == (name == "sgd")
    assert group.get("momentum", 0) == (0.9 if name == "sgd" else 0)
    assert clf.score(X, Y) > 0.9


def test_optimizer_may_be_a_class(X, Y, quick):
    clf = quick(optimizer=torch.optim.NAdam).fit(X, Y)
    assert isinstance(clf.net_.optimizer_, torch.optim.NAdam)


def test_optimizer_without_weight_decay_takes_none(X, Y, quick):
    clf = quick(optimizer=torch.optim.Rprop)
    with pytest.raises(ValueError, match=r"Rprop has none: set weight_decay=0\."):
        clf.fit(X, Y)
    clf.set_params(weight_decay=0.0).fit(X, Y)
    assert isinstance(clf.net_.optimizer_, torch.optim.Rprop)
    loaded = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))


def test_norms_and_biases_are_not_decayed(X, Y, quick):
    clf = quick(max_epochs=1, weight_decay=0.1).fit(X, Y)
    groups = clf.net_.optimizer_.param_groups
    assert [g["weight_decay"] for g in groups] == [0.1, 0.0]
    assert all(p.ndim > 1 for p in groups[0]["params"])
    assert all(p.ndim == 1 for p in groups[1]["params"])
    assert sum(len(g["params"]) for g in groups) == len(list(clf.module_.parameters()))


@pytest.mark.parametrize(
    ("net_params", "message"),
    [
        ({"lr": 1.0}, "'lr', which is a parameter of CNN2DClassifier"),
        ({"optimizer__lr": 1.0}, "'optimizer__lr', which .* set lr="),
        ({"optimizer__weight_decay": 1.0}, "set weight_decay="),
        ({"module__x": 1}, "makes itself"),
        ({"seed": 1}, "makes itself"),
        ({"optimiser__momentum": 1}, "unexpected argument"),
    ],
)
def test_wrong_net_params_raise(X, Y, quick, net_params, message):
    with pytest.raises(ValueError, match=message):
        quick(net_params=net_params).fit(X, Y)


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "step", None])
def test_schedules_do_what_they_say(X, Y, quick, schedule):
    clf = quick(lr_schedule=schedule, max_epochs=40, n_iter_no_change=3)
    lr = np.array([row["lr"] for row in clf.fit(X, Y).history_])
    if schedule == "one_cycle":
        assert lr.argmax() == 11  # 30 % of 40 epochs
        assert lr[-1] < 1e-3 * lr.max()
    elif schedule == "cosine":
        assert (np.diff(lr) < 0).all()
    elif schedule == "step":
        np.testing.assert_allclose(lr, np.where(np.arange(40) < 30, 1e-2, 1e-3))
    else:
        assert (lr == 1e-2).all()


def test_plateau_lowers_the_rate_where_the_loss_has_not_fallen(X, Y, quick):
    clf = quick(lr_schedule="plateau", lr=0.1, max_epochs=40, n_iter_no_change=6)
    noise = np.random.default_rng(0).normal(size=X.shape)
    history = clf.fit(noise, Y).history_
    # By hand: a fifth where the loss has not fallen, by a ten-thousandth of itself, in
    # more than 6 // 3 epochs.
    rate, best, n_bad, expected = 0.1, np.inf, 0, []
    for row in history:
        expected.append(rate)
        if row["train_loss"] < best * (1 - 1e-4):
            best, n_bad = row["train_loss"], 0
        else:
            n_bad += 1
        if n_bad > 2:
            rate, n_bad = rate / 5, 0
    np.testing.assert_allclose([row["lr"] for row in history], expected)
    assert len(set(np.round(expected, 9))) > 2  # it was lowered, twice or more


def test_gradient_is_clipped(X, Y, quick):
    params = {"optimizer": "sgd", "max_epochs": 2, "weight_decay": 0.0}
    free = quick(**params, lr=1.0).fit(X, Y)
    held = quick(**params, lr=1.0, gradient_clip=1e-6).fit(X, Y)
    start = quick(**params, lr=1e-12).fit(X, Y)
    moved = [
        (clf.module_.output.weight - start.module_.output.weight).norm().item()
        for clf in (free, held)
    ]
    assert moved[1] < 1e-4 < moved[0]


def test_callbacks_of_skorch_are_called(X, Y, quick):
    stop = EarlyStopping(
        monitor="train_loss", patience=2, threshold=1e9, sink=lambda s: s
    )
    clf = quick(callbacks=[stop, ("recorder", Recorder())]).fit(X, Y)
    assert clf.n_iter_ < 15
    assert clf.predict(X).shape == (36,)


class Logger(Callback):
    """Write losses to what cannot be copied, as TensorBoard's writer cannot."""

    def __init__(self, writer):
        self.writer = writer

    def initialize(self):
        self.n_epochs_ = 0
        return self

    def on_epoch_end(self, net, **kwargs):
        self.n_epochs_ += 1
        self.writer.write(f"{net.history[-1, 'train_loss']}\n")


def test_callback_that_holds_a_file_writes_into_it(X, Y, quick, tmp_path):
    with open(tmp_path / "losses.txt", "w") as file:
        logger = Logger(file)
        clf = quick(callbacks=[("log", logger)]).fit(X, Y)
    losses = [float(line) for line in (tmp_path / "losses.txt").read_text().split()]
    assert losses == [row["train_loss"] for row in clf.history_]
    assert not hasattr(logger, "n_epochs_"), "a copy is called"
    assert dict(clf.net_.callbacks_)["log"].n_epochs_ == len(losses)


def test_fit_leaves_no_data_behind(X, Y, quick):
    clips = ClipArray.from_array(X).map(ScaleOp(np.zeros(12), np.ones(12)))
    clf = quick(early_stopping=True, validation_fraction=0.3).fit(clips, Y)
    assert clf.net_.train_split is None
    assert clf.net_.score is None
    assert len(pickle.dumps(clf)) < 100_000


def test_order_of_the_rows_does_not_chill_batch_norm(X, Y, quick):
    # Sorted by class, as load_folder returns them, and of different levels.
    order = np.argsort(Y, kind="stable")
    levels = X + 10 * Y[:, np.newaxis, np.newaxis]
    for rows in (order, np.arange(36)):
        clf = quick(batch_size=12, dropout=0.0).fit(levels[rows], Y[rows])
        assert clf.score(levels, Y) == 1


def test_dropout_of_two_numbers_is_in_the_blocks_and_before_the_output():
    waves = np.random.default_rng(0).normal(size=(8, 243)).astype(np.float32)
    y = np.arange(8) % 2
    clf = SampleCNNClassifier("res2", n_filters=4, dropout=(0.1, 0.3), max_epochs=1)
    with pytest.warns(UserWarning, match="is too short for 'res2'"):
        clf.fit(waves, y)
    rates = [m.p for m in clf.module_.modules() if isinstance(m, torch.nn.Dropout)]
    assert set(rates) == {0.1, 0.3}
    assert clf.module_.dropout.p == 0.3
    with pytest.raises(ValueError, match=r"dropout=\(0\.1, 0\.3\)"):
        SampleCNNClassifier(dropout=(0.1, 0.3)).fit(waves, y)


def test_numbers_of_numpy_are_numbers(X, Y, quick):
    clf = quick(n_filters=np.int64(4), n_blocks=np.int64(2), pool_size=np.int64(2))
    assert clf.set_params(kernel_size=np.int64(3)).fit(X, Y).predict(X).shape == (36,)


def test_loss_that_is_not_finite_names_epoch_and_remedy(X, Y, quick):
    with pytest.raises(FloatingPointError, match=r"epoch 1: .*Lower lr \(now 1e\+30\)"):
        quick(lr=1e30, optimizer="sgd", lr_schedule=None, batch_norm=False).fit(X, Y)


def test_few_steps_warn_with_the_number_and_the_remedy(X, Y, quick):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match=r"45 steps .*max_epochs=100"):
            quick().fit(X, Y)
        quick(max_epochs=100).fit(X, Y)


def test_few_steps_do_not_leave_batch_norm_cold(X, Y, quick):
    # Two steps an epoch and ten epochs: running averages would still be near 0 and 1.
    far = 20 + 10 * X
    clf = quick(batch_size=18, max_epochs=10).fit(far, Y)
    assert clf.score(far, Y) > 0.9  # chance is 1/3
    with torch.no_grad():
        clf.module_.train()
        clf.module_.dropout.eval()
        clean = clf.module_(torch.from_numpy(far.astype(np.float32)))
        clf.module_.eval()
    np.testing.assert_allclose(clean, clf.decision_function(far), atol=0.3)


def test_verbose_prints_a_line_an_epoch(X, Y, quick, capsys):
    quick(verbose=1, max_epochs=2, early_stopping=True, validation_fraction=0.3).fit(
        X, Y
    )
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "CNN2DClassifier: 0 MiB of spectrograms are in memory"
    assert lines[1].startswith("epoch   1/2  train loss ")
    assert "valid loss" in lines[2]
    assert "valid accuracy" in lines[2]
    assert len(lines) == 3
    assert err == ""


def test_verbose_says_why_nothing_is_cached(X, Y, quick, capsys):
    clips = ClipArray.from_array(X).map(ScaleOp(np.zeros(12), np.ones(12)))
    quick(verbose=1, max_epochs=1, cache_bytes=10).fit(clips, Y)
    assert "exceed cache_bytes=10 (cache_bytes=13824 would" in capsys.readouterr().out
    quick(verbose=1, max_epochs=1).fit(clips, Y)
    assert "computed once and cached on cpu" in capsys.readouterr().out


@pytest.mark.parametrize("device", ["gpu", "cuda", "meta", "mps"])
def test_device_that_is_not_there_raises(X, Y, quick, device):
    if device == "cuda" and torch.cuda.is_available():
        device = "cuda:99"
    with pytest.raises((ValueError, RuntimeError), match="device"):
        quick(device=device).fit(X, Y)


@pytest.mark.cuda
@pytest.mark.parametrize("amp", [False, True])
def test_cuda_learns_and_loads_on_the_cpu(X, Y, quick, amp):
    clf = quick(device="cuda", amp=amp).fit(X, Y)
    assert clf.score(X, Y) == 1
    clf.device = "cpu"
    loaded = pickle.loads(pickle.dumps(clf))
    assert next(loaded.module_.parameters()).device.type == "cpu"
    assert loaded.score(X, Y) == 1
