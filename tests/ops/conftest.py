"""What the tests of ops share."""

import numpy as np
import pytest
import torch


def part_and_whole(op, x, start, stop, rng):
    """Compute columns of the output from a part of the input, and from all of it.

    The part holds at least what `in_slice` says, and begins at a multiple of the hop.
    """
    length, hop = x.shape[-1], op.hop_length or 1
    first, last = op.in_slice(start, stop)
    most = max(first // hop, 0)
    p = hop * int(rng.integers(0, most, endpoint=True)) if rng.random() < 0.5 else None
    p = hop * most if p is None else p
    q = min(max(last, p + 1), length)
    if rng.random() < 0.3:
        q = int(rng.integers(q, length, endpoint=True))
    part = op(torch.from_numpy(x[..., p:q]))
    columns = slice(start - p // hop, stop - p // hop)
    whole = op(torch.from_numpy(x))
    return part[..., columns].numpy(), whole[..., start:stop].numpy()


@pytest.fixture(scope="session")
def compare_parts():
    """Return a function that compares many parts of the output with the whole one."""

    def compare(op, x, n_parts=12, seed=0):
        assert not op.whole
        rng = np.random.default_rng(seed)
        n_columns = op.out_shape(x.shape)[-1]
        scale = 0.0
        worst = 0.0
        for _ in range(n_parts):
            start = int(rng.integers(0, n_columns))
            if rng.random() < 0.3:  # the ends, where the op pads
                start = int(rng.choice([0, n_columns - 1]))
            stop = int(rng.integers(start + 1, n_columns, endpoint=True))
            stop = min(stop, start + int(rng.choice([1, 2, 5, n_columns])))
            got, expected = part_and_whole(op, x, start, stop, rng)
            assert got.shape == expected.shape
            worst = max(worst, float(np.abs(got - expected).max()))
            scale = max(scale, float(np.abs(expected).max()))
        return worst, scale

    return compare
