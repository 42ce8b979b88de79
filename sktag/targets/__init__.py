"""From y to training targets, and from network outputs back to answers.

`ClassTargets`, `TagTargets` and `ValueTargets` follow one protocol, `Targets`. Beside
them: checks of y, the losses, the validation split and the scores of its rows.
"""

from sktag.targets._checks import align_tags, check_labels, check_values, tag_names
from sktag.targets._labels import ClassTargets
from sktag.targets._losses import LOSSES, check_own_loss
from sktag.targets._protocol import Targets
from sktag.targets._scores import ValidationScores, make_metrics
from sktag.targets._splits import split_rows
from sktag.targets._tags import TagTargets
from sktag.targets._values import ValueTargets

__all__ = [
    "LOSSES",
    "ClassTargets",
    "TagTargets",
    "Targets",
    "ValidationScores",
    "ValueTargets",
    "align_tags",
    "check_labels",
    "check_own_loss",
    "check_values",
    "make_metrics",
    "split_rows",
    "tag_names",
]
