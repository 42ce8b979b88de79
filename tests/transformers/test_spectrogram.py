"""Spectrogram as a transformer; its numbers are tested with its op."""

import librosa
import numpy as np
import pytest

from sktag import ClipArray, Spectrogram
from sktag.testing import clip_transformer_checks


@pytest.mark.parametrize(
    ("name", "check"), clip_transformer_checks(Spectrogram(512, compression="log1p"))
)
def test_laws_hold(name, check):
    check()


def test_any_container_gives_librosa_decibels(container, waves):
    out = np.asarray(Spectrogram(1024, hop_length=300).fit_transform(container))
    power = np.abs(librosa.stft(waves, n_fft=1024, hop_length=300)) ** 2
    expected = librosa.power_to_db(power, top_db=None)
    loud = expected > expected.max() - 60
    assert np.abs(out - expected)[loud].max() < 1e-3


def test_frequencies_are_those_of_the_fourier_transform(waves):
    clips = ClipArray.from_array(waves, sample_rate=16000)
    out = Spectrogram(512).fit_transform(clips)
    expected = librosa.fft_frequencies(sr=16000, n_fft=512)
    np.testing.assert_array_equal(out.frequencies, expected)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"win_length": 4096}, "win_length=4096 is longer than n_fft=2048"),
        ({"window": np.ones(100)}, "set win_length=100"),
        ({"sr": 8000}, r"sr=8000\) was given clips at 22050 Hz"),
    ],
)
def test_parameters_that_do_not_fit_raise(params, message, waves):
    clips = ClipArray.from_array(waves, sample_rate=22050)
    with pytest.raises(ValueError, match=message):
        Spectrogram(**params).fit(clips)


def test_clips_shorter_than_a_window_warn_at_the_caller(waves):
    with pytest.warns(UserWarning, match="2000 samples are shorter than one") as caught:
        Spectrogram().fit(waves[:, :2000])
    assert len(caught) == 1
