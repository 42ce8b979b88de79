"""Predictions of chunks to predictions of clips."""

import numpy as np

from sktag.targets._aggregate import aggregate


def test_aggregation_acts_on_probabilities():
    assert aggregate(np.array([[[0.2], [0.9], [0.4]]]), "median").tolist() == [[0.4]]
