"""Standardizer, against StandardScaler and numpy."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler

from sktag import ClipArray, RawWave, Standardizer
from sktag.testing import (
    InaccessibleError,
    clip_transformer_checks,
    inaccessible_clips,
)

X = np.random.default_rng(0).normal(-40, 15, (9, 4, 30)).astype(np.float32)


@pytest.mark.parametrize("axis", ["bin", "global", "clip"])
@pytest.mark.parametrize("check_index", range(9))
def test_laws_hold(axis, check_index):
    name, check = clip_transformer_checks(Standardizer(axis))[check_index]
    assert name
    check()


def as_table(spectrograms):
    """One row a frame, one column a band: what StandardScaler takes."""
    return np.moveaxis(spectrograms, 1, 2).reshape(-1, spectrograms.shape[1])


@pytest.mark.parametrize("with_mean", [True, False])
@pytest.mark.parametrize("with_std", [True, False])
def test_bands_are_scaled_as_by_standard_scaler(with_mean, with_std):
    scaler = Standardizer(with_mean=with_mean, with_std=with_std).fit(X)
    oracle = StandardScaler(with_mean=with_mean, with_std=with_std)
    expected = oracle.fit_transform(as_table(X.astype(np.float64)))
    np.testing.assert_allclose(as_table(scaler.transform(X)), expected, atol=1e-4)
    full = StandardScaler().fit(as_table(X.astype(np.float64)))
    for name in ("mean_", "var_", "scale_"):
        np.testing.assert_allclose(getattr(scaler, name), getattr(full, name))
    assert scaler.n_samples_seen_ == 9
    assert scaler.n_values_seen_ == 9 * 30


def test_global_has_one_mean_and_deviation():
    scaler = Standardizer("global").fit(X)
    assert scaler.mean_.shape == scaler.scale_.shape == (1,)
    np.testing.assert_allclose(scaler.mean_, X.mean(dtype=np.float64))
    np.testing.assert_allclose(scaler.scale_, X.std(dtype=np.float64))


def test_waveforms_are_one_band(container, waves):
    scaler = Standardizer().fit(container)
    assert scaler.mean_.shape == (1,)
    np.testing.assert_allclose(scaler.scale_, waves.std(dtype=np.float64))
    out = np.asarray(scaler.transform(container))
    assert out.mean() == pytest.approx(0, abs=1e-6)
    assert out.std() == pytest.approx(1, rel=1e-5)


def test_clip_is_standardised_by_itself():
    out = Standardizer("clip").fit_transform(X)
    expected = (X - X.mean((1, 2), keepdims=True)) / X.std((1, 2), keepdims=True)
    np.testing.assert_allclose(out, expected, atol=1e-4)


@pytest.mark.parametrize("axis", ["bin", "global"])
def test_partial_fits_equal_one_fit(axis):
    whole = Standardizer(axis).fit(X)
    parts = Standardizer(axis)
    for part in (X[:2], X[2:3], X[3:]):
        parts.partial_fit(part)
    for name in ("mean_", "var_", "scale_"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name))
    assert parts.n_samples_seen_ == whole.n_samples_seen_ == 9


def test_partial_fit_takes_clips_of_another_length():
    scaler = Standardizer().partial_fit(X).partial_fit(X[:, :, :7])
    both = np.concatenate([as_table(X), as_table(X[:, :, :7])])
    np.testing.assert_allclose(scaler.mean_, both.mean(axis=0, dtype=np.float64))


def test_large_offset_loses_no_precision():
    far = (X + 1e4).astype(np.float32)
    np.testing.assert_allclose(
        Standardizer().fit(far).var_, far.astype(np.float64).var(axis=(0, 2)), rtol=1e-6
    )


def test_constant_band_is_not_divided():
    constant = X.copy()
    constant[:, 1] = -100.1
    scaler = Standardizer().fit(constant)
    assert scaler.scale_[1] == 1
    np.testing.assert_allclose(scaler.transform(constant)[:, 1], 0, atol=1e-4)


def test_inverse_transform_gives_the_input(container, waves):
    scaler = Standardizer().fit(container)
    back = scaler.inverse_transform(scaler.transform(container))
    np.testing.assert_allclose(np.asarray(back), waves, atol=1e-6)


def test_inverse_transform_by_clip_raises():
    with pytest.raises(ValueError, match="cannot be undone"):
        Standardizer("clip").fit(X).inverse_transform(X)


def test_other_number_of_bands_raises_for_clips():
    scaler = Standardizer().fit(ClipArray.from_array(X))
    with pytest.raises(ValueError, match="fitted on 4 bands and is given 3"):
        scaler.transform(ClipArray.from_array(X[:, :3]))


def test_failed_fit_leaves_it_unfitted():
    scaler = Standardizer()
    with pytest.raises(InaccessibleError):
        scaler.fit(inaccessible_clips(X))
    with pytest.raises(NotFittedError):
        scaler.transform(X)


def test_other_kind_raises():
    scaler = Standardizer("global").fit(X)
    with pytest.raises(ValueError, match="takes spectrograms, not"):
        scaler.transform(ClipArray.from_array(X[:, 0]))


def test_clips_that_are_not_finite_raise():
    with pytest.raises(ValueError, match="not finite"):
        Standardizer().fit(ClipArray.from_array(np.full((2, 3, 4), np.nan)))


def test_padding_counts_as_silence():
    clips = RawWave(sr=100, duration=1).fit_transform([np.ones(50, dtype=np.float32)])
    assert Standardizer().fit(clips).mean_ == 0.5
