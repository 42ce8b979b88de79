"""Random operations compared with audiomentations or clip-by-clip equivalents."""

from collections.abc import Callable
from itertools import count
from typing import NamedTuple

import librosa
import numpy as np
import scipy.signal
import torch

from benchmarks._timing import interleave, summarize, table
from sktag.augment import (
    BackgroundMix,
    DynamicRangeCompression,
    Filter,
    FrequencyMask,
    FrequencyShift,
    Gain,
    Noise,
    NoiseBlend,
    PitchShift,
    PolarityInversion,
    Reverb,
    SpecNoise,
    TimeMask,
    TimeShift,
    TimeStretch,
)
from sktag.ops import RandomOp
from sktag.testing import make_waves

SR = 22050
N_CLIPS, DURATION = 32, 10.0
SPECTROGRAM = (96, 431)  # bins, frames: mel bands at a hop length of 512
REPEATS = 5
RNG = np.random.default_rng(0)


def augment(data, device):
    """Time each operation, with new draws each time, and its closest equivalent."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    waves = make_waves(N_CLIPS, round(SR * DURATION))
    spectrograms = RNG.normal(size=(N_CLIPS, *SPECTROGRAM)).astype(np.float32)
    found = {}
    for name, case in _cases().items():
        # Operations that accept both kinds are timed on waveforms.
        clips = spectrograms if case.op.takes == "spectrogram" else waves
        ways = {"sktag": _ours(case.op, torch.from_numpy(clips).to(device))}
        if case.other is not None:
            ways["other"] = _clip_by_clip(case.other, clips)
        wait = torch.cuda.synchronize if device == "cuda" else None
        rows = summarize(interleave(ways, REPEATS, wait=wait, warm=True))
        found[name] = {"other_is": case.other_is, "ways": rows}
        print(_line(name, found[name]))
    return {"device": device, "n_threads": torch.get_num_threads(), "ops": found}


def _ours(op, x):
    epochs = count()
    return lambda: op.augment(x, seed=0, epoch=next(epochs), sample_rate=SR)


def _clip_by_clip(function, clips):
    return lambda: [function(clip, SR) for clip in clips]


def _line(name, row):
    ours = row["ways"]["sktag"]["median_s"]
    line = f"{name}: {1e3 * ours:.1f} ms"
    if "other" in row["ways"]:
        other = row["ways"]["other"]
        line += f"; {row['other_is']}: {other['ratio']:.2f} times as long"
    return line


# Equivalents of operations that audiomentations 0.7 lacks, or that fail there because
# of an outdated librosa call: clip by clip, with NumPy, SciPy and librosa.


def _stretch(samples, sample_rate):
    rate = RNG.uniform(0.8, 1.25)
    return librosa.effects.time_stretch(samples, rate=rate)


def _shift_pitch(samples, sample_rate):
    steps = RNG.uniform(-2, 2)
    return librosa.effects.pitch_shift(samples, sr=sample_rate, n_steps=steps)


def _filter(samples, sample_rate):
    cutoff = np.exp(RNG.uniform(np.log(500), np.log(7500)))
    sections = scipy.signal.butter(2, cutoff, fs=sample_rate, output="sos")
    return scipy.signal.sosfiltfilt(sections, samples).astype(np.float32)


def _reverberate(samples, sample_rate):
    seconds = RNG.uniform(0.2, 1.0)
    times = np.arange(round(seconds * sample_rate), dtype=np.float32) / sample_rate
    noise = RNG.standard_normal(len(times), dtype=np.float32)
    room = noise * np.exp(-times * np.float32(np.log(1e3) / seconds))
    wet = scipy.signal.fftconvolve(samples, room)[: len(samples)]
    return 0.7 * samples + 0.3 * wet / np.std(wet) * np.std(samples)


def _compress(samples, sample_rate):
    pole = np.exp(-1 / (0.02 * sample_rate))
    power = scipy.signal.lfilter([1 - pole], [1, -pole], samples**2)
    over = np.maximum(10 * np.log10(power + 1e-30) - RNG.uniform(-40, -10), 0)
    return samples * 10 ** (over * (1 / RNG.uniform(2, 8) - 1) / 20)


class _Case(NamedTuple):
    op: RandomOp
    other_is: str = ""
    other: Callable | None = None


def _cases():
    """Return the operations and their equivalents."""
    import audiomentations

    return {
        "Gain": _Case(
            Gain(), "audiomentations.Normalize", audiomentations.Normalize(p=1.0)
        ),
        "PolarityInversion": _Case(PolarityInversion(p=1.0)),
        "TimeShift": _Case(
            TimeShift(), "audiomentations.Shift", audiomentations.Shift(p=1.0)
        ),
        "Noise, white": _Case(
            Noise(),
            "audiomentations.AddGaussianSNR",
            audiomentations.AddGaussianSNR(0.01, 0.3, p=1.0),
        ),
        "Noise, pink": _Case(Noise(color="pink")),
        "NoiseBlend": _Case(
            NoiseBlend(),
            "audiomentations.AddGaussianNoise",
            audiomentations.AddGaussianNoise(p=1.0),
        ),
        "BackgroundMix": _Case(
            BackgroundMix(RNG.normal(size=(8, 30 * SR)).astype(np.float32))
        ),
        "Filter": _Case(Filter(), "scipy.signal.sosfiltfilt", _filter),
        "Reverb": _Case(Reverb(), "scipy.signal.fftconvolve", _reverberate),
        "DynamicRangeCompression": _Case(
            DynamicRangeCompression(), "scipy.signal.lfilter", _compress
        ),
        "TimeStretch": _Case(TimeStretch(), "librosa.effects.time_stretch", _stretch),
        "PitchShift": _Case(PitchShift(), "librosa.effects.pitch_shift", _shift_pitch),
        "TimeMask": _Case(
            TimeMask(),
            "audiomentations.TimeMask, of waveforms",
            audiomentations.TimeMask(max_band_part=0.1, p=1.0),
        ),
        "FrequencyMask": _Case(FrequencyMask()),
        "FrequencyShift": _Case(FrequencyShift()),
        "SpecNoise": _Case(SpecNoise()),
    }


def report(results):
    """Return the table of the book."""
    rows = []
    for name, row in results["ops"].items():
        ours, other = row["ways"]["sktag"], row["ways"].get("other")
        rows.append(
            [
                f"`{name}`",
                f"{1e3 * ours['median_s']:.1f}",
                f"{1e3 * other['median_s']:.1f}" if other else "",
                f"{other['ratio']:.2f}" if other else "",
                row["other_is"],
            ]
        )
    header = ["operation", "sktag, ms", "other, ms", "other / sktag", "the other"]
    return (
        f"{table(header, rows)}\n\n"
        f"{N_CLIPS} clips of {DURATION:g} s at {SR} Hz (spectrograms of "
        f"{SPECTROGRAM[0]} bins and {SPECTROGRAM[1]} frames). sktag processes them as "
        f"a batch on the device ({results['device']}, {results['n_threads']} torch "
        "threads), with new random draws each time; the others process one clip after "
        f"the other on the CPU. Medians of {REPEATS} interleaved rounds. Operations "
        "that the pinned version of audiomentations lacks, or that fail there, are "
        "replaced by equivalent functions of SciPy and librosa. An empty cell means "
        "that there is no equivalent."
    )
