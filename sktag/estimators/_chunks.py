"""Chunks of clips: where they are cut, and how what is said of them is put together.

Whole clips go in and predictions of whole clips come out; chunks are an affair of the
classifier, so that chunks of one recording never lie on both sides of a split. They
are cut from what is sound, never from padding, unless a clip is shorter than a chunk.
"""

import numpy as np

AGGREGATES = {"mean": np.mean, "max": np.max, "median": np.median}
LAYOUTS = ("even", "won2020")


def chunk_starts(lengths, chunk, n_chunks, layout="even"):
    """Lay chunks out over clips.

    Parameters
    ----------
    lengths : array of int of shape (n_clips,)
        Columns of each clip that are not padding.
    chunk : int > 0
        Columns of a chunk.
    n_chunks : int > 0
        Chunks a clip.
    layout : {"even", "won2020"}, default="even"
        "even": from the first column to the last. "won2020": as in the code of Won et
        al., SMC 2020, whose last chunk does not reach the end.

    Returns
    -------
    ndarray of int of shape (n_clips, n_chunks)
        The first column of each chunk; 0 for clips that are not longer than one.
    """
    room = np.maximum(np.asarray(lengths) - chunk, 0)[:, np.newaxis]
    if layout == "won2020":
        return np.arange(n_chunks) * (room // n_chunks)
    return np.round(np.linspace(0, room[:, 0], n_chunks, axis=1)).astype(int)


def random_starts(lengths, chunk, seed, epoch):
    """Draw one chunk a clip, from what is not padding.

    Parameters
    ----------
    lengths : array of int of shape (n_clips,)
        Columns of each clip that are not padding.
    chunk : int > 0
        Columns of a chunk.
    seed : int
        Seed of the fit.
    epoch : int
        Number of the epoch.

    Returns
    -------
    ndarray of int of shape (n_clips,)
        The first column of each chunk: a function of the seed, the epoch and the
        clip's position alone.
    """
    places = np.maximum(np.asarray(lengths) - chunk, 0) + 1
    # 1 tells these draws from those of the order of rows.
    drawn = np.random.default_rng([seed, epoch, 1]).random(len(places))
    return (drawn * places).astype(int)


def aggregate(values, how):
    """Put what is said of chunks together.

    Parameters
    ----------
    values : ndarray of shape (n_clips, n_chunks, n_outputs)
        Probabilities, or values.
    how : {"mean", "max", "median"}
        Over the chunks. Probabilities of classes are scaled to a sum of 1 again by the
        caller.

    Returns
    -------
    ndarray of shape (n_clips, n_outputs)
        One row a clip.
    """
    return AGGREGATES[how](values, axis=1)
