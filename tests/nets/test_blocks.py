"""The parts that the networks over bins and frames share."""

import pytest
import torch

from sktag.nets.blocks import SameConv2d


@pytest.mark.parametrize("kernel_size", [(3, 3), (2, 5), (1, 128), (4, 1)])
def test_same_convolution_equals_torch_at_stride_one(kernel_size):
    torch.manual_seed(0)
    conv = SameConv2d(2, 3, kernel_size)
    x = torch.randn(2, 2, 6, 9)
    pads = [n - 1 for n in reversed(kernel_size)]  # frames, then bins
    around = [part for n in pads for part in (n // 2, n - n // 2)]
    padded = torch.nn.functional.pad(x, around)
    by_hand = torch.nn.functional.conv2d(padded, conv.weight, conv.bias)
    torch.testing.assert_close(conv(x), by_hand)
    assert conv(x).shape == (2, 3, 6, 9)


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("stride", [2, 3])
def test_same_convolution_with_stride_rounds_up(size, stride):
    conv = SameConv2d(1, 1, (size, size), stride=(stride, 1))
    for n_bins in range(1, 8):
        rounded_up = (n_bins + stride - 1) // stride
        assert conv(torch.rand(1, 1, n_bins, 5)).shape == (1, 1, rounded_up, 5)
