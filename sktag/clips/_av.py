"""Streams of what libsndfile cannot read, by PyAV: M4A, WMA, the sound of videos.

PyAV wraps the libraries of ffmpeg, and is an extra. It is imported when the first such
file is met.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any, Self

import numpy as np
import numpy.typing as npt

# Formats that name other files or addresses, which would be opened too.
_LISTS = {"hls", "dash", "concat", "concatf", "imf", "webm_dash_manifest"}


class AvError(Exception):
    """PyAV cannot read a file, or not to its end."""


def has_av() -> bool:
    """Tell whether PyAV is installed."""
    return find_spec("av") is not None


class AvStream:
    """The first sound of a file, read in order as a soundfile is, averaged to mono.

    The number of frames is not known, since containers tell it only roughly.
    """

    channels = 1
    frames = 0

    def __init__(self, name: str) -> None:
        import av

        self._error = av.FFmpegError
        try:
            self._container = av.open(
                os.fsencode(name).decode("utf-8", "surrogateescape"),
                options={"protocol_whitelist": "file"},
            )
        except (self._error, ValueError) as error:
            raise AvError(getattr(error, "strerror", None) or str(error)) from error
        kinds = set(self._container.format.name.split(","))
        streams = self._container.streams.audio
        if not streams or kinds & _LISTS:
            self._container.close()
            raise AvError("it has no sound" if not streams else "it lists other files")
        stream = streams[0]
        stream.codec_context.thread_type = (
            "SLICE"  # sktag decodes several files at once
        )
        self.samplerate = int(stream.codec_context.sample_rate or 0)
        if not self.samplerate:  # guessed from the name of the file alone
            self._container.close()
            raise AvError("no sound found in it")
        self.format = self._container.format.name
        self.subtype = f"AV {stream.codec_context.name}"
        self._frames = self._container.decode(stream)
        self._resampler: Any = None
        self._rest = np.empty(0, np.float32)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def read(self, out: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Fill an array with the next samples; return the part that was filled."""
        filled = 0
        while filled < len(out):
            if not len(self._rest):
                self._rest = self._next()
                if not len(self._rest):
                    break
            n = min(len(out) - filled, len(self._rest))
            out[filled : filled + n] = self._rest[:n]
            self._rest = self._rest[n:]
            filled += n
        return out[:filled]

    def _next(self) -> npt.NDArray[np.float32]:
        """Decode the next samples; none at the end."""
        import av

        try:
            for frame in self._frames:
                if frame.sample_rate != self.samplerate:
                    raise AvError(
                        f"its sample rate changes from {self.samplerate} to "
                        f"{frame.sample_rate} Hz midway"
                    )
                converter = av.AudioResampler(format="fltp", layout=frame.layout)
                planes = [part.to_ndarray() for part in converter.resample(frame)]
                samples = np.concatenate(planes, axis=1)
                if samples.shape[1]:
                    return np.asarray(samples.mean(axis=0, dtype=np.float32))
        except self._error as error:
            raise AvError(error.strerror or str(error)) from error
        return np.empty(0, np.float32)
