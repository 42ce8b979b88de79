"""Batches: their sizes, and their order."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sktag import ClipArray
from sktag.training._batches import Batches, count_batches, read_batches
from sktag.training._chunks import Chunks
from sktag.training._data import ClipDataset, Part

CPU = torch.device("cpu")


def make_dataset(n_clips, n_columns=20, **params):
    """Clips whose numbers tell clip and column, and whose targets tell the clip."""
    X = 100 * np.arange(n_clips)[:, np.newaxis] + np.arange(n_columns)
    rows = np.arange(n_clips)
    clips = ClipArray.from_array(X[:, np.newaxis].astype(np.float32))
    return ClipDataset(Part(clips, rows, rows, np.ones(n_clips)), **params)


@given(st.integers(1, 500), st.integers(1, 100))
def test_batches_of_training_are_of_even_size_and_never_of_one_item(n_items, size):
    sizes = [
        len(part)
        for part in np.array_split(range(n_items), count_batches(n_items, size))
    ]
    assert sum(sizes) == n_items
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) > 1 or n_items == 1
    # Batches of two cannot be made smaller, and three items are not two batches.
    assert max(sizes) <= max(size, 3)


@pytest.mark.parametrize(
    ("n_items", "batch_size", "n_batches"),
    [(33, 16, 3), (32, 16, 2), (1, 16, 1), (3, 2, 1), (4, 1, 2), (5, 100, 1)],
)
def test_number_of_batches_of_some_sizes(n_items, batch_size, n_batches):
    assert count_batches(n_items, batch_size) == n_batches
    assert len(Batches(make_dataset(n_items), batch_size, CPU, seed=0)) == n_batches


@pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")
def test_batch_size_leaves_no_clip_alone(X, Y, quick):
    # 33 clips in batches of 16: three of 11, none of 1.
    clf = quick(batch_size=16, max_epochs=2).fit(X[:33], Y[:33])
    assert clf.net_.history[0]["train_batch_count"] == 3


def rows_of(batches):
    return np.concatenate([target.numpy() for _, (target, _) in batches])


def test_epoch_has_each_item_once_in_an_order_of_its_own():
    batches = Batches(make_dataset(20), 6, CPU, seed=0)
    first, again, second = (rows_of(batches.epoch(n)) for n in (0, 0, 1))
    assert sorted(first) == sorted(second) == list(range(20))
    assert first.tolist() == again.tolist()
    assert first.tolist() != second.tolist()
    other = Batches(make_dataset(20), 6, CPU, seed=1)
    assert rows_of(other.epoch(0)).tolist() != first.tolist()


def test_batches_in_order_hold_the_clips_in_order_with_their_weights():
    dataset = make_dataset(7)
    seen = list(Batches(dataset, 3, CPU).in_order())
    assert [len(x) for x, _ in seen] == [3, 3, 1]
    assert rows_of(seen).tolist() == list(range(7))
    assert all((weights == 1).all() for _, (_, weights) in seen)


def test_chunks_of_a_clip_are_read_together_and_yielded_in_batches():
    starts = np.tile([0, 5, 10], (4, 1))
    dataset = make_dataset(4, chunk=8, starts=starts)
    read, sizes = dataset.read, []

    def counting(indices, draws):
        sizes.append(len(indices))
        return read(indices, draws)

    dataset.read = counting
    batches = list(Batches(dataset, 2, CPU).in_order())
    assert sizes == [3, 3, 3, 3]
    assert max(len(x) for x, _ in batches) == 2
    first = torch.cat([x for x, _ in batches])[:, 0, 0]
    assert first.tolist() == [100 * i + s for i in range(4) for s in (0, 5, 10)]


def test_no_items_are_no_batches():
    batches = Batches(make_dataset(0), 4, CPU)
    assert len(batches) == 0
    assert list(batches.in_order()) == []


def test_read_batches_yields_whole_clips_or_chunks_in_order():
    clips = make_dataset(5).clips
    whole = torch.cat(list(read_batches(clips, 2, CPU)))
    np.testing.assert_array_equal(whole, np.asarray(clips))
    starts = Chunks(8, 3).starts(clips)
    chunks = torch.cat(list(read_batches(clips, 2, CPU, starts=starts, chunk=8)))
    expected = [
        np.asarray(clips[i])[:, s : s + 8] for i in range(5) for s in (0, 6, 12)
    ]
    np.testing.assert_array_equal(chunks, np.stack(expected))


def test_error_in_the_reading_thread_is_raised_in_the_consumers():
    from sktag.testing import InaccessibleError, inaccessible_clips

    clips = inaccessible_clips(np.zeros((4, 3, 20)))
    with pytest.raises(InaccessibleError):
        list(read_batches(clips, 2, CPU))
