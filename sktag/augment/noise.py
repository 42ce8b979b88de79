"""What is heard besides: noise, and other sounds in the background."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from sktag.augment.ranges import (
    Range,
    as_seeds,
    between,
    check_range,
    column,
    normal_noise,
)
from sktag.ops.op import RandomOp

COLORS = ("white", "pink")


def add_at_snr(x: Tensor, other: Tensor, snr_db: np.ndarray) -> Tensor:
    """Add a signal to each clip, at a ratio of their mean powers.

    Parameters
    ----------
    x, other : Tensor of shape (n_clips, n_samples)
        Clips, and what is added to them.
    snr_db : ndarray of shape (n_clips,)
        Power of the clip over that of the other, in dB.

    Returns
    -------
    Tensor of shape (n_clips, n_samples)
        The sums; a silent clip stays silent, and silence adds nothing.
    """
    power = x.square().mean(dim=1, keepdim=True)
    wanted = power * column(10 ** (-np.asarray(snr_db) / 10), x)
    tiny = torch.finfo(x.dtype).tiny
    gain = (wanted / other.square().mean(dim=1, keepdim=True).clamp_min(tiny)).sqrt()
    return x + gain * other


@dataclass(eq=False, repr=False)
class Noise(RandomOp):
    """Add white or pink noise, at a signal-to-noise ratio of the clip.

    Labels stay, but for those of the recording's quality.

    Parameters
    ----------
    snr_db : float or (float, float), default=(10.0, 40.0)
        Power of the clip over that of the noise, in dB: a number, or a range it is
        drawn from uniformly.
    color : {"white", "pink"}, default="white"
        White noise has the same power in each hertz, pink in each octave.
    p : float in [0, 1], default=1.0
        Probability that a clip is changed.

    Examples
    --------
    >>> import torch
    >>> from sktag.augment import Noise
    >>> x = torch.ones(1, 10000)
    >>> noise = Noise(snr_db=20.0).apply(x) - x
    >>> round(float(noise.square().mean()), 3)
    0.01
    """

    takes: ClassVar[str | None] = "wave"
    n_uniforms: ClassVar[int] = 2

    snr_db: Range = (10.0, 40.0)
    color: str = "white"

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        self.snr_db = check_range(self, "snr_db", self.snr_db)
        if self.color not in COLORS:
            raise ValueError(f"Noise has color={self.color!r}: use one of {COLORS}.")

    def draw(self, uniforms: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
        """Draw `snr_db` and the seed of the noise, see `RandomOp.draw`."""
        return {
            "snr_db": between(self.snr_db, uniforms[:, 0]),
            "seed": as_seeds(uniforms[:, 1]),
        }

    def change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Do the op, see :meth:`sktag.ops.RandomOp.change`."""
        noise = normal_noise(params["seed"], x)
        if self.color == "pink":
            noise = _pink(noise)
        return add_at_snr(x, noise, params["snr_db"])


def _pink(white: Tensor) -> Tensor:
    """Return white noise with a power spectrum of 1 / f, without its mean."""
    n_samples = white.shape[1]
    spectrum = torch.fft.rfft(white)
    steps = torch.arange(spectrum.shape[1], dtype=white.dtype, device=white.device)
    spectrum = spectrum / steps.clamp_min(1).sqrt() * (steps > 0)
    pink: Tensor = torch.fft.irfft(spectrum, n_samples)
    return pink


@dataclass(eq=False, repr=False)
class NoiseBlend(RandomOp):
    """Blend clips with white noise of the same peak, (1 - ratio) x + ratio n.

    The noise of a robustness protocol; `Noise` is the one to train with. Labels stay,
    but for those of the recording's quality.

    Parameters
    ----------
    ratio : float or (float, float), default=0.1
        Share of the noise, from 0 to 1: a number, or a range it is drawn from
        uniformly.
    p : float in [0, 1], default=1.0
        Probability that a clip is changed.

    References
    ----------
    Won, Ferraro, Bogdanov, Serra, "Evaluation of CNN-based automatic music tagging
    models", SMC 2020.

    Examples
    --------
    >>> import torch
    >>> from sktag.augment import NoiseBlend
    >>> NoiseBlend(ratio=0.0).apply(torch.tensor([[0.5, -0.5]]))
    tensor([[ 0.5000, -0.5000]])
    """

    takes: ClassVar[str | None] = "wave"
    n_uniforms: ClassVar[int] = 2

    ratio: Range = 0.1

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        self.ratio = check_range(self, "ratio", self.ratio, 0, 1)

    def draw(self, uniforms: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
        """Draw `ratio` and the seed of the noise, see `RandomOp.draw`."""
        return {
            "ratio": between(self.ratio, uniforms[:, 0]),
            "seed": as_seeds(uniforms[:, 1]),
        }

    def change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Do the op, see :meth:`sktag.ops.RandomOp.change`."""
        noise = normal_noise(params["seed"], x)
        peak = noise.abs().amax(dim=1, keepdim=True)
        noise = noise * (x.amax(dim=1, keepdim=True) / peak)
        ratio = column(params["ratio"], x)
        return (1 - ratio) * x + ratio * noise


@dataclass(eq=False, repr=False)
class BackgroundMix(RandomOp):
    """Add a part of some other recording, at a signal-to-noise ratio of the clip.

    Labels stay, but for those of the recording's quality and of what is heard in the
    background.

    Parameters
    ----------
    background : array of shape (n, n_samples), list of 1-D arrays, ClipArray, str, Path
        Recordings at the rate of the clips; an Augmenter makes clips of the audio
        files in a folder. One is drawn for each clip, and a place in it to start;
        where it ends it begins again.
    snr_db : float or (float, float), default=(5.0, 30.0)
        Power of the clip over that of the background, in dB: a number, or a range it
        is drawn from uniformly.
    p : float in [0, 1], default=1.0
        Probability that a clip is changed.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from sktag.augment import BackgroundMix
    >>> street = np.ones((1, 3), dtype="float32")
    >>> mix = BackgroundMix(street, snr_db=20.0)
    >>> mix.apply(torch.ones(1, 4), start=0.0)
    tensor([[1.1000, 1.1000, 1.1000, 1.1000]])
    """

    takes: ClassVar[str | None] = "wave"
    n_uniforms: ClassVar[int] = 3

    background: Any
    snr_db: Range = (5.0, 30.0)

    def __post_init__(self) -> None:
        """Check the fields."""
        super().__post_init__()
        self.snr_db = check_range(self, "snr_db", self.snr_db)
        if not self._is_folder and not len(self.background):
            raise ValueError("BackgroundMix has an empty background: give recordings.")

    @property
    def _is_folder(self) -> bool:
        return isinstance(self.background, str) or hasattr(
            self.background, "__fspath__"
        )

    @property
    def host(self) -> bool:
        """Whether recordings may have to be decoded."""
        return not isinstance(self.background, np.ndarray)

    def draw(self, uniforms: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
        """Draw `snr_db`, `recording` and `start`, its share, see `RandomOp.draw`."""
        n = 1 if self._is_folder else len(self.background)
        recording = np.minimum((uniforms[:, 1] * n).astype(int), n - 1)
        return {
            "snr_db": between(self.snr_db, uniforms[:, 0]),
            "recording": recording,
            "start": uniforms[:, 2],
        }

    def change(
        self, x: Tensor, sample_rate: float | None, params: dict[str, Any]
    ) -> Tensor:
        """Do the op, see :meth:`sktag.ops.RandomOp.change`."""
        if self._is_folder:
            raise ValueError(
                f"BackgroundMix has background={str(self.background)!r}, which an "
                "Augmenter reads as a folder of audio files: put the operation into "
                "one, or give arrays."
            )
        places = np.arange(x.shape[1])
        parts = np.empty(tuple(x.shape), dtype=np.float32)
        for part, i, share in zip(
            parts, params["recording"], params["start"], strict=True
        ):
            recording = np.asarray(self.background[int(i)])
            start = int(share * len(recording))
            part[:] = recording[(start + places) % len(recording)]
        other = torch.from_numpy(parts).to(x.device, x.dtype, non_blocking=True)
        return add_at_snr(x, other, params["snr_db"])
