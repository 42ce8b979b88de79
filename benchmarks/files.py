"""Odd sound files: what becomes of each, and whether lengths are those of ffmpeg."""

import csv
import tempfile
import warnings
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np

from benchmarks._timing import table
from sktag import RawWave, config_context
from sktag.clips._audio import probe
from sktag.clips._report import one_report

N_CLEAN, N_DAMAGED = 1280, 240  # MP3s; damaged ones of each of three kinds
RATES = (16000, 22050, 24000, 32000, 44100, 48000)
MODES = {
    "CBR": {"b": "96000"},
    "ABR": {"b": "96000", "abr": "1"},
    "VBR": {"flags": "+qscale", "global_quality": str(4 * 118)},
}
WRAPS = ("no tags", "ID3v2", "400 kB of art", "ID3v1", "APE", "all tags")


def files(data, device):
    """Read MP3s made with many settings, and the odd files of a folder."""
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, made in make_mp3s(Path(folder)).items():
            results[kind] = outcomes(list(made), list(made.values()))
    if data is not None:
        root = Path(data) / "nasty"
        with open(root / "manifest.csv", newline="") as file:
            paths = [str(root / row["file"]) for row in csv.DictReader(file)]
        results["nasty"] = outcomes(paths, [None] * len(paths))
    return results


def make_mp3s(folder):
    """Write MP3s of many kinds; return ffmpeg's lengths by path, by kind."""
    rng = np.random.default_rng(0)
    made = {}

    def put(kind, content):
        path = folder / f"{sum(map(len, made.values()))}.mp3"
        path.write_bytes(content)
        made.setdefault(kind, {})[str(path)] = count_by_av(path)

    for i in range(N_CLEAN):
        mode, has_header, content, _ = encoded(rng, i)
        wrap = WRAPS[i % len(WRAPS)]
        kind = f"{mode}, {'Xing' if has_header else 'no header'}"
        put(kind, wrapped(content, wrap))
    for i in range(N_DAMAGED):
        *_, content, rate = encoded(rng, i)
        put("truncated", content[: int(len(content) * rng.uniform(0.3, 0.95))])
        *_, other, _ = encoded(rng, i, rate)
        put("two in one file", content + other)
        junk = rng.integers(0, 255, 3000).astype(np.uint8).tobytes()
        put("garbage between two", content + junk + other)
    return made


def encoded(rng, i, rate=None):
    """Return mode, whether there is a Xing header, an MP3, and its rate."""
    import av

    mode = list(MODES)[i % 3]
    has_header = bool(i // 3 % 2)
    n_channels = 1 + i // 6 % 2
    rate = rate or RATES[i // 12 % len(RATES)]
    layout = "stereo" if n_channels == 2 else "mono"
    n_samples = int(rng.uniform(0.7, 2.5) * rate)
    t = np.arange(n_samples) / rate
    waves = [0.3 * np.sin(2 * np.pi * rng.uniform(100, 4000) * t) for _ in range(2)]
    noise = 0.02 * rng.standard_normal((n_channels, n_samples))
    samples = (np.stack(waves[:n_channels]) + noise).astype(np.float32)
    with tempfile.NamedTemporaryFile(suffix=".mp3") as file:
        options = {"write_xing": str(int(has_header)), "id3v2_version": "0"}
        with av.open(file.name, "w", options=options) as container:
            stream = container.add_stream("libmp3lame", rate=rate, options=MODES[mode])
            stream.layout, stream.format = layout, "fltp"
            whole = av.AudioFrame.from_ndarray(samples, "fltp", layout)
            whole.sample_rate = rate
            fifo = av.AudioFifo()
            fifo.write(whole)
            done = 0
            while frame := fifo.read(1152 if rate >= 32000 else 576, partial=True):
                frame.pts, frame.time_base = done, Fraction(1, rate)
                done += frame.samples
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        content = Path(file.name).read_bytes()
    return mode, has_header, content, rate


def wrapped(content, wrap):
    """Put tags around an MP3."""
    title = b"TIT2\0\0\0\x06\0\0\0Title"
    art = b"APIC\0\x06\x1a\x80\0\0\0image/jpeg\0\x03\0" + bytes(399_986)
    ape = (2000).to_bytes(4, "little") + (32).to_bytes(4, "little") + (0).to_bytes(4)
    ape += bytes(8)
    if wrap in ("ID3v2", "all tags"):
        content = id3v2(title) + content
    if wrap == "400 kB of art":
        content = id3v2(title + art) + content
    if wrap in ("APE", "all tags"):
        content += b"APETAGEX" + ape
    if wrap in ("ID3v1", "all tags"):
        content += b"TAG" + bytes(125)
    return content


def id3v2(frames):
    """Return an ID3v2.3 tag; its length has 7 bits a byte."""
    n = len(frames)
    size = bytes([n >> 21 & 127, n >> 14 & 127, n >> 7 & 127, n & 127])
    return b"ID3\x03\0\0" + size + frames


def count_by_av(path):
    """Return the samples that ffmpeg's libraries decode of a file."""
    import av

    n_samples = 0
    with av.open(str(path)) as container:
        for packet in container.demux(audio=0):
            try:
                n_samples += sum(frame.samples for frame in packet.decode())
            except av.InvalidDataError:
                continue  # as ffmpeg does
    return n_samples


def outcomes(paths, lengths):
    """Return what becomes of files, and how far lengths are from the true ones."""
    with (
        warnings.catch_warnings(record=True) as caught,
        config_context(decode_cache_bytes=0),
        one_report() as report,
    ):
        warnings.simplefilter("always")
        raw = RawWave(sr=16000, duration=2.0, on_error="warn")
        for begin in range(0, len(paths), 64):
            np.asarray(raw.fit_transform(paths[begin : begin + 64]))
    kinds = Counter(kind for _, kind, _ in report.rows)
    frames = []
    for path, length in zip(paths, lengths, strict=True):
        if length is not None:
            info = probe(path)
            size = 1152 if info.sample_rate >= 32000 else 576
            frames.append(abs(info.n_frames - length) / size)
    return {
        "n_files": len(paths),
        "outcomes": dict(kinds),
        "n_warnings": len(caught),
        "n_within_one_frame": sum(f <= 1 for f in frames) if frames else None,
        "most_frames": max(frames, default=None),
    }


def report(results):
    """Return the table of the book."""
    names = ("ok", "suspect", "repaired", "failed")
    rows = [
        [
            kind,
            str(found["n_files"]),
            *(str(found["outcomes"].get(name, 0)) for name in names),
            str(found["n_warnings"]),
            "" if found["most_frames"] is None else str(found["n_within_one_frame"]),
            "" if found["most_frames"] is None else f"{found['most_frames']:.2f}",
        ]
        for kind, found in results.items()
    ]
    return table(
        [
            "files",
            "number",
            *names,
            "warnings",
            "length within a frame of ffmpeg's",
            "largest difference (frames)",
        ],
        rows,
    )
