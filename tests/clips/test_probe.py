"""Headers of sound files: read, checked, remembered."""

import os

import numpy as np
import pytest
import soundfile as sf
from cachetools import LRUCache

from sktag.clips._audio import decode
from sktag.clips._probe import (
    AudioInfo,
    UnreadableAudio,
    probe,
    probe_many,
    stat_key,
)

SR = 22050


def noise(n, n_channels=1):
    shape = n if n_channels == 1 else (n, n_channels)
    return 0.2 * np.random.default_rng(0).standard_normal(shape)


def write(path, samples, sr=SR, container="WAV", codec="PCM_16"):
    sf.write(path, samples, sr, format=container, subtype=codec)
    return path


def set_flac_frames(path, n_frames):
    """Rewrite the total of samples in STREAMINFO, the last 36 of the bits 18..26."""
    content = bytearray(path.read_bytes())
    field = int.from_bytes(content[18:26], "big")
    content[18:26] = ((field >> 36 << 36) | n_frames).to_bytes(8, "big")
    path.write_bytes(content)


def test_probe_reads_the_header(tmp_path):
    path = write(tmp_path / "a.flac", noise(1234, 2), 32000, "FLAC", "PCM_24")
    found = os.stat(path)
    assert probe(path) == AudioInfo(
        path=str(path),
        size=found.st_size,
        mtime_ns=found.st_mtime_ns,
        ctime_ns=found.st_ctime_ns,
        inode=found.st_ino,
        sample_rate=32000,
        n_channels=2,
        n_frames=1234,
        format="FLAC",
        subtype="PCM_24",
        link_frames=(1234,),
    )
    times = (found.st_mtime_ns, found.st_ctime_ns)
    assert stat_key(path) == (found.st_size, *times, found.st_ino)


def test_probe_opens_a_file_again_only_when_it_changed(tmp_path, monkeypatch):
    path = write(tmp_path / "a.wav", noise(100))
    first = probe(path)

    def screaming(*args, **kwargs):
        raise AssertionError("opened")

    with monkeypatch.context() as patch:
        patch.setattr("sktag.clips._probe.Stream", screaming)
        assert probe(path) is first
    write(path, noise(200))
    assert probe(path).n_frames == 200
    os.utime(path, ns=(1, 1))
    assert probe(path).mtime_ns == 1


def test_probe_of_a_file_replaced_by_one_of_equal_size_and_time_is_anew(tmp_path):
    path = write(tmp_path / "a.wav", noise(100))
    other = write(tmp_path / "b.wav", noise(50, 2), 44100)
    assert path.stat().st_size == other.stat().st_size
    os.utime(path, ns=(1, 1))
    os.utime(other, ns=(1, 1))
    assert probe(path).sample_rate == SR
    before = stat_key(path)
    os.replace(other, path)
    assert stat_key(path) != before
    assert stat_key(path)[:2] == before[:2]
    assert probe(path).sample_rate == 44100


def test_probe_of_a_file_written_over_in_place_is_anew(tmp_path):
    path = write(tmp_path / "a.wav", noise(100))
    os.utime(path, ns=(1, 1))
    before = probe(path)
    write(path, noise(50, 2), 44100)
    os.utime(path, ns=(1, 1))
    after = probe(path)
    assert (after.size, after.mtime_ns, after.inode) == (
        before.size,
        before.mtime_ns,
        before.inode,
    )
    assert after.sample_rate == 44100


def test_probe_forgets_the_oldest_beyond_its_bound(tmp_path, monkeypatch):
    monkeypatch.setattr("sktag.clips._probe._memory", LRUCache(2))
    paths = [write(tmp_path / f"{i}.wav", noise(10)) for i in range(3)]
    first = [probe(path) for path in paths]
    assert probe(paths[2]) is first[2]
    assert probe(paths[0]) is not first[0]


@pytest.mark.parametrize("n_threads", [None, 1, 4])
def test_probe_many_keeps_the_order_and_returns_errors(tmp_path, n_threads):
    paths = [write(tmp_path / f"{i}.wav", noise(10 + i)) for i in range(6)]
    (tmp_path / "empty.wav").touch()
    paths[2:2] = [tmp_path / "missing.wav", tmp_path / "empty.wav", tmp_path]
    for _ in range(2):  # unknown, then known
        found = probe_many(paths, n_threads)
        assert [type(x) for x in found[2:5]] == [
            FileNotFoundError,
            UnreadableAudio,
            IsADirectoryError,
        ]
        assert [x.n_frames for x in found[:2] + found[5:]] == list(range(10, 16))


@pytest.mark.parametrize("rate", [1, 99, 768_001, 2**31 - 1])
def test_probe_of_an_insane_rate_raises(tmp_path, rate):
    path = write(tmp_path / "a.wav", noise(100), rate)
    with pytest.raises(ValueError, match=rf"a\.wav.*sample rate {rate} Hz is outside"):
        probe(path)


@pytest.mark.parametrize("claim", [0, 10**7, 2**36 - 1])
def test_probe_of_an_implausible_flac_header_counts_the_frames(tmp_path, claim):
    path = write(tmp_path / "a.flac", noise(3000), SR, "FLAC")
    set_flac_frames(path, claim)
    assert probe(path).n_frames == 3000
    assert len(decode(path, SR)) == 3000
    assert len(decode(path, SR, offset=0.1)) == 3000 - 2205


def test_probe_of_flac_silence_believes_its_many_frames(tmp_path):
    path = write(tmp_path / "a.flac", np.zeros(10**6), SR, "FLAC")
    assert 10**6 / path.stat().st_size > 100  # so that they are counted
    assert probe(path).n_frames == 10**6


@pytest.mark.parametrize("look", [probe, stat_key, lambda path: decode(path, SR)])
def test_look_at_a_missing_file_or_directory_raises(tmp_path, look):
    with pytest.raises(FileNotFoundError, match=r"check the path.*missing\.wav"):
        look(tmp_path / "missing.wav")
    (tmp_path / "sub").mkdir()
    with pytest.raises(IsADirectoryError, match=r"files in it.*sub"):
        look(tmp_path / "sub")
    for no_path in (None, float("nan"), 3.5, "a\0b"):
        with pytest.raises(ValueError, match="is not a path"):
            look(no_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_probe_of_a_pipe_raises_and_does_not_wait(tmp_path):
    os.mkfifo(tmp_path / "a.wav")
    with pytest.raises(ValueError, match=r"a\.wav.*not a regular file"):
        probe(tmp_path / "a.wav")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all files"
)
def test_probe_without_permission_raises(tmp_path):
    path = write(tmp_path / "a.wav", noise(100))
    path.chmod(0)
    with pytest.raises(PermissionError, match=r"a\.wav"):
        probe(path)
