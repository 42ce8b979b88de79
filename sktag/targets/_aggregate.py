"""How predictions of chunks become the prediction of a clip."""

import numpy as np

AGGREGATES = {"mean": np.mean, "max": np.max, "median": np.median}
# Smallest probability whose logarithm is taken.
_TINY = 1e-300


def combine_windows(targets, outputs, counts, how):
    """Aggregate outputs of windows, (n_windows, n_outputs), to clips.

    `counts` is the number of windows of each clip, in order.
    """
    ends = np.cumsum(counts)
    combined = np.empty((len(counts), outputs.shape[-1]))
    for count in np.unique(counts):
        rows = np.flatnonzero(counts == count)
        places = ends[rows, np.newaxis] - count + np.arange(count)
        combined[rows] = targets.combine(outputs[places], how)
    return combined


def aggregate(values, how):
    """Aggregate the values of chunks."""
    return AGGREGATES[how](values, axis=1)


def safe_log(probabilities):
    """Return logarithms, finite also for a probability of 0."""
    return np.log(np.maximum(probabilities, _TINY))
