"""Data to answers: the classifiers."""

from sktag.estimators._cnn2d import CNN2DClassifier

__all__ = ["CNN2DClassifier"]
