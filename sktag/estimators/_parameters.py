"""The parameters that all estimators share, and those passed on to skorch."""

import os
from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator

from sktag._compat import Interval, StrOptions
from sktag._weights import Weights
from sktag.nets.blocks import ACTIVATIONS, INITIALISERS
from sktag.targets._aggregate import AGGREGATES
from sktag.training._chunks import LAYOUTS
from sktag.training._optimizers import OPTIMIZERS
from sktag.training._plan import SCHEDULES

# Parameters of the net that are not the user's to set.
_OWN = {"module", "criterion", "train_split", "iterator_train", "iterator_valid"}
_OWN |= {"seed", "amp", "score", "mixing", "keep_batches"}

NETWORK_CONSTRAINTS = {
    "architecture": [str, callable],
    "n_filters": [Interval(Integral, 1, None, closed="left"), "array-like", None],
    "kernel_size": [Interval(Integral, 1, None, closed="left"), tuple, list, None],
    "pool_size": [Interval(Integral, 1, None, closed="left"), tuple, list, None],
    "pooling": [StrOptions({"max", "avg", "std"}), None],
    "n_blocks": [Interval(Integral, 1, None, closed="left"), None],
    "batch_norm": ["boolean", None],
    "dropout": [Interval(Real, 0, 1, closed="left"), None],
    "activation": [StrOptions(set(ACTIVATIONS)), None],
    "weight_init": [StrOptions({*INITIALISERS, "default"}), None],
}
START_CONSTRAINTS = {
    "start_from": [Weights, None],
    "freeze": [StrOptions({"body"}), list, tuple, None],
    "body_lr": [Interval(Real, 0, None, closed="neither"), None],
}
CHUNK_CONSTRAINTS = {
    "chunk_size": [
        Interval(Integral, 1, None, closed="left"),
        StrOptions({"auto"}),
        None,
    ],
    "train_chunks": [StrOptions({"random", "all"})],
    "n_chunks": [Interval(Integral, 1, None, closed="left"), None],
    "chunk_layout": [StrOptions(set(LAYOUTS))],
    "aggregate": [StrOptions(set(AGGREGATES))],
}
TRAINING_CONSTRAINTS = {
    "optimizer": [StrOptions(set(OPTIMIZERS)), type],
    "lr": [Interval(Real, 0, None, closed="neither")],
    "lr_schedule": [StrOptions(set(SCHEDULES)), None],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "max_epochs": [Interval(Integral, 1, None, closed="left")],
    "batch_size": [Interval(Integral, 1, None, closed="left")],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    "monitor": [str, callable],
    "mixup_alpha": [Interval(Real, 0, None, closed="left")],
    "cutmix_alpha": [Interval(Real, 0, None, closed="left")],
    "gradient_clip": [Interval(Real, 0, None, closed="neither"), None],
    "stages": [list, tuple, None],
    "metrics": [list, tuple, None],
    "checkpoint": [str, os.PathLike, None],
    "device": [str],
    "amp": ["boolean", StrOptions({"auto"})],
    "n_threads": [Interval(Integral, 1, None, closed="left"), None],
    "cache_bytes": [Interval(Integral, 0, None, closed="left")],
    "warm_start": ["boolean"],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
    "callbacks": [list, None],
    "net_params": [dict, None],
}


class NetParams(BaseEstimator):
    """Base class with a parameter `net_params`: further parameters of skorch's net."""

    def get_params(self, deep=True):
        """Return the parameters.

        Parameters
        ----------
        deep : bool, default=True
            Whether to name the optimizer's parameters in `net_params` too.

        Returns
        -------
        dict
            Values by name.
        """
        params = super().get_params(deep=deep)
        if deep and isinstance(self.net_params, dict):
            params.update({k: v for k, v in self.net_params.items() if "__" in k})
        return params

    def set_params(self, **params):
        """Set parameters; ``optimizer__momentum`` and its like go to `net_params`.

        Parameters
        ----------
        **params
            Values by name.

        Returns
        -------
        self : object
            The estimator.
        """
        prefixes = ("optimizer__", "callbacks__")
        further = {k: v for k, v in params.items() if k.startswith(prefixes)}
        own = {k: v for k, v in params.items() if k not in further}
        super().set_params(**own)
        if further:
            self.net_params = {**(self.net_params or {}), **further}
        return self

    def _check_net_params(self):
        """Return the further parameters of skorch's net."""
        given = dict(self.net_params or {})
        public = set(super().get_params(deep=False))
        for key in given:
            name = key.removeprefix("optimizer__")
            if key in public or name in ("lr", "weight_decay"):
                raise ValueError(
                    f"net_params has {key!r}, which is a parameter of "
                    f"{type(self).__name__}: set {name}=... there."
                )
            if key.split("__")[0] in _OWN:
                raise ValueError(
                    f"net_params has {key!r}, which {type(self).__name__} makes "
                    "itself: leave it out."
                )
        return given


def is_same(value, other):
    """Tell whether two values of a parameter are equal; a list equals a tuple."""
    if isinstance(value, partial) and isinstance(other, partial):
        value = value.func, value.args, value.keywords
        other = other.func, other.args, other.keywords
        return value == other
    return np.array_equal(
        np.asarray(value, dtype=object), np.asarray(other, dtype=object)
    )
