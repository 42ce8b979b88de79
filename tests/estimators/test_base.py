"""Base of the estimators: failed fits, and fits that start from scratch."""

import pickle

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from sktag.testing import InaccessibleError, inaccessible_clips

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


def test_fit_without_warm_start_forgets(X, Y, quick):
    clf = quick().fit(X, Y)
    expected = clf.predict_proba(X)
    clf.fit(X[:, :10], Y)
    np.testing.assert_array_equal(clf.fit(X, Y).predict_proba(X), expected)


def test_failed_first_fit_leaves_an_unfitted_estimator(X, Y, quick):
    clf = quick()
    with pytest.raises(InaccessibleError):
        clf.fit(inaccessible_clips(X), Y)
    assert [name for name in vars(clf) if name.endswith("_")] == []
    clf.set_params(lr=1e30, optimizer="sgd", lr_schedule=None, batch_norm=False)
    with pytest.raises(FloatingPointError):
        clf.fit(X, Y)
    # As scikit-learn's own, it knows how wide X was.
    assert [name for name in vars(clf) if name.endswith("_")] == ["n_features_in_"]
    with pytest.raises(NotFittedError):
        check_is_fitted(clf)
    with pytest.raises(NotFittedError):
        clf.predict(X)
    pickle.loads(pickle.dumps(clf))
    clf.set_params(warm_start=True, lr=1e-3).fit(X, Y)


def test_failed_continuation_leaves_the_weights_that_were_there(X, Y, quick):
    clf = quick(warm_start=True).fit(X, Y)
    expected = clf.predict_proba(X)
    clf.set_params(lr=1e30, optimizer="sgd", lr_schedule=None)
    with pytest.raises(FloatingPointError):
        clf.fit(X, Y)
    np.testing.assert_array_equal(clf.predict_proba(X), expected)


def test_fit_that_reads_nothing_until_it_must(X, Y, quick):
    hidden = inaccessible_clips(X)
    with pytest.raises(ValueError, match="1 class only"):
        quick().fit(hidden, np.zeros(36))
    with pytest.raises(InaccessibleError):
        quick().fit(hidden, Y)


def test_predict_before_fit_raises(X, quick):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        quick().predict(X)
