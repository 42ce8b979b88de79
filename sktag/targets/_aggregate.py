"""How predictions of chunks become the prediction of a clip."""

import numpy as np

AGGREGATES = {"mean": np.mean, "max": np.max, "median": np.median}
# Smallest probability whose logarithm is taken.
_TINY = 1e-300


def aggregate(values, how):
    """Aggregate the values of chunks.

    Parameters
    ----------
    values : ndarray of shape (n_clips, n_chunks, n_outputs)
        Probabilities, or numbers.
    how : {"mean", "max", "median"}
        Taken over the chunks. It does not keep the sum of class probabilities at 1.

    Returns
    -------
    ndarray of shape (n_clips, n_outputs)
        One row a clip.
    """
    return AGGREGATES[how](values, axis=1)


def safe_log(probabilities):
    """Return logarithms, finite also for a probability of 0."""
    return np.log(np.maximum(probabilities, _TINY))
