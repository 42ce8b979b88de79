"""Operations on batches of clips: frozen recipes over torch functions."""

from sktag.ops.cqt import CQTOp
from sktag.ops.op import Op
from sktag.ops.random_op import RandomOp
from sktag.ops.scaling import ClipScaleOp, ScaleOp
from sktag.ops.spectral import MelSpectrogramOp, SpectrogramOp
from sktag.ops.wave import LevelOp, WindowOp

__all__ = [
    "CQTOp",
    "ClipScaleOp",
    "LevelOp",
    "MelSpectrogramOp",
    "Op",
    "RandomOp",
    "ScaleOp",
    "SpectrogramOp",
    "WindowOp",
]
