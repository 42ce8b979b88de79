"""Datasets: synthesised music, and loaders for your own recordings."""

from sktag.datasets._loaders import load_folder, load_table
from sktag.datasets._music import make_music

__all__ = ["load_folder", "load_table", "make_music"]
