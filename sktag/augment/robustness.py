"""The named perturbations of a robustness test, of fixed strength.

They are `ROBUSTNESS`: for each name an operation whose ``apply(x, sample_rate)``
needs nothing else. Noise is that of seed 0, 1, ... for the rows of a batch: give
``seed=`` where clips are changed one by one. A faster clip ends in silence, so read
clips 1.42 times as long as the network's and crop what is made of them, lest the
silence be what is measured; bring clips to one level (``RawWave(normalize="rms")``), as
the compression begins at a fixed one.

References
----------
Won et al., "Evaluation of CNN-based automatic music tagging models", SMC 2020.
"""

from sktag.augment.filters import DynamicRangeCompression
from sktag.augment.noise import NoiseBlend
from sktag.augment.pitch import PitchShift, TimeStretch
from sktag.ops.random_op import RandomOp

# How strong the published compression was is not known; this one is audible.
ROBUSTNESS: dict[str, RandomOp] = {
    "time_stretch_slow": TimeStretch(rate=2**-0.5),
    "time_stretch_fast": TimeStretch(rate=2**0.5),
    "pitch_shift_down": PitchShift(semitones=-1.0),
    "pitch_shift_up": PitchShift(semitones=1.0),
    "compression": DynamicRangeCompression(threshold_db=-30.0, ratio=4.0),
    "white_noise_0.1": NoiseBlend(ratio=0.1),
    "white_noise_0.4": NoiseBlend(ratio=0.4),
}
