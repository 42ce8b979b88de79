"""The data: the lazy array of clips, and the reading of audio files."""

from sktag.clips._array import ClipArray
from sktag.clips._random import AugmentationDroppedWarning

__all__ = ["AugmentationDroppedWarning", "ClipArray"]
