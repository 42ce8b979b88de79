"""Answers of CNN2DClassifier: of which clips, and that they are theirs."""

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import (
    cross_val_score,
)

from sktag import ClipArray
from sktag.estimators import _answers
from sktag.ops import ScaleOp
from sktag.testing import InaccessibleError, inaccessible_clips

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


def test_two_dimensional_arrays_are_one_frame_a_clip(X, Y, quick):
    with pytest.warns(UserWarning, match="12 bins and 1 frames is too short"):
        clf = quick(max_epochs=40).fit(X.mean(axis=2), Y)
    assert clf.score(X.mean(axis=2), Y) == 1
    assert clf.architecture_.startswith("compact (")  # and what was lost of it


def test_other_length_is_predicted_and_other_bins_are_not(X, Y, quick):
    clf = quick().fit(X, Y)
    longer = np.concatenate([X, X], axis=2)
    assert clf.score(longer, Y) == 1
    with pytest.raises(ValueError, match=r"11 features, .* expecting 12"):
        clf.predict(X[:, 1:])
    with pytest.raises(ValueError, match="fitted on 12 bins and is given 11"):
        clf.predict(ClipArray.from_array(X[:, 1:]))
    with pytest.raises(ValueError, match="at least 4 frames, these have 3"):
        clf.predict(X[:, :, :3])


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


def test_fit_that_reads_nothing_until_it_must(X, Y, quick):
    hidden = inaccessible_clips(X)
    with pytest.raises(ValueError, match="1 class only"):
        quick().fit(hidden, np.zeros(36))
    with pytest.raises(InaccessibleError):
        quick().fit(hidden, Y)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (["a.wav"] * 36, r"put RawWave\(\) before it"),
        (ClipArray.from_array(np.zeros((36, 100))), "put a front-end"),
        (np.zeros(36), "Expected 2D array"),
        (np.zeros((36, 2, 2, 2)), "X has 4 dimensions"),
        (np.full((36, 2, 2), np.nan), "contains NaN"),
    ],
)
def test_bad_x_raises(Y, quick, bad, message):
    with pytest.raises(ValueError, match=message):
        quick().fit(bad, Y)


def test_clips_at_another_rate_raise_at_predict(X, Y, quick):
    clips = ClipArray.from_array(X, sample_rate=22050)
    clf = quick(max_epochs=1).fit(clips, Y)
    with pytest.raises(ValueError, match=r"22050 Hz and is given clips at 16000 Hz"):
        clf.predict(ClipArray.from_array(X, sample_rate=16000))


def test_clips_that_are_not_finite_are_named_at_predict(X, Y, quick):
    clf = quick(max_epochs=1).fit(X, Y)
    broken = X.copy()
    broken[3] = np.nan
    with pytest.raises(ValueError, match=r"clips \[3\] give logits"):
        clf.predict(ClipArray.from_array(broken))


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


def test_taggram_with_times_checks_an_array_once(X, Y, quick, monkeypatch):
    clips = ClipArray.from_array(X, sample_rate=1000, hop_length=50)
    clf = quick(max_epochs=1).fit(clips, Y)
    checked = []
    check = _answers.as_clips

    def counting(*args, **kwargs):
        checked.append(args)
        return check(*args, **kwargs)

    monkeypatch.setattr(_answers, "as_clips", counting)
    clf.predict_taggram(X, return_times=True)
    assert len(checked) == 1


def test_predict_before_fit_raises(X, quick):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        quick().predict(X)


def test_cross_validation_learns(X, Y, quick):
    assert cross_val_score(quick(), X, Y, cv=3).mean() > 0.9
