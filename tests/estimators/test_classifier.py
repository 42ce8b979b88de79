"""Base of the classifiers: their answers agree with each other."""

import numpy as np
import pandas as pd
import pytest

from sktag import (
    ClipArray,
    CNN1DClassifier,
    CNN2DClassifier,
    SampleCNNClassifier,
)
from sktag.testing import inaccessible_clips

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


@pytest.mark.parametrize("classes", [[0, 1], [0, 1, 2, 3], ["0", "1", "2"]])
def test_partial_fit_with_other_classes_later_raises(X, Y, quick, classes):
    clf = quick().partial_fit(X, Y, classes=[2, 1, 0])
    with pytest.raises(ValueError, match=r"differs from .* first call, \[0, 1, 2\]"):
        clf.partial_fit(X, Y, classes=classes)
    assert clf.partial_fit(X, Y, classes=[0, 1, 2, 2]).n_iter_ == 2


def test_partial_fit_with_classes_of_tags_raises(quick, make_tags):
    X, tags = make_tags(2)
    with pytest.raises(ValueError, match="y is a matrix of tags: leave classes out"):
        quick().partial_fit(X, tags, classes=["piano", "drums"])


def test_score_of_tags_counts_annotated_entries(quick, make_tags):
    X, tags = make_tags(3)
    clf = quick(max_epochs=3).fit(X, tags)
    y = np.where(np.random.default_rng(0).random(tags.shape) < 0.5, np.nan, tags)
    known = ~np.isnan(y)
    right = ((clf.predict(X) == tags) | ~known).all(axis=1)[known.any(axis=1)]
    assert len(right) < 40
    assert clf.score(X, y) == right.mean() > clf.score(X, tags)
    with pytest.raises(ValueError, match="nothing to score"):
        clf.score(X, np.full(tags.shape, np.nan))


def test_columns_in_another_order_are_the_same_tags_wherever_y_is_given(
    quick, make_tags
):
    X, tags = make_tags(3)
    Y = pd.DataFrame(tags, columns=["piano", "drums", "voice"])
    other = Y[["voice", "piano", "drums"]]
    clf = quick(warm_start=True, max_epochs=3).fit(X, Y)
    assert clf.score(X, other) == clf.score(X, Y) == clf.score(X, tags)
    same, turned = (
        quick(warm_start=True, max_epochs=2)
        .fit(X, Y, X_val=X, y_val=Y)
        .fit(X, y, X_val=X, y_val=y)
        .partial_fit(X, y)
        for y in (Y, other)
    )
    np.testing.assert_array_equal(same.predict_proba(X), turned.predict_proba(X))
    assert turned.tag_names_.tolist() == ["piano", "drums", "voice"]
    losses = [[row.get("valid_loss") for row in c.history_] for c in (same, turned)]
    assert losses[0] == losses[1]
    with pytest.raises(ValueError, match=r"columns \['voice'\], but the tags are"):
        clf.score(X, other[["voice"]])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["0", "1", "2"] * 12, r"y has labels such as '0'.* classes are \[0, 1, 2\]"),
        (np.eye(3, dtype=int)[[0, 1, 2] * 12], "network is trained on one label"),
        ([0, 1, 2], "X has 36 clips and y has 3 rows"),
        ([0, "0"] * 18, "mixes numbers and text"),
    ],
)
def test_score_of_another_y_raises_before_anything_is_read(X, Y, quick, y, message):
    clf = quick(max_epochs=1).fit(X, Y)
    with pytest.raises(ValueError, match=message):
        clf.score(inaccessible_clips(X), y)


def test_label_to_validate_on_that_y_lacks_raises_and_speaks_of_fit(X, Y, quick):
    y = np.array(["a", "b", "c"])[Y]
    y_val = np.where(Y == 2, "d", y)
    with pytest.raises(ValueError, match=r"y_val has labels \['d'\].*fit learns the"):
        quick().fit(inaccessible_clips(X), y, X_val=inaccessible_clips(X), y_val=y_val)
