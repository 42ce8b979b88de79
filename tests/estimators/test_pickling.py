"""The pickle of a fitted estimator."""

import pickle

import numpy as np
import pytest
import torch

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


def test_pickle_holds_numpy_and_no_device(X, Y, quick):
    clf = quick().fit(X, Y)
    state = clf.__getstate__()
    assert "module_" not in state
    assert "net_" not in state
    assert all(type(w) is np.ndarray for w in state["_saved"]["weights"].values())
    assert b"torch.storage" not in pickle.dumps(clf)
    loaded = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))


def test_model_trained_on_cuda_loads_without(X, Y, quick, monkeypatch):
    clf = quick().fit(X, Y)
    clf.device = "cuda"  # as if it had been trained there
    loaded = pickle.loads(pickle.dumps(clf))
    if not torch.cuda.is_available():
        assert next(loaded.module_.parameters()).device.type == "cpu"
    np.testing.assert_allclose(loaded.predict_proba(X), clf.predict_proba(X), atol=1e-4)
