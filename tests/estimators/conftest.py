"""What the tests of the estimators share: small data, and networks quick to train."""

import numpy as np
import pytest

from sktag import CNN2DClassifier


def ripple(k):
    """A pattern that tells itself by its period and direction, not by its place."""
    bins, frames = np.mgrid[:12, :8]
    periods = [(3, 1e9), (1e9, 2), (6, 1e9)][k % 3]
    return np.cos(2 * np.pi * (bins / periods[0] + frames / periods[1]))


@pytest.fixture(scope="session")
def make_data():
    """Return a function that makes spectrograms, a ripple for each class in noise."""

    def make(n_clips=36, n_classes=3, random_state=0):
        rng = np.random.default_rng(random_state)
        y = np.arange(n_clips) % n_classes
        X = rng.normal(size=(n_clips, 12, 8)) + np.stack([2 * ripple(k) for k in y])
        return X.astype(np.float32), y

    return make


@pytest.fixture(scope="session")
def make_tags():
    """Return a function that makes spectrograms, a ripple for each of three tags."""

    def make(n_tags, n_clips=40, random_state=0):
        rng = np.random.default_rng(random_state)
        tags = rng.integers(0, 2, (n_clips, n_tags))
        X = rng.normal(size=(n_clips, 12, 8)) / 2
        ripples = [2 * ripple(t) for t in range(n_tags)][:3]
        X += np.einsum("it,tbf->ibf", tags[:, :3], ripples)
        return X.astype(np.float32), tags

    return make


@pytest.fixture(name="X")
def spectrograms(make_data):
    """36 spectrograms of three classes."""
    return make_data()[0]


@pytest.fixture(name="Y")
def labels(make_data):
    """Their classes."""
    return make_data()[1]


@pytest.fixture(scope="session")
def quick():
    """Return a function that makes a classifier which learns them in 15 epochs."""

    def make(**params):
        defaults = {
            "n_filters": (8, 8),
            "max_epochs": 15,
            "lr": 1e-2,
            "random_state": 0,
        }
        return CNN2DClassifier(**{**defaults, **params})

    return make
