"""Published weights, and weights as objects: on their own, in files, in estimators."""

from sktag.nets.weights import Weights

__all__ = ["Weights"]
