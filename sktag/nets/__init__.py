"""Networks as torch modules, by name or by class.

`ARCHITECTURES` has a record of every network, by family and name: how to build it, its
default sizes, and the input, front-end, training and citation of its paper. The
functions build a network by name; they check its sizes and adapt the defaults to a
short input. The docstring of each class cites the paper and has a table of the layers.
"""

from sktag.nets.architecture import Architecture
from sktag.nets.compact1d import CompactCNN1d
from sktag.nets.compact2d import CompactCNN2d
from sktag.nets.dieleman2014 import Dieleman2014
from sktag.nets.fcn import FCN
from sktag.nets.music_tagger_cnn import MusicTaggerCNN
from sktag.nets.musicnn import MusiCNN
from sktag.nets.musicnn_vgg import MusiCNNVGG
from sktag.nets.musicnn_won2020 import MusiCNNWon2020
from sktag.nets.registry import (
    ARCHITECTURES,
    build_cnn1d,
    build_cnn2d,
    build_sample_cnn,
    find_architecture,
)
from sktag.nets.sample_blocks import SampleBlocksCNN
from sktag.nets.sample_cnn import SampleCNN
from sktag.nets.sample_won2020 import SampleCNNSEWon2020, SampleCNNWon2020
from sktag.nets.short_chunk import ShortChunkCNN, ShortChunkResCNN
from sktag.nets.spotify2014 import Spotify2014

__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "find_architecture",
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
    "MusiCNNVGG",
    "MusiCNNWon2020",
    "build_sample_cnn",
    "SampleCNN",
    "SampleBlocksCNN",
    "SampleCNNWon2020",
    "SampleCNNSEWon2020",
]
