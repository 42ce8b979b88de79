"""Networks, as torch modules."""

from sktag.nets.cnn1d import build_cnn1d
from sktag.nets.cnn2d import CompactCNN2d, build_cnn2d
from sktag.nets.sample_cnn import build_sample_cnn

__all__ = ["CompactCNN2d", "build_cnn1d", "build_cnn2d", "build_sample_cnn"]
