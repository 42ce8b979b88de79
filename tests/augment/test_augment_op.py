"""Operations in a row, and given functions: audiomentations in a fit of a network."""

import pickle
import random

import audiomentations
import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sktag import Augmenter, CNN1DClassifier, MelSpectrogram
from sktag.augment import AugmentOp, Gain, Lambda, PolarityInversion, TimeShift
from sktag.testing import make_waves

# The fits here are of a few steps, on purpose.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")

RATE = 22050
X = make_waves(12, 2048)
Y = np.repeat(["low", "high"], 6)


def compose():
    """Return what users of audiomentations have; it draws from global generators."""
    return audiomentations.Compose(
        [
            audiomentations.AddGaussianNoise(0.01, 0.1, p=0.7),
            audiomentations.Shift(p=0.7),
        ]
    )


def pipeline(function):
    net = CNN1DClassifier(max_epochs=2, batch_size=4, random_state=0)
    mel = MelSpectrogram(16, n_fft=256, hop_length=64)
    return make_pipeline(Augmenter(function), mel, net)


def test_apply_does_all_operations_in_their_order():
    op = AugmentOp((Gain(6.0), TimeShift(0.25), PolarityInversion()))
    expected = -np.roll(X, 512, axis=1) * np.float32(10 ** (6 / 20))
    np.testing.assert_allclose(op.apply(X), expected, rtol=1e-6)


def test_its_sample_rate_goes_before_that_of_the_call():
    def rate(samples, sample_rate):
        return np.full_like(samples, sample_rate)

    x = torch.zeros(1, 2)
    alone, own = AugmentOp((Lambda(rate),)), AugmentOp((Lambda(rate),), 8000)
    assert alone.augment(x, sample_rate=RATE)[0, 0] == RATE
    assert own.augment(x, sample_rate=RATE)[0, 0] == 8000
    assert own.apply(x)[0, 0] == 8000


def test_its_seed_goes_before_that_of_the_training():
    x = torch.from_numpy(X)
    op = AugmentOp((Gain(),), seed=3)
    assert torch.equal(op.augment(x, seed=1), op.augment(x, seed=2))
    assert torch.equal(op.augment(x), AugmentOp((Gain(),)).augment(x, seed=3))


def test_callback_calls_with_each_clip_and_leaves_the_object_alone():
    function = audiomentations.AddGaussianNoise(0.1, 0.2, p=1.0)
    before = joblib.hash(function)
    out = Lambda(function).apply(X, RATE, seed=np.arange(12))
    assert joblib.hash(function) == before
    deviations = (out - X).std(axis=1)
    # A deviation of 2,048 normal numbers is known to 1.6 %; four times.
    assert deviations.min() > 0.1 * (1 - 0.064)
    assert deviations.max() < 0.2 * (1 + 0.064)
    assert len(set(deviations)) == 12


def test_compose_in_a_fit_is_cloned_pickled_and_drawn_again_alike():
    fitted = pipeline(compose()).fit(X, Y)
    expected = fitted.predict_proba(X)
    for again in (
        clone(pipeline(compose())),
        clone(fitted),
        pickle.loads(pickle.dumps(pipeline(compose()))),
    ):
        # The generators that the object draws from are elsewhere by now.
        random.random()
        assert np.array_equal(again.fit(X, Y).predict_proba(X), expected)
    assert np.array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(X), expected)


def test_compose_changes_a_training_and_not_the_predictions():
    augmented = pipeline(compose()).fit(X, Y)
    plain = pipeline([Gain(0.0)]).fit(X, Y)
    losses = [
        [row["train_loss"] for row in fitted[-1].history_]
        for fitted in (augmented, plain)
    ]
    assert losses[0] != losses[1]
    once = augmented.predict_proba(X)
    assert np.array_equal(augmented.predict_proba(X), once)
    assert np.array_equal(augmented[1:].predict_proba(X), once)


@pytest.mark.parametrize("seed", [0, 2**40])
def test_draws_of_a_compose_are_those_of_the_row(seed):
    op = Augmenter(compose()).fit_transform(X).ops[-1]
    x = torch.from_numpy(X)
    whole = op.augment(x, seed=seed, epoch=1)
    rows = np.array([7, 3])
    assert torch.equal(op.augment(x[rows], seed=seed, epoch=1, rows=rows), whole[rows])
    assert not torch.equal(op.augment(x, seed=seed, epoch=2), whole)
