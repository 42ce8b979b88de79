"""Base of the classifiers: their answers agree with each other."""

import numpy as np
import pytest

from sktag import (
    ClipArray,
    CNN1DClassifier,
    CNN2DClassifier,
    SampleCNNClassifier,
)

# Tests train for as few steps as they need, and small clips shrink the networks.
pytestmark = [
    pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*is too short for:UserWarning"),
]
RNG = np.random.default_rng(0)
SPECTRA = RNG.normal(size=(24, 12, 8)).astype(np.float32)
WAVES = RNG.normal(size=(24, 243)).astype(np.float32)
LABELS = {
    "two": np.array(["no", "yes"])[np.arange(24) % 2],
    "three": np.array(["c", "a", "b"])[np.arange(24) % 3],
    "tags": np.stack([np.arange(24) % 2, np.arange(24) % 3 == 0], axis=1).astype(int),
}
CASES = [
    (CNN1DClassifier, SPECTRA),
    (CNN2DClassifier, SPECTRA),
    (SampleCNNClassifier, WAVES),
]


@pytest.fixture(params=LABELS)
def kind(request):
    return request.param


@pytest.fixture(params=CASES, ids=lambda case: case[0].__name__)
def fitted(request, kind):
    """A classifier of each family, its X and its y."""
    cls, X = request.param
    clf = cls(n_filters=4, max_epochs=2, random_state=0, chunk_size=X.shape[-1] // 2)
    return clf.fit(X, LABELS[kind]), X, LABELS[kind]


def test_answers_agree_with_each_other(fitted, kind):
    clf, X, y = fitted
    proba, scores = clf.predict_proba(X), clf.decision_function(X)
    predicted = clf.predict(X)
    assert predicted.shape == y.shape
    if kind == "tags":
        assert clf.classes_.tolist() == [[0, 1], [0, 1]]
        np.testing.assert_array_equal(predicted, proba > 0.5)
    else:
        assert clf.classes_.tolist() == sorted(set(y))
        np.testing.assert_array_equal(predicted, clf.classes_[proba.argmax(axis=1)])
        np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    ranked = proba[:, 1] if kind == "two" else proba
    np.testing.assert_array_equal(scores.argsort(axis=0), ranked.argsort(axis=0))


def test_taggram_is_of_each_chunk_and_averages_to_the_probabilities(fitted):
    clf, X, _ = fitted
    taggram = clf.predict_taggram(X)
    n_chunks = -(-X.shape[-1] // clf.chunk_size)
    assert taggram.shape == (24, n_chunks, clf.predict_proba(X).shape[1])
    np.testing.assert_allclose(taggram.mean(axis=1), clf.predict_proba(X), rtol=1e-10)


def test_times_are_the_middles_of_the_chunks(quick, X, Y):
    clips = ClipArray.from_array(X, sample_rate=1000, hop_length=50)
    clf = quick(max_epochs=1, chunk_size=4).fit(clips, Y)
    taggram, times = clf.predict_taggram(clips, return_times=True)
    assert times.shape == taggram.shape[:2]
    np.testing.assert_allclose(times[0], [0.1, 0.3])  # frames of 50 ms


def test_score_is_the_share_of_right_answers(fitted, kind):
    clf, X, y = fitted
    right = clf.predict(X) == y
    assert clf.score(X, y) == (right.all(axis=1) if kind == "tags" else right).mean()


def test_partial_fit_takes_all_classes_at_the_first_call(X, Y, quick):
    clf = quick().partial_fit(X[Y < 2], Y[Y < 2], classes=[0, 1, 2])
    assert clf.classes_.tolist() == [0, 1, 2]
    assert clf.partial_fit(X, Y).n_iter_ == 2
    assert clf.predict_proba(X).shape == (36, 3)
