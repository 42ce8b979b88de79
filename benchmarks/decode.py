"""Decoding and resampling compressed files, compared with librosa and a thread pool."""

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import librosa
import numpy as np
import soundfile
import soxr

from benchmarks._timing import interleave, summarize, table
from sktag import RawWave, config_context
from sktag.clips import _probe
from sktag.datasets import make_music

FILE_SR, SR = 44100, 22050
REPEATS = 5
MADE_FILES, MADE_DURATION = 24, 10.0
MAX_FILES = 200  # per dataset
SETS = ("esc10", "fluid_instruments")  # datasets at 44.1 kHz


def decode(data, device):
    """Time decoding OGG and MP3 files of 44.1 kHz to arrays at 22,050 Hz."""
    with tempfile.TemporaryDirectory() as folder:
        sets = make_files(Path(folder))
        if data is not None:
            sets |= {name: find_files(data / name) for name in SETS}
        return {name: _compare(name, paths) for name, paths in sets.items()}


def make_files(folder):
    """Write generated music to stereo files and return their paths by format."""
    music = make_music(MADE_FILES, sr=FILE_SR, duration=MADE_DURATION, random_state=0)
    sets = {}
    for suffix in ("ogg", "mp3"):
        sets[f"made, {suffix}"] = paths = []
        for i, wave in enumerate(music.data):
            paths.append(str(folder / f"{i}.{suffix}"))
            other = music.data[i - 1]
            stereo = np.stack([wave + 0.3 * other, 0.3 * wave + other], axis=1)
            soundfile.write(paths[-1], stereo / 2, FILE_SR)
    return sets


def find_files(folder):
    """Return paths of a dataset's files, evenly spaced if there are many."""
    paths = sorted(map(str, folder.glob("audio/**/*.ogg")))
    if not paths:
        raise SystemExit(f"No files match {folder}/audio/**/*.ogg.")
    n_files = min(MAX_FILES, len(paths))
    picked = np.linspace(0, len(paths) - 1, n_files).round().astype(int)
    return [paths[i] for i in picked]


def with_sktag(paths, duration=None):
    """Decode with the default number of threads; without a duration, headers first."""
    with config_context(decode_cache_bytes=0):
        return np.asarray(RawWave(sr=SR, duration=duration).fit_transform(paths))


def with_librosa(paths):
    """Decode in a loop; librosa resamples with soxr at quality HQ."""
    return [librosa.load(path, sr=SR)[0] for path in paths]


def with_pool(paths):
    """Decode with one thread per core, as in handwritten code."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(_read, paths))


def _read(path):
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return soxr.resample(samples.mean(axis=1), rate, SR, "HQ")


def _compare(name, paths):
    infos = [soundfile.info(path) for path in paths]
    longest = max(info.duration for info in infos)
    ways = {
        "sktag": partial(with_sktag, duration=longest),
        "sktag, lengths from the headers": with_sktag,
        "librosa.load, loop": with_librosa,
        "soundfile and soxr, thread pool": with_pool,
    }
    found = summarize(
        interleave(
            {way: partial(work, paths) for way, work in ways.items()},
            REPEATS,
            setup=_probe._memory.clear,  # sktag caches headers
        )
    )
    ours = with_sktag(paths)
    for way, work in ways.items():
        found[way]["files_per_s"] = len(paths) / found[way]["median_s"]
        found[way]["max_difference"] = max(
            _difference(a, b) for a, b in zip(ours, work(paths), strict=True)
        )
        print(f"{name}, {way}: {found[way]['files_per_s']:.0f} files per second")
    return {
        "n_files": len(paths),
        "n_channels": sorted({info.channels for info in infos}),
        "seconds_of_audio": sum(info.duration for info in infos),
        "ways": found,
    }


def _difference(ours, theirs):
    """Return the largest difference over the common samples."""
    n = min(len(ours), len(theirs))
    return float(np.abs(ours[:n] - theirs[:n]).max())


def report(results):
    """Return the table of the book."""
    rows = [
        [
            f"{name}: {found['n_files']} files, {found['seconds_of_audio']:.0f} s, "
            f"{'/'.join(map(str, found['n_channels']))} ch.",
            way,
            f"{row['files_per_s']:.0f}",
            f"{row['ratio']:.2f}",
            f"{row['max_difference']:.0e}",
        ]
        for name, found in results.items()
        for way, row in found["ways"].items()
    ]
    return "\n\n".join(
        [
            "Files at 44.1 kHz are decoded, averaged over channels and resampled to "
            "22,050 Hz. sktag caches nothing between repeats. With a `duration`, here "
            "that of the longest file, it opens each file once; without, it reads all "
            "headers first.",
            table(
                ["files", "method", "files / s", "time / sktag", "largest difference"],
                rows,
            ),
            "Medians of interleaved repeats, with the files in the system's cache. The "
            "largest difference is from sktag's samples, over all files.",
        ]
    )
