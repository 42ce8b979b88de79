"""What is said where random ops are lost."""

import warnings


class AugmentationDroppedWarning(UserWarning):
    """Clips that carry random changes were computed, clean, outside a training.

    Draws belong to an epoch of a training, so that no other step sees them: what it
    makes of the clips is made of clean ones, and the changes are gone from there on.
    Put the Augmenter after that step, or train an estimator of sktag on the clips.
    """


def warn_dropped(name: str, *, stacklevel: int) -> None:
    """Warn that a step lost the random changes of clips.

    Parameters
    ----------
    name : str
        The step.
    stacklevel : int
        As for :func:`warnings.warn`, counted from the caller.
    """
    warnings.warn(
        f"{name} computes clips that carry random changes (Augmenter): it gets clean "
        "ones, and what follows is not augmented, as estimators of sktag alone do. Put "
        "the Augmenter after this step, right before one of them, or leave it out.",
        AugmentationDroppedWarning,
        stacklevel=stacklevel + 1,
    )
