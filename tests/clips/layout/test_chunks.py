"""WAV, AIFF and AU files whose sizes are wrong."""

import numpy as np
import pytest
import soundfile as sf

from sktag.clips._audio import UnreadableAudio, decode, probe

SR = 22050
N = 3000
# Container, byte order, what the size follows, and its distance.
KINDS = {
    "WAV": ("little", b"data", 4),
    "AIFF": ("big", b"SSND", 4),
    "AU": ("big", b".snd", 8),
}


@pytest.fixture(params=KINDS)
def container(request):
    return request.param


@pytest.fixture
def intact(tmp_path, container):
    path = tmp_path / "intact"
    noise = 0.2 * np.random.default_rng(0).standard_normal((N, 2))
    sf.write(path, noise, SR, format=container, subtype="PCM_16")
    return path


def with_size(intact, container, size):
    """Return the bytes of a file with another size of its sound."""
    order, name, distance = KINDS[container]
    content = bytearray(intact.read_bytes())
    at = content.index(name) + distance
    content[at : at + 4] = size.to_bytes(4, order)
    return bytes(content)


@pytest.mark.parametrize("size", [0, 1, 4000, 4 * N - 600])
def test_decode_where_the_size_is_too_small_returns_all(
    tmp_path, intact, container, size
):
    path = tmp_path / "a.x"
    path.write_bytes(with_size(intact, container, size))
    with pytest.warns(UserWarning, match=rf"a\.x.*says {size} bytes.*all of it is"):
        found = decode(path, SR)
    assert probe(path).n_frames == N
    expected = decode(intact, SR)
    np.testing.assert_array_equal(found, expected)
    part = decode(path, SR, offset=0.1, n_samples=500)
    np.testing.assert_array_equal(part, expected[2205:2705])


@pytest.mark.parametrize("size", [2**32 - 1, 2**31 - 1, 0x7FFFF000])
def test_decode_of_what_was_written_to_a_pipe_returns_all(
    tmp_path, intact, container, size
):
    path = tmp_path / "a"
    path.write_bytes(with_size(intact, container, size))
    np.testing.assert_array_equal(decode(path, SR), decode(intact, SR))


def test_decode_of_a_truncated_file_warns(tmp_path, intact, container):
    path = tmp_path / "a.x"
    path.write_bytes(intact.read_bytes()[: -4 * 1000])
    with pytest.warns(UserWarning, match=r"a\.x.*the rest is missing"):
        found = decode(path, SR)
    np.testing.assert_array_equal(found, decode(intact, SR)[: len(found)])
    assert len(found) == N - 1000


@pytest.mark.parametrize(
    "behind",
    [
        b"LIST\x10\0\0\0" + bytes(600),
        b"LIST\xff\xff\0\0" + b"x" * 600,
        b"abcd\x58\x02\0\0" + b"x" * 600,
        b"TAG" + b"x" * 600,
        b"ID3" + b"x" * 600,
        bytes(90_000),
        b"\x01" * 400,
    ],
    ids=["chunk", "cut chunk", "unknown chunk", "id3v1", "id3v2", "zeros", "little"],
)
def test_decode_of_wav_with_no_sound_behind_its_sound_leaves_it_out(tmp_path, behind):
    path = tmp_path / "a.wav"
    sf.write(path, np.full(N, 0.1), SR)
    expected = decode(path, SR)
    path.write_bytes(path.read_bytes() + behind)
    np.testing.assert_array_equal(decode(path, SR), expected)


def test_decode_of_wav_with_chunks_in_front_of_a_small_size_returns_all(tmp_path):
    path = tmp_path / "a.wav"
    noise = 0.2 * np.random.default_rng(0).standard_normal(N)
    sf.write(path, noise, SR, subtype="FLOAT")  # this has a fact and a PEAK chunk
    expected = decode(path, SR)
    content = bytearray(path.read_bytes())
    assert b"PEAK" in content[: content.index(b"data")]
    at = content.index(b"data") + 4
    content[at : at + 4] = bytes(4)
    path.write_bytes(content)
    with pytest.warns(UserWarning, match="all of it is read"):
        np.testing.assert_array_equal(decode(path, SR), expected)


def test_probe_of_a_header_alone_raises(tmp_path):
    path = tmp_path / "a.wav"
    sf.write(path, np.zeros(0), SR)
    with pytest.raises(UnreadableAudio, match="holds no sound"):
        probe(path)
