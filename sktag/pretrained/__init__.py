"""Published weights, and weights as objects: on their own, in files, in estimators."""

from sktag._weights import Weights
from sktag.pretrained._kim2018 import load_kim2018
from sktag.pretrained._musicnn import load_musicnn
from sktag.pretrained._won2020 import load_won2020

__all__ = ["Weights", "load_kim2018", "load_musicnn", "load_won2020"]
