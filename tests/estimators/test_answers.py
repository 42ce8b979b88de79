"""Answers of CNN2DClassifier: of which clips, and that they are theirs."""

import numpy as np
import pytest
import torch
from sklearn.model_selection import cross_val_score

from sktag import ClipArray
from sktag.ops import ScaleOp

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


def test_clips_are_trained_on_as_arrays_are(X, Y, quick):
    clips = ClipArray.from_array(2 * X).map(ScaleOp(np.zeros(12), np.full(12, 2.0)))
    lazy = quick().fit(clips, Y)
    eager = quick().fit(X, Y)
    np.testing.assert_allclose(
        lazy.predict_proba(clips), eager.predict_proba(X), atol=1e-5
    )
    np.testing.assert_allclose(
        lazy.predict_proba(X), eager.predict_proba(clips), atol=1e-5
    )


def test_answers_for_a_clip_do_not_depend_on_its_neighbours(X, Y, quick):
    clf = quick().fit(X, Y)
    whole = clf.decision_function(X)
    for part in (X[:1], X[5:7], X[::3]):
        rows = [np.flatnonzero((x == X).all(axis=(1, 2)))[0] for x in part]
        np.testing.assert_array_equal(clf.decision_function(part), whole[rows])


def test_module_maps_a_batch_to_logits(X, Y, quick):
    clf = quick().fit(X, Y)
    with torch.no_grad():
        logits = clf.module_(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(logits, clf.decision_function(X), atol=1e-5)
    assert clf.n_parameters_ == sum(p.numel() for p in clf.module_.parameters())


def test_no_clips_have_answers_of_the_same_width(X, Y, quick):
    clf = quick(max_epochs=1).fit(X, Y)
    none = ClipArray.from_array(X)[:0]
    assert clf.embed(none).shape == (0, clf.embed(X).shape[1])
    assert clf.predict_proba(none).shape == (0, 3)
    assert clf.predict_taggram(none).shape == (0, 1, 3)


def test_times_of_bare_spectrograms_are_those_of_the_clips_trained_on(X, Y, quick):
    clips = ClipArray.from_array(X, sample_rate=1000, hop_length=50)
    clf = quick(max_epochs=1, chunk_size=4).fit(clips, Y)
    _, times = clf.predict_taggram(X, return_times=True)
    # Chunks of 4 of 8 frames of 50 ms: their middles.
    np.testing.assert_allclose(times, [[0.1, 0.3]] * 36)


class Unusable(torch.nn.Module):
    """A network that must not be asked."""

    def __init__(self, module):
        super().__init__()
        self.output = module.output
        self.min_shape = module.min_shape

    def forward(self, x):
        raise AssertionError("computed")


@pytest.mark.parametrize("known", [{}, {"sample_rate": 1000}])
def test_times_that_are_not_known_raise_before_anything_is_computed(X, Y, quick, known):
    clips = ClipArray.from_array(X, **known)
    clf = quick(max_epochs=1).fit(clips, Y)
    clf.module_ = Unusable(clf.module_)
    with pytest.raises(ValueError, match=r"or the hop_length .* is not known"):
        clf.predict_taggram(clips, return_times=True)
    with pytest.raises(AssertionError, match="computed"):
        clf.predict_taggram(clips)


def test_cross_validation_learns(X, Y, quick):
    assert cross_val_score(quick(), X, Y, cv=3).mean() > 0.9
