"""Devices, and random states around a fit."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone

from sktag.training._state import (
    draw_seed,
    pick_device,
    to_numpy,
    to_torch,
    use_amp,
)

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


def test_device_auto_is_cuda_where_there_is_one():
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert pick_device("auto").type == expected
    assert pick_device("cpu") == torch.device("cpu")


def test_amp_auto_is_off_on_the_cpu():
    cpu = torch.device("cpu")
    assert use_amp("auto", cpu) is False
    assert use_amp(True, cpu) is True
    assert use_amp(False, cpu) is False


def test_seed_of_a_number_is_the_number_and_others_are_drawn():
    assert draw_seed(7) == draw_seed(np.int64(7)) == 7
    state = np.random.RandomState(0)
    first, second = draw_seed(state), draw_seed(state)
    assert first != second
    assert draw_seed(np.random.RandomState(0)) == first
    assert draw_seed(None) != draw_seed(None)


def test_nested_state_goes_to_numpy_and_back():
    state = {"a": torch.arange(3), "b": [torch.ones(2), 5], "c": ("x", None)}
    arrays = to_numpy(state)
    assert type(arrays["a"]) is np.ndarray
    assert arrays["c"] == ("x", None)
    state["a"][0] = 9  # arrays are copies
    back = to_torch(arrays)
    assert back["a"].tolist() == [0, 1, 2]
    assert torch.equal(back["b"][0], torch.ones(2))
    assert back["b"][1] == 5
