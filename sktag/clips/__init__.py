"""The data: the lazy array of clips, and the reading of audio files."""

from sktag.clips._array import ClipArray

__all__ = ["ClipArray"]
