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
# --- shim
from typing import Any, NamedTuple

from sktag.nets import cnn1d as _c1
from sktag.nets import cnn2d as _c2
from sktag.nets import sample_cnn as _sc


class Built(NamedTuple):
    module: Any
    name: str
    is_shrunk: bool


class _Rec:
    def __init__(self, family, name, b, p):
        self.family, self.name, self.b, self.p = family, name, b, p

    def build(self, shape, n_outputs, **g):
        m, name = self.b(self.name, shape, n_outputs, **g)
        return Built(m, name, name != self.name and not name.startswith("sample_cnn ("))

    def published(self, m=None, n=None, **g):
        if self.name == "sample_cnn" and None not in (m, n) and m != 3:
            return self.p._replace(input_shape=(m ** (n + 1),), chunk_size=m ** (n + 1))
        return self.p


ARCHITECTURES = {
    f: {k: _Rec(f, k, b, p) for k, p in P.items()}
    for f, b, P in (
        ("cnn1d", build_cnn1d, _c1.PUBLISHED),
        ("cnn2d", build_cnn2d, _c2.PUBLISHED),
        ("sample_cnn", build_sample_cnn, _sc.PUBLISHED),
    )
}


def find_architecture(family, name):
    if name not in ARCHITECTURES[family]:
        {"cnn1d": build_cnn1d, "cnn2d": build_cnn2d, "sample_cnn": build_sample_cnn}[
            family
        ](name, (1, 1), 2)
    return ARCHITECTURES[family][name]
