"""Music classification and tagging with deep networks, as scikit-learn estimators."""

import importlib

from sktag import augment, datasets, export, pretrained, testing
from sktag._config import config_context, set_config
from sktag._timeline import predict_timeline
from sktag.clips import AugmentationDroppedWarning, ClipArray
from sktag.estimators import (
    CNN1DClassifier,
    CNN1DRegressor,
    CNN2DClassifier,
    CNN2DRegressor,
    Embedder,
    SampleCNNClassifier,
    SampleCNNRegressor,
)
from sktag.recipes import make_recipe
from sktag.transformers import (
    CQT,
    Augmenter,
    ClipTransformer,
    MelSpectrogram,
    RawWave,
    Spectrogram,
    Standardizer,
    Summarizer,
)


def __getattr__(name):
    """Import `sktag.inspection` when it is asked for: it needs matplotlib."""
    if name == "inspection":
        return importlib.import_module("sktag.inspection")
    raise AttributeError(f"module 'sktag' has no attribute {name!r}")


__version__ = "0.1.0.dev0"

__all__ = [
    "AugmentationDroppedWarning",
    "Augmenter",
    "CNN1DClassifier",
    "CNN1DRegressor",
    "CNN2DClassifier",
    "CNN2DRegressor",
    "CQT",
    "ClipArray",
    "ClipTransformer",
    "Embedder",
    "MelSpectrogram",
    "RawWave",
    "SampleCNNClassifier",
    "SampleCNNRegressor",
    "Spectrogram",
    "Standardizer",
    "Summarizer",
    "augment",
    "config_context",
    "datasets",
    "export",
    "make_recipe",
    "predict_timeline",
    "pretrained",
    "set_config",
    "testing",
]
