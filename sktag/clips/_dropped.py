"""The warning for steps that drop augmentation."""

from sktag._messages import warn


class AugmentationDroppedWarning(UserWarning):
    """A step computed clips that carry random operations, and dropped the operations.

    Random operations are drawn for an epoch of training, so only estimators of sktag
    apply them. Any other step computes the clean clips, and its output is not
    augmented. Put the Augmenter after that step, or train an estimator of sktag on the
    clips.
    """


def warn_dropped(name: str) -> None:
    """Warn that a step dropped the random operations of clips."""
    warn(
        f"{name} computes clips that carry random operations (Augmenter). It sees the "
        "clean clips, and the steps after it are not augmented: only estimators of "
        "sktag apply random operations. Put the Augmenter after this step, right "
        "before such an estimator, or leave it out.",
        AugmentationDroppedWarning,
    )
