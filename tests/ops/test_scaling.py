"""Scaling, windowing and levels."""

import numpy as np
import pytest
import torch

from sktag.ops import ClipScaleOp, LevelOp, ScaleOp, WindowOp

X = torch.from_numpy(np.random.default_rng(0).normal(3, 2, (4, 5, 6))).float()


def test_scale_then_inverse_gives_the_input():
    shift, scale = np.arange(5.0), np.arange(1.0, 6.0)
    scaled = ScaleOp(shift, scale)(X)
    expected = (X.numpy() - shift[:, None]) / scale[:, None]
    np.testing.assert_allclose(scaled, expected, rtol=1e-6)
    np.testing.assert_allclose(
        ScaleOp(shift, scale, inverse=True)(scaled), X, rtol=1e-5
    )


def test_clip_scale_makes_each_clip_mean_0_and_deviation_1():
    out = ClipScaleOp()(X).numpy()
    np.testing.assert_allclose(out.mean(axis=(1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(out.std(axis=(1, 2)), 1, rtol=1e-6)


def test_clip_scale_of_a_constant_clip_is_zero():
    assert (ClipScaleOp()(torch.full((2, 3, 4), 0.1)) == 0).all()


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        (WindowOp(1, 2), [2, 3]),
        (WindowOp(0, 5), [1, 2, 3, 0, 0]),
        (WindowOp(1, 5, "repeat"), [2, 3, 2, 3, 2]),
        (WindowOp(9, 2), [0, 0]),
        (WindowOp(9, 2, "repeat"), [0, 0]),
    ],
)
def test_window_cuts_and_pads(op, expected):
    x = torch.tensor([[1.0, 2.0, 3.0]])
    assert op(x).tolist() == [expected]
    assert op.out_shape(x.shape) == (1, len(expected))


def test_level_of_peak_and_rms():
    x = torch.tensor([[0.25, -0.5], [0.0, 0.0]])
    assert LevelOp("peak")(x).tolist() == [[0.5, -1.0], [0.0, 0.0]]
    rms = LevelOp("rms")(x).square().mean(dim=1).sqrt()
    np.testing.assert_allclose(rms, [0.1, 0], rtol=1e-6)


def test_level_of_rms_leaves_no_sample_beyond_1():
    click = torch.zeros(1, 1000)
    click[0, 5] = 0.1
    assert LevelOp("rms")(click).abs().max() == 1
