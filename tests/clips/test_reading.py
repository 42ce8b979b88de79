"""Rows are read and computed in bounded portions, each with its own length."""

import numpy as np
import pytest

from sktag import MelSpectrogram, RawWave
from sktag.clips import _reading

SR = 8000
RNG = np.random.default_rng(0)
WAVES = [RNG.uniform(-1, 1, n).astype(np.float32) for n in (900, 4000, 1, 2500)]


@pytest.fixture
def clips():
    return RawWave(SR).fit_transform(WAVES)


@pytest.fixture
def spectra(clips):
    mel = MelSpectrogram(n_mels=8, n_fft=256, hop_length=100)
    return mel.fit_transform(clips)


def test_rows_of_unequal_length_are_padded_in_arrays_only(clips):
    assert clips.is_ragged
    assert clips.widths.tolist() == [900, 4000, 1, 2500]
    assert clips.shape == (4, 4000)
    array = np.asarray(clips)
    for row, wave in zip(array, WAVES, strict=True):
        np.testing.assert_array_equal(row[: len(wave)], wave)
        assert not row[len(wave) :].any()
    for batch, wave in zip(clips.batches(), WAVES, strict=True):
        np.testing.assert_array_equal(batch[0], wave)


def test_slice_is_as_long_as_its_longest_row(clips):
    assert clips[[0, 3]].shape == (2, 2500)
    assert clips[2:3].shape == (1, 1)
    assert clips[0].shape == (4000,)  # as a row of the array


def test_columns_of_a_row_are_those_that_it_has_alone(spectra):
    assert spectra.widths.tolist() == [10, 41, 1, 26]
    assert spectra.shape == (4, 8, 41)
    for i, clip in enumerate(spectra.compute_each(np.arange(4))):
        np.testing.assert_array_equal(clip, spectra[i : i + 1].compute([0])[0])


@pytest.mark.parametrize("n_columns", [1, 9, 10, 26, 27, 100])
def test_widened_clips_have_at_least_as_many_columns(spectra, n_columns):
    wide = spectra.widened(n_columns)
    assert wide.widths.tolist() == np.maximum(spectra.widths, n_columns).tolist()
    assert (wide.lengths == spectra.lengths).all()
    for i, clip in enumerate(wide.compute_each(np.arange(4))):
        inside = clip[:, : max(1, spectra.lengths[i] - 2)]
        expected = spectra[i][:, : inside.shape[1]]
        np.testing.assert_allclose(inside, expected, atol=1e-4)  # dB


def test_portions_hold_a_bounded_number_of_samples(clips, monkeypatch):
    monkeypatch.setattr(_reading, "_BATCH_BYTES", 4 * 3000)
    assert [rows.tolist() for rows in clips.portions()] == [[0], [1], [2, 3]]
    monkeypatch.setattr(_reading, "_BATCH_ROWS", 1)
    assert [rows.tolist() for rows in clips.portions()] == [[0], [1], [2], [3]]
    assert list(clips[:0].portions()) == []
