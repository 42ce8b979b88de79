"""Numbers: standardised in training, and back."""

import numpy as np
import pytest
import torch

from sktag import CNN1DRegressor
from sktag.targets import split_rows

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")
RNG = np.random.default_rng(0)

LEVEL = RNG.uniform(0.2, 2, 40)

SPECTRA = RNG.normal(size=(40, 16, 32)).astype(np.float32)

SPECTRA += LEVEL[:, np.newaxis, np.newaxis]

QUICK = {
    "n_filters": 8,
    "dropout": 0,
    "max_epochs": 80,
    "lr": 3e-3,
    "random_state": 0,
}


def test_values_are_standardised_by_those_that_are_trained_on():
    params = {**QUICK, "max_epochs": 2, "early_stopping": True}
    reg = CNN1DRegressor(validation_fraction=0.3, **params).fit(SPECTRA, LEVEL)
    train, _ = split_rows(LEVEL, 0.3, 0, stratify=False)
    assert abs(LEVEL[train].mean() - LEVEL.mean()) > 1e-3
    with torch.no_grad():
        outputs = reg.module_(torch.from_numpy(SPECTRA))[:, 0].double().numpy()
    expected = outputs * LEVEL[train].std() + LEVEL[train].mean()
    np.testing.assert_allclose(reg.predict(SPECTRA), expected, atol=1e-6)
