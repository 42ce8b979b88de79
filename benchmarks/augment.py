"""Cost of the random operations beside audiomentations and librosa, clip by clip."""

import warnings
from functools import partial

import audiomentations
import librosa
import numpy as np
import scipy.signal
import torch

from benchmarks._timing import interleave, summarize, table
from sktag import augment

SR, DURATION, N_CLIPS, REPEATS = 22050, 10.0, 32, 5


# audiomentations 0.7 calls librosa as it was before 0.10: the same call as it is now.
class _TimeStretch(audiomentations.TimeStretch):
    def apply(self, samples, sample_rate):
        rate = np.random.default_rng(0).uniform(self.min_rate, self.max_rate)
        stretched = librosa.effects.time_stretch(samples, rate=rate)
        return librosa.util.fix_length(stretched, size=len(samples))


class _PitchShift(audiomentations.PitchShift):
    def apply(self, samples, sample_rate):
        steps = np.random.default_rng(0).uniform(self.min_semitones, self.max_semitones)
        return librosa.effects.pitch_shift(samples, sr=sample_rate, n_steps=steps)


def _convolve(samples, sample_rate):
    decay = np.exp(-6.9 * np.arange(sample_rate) / sample_rate)
    response = np.random.default_rng(0).standard_normal(sample_rate) * decay
    return scipy.signal.fftconvolve(samples, response.astype(samples.dtype))


def _compress(samples, sample_rate):
    pole = np.exp(-1 / (0.02 * sample_rate))
    level = scipy.signal.lfilter([1 - pole], [1, -pole], samples**2)
    return samples * np.maximum(level / 1e-3, 1) ** -0.375


# For each operation what is nearest to it, by name.
PAIRS = {
    "Gain": (augment.Gain(), "Normalize", audiomentations.Normalize(p=1.0)),
    "TimeShift": (augment.TimeShift(), "Shift", audiomentations.Shift(p=1.0)),
    "Noise": (augment.Noise(), "AddGaussianSNR", audiomentations.AddGaussianSNR(p=1.0)),
    "Noise, pink": (
        augment.Noise(color="pink"),
        "AddGaussianSNR (white)",
        audiomentations.AddGaussianSNR(p=1.0),
    ),
    "Filter": (augment.Filter(), "FrequencyMask", audiomentations.FrequencyMask(p=1.0)),
    "Reverb": (augment.Reverb(), "scipy.signal.fftconvolve", _convolve),
    "DynamicRangeCompression": (
        augment.DynamicRangeCompression(),
        "scipy.signal.lfilter and gain",
        _compress,
    ),
    "TimeStretch": (
        augment.TimeStretch(),
        "TimeStretch (librosa)",
        _TimeStretch(p=1.0),
    ),
    "PitchShift": (
        augment.PitchShift(),
        "PitchShift (librosa)",
        _PitchShift(-2, 2, p=1.0),
    ),
}


def augmentations(data, device):
    """Time of each operation on a batch, and of the nearest one clip by clip."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    shape = (N_CLIPS, round(SR * DURATION))
    waves = np.random.default_rng(0).standard_normal(shape, dtype=np.float32) * 0.1
    batch = torch.from_numpy(waves).to(device)
    wait = torch.cuda.synchronize if device == "cuda" else None
    results = {"n_threads": torch.get_num_threads(), "device": device, "pairs": {}}
    for name, (op, other_name, other) in PAIRS.items():
        ways = {
            "sktag": partial(op.augment, batch, sample_rate=SR),
            other_name: partial(_each, other, waves),
        }
        with warnings.catch_warnings():
            # random.randint of floats, which Python deprecates.
            warnings.simplefilter("ignore", DeprecationWarning)
            found = summarize(interleave(ways, REPEATS, wait=wait, warm=True))
        results["pairs"][name] = found
        ratio = found[other_name]["ratio"]
        print(
            f"{name}: {1e3 * found['sktag']['median_s']:.0f} ms for {N_CLIPS} clips; "
            f"{other_name}: {ratio:.2f} times that"
        )
    return results


def _each(function, waves):
    return [function(wave, SR) for wave in waves]


def report(results):
    """Return the table of the book."""
    lines = []
    for name, found in results["pairs"].items():
        other = next(key for key in found if key != "sktag")
        lines.append(
            [
                name,
                f"{1e3 * found['sktag']['median_s']:.0f}",
                other,
                f"{1e3 * found[other]['median_s']:.0f}",
                f"{found[other]['ratio']:.2f}",
            ]
        )
    text = (
        f"{N_CLIPS} clips of {DURATION:.0f} s at {SR:,} Hz: sktag as a batch on the "
        f"{results['device']}, the other clip by clip on the CPU; medians of "
        f"interleaved repeats. {results['n_threads']} threads."
    )
    header = ["operation", "ms", "nearest", "ms", "time / sktag's"]
    return f"{text}\n\n{table(header, lines)}"
