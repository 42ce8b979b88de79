"""Scaling by given statistics and by those of each clip."""

import numpy as np
import pytest
import torch

from sktag.ops import ClipScaleOp, ScaleOp

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


@pytest.mark.parametrize("inverse", [False, True])
def test_part_of_a_clip_gives_the_columns_of_the_whole_clip(compare_parts, inverse):
    op = ScaleOp(np.arange(5.0), np.arange(1.0, 6.0), inverse)
    assert compare_parts(op, X.numpy())[0] == 0
