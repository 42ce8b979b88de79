"""Devices, and random states around a fit."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")
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
