"""Decoding of sound files: `sktag.clips._audio`.

Tolerances: 1e-4 between a cut and the cut of the whole (the promise of the module);
1e-6 where the same float32 numbers are computed in another order.
"""

import math
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import soundfile as sf
import soxr

from sktag.clips._audio import UnreadableAudio, decode, probe

SR = 22050

# Container, codec, and the largest error of a sample that the codec makes in a sine.
FORMATS = [
    ("WAV", "PCM_U8", 1e-2),
    ("WAV", "PCM_16", 1e-4),
    ("WAV", "PCM_24", 1e-6),
    ("WAV", "PCM_32", 1e-6),
    ("WAV", "FLOAT", 1e-6),
    ("WAV", "DOUBLE", 1e-6),
    ("WAV", "ULAW", 5e-2),
    ("AIFF", "PCM_16", 1e-4),
    ("AU", "PCM_16", 1e-4),
    ("FLAC", "PCM_16", 1e-4),
    ("FLAC", "PCM_24", 1e-6),
    ("OGG", "VORBIS", 5e-2),
    ("MP3", "MPEG_LAYER_III", 5e-2),
]


def sine(n, sr, frequency=440.0):
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(n) / sr)


def noise(n, n_channels=1, seed=0):
    shape = n if n_channels == 1 else (n, n_channels)
    return 0.2 * np.random.default_rng(seed).standard_normal(shape)


def write(path, samples, sr=SR, container="WAV", codec="PCM_16"):
    sf.write(path, samples, sr, format=container, subtype=codec)
    return path


def set_flac_frames(path, n_frames):
    """Rewrite the total of samples in STREAMINFO, the last 36 of the bits 18..26."""
    content = bytearray(path.read_bytes())
    field = int.from_bytes(content[18:26], "big")
    content[18:26] = ((field >> 36 << 36) | n_frames).to_bytes(8, "big")
    path.write_bytes(content)
    return path


# What decode returns


@pytest.mark.parametrize(("container", "codec", "tolerance"), FORMATS)
def test_decode_of_a_sine_in_each_format_is_that_sine(
    tmp_path, container, codec, tolerance
):
    expected = sine(SR, SR)
    path = write(tmp_path / "a", expected, SR, container, codec)
    samples = decode(path, SR)
    assert samples.dtype == np.float32
    assert samples.shape == (SR,)
    inner = slice(2000, -2000)  # lossy codecs ring at the edges
    assert np.abs(samples - expected)[inner].max() < tolerance


def test_decode_of_opus_returns_the_sine(tmp_path):
    expected = sine(48000, 48000)
    samples = decode(write(tmp_path / "a", expected, 48000, "OGG", "OPUS"), 48000)
    # Opus keeps the waveform only roughly, as a codec for the ear does.
    assert np.corrcoef(samples, expected)[0, 1] > 0.99


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000, 96000])
def test_decode_at_another_rate_is_the_sine_at_that_rate(tmp_path, rate):
    path = write(tmp_path / "a.wav", sine(rate, rate), rate, codec="FLOAT")
    samples = decode(path, SR)
    assert samples.shape == (SR,)
    # 1e-3: the resampler's ripple; away from the edges, where the sine is cut off.
    assert np.abs(samples - sine(SR, SR))[1000:-1000].max() < 1e-3


@pytest.mark.parametrize("n_channels", [1, 2, 3, 6])
def test_decode_equals_soundfile_and_soxr(tmp_path, n_channels):
    path = write(tmp_path / "a.wav", noise(50_001, n_channels), 44100)
    frames, rate = sf.read(path, dtype="float32", always_2d=True)
    expected = soxr.resample(frames.mean(axis=1), rate, SR, "HQ")
    samples = decode(path, SR)
    assert len(samples) - len(expected) in (0, 1)  # soxr rounds, decode rounds up
    np.testing.assert_allclose(samples[: len(expected)], expected, atol=1e-6)


def test_decode_of_opposite_channels_is_silent(tmp_path):
    x = noise(1000)
    path = write(tmp_path / "a.wav", np.column_stack([x, -x]), codec="FLOAT")
    assert np.abs(decode(path, SR)).max() == 0


def test_decode_of_more_than_one_buffer_joins_the_blocks(tmp_path, monkeypatch):
    path = write(tmp_path / "a.wav", noise(5000, 2), codec="FLOAT")
    expected = decode(path, SR)
    monkeypatch.setattr("sktag.clips._audio._FIRST_BUFFER", 700)
    monkeypatch.setattr("sktag.clips._probe.BLOCK", 64)
    np.testing.assert_array_equal(decode(path, SR), expected)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
@pytest.mark.parametrize("n_frames", [1, 2, 7, 999, 1000])
def test_n_samples_of_any_length_is_what_decode_returns(tmp_path, rate, n_frames):
    path = write(tmp_path / "a.wav", noise(n_frames), rate)
    info = probe(path)
    assert info.n_samples(SR) == math.ceil(n_frames * SR / rate)
    assert len(decode(path, SR)) == info.n_samples(SR)
    offset = 0.4 * n_frames / rate
    assert len(decode(path, SR, offset=offset)) == info.n_samples(SR, offset)
    assert info.n_samples(SR, 1e6) == 0


# Cuts


@pytest.mark.parametrize("sr", [22050, 44100, 22051])
@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [
        ("WAV", "PCM_16", 44100),
        ("WAV", "MS_ADPCM", 44100),
        ("WAV", "IMA_ADPCM", 44100),
        ("WAV", "GSM610", 8000),
        ("CAF", "ALAC_16", 44100),
        ("FLAC", "PCM_16", 44100),
        ("OGG", "VORBIS", 44100),
        ("OGG", "OPUS", 16000),
        ("MP3", "MPEG_LAYER_III", 44100),
    ],
)
def test_decode_of_a_cut_equals_the_cut_of_the_whole(
    tmp_path, container, codec, rate, sr
):
    # A tone of slow beats: seeking in Opus, MP3 and the last page of Vorbis shows.
    t = np.arange(4 * rate) / rate
    x = 0.1 * np.sin(2 * np.pi * 300 * t) * (1 + np.sin(3 * t)) + 0.1 * noise(len(t))
    path = write(tmp_path / "a", x, rate, container, codec)
    whole = decode(path, sr)
    for offset, n in [(0.0, 500), (0.5, 3000), (1.2345, 1), (2.0, None), (3.9, 10**6)]:
        start = round(offset * sr)
        expected = whole[start:] if n is None else whole[start : start + n]
        cut = decode(path, sr, offset=offset, n_samples=n)
        assert cut.shape == expected.shape
        np.testing.assert_allclose(cut, expected, atol=1e-4)


def test_decode_of_vorbis_after_a_seek_equals_the_cut_of_the_whole(
    tmp_path, monkeypatch
):
    # The page length is lowered so that a short file is long enough to be sought in.
    monkeypatch.setattr("sktag.clips._audio._VORBIS_PAGE", 3 * SR)
    path = write(tmp_path / "a.ogg", noise(10 * SR), SR, "OGG", "VORBIS")
    whole = decode(path, SR)
    for offset in (5.0, 6.9, 9.99):
        cut = decode(path, SR, offset=offset, n_samples=1000)
        start = round(offset * SR)
        np.testing.assert_allclose(cut, whole[start : start + 1000], atol=1e-4)


def test_decode_of_a_cut_reads_only_its_part(tmp_path, monkeypatch):
    path = write(tmp_path / "a.wav", noise(20 * 44100), 44100)
    probe(path)
    read = sf.SoundFile.read
    n_read = []

    def counting(self, *args, **kwargs):
        frames = read(self, *args, **kwargs)
        n_read.append(len(frames))
        return frames

    monkeypatch.setattr(sf.SoundFile, "read", counting)
    decode(path, SR, offset=10.0, n_samples=1000)
    assert 2000 <= sum(n_read) < 4000


@pytest.mark.parametrize("offset", [1.0, 1.00001, 50.0])
def test_decode_from_beyond_the_end_raises(tmp_path, offset):
    path = write(tmp_path / "a.wav", noise(44100), 44100)
    with pytest.raises(ValueError, match=r"a\.wav.*beyond the end.*smaller offset"):
        decode(path, SR, offset=offset)


@pytest.mark.parametrize(
    "arguments",
    [
        {"sr": 0},
        {"sr": 50},
        {"sr": 22050.5},
        {"sr": float("nan")},
        {"sr": SR, "offset": -1.0},
        {"sr": SR, "offset": float("inf")},
        {"sr": SR, "offset": float("nan")},
        {"sr": SR, "n_samples": 0},
    ],
)
def test_decode_with_a_value_out_of_range_raises(tmp_path, arguments):
    path = write(tmp_path / "a.wav", noise(100))
    with pytest.raises(ValueError, match="must be"):
        decode(path, **arguments)


# Wrong headers


def test_decode_where_the_header_says_too_much_warns(tmp_path):
    path = write(tmp_path / "a.flac", noise(3000), SR, "FLAC")
    expected = decode(path, SR)
    set_flac_frames(path, 9000)
    assert probe(path).n_frames == 9000
    with pytest.warns(UserWarning, match=r"a\.flac.*says 9000 .* holds 3000 .*padded"):
        samples = decode(path, SR)
    np.testing.assert_array_equal(samples, expected)
    with pytest.raises(ValueError, match=r"a\.flac.*(beyond the end|damaged)"):
        decode(path, SR, offset=0.3)


def test_decode_where_the_header_says_too_little_returns_what_it_says(tmp_path):
    # libsndfile reads no further, so this cannot be noticed.
    path = write(tmp_path / "a.flac", noise(3000), SR, "FLAC")
    whole = decode(path, SR)
    set_flac_frames(path, 1000)
    np.testing.assert_array_equal(decode(path, SR), whole[:1000])


def test_decode_of_mp3_lacking_two_mpeg_frames_is_filled_without_warning(
    tmp_path, monkeypatch
):
    path = write(tmp_path / "a.mp3", noise(SR), SR, "MP3", "MPEG_LAYER_III")
    whole = decode(path, SR)
    frames = property(lambda self: SR + 1152)
    monkeypatch.setattr("sktag.clips._probe.Stream.frames", frames)
    os.utime(path, ns=(1, 1))  # not the header remembered
    samples = decode(path, SR)
    np.testing.assert_array_equal(samples, np.append(whole, np.zeros(1152)))
    frames = property(lambda self: SR + 1153)
    monkeypatch.setattr("sktag.clips._probe.Stream.frames", frames)
    os.utime(path, ns=(2, 2))
    with pytest.warns(UserWarning, match=r"a\.mp3"):
        np.testing.assert_array_equal(decode(path, SR), whole)


# Files that are refused


RANDOM = np.random.default_rng(0).bytes(5000)


@pytest.mark.parametrize("suffix", ["wav", "au", "mp3", "flac", "ogg", "raw"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"?", "not a sound file"),
        (b"Just some text.\n" * 100, "not a sound file"),
        (b"\n<!DOCTYPE html><html>404</html>", "web page.*download"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\0\0\0\x20ftypM4A " + RANDOM, "ffmpeg"),
        (RANDOM, "ffmpeg"),
    ],
    ids=["empty", "byte", "text", "html", "lfs", "m4a", "random"],
)
def test_decode_of_what_is_no_sound_file_raises(tmp_path, content, message, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    for look in (probe, lambda path: decode(path, SR)):
        with pytest.raises(ValueError, match=rf"a\.{suffix}.*{message}"):
            look(path)


@pytest.mark.parametrize("container", ["WAV", "AIFF", "AU"])
def test_decode_of_zero_frames_raises(tmp_path, container):
    path = write(tmp_path / "a", np.zeros(0), SR, container)
    with pytest.raises(ValueError, match="holds no sound"):
        decode(path, SR)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("rate", [SR, 44100])
def test_decode_of_a_value_that_is_not_finite_raises(tmp_path, value, n_channels, rate):
    x = noise(2000, n_channels)
    x[1000] = value
    path = write(tmp_path / "a.wav", x, rate, codec="DOUBLE")
    with pytest.raises(ValueError, match=r"a\.wav.*not finite"):
        decode(path, SR)


def test_decode_of_opposite_infinities_raises(tmp_path):
    path = write(tmp_path / "a.wav", [[np.inf, -np.inf], [3e38, 3e38]], codec="FLOAT")
    with pytest.raises(ValueError, match="not finite"):
        decode(path, SR)


def test_decode_of_a_flac_broken_in_the_middle_raises(tmp_path):
    path = write(tmp_path / "a.flac", noise(5 * SR), SR, "FLAC")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"a\.flac.*damaged"):
        decode(path, SR)


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX only")
@pytest.mark.parametrize("name", ["Überton 音.wav", os.fsdecode(b"\xff\xfe.wav")])
def test_decode_of_a_name_in_any_encoding_works(tmp_path, name):
    source = write(tmp_path / "a.wav", noise(100))
    try:
        (tmp_path / name).write_bytes(source.read_bytes())
    except OSError:
        pytest.skip("the file system refuses this name")
    assert len(decode(str(tmp_path / name), SR)) == 100


def test_decode_from_beyond_the_end_of_a_truncated_file_raises_of_the_file(tmp_path):
    path = set_flac_frames(write(tmp_path / "a.flac", noise(3000), SR, "FLAC"), 9000)
    with pytest.raises(UnreadableAudio, match=r"a\.flac"):
        decode(path, SR, offset=0.3)
    with pytest.raises(ValueError, match="beyond the end") as caught:
        decode(path, SR, offset=5.0)  # no fault of the file
    assert not isinstance(caught.value, UnreadableAudio)


@pytest.mark.parametrize("codec", ["FLOAT", "DOUBLE"])
def test_decode_of_floats_far_above_full_scale_warns_once(tmp_path, codec):
    path = write(tmp_path / "a.wav", 675.0 * sine(SR, SR) / 0.5, codec=codec)
    with pytest.warns(UserWarning, match=r"a\.wav.*peak of 675,.*divide.*normalize"):
        samples = decode(path, SR)
    assert samples.max() == pytest.approx(675, rel=1e-3)
    decode(path, SR, offset=0.5)  # warnings are errors


def test_decode_of_floats_above_full_scale_is_silent(tmp_path):
    decode(write(tmp_path / "a.wav", 6 * sine(SR, SR), codec="FLOAT"), SR)


def test_decode_in_threads_of_odd_files_equals_that_in_one(tmp_path):
    paths = []
    for i in range(12):
        container = ("OGG", "FLAC", "MP3")[i % 3]
        codec = {"OGG": "VORBIS", "FLAC": "PCM_16", "MP3": "MPEG_LAYER_III"}[container]
        part = write(
            tmp_path / f"part{i}", noise(20_000 + i, seed=i), SR, container, codec
        )
        content = part.read_bytes()
        joined = content + content if container != "MP3" else bytes(5000) + content
        paths.append(tmp_path / f"{i}.{container.lower()}")
        paths[-1].write_bytes(joined)
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda path: decode(path, 16000), paths * 3))
    for path, samples in zip(paths * 3, found, strict=True):
        np.testing.assert_array_equal(samples, decode(path, 16000))


def test_decode_does_not_depend_on_the_file_before(tmp_path):
    # The memory of a longer file is lent to the next; there must be room for padding.
    rng = np.random.default_rng(0)
    lengths = (1000, *range(10_990, 11_001))
    paths = [tmp_path / f"{n}.wav" for n in lengths]
    for path, n in zip(paths, lengths, strict=True):
        sf.write(path, rng.uniform(-0.5, 0.5, n), 44100)

    def in_new_thread(*read):
        with ThreadPoolExecutor(1) as pool:
            return list(pool.map(lambda path: decode(path, 8000), read))[-1]

    for path in paths[1:]:
        after = in_new_thread(paths[0], path)
        np.testing.assert_array_equal(after, in_new_thread(path))
