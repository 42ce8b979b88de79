"""Length and level of waveforms."""

import numpy as np
import pytest
import torch

from sktag.ops import LevelOp, WindowOp


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
