"""MelSpectrogram as a transformer; its numbers are tested with its op."""

import librosa
import numpy as np
import pytest
from sklearn.base import clone

from sktag import ClipArray, MelSpectrogram, RawWave, nets
from sktag.testing import clip_transformer_checks


@pytest.mark.parametrize(
    ("name", "check"), clip_transformer_checks(MelSpectrogram(20, n_fft=512))
)
def test_laws_hold(name, check):
    check()


def test_any_container_gives_librosa_decibels(container, waves):
    mel = MelSpectrogram(n_mels=40)
    out = np.asarray(mel.fit_transform(container))
    expected = librosa.power_to_db(
        librosa.feature.melspectrogram(y=waves, sr=22050, n_mels=40), top_db=None
    )
    np.testing.assert_allclose(out, expected, atol=1e-3)


def test_rate_is_that_of_the_clips(waves):
    clips = ClipArray.from_array(waves, sample_rate=16000)
    mel = MelSpectrogram(n_mels=40).fit(clips)
    assert mel.sr_ == 16000
    same = MelSpectrogram(n_mels=40, sr=16000).fit_transform(waves)
    np.testing.assert_array_equal(np.asarray(mel.transform(clips)), same)


def test_explicit_rate_that_differs_raises_and_names_both(waves):
    clips = ClipArray.from_array(waves, sample_rate=16000)
    with pytest.raises(ValueError, match=r"sr=22050\) was given clips at 16000 Hz"):
        MelSpectrogram(sr=22050).fit(clips)


def test_clips_at_another_rate_than_in_fit_raise(waves):
    mel = MelSpectrogram(n_mels=40).fit(waves)
    with pytest.raises(ValueError, match=r"fitted on clips at 22050 Hz .* 16000 Hz"):
        mel.transform(ClipArray.from_array(waves, sample_rate=16000))


@pytest.mark.parametrize("lazy", [True, False])
def test_spectrograms_raise(lazy):
    X = np.zeros((2, 8, 100))
    with pytest.raises(ValueError, match=r"takes waves, not|spectrograms already"):
        MelSpectrogram().fit(ClipArray.from_array(X) if lazy else X)


def test_paths_raise_and_name_the_missing_step():
    with pytest.raises(ValueError, match=r"put RawWave\(\) before it"):
        MelSpectrogram().fit(["a.wav", "b.wav"])


def test_too_many_bands_warn_once_and_name_the_empty_ones(waves):
    mel = MelSpectrogram(n_mels=256, n_fft=512)
    with pytest.warns(UserWarning, match=r"256 mel bands are empty \(band 0, ") as w:
        out = mel.fit_transform(waves)
    assert len(w) == 1
    assert "Raise n_fft, or lower n_mels" in str(w[0].message)
    assert (out[:, 0] == -100).all()


def test_clips_shorter_than_a_window_warn(waves):
    with pytest.warns(UserWarning, match="2000 samples are shorter than one window"):
        out = MelSpectrogram(n_mels=20).fit_transform(waves[:, :2000])
    assert out.shape == (6, 20, 4)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"fmin": 5000, "fmax": 4000}, "fmin must be below fmax"),
        ({"fmax": 12000}, "at most 11025"),
        ({"win_length": 4096}, "longer than n_fft=2048"),
        ({"window": np.ones(100)}, "set win_length=100"),
    ],
)
def test_parameters_that_do_not_fit_raise(params, message, waves):
    with pytest.raises(ValueError, match=message):
        MelSpectrogram(**params).fit(waves)


def test_frequencies_are_the_centres_of_the_bands(waves):
    clips = ClipArray.from_array(waves, sample_rate=22050)
    out = MelSpectrogram(n_mels=10, fmin=50).fit_transform(clips)
    edges = librosa.mel_frequencies(12, fmin=50, fmax=11025)
    np.testing.assert_allclose(out.frequencies, edges[1:-1])


def test_lengths_are_in_frames():
    clips = RawWave(sr=8000).fit_transform([np.zeros(8000), np.zeros(4000)])
    out = MelSpectrogram(n_mels=10, n_fft=512, hop_length=100).fit_transform(clips)
    assert out.lengths.tolist() == [81, 41]


def test_fit_leaves_parameters_as_they_are(waves):
    mel = MelSpectrogram(n_mels=10)
    before = mel.get_params()
    assert mel.fit(waves).get_params() == before
    assert not hasattr(clone(mel), "sr_")


ARCHITECTURES = {
    # sample rate, parameters of librosa's mel spectrogram
    "fcn4": (12000, {"n_fft": 512, "hop_length": 256, "n_mels": 96}),
    "musicnn": (16000, {"n_fft": 512, "hop_length": 256, "n_mels": 96}),
    "short_chunk": (
        16000,
        {
            "n_fft": 512,
            "hop_length": 256,
            "n_mels": 128,
            "fmax": 8000,
            "htk": True,
            "norm": None,
            "pad_mode": "reflect",
        },
    ),
}


# The published front-end of short_chunk has an empty band; sktag and librosa both warn.
@pytest.mark.filterwarnings("ignore:1 of 128 mel bands are empty:UserWarning")
@pytest.mark.filterwarnings("ignore:Empty filters detected:UserWarning")
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_front_end_of_a_published_network_is_what_its_code_computes(name, waves):
    sr, params = ARCHITECTURES[name]
    clips = ClipArray.from_array(waves, sample_rate=sr)
    out = np.asarray(MelSpectrogram.for_architecture(name).fit_transform(clips))
    mel = librosa.feature.melspectrogram(y=waves.astype(float), sr=sr, **params)
    if name == "musicnn":
        expected = np.log10(1 + 10000 * mel)
    else:
        expected = librosa.power_to_db(mel, top_db=None)
    loud = expected > expected.max() - 60
    assert np.abs(out - expected)[loud].max() < 1e-3


@pytest.mark.parametrize("name", ["fcn4", "short_chunk_res", "dieleman2014"])
def test_front_end_shows_its_parameters_and_takes_others(name):
    mel = MelSpectrogram.for_architecture(name, n_mels=40)
    assert mel.get_params()["n_mels"] == 40
    assert mel.sr == (12000 if name == "fcn4" else 16000)
    assert clone(mel).get_params() == mel.get_params()


def test_architecture_without_a_mel_spectrogram_raises_and_lists_those_with_one():
    names = [
        record.name
        for family in ("cnn1d", "cnn2d")
        for record in nets.ARCHITECTURES[family].values()
        if record.front_end is not None
    ]
    assert {"fcn7", "musicnn", "spotify2014"} < set(names)
    for name in ("sample_cnn", "compact"):
        text = f"'{name}' has no published .*: {', '.join(map(repr, names))}\\.$"
        with pytest.raises(ValueError, match=text):
            MelSpectrogram.for_architecture(name)
    for name in names:
        assert MelSpectrogram.for_architecture(name).sr in (12_000, 16_000, 22_050)
