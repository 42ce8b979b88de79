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


# What a user's function returns

RESULTS = {
    "float64": lambda x: x.astype(np.float64),
    "float16": lambda x: x.astype(np.float16),
    "big-endian": lambda x: x.astype(">f4"),
    "negative strides": lambda x: x[::-1].copy()[::-1],
    "strides": lambda x: np.repeat(x, 2)[::2],
    "list": list,
    "tensor": lambda x: torch.from_numpy(x).requires_grad_(),
    "read-only": lambda x: np.broadcast_to(x, x.shape),
}


@pytest.mark.parametrize("make", RESULTS.values(), ids=RESULTS)
def test_result_of_a_function_becomes_float32(make):
    out = Lambda(lambda samples, sample_rate: make(samples)).apply(X)
    assert out.dtype == np.float32
    # float16 has 11 bits.
    atol = 2**-11 if make is RESULTS["float16"] else 0
    np.testing.assert_allclose(out, X, rtol=0, atol=atol)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (lambda x: (x * 32767).astype(np.int16), "array of int16.*int16 by 32768"),
        (lambda x: x > 0, "array of bool"),
        (lambda x: np.fft.fft(x), "array of complex"),
        (lambda x: None, "None: .*floating-point numbers"),
        (lambda x: "x", "array of <U1"),
        (lambda x: x * np.nan, "NaN, infinite"),
        (lambda x: x.astype(np.float64) * 1e300, "NaN, infinite"),
        (lambda x: x[:-1], r"shape \(2047,\).*keep the number of samples"),
        (lambda x: x[np.newaxis], r"shape \(1, 2048\)"),
        (lambda x: float(x[0]), r"shape \(\)"),
    ],
    ids=range(10),
)
def test_result_that_is_no_samples_names_the_function(result, message):
    def of_the_user(samples, sample_rate):
        return result(samples)

    with pytest.raises(ValueError, match=f"of_the_user returned.* {message}"):
        Lambda(of_the_user).apply(X)


def of_all_generators(samples, sample_rate):
    drawn = random.random() + np.random.rand() + float(torch.rand(1))  # noqa: NPY002
    return samples + np.float32(drawn)


def test_function_draws_the_same_from_all_generators_in_any_thread():
    op = Lambda(of_all_generators)
    before = torch.get_rng_state()
    expected = op.augment(X, seed=1)
    assert len(np.unique(expected[:, 0] - X[:, 0])) == len(X)
    draws = (joblib.delayed(op.augment)(X, seed=1) for _ in range(8))
    for found in joblib.Parallel(4, backend="threading")(draws):
        np.testing.assert_array_equal(found, expected)
    assert torch.equal(torch.get_rng_state(), before)
