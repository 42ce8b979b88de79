"""How predictions of chunks become the prediction of a clip."""

import numpy as np

AGGREGATES = {"mean": np.mean, "max": np.max, "median": np.median}
# Smallest probability whose logarithm is taken.
_TINY = 1e-300


def aggregate(values, how):
    """Aggregate the values of chunks."""
    return AGGREGATES[how](values, axis=1)


def safe_log(probabilities):
    """Return logarithms, finite also for a probability of 0."""
    return np.log(np.maximum(probabilities, _TINY))
