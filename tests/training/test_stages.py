"""Training in stages, and the optimizers of each."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss
from skorch.callbacks import Callback

from sktag import CNN2DRegressor
from sktag.testing import inaccessible_clips

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")
STAGES = [("adam", 1e-2, 3), ("sgd", 1e-1), ["rmsprop", 1e-3, 2]]


class Recorder(Callback):
    """Keep weights and optimizer of each epoch, as it begins and as it ends."""

    def on_train_begin(self, net, **kwargs):
        self.begins_, self.ends_, self.optimizers_, self.n_moments_ = [], [], [], []

    def on_epoch_begin(self, net, **kwargs):
        self.begins_.append(weights_of(net.module_))
        self.optimizers_.append(net.optimizer_)
        self.n_moments_.append(len(net.optimizer_.state))

    def on_epoch_end(self, net, **kwargs):
        self.ends_.append(weights_of(net.module_))


def weights_of(module):
    return {k: v.detach().clone() for k, v in module.state_dict().items()}


def are_equal(weights, others):
    return all(torch.equal(value, others[name]) for name, value in weights.items())


@pytest.fixture
def staged(quick):
    """Return a function that makes a classifier of three stages, with a recorder."""

    def make(**params):
        defaults = {
            "lr_schedule": "staged",
            "stages": STAGES,
            "validation_fraction": 0.3,
            "n_iter_no_change": 3,
            "max_epochs": 40,
            "callbacks": [("recorder", Recorder())],
            "batch_norm": False,  # whose statistics are estimated anew after few steps
        }
        return quick(**{**defaults, **params})

    return make


@pytest.fixture(name="noise")
def noise_that_cannot_be_learned(X):
    return np.random.default_rng(0).normal(size=X.shape)


def stages_by_hand(losses, stages, patience):
    """Walk through the losses: the stage of each epoch, and those that begin one."""
    in_stage, expected, starts = [], [], []
    best, best_epoch, misses, k = np.inf, 0, 0, 0
    for epoch, loss in enumerate(losses, start=1):
        expected.append(k + 1)
        in_stage.append(loss)
        misses = 0 if loss < best else misses + 1
        if loss < best:
            best, best_epoch = loss, epoch
        length = stages[k][2] if len(stages[k]) == 3 else None
        if (length is None and misses == patience) or len(in_stage) == length:
            k, misses, in_stage = k + 1, 0, []
            starts.append((epoch, best_epoch))
            if k == len(stages):
                break
    return expected, starts


def test_stages_end_by_epochs_or_by_the_loss(noise, Y, staged):
    clf = staged().fit(noise, Y)
    losses = [row["valid_loss"] for row in clf.history_]
    expected, starts = stages_by_hand(losses, STAGES, 3)
    assert [row["stage"] for row in clf.history_] == expected
    assert expected[:4] == [1, 1, 1, 2]
    assert expected[-3:] == [2, 3, 3]
    assert clf.n_iter_ == len(expected) < 40
    rates = {1: 1e-2, 2: 1e-1, 3: 1e-3}
    assert [row["lr"] for row in clf.history_] == [rates[k] for k in expected]
    assert clf.best_epoch_ == starts[-1][1] == 1 + int(np.argmin(losses))


def test_stage_begins_with_the_best_weights_and_a_new_optimizer(noise, Y, staged):
    clf = staged().fit(noise, Y)
    recorder = dict(clf.net_.callbacks_)["recorder"]
    losses = [row["valid_loss"] for row in clf.history_]
    _, starts = stages_by_hand(losses, STAGES, 3)
    for last, best in starts[:-1]:
        assert are_equal(recorder.begins_[last], recorder.ends_[best - 1])
        assert recorder.n_moments_[last] == 0
    # At least one of them went back: the best were not the last.
    assert any(last != best for last, best in starts[:-1])
    kinds = [torch.optim.Adam, torch.optim.SGD, torch.optim.RMSprop]
    for row, optimizer in zip(clf.history_, recorder.optimizers_, strict=True):
        assert type(optimizer) is kinds[row["stage"] - 1]
    assert len({id(optimizer) for optimizer in recorder.optimizers_}) == 3
    assert are_equal(weights_of(clf.module_), recorder.ends_[clf.best_epoch_ - 1])


def test_each_stage_is_trained_by_the_parameters_of_its_optimizer(X, Y, staged):
    clf = staged(weight_decay=0.1, net_params={"optimizer__momentum": 0.5}).fit(X, Y)
    recorder = dict(clf.net_.callbacks_)["recorder"]
    adam, sgd, rmsprop = dict.fromkeys(recorder.optimizers_)
    assert "momentum" not in adam.param_groups[0]
    assert sgd.param_groups[0]["nesterov"]
    assert sgd.param_groups[0]["momentum"] == 0.5
    assert rmsprop.param_groups[0]["momentum"] == 0.5
    for optimizer in (adam, sgd, rmsprop):
        assert [g["weight_decay"] for g in optimizer.param_groups] == [0.1, 0.0]
    plain = staged().fit(X, Y)
    assert plain.net_.optimizer_.param_groups[0]["momentum"] == 0


def test_optimizer_of_a_stage_may_be_a_class(X, Y, staged):
    clf = staged(stages=[(torch.optim.NAdam, 1e-2, 2), (torch.optim.Adamax, 1e-2, 1)])
    assert type(clf.fit(X, Y).net_.optimizer_) is torch.optim.Adamax
    assert clf.n_iter_ == 3


def test_max_epochs_bounds_the_stages_together(X, Y, staged):
    clf = staged(max_epochs=4).fit(X, Y)
    assert [row["stage"] for row in clf.history_] == [1, 1, 1, 2]
    recorder = dict(clf.net_.callbacks_)["recorder"]
    best = int(np.argmin([row["valid_loss"] for row in clf.history_]))
    assert clf.best_epoch_ == best + 1
    assert are_equal(weights_of(clf.module_), recorder.ends_[best])


def test_early_stopping_adds_nothing_to_stages(noise, Y, staged):
    clf = staged().fit(noise, Y)
    other = staged(early_stopping=True).fit(noise, Y)
    assert "early_stopping" not in dict(other.net_.callbacks_)
    assert other.n_iter_ == clf.n_iter_
    np.testing.assert_array_equal(other.predict_proba(noise), clf.predict_proba(noise))


def test_stages_and_metrics_take_the_clips_given_to_validate_on(noise, Y, staged):
    clf = staged(metrics=["f1_macro"], max_epochs=3)
    clf.fit(noise, Y, X_val=noise[:8], y_val=Y[:8])
    assert [row["stage"] for row in clf.history_] == [1, 1, 1]
    best = clf.history_[clf.best_epoch_ - 1]
    # The loss of the clips that were given, in float32.
    loss = log_loss(Y[:8], clf.predict_proba(noise[:8]))
    assert best["valid_loss"] == pytest.approx(loss, abs=1e-6)
    assert 0 <= best["valid_f1_macro"] <= 1
    plain = staged(lr_schedule=None, stages=None, metrics=["f1_macro"], max_epochs=1)
    plain.fit(noise, Y, X_val=noise[:8], y_val=Y[:8])
    assert "valid_f1_macro" in plain.history_[0]


def test_stages_are_monitored_by_a_score(noise, Y, staged):
    clf = staged(monitor="accuracy", stages=[("adam", 1e-2), ("sgd", 1e-2)])
    clf.fit(noise, Y)
    scores = [-row["valid_accuracy"] for row in clf.history_]
    expected, _ = stages_by_hand(scores, clf.stages, 3)
    assert [row["stage"] for row in clf.history_] == expected
    assert clf.best_epoch_ == 1 + int(np.argmin(scores))


def test_stages_of_a_regressor(X):
    reg = CNN2DRegressor(n_filters=(4,), lr_schedule="staged", random_state=0)
    reg.set_params(stages=[("adam", 1e-2, 2), ("sgd", 1e-3, 2)])
    reg.fit(X, X[:, 0, 0])
    assert [row["stage"] for row in reg.history_] == [1, 1, 2, 2]


def test_verbose_prints_a_line_where_a_stage_begins(X, Y, staged, capsys):
    clf = staged(verbose=1, stages=[("adam", 1e-2, 2), ("sgd", 1e-3, 1)]).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("epoch   2/40")
    best = 1 + int(np.argmin([row["valid_loss"] for row in clf.history_[:2]]))
    assert lines[3] == f"stage 2/2: SGD, lr 1.0e-03, from the weights of epoch {best}"
    assert lines[4].startswith("epoch   3/40")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"stages": None}, r"lr_schedule='staged', but stages=None: give a list"),
        ({"stages": []}, r"lr_schedule='staged', but stages=\[\]"),
        ({"lr_schedule": None}, r"but lr_schedule=None: set lr_schedule='staged'"),
        ({"stages": ["adam"]}, r"stages has 'adam': each is \(optimizer, lr\)"),
        ({"stages": [("adam",)]}, r"stages has \('adam',\): each is"),
        ({"stages": [("adm", 1e-3)]}, r"the optimizer 'adm': use one of \['adam'"),
        ({"stages": [(torch.nn.Linear, 1e-3)]}, r"or a class of torch\.optim"),
        ({"stages": [(["adam"], 1e-3)]}, r"the optimizer \['adam'\]: use one of"),
        ({"stages": [("adam", 0)]}, r"the learning rate 0: give a number above 0"),
        ({"stages": [("adam", "1e-3")]}, r"the learning rate '1e-3'"),
        ({"stages": [("adam", 1e-3, 0)]}, r"stages has 0 epochs: a whole number"),
        ({"stages": [("adam", 1e-3, 2.5)]}, r"stages has 2\.5 epochs"),
        ({"stages": [("adam", 1e-3, -1)]}, r"stages has -1 epochs"),
        (
            {"stages": [("adam", 1e-3), (torch.optim.Rprop, 1e-3)]},
            r"Rprop has none: set weight_decay=0\.",
        ),
        (
            {"net_params": {"optimizer__rho": 1}},
            r"\['optimizer__rho'\], which no optimizer of the stages takes",
        ),
    ],
)
def test_wrong_stages_raise_before_anything_is_read(X, Y, staged, params, message):
    with pytest.raises(ValueError, match=message):
        staged(**params).fit(inaccessible_clips(X), Y)


def test_warm_start_begins_with_the_first_stage_again(X, Y, staged):
    clf = staged(warm_start=True, stages=[("adam", 1e-2, 2), ("adam", 1e-3, 2)])
    clf.fit(X, Y).fit(X, Y)
    assert [row["stage"] for row in clf.history_] == [1, 1, 2, 2] * 2
    assert [row["lr"] for row in clf.history_] == [1e-2, 1e-2, 1e-3, 1e-3] * 2
    assert dict(clf.net_.callbacks_)["recorder"].n_moments_[0] == 0


def test_partial_fit_has_no_stages(X, Y, staged):
    clf = staged(max_epochs=4).fit(X, Y)
    loaded = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    for each in (clf, loaded):
        each.partial_fit(X, Y).partial_fit(X, Y)
        assert "stage" not in each.history_[-1]
        assert type(each.net_.optimizer_) is torch.optim.AdamW
        assert each.history_[-1]["lr"] == 1e-2
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))


def test_ctrl_c_in_a_stage_goes_back_to_the_best_weights(noise, Y, staged):
    class Interrupt(Callback):
        def on_batch_end(self, net, training=False, **kwargs):
            if len(net.history) == 6:
                raise KeyboardInterrupt

    recorder = Recorder()
    clf = staged(callbacks=[("recorder", recorder), Interrupt()])
    with pytest.raises(KeyboardInterrupt):
        clf.fit(noise, Y)
    ends = dict(clf.net_.callbacks_)["recorder"].ends_
    best = int(np.argmin([row["valid_loss"] for row in clf.history_]))
    assert clf.n_iter_ == 5
    assert clf.best_epoch_ == best + 1
    assert are_equal(weights_of(clf.module_), ends[best])


def test_stage_that_is_never_reached_is_told(X, Y, quick):
    clf = quick(
        lr_schedule="staged", stages=[("adam", 1e-3, 3), ("sgd", 1e-3)], max_epochs=3
    )
    with pytest.warns(UserWarning, match="ends the training before its last stage"):
        clf.fit(X, Y)
