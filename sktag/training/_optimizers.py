"""Optimizers by name or class, and the stages of a training that changes them.

Nothing here imports skorch, so that parameters are checked before anything is done.
"""

import inspect
from numbers import Integral, Real
from typing import Any, NamedTuple

from torch import optim

from sktag._messages import warn

OPTIMIZERS: dict[str, tuple[type[optim.Optimizer], dict[str, Any]]] = {
    "adamw": (optim.AdamW, {}),
    "adam": (optim.Adam, {}),
    "sgd": (optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "rmsprop": (optim.RMSprop, {}),
}
_FORM = (
    "each is (optimizer, lr) or (optimizer, lr, epochs), as in "
    "[('adam', 1e-4, 80), ('sgd', 1e-3)]"
)


class Stage(NamedTuple):
    """An optimizer and how long it trains.

    Parameters
    ----------
    optimizer : type
        Class of torch.
    lr : float
        Learning rate.
    options : dict
        Further parameters of the class.
    epochs : int or None
        How many; None for as long as the monitored score improves.
    """

    optimizer: type[optim.Optimizer]
    lr: float
    options: dict[str, Any]
    epochs: int | None = None


def make_stage(optimizer, lr, weight_decay, net_params):
    """Return the only stage of a training without stages."""
    given = _given_options(net_params)
    optimizer, options = _resolve(optimizer, weight_decay, given)
    return Stage(optimizer, lr, options)


def make_stages(stages, lr_schedule, weight_decay, net_params, n_epochs):
    """Return the stages of a training, checked; None if it is not staged.

    Each uses those of the ``optimizer__...`` parameters that its optimizer has.
    """
    if lr_schedule != "staged":
        if stages is None:
            return None
        raise ValueError(
            f"stages={stages!r}, but lr_schedule={lr_schedule!r}: set "
            "lr_schedule='staged', or stages=None."
        )
    if not stages:
        raise ValueError(
            f"lr_schedule='staged', but stages={stages!r}: give a list of stages; "
            f"{_FORM}."
        )
    for stage in stages:
        _check_stage(stage)
    given, made = _given_options(net_params), []
    for name, lr, *epochs in stages:
        takes = inspect.signature(OPTIMIZERS.get(name, (name,))[0]).parameters
        own = {k: v for k, v in given.items() if k in takes or k == "param_groups"}
        optimizer, options = _resolve(name, weight_decay, own)
        made.append(Stage(optimizer, float(lr), options, *epochs))
    unused = [k for k in given if not any(k in stage.options for stage in made)]
    if unused:
        raise ValueError(
            f"net_params has {['optimizer__' + k for k in unused]}, which no "
            "optimizer of the stages takes: leave it out."
        )
    before_last = [stage.epochs for stage in made[:-1]]
    if None not in before_last and sum(before_last) >= n_epochs:
        warn(
            f"max_epochs={n_epochs} ends the training before its last stage begins, "
            f"after {sum(before_last)} epochs: raise max_epochs, or shorten the stages."
        )
    return tuple(made)


def _check_stage(stage):
    """Raise if a stage is malformed."""
    if not (isinstance(stage, (tuple, list)) and len(stage) in (2, 3)):
        raise ValueError(f"stages has {stage!r}: {_FORM}.")
    optimizer, lr, *epochs = stage
    is_class = isinstance(optimizer, type) and issubclass(optimizer, optim.Optimizer)
    if not is_class and not (isinstance(optimizer, str) and optimizer in OPTIMIZERS):
        raise ValueError(
            f"stages has the optimizer {optimizer!r}: use one of "
            f"{sorted(OPTIMIZERS)}, or a class of torch.optim."
        )
    if not (_is_number(lr, Real) and 0 < lr < float("inf")):
        raise ValueError(f"stages has the learning rate {lr!r}: give a number above 0.")
    for n_epochs in epochs:
        if n_epochs is not None and not (_is_number(n_epochs, Integral) and n_epochs):
            raise ValueError(
                f"stages has {n_epochs!r} epochs: a whole number above 0, or None to "
                "continue while the monitored score improves."
            )


def _is_number(value, kind):
    return isinstance(value, kind) and not isinstance(value, bool) and value >= 0


def _given_options(net_params):
    """Return the optimizer's parameters among those of skorch's net."""
    prefix = "optimizer__"
    return {
        key.removeprefix(prefix): value
        for key, value in net_params.items()
        if key.startswith(prefix)
    }


def _resolve(optimizer, weight_decay, given):
    """Return the class of an optimizer, and its parameters but for the rate."""
    optimizer, options = OPTIMIZERS.get(optimizer, (optimizer, {}))
    if given.get("momentum") == 0:
        options = {}  # torch's Nesterov needs momentum
    return optimizer, {**_decay(optimizer, weight_decay), **options, **given}


def _decay(optimizer, weight_decay):
    """Return the weight decay, if the optimizer has one."""
    if not issubclass(optimizer, optim.Optimizer):
        raise ValueError(
            f"optimizer={optimizer!r} is not an optimizer: use one of "
            f"{sorted(OPTIMIZERS)}, or a class of torch.optim."
        )
    takes = inspect.signature(optimizer).parameters
    if "weight_decay" in takes:
        return {"weight_decay": weight_decay}
    if weight_decay:
        raise ValueError(
            f"weight_decay={weight_decay:g}, but {optimizer.__name__} has none: set "
            "weight_decay=0."
        )
    return {}
