"""Optimizers by name and by class."""

import pickle

import numpy as np
import pytest
import torch

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


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


def test_class_that_is_no_optimizer_is_refused(X, Y, quick):
    with pytest.raises(ValueError, match="optimizer=<class 'int'> is not an optimizer"):
        quick(optimizer=int).fit(X, Y)
