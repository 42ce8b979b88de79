"""The perturbations of the robustness protocol: their values, and what they do."""

import joblib
import librosa
import numpy as np
import pytest
import torch

from sktag.augment import (
    ROBUSTNESS,
    DynamicRangeCompression,
    NoiseBlend,
    PitchShift,
    TimeStretch,
)
from sktag.testing import make_waves

RATE = 22050
X = make_waves(4, 11025)
every_one = pytest.mark.parametrize("name", ROBUSTNESS)


def of_kind(cls):
    return [op for op in ROBUSTNESS.values() if isinstance(op, cls)]


def test_values_are_those_of_the_protocol():
    # Won et al. 2020: tempo by 2^-.5 and 2^.5, a semitone down and up, noise of .1 and
    # .4, compression.
    rates = [op.rate for op in of_kind(TimeStretch)]
    assert rates == [(2**-0.5, 2**-0.5), (2**0.5, 2**0.5)]
    assert [op.semitones for op in of_kind(PitchShift)] == [(-1, -1), (1, 1)]
    assert [op.ratio for op in of_kind(NoiseBlend)] == [(0.1, 0.1), (0.4, 0.4)]
    assert len(of_kind(DynamicRangeCompression)) == 1
    assert len(ROBUSTNESS) == 7
    assert all(op.p == 1 for op in ROBUSTNESS.values())


@every_one
def test_perturbation_needs_no_parameter_and_draws_nothing(name):
    op = ROBUSTNESS[name]
    before = X.copy()
    out = op.apply(X, RATE)
    assert (out.shape, out.dtype) == (X.shape, X.dtype)
    assert np.isfinite(out).all()
    assert np.array_equal(op.apply(X, RATE), out)
    assert np.array_equal(X, before)
    assert not np.array_equal(out, X)
    assert torch.equal(op.apply(torch.from_numpy(X), RATE), torch.from_numpy(out))
    # The rows of a batch are those of another batch that begins alike.
    np.testing.assert_allclose(op.apply(X[:2], RATE), out[:2], atol=1e-6)


@every_one
def test_apply_leaves_perturbation_as_it_is(name):
    before = joblib.hash(ROBUSTNESS[name])
    ROBUSTNESS[name].apply(X[0], RATE)
    assert joblib.hash(ROBUSTNESS[name]) == before


@pytest.mark.parametrize("ratio", [0.1, 0.4])
def test_noise_is_blended_by_hand(ratio):
    generator = torch.Generator()
    out = ROBUSTNESS[f"white_noise_{ratio}"].apply(X, RATE)
    for row, x in enumerate(X):
        noise = torch.empty(len(x)).normal_(generator=generator.manual_seed(row))
        noise = noise.numpy() * np.abs(x).max() / np.abs(noise.numpy()).max()
        expected = (1 - ratio) * x + ratio * noise
        np.testing.assert_allclose(out[row], expected, atol=1e-6)


@pytest.mark.parametrize("op", of_kind(TimeStretch))
def test_tempo_is_that_of_librosa(op):
    x = X[0].astype(float)
    expected = librosa.effects.time_stretch(x, rate=op.rate[0])
    end = min(len(x), len(expected)) - 2048  # librosa's last frame is cut
    np.testing.assert_allclose(op.apply(x, RATE)[:end], expected[:end], atol=1e-9)


def test_compression_turns_full_scale_down():
    op = of_kind(DynamicRangeCompression)[0]
    loud = np.ones((1, RATE))
    level_db = 20 * np.log10(op.apply(loud, RATE)[0, -1])
    threshold, ratio = op.threshold_db[0], op.ratio[0]
    assert abs(level_db - threshold * (1 - 1 / ratio)) < 1e-6
    assert level_db < -10
