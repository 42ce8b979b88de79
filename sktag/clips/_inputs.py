"""The way from X to clips, for all transformers and estimators.

Only this module distinguishes arrays, tables and clips, so that a wrong X gets the same
message everywhere.
"""

from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from sktag._torch import as_array
from sktag.clips._array import REMEDY, ClipArray
from sktag.clips._file_source import FileSource
from sktag.clips._files import open_files
from sktag.clips._integers import refuse_integers
from sktag.clips._refusals import refuse_channels, refuse_other, refuse_waves
from sktag.clips._segments import as_excerpts


def as_clips(
    X: Any,
    estimator: Any,
    *,
    takes: str | None,
    reset: bool,
    sample_rate: float | None = None,
    hop_length: int | None = None,
    two_d: str = "wave",
) -> ClipArray:
    """Return X as clips of the kind that an estimator takes."""
    name = type(estimator).__name__
    if isinstance(X, ClipArray):
        check_kind(X, takes, name)
        if reset:
            forget_features(estimator)
        return X
    X = as_array(X)
    refuse_other(X, name)
    array = _validate(estimator, X, reset=reset)
    if array.ndim == 3:
        refuse_channels(array.shape, name)
    if array.ndim > 3 or (takes == "wave" and array.ndim == 3):
        already = "."
        if array.ndim == 3:
            already = (
                ", which are spectrograms already; or waveforms with a channel axis: "
                "average the channels."
            )
        raise ValueError(
            f"{name} takes {_shapes(takes)}; X has {array.ndim} dimensions, "
            f"{array.shape}{already}"
        )
    if array.ndim == 2 and two_d == "wave":
        refuse_integers(_dtype(X), name)
    elif array.ndim == 2:
        refuse_waves(array.shape, name)
        array = array[:, :, np.newaxis]
    return ClipArray.from_array(
        array,
        sample_rate=sample_rate,
        hop_length=hop_length if array.ndim == 3 else None,
    )


def as_clips_like(X: Any, clips: ClipArray) -> ClipArray:
    """Return X as clips to which the steps of other clips were applied."""
    ops = [op for op in clips.ops if not op.random]
    source = clips._source
    excerpts = None if isinstance(X, ClipArray) else as_excerpts(X)
    if isinstance(X, ClipArray):
        if X.sample_rate != clips.sample_rate:
            raise ValueError(
                f"the clips are at {X.sample_rate} Hz, those of training at "
                f"{clips.sample_rate} Hz: read them at the same rate."
            )
        done = [op for op in X.ops if not op.random]
        out = ClipArray(X._source, X._key, tuple(done))
        if done != ops[: len(done)]:
            raise ValueError(
                f"{out!r} went through other steps than the clips of training, "
                f"{clips!r}: give paths, or clips of the same steps."
            )
        ops = ops[len(done) :]
    elif excerpts is not None:
        if not isinstance(source, FileSource):
            raise ValueError(
                "these are paths, but the clips of training come from an array: give "
                "an array, or train on paths too."
            )
        out = open_files(excerpts, **source.options)
    else:
        if isinstance(source, FileSource):
            raise ValueError(
                "this is an array, but the clips of training come from files: give "
                "paths, or clips that the same steps made from the array."
            )
        out = ClipArray.from_array(
            as_array(X),
            sample_rate=source.sample_rate,
            hop_length=source.hop_length,
            frequencies=source.frequencies,
        )
    for op in ops:
        out = out.map(op)
    return out


def check_kind(clips: ClipArray, takes: str | None, name: str) -> None:
    """Raise an error if clips are not of the kind that a step takes."""
    if takes not in (None, clips.kind):
        raise ValueError(f"{name} takes {takes}s, not {clips!r}: {REMEDY[takes]}.")


def check_rate(clips: ClipArray, sr: float | None, name: str) -> None:
    """Raise an error if clips have another sample rate than those of training."""
    rate = clips.sample_rate
    if rate is not None and sr is not None and rate != sr:
        raise ValueError(
            f"{name} was fitted on clips at {sr:g} Hz and is given clips at {rate:g} "
            f"Hz: decode them at the rate of training, RawWave(sr={sr:g})."
        )


def forget_features(estimator: Any) -> None:
    """Delete what scikit-learn notes about arrays, since X is not an array."""
    for attribute in ("n_features_in_", "feature_names_in_"):
        vars(estimator).pop(attribute, None)


def _validate(estimator: Any, X: Any, *, reset: bool) -> np.ndarray:
    """Return X as a finite float32 array, and set or check ``n_features_in_``."""
    name = type(estimator).__name__
    array: np.ndarray = validate_data(
        estimator,
        X,
        dtype=np.float32,
        allow_nd=True,
        order="C",
        ensure_all_finite=False,
        reset=reset,
    )
    bad = ~np.isfinite(array).reshape(len(array), -1).all(axis=1)
    if bad.any():
        rows = np.flatnonzero(bad)
        raise ValueError(
            f"X contains NaN or infinity in {len(rows)} of {len(array)} clips (first "
            f"in clip {rows[0]}): {name} takes finite float32 numbers. Leave these "
            "clips out, or mend them with np.nan_to_num."
        )
    return array


def _dtype(X: Any) -> np.dtype[Any]:
    """Return the type of the numbers in X before they became float32."""
    dtype = getattr(X, "dtype", None)
    return dtype if isinstance(dtype, np.dtype) else np.asarray(X).dtype


def _shapes(takes: str | None) -> str:
    waves = "waveforms (n_clips, n_samples)"
    spectrograms = "spectrograms (n_clips, n_bins, n_frames)"
    both = f"{waves} or {spectrograms}"
    return {"wave": waves, "spectrogram": spectrograms}.get(takes or "", both)
