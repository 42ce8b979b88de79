"""Perturbations under which taggers are compared: each an operation of one value.

References: Won, Ferraro, Bogdanov, Serra, "Evaluation of CNN-based automatic music
tagging models", SMC 2020. Tempo, pitch and noise are theirs; of the compression of
dynamics the published table gives no numbers, and those here are ours.
"""

from sktag.augment.filters import DynamicRangeCompression
from sktag.augment.noise import NoiseBlend
from sktag.augment.pitch import PitchShift, TimeStretch
from sktag.ops.op import RandomOp

ROBUSTNESS: dict[str, RandomOp] = {
    "time_stretch_slower": TimeStretch(rate=2**-0.5),
    "time_stretch_faster": TimeStretch(rate=2**0.5),
    "pitch_shift_down": PitchShift(semitones=-1.0),
    "pitch_shift_up": PitchShift(semitones=1.0),
    "dynamic_range_compression": DynamicRangeCompression(threshold_db=-30.0, ratio=4.0),
    "white_noise_0.1": NoiseBlend(ratio=0.1),
    "white_noise_0.4": NoiseBlend(ratio=0.4),
}
