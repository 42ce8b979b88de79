"""Displays: plots of clips, models and predictions, with matplotlib."""

from sktag.inspection._spectrogram import SpectrogramDisplay
from sktag.inspection._timeline import TimelineDisplay
from sktag.inspection._training_curve import TrainingCurveDisplay

__all__ = ["SpectrogramDisplay", "TimelineDisplay", "TrainingCurveDisplay"]
