"""Optimizers by name or class, and the stages of a training that changes them.

Nothing here imports skorch: what is asked for is checked before anything is done.
"""

import inspect
from numbers import Integral, Real
from typing import NamedTuple

from torch.optim import Optimizer

from sktag.estimators._parameters import OPTIMIZERS

_FORM = (
    "each is (optimizer, lr) or (optimizer, lr, epochs), as in "
    "[('adam', 1e-4, 80), ('sgd', 1e-3)]"
)


class Stage(NamedTuple):
    """An optimizer and how long it trains.

    Attributes
    ----------
    optimizer : type
        Class of torch.
    lr : float
        Learning rate.
    options : dict
        Further parameters of the class.
    epochs : int or None
        How many; None for as long as there are improvements.
    """

    optimizer: type
    lr: float
    options: dict
    epochs: int | None = None


def make_optimizer_stage(estimator):
    """Return the one stage of an estimator that has no other.

    Parameters
    ----------
    estimator : BaseTagger
        What has the parameters.

    Returns
    -------
    Stage
        Its optimizer, of its learning rate.
    """
    given = _given_options(estimator)
    optimizer, options = _resolve(estimator.optimizer, estimator.weight_decay, given)
    return Stage(optimizer, estimator.lr, options)


def make_stages(estimator):
    """Return the stages of an estimator's training, checked.

    Parameters
    ----------
    estimator : BaseTagger
        What has the parameters.

    Returns
    -------
    list of Stage or None
        None where `lr_schedule` is not "staged".

    Raises
    ------
    ValueError
        If `stages` is not what it must be, or does not go with `lr_schedule`.
    """
    stages = estimator.stages
    if estimator.lr_schedule != "staged":
        if stages is None:
            return None
        raise ValueError(
            f"stages={stages!r}, but lr_schedule={estimator.lr_schedule!r}: set "
            "lr_schedule='staged', or stages=None."
        )
    if not stages:
        raise ValueError(
            f"lr_schedule='staged', but stages={stages!r}: give a list of stages; "
            f"{_FORM}."
        )
    for stage in stages:
        _check_stage(stage)
    given, made = _given_options(estimator), []
    for name, lr, *epochs in stages:
        takes = inspect.signature(OPTIMIZERS.get(name, (name,))[0]).parameters
        own = {k: v for k, v in given.items() if k in takes or k == "param_groups"}
        optimizer, options = _resolve(name, estimator.weight_decay, own)
        made.append(Stage(optimizer, float(lr), options, *epochs))
    unused = [k for k in given if not any(k in stage.options for stage in made)]
    if unused:
        raise ValueError(
            f"net_params has {['optimizer__' + k for k in unused]}, which no "
            "optimizer of the stages takes: leave it out."
        )
    return made


def _check_stage(stage):
    """Raise where a stage is not well-formed."""
    if not (isinstance(stage, (tuple, list)) and len(stage) in (2, 3)):
        raise ValueError(f"stages has {stage!r}: {_FORM}.")
    optimizer, lr, *epochs = stage
    is_class = isinstance(optimizer, type) and issubclass(optimizer, Optimizer)
    if not is_class and not (isinstance(optimizer, str) and optimizer in OPTIMIZERS):
        raise ValueError(
            f"stages has the optimizer {optimizer!r}: take one of "
            f"{sorted(OPTIMIZERS)}, or a class of torch.optim."
        )
    if not (_is_number(lr, Real) and 0 < lr < float("inf")):
        raise ValueError(
            f"stages has the learning rate {lr!r}: it is a number above 0."
        )
    for n_epochs in epochs:
        if n_epochs is not None and not (_is_number(n_epochs, Integral) and n_epochs):
            raise ValueError(
                f"stages has {n_epochs!r} epochs: a whole number above 0, or None to "
                "go on while there are improvements."
            )


def _is_number(value, kind):
    return isinstance(value, kind) and not isinstance(value, bool) and value >= 0


def _given_options(estimator):
    """Return the optimizer's parameters among those that go to skorch's net."""
    prefix = "optimizer__"
    return {
        key.removeprefix(prefix): value
        for key, value in estimator._check_net_params().items()
        if key.startswith(prefix)
    }


def _resolve(optimizer, weight_decay, given):
    """Return the class of an optimizer and its parameters, without learning rate."""
    optimizer, options = OPTIMIZERS.get(optimizer, (optimizer, {}))
    if given.get("momentum") == 0:
        options = {}  # torch's Nesterov needs momentum
    return optimizer, {**_decay(optimizer, weight_decay), **options, **given}


def _decay(optimizer, weight_decay):
    """Return the weight decay as the optimizer takes it, which some do not."""
    if not issubclass(optimizer, Optimizer):
        raise ValueError(
            f"optimizer={optimizer!r} is no optimizer: take one of "
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
