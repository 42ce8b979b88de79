"""The random operations of augmentation: draw, then apply.

An Augmenter draws for each training clip and epoch. ``apply`` does an operation with
given parameters, whatever its probability: ``PitchShift(semitones=1.0).apply(x,
sample_rate)``. :data:`ROBUSTNESS` has the perturbations of a published robustness test
by name. Which labels an operation changes is told by its docstring, and of all of them
by that of :class:`sktag.Augmenter`.
"""

from sktag.augment.augment_op import AugmentOp, Lambda
from sktag.augment.filters import DynamicRangeCompression, Filter, Reverb
from sktag.augment.noise import BackgroundMix, Noise, NoiseBlend
from sktag.augment.pitch import PitchShift, TimeStretch
from sktag.augment.robustness import ROBUSTNESS
from sktag.augment.spectrogram import (
    FrequencyMask,
    FrequencyShift,
    SpecNoise,
    TimeMask,
)
from sktag.augment.waveform import Gain, PolarityInversion, TimeShift

__all__ = [
    "AugmentOp",
    "BackgroundMix",
    "Lambda",
    "DynamicRangeCompression",
    "Filter",
    "FrequencyMask",
    "FrequencyShift",
    "Gain",
    "Noise",
    "NoiseBlend",
    "PitchShift",
    "PolarityInversion",
    "ROBUSTNESS",
    "Reverb",
    "SpecNoise",
    "TimeMask",
    "TimeShift",
    "TimeStretch",
]
