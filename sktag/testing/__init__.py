"""Checks for transformers of clips, also those of other packages."""

from sktag.testing._checks import (
    InaccessibleError,
    check_clip_transformer,
    clip_transformer_checks,
    inaccessible_clips,
    make_waves,
)

__all__ = [
    "InaccessibleError",
    "check_clip_transformer",
    "clip_transformer_checks",
    "inaccessible_clips",
    "make_waves",
]
