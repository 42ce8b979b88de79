"""Music classification and tagging with deep networks, as scikit-learn estimators."""

from sktag import datasets, testing
from sktag._config import config_context, set_config
from sktag.clips import ClipArray
from sktag.estimators import CNN2DClassifier
from sktag.transformers import (
    CQT,
    ClipTransformer,
    MelSpectrogram,
    RawWave,
    Spectrogram,
    Standardizer,
    Summarizer,
)

__version__ = "0.1.0.dev0"

__all__ = [
    "CNN2DClassifier",
    "CQT",
    "ClipArray",
    "ClipTransformer",
    "MelSpectrogram",
    "RawWave",
    "Spectrogram",
    "Standardizer",
    "Summarizer",
    "config_context",
    "datasets",
    "set_config",
    "testing",
]
