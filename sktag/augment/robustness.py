"""The perturbations of a published robustness test, with fixed strength.

`ROBUSTNESS` maps each name to an operation: ``ROBUSTNESS[name].apply(x, sample_rate)``.
Three things to mind:

- The rows of a batch get noise with seed 0, 1, and so on. If you change clips one by
  one, pass ``seed=``.
- A faster clip ends in silence. Read clips 1.42 times as long as the network takes,
  and crop them afterwards, so that the silence is not part of the test.
- The compression begins at a fixed level. Bring clips to a common level with
  ``RawWave(normalize="rms")``.

References
----------
Won et al., "Evaluation of CNN-based automatic music tagging models", SMC 2020.
"""

from sktag.augment.filters import DynamicRangeCompression
from sktag.augment.noise import NoiseBlend
from sktag.augment.pitch import PitchShift, TimeStretch
from sktag.ops.random_op import RandomOp

# The strength of the published compression is not known; this one is audible.
ROBUSTNESS: dict[str, RandomOp] = {
    "time_stretch_slow": TimeStretch(rate=2**-0.5),
    "time_stretch_fast": TimeStretch(rate=2**0.5),
    "pitch_shift_down": PitchShift(semitones=-1.0),
    "pitch_shift_up": PitchShift(semitones=1.0),
    "compression": DynamicRangeCompression(threshold_db=-30.0, ratio=4.0),
    "white_noise_0.1": NoiseBlend(ratio=0.1),
    "white_noise_0.4": NoiseBlend(ratio=0.4),
}
