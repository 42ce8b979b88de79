"""Parameters: those passed on to skorch, and which ones act when."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sktag import CNN2DClassifier
from sktag.pretrained import Weights

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


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


@pytest.fixture(scope="module")
def fitted():
    X = np.random.default_rng(0).normal(size=(8, 16, 90)).astype(np.float32)
    clf = CNN2DClassifier(n_filters=4, chunk_size=40, max_epochs=1, random_state=0)
    return clf.fit(X, list("ab" * 4)), X


# Another valid value of every parameter.
OTHERS = {
    "architecture": "fcn4",
    "n_filters": 8,
    "kernel_size": 5,
    "pool_size": 3,
    "pooling": "max",
    "n_blocks": 2,
    "batch_norm": False,
    "dropout": 0.9,
    "activation": "elu",
    "weight_init": "he_normal",
    "start_from": Weights(
        family="cnn2d",
        architecture=None,
        arrays={"output.bias": np.zeros(2)},
        input_shape=(1, 1),
    ),
    "freeze": "body",
    "body_lr": 0.1,
    "chunk_size": 20,
    "train_chunks": "all",
    "n_chunks": 7,
    "chunk_layout": "won2020",
    "aggregate": "max",
    "optimizer": "sgd",
    "lr": 1.0,
    "lr_schedule": None,
    "weight_decay": 1.0,
    "max_epochs": 2,
    "batch_size": 3,
    "early_stopping": True,
    "validation_fraction": 0.5,
    "n_iter_no_change": 1,
    "monitor": "accuracy",
    "mixup_alpha": 1,
    "cutmix_alpha": 1,
    "label_smoothing": 0.5,
    "gradient_clip": 1.0,
    "loss": "focal",
    "class_weight": "balanced",
    "stages": [("sgd", 0.1)],
    "metrics": ["accuracy"],
    "checkpoint": "fit.pkl",
    "device": "cpu",
    "amp": True,
    "n_threads": 1,
    "cache_bytes": 0,
    "warm_start": True,
    "random_state": 3,
    "verbose": 1,
    "callbacks": [],
    "net_params": {},
}
AT_ONCE = {"n_chunks", "chunk_layout", "aggregate"}


@pytest.mark.parametrize("name", CNN2DClassifier().get_params())
def test_parameters_hold_until_the_next_fit_but_for_those_of_windows(fitted, name):
    clf, X = fitted
    before, value = clf.predict_proba(X), getattr(clf, name)
    try:
        clf.set_params(**{name: OTHERS[name]})
        after = clf.predict_proba(X)
        loaded = pickle.loads(pickle.dumps(clf)).predict_proba(X)
    finally:
        clf.set_params(**{name: value})
    assert (after != before).any() == (name in AT_ONCE)
    np.testing.assert_array_equal(loaded, after)
