"""Networks as torch modules: three functions that build them by name, and classes.

The functions check what they are given and make the classes' arguments of it. The
docstring of a class cites its paper and has the table of its layers.
"""

from sktag.nets.cnn1d import CompactCNN1d, Dieleman2014, Spotify2014, build_cnn1d
from sktag.nets.cnn2d import build_cnn2d
from sktag.nets.compact2d import CompactCNN2d
from sktag.nets.fcn import FCN, MusicTaggerCNN
from sktag.nets.musicnn import MusiCNN
from sktag.nets.sample_cnn import SampleBlocksCNN, SampleCNN, build_sample_cnn
from sktag.nets.short_chunk import ShortChunkCNN, ShortChunkResCNN

__all__ = [
    "build_cnn1d",
    "CompactCNN1d",
    "Dieleman2014",
    "Spotify2014",
    "build_cnn2d",
    "CompactCNN2d",
    "FCN",
    "MusicTaggerCNN",
    "ShortChunkCNN",
    "ShortChunkResCNN",
    "MusiCNN",
    "build_sample_cnn",
    "SampleCNN",
    "SampleBlocksCNN",
]
