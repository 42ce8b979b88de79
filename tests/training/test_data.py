"""Data sets: rows and chunks as a training reads them."""

import numpy as np
import pytest
import soundfile
import torch

from sktag import Augmenter, ClipArray, RawWave
from sktag.augment import Gain, TimeShift, TimeStretch
from sktag.testing import make_waves
from sktag.training import Part
from sktag.training._batches import Batches
from sktag.training._caches import fill_cache
from sktag.training._chunks import random_starts
from sktag.training._data import ClipDataset

CPU = torch.device("cpu")

N = 12

WAVES = make_waves(N, 4000)


def add_uniform(samples, sample_rate):
    return samples + np.float32(np.random.uniform(0.1, 0.2))  # noqa: NPY002


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    paths = [str(folder / f"{i}.wav") for i in range(N)]
    for path, wave in zip(paths, WAVES, strict=True):
        soundfile.write(path, wave, 22050, subtype="FLOAT")
    return paths


def batches_of(clips, epoch, *, rows=None, batch_size=4, seed=0, **params):
    """Yield the batches of a training epoch, each with its rows in X."""
    targets = np.arange(len(clips))  # which tell the rows
    rows = targets if rows is None else rows
    dataset = ClipDataset(Part(clips, rows, targets, np.ones(len(clips))), **params)
    for x, (row, _) in Batches(dataset, batch_size, CPU, seed).epoch(epoch):
        yield x, row.numpy()


def training_rows(clips, epoch, **params):
    """Return each row as the training of an epoch sees it, in the order of X."""
    out = np.empty(clips.shape, dtype=np.float32)
    for x, rows in batches_of(clips, epoch, **params):
        out[rows] = x.numpy()
    return out


def augmented(clips, *operations):
    return Augmenter(list(operations) or None).fit_transform(clips)


CLIPS = {
    "wave": ClipArray.from_array(WAVES),
    "spectrogram": ClipArray.from_array(
        np.random.default_rng(0).normal(size=(N, 16, 40))
    ),
}


@pytest.mark.parametrize("kind", ["wave", "spectrogram"])
def test_each_training_row_differs_in_each_epoch_and_from_the_clean_one(kind):
    clips = augmented(CLIPS[kind])
    looks = [np.asarray(CLIPS[kind]), *(training_rows(clips, e) for e in range(3))]
    for i in range(4):
        for j in range(i):
            assert (looks[i] != looks[j]).reshape(N, -1).any(axis=1).all()


@pytest.mark.parametrize("kind", ["wave", "spectrogram"])
def test_draws_are_the_same_for_any_batches_threads_and_caches(kind, paths):
    source = RawWave().fit_transform(paths) if kind == "wave" else CLIPS[kind]
    clips = augmented(source)
    expected = training_rows(clips, 2)
    for batch_size, n_threads in [(3, 1), (12, 4), (5, 2)]:
        found = training_rows(clips, 2, batch_size=batch_size, n_threads=n_threads)
        assert np.array_equal(found, expected)
    cache, _ = fill_cache(clips, 2**30, 4, CPU)
    if cache is not None:
        assert np.array_equal(training_rows(clips, 2, cache=cache), expected)
    shuffled = np.random.default_rng(1).permutation(N)
    for x, row in batches_of(clips, 2, rows=shuffled):
        assert np.array_equal(x.numpy(), expected[row])


def test_draws_differ_by_seed_and_follow_the_augmenters_own():
    clips = augmented(CLIPS["wave"])
    assert (training_rows(clips, 0) != training_rows(clips, 0, seed=1)).any()
    own = Augmenter(random_state=5).fit_transform(CLIPS["wave"])
    assert np.array_equal(training_rows(own, 0), training_rows(own, 0, seed=1))


def test_two_augmenters_in_a_row_draw_apart():
    once = Augmenter([Gain(p=0.5)])
    clips = once.fit_transform(
        once.fit_transform(ClipArray.from_array(np.ones((400, 2))))
    )
    gains = 20 * np.log10(training_rows(clips, 0, batch_size=100)[:, 0])
    # Of two gates of a half a quarter stays shut, give or take four deviations.
    assert abs((gains == 0).mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 400)


def test_chunks_of_augmented_waveforms_are_cut_first_and_drawn_by_row():
    clips = augmented(CLIPS["wave"], Gain(), TimeShift())
    starts = random_starts(clips.lengths, 729, 0, 1)
    for x, rows in batches_of(clips, 1, chunk=729):
        cut = np.stack([WAVES[i, starts[i] : starts[i] + 729] for i in rows])
        expected = clips.ops[-1].augment(
            torch.from_numpy(cut), seed=0, epoch=1, rows=rows, index=0
        )
        assert torch.equal(x, expected)


def test_operation_that_changes_the_tempo_is_done_before_chunks_are_cut():
    clips = augmented(CLIPS["wave"], TimeStretch(rate=1.25))
    whole = TimeStretch(rate=1.25).apply(WAVES)
    starts = random_starts(clips.lengths, 729, 0, 1)
    for x, rows in batches_of(clips, 1, chunk=729):
        for chunk, i in zip(x, rows, strict=True):
            expected = whole[i, starts[i] : starts[i] + 729]
            # Batches of other sizes round otherwise.
            np.testing.assert_allclose(chunk.numpy(), expected, atol=1e-5)
