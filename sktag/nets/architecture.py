"""The record of a network: how to build it, and what its paper says about it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from torch import nn

from sktag.nets.blocks import Network, Size, init_weights
from sktag.nets.sizes import Request, as_size, choose_values

Family = Literal["cnn1d", "cnn2d", "sample_cnn"]
# The axes of an input, without clips and channels.
AXES: dict[Family, tuple[str, ...]] = {
    "cnn1d": ("bins", "frames"),
    "cnn2d": ("bins", "frames"),
    "sample_cnn": ("samples",),
}
# Estimator parameters where the training of a paper is not known: one learning rate,
# until the validation loss stops falling, and no weight decay.
UNKNOWN_TRAINING: dict[str, Any] = {
    "optimizer": "adam",
    "lr": 1e-3,
    "lr_schedule": None,
    "weight_decay": 0.0,
    "max_epochs": 200,
    "early_stopping": True,
}


class Published(NamedTuple):
    """The input that a network was published for.

    Parameters
    ----------
    input_shape : tuple of int
        Bins and frames, or samples, of an input.
    chunk_size : int or None
        Frames or samples of the chunks that clips are cut into; None for whole clips.
    """

    input_shape: Size
    chunk_size: int | None


class Built(NamedTuple):
    """A new network.

    Parameters
    ----------
    module : Network
        The network.
    name : str
        The architecture's name, followed by what a short input dropped, as
        "fcn4 (3 of 4 blocks)".
    is_shrunk : bool, default=False
        Whether a short input dropped anything.
    """

    module: Network
    name: str
    is_shrunk: bool = False


@dataclass(frozen=True, eq=False, kw_only=True)
class Architecture:
    """A network that can be built by name, and what its paper says about it.

    Each network's module in `sktag.nets` ends in one of these, or in several where
    variants of a network share a class. ``ARCHITECTURES[family][name]`` finds them.

    Parameters
    ----------
    name : str
        Name of the network.
    family : {"cnn1d", "cnn2d", "sample_cnn"}
        Networks that convolve over the time of a spectrogram, over both of its axes, or
        over a waveform. An estimator can build all networks of one family.
    network : type
        Class of the network.
    make : callable
        Builds the network for a `Request` and returns a `Built`.
    sizes : dict of str to object
        All sizes and options that the network takes, and the values that None stands
        for.
    output_std : float > 0, default=None
        Standard deviation of the output layer's initial weights; None means that of
        ``sizes["weight_init"]``. A given `weight_init` replaces it.
    input_shape : tuple of int
        Published input: bins and frames, or samples.
    chunk_size : int > 0, default=None
        Published length of the chunks that clips are cut into, in frames or samples.
        None means whole clips.
    shape_for : callable, default=None
        Returns the published input for a dict of sizes, if it depends on them.
    front_end : dict of str to object, default=None
        Parameters of MelSpectrogram in which the published front-end differs from the
        defaults, with the sample rate `sr` in Hz; `sr` alone for waveforms. None if
        there is no published front-end.
    standardize : bool, default=True
        Whether a Standardizer belongs before the network. Some networks begin with a
        batch norm instead.
    duration : float > 0, default=None
        Length to which the paper crops or pads clips, in seconds; None for no cropping.
    training : dict of str to object, default=None
        Estimator parameters of the paper's training; None if there is no recipe.
    task : {"classification", "regression"}, default="classification"
        The paper's task.
    year : int, default=None
        Year of publication; None if the network is sktag's own.
    n_outputs : int, default=50
        Number of outputs of the published network.
    n_parameters : int, default=None
        Number of parameters of the published network with `n_outputs` outputs, with
        those of batch norms; None if the paper does not describe every layer.
    figures : dict of str to float
        Figures of the paper that were checked: "mtat_roc_auc", "mtat_pr_auc" and
        "msd_roc_auc", macro averages over the tags of MagnaTagATune and the Million
        Song Dataset.
    citations : tuple of str
        BibTeX entries of the papers to cite.
    """

    name: str
    family: Family
    network: type[Network]
    make: Callable[[Request], Built]
    sizes: Mapping[str, Any]
    output_std: float | None = None
    input_shape: Size
    chunk_size: int | None = None
    shape_for: Callable[[Mapping[str, Any]], Size] | None = None
    front_end: Mapping[str, Any] | None = None
    standardize: bool = True
    duration: float | None = None
    training: Mapping[str, Any] | None = None
    task: Literal["classification", "regression"] = "classification"
    year: int | None = None
    n_outputs: int = 50
    n_parameters: int | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    citations: tuple[str, ...] = ()

    @property
    def takes(self) -> Literal["wave", "spectrogram"]:
        """The kind of clips that the network takes."""
        return "wave" if AXES[self.family] == ("samples",) else "spectrogram"

    def build(self, input_shape: Size, n_outputs: int, **given: Any) -> Built:
        """Build the network for an input, with random initial weights.

        Parameters
        ----------
        input_shape : tuple of int
            Bins and frames, or samples, of the input.
        n_outputs : int
            Number of outputs.
        **given : dict
            Sizes and options that differ from `sizes`; None means the value there.

        Returns
        -------
        Built
            The network, its name, and whether a short input dropped anything.

        Raises
        ------
        ValueError
            If a value is out of range, contradicts another one, is too large for the
            input, or is none that the network takes.

        Examples
        --------
        >>> from sktag.nets import ARCHITECTURES
        >>> fcn4 = ARCHITECTURES["cnn2d"]["fcn4"]
        >>> net, name, is_shrunk = fcn4.build((96, 200), n_outputs=10, n_filters=8)
        >>> name, is_shrunk
        ('fcn4 (3 of 4 blocks)', True)
        """
        given = {k: v for k, v in given.items() if v is not None}
        values = choose_values(self.name, self.sizes, given)
        shape = as_size("input_shape", input_shape, len(AXES[self.family]))
        built = self.make(Request(self.name, shape, n_outputs, values, given))
        init_weights(built.module, values["weight_init"])
        if self.output_std is not None and "weight_init" not in given:
            nn.init.normal_(built.module.output.weight, std=self.output_std)
        return built

    def published(self, **sizes: Any) -> Published:
        """Return the input that the network was published for.

        Parameters
        ----------
        **sizes : dict
            Sizes that the published input may depend on, such as `m` and `n` of
            "sample_cnn"; None means the value of `sizes`.

        Returns
        -------
        Published
            Shape of the input, and length of a chunk.

        Examples
        --------
        >>> from sktag.nets import ARCHITECTURES
        >>> ARCHITECTURES["sample_cnn"]["sample_cnn"].published(m=2, n=13)
        Published(input_shape=(16384,), chunk_size=16384)
        """
        if self.shape_for is None:
            return Published(self.input_shape, self.chunk_size)
        shape = self.shape_for(sizes)
        return Published(shape, shape[-1])
