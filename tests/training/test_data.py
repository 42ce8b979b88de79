"""Data sets: rows and chunks as a training reads them."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import soundfile
import torch

from sktag import (
    Augmenter,
    ClipArray,
    RawWave,
    Spectrogram,
    Standardizer,
    config_context,
)
from sktag.augment import Gain, SpecNoise, TimeShift, TimeStretch
from sktag.clips import _file_source
from sktag.clips._cache import DECODED
from sktag.ops import RandomOp, SpectrogramOp
from sktag.testing import make_waves
from sktag.training._batches import Batches
from sktag.training._caches import fill_cache
from sktag.training._chunks import Chunks, random_starts
from sktag.training._data import ClipDataset, Part

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


def in_order(clips, *, batch_size=4, **params):
    """Return the clean batches in the order of the rows."""
    rows = np.arange(len(clips))
    dataset = ClipDataset(Part(clips, rows, rows, np.ones(len(clips))), **params)
    return list(Batches(dataset, batch_size, CPU).in_order())


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
    raw = RawWave(duration=4000 / 22050)
    clips = augmented(raw.fit_transform(paths) if kind == "wave" else CLIPS[kind])
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


# Chunks are computed from parts of the clips.

FRONT = {"n_fft": 256, "hop_length": 64, "compression": "log1p"}
CHUNK = 8


class Seen:
    """The sizes of the batches that an op was given, as (n_rows, n_columns)."""

    def __init__(self):
        self.sizes = []

    @property
    def n_columns(self):
        return sum(n_rows * width for n_rows, width in self.sizes)


@pytest.fixture
def seen(monkeypatch):
    """The batches that the front-end gets from now on."""
    seen, forward = Seen(), SpectrogramOp.forward

    def counting(op, x):
        seen.sizes.append((len(x), x.shape[-1]))
        return forward(op, x)

    monkeypatch.setattr(SpectrogramOp, "forward", counting)
    return seen


def spectra_of(clips, *, standardise=True):
    """Clips through a front-end, and a step on spectrograms."""
    out = Spectrogram(**FRONT).fit_transform(clips)
    return Standardizer().fit_transform(out) if standardise else out


def assert_cuts(found, whole, rows, starts):
    """Chunks are those cut from the spectrograms of whole clips."""
    assert len(found) == len(rows)
    for chunk, row, start in zip(found, rows, starts, strict=True):
        expected = whole[row][:, start : start + CHUNK]
        # Standardised numbers, in batches of other sizes, in float32.
        np.testing.assert_allclose(chunk, expected, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("source", ["array", "files"])
def test_random_chunks_are_computed_from_parts_and_equal_cuts(source, paths, seen):
    waves = RawWave().fit_transform(paths) if source == "files" else CLIPS["wave"]
    clips = spectra_of(waves)
    whole = np.asarray(clips)
    seen.sizes.clear()
    for epoch in range(3):
        starts = random_starts(clips.lengths, CHUNK, 0, epoch)
        for x, rows in batches_of(clips, epoch, chunk=CHUNK):
            assert_cuts(x.numpy(), whole, rows, starts[rows])
    # The windows of eight frames, and at most a hop on either side.
    needed = (CHUNK - 1) * 64 + 256
    assert {width for _, width in seen.sizes} <= set(range(needed, needed + 2 * 64))
    assert sum(n_rows for n_rows, _ in seen.sizes) == 3 * N


def test_chunk_of_a_file_decodes_the_part_alone(paths, monkeypatch):
    clips = spectra_of(RawWave().fit_transform(paths))
    whole = np.asarray(clips)
    decode, asked = _file_source.decode, []

    def counting(*args, **kwargs):
        samples = decode(*args, **kwargs)
        asked.append(len(samples))
        return samples

    DECODED.clear()
    monkeypatch.setattr(_file_source, "decode", counting)
    starts = random_starts(clips.lengths, CHUNK, 0, 0)
    with config_context(decode_cache_bytes=0):
        for x, rows in batches_of(clips, 0, chunk=CHUNK):
            assert_cuts(x.numpy(), whole, rows, starts[rows])
    assert len(asked) == N
    assert max(asked) < (CHUNK - 1) * 64 + 256 + 2 * 64


@pytest.mark.parametrize("start", [0, 1, 2, 3, -1, -2, -3])
def test_chunks_at_either_edge_equal_cuts(start, seen):
    clips = spectra_of(CLIPS["wave"])
    whole = np.asarray(clips)
    seen.sizes.clear()
    n_places = clips.shape[-1] - CHUNK + 1
    starts = np.full((N, 1), start % n_places)
    x = torch.cat([x for x, _ in in_order(clips, chunk=CHUNK, starts=starts)])
    assert_cuts(x.numpy(), whole, range(N), starts[:, 0])
    assert max(width for _, width in seen.sizes) < 1000


def test_chunk_nearly_as_long_as_its_clip_is_cut_from_the_whole(seen):
    clips = spectra_of(ClipArray.from_array(WAVES[:, :720]))  # 12 frames
    whole = np.asarray(clips)
    seen.sizes.clear()
    starts = random_starts(clips.lengths, CHUNK, 0, 0)
    for x, rows in batches_of(clips, 0, chunk=CHUNK):
        assert_cuts(x.numpy(), whole, rows, starts[rows])
    assert {width for _, width in seen.sizes} == {720}


def test_clips_shorter_than_the_chunk_are_taken_whole(seen):
    clips = spectra_of(ClipArray.from_array(WAVES[:, :300]))  # 5 frames
    whole = np.asarray(clips)
    seen.sizes.clear()
    for x, rows in batches_of(clips, 0, chunk=CHUNK):
        np.testing.assert_allclose(x, whole[rows], atol=1e-6, rtol=1e-6)
    assert {width for _, width in seen.sizes} == {300}


@pytest.mark.parametrize(("n_chunks", "is_whole"), [(2, False), (30, True)])
def test_chunks_of_one_clip_are_computed_in_the_cheaper_way(n_chunks, is_whole, seen):
    clips = spectra_of(CLIPS["wave"])
    whole = np.asarray(clips)
    seen.sizes.clear()
    starts = [Chunks(CHUNK, n_chunks).starts_in(n) for n in clips.lengths]
    batches = in_order(clips, batch_size=60, chunk=CHUNK, starts=starts)
    x = torch.cat([x for x, _ in batches]).numpy()
    assert_cuts(x, whole, np.repeat(np.arange(N), n_chunks), np.concatenate(starts))
    if is_whole:
        # Each clip once, however many of its chunks there are.
        assert seen.n_columns == N * 4000
    else:
        assert seen.n_columns < N * n_chunks * 1000


def test_cached_clips_give_the_chunks_of_those_that_are_read(seen):
    clips = augmented(spectra_of(CLIPS["wave"]), SpecNoise())
    cache, _ = fill_cache(clips, 2**30, 4, CPU)
    n_columns = seen.n_columns
    cached = {}
    for x, rows in batches_of(clips, 1, chunk=CHUNK, cache=cache):
        cached |= dict(zip(rows, x.numpy(), strict=True))
    assert seen.n_columns == n_columns
    for x, rows in batches_of(clips, 1, chunk=CHUNK):
        for row, chunk in zip(rows, x.numpy(), strict=True):
            np.testing.assert_allclose(chunk, cached[row], atol=1e-5)


@dataclass(eq=False, repr=False)
class Loud(RandomOp):
    """Adds one, and notes the widths it is given."""

    takes: ClassVar[str | None] = "wave"
    n_uniforms: ClassVar[int] = 0
    widths: ClassVar[list[int]] = []

    def draw(self, uniforms, shape):
        self.widths.append(shape[-1])
        return {}

    def change(self, x, sample_rate, params):
        return x + 1


@dataclass(eq=False, repr=False)
class LoudInWholeClips(Loud):
    takes_chunks: ClassVar[bool] = False
    widths: ClassVar[list[int]] = []


def test_random_ops_before_a_front_end_see_the_whole_clip():
    starts = random_starts(np.full(N, 63), CHUNK, 0, 0)
    expected = np.asarray(
        spectra_of(ClipArray.from_array(WAVES + 1), standardise=False)
    )
    for op in (Loud(), LoudInWholeClips()):
        op.widths.clear()
        clips = spectra_of(augmented(CLIPS["wave"], op), standardise=False)
        for x, rows in batches_of(clips, 0, chunk=CHUNK):
            for chunk, row in zip(x.numpy(), rows, strict=True):
                cut = expected[row][:, starts[row] : starts[row] + CHUNK]
                np.testing.assert_allclose(chunk, cut, rtol=1e-4, atol=1e-4)
        assert op.widths == [4000] * 3


def test_clean_chunks_have_no_random_ops():
    clips = augmented(CLIPS["wave"], Loud())
    starts = np.zeros((N, 1), dtype=int)
    x = torch.cat([x for x, _ in in_order(clips, chunk=CHUNK, starts=starts)])
    np.testing.assert_array_equal(x, WAVES[:, :CHUNK])
    for x, rows in batches_of(clips, 0):
        np.testing.assert_array_equal(x, WAVES[rows] + 1)


def test_function_that_draws_changes_each_row_otherwise_in_each_epoch(paths):
    clips = augmented(RawWave().fit_transform(paths), add_uniform)
    looks = [training_rows(clips, epoch) - WAVES for epoch in range(3)]
    added = np.array([look.mean(axis=1) for look in looks])
    assert len(set(np.round(added, 5).ravel())) == 3 * N
    assert ((added > 0.099) & (added < 0.201)).all()
