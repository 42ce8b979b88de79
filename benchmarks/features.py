"""Mel and constant-Q transforms compared with librosa, nnAudio and torch.stft."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import librosa
import numpy as np
import torch

from benchmarks._references import errors, reference_cqt, reference_mel
from benchmarks._timing import interleave, peak_memory, summarize, table
from sktag import RawWave
from sktag.ops import MelSpectrogramOp

SR = 22050
DURATION = 10.0
MEL_CLIPS, CQT_CLIPS = 32, 8
MEL_REPEATS, CQT_REPEATS, OTHER_REPEATS = 15, 7, 5
ERROR_CLIPS = 4  # clips on which errors are measured
LONG, LONG_REPEATS = 600.0, 3  # seconds, rounds

MEL = {"n_fft": 1024, "hop_length": 512, "n_mels": 128}
CQT = {"hop_length": 512, "fmin": None, "n_bins": 84, "bins_per_octave": 12}
# name: (sample rate, seconds per clip, differences from CQT)
OTHER_CQTS = {
    "36 bins per octave, 252 bins": (
        SR,
        DURATION,
        {"bins_per_octave": 36, "n_bins": 252},
    ),
    "88 bins from A0": (SR, DURATION, {"fmin": 27.5, "n_bins": 88}),
    "hop of 256": (SR, DURATION, {"hop_length": 256}),
    "filter_scale 0.5": (SR, DURATION, {"filter_scale": 0.5}),
    "16 kHz": (16000, DURATION, {}),
    "clips of 30 s": (SR, 30.0, {}),
}


def features(data, device):
    """Measure time, memory and error of mel and CQT, on the CPU and a device."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    audio = {"noise": _noise(ERROR_CLIPS, SR, DURATION)}
    if data is not None:
        audio["recordings"] = _recordings(data, ERROR_CLIPS)
    results = {"n_threads": torch.get_num_threads()}
    for task, (ways, n_clips, *_) in TASKS.items():
        results[task] = _compare(task, audio)
        for name in ways:
            results[task][name]["peak_bytes"] = _peak(task, name, n_clips, DURATION)
    results["other_cqts"] = _other_cqts()
    results["long"] = {task: _long(task) for task in TASKS}
    if device != "cpu":
        results["device"] = {task: _compare(task, audio, device) for task in TASKS}
    return results


# Inputs.


def _noise(n_clips, sr, duration):
    """Return white noise, (n_clips, n_samples)."""
    waves = np.random.default_rng(0).standard_normal(
        (n_clips, round(sr * duration)), dtype=np.float32
    )
    waves *= np.float32(0.1)
    return waves


def _recordings(data, n_clips):
    """Return clips from a folder of datasets, evenly spaced over its files."""
    paths = sorted(data.glob("*/audio/**/*.ogg"))
    if len(paths) < n_clips:
        raise SystemExit(f"{data} has fewer than {n_clips} files */audio/**/*.ogg.")
    picked = np.linspace(0, len(paths) - 1, n_clips).round().astype(int)
    read = RawWave(sr=SR, duration=DURATION, pad="repeat")
    return np.asarray(read.fit_transform([paths[i] for i in picked]))


# Methods: each function builds, once, a function of a batch of waveforms.


def _module(module):
    """Wrap a torch module as a function of an array or of a tensor on a device."""

    @torch.no_grad()
    def work(waves):
        return module(torch.as_tensor(waves))

    return work


def _sktag_mel(device="cpu"):
    return _module(MelSpectrogramOp(SR, **MEL, compression=None))


def _nnaudio_mel(device="cpu"):
    module = _nnaudio("MelSpectrogram", sr=SR, pad_mode="constant", **MEL)
    return _module(module.to(device))


def _torch_mel(device="cpu"):
    n_fft, hop = MEL["n_fft"], MEL["hop_length"]
    window = torch.hann_window(n_fft, device=device)
    filters = librosa.filters.mel(sr=SR, n_fft=n_fft, n_mels=MEL["n_mels"])
    filters = torch.from_numpy(filters).to(device)

    def mel(waves):
        spectra = torch.stft(
            waves,
            n_fft,
            hop,
            window=window,
            pad_mode="constant",
            return_complex=True,
        )
        return filters @ spectra.abs().square()

    return _module(mel)


def _librosa_mel():
    # Waveforms are float32 in C order, like librosa's filters by default.
    return lambda waves: librosa.feature.melspectrogram(y=waves, sr=SR, **MEL)


def _librosa_mel_each():
    one = _librosa_mel()
    return lambda waves: [one(wave) for wave in waves]


def _sktag_cqt(device="cpu", sr=SR, **changes):
    from sktag.ops import CQTOp

    return _module(CQTOp(sr, **(CQT | changes), compression=None))


def _nnaudio_cqt(name, device="cpu"):
    step = 2 ** (1 / CQT["bins_per_octave"])
    options = CQT | {
        "sr": SR,
        "fmin": librosa.note_to_hz("C1"),  # nnAudio's default is rounded to 32.70
        "pad_mode": "constant",
        # nnAudio's kernels are 1 / (step - 1) periods long: as long as librosa's.
        "filter_scale": (step - 1) * (step**2 + 1) / (step**2 - 1),
    }
    return _module(_nnaudio(name, **options).to(device))


def _librosa_cqt(sr=SR, **changes):
    return lambda waves: np.abs(librosa.cqt(waves, sr=sr, **(CQT | changes)))


def _librosa_cqt_each(sr=SR, **changes):
    one = _librosa_cqt(sr, **changes)
    return lambda waves: [one(wave) for wave in waves]


def _nnaudio(name, **options):
    with warnings.catch_warnings():
        # nnAudio 0.3.4 has docstrings with invalid escape sequences.
        warnings.simplefilter("ignore")
        from nnAudio import features as nnaudio

    return getattr(nnaudio, name)(**options, verbose=False)


MEL_WAYS = {
    "sktag": _sktag_mel,
    "torch.stft, dense filters": _torch_mel,
    "librosa, whole batch": _librosa_mel,
    "librosa, clip by clip": _librosa_mel_each,
    "nnAudio MelSpectrogram": _nnaudio_mel,
}
CQT_WAYS = {
    "sktag": _sktag_cqt,
    "librosa, whole batch": _librosa_cqt,
    "librosa, clip by clip": _librosa_cqt_each,
    "nnAudio CQT1992v2": partial(_nnaudio_cqt, "CQT1992v2"),
    "nnAudio CQT2010v2": partial(_nnaudio_cqt, "CQT2010v2"),
}


class _Task(NamedTuple):
    ways: dict
    n_clips: int
    repeats: int
    reference: Callable


TASKS = {
    "mel": _Task(
        MEL_WAYS, MEL_CLIPS, MEL_REPEATS, partial(reference_mel, sr=SR, **MEL)
    ),
    "cqt": _Task(
        CQT_WAYS, CQT_CLIPS, CQT_REPEATS, partial(reference_cqt, sr=SR, **CQT)
    ),
}


# Measurements.


def _compare(task, audio, device="cpu"):
    """Return the time of each method, and its errors on each kind of audio."""
    ways, n_clips, repeats, reference = TASKS[task]
    if device == "cpu":
        wait = None
        works = {name: build() for name, build in ways.items()}
    else:
        wait = torch.cuda.synchronize
        works = {
            name: build(device=device)
            for name, build in ways.items()
            if not name.startswith("librosa")
        }
    found = _time(works, _noise(n_clips, SR, DURATION), repeats, device, wait)
    for kind, clips in audio.items():
        trues = reference(clips)
        for name, work in works.items():
            result = work(_send(clips, device))
            result = result if device == "cpu" else result.cpu()
            found[name]["errors"][kind] = errors(result, trues)
    return found


def _time(works, waves, repeats, device="cpu", wait=None):
    """Return the time of several methods on the same waveforms, by name."""
    waves_there = _send(waves, device)
    rounds = {name: partial(work, waves_there) for name, work in works.items()}
    found = summarize(interleave(rounds, repeats, wait=wait, warm=True))
    for name, row in found.items():
        row["ms_per_clip"] = 1e3 * row["median_s"] / len(waves)
        row["errors"] = {}
        print(f"{name}: {row['ms_per_clip']:.2f} ms per clip, ratio {row['ratio']:.2f}")
    return found


def _send(waves, device):
    return waves if device == "cpu" else torch.from_numpy(waves).to(device)


def _peak(task, name, n_clips, duration):
    return peak_memory(_prepare, task, name, n_clips, duration)


def _prepare(task, name, n_clips, duration):
    """Return a method on a second of noise and on a batch, for `peak_memory`."""
    work = TASKS[task].ways[name]()
    return (
        partial(work, _noise(1, SR, 1.0)),
        partial(work, _noise(n_clips, SR, duration)),
    )


def _other_cqts():
    results = {}
    for setting, (sr, duration, changes) in OTHER_CQTS.items():
        print(f"Constant-Q, {setting}")
        works = {
            "sktag": _sktag_cqt(sr=sr, **changes),
            "librosa": _librosa_cqt(sr=sr, **changes),
        }
        waves = _noise(CQT_CLIPS, sr, duration)
        results[setting] = found = _time(works, waves, OTHER_REPEATS)
        trues = reference_cqt(waves[:1], sr, **(CQT | changes))
        for name, work in works.items():
            found[name]["errors"]["noise"] = errors(work(waves[:1]), trues)
    return results


def _long(task):
    print(f"One clip of {LONG:.0f} s, {task}")
    works = {"sktag": TASKS[task].ways["sktag"]()}
    found = _time(works, _noise(1, SR, LONG), LONG_REPEATS)["sktag"]
    found["peak_bytes"] = _peak(task, "sktag", 1, LONG)
    return found


# Report.

_MEL_TEXT = (
    f"Mel spectrograms of {MEL_CLIPS} clips of {DURATION:.0f} s at {SR:,} Hz "
    f"({', '.join(f'`{key}={value}`' for key, value in MEL.items())}; power, no "
    "compression). *Max* is the largest error divided by the largest value of the "
    "reference, for the worst clip. The reference is computed in float64."
)
_CQT_TEXT = (
    f"Constant-Q magnitudes of {CQT_CLIPS} clips of {DURATION:.0f} s at {SR:,} Hz "
    f"({CQT['n_bins']} bins from C1, {CQT['bins_per_octave']} per octave, "
    f"`hop_length={CQT['hop_length']}`). The reference is the definition in float64: "
    "inner products of the zero-padded signal with the kernels of "
    "`librosa.filters.wavelet`, or with the same kernels mirrored in time (whichever "
    "is nearer), times the square root of their lengths. For errors e and reference r, "
    "*mean* is mean |e| / mean |r|, and *relative* is the mean of |e| / |r| where r is "
    "at most 60 dB below the clip's maximum. nnAudio's `filter_scale` is set so that "
    "its kernels are as long as librosa's; by default they are shorter."
)
_NOTES = (
    "Times are medians of interleaved repeats, each directly after an untimed one. "
    "Peak memory is the peak increase in resident memory, in a fresh process "
    "that already holds the input and has processed a second of noise: temporaries and "
    "the result count, imports do not."
)


def report(results):
    """Return the tables of the book."""
    parts = [
        _MEL_TEXT,
        _table("mel", results["mel"], ["max"]),
        _CQT_TEXT,
        _table("constant-Q", results["cqt"], ["mean", "relative"]),
    ]
    others = {
        f"{setting}: {name}": row
        for setting, rows in results["other_cqts"].items()
        for name, row in rows.items()
    }
    parts.append(_table("constant-Q, other settings", others, ["mean", "relative"]))
    long = [
        [task, f"{row['median_s']:.2f}", f"{row['peak_bytes'] / 1e6:.0f}"]
        for task, row in results["long"].items()
    ]
    parts.append(table([f"one clip of {LONG:.0f} s, sktag", "s", "peak MB"], long))
    if "device" in results:
        parts.append("On the GPU, with waveforms already in its memory:")
        parts.append(_table("mel", results["device"]["mel"], ["max"]))
        parts.append(
            _table("constant-Q", results["device"]["cqt"], ["mean", "relative"])
        )
    parts.append(f"{_NOTES} {results['n_threads']} threads.")
    return "\n\n".join(parts)


def _table(title, rows, measures):
    """Return a table with time, memory and errors of each row."""
    first = next(iter(rows.values()))
    columns = [(kind, measure) for kind in first["errors"] for measure in measures]
    header = [title, "ms per clip", "time / sktag"]
    if "peak_bytes" in first:
        header.append("peak MB")
    header += [f"{measure}, {kind}" for kind, measure in columns]
    lines = []
    for name, row in rows.items():
        line = [name, f"{row['ms_per_clip']:.2f}", f"{row['ratio']:.2f}"]
        if "peak_bytes" in row:
            line.append(f"{row['peak_bytes'] / 1e6:.0f}")
        line += [f"{row['errors'][kind][measure]:.1e}" for kind, measure in columns]
        lines.append(line)
    return table(header, lines)
