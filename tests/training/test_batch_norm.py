"""Batch-norm statistics after few steps."""

import numpy as np
import pytest
import torch
from torch import nn

from sktag import Augmenter, ClipArray
from sktag.augment import SpecNoise

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


def test_order_of_the_rows_does_not_chill_batch_norm(X, Y, quick):
    # Sorted by class, as load_folder returns them, and of different levels.
    order = np.argsort(Y, kind="stable")
    levels = X + 10 * Y[:, np.newaxis, np.newaxis]
    for rows in (order, np.arange(36)):
        clf = quick(batch_size=12, dropout=0.0).fit(levels[rows], Y[rows])
        assert clf.score(levels, Y) == 1


def test_few_steps_do_not_leave_batch_norm_cold(X, Y, quick):
    # Two steps an epoch and ten epochs: running averages would still be near 0 and 1.
    far = 20 + 10 * X
    clf = quick(batch_size=18, max_epochs=10).fit(far, Y)
    assert clf.score(far, Y) > 0.9  # chance is 1/3
    with torch.no_grad():
        clf.module_.train()
        clf.module_.dropout.eval()
        clean = clf.module_(torch.from_numpy(far.astype(np.float32)))
        clf.module_.eval()
    np.testing.assert_allclose(clean, clf.decision_function(far), atol=0.3)


def test_batch_norm_after_few_steps_is_estimated_on_clean_rows(X, Y, quick):
    clips = Augmenter([SpecNoise(100.0)]).fit_transform(ClipArray.from_array(X))
    noisy = quick(max_epochs=1, lr=1e-9).fit(clips, Y)
    clean = quick(max_epochs=1, lr=1e-9).fit(X, Y)
    for name, buffer in clean.module_.named_buffers():
        if name.endswith("running_var"):
            # Noise of 100 deviations would multiply the variances by 10,000; the
            # learning rate moves the weights by less than a millionth.
            torch.testing.assert_close(noisy.module_.get_buffer(name), buffer)


class KeepsItsNorm(nn.Module):
    """A network whose batch norm is frozen."""

    def __init__(self, input_shape, n_outputs):
        super().__init__()
        self.norm = nn.BatchNorm1d(input_shape[0])
        self.norm.running_mean.fill_(5.0)
        self.output = nn.Linear(input_shape[0], n_outputs)

    def train(self, mode=True):
        super().train(mode)
        self.norm.eval()
        return self

    def forward(self, x):
        return self.output(self.norm(x).mean(-1))


def test_frozen_batch_norm_keeps_its_statistics(X, Y, quick):
    clf = quick(architecture=KeepsItsNorm, n_filters=None, max_epochs=2).fit(X, Y)
    assert (clf.module_.norm.running_mean == 5).all()
