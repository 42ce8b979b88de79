"""The shared parts of the networks, against torch's and by hand."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sktag.nets import build_cnn2d
from sktag.nets.blocks import (
    INITIALISERS,
    SameConv1d,
    SameConv2d,
    conv_block,
    init_weights,
    stack1d,
)

VALUES = {"batch_norm": True, "activation": "relu", "pooling": "max"}


@pytest.mark.filterwarnings("ignore:Using padding='same' with even:UserWarning")
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kernel_size", [(3, 3), (2, 5), (1, 128), (4, 1), (6,), (3,)])
def test_same_convolution_equals_that_of_torch_at_stride_one(kernel_size, bias):
    torch.manual_seed(0)
    same, torchs = {1: (SameConv1d, nn.Conv1d), 2: (SameConv2d, nn.Conv2d)}[
        len(kernel_size)
    ]
    conv = same(2, 3, kernel_size, bias=bias)
    expected = torchs(2, 3, kernel_size, padding="same", bias=bias)
    expected.load_state_dict(conv.state_dict())
    x = torch.randn(2, 2, 6, 9)[..., : len(kernel_size) ** 3 + 1]
    x = x if len(kernel_size) == 2 else x[..., 0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # none for even sizes
        maps = conv(x)
    torch.testing.assert_close(maps, expected(x))
    assert maps.shape == (2, 3, *x.shape[2:])


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("stride", [2, 3])
def test_same_convolution_with_stride_rounds_up(size, stride):
    conv = SameConv2d(1, 1, (size, size), stride=(stride, 1))
    for n_bins in range(1, 8):
        rounded_up = (n_bins + stride - 1) // stride
        assert conv(torch.rand(1, 1, n_bins, 5)).shape == (1, 1, rounded_up, 5)


@pytest.mark.parametrize("pool_size", [(1, 1), (2, 1), (2, 3)])
def test_conv_block_is_norm_activation_and_pooling_of_the_convolution(pool_size):
    conv = SameConv2d(1, 2, (3, 3))
    block = conv_block(conv, VALUES | {"pooling": "avg"}, pool_size).eval()
    x = torch.randn(2, 1, 6, 9)
    # At first batch norm only divides by sqrt(1 + 1e-5), its running variance.
    maps = (conv(x) / (1 + 1e-5) ** 0.5).clamp_min(0)
    torch.testing.assert_close(block(x), F.avg_pool2d(maps, pool_size))
    assert len(block) == (3 if pool_size == (1, 1) else 4)


@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("padded", [True, False])
def test_stack_keeps_frames_and_leaves_out_biases_before_norms_only_if_padded(
    padded, batch_norm
):
    steps = [(4, 5, (3,), (2,)), (5, 6, (4,), (1,))]
    layers = stack1d(steps, VALUES | {"batch_norm": batch_norm}, padded=padded)
    # 20 frames: pooled by 2; without padding, kernels of 3 and 4 take off 2 and 3.
    n_frames = 10 if padded else (20 - 2) // 2 - 3
    assert layers(torch.rand(2, 4, 20)).shape == (2, 6, n_frames)
    has_bias = [block[0].bias is not None for block in layers]
    assert has_bias == [not (padded and batch_norm)] * 2


@pytest.mark.parametrize("weight_init", INITIALISERS)
def test_initialiser_draws_weights_of_its_scale(weight_init):
    torch.manual_seed(0)
    layer = torch.nn.Linear(400, 100)
    init_weights(layer, weight_init)
    variance = {
        "he_uniform": 2 / 400,
        "he_normal": 2 / 400,
        "xavier_uniform": 2 / 500,
        "xavier_normal": 2 / 500,
        "lecun_normal": 1 / 400,
        "orthogonal": 1 / 400,  # orthonormal rows of 400 numbers
    }[weight_init]
    # 40,000 draws know their variance to 0.7 %; three times that.
    assert layer.weight.var().item() == pytest.approx(variance, rel=0.021)
    assert (layer.bias == 0).all()


def test_default_initialiser_leaves_the_weights():
    layer = torch.nn.Linear(3, 2)
    before = layer.weight.clone()
    init_weights(layer, "default")
    assert torch.equal(layer.weight, before)


def test_weight_init_given_draws_a_published_network_anew():
    net, _ = build_cnn2d("fcn4", (96, 1280), 7, n_filters=3, weight_init="he_normal")
    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            assert (module.bias == 0).all()
