"""MPEG audio with and without header frames, tagged, cut, joined and damaged.

libsndfile writes MP3 with a correct Info frame, which is the first; the odd files are
made of its frames. The samples of a file are to be those of the intact one; 1e-6 is
float32 computed in another order.
"""

import numpy as np
import pytest
import soundfile as sf

from sktag.clips._audio import UnreadableAudio, decode, probe

TRIM = 1105  # samples that libsndfile leaves out for the delay: 576 + 529
KBITS = {3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)}
KBITS[2] = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000)}


def encode(path, sr=44100, n_channels=1, duration=4.0, mode="VARIABLE"):
    """Write tones in which every frame differs, and return the bytes of each frame."""
    t = np.arange(int(duration * sr)) / sr
    x = 0.3 * np.sin(2 * np.pi * 300 * t * (1 + t)) * (1 + np.sin(9 * t)) / 2
    x += 0.02 * np.random.default_rng(0).standard_normal(len(t)) * (np.sin(5 * t) > 0)
    channels = x if n_channels == 1 else np.stack([x, 0.5 * x], 1)
    sf.write(path, channels, sr, format="MP3", bitrate_mode=mode)
    return frames_of(path.read_bytes())


def frames_of(content):
    frames = []
    while content:
        version = content[1] >> 3 & 3
        kbits = KBITS[version][content[2] >> 4]
        rate = RATES[version][content[2] >> 2 & 3]
        size = (144 if version == 3 else 72) * 1000 * kbits // rate
        size += content[2] >> 1 & 1
        frames.append(content[:size])
        content = content[size:]
    return frames


def id3v2(n, footer=False):
    """Return a tag of zeros, as long as that of a cover."""
    size = bytes(n >> shift & 127 for shift in (21, 14, 7, 0))
    tag = b"ID3\x04\0" + bytes([16 * footer]) + size + bytes(n)
    return tag + (b"3DI\x04\0\x10" + size if footer else b"")


def apev2(n, header=True):
    """Return a tag with a footer."""
    size = (n + 32).to_bytes(4, "little")
    flags = [(7 << 29) * header, (4 << 29) * header]
    head, foot = (
        b"APETAGEX\xd0\x07\0\0"
        + size
        + bytes(4)
        + flag.to_bytes(4, "little")
        + bytes(8)
        for flag in flags
    )
    return header * head + bytes(n) + foot


ID3V1 = b"TAG" + bytes(125)
LYRICS = b"LYRICSBEGIN" + b"IND00002000" + b"000022" + b"LYRICS200"


@pytest.fixture(params=[(44100, 1), (44100, 2), (22050, 1)], ids=str)
def kind(request):
    return request.param


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.mp3"


def whole(tmp_path, kind, **options):
    """Return frames, samples from the first to the last frame, and samples a frame."""
    source = tmp_path / "source.mp3"
    frames = encode(source, *kind, **options)
    n = 1152 if kind[0] > 24000 else 576
    return frames, decode(source, kind[0]), n


# Sound files: no warning (warnings are errors), true lengths


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_decode_without_an_info_frame_returns_all_frames(tmp_path, kind, path, mode):
    frames, samples, n = whole(tmp_path, kind, mode=mode)
    path.write_bytes(b"".join(frames[1:]))
    assert probe(path).n_frames == n * len(frames[1:])
    # What LAME adds in front is sound too, if no header counts it.
    found = decode(path, kind[0])
    assert len(found) == n * len(frames[1:])
    found = found[TRIM : TRIM + len(samples)]
    np.testing.assert_allclose(found, samples, atol=1e-6)


@pytest.mark.parametrize("first", [0, 1], ids=["info", "no info"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (id3v2(400_000), b""),
        (id3v2(1000) + id3v2(20, footer=True), ID3V1),
        (apev2(500), apev2(700) + ID3V1),
        (b"", apev2(700, header=False)),
        (b"", LYRICS + ID3V1),
        (bytes(5000), id3v2(300, footer=True)),
        (b"<html>no sound</html>", b""),
    ],
    ids=["art", "two", "ape", "footer", "lyrics", "zeros", "text"],
)
def test_decode_with_tags_is_that_without(tmp_path, path, first, before, after):
    frames, _, _ = whole(tmp_path, (44100, 1))
    body = b"".join(frames[first:])
    (tmp_path / "plain.mp3").write_bytes(body)
    path.write_bytes(before + body + after)
    expected = decode(tmp_path / "plain.mp3", 44100)
    assert probe(path).n_frames == len(expected)
    np.testing.assert_array_equal(decode(path, 44100), expected)


def test_decode_from_the_middle_of_a_stream_is_silent_until_it_can_be_right(
    tmp_path, kind, path
):
    frames, _, n = whole(tmp_path, kind)
    (tmp_path / "plain.mp3").write_bytes(b"".join(frames[1:]))
    path.write_bytes(b"".join(frames[40:]))
    expected = decode(tmp_path / "plain.mp3", kind[0])[39 * n :]
    found = decode(path, kind[0])
    assert len(found) == len(expected)
    # Up to 511 earlier bytes are used: here less than twenty of the smallest frames.
    settled = 20 * n
    np.testing.assert_allclose(found[settled:], expected[settled:], atol=1e-6)
    assert np.abs(found[:settled]).max() <= 1.1 * np.abs(expected[:settled]).max()


def test_decode_of_a_file_in_a_format_of_another_name_works(tmp_path, path):
    frames, samples, _ = whole(tmp_path, (44100, 1))
    wrong = tmp_path / "a.wav"
    wrong.write_bytes(id3v2(100) + b"".join(frames))
    np.testing.assert_array_equal(decode(wrong, 44100), samples)


def test_decode_with_a_tag_longer_than_the_file_finds_the_sound(tmp_path, path):
    frames, samples, _ = whole(tmp_path, (44100, 1))
    tag = bytearray(id3v2(100))
    tag[6:10] = b"\x7f" * 4
    path.write_bytes(bytes(tag) + b"".join(frames))
    np.testing.assert_array_equal(decode(path, 44100), samples)


# Files that are mended, with a warning


def test_decode_of_joined_files_returns_all_of_both(tmp_path, kind, path):
    frames, samples, n = whole(tmp_path, kind)
    path.write_bytes(b"".join(frames) + ID3V1 + id3v2(3000) + b"".join(frames))
    with pytest.warns(UserWarning, match=r"a\.mp3.*header says.*all of it is read"):
        found = decode(path, kind[0])
    # The second Info frame is heard as a silent frame, as other decoders do.
    n_frames = 2 * len(frames) - 1
    assert len(found) == probe(path).n_frames == n * n_frames - TRIM
    np.testing.assert_allclose(found[: len(samples)], samples, atol=1e-6)
    second = found[len(frames) * n :][: len(samples)]
    np.testing.assert_allclose(second[n:], samples[n:], atol=1e-6)


def test_decode_of_mono_and_stereo_joined_is_both(tmp_path, path):
    mono = encode(tmp_path / "1.mp3", 44100, 1)
    stereo = encode(tmp_path / "2.mp3", 44100, 2)
    path.write_bytes(b"".join(mono + stereo))
    parts = [decode(tmp_path / name, 44100) for name in ("1.mp3", "2.mp3")]
    np.testing.assert_array_equal(decode(path, 44100), np.concatenate(parts))


def test_decode_of_joined_files_of_two_rates_raises(tmp_path, path):
    frames = encode(tmp_path / "1.mp3", 44100) + encode(tmp_path / "2.mp3", 22050)
    path.write_bytes(b"".join(frames))
    with pytest.raises(UnreadableAudio, match=r"a\.mp3.*from 44100 to 22050 Hz midway"):
        decode(path, 44100)


def test_decode_of_a_truncated_file_has_the_length_of_the_rest(tmp_path, kind, path):
    frames, samples, n = whole(tmp_path, kind)
    rest = frames[: len(frames) // 2]
    path.write_bytes(b"".join(rest) + frames[len(rest)][:10])
    with pytest.warns(UserWarning, match=r"a\.mp3.*header says.*the rest is missing"):
        found = decode(path, kind[0])
    assert len(found) == probe(path).n_frames == n * (len(rest) - 1) - TRIM
    # The last frame lacks what the next one would add.
    np.testing.assert_allclose(found[:-n], samples[: len(found) - n], atol=1e-6)


def test_decode_that_ends_within_a_frame_warns(tmp_path, kind, path):
    frames, _, n = whole(tmp_path, kind)
    path.write_bytes(b"".join(frames[1:50]) + frames[50][:10])
    with pytest.warns(UserWarning, match=r"a\.mp3.*ends within an MPEG frame"):
        assert len(decode(path, kind[0])) == 49 * n


@pytest.mark.parametrize("first", [0, 1], ids=["info", "no info"])
def test_decode_with_a_hole_skips_it(tmp_path, kind, path, first):
    frames, _, n = whole(tmp_path, kind)
    hole = [bytes(len(frame)) for frame in frames[60:66]]
    path.write_bytes(b"".join(frames[first:60] + hole + frames[66:]))
    (tmp_path / "plain.mp3").write_bytes(b"".join(frames[first:]))
    expected = decode(tmp_path / "plain.mp3", kind[0])
    with pytest.warns(UserWarning, match=r"a\.mp3.*are no MPEG audio"):
        found = decode(path, kind[0])
    # The padding that LAME counts is sound, where the frames are not those it counted.
    assert len(found) == n * (len(frames) - 7) - (0 if first else TRIM)
    np.testing.assert_allclose(found[: 50 * n], expected[: 50 * n], atol=1e-6)
    moved = found[80 * n - 6 * n : len(expected) - 8 * n]
    np.testing.assert_allclose(moved, expected[80 * n : -2 * n], atol=1e-6)


def test_decode_where_the_info_frame_counts_wrong_returns_what_is_there(tmp_path, path):
    frames, samples, _ = whole(tmp_path, (44100, 1))
    content = bytearray(b"".join(frames))
    at = content.index(b"Xing") + 8
    content[at : at + 4] = (3 * len(frames)).to_bytes(4, "big")
    path.write_bytes(content)
    with pytest.warns(UserWarning, match=r"a\.mp3.*header says"):
        found = decode(path, 44100)
    np.testing.assert_allclose(found[: len(samples)], samples, atol=1e-6)


# Parts


@pytest.mark.filterwarnings("ignore:.*the header says:UserWarning")
@pytest.mark.parametrize("sr", [22050, 44100])
@pytest.mark.parametrize("make", ["bare", "joined", "links"])
def test_decode_of_a_part_equals_the_part_of_the_whole(tmp_path, path, make, sr):
    mono = encode(tmp_path / "1.mp3", 44100, 1)
    stereo = encode(tmp_path / "2.mp3", 44100, 2)
    made = {"bare": mono[1:], "joined": mono + mono, "links": mono + stereo}
    path.write_bytes(b"".join(made[make]))
    expected = decode(path, sr)
    for offset, n in [(0.0, 500), (1.5, 3000), (3.9, 9000), (3.99, None)]:
        start = round(offset * sr)
        part = decode(path, sr, offset=offset, n_samples=n)
        wanted = expected[start:] if n is None else expected[start : start + n]
        assert part.shape == wanted.shape
        np.testing.assert_allclose(part, wanted, atol=1e-4)


# What libmpg123 prints


@pytest.mark.parametrize("content", [bytes(9000), b"text " * 2000, id3v2(2000)])
def test_probe_without_a_frame_raises_and_prints_nothing(path, content, capfd):
    path.write_bytes(content)
    with pytest.raises(UnreadableAudio, match=r"a\.mp3.*No sound found"):
        probe(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.filterwarnings("ignore:.*the header says:UserWarning")
@pytest.mark.parametrize("make", ["cut", "joined", "junk"])
def test_decode_of_an_odd_file_prints_nothing(tmp_path, kind, path, make, capfd):
    frames, _, _ = whole(tmp_path, kind)
    junk = np.random.default_rng(0).bytes(3000)
    made = {"cut": frames[30:], "joined": frames * 2, "junk": [junk, *frames, junk]}
    path.write_bytes(b"".join(made[make]))
    decode(path, kind[0])
    assert capfd.readouterr() == ("", "")
