"""Audio players for clips in a notebook."""

import base64
import io
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from sktag.clips._array import ClipArray

# Sample rates of MPEG audio, in Hz; waveforms of other rates are not compressed.
_MP3_RATES = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000}


class Listen:
    """Audio players for a few waveforms, shown by a notebook.

    They hold MP3, or WAV at a sample rate that MP3 does not have.
    """

    def __init__(self, waves: np.ndarray, sample_rate: float) -> None:
        self.waves = waves
        self.sample_rate = sample_rate

    def _repr_html_(self) -> str:
        import soundfile

        rate = int(self.sample_rate)
        name, kind = ("MP3", "mpeg") if rate in _MP3_RATES else ("WAV", "wav")
        players = []
        for i, wave in enumerate(self.waves):
            file = io.BytesIO()
            soundfile.write(file, wave, rate, format=name)
            data = base64.b64encode(file.getvalue()).decode()
            players.append(
                f"<audio controls aria-label='Clip {i}' "
                f"src='data:audio/{kind};base64,{data}'></audio>"
            )
        return "<br>".join(players)

    def __repr__(self) -> str:
        """Return the number and length of the players."""
        n, n_samples = self.waves.shape
        seconds = n_samples / self.sample_rate
        return f"<{n} audio players of {seconds:.2f} s, shown in a notebook>"


def listen(clips: "ClipArray", n: int) -> Listen:
    """Return players for the first clips, see :meth:`ClipArray.listen`."""
    if clips._source.kind != "wave" or clips.sample_rate is None:
        raise ValueError(
            "these clips were made from spectrograms in memory and have no waveform to "
            "play: listen to the waveforms they were computed from."
        )
    x = torch.from_numpy(clips.read(np.arange(min(n, len(clips)))))
    for op in clips.ops:
        if op.gives == "spectrogram":
            break
        x = op(x)
    return Listen(x.numpy(), clips.sample_rate)
