"""The decimating filter against a plain convolution, and what it lets through."""

import numpy as np
import pytest
import torch

from sktag.ops.low_pass import LowPass

CPU = torch.device("cpu")


@pytest.mark.parametrize(("edge", "step"), [(0.06, 4), (0.15, 2)])
@pytest.mark.parametrize("size", [640, 1000])
def test_samples_are_those_of_a_convolution(edge, step, size):
    low_pass = LowPass.design(edge, 8, CPU)
    assert low_pass.step == step
    x = torch.randn(2, size + 2 * low_pass.reach, generator=torch.manual_seed(0))
    expected = np.stack([np.convolve(row, low_pass.taps, "same") for row in x.numpy()])
    expected = expected[:, low_pass.reach : low_pass.reach + size : step]
    # Rounding of float32.
    np.testing.assert_allclose(low_pass(x, size).numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("edge", [0.03, 0.06, 0.15])
def test_what_would_fold_onto_the_band_is_95_db_down(edge):
    low_pass = LowPass.design(edge, 8, CPU)
    response = np.abs(np.fft.rfft(low_pass.taps, 2**14))
    frequencies = np.arange(len(response)) / 2**14
    # Kaiser's formula is good to a decibel or so.
    assert response[frequencies >= 1 / low_pass.step - edge].max() < 10 ** (-93 / 20)
    assert response[frequencies <= edge].min() > 0.99


def test_undo_is_one_over_the_response():
    low_pass = LowPass.design(0.06, 8, CPU)
    band = torch.ones(20)
    response = np.abs(np.fft.fft(low_pass.taps, 1000))[30:50]
    undone = low_pass.undo(30, band, 1000).numpy()
    np.testing.assert_allclose(undone, low_pass.step / response, rtol=1e-6)


@pytest.mark.parametrize(("edge", "hop"), [(0.24, 8), (0.06, 5)])
def test_none_where_nothing_is_gained(edge, hop):
    assert LowPass.design(edge, hop, CPU) is None
