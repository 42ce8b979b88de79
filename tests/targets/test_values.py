"""Numbers: standardised in training, and back."""

import numpy as np
import pytest
import torch

from sktag import CNN1DRegressor
from sktag.targets._splits import split_rows
from sktag.targets._values import ValueTargets

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


@pytest.mark.parametrize("shape", [(20,), (20, 1), (20, 3)])
def test_numbers_are_standardised_and_come_back_in_their_shape(shape):
    y = 100 + 30 * np.random.default_rng(0).normal(size=shape)
    targets = ValueTargets.learn(y)
    codes = targets.encode(y)
    assert codes.shape == (20, targets.n_outputs)
    np.testing.assert_allclose(codes.mean(axis=0), 0, atol=1e-6)  # float32
    np.testing.assert_allclose(codes.std(axis=0), 1, atol=1e-6)
    found = targets.predict(targets.ideal_outputs(codes))
    assert found.shape == y.shape
    np.testing.assert_allclose(found, y, rtol=1e-5)


def test_constant_numbers_are_left_in_their_scale():
    targets = ValueTargets.learn(np.full(5, 7.0))
    assert targets.encode(np.array([7.0, 9.0])).tolist() == [[0], [2]]


def test_other_number_of_outputs_raises():
    targets = ValueTargets.learn(np.zeros((4, 2)))
    with pytest.raises(ValueError, match="was trained on 2 numbers per clip"):
        targets.encode(np.zeros((4, 3)))


@pytest.mark.parametrize("how", ["mean", "max", "median"])
def test_numbers_of_chunks_are_aggregated(how):
    outputs = np.random.default_rng(0).normal(size=(4, 5, 2))
    targets = ValueTargets(np.zeros(2), np.ones(2), False)
    expected = getattr(np, how)(outputs, axis=1)
    np.testing.assert_array_equal(targets.combine(outputs, how), expected)
