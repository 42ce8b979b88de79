"""The random operations of augmentation: draw, then apply.

Labels of a clip as a whole stay as they are under most operations. Those that may
change some:

| operations | labels that may change |
| --- | --- |
| `PitchShift`, `FrequencyShift` | pitch, key, register, timbre |
| `TimeStretch` | tempo, rhythm, place of events |
| `TimeShift`, `TimeMask` | order and place of events |
| `Filter`, `FrequencyMask` | timbre, sound quality, instruments of a narrow band |
| `Reverb` | space, sound quality |
| `Noise`, `NoiseBlend` | sound quality |
| `BackgroundMix` | any label that a background has |
| `Gain`, `DynamicRangeCompression` | loudness, dynamics |

`PolarityInversion` and `SpecNoise` change none; `Callback` does what its function does.
`ROBUSTNESS` holds the perturbations of a published robustness test, by name.
"""

from sktag.augment.augment_op import AugmentOp, Callback
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
    "Callback",
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
