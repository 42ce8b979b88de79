"""Displays: what clips, models and their answers look like, with matplotlib."""

from sktag.inspection._spectrogram import SpectrogramDisplay

__all__ = ["SpectrogramDisplay"]
