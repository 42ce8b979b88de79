"""Networks, as torch modules."""

from sktag.nets.cnn2d import CompactCNN2d, build_cnn2d

__all__ = ["CompactCNN2d", "build_cnn2d"]
