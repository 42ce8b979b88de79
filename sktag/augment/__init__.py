"""The random operations of augmentation: draw, then apply."""

from sktag.augment.augment_op import AugmentOp, Callback
from sktag.augment.spectrogram import (
    FrequencyMask,
    FrequencyShift,
    SpecNoise,
    TimeMask,
)
from sktag.augment.waveform import Gain, PolarityInversion, TimeShift

__all__ = [
    "AugmentOp",
    "Callback",
    "FrequencyMask",
    "FrequencyShift",
    "Gain",
    "PolarityInversion",
    "SpecNoise",
    "TimeMask",
    "TimeShift",
]
