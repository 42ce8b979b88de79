"""Where chunks are cut."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sktag import ClipArray, CNN1DClassifier, SampleCNNClassifier
from sktag.testing import make_waves
from sktag.training._chunks import Chunks, random_starts

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")
LABELS = np.repeat(["a", "b"], 5)
QUICK = {"n_filters": 4, "max_epochs": 2, "random_state": 0}


def test_even_layout_goes_from_the_first_column_to_the_last():
    starts = np.array([Chunks(30, 4).starts_in(n) for n in (100, 40, 20)])
    assert starts.tolist() == [[0, 23, 47, 70], [0, 3, 7, 10], [0, 0, 0, 0]]


def test_layout_of_won2020_does_not_reach_the_end():
    starts = Chunks(30, 4, "won2020").starts_in(100)[np.newaxis]
    assert starts.tolist() == [[0, 17, 34, 51]]


def test_random_starts_stay_within_what_is_not_padding():
    lengths = np.array([100, 31, 30, 5])
    drawn = np.array([random_starts(lengths, 30, 0, epoch) for epoch in range(500)])
    assert drawn.min() == 0
    assert drawn.max(axis=0).tolist() == [70, 1, 0, 0]


def test_random_starts_depend_on_seed_epoch_and_position_alone():
    one = random_starts([100] * 8, 30, 0, 3)
    assert (random_starts([100] * 5, 30, 0, 3) == one[:5]).all()
    assert (random_starts([100] * 8, 30, 0, 4) != one).any()
    assert (random_starts([100] * 8, 30, 1, 3) != one).any()


class Crops(Callback):
    """Note from where each chunk that is trained on was cut: epoch, clip, column."""

    def on_train_begin(self, net, **kwargs):
        self.seen_ = []

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        for x in batch[0]:
            clip, start = divmod(round(float(x[0, 0])), 1000)
            assert x.shape == (2, 30)
            # A part of one clip, as it is.
            torch.testing.assert_close(x[0], x[0, 0] + torch.arange(30.0))
            self.seen_.append((len(net.history), clip, start))


def crops_of(**params):
    """Crops of a training on clips whose columns tell clip and place."""
    X = 1000 * np.arange(10)[:, np.newaxis, np.newaxis] + np.zeros((10, 2, 90))
    X += np.arange(90)
    lengths = np.array([90, 80, 70, 60, 50, 40, 32, 31, 30, 90])
    clips = ClipArray.from_array(X, lengths=lengths)
    clf = CNN1DClassifier(chunk_size=30, callbacks=[Crops()], **{**QUICK, **params})
    clf.fit(clips, LABELS)
    seen = next(c for _, c in clf.net_.callbacks_ if isinstance(c, Crops)).seen_
    return sorted(seen), lengths


def test_random_chunks_are_one_a_clip_and_epoch_drawn_anew_and_never_from_padding():
    crops, lengths = crops_of(max_epochs=20)
    assert [(e, c) for e, c, _ in crops] == [
        (epoch, clip) for epoch in range(1, 21) for clip in range(10)
    ]
    starts = np.array([start for *_, start in crops]).reshape(20, 10)
    assert (starts + 30 <= lengths).all()
    assert starts.min() == 0
    # A long clip is cut at many places, one that is just a chunk at one.
    assert len(set(starts[:, 0])) > 10
    assert set(starts[:, 7]) == {0, 1}
    assert set(starts[:, 8]) == {0}


def test_random_chunks_repeat_by_seed():
    first, again = crops_of(max_epochs=3), crops_of(max_epochs=3)
    assert first[0] == again[0]
    assert first[0] != crops_of(max_epochs=3, random_state=1)[0]


def test_all_chunks_are_the_same_in_each_epoch_and_never_from_padding():
    crops, lengths = crops_of(train_chunks="all", max_epochs=2)
    counts = [-(-n // 30) for n in lengths]
    starts = [
        round(i * (n - 30) / max(count - 1, 1))
        for n, count in zip(lengths, counts, strict=True)
        for i in range(count)
    ]
    assert [start for *_, start in crops] == starts * 2


def test_all_chunks_make_more_steps():
    clf = SampleCNNClassifier(chunk_size=250, train_chunks="all", **QUICK)
    clf.set_params(batch_size=5).fit(make_waves(10, 1000), LABELS)
    assert clf.net_.history[0]["train_batch_count"] == 8  # 10 clips of 4 chunks
