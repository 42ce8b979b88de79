"""Streams that follow each other: chained Ogg and joined FLAC."""

import numpy as np
import pytest
import soundfile as sf

from sktag.clips._audio import UnreadableAudio, decode, probe

CODECS = [
    ("OGG", "VORBIS", 22050),
    ("OGG", "OPUS", 48000),
    ("FLAC", "PCM_16", 22050),
]


def write(path, n, codec, seed, n_channels=1, sr=None):
    container, subtype, rate = codec
    shape = (n, n_channels) if n_channels > 1 else n
    noise = 0.2 * np.random.default_rng(seed).standard_normal(shape)
    sf.write(path, noise, sr or rate, format=container, subtype=subtype)
    return path


@pytest.fixture(params=CODECS, ids=lambda codec: codec[1])
def codec(request):
    return request.param


def test_decode_of_a_chain_is_its_streams_one_after_the_other(tmp_path, codec):
    rate = codec[2]
    sizes = [(0, 30_000, 1), (1, 9_000, 2), (2, 20_000, 1)]
    parts = [write(tmp_path / str(s), n, codec, s, c) for s, n, c in sizes]
    path = tmp_path / "a"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    expected = np.concatenate([decode(part, rate) for part in parts])
    assert probe(path).n_frames == 59_000
    np.testing.assert_array_equal(decode(path, rate), expected)
    for first, n in [(0, 100), (29_000, 12_000), (38_999, 2), (50_000, None)]:
        stop = None if n is None else first + n
        part = decode(path, rate, offset=first / rate, n_samples=n)
        np.testing.assert_array_equal(part, expected[first:stop])


def test_decode_of_a_chain_of_equal_streams_has_both(tmp_path, codec):
    # They have the same serial number, which chained Ogg should not.
    part = write(tmp_path / "part", 5000, codec, 0)
    path = tmp_path / "a"
    path.write_bytes(2 * part.read_bytes())
    expected = np.tile(decode(part, codec[2]), 2)
    np.testing.assert_array_equal(decode(path, codec[2]), expected)


def test_decode_of_a_chain_at_another_rate_resamples_across_the_border(tmp_path, codec):
    # A slow tone has no step at the border, and a resampler adds none.
    rate, n = codec[2], 40_000
    tone = 0.5 * np.sin(2 * np.pi * 50 * np.arange(2 * n) / rate)
    container, subtype, _ = codec
    for name, x in (("1", tone[:n]), ("2", tone[n:])):
        sf.write(tmp_path / name, x, rate, format=container, subtype=subtype)
    path = tmp_path / "a"
    path.write_bytes((tmp_path / "1").read_bytes() + (tmp_path / "2").read_bytes())
    found = decode(path, 16000)
    expected = 0.5 * np.sin(2 * np.pi * 50 * np.arange(len(found)) / 16000)
    # Lossy codecs ring at the ends of a stream.
    assert np.abs(found - expected)[500:-500].max() < 0.25
    cut = decode(path, 16000, offset=1.0, n_samples=3000)
    np.testing.assert_allclose(cut, found[16000:19000], atol=1e-4)


@pytest.mark.parametrize("codec", [CODECS[0], CODECS[2]], ids=["VORBIS", "FLAC"])
def test_decode_of_a_chain_of_two_rates_raises(tmp_path, codec):
    parts = [write(tmp_path / str(sr), 900, codec, 0, sr=sr) for sr in (22050, 16000)]
    path = tmp_path / "a.x"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    with pytest.raises(UnreadableAudio, match=r"a\.x.*from 22050 to 16000 Hz midway"):
        decode(path, 16000)


def test_decode_of_a_chain_with_a_truncated_end_warns(tmp_path):
    parts = [write(tmp_path / str(i), 60_000, CODECS[0], i) for i in range(2)]
    content = [part.read_bytes() for part in parts]
    path = tmp_path / "a.ogg"
    path.write_bytes(content[0] + content[1][:-1500])
    with pytest.warns(UserWarning, match=r"a\.ogg.*ends within an Ogg page"):
        found = decode(path, 22050)
    assert 60_000 < len(found) < 120_000


@pytest.mark.parametrize("share", [0.6, 0.99])
def test_decode_of_a_truncated_stream_warns(tmp_path, share):
    path = write(tmp_path / "a.ogg", 60_000, CODECS[0], 0)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.warns(UserWarning, match=r"a\.ogg.*ends within an Ogg page"):
        decode(path, 22050)


@pytest.mark.parametrize("n_bytes", [10, 20, 26])
def test_file_that_ends_within_the_head_of_a_page_is_no_crash(tmp_path, n_bytes):
    path = tmp_path / "a.ogg"
    sf.write(path, np.random.default_rng(0).uniform(-0.3, 0.3, 8000), 8000)
    content = path.read_bytes()
    whole = decode(path, 8000)
    path.write_bytes(content[:n_bytes])
    with pytest.raises(UnreadableAudio, match=r"a\.ogg"):
        decode(path, 8000)
    path.write_bytes(content + content[:n_bytes])
    with pytest.warns(UserWarning, match="ends within an Ogg page"):
        np.testing.assert_array_equal(decode(path, 8000), whole)
