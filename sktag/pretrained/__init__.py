"""Published weights, and weights as objects: on their own, in files, in estimators."""

from sktag.nets.weights import Weights
from sktag.pretrained._musicnn import load_musicnn

__all__ = ["Weights", "load_musicnn"]
