"""Batches: their sizes, and what they do not depend on."""

import pytest

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


def test_batch_size_leaves_no_clip_alone(X, Y, quick):
    # 33 clips in batches of 16: three of 11, none of 1.
    clf = quick(batch_size=16, max_epochs=2).fit(X[:33], Y[:33])
    assert clf.net_.history[0]["train_batch_count"] == 3
