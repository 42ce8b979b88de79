"""Parts of clips that chunks are computed from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sktag.training._chunks import Margins, margins_of


class Windows:
    """A toy front-end: weighted sums of windows, padded with zeros at either end.

    A column of the output is `hop` columns after the one before, and depends on `size`
    columns, from `early` before its own place on; `early` is less than `size`.
    """

    def __init__(self, size, hop, early):
        self.size, self.hop, self.early = size, hop, early

    @property
    def hop_length(self):
        return None if self.hop == 1 else self.hop

    def in_slice(self, start, stop):
        first = start * self.hop - self.early
        return first, (stop - 1) * self.hop - self.early + self.size

    def __call__(self, x):
        n_out = len(x) // self.hop + (self.hop > 1)
        padded = np.pad(x, (self.early, self.size + self.hop))
        weights = np.arange(1, 1 + self.size)
        places = self.hop * np.arange(n_out)
        return np.array([padded[i : i + self.size] @ weights for i in places])


def windows(hops):
    """Toy front-ends and, with a hop of 1, filters."""
    sizes = st.integers(1, 20)
    return sizes.flatmap(
        lambda size: st.builds(Windows, st.just(size), hops, st.integers(0, size - 1))
    )


def compute(ops, x):
    for op in ops:
        x = op(x)
    return x


@settings(deadline=None)
@given(
    st.lists(windows(st.just(1)), max_size=2),
    windows(st.integers(1, 7)),
    st.lists(windows(st.just(1)), max_size=2),
    st.integers(20, 300),
    st.integers(1, 30),
)
def test_chunks_computed_from_parts_are_those_cut_from_the_whole(
    before, front_end, after, n, size
):
    ops = [*before, front_end, *after]
    x = np.random.default_rng(0).integers(1, 1000, n)
    whole = compute(ops, x)
    size = min(size, len(whole))
    starts = np.arange(len(whole) - size + 1)
    margins = margins_of(ops, size, n)
    if margins is None:
        return
    parts = margins.part_starts(starts, n)
    # Parts lie inside the clip, and their columns are columns of the clip.
    assert parts.min() >= 0
    assert parts.max() + margins.width <= n
    assert (parts % margins.hop == 0).all()
    offsets = np.asarray(starts) - parts // margins.hop
    for start, part, offset in zip(starts, parts, offsets, strict=True):
        computed = compute(ops, x[part : part + margins.width])
        # Whole numbers, so that sums are exact.
        np.testing.assert_array_equal(
            computed[offset : offset + size], whole[start : start + size]
        )


def test_parts_are_no_longer_than_the_windows_of_their_chunk_and_a_hop():
    margins = margins_of([Windows(400, 160, 200)], 30, 100_000)
    assert margins.hop == 160
    assert 29 * 160 + 400 <= margins.width < 29 * 160 + 400 + 2 * 160


def test_part_of_a_chunk_in_the_middle_begins_a_margin_early():
    margins = margins_of([Windows(400, 160, 200)], 30, 100_000)
    (part,) = margins.part_starts([300], 100_000)
    # The first multiple of the hop before the first window, which begins 200 early.
    assert part == 300 * 160 - 320
    assert 300 - part // margins.hop == 2


@pytest.mark.parametrize("n_columns", [30, 29 * 160 + 400])
def test_part_as_long_as_the_clip_is_none(n_columns):
    assert margins_of([Windows(400, 160, 200)], 30, n_columns) is None


def test_without_ops_a_part_is_the_chunk():
    assert margins_of([], 30, 100) == Margins(30, 1, 0)
    assert margins_of([], 30, 30) is None
