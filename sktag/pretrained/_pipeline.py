"""Published weights as a fitted Pipeline, from files to tags."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from sktag._weights import Weights
from sktag.clips import ClipArray
from sktag.estimators import CNN2DClassifier, SampleCNNClassifier
from sktag.transformers import MelSpectrogram, RawWave


def make_tagger(weights: Weights, front_end: Mapping[str, Any], **params: Any) -> Any:
    """Return a fitted Pipeline of weights, a front-end and parameters of chunks.

    The front-end is as in the record of a network: `sr`, and parameters of
    MelSpectrogram for networks that take spectrograms.
    """
    length = weights.input_shape[-1]
    estimator: Any = SampleCNNClassifier
    if weights.hop_length is not None:
        estimator = CNN2DClassifier
        length = (length - 1) * weights.hop_length
    front_end = dict(front_end)
    wave = RawWave(sr=front_end.pop("sr"))
    # One window of silence fits the steps; they learn its rate and length from it.
    silence = np.zeros((1, length), np.float32)
    clips = ClipArray.from_array(silence, sample_rate=wave.sr)
    clips = wave.fit_transform(clips)
    steps: list[tuple[str, Any]] = [("wave", wave)]
    if weights.hop_length is not None:
        with warnings.catch_warnings():
            # Empty bands are part of a published front-end.
            warnings.filterwarnings("ignore", ".* mel bands are empty")
            steps.append(("mel", MelSpectrogram(**front_end).fit(clips)))
    tagger = estimator.from_weights(
        weights,
        tag_names=weights.outputs,
        sr=weights.sample_rate,
        hop_length=weights.hop_length,
        chunk_size=weights.input_shape[-1],
        **params,
    )
    return Pipeline([*steps, ("clf", tagger)])
