"""The parts that the networks share, against torch's and by hand."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sktag.nets.blocks import SameConv1d, SameConv2d, conv_block
from sktag.nets.blocks1d import ResidualBlock1d, SqueezeExcite, make_block

# Of the residual and other blocks on waveforms.
VALUES = {"batch_norm": True, "activation": "relu", "pooling": "max"}
VALUES |= {"inner_dropout": 0.0}


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


def test_squeeze_excite_follows_its_formula():
    torch.manual_seed(0)
    layer = SqueezeExcite(4, 0.5, "relu")
    x = torch.randn(3, 4, 7)
    w_in, b_in, w_out, b_out = (p.detach() for p in layer.parameters())
    assert w_in.shape == (2, 4)
    assert w_out.shape == (4, 2)
    hidden = torch.einsum("ij,bj->bi", w_in, x.sum(-1) / 7) + b_in
    scale = torch.einsum("ij,bj->bi", w_out, hidden.clamp_min(0)) + b_out
    scale = 1 / (1 + (-scale).exp())
    assert scale.std() > 0.01  # other for each channel and clip
    torch.testing.assert_close(layer(x), torch.einsum("bc,bct->bct", scale, x))


def seen_statistics(block):
    """Give the batch norms of a block numbers as after training."""
    for module in block.modules():
        if isinstance(module, nn.BatchNorm1d):
            for tensor in (module.weight, module.bias, module.running_mean):
                nn.init.normal_(tensor)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return block.eval()


def normed(x, norm):
    """Apply a batch norm by its formula."""
    columns = (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    mean, var, weight, bias = (t.reshape(-1, 1) for t in columns)
    return (x - mean) / (var + 1e-5).sqrt() * weight + bias


@pytest.mark.parametrize("se_ratio", [None, 0.5])
@pytest.mark.parametrize("n_in", [3, 4])
@pytest.mark.parametrize("n_convs", [1, 2])
def test_residual_block_adds_then_activates_then_pools(n_convs, n_in, se_ratio):
    torch.manual_seed(0)
    values = VALUES if se_ratio is None else VALUES | {"se_ratio": se_ratio}
    block = seen_statistics(ResidualBlock1d(n_convs, n_in, 4, (3,), (3,), values))
    x = torch.randn(2, n_in, 10)
    layers = list(block.layers)

    def conv(x, layer, padding):
        return F.conv1d(x, layer.weight, layer.bias, padding=padding)

    maps = normed(conv(x, layers[0], 1), layers[1])
    if n_convs == 2:
        # Behind the first norm are ReLU and dropout, which does nothing here.
        maps = normed(conv(maps.clamp_min(0), layers[4], 1), layers[5])
    if se_ratio is not None:
        maps = layers[-1](maps)
    way = x if n_in == 4 else normed(conv(x, block.shortcut[0], 0), block.shortcut[1])
    whole = (maps + way).clamp_min(0)
    expected = whole[..., :9].unflatten(-1, (3, 3)).max(-1).values
    torch.testing.assert_close(block(x), expected)
    # ReLU before the sum is another block.
    other = F.max_pool1d(maps.clamp_min(0) + way, 3)
    assert not torch.allclose(block(x), other)


def test_dropout_of_a_residual_block_is_between_its_convolutions():
    block = ResidualBlock1d(2, 4, 4, (3,), (3,), VALUES | {"inner_dropout": 0.25})
    kinds = [type(layer).__name__ for layer in block.layers]
    norm, between = "BatchNorm1d", ["ReLU", "Dropout"]
    assert kinds == ["SameConv1d", norm, *between, "SameConv1d", norm]
    assert block.layers[3].p == 0.25


def test_block_of_se_scales_behind_the_pooling():
    torch.manual_seed(0)
    block = make_block("se", 2, 4, (3,), (3,), VALUES | {"se_ratio": 0.5}).eval()
    *basic, scale = block
    x = torch.randn(2, 2, 9)
    torch.testing.assert_close(block(x), scale(nn.Sequential(*basic)(x)))
    assert isinstance(basic[-1], nn.MaxPool1d)
    assert isinstance(scale, SqueezeExcite)
