"""Data to data: the transformers."""

from sktag.transformers._base import ClipTransformer
from sktag.transformers._raw_wave import RawWave
from sktag.transformers._spectrogram import MelSpectrogram
from sktag.transformers._standardizer import Standardizer

__all__ = ["ClipTransformer", "MelSpectrogram", "RawWave", "Standardizer"]
