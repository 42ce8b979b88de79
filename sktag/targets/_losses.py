"""The losses, by the kind of target and by name; each returns one number a row."""

import torch
from torch.nn import functional

from sktag._messages import name_of

# Exponent of the focal loss: the value that its authors found best.
_GAMMA = 2.0
# Logit of a tag that is safely absent: its cross-entropy is 2e-9.
_ABSENT = -20.0


def _cross_entropy(logits, codes, smoothing, positive):
    return functional.cross_entropy(
        logits, codes, reduction="none", label_smoothing=smoothing
    )


def _focal(logits, codes, smoothing, positive):
    """Cross-entropy times (1 - p)^2, where p is the right label's probability.

    References: Lin, Goyal, Girshick, He, Dollar, "Focal loss for dense object
    detection", ICCV 2017.
    """
    p = logits.softmax(dim=1).gather(1, codes[:, None]).squeeze(1)
    return (1 - p) ** _GAMMA * _cross_entropy(logits, codes, smoothing, positive)


def _binary_losses(logits, tags, smoothing, positive):
    """Return the cross-entropy of each tag of each row."""
    tags = tags * (1 - smoothing) + smoothing / 2 if smoothing else tags
    return functional.binary_cross_entropy_with_logits(
        logits, tags, reduction="none", pos_weight=positive
    )


def _binary_focal(logits, tags, smoothing, positive):
    losses = _binary_losses(logits, tags, smoothing, positive)
    return torch.sigmoid(logits * (1 - 2 * tags)) ** _GAMMA * losses


def _of_known_tags(function):
    """Return the mean of a loss over the tags of a row that are annotated."""

    def loss(logits, tags, smoothing, positive):
        known = ~tags.isnan()
        # NaN times 0 is NaN, also in gradients.
        losses = function(logits, tags.nan_to_num(), smoothing, positive)
        return (losses * known).sum(dim=1) / known.sum(dim=1).clamp_min(1)

    return loss


def _own_loss_of_tags(loss, logits, tags):
    """Call a user's loss, which takes no NaN, and leave the unknown tags out.

    A tag that is not annotated becomes one that is absent and safely predicted so, of
    which losses and their gradients are 0; losses that compare the tags of a row, such
    as rankings, do not see it either.
    """
    known = ~tags.isnan()
    losses = loss(logits.where(known, _ABSENT), tags.nan_to_num())
    if not _is_row_loss(losses, logits):
        return losses
    # Means over all tags become means over the annotated ones.
    return losses * (tags.shape[1] / known.sum(dim=1).clamp_min(1))


def _of_values(function):
    def loss(outputs, values, smoothing, positive):
        return function(outputs, values, reduction="none").mean(dim=1)

    return loss


LOSSES = {
    "labels": {"cross_entropy": _cross_entropy, "focal": _focal},
    "tags": {
        "cross_entropy": _of_known_tags(_binary_losses),
        "focal": _of_known_tags(_binary_focal),
    },
    "values": {
        "mse": _of_values(functional.mse_loss),
        "mae": _of_values(functional.l1_loss),
        "huber": _of_values(functional.huber_loss),
    },
}


def row_losses(kind, loss, outputs, codes, *, smoothing=0.0, positive=None):
    """Return the loss of each row, by a name of `LOSSES` or a user's function."""
    if not callable(loss):
        return LOSSES[kind][loss](outputs, codes, smoothing, positive)
    if kind == "tags":
        losses = _own_loss_of_tags(loss, outputs, codes)
    else:
        losses = loss(outputs, codes)
    if not _is_row_loss(losses, outputs):
        found = losses
        if isinstance(losses, torch.Tensor):
            found = f"a tensor of shape {tuple(losses.shape)}"
        raise ValueError(
            f"loss={name_of(loss)} returned {found} for {len(outputs)} rows: return a "
            f"tensor of one loss a row, ({len(outputs)},), with reduction='none' and, "
            "for several outputs, .mean(dim=1)."
        )
    return losses


def _is_row_loss(losses, outputs):
    return isinstance(losses, torch.Tensor) and losses.shape == outputs.shape[:1]


def check_own_loss(loss, **options):
    """Raise if a user's loss is a class, or options of built-in losses are set too."""
    if isinstance(loss, type):
        raise ValueError(
            f"loss={loss.__name__} is a class: give a function or an instance, such as "
            f"{loss.__name__}(reduction='none')."
        )
    given = [f"{name}={value!r}" for name, value in options.items() if value]
    if callable(loss) and given:
        raise ValueError(
            f"{' and '.join(given)} would have no effect with a loss of your own, "
            f"loss={name_of(loss)}: apply them in your function, or choose a loss by "
            "its name."
        )
