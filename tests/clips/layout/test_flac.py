"""FLAC files that change midway."""

import numpy as np
import pytest
import soundfile as sf

from sktag.clips._audio import UnreadableAudio, decode, probe


def frames_of(path):
    """Return the header of a FLAC file, and its frames."""
    content = path.read_bytes()
    at, is_last = 4, False
    while not is_last:
        is_last = bool(content[at] & 0x80)
        at += 4 + int.from_bytes(content[at + 1 : at + 4], "big")
    return content[:at], content[at:]


def write(path, sr, n, subtype="PCM_16", seed=0):
    noise = 0.2 * np.random.default_rng(seed).standard_normal(n)
    sf.write(path, noise, sr, format="FLAC", subtype=subtype)
    return path


def spliced(tmp_path, n, *others):
    """Write a file that goes on with the frames of others, as if they were its own."""
    header, frames = frames_of(write(tmp_path / "0", 22050, n))
    header = bytearray(header)
    field = int.from_bytes(header[18:26], "big")
    total = n * (1 + len(others))
    header[18:26] = ((field >> 36 << 36) | total).to_bytes(8, "big")
    more = [frames_of(write(tmp_path / "1", *other))[1] for other in others]
    path = tmp_path / "a.flac"
    path.write_bytes(b"".join([bytes(header), frames, *more]))
    return path


# Few frames, and more than are read at a time.
@pytest.mark.parametrize("n", [40_000, 2_000_000])
@pytest.mark.parametrize("rate", [44100, 8000, 12345, 96000])
def test_probe_of_a_rate_that_changes_raises(tmp_path, n, rate):
    path = spliced(tmp_path, n, (rate, n))
    with pytest.raises(UnreadableAudio, match=rf"a\.flac.*midway \(22050, {rate} Hz\)"):
        probe(path)


def test_decode_of_a_bit_depth_that_changes_is_right(tmp_path):
    path = spliced(tmp_path, 40_000, (22050, 40_000, "PCM_24", 1))
    expected = 0.2 * np.random.default_rng(1).standard_normal(40_000)
    np.testing.assert_allclose(decode(path, 22050)[40_000:], expected, atol=1e-6)


def test_decode_of_channels_that_change_raises(tmp_path):
    header, frames = frames_of(write(tmp_path / "1", 22050, 40_000))
    stereo = np.zeros((40_000, 2))
    sf.write(tmp_path / "2", stereo, 22050, format="FLAC")
    path = tmp_path / "a.flac"
    path.write_bytes(header + frames[: len(frames) // 2] + frames_of(tmp_path / "2")[1])
    with pytest.raises(UnreadableAudio, match=r"a\.flac.*damaged"):
        decode(path, 22050)


@pytest.mark.parametrize("rate", [22050, 44100, 11025, 96000, 400_000])
@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24"])
def test_probe_of_any_sound_file_raises_nothing(tmp_path, rate, subtype):
    path = write(tmp_path / "a.flac", rate, 100_000, subtype)
    assert probe(path).sample_rate == rate
