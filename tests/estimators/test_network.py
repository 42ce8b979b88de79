"""How the network of an estimator is built."""

import numpy as np
import pytest
import torch

from sktag import SampleCNNClassifier

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


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
