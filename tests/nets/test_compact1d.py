"""The compact network over time: its counts, pooling and first weights."""

import warnings

import pytest
import torch

from sktag.nets import build_cnn1d


def build(input_shape=(64, 216), n_outputs=10, **given):
    return build_cnn1d("compact", input_shape, n_outputs, **given)


def test_compact_has_the_parameters_and_shapes_of_its_docstring(count, shapes_of):
    net, _ = build()
    # A convolution has no bias before a batch norm, which has two numbers a filter.
    first, other = 64 * 128 * 5 + 2 * 128, 128 * 128 * 5 + 2 * 128
    assert [count(block) for block in net.blocks] == [first, other, other, other]
    assert count(net) == first + 3 * other + 256 * 10 + 10 == 290_314
    pools = shapes_of(net, torch.nn.MaxPool1d, torch.zeros(1, 64, 216))
    assert pools == [(128, 108), (128, 54), (128, 27), (128, 13)]
    assert net.output.in_features == 256


def test_filters_start_from_he_normal_and_the_output_near_zero():
    torch.manual_seed(0)
    net, _ = build(n_outputs=500)
    # He's deviation of a filter is sqrt(2 / fan in).
    std = net.blocks[1][0].weight.std().item()
    assert std == pytest.approx((2 / (128 * 5)) ** 0.5, rel=0.02)
    assert net.output.weight.std().item() == pytest.approx(0.01, rel=0.02)


def test_even_kernel_of_the_compact_keeps_the_frames_without_a_warning():
    net, _ = build((4, 9), kernel_size=4, n_blocks=2, pool_size=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert net.blocks(torch.zeros(1, 4, 9)).shape == (1, 128, 9)


def test_compact_pools_mean_and_maximum_over_time():
    net, _ = build((4, 80), n_filters=3)
    x = torch.randn(2, 4, 80)
    maps = net.eval().blocks(x)
    pooled = torch.cat([maps.sum(-1) / 5, maps.max(-1).values], dim=1)
    torch.testing.assert_close(net.features(x), pooled)
