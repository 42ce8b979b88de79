"""The check kit for transformers of clips, ours and third parties'."""

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
