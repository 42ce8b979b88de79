"""make_music: reproducible bytes, and labels that match the audio."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.testing import assert_allclose, assert_array_equal

from sktag.datasets import make_music

SR = 8000  # high enough for every fundamental, and fast
TASKS = ("genre", "instrument", "tags")


@pytest.fixture(scope="module", params=TASKS)
def music(request):
    return make_music(20, task=request.param, sr=SR, duration=1.5, random_state=0)


@pytest.fixture(scope="module")
def phrases():
    """Return 24 phrases, four of each instrument."""
    return make_music(24, task="instrument", sr=SR, duration=1.0, random_state=1)


def spectral_flux(clip, n_fft=256, hop=40):
    """Return the rise of the log-magnitude per frame, every 5 ms at 8 kHz."""
    starts = np.arange(0, len(clip) - n_fft, hop)
    frames = clip[starts[:, None] + np.arange(n_fft)] * np.hanning(n_fft)
    log_magnitude = np.log1p(100.0 * np.abs(np.fft.rfft(frames)))
    return np.maximum(np.diff(log_magnitude, axis=0), 0.0).sum(axis=1)


def fundamental_near(clip, sr, pitch):
    """Return the spectral peak within 2.5 semitones of a pitch, and its dB level."""
    n_fft = 2**16
    spectrum = np.abs(np.fft.rfft(clip * np.hanning(len(clip)), n_fft))
    frequency = np.fft.rfftfreq(n_fft, 1.0 / sr)
    near = np.abs(12.0 * np.log2(np.maximum(frequency, 1.0) / pitch)) < 2.5
    best = np.argmax(np.where(near, spectrum, 0.0))
    return frequency[best], 20.0 * np.log10(spectrum[best] / spectrum.max())


def test_data_any_task_has_documented_shape_and_range(music):
    assert music.data.shape == (20, 12000)
    assert music.data.dtype == np.float32
    assert music.sample_rate == SR
    assert "paths" not in music
    peaks = np.abs(music.data).max(axis=1)
    assert np.all(peaks <= 0.951)
    assert np.all(peaks > 0.03)


def test_data_any_task_begins_and_ends_in_silence_without_offset(music):
    assert_array_equal(music.data[:, [0, -1]], 0.0)
    level = np.sqrt(np.mean(music.data**2, axis=1))
    # The room's high-pass leaves less than 1 % of the level at 0 Hz.
    assert np.all(np.abs(music.data.mean(axis=1)) < 0.01 * level)


def test_level_any_task_is_drawn_between_minus_30_and_minus_20_db(music):
    level_db = 10.0 * np.log10(np.mean(music.data.astype(float) ** 2, axis=1))
    # A clip whose peak exceeds 0.95 is attenuated, here by at most 3 dB.
    assert np.all((level_db > -33.0) & (level_db < -19.99))
    assert np.ptp(level_db) > 5.0


def test_values_any_task_lie_in_documented_ranges(music):
    assert music.tempo.shape == music.pitch.shape == (20,)
    assert np.all((music.tempo >= 72.0) & (music.tempo <= 168.0))
    assert np.all((music.pitch > 129.0) & (music.pitch < 666.0))
    assert music.target_names == sorted(music.target_names)
    assert all(name in music.DESCR for name in music.target_names)


@pytest.mark.parametrize("task", TASKS)
def test_make_music_same_seed_gives_same_bytes(task):
    first = make_music(3, task=task, sr=SR, duration=0.5, random_state=7)
    again = make_music(3, task=task, sr=SR, duration=0.5, random_state=7)
    other = make_music(3, task=task, sr=SR, duration=0.5, random_state=8)
    assert first.data.tobytes() == again.data.tobytes()
    assert first.data.tobytes() != other.data.tobytes()
    for key in ("target", "tempo", "pitch"):
        assert_array_equal(first[key], again[key])


@pytest.mark.parametrize("task", TASKS)
def test_make_music_more_clips_begins_with_the_fewer(task):
    few = make_music(2, task=task, sr=SR, duration=0.5, random_state=0)
    many = make_music(13, task=task, sr=SR, duration=0.5, random_state=0)
    assert few.data.tobytes() == many.data[:2].tobytes()
    assert_array_equal(few.target, many.target[:2])
    assert_array_equal(few.pitch, many.pitch[:2])


def test_make_music_random_state_instance_is_used_and_advanced():
    rng = np.random.RandomState(3)
    first = make_music(1, sr=SR, duration=0.5, random_state=rng)
    second = make_music(1, sr=SR, duration=0.5, random_state=rng)
    same = make_music(1, sr=SR, duration=0.5, random_state=3)
    assert_array_equal(first.data, same.data)
    assert not np.array_equal(first.data, second.data)


def test_make_music_int_seed_leaves_global_state_alone():
    before = np.random.get_state()  # noqa: NPY002 - the global state is under test
    make_music(1, sr=SR, duration=0.5, random_state=0)
    after = np.random.get_state()  # noqa: NPY002 - likewise
    assert_array_equal(before[1], after[1])
    assert before[2] == after[2]


def test_directory_new_holds_the_same_clips_as_wav(tmp_path):
    arguments = {"sr": SR, "duration": 0.5, "random_state": 0}
    data = make_music(3, **arguments).data
    music = make_music(3, **arguments, directory=tmp_path / "new" / "clips")
    assert "data" not in music
    assert [Path(path).name for path in music.paths] == [
        "genre_00000.wav",
        "genre_00001.wav",
        "genre_00002.wav",
    ]
    assert sorted(map(str, (tmp_path / "new" / "clips").iterdir())) == music.paths
    for path, clip in zip(music.paths, data, strict=True):
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.subtype) == (SR, 1, "PCM_16")
        # Half a quantisation step of 16 bits.
        assert_allclose(soundfile.read(path)[0], clip, rtol=0.0, atol=0.51 / 32768)


def test_directory_same_seed_gives_same_files_byte_for_byte(tmp_path):
    written = [
        make_music(2, sr=SR, duration=0.5, random_state=0, directory=tmp_path / name)
        for name in ("a", "b")
    ]
    for first, second in zip(written[0].paths, written[1].paths, strict=True):
        assert Path(first).read_bytes() == Path(second).read_bytes()


@pytest.mark.parametrize("task", ["genre", "instrument"])
def test_target_classes_are_balanced_and_shuffled(task):
    music = make_music(27, task=task, sr=4000, duration=0.25, random_state=0)
    names, counts = np.unique(music.target, return_counts=True)
    assert names.tolist() == music.target_names
    assert len(names) == 6
    assert np.ptp(counts) <= 1
    assert not np.array_equal(music.target[:6], music.target[6:12])


def test_target_tags_are_each_in_two_clips_of_five():
    music = make_music(40, task="tags", sr=4000, duration=0.25, random_state=0)
    assert music.target.shape == (40, 8)
    assert music.target.dtype.kind == "i"
    assert_array_equal(music.target.sum(axis=0), 16)
    melodic = [music.target_names.index(n) for n in ("bell", "guitar", "organ", "pad")]
    players = music.target[:, melodic].sum(axis=1)
    assert set(players) == {1, 2}


def test_tempo_fast_tag_agrees_with_beats_per_minute():
    music = make_music(40, task="tags", sr=4000, duration=0.25, random_state=0)
    fast = music.target[:, music.target_names.index("fast")] == 1
    assert music.tempo[fast].min() >= 138.0
    assert music.tempo[~fast].max() <= 100.0


def test_tempo_genre_is_the_period_of_the_onsets():
    music = make_music(12, sr=SR, duration=8.0, random_state=0)
    n_best = 0
    for clip, tempo in zip(music.data, music.tempo, strict=True):
        flux = spectral_flux(clip)
        flux = flux - flux.mean()
        lags = np.correlate(flux, flux, "full")[len(flux) - 1 :] / (flux @ flux)
        # Four beats (three in a waltz) are always the period of some part. At a tempo
        # that is 4 % off (4 to 6 frames per beat), onsets do not coincide.
        frames = 60.0 / tempo * SR / 40
        right, wrong = (
            max(
                np.interp(beats * frames * stretch, np.arange(len(lags)), lags)
                for beats in (3, 4)
            )
            for stretch in (1.0, 1.04)
        )
        assert right > 0.2
        n_best += right > wrong + 0.1
    assert n_best == 12


def test_pitch_instrument_is_the_fundamental_of_the_first_note(phrases):
    beat = 60.0 / phrases.tempo
    for clip, pitch, seconds in zip(phrases.data, phrases.pitch, beat, strict=True):
        # The shortest first note lasts 0.6 of a beat, after at most 0.05 s.
        first_note = clip[int(0.03 * SR) : int((0.02 + 0.6 * seconds) * SR)]
        found, level_db = fundamental_near(first_note, SR, pitch)
        # Vibrato varies by up to 22 cents around the pitch, and the slice need not
        # span whole vibrato periods; a wrong note would be 100 cents off.
        assert abs(1200.0 * np.log2(found / pitch)) < 25.0
        assert level_db > -30.0


def test_pitch_instrument_nothing_sounds_below_it(phrases):
    for clip, pitch in zip(phrases.data, phrases.pitch, strict=True):
        spectrum = np.abs(np.fft.rfft(clip * np.hanning(len(clip)))) ** 2
        frequency = np.fft.rfftfreq(len(clip), 1.0 / SR)
        # Guitar bodies resonate at 90 to 160 Hz and FM bells have weak lower
        # sidebands: together less than a quarter of the energy.
        assert spectrum[frequency < 0.92 * pitch].sum() < 0.25 * spectrum.sum()


@pytest.mark.parametrize("task", TASKS)
def test_make_music_shortest_clip_at_lowest_rate_sounds(task):
    music = make_music(30, task=task, sr=4000, duration=0.25, random_state=0)
    assert music.data.shape == (30, 1000)
    assert np.all(np.isfinite(music.data))
    assert np.all(np.std(music.data, axis=1) > 0.01)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"task": "mood"}, r"task='mood' is unknown\. Pass one of 'genre'"),
        ({"n_clips": 0}, r"n_clips=0 must be an integer of at least 1\. Pass"),
        ({"n_clips": 2.5}, r"n_clips=2\.5 must be an integer"),
        ({"sr": 3999}, r"sr=3999 must be an integer of at least 4000 Hz.* Pass"),
        ({"sr": 22050.0}, r"sr=22050\.0 must be an integer"),
        ({"duration": 0.1}, r"duration=0\.1 must be .* at least 0\.25 s.* Pass"),
        ({"duration": np.inf}, r"duration=inf must be a finite number"),
        ({"duration": "3"}, r"duration='3' must be a finite number"),
    ],
)
def test_make_music_wrong_argument_raises_with_remedy(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_music(**{"n_clips": 1, "random_state": 0, **arguments})
