"""The split into training and validation rows."""

import numpy as np

# Groups that are compared at each step.
_CANDIDATES = 50


def split_rows(y, fraction, seed, *, stratify=True, groups=None):
    """Split rows into training and validation rows, each in order.

    `stratify` keeps the share of each label, and of each value of a tag, and leaves
    rows on both sides if there are two or more, as far as possible for all at once.
    """
    n_valid = round(fraction * len(y))
    if not 0 < n_valid < len(y):
        raise ValueError(
            f"validation_fraction={fraction:g} of {len(y)} clips leaves {n_valid} to "
            "validate on: raise validation_fraction, give more clips or X_val, or do "
            "without early_stopping and stages, which need them."
        )
    # Without stratification all rows are one stratum.
    strata = np.ones((len(y), 1), dtype=bool)
    if stratify:
        values = [y[:, np.newaxis] == np.unique(y)] if y.ndim == 1 else [y == 1, y == 0]
        strata = np.hstack(values)
        unknown = ~strata.any(axis=1)  # no tag is annotated
        if unknown.any():
            strata = np.column_stack([strata, unknown])
    rng = np.random.default_rng(seed)
    if groups is None:
        is_valid = _draw_stratified(strata, n_valid, rng)
    else:
        is_valid = _draw_groups(strata, n_valid, _check_groups(groups), rng)
    return np.flatnonzero(~is_valid), np.flatnonzero(is_valid)


def _check_groups(groups):
    """Return the number of each row's group, from 0."""
    groups = np.asarray(groups)
    if groups.ndim != 1:
        raise ValueError(
            f"groups has shape {groups.shape}: give one group a clip, (n_clips,)."
        )
    try:
        names, numbers = np.unique(groups, return_inverse=True)
    except TypeError as error:
        raise ValueError(
            f"groups cannot be sorted ({error}): give labels of one type, none missing."
        ) from error
    if len(names) < 2:
        raise ValueError(
            f"groups has {len(names)} group only, and the clips of a group stay on one "
            "side of the split: give two groups or more, or X_val."
        )
    return numbers


def _draw_groups(strata, n_valid, groups, rng):
    """Draw whole validation groups, at each step the one that strata lack most.

    Stops when one more group would end further from `n_valid`. Takes all rows of a
    stratum only if no other group is left.
    """
    n_groups = groups.max() + 1
    of_group = np.zeros((n_groups, strata.shape[1]), dtype=int)
    np.add.at(of_group, groups, strata)
    sizes, totals = np.bincount(groups), strata.sum(axis=0)
    wanted = totals * n_valid / len(strata)
    left, is_taken = list(rng.permutation(n_groups)), np.zeros(n_groups, dtype=bool)
    while len(left) > 1:
        some = np.array(left[:_CANDIDATES])
        after = of_group[is_taken].sum(axis=0) + of_group[some]
        empties = ((after == totals) & (totals > 0)).sum(axis=1)
        misfit = ((after - wanted) ** 2 / np.maximum(totals, 1)).sum(axis=1)
        best = some[np.lexsort((misfit, empties))[0]]
        n_before = sizes[is_taken].sum()
        is_nearer = abs(n_before + sizes[best] - n_valid) < abs(n_before - n_valid)
        if n_before and not is_nearer:
            break
        is_taken[best] = True
        left.remove(best)
    return is_taken[groups]


def _draw_stratified(strata, n_valid, rng):
    """Draw validation rows, beginning with the rarest stratum.

    References: Sechidis, Tsoumakas, Vlahavas, "On the stratification of multi-label
    data", ECML PKDD 2011.
    """
    n_rows = len(strata)
    order = rng.permutation(n_rows)
    sizes = strata.sum(axis=0)
    share = sizes * n_valid / n_rows
    share = np.where(sizes > 1, np.clip(share, 1, np.maximum(sizes - 1, 1)), share)
    wanted = np.array([sizes - share, share])  # of each stratum, on each side
    room = np.array([n_rows - n_valid, n_valid])
    is_valid = np.zeros(n_rows, dtype=bool)
    is_left = np.ones(n_rows, dtype=bool)
    while is_left.any():
        left = strata[is_left].sum(axis=0)
        rarest = np.argmin(np.where(left > 0, left, n_rows + 1))
        for row in order[is_left[order] & strata[order, rarest]]:
            needs = [(room[s] > 0, wanted[s, rarest], room[s]) for s in (0, 1)]
            side = int(needs[1] > needs[0])
            wanted[side] -= strata[row]
            room[side] -= 1
            is_valid[row], is_left[row] = side == 1, False
    return is_valid
