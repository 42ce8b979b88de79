"""The data: the lazy array of clips, its sources, and the way from X to clips."""

from sktag.clips._array import ClipArray
from sktag.clips._dropped import AugmentationDroppedWarning

__all__ = ["AugmentationDroppedWarning", "ClipArray"]
