"""Caches of decoded clips."""

import os

import numpy as np
import pytest

from sktag import RawWave, config_context, set_config
from sktag.clips._cache import DECODED, DiskCache, MemoryCache


def test_memory_cache_drops_the_least_recently_used():
    cache = MemoryCache()
    with config_context(decode_cache_bytes=3 * 40):
        for name in "abc":
            cache.put((name,), np.zeros(10, dtype=np.float32))
        cache.get(("a",))
        cache.put(("d",), np.zeros(10, dtype=np.float32))
    assert cache.get(("b",)) is None
    assert all(cache.get((name,)) is not None for name in "acd")
    assert cache.n_bytes == 120


def test_memory_cache_keeps_nothing_larger_than_its_limit():
    cache = MemoryCache()
    with config_context(decode_cache_bytes=39):
        cache.put(("a",), np.zeros(10, dtype=np.float32))
    assert cache.get(("a",)) is None
    assert cache.n_bytes == 0


def test_memory_cache_counts_a_replaced_array_once():
    cache = MemoryCache()
    cache.put(("a",), np.zeros(10, dtype=np.float32))
    cache.put(("a",), np.zeros(20, dtype=np.float32))
    assert cache.n_bytes == 80


def test_clips_are_decoded_once_while_they_fit(decoded, wave_paths):
    X = RawWave().fit_transform(wave_paths)
    np.asarray(X)
    np.asarray(X[::-1])
    assert sorted(decoded) == sorted(wave_paths)


def test_clips_are_decoded_each_time_without_a_cache(decoded, wave_paths):
    X = RawWave().fit_transform(wave_paths)
    with config_context(decode_cache_bytes=0):
        np.asarray(X)
        np.asarray(X)
    assert len(decoded) == 2 * len(wave_paths)


def test_disk_cache_serves_other_clips_of_the_same_files(
    decoded, wave_paths, waves, tmp_path
):
    first = RawWave(memory=tmp_path / "cache").fit_transform(wave_paths)
    np.testing.assert_array_equal(np.asarray(first), waves)
    DECODED.clear()
    second = RawWave(memory=str(tmp_path / "cache")).fit_transform(wave_paths)
    np.testing.assert_array_equal(np.asarray(second), waves)
    assert len(decoded) == len(wave_paths)
    names = os.listdir(tmp_path / "cache")
    assert len(names) == len(wave_paths)
    assert all(name.endswith(".npy") for name in names)


def test_disk_cache_is_not_used_for_other_parameters(decoded, wave_paths, tmp_path):
    for offset in (0.0, 0.1):
        np.asarray(RawWave(memory=tmp_path, offset=offset).fit_transform(wave_paths))
    assert len(decoded) == 2 * len(wave_paths)


def test_disk_cache_mends_a_file_without_content(decoded, wave_paths, waves, tmp_path):
    clips = RawWave(memory=tmp_path).fit_transform(wave_paths)
    np.asarray(clips)
    for path in tmp_path.iterdir():
        path.write_bytes(b"")
    np.testing.assert_array_equal(np.asarray(clips), waves)
    assert len(decoded) == 2 * len(wave_paths)


def test_disk_cache_leaves_no_file_when_writing_fails(tmp_path):
    cache = DiskCache(str(tmp_path))

    class Broken:
        def __array__(self, dtype=None, copy=None):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.put(("a",), Broken())
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("value", [-1, 1.5, True, "1GiB"])
def test_set_config_to_no_number_of_bytes_raises(value):
    with pytest.raises(ValueError, match="whole number of bytes"):
        set_config(decode_cache_bytes=value)
