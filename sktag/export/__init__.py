"""Answers in the formats of other programs."""

from sktag.export._labels import write_labels

__all__ = ["write_labels"]
