"""Weights of trained networks: published ones, and those of your own fits."""

from sktag.nets.weights import Weights

__all__ = ["Weights"]
