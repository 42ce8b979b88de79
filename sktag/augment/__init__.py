"""Random operations for data augmentation.

An Augmenter draws new parameters for each training clip and epoch. To apply an
operation with given parameters, call ``apply``: ``PitchShift(semitones=1.0).apply(x,
sample_rate)``. :data:`ROBUSTNESS` holds the perturbations of a published robustness
test. Each docstring says which labels the operation changes;
:class:`sktag.Augmenter` has a table of all operations.
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
