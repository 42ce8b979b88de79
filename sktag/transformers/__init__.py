"""The transformers: from clips to clips, or to features."""

from sktag.transformers._augmenter import Augmenter
from sktag.transformers._base import ClipTransformer
from sktag.transformers._cqt import CQT
from sktag.transformers._mel_spectrogram import MelSpectrogram
from sktag.transformers._raw_wave import RawWave
from sktag.transformers._spectrogram import Spectrogram
from sktag.transformers._standardizer import Standardizer
from sktag.transformers._summarizer import Summarizer

__all__ = [
    "Augmenter",
    "CQT",
    "ClipTransformer",
    "MelSpectrogram",
    "RawWave",
    "Spectrogram",
    "Standardizer",
    "Summarizer",
]
