"""Checks that a transformer of clips follows the rules of all transformers.

They use generated clips and no files. Each check passes, or raises an AssertionError
that names the broken rule.
"""

import pickle
from itertools import pairwise

import joblib
import numpy as np
import torch
from sklearn.base import clone

from sktag.clips import ClipArray
from sktag.clips._sources import ArraySource
from sktag.ops import Op

# float32 has 7 digits; sums over a few thousand samples lose one or two of them.
_TOLERANCE = 1e-5
# Sample rate of bare arrays, in Hz.
_SR = 22050


class InaccessibleError(RuntimeError):
    """Raised by clips that must not be read."""


class _InaccessibleSource(ArraySource):
    """An array that raises an error when it is read."""

    def read_into(self, outs, rows, starts=None, n_threads=None):
        """Raise."""
        raise InaccessibleError(
            "these clips were read, although only their recipe should be used."
        )

    def take(self, rows):
        """Return a source that cannot be read either."""
        taken = super().take(rows)
        return _InaccessibleSource(
            taken._array,
            taken.sample_rate,
            taken._lengths,
            taken.hop_length,
            taken.frequencies,
        )


def inaccessible_clips(X, *, sample_rate=None):
    """Make clips that raise an error when they are read.

    A test double for code that should only use shapes, rows and ops.

    Parameters
    ----------
    X : array of shape (n_clips, n_samples) or (n_clips, n_bins, n_frames)
        Waveforms or spectrograms; the clips have their shape.
    sample_rate : float, optional
        Sample rate in Hz.

    Returns
    -------
    ClipArray
        Clips that raise :class:`InaccessibleError`.

    Examples
    --------
    >>> import numpy as np
    >>> from sktag import MelSpectrogram
    >>> from sktag.testing import inaccessible_clips
    >>> clips = inaccessible_clips(np.zeros((4, 22050)), sample_rate=22050)
    >>> MelSpectrogram(n_mels=64).fit_transform(clips).shape
    (4, 64, 44)
    """
    array = np.asarray(X, dtype=np.float32)
    return ClipArray(_InaccessibleSource(array, sample_rate))


def make_waves(n_clips=6, n_samples=4000, random_state=0):
    """Make waveforms for tests: different tones in noise.

    Parameters
    ----------
    n_clips : int, default=6
        Number of clips.
    n_samples : int, default=4000
        Length of each clip.
    random_state : int, default=0
        Seed.

    Returns
    -------
    ndarray of shape (n_clips, n_samples), float32
        Waveforms in [-1, 1], at a sample rate of 22,050 Hz.

    Examples
    --------
    >>> from sktag.testing import make_waves
    >>> make_waves(2, 100).shape
    (2, 100)
    """
    rng = np.random.default_rng(random_state)
    time = np.arange(n_samples) / _SR
    pitch = rng.uniform(100, 2000, (n_clips, 1))
    waves = 0.5 * np.sin(2 * np.pi * pitch * time)
    waves += rng.normal(0, 0.05, waves.shape)
    return np.clip(waves, -1, 1).astype(np.float32)


def _check_op_is_made(transformer, X, clips):
    out = transformer.fit(clips).transform(clips)
    assert isinstance(out, ClipArray), "transform(clips) must return clips"
    new = out.ops[len(clips.ops) :]
    assert new, "transform(clips) must append an op to those of the clips"
    assert all(isinstance(op, Op) for op in new), "_make_op must return a sktag.ops.Op"


def _check_eager_equals_lazy(transformer, X, clips):
    lazy = np.asarray(transformer.fit(clips).transform(clips))
    eager = clone(transformer).fit(X).transform(X)
    assert isinstance(eager, np.ndarray), "transform(array) must return an array"
    _assert_close(eager, lazy, "an array and clips of it")


def _check_nothing_is_read(transformer, X, clips):
    fitted = clone(transformer).fit(clips)
    hidden = inaccessible_clips(X, sample_rate=clips.sample_rate)
    out = fitted.transform(hidden)
    assert len(out) == len(X)
    repr(out)
    out[1:3].shape  # noqa: B018  # evaluated to see that it does not read


def _check_shape_is_known(transformer, X, clips):
    out = transformer.fit(clips).transform(clips)
    computed = np.asarray(out)
    assert computed.shape == out.shape, (
        f"out_shape returns {out.shape}, forward computes {computed.shape}"
    )
    assert out[:1].shape == (1, *out.shape[1:]), "shapes must not depend on the batch"


def _check_output_is_float32(transformer, X, clips):
    lazy = transformer.fit(clips).transform(clips)
    message = "the output must be float32, also before it becomes an array"
    computed = lazy.ops[-1].forward(_input_of_last_op(lazy))
    assert lazy.dtype == lazy[0].dtype == np.float32, message
    assert computed.dtype == torch.float32, message
    for dtype in (np.float32, np.float64):
        eager = clone(transformer).fit(X.astype(dtype)).transform(X.astype(dtype))
        assert eager.dtype == np.float32, message


def _check_rows_are_independent(transformer, X, clips):
    out = transformer.fit(clips).transform(clips)
    whole = np.asarray(out)
    _assert_close(np.asarray(out[[3, 1]]), whole[[3, 1]], "a clip among others")
    _assert_close(out[2], whole[2], "a clip alone")


def _check_parts_equal_the_whole(transformer, X, clips):
    out = transformer.fit(clips).transform(clips)
    op = out.ops[-1]
    if op.whole:
        return  # neither `pointwise` nor `in_slice` says that a part is enough
    x, hop_length = _input_of_last_op(out), op.hop_length or 1
    whole = op(x).numpy()
    n_columns = whole.shape[-1]
    borders = [0, n_columns // 3, n_columns // 2, n_columns]
    for start, stop in pairwise(borders):
        if start == stop:
            continue
        first, last = op.in_slice(start, stop)
        first = max(first // hop_length, 0)
        part = op(x[..., first * hop_length : last])
        columns = part[..., start - first : stop - first].numpy()
        expected = whole[..., start:stop]
        assert columns.shape == expected.shape, "in_slice must return enough columns"
        # Fast transforms round by the length of the part: ten times the tolerance.
        _assert_close(columns, expected, "a part of a clip and the whole clip", 10)


def _input_of_last_op(clips):
    return torch.from_numpy(np.asarray(clips.before(len(clips.ops) - 1)))


def _check_hash_is_stable(transformer, X, clips):
    out = transformer.fit(clips).transform(clips)
    again = clone(transformer).fit(clips).transform(clips)
    message = "equal recipes must have equal hashes: keep tensors out of the op"
    assert joblib.hash(out) == joblib.hash(again), message
    loaded = pickle.loads(pickle.dumps(out))
    assert joblib.hash(loaded) == joblib.hash(out), message
    _assert_close(np.asarray(loaded), np.asarray(out), "a pickled recipe")


def _check_op_leaves_its_input(transformer, X, clips):
    out = transformer.fit(clips).transform(clips)
    op = out.ops[-1]
    batch = torch.from_numpy(np.asarray(X).copy())
    before = batch.clone()
    op(batch)
    assert torch.equal(batch, before), "forward must not change its input"


def _check_fit_forgets(transformer, X, clips):
    other = ClipArray.from_array(0.5 * X[:4], sample_rate=clips.sample_rate)
    fresh = np.asarray(clone(transformer).fit(clips).transform(clips))
    used = clone(transformer).fit(other).fit(clips)
    _assert_close(np.asarray(used.transform(clips)), fresh, "a second fit")


def _check_other_rate_raises(transformer, X, clips):
    fitted = transformer.fit(clips)
    other = ClipArray.from_array(X, sample_rate=2 * _SR)
    if other.sample_rate == fitted.sr_ or X.ndim == 3:
        return
    try:
        fitted.transform(other)
    except ValueError as error:
        if str(_SR) in str(error):
            return
        raise AssertionError("the error must name both sample rates") from error
    raise AssertionError("clips at another sample rate must be an error")


_CHECKS = (
    _check_op_is_made,
    _check_eager_equals_lazy,
    _check_nothing_is_read,
    _check_shape_is_known,
    _check_output_is_float32,
    _check_rows_are_independent,
    _check_parts_equal_the_whole,
    _check_hash_is_stable,
    _check_op_leaves_its_input,
    _check_fit_forgets,
    _check_other_rate_raises,
)


def clip_transformer_checks(transformer):
    """List the checks of a transformer, for ``pytest.mark.parametrize``.

    Parameters
    ----------
    transformer : ClipTransformer
        An instance.

    Returns
    -------
    list of (str, callable)
        Names, and functions of no argument that raise AssertionError.

    Examples
    --------
    >>> from sktag import Standardizer
    >>> from sktag.testing import clip_transformer_checks
    >>> names = [name for name, check in clip_transformer_checks(Standardizer())]
    >>> names[1]
    'eager_equals_lazy'
    """
    waves = make_waves()
    kinds = {"wave": waves, "spectrogram": waves.reshape(6, 8, 500)}
    X = kinds[transformer.takes or "wave"]

    def bind(check):
        def run():
            clips = ClipArray.from_array(X, sample_rate=_SR)
            check(clone(transformer), X, clips)

        return run

    return [(check.__name__.removeprefix("_check_"), bind(check)) for check in _CHECKS]


def check_clip_transformer(transformer):
    """Check that a transformer of clips follows the rules.

    Parameters
    ----------
    transformer : ClipTransformer
        An instance; it is cloned, never changed.

    Raises
    ------
    AssertionError
        If it breaks a rule; the message names it.

    See Also
    --------
    clip_transformer_checks : The same checks, one by one.

    Examples
    --------
    >>> from sktag import MelSpectrogram
    >>> from sktag.testing import check_clip_transformer
    >>> check_clip_transformer(MelSpectrogram(n_mels=32, n_fft=512))
    """
    for _, check in clip_transformer_checks(transformer):
        check()


def _assert_close(actual, expected, what, factor=1):
    scale = max(float(np.abs(expected).max(initial=0)), 1e-30)
    np.testing.assert_allclose(
        actual,
        expected,
        rtol=0,
        atol=factor * _TOLERANCE * scale,
        err_msg=f"{what} must give the same numbers",
    )
