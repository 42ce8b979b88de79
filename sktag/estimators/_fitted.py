"""What a fit leaves beside the network."""

from dataclasses import dataclass
from typing import Any

from sktag.estimators._network import NetworkSpec
from sktag.targets import Targets


@dataclass(frozen=True)
class Fitted:
    """What predictions and later fits need, without tensors and without a device.

    Parameters
    ----------
    network : NetworkSpec
        How the network was built.
    chunk_size : int, "auto" or None
        The parameter of the fit.
    chunk : int or None
        Columns of a chunk; None for whole clips.
    targets : Targets
        Outputs to answers.
    seed : int
        Seed of the fit.
    n_bins : int
        Bins of a spectrogram, or samples of a waveform.
    hop_length : int or None
        Samples from one column to the next; None where it is not known.
    running : dict or None
        Batch-norm statistics that a later fit resumes from, if the network's are
        others.
    """

    network: NetworkSpec
    chunk_size: Any
    chunk: int | None
    targets: Targets
    seed: int
    n_bins: int
    hop_length: int | None
    running: dict[str, Any] | None = None
