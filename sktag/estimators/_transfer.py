"""Weights out of a fitted estimator, and into a new one."""

from contextlib import suppress

from sklearn.utils.validation import check_is_fitted

from sktag._messages import warn
from sktag._weights import Weights, arrays_of, match_arrays, put_arrays
from sktag.estimators._network import Fitted, NetworkSpec
from sktag.training._optimizers import make_stage
from sktag.training._start import (
    Start,
    find_body,
    find_frozen,
    is_within,
    output_name,
)
from sktag.training._state import draw_seed

# Arrays of a regressor that are no part of its network: its targets are standardised.
_OF_TARGETS = "targets."


class TransferMixin:
    """Weights of a fitted estimator, and estimators of given weights."""

    @property
    def weights_(self):
        """The weights of the network, as a :class:`sktag.pretrained.Weights`."""
        check_is_fitted(self)
        network, targets = self._fitted.network, self._fitted.targets
        is_named = isinstance(network.architecture, str)
        arrays = arrays_of(self.module_)
        arrays |= {_OF_TARGETS + k: v for k, v in targets.constants.items()}
        return Weights(
            family=self._family,
            architecture=network.architecture if is_named else None,
            arrays=arrays,
            input_shape=network.input_shape,
            sizes={k: v for k, v in network.sizes.items() if v is not None},
            outputs=output_names(targets, self._columns()),
            sample_rate=self.sr_,
            hop_length=None if self._takes == "wave" else self._fitted.hop_length,
        )

    @classmethod
    def from_weights(
        cls,
        weights,
        *,
        classes=None,
        tag_names=None,
        sr=None,
        hop_length=None,
        **params,
    ):
        """Make a fitted estimator of weights, without training.

        Parameters
        ----------
        weights : sktag.pretrained.Weights
            Weights of a whole network: every array must have its place, and every layer
            its array.
        classes : sequence of shape (n_classes,), optional
            Labels, in the order of the network's outputs. Classifiers need either
            `classes` or `tag_names`.
        tag_names : sequence of shape (n_tags,), optional
            Names of tags, in the order of the network's outputs.
        sr : float, optional
            Sample rate of the clips that the network takes, in Hz; by default that of
            the weights.
        hop_length : int, optional
            Samples from one frame to the next, for spectrograms; by default that of the
            weights.
        **params
            Parameters of the estimator, such as `chunk_size`. `architecture` and sizes
            are those of the weights; the architecture of weights of your own network
            must be given.

        Returns
        -------
        estimator
            The fitted estimator, with `n_iter_` 0. It can be trained further with
            `partial_fit`, or with ``warm_start=True`` and `fit`.

        Raises
        ------
        ValueError
            If an array is missing, superfluous or of another shape; names it.
        """
        if not isinstance(weights, Weights):
            raise TypeError(
                f"weights is a {type(weights).__name__}: give a "
                "sktag.pretrained.Weights, such as clf.weights_ of a fitted estimator."
            )
        cls._check_family(weights)
        architecture = params.pop("architecture", weights.architecture)
        if architecture is None:
            raise ValueError(
                "these weights are of a network of your own: give its function, "
                "architecture=..."
            )
        self = cls(architecture, **{**weights.sizes, **params})
        self._validate_params()
        arrays, constants = _split(weights.arrays)
        targets, names, order = self._targets_of(classes, tag_names, constants)
        network = NetworkSpec(
            cls._family,
            architecture,
            tuple(weights.input_shape),
            targets.n_outputs,
            self._sizes(),
        )
        is_wave = self._takes == "wave"
        self._fitted = Fitted(
            network=network,
            chunk_size=self.chunk_size,
            window=self._choose_window(network.input_shape[-1]),
            targets=targets,
            optimizer=make_stage(
                self.optimizer, self.lr, self.weight_decay, self._check_net_params()
            ),
            seed=draw_seed(self.random_state),
            n_bins=network.input_shape[0],
            hop_length=1 if is_wave else hop_length or weights.hop_length,
        )
        self.sr_ = weights.sample_rate if sr is None else sr
        saved = {"weights": arrays, "optimizer": "", "moments": {}, "history": []}
        self.architecture_ = self._restore(saved)
        if order is not None:
            _reorder_outputs(self.module_, order)
        self.n_parameters_ = count_trained(self.module_)
        self._set_targets(targets, names)
        self.n_iter_, self.best_epoch_, self.history_ = 0, 0, []
        return self

    @classmethod
    def _check_family(cls, weights):
        """Raise if weights are of networks that another class has."""
        if weights.family != cls._family:
            raise ValueError(
                f"these weights are of the family {weights.family!r} "
                f"({weights.architecture}), and {cls.__name__} has networks of "
                f"{cls._family!r}: use the class of that family."
            )

    def _take_weights(self, module, targets, names, clips):
        """Take what fits of `start_from`; return the names of the arrays taken."""
        weights = self.start_from
        self._check_family(weights)
        _compare_inputs(weights, clips)
        arrays = dict(weights.arrays)
        same = output_names(targets, names)
        if same is None or same != weights.outputs:
            with suppress(ValueError):  # the output layer is not known
                output = output_name(module)
                arrays = {k: v for k, v in arrays.items() if not is_within(k, output)}
        taken, new = match_arrays(module, arrays)
        # Layers are taken whole: no weight of one without its bias.
        layers = {layer_of(name) for name in new}
        new = [name for name in module.state_dict() if layer_of(name) in layers]
        taken = {k: v for k, v in taken.items() if layer_of(k) not in layers}
        if not taken:
            raise ValueError(
                f"start_from has nothing that fits this network: its arrays are "
                f"{_listed(weights.arrays)}, and the network's are "
                f"{_listed(module.state_dict())}. Use the architecture and sizes of "
                f"the weights ({weights.architecture})."
            )
        put_arrays(module, {**arrays_of(module), **taken})
        if self.verbose:
            whence = weights.architecture or "a network of yours"
            rest = f"new: {_listed(new)}" if new else "nothing is new"
            n_all = len(module.state_dict())
            print(
                f"{type(self).__name__}: takes {n_all - len(new)} of {n_all} arrays "
                f"from {whence}; {rest}"
            )
        return tuple(taken)

    def _choose_start(self, module, targets, names, before, clips):
        """Return which layers are frozen, and which learn slowly."""
        taken, body = None, ()
        if before is not None:
            body = before.start.body
        elif self.start_from is not None:
            taken = self._take_weights(module, targets, names, clips)
        elif self.freeze is not None:
            warn(
                f"freeze={self.freeze!r} without start_from: the frozen layers keep "
                "random weights. Set start_from=..., or freeze=None."
            )
        frozen = find_frozen(module, self.freeze)
        if self.body_lr is None:
            return Start(frozen)
        if before is None and taken is None:
            raise ValueError(
                f"body_lr={self.body_lr} is the learning rate of weights that were "
                "taken, and all of this network are new: set start_from=..., or "
                "body_lr=None."
            )
        if taken is not None or not body:
            body = find_body(module, taken)
        return Start(frozen, body, self.body_lr)


def _split(arrays):
    """Return the arrays of a network, and those of its targets by their own names."""
    of_network = {k: v for k, v in arrays.items() if not k.startswith(_OF_TARGETS)}
    others = {k: v for k, v in arrays.items() if k not in of_network}
    return of_network, {k.removeprefix(_OF_TARGETS): v for k, v in others.items()}


def _reorder_outputs(module, order):
    """Put the outputs of a network in another order."""
    output = module.get_submodule(output_name(module))
    for parameter in output.parameters():
        parameter.data = parameter.data[order]


def _compare_inputs(weights, clips):
    """Warn if weights were trained on another kind of input than the clips are."""
    given = {"a sample rate of {:g} Hz": (weights.sample_rate, clips.sample_rate)}
    if clips.kind == "spectrogram":
        given["a hop_length of {} samples"] = weights.hop_length, clips.hop_length
        given["{} bins"] = weights.input_shape[0], clips.shape[1]
    others = [
        f"{what.format(old)} (here {new:g})"
        for what, (old, new) in given.items()
        if None not in (old, new) and old != new
    ]
    if others:
        warn(
            "the weights of start_from were trained on clips with "
            f"{', '.join(others)}: use the same front-end, or they get other numbers "
            "than they know."
        )


def output_names(targets, names):
    """Return the classes, or the names of tags or numbers, or None."""
    classes = targets.classes
    if classes is not None and classes.ndim == 1:
        names = classes
    return None if names is None else tuple(names.tolist())


def count_trained(module):
    """Return the number of parameters that are not frozen."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def layer_of(name):
    """Return the layer that an array belongs to."""
    return name.rpartition(".")[0]


def _listed(names, most=4):
    """Name the layers of arrays, or the first few."""
    layers = list(dict.fromkeys(layer_of(name) or name for name in names))
    rest = [f"{len(layers) - most} more"] if len(layers) > most else []
    return ", ".join(layers[:most] + rest)
