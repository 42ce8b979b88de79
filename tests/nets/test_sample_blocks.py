"""The networks of Kim, Lee and Nam: blocks, counts, shapes and short inputs."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sktag.nets import ARCHITECTURES, build_sample_cnn
from sktag.nets.sample_blocks import ResidualBlock1d, SqueezeExcite, make_block

VALUES = {"batch_norm": True, "activation": "relu", "pooling": "max"}
VALUES |= {"inner_dropout": 0.0}

OF_2018 = ["basic", "se", "res1", "res2", "rese1", "rese2"]


def build(architecture, n_samples=59_049, n_outputs=50, **given):
    return build_sample_cnn(architecture, (n_samples,), n_outputs, **given)


def small(architecture, n_samples=100, **given):
    """Return a network of few filters that takes 100 samples."""
    return build(architecture, n_samples, 4, **{"n_filters": 6, **given})[0]


def meta(net, n_samples):
    """Move a network to the meta device, and return an input for it."""
    net.to("meta")
    return torch.empty(2, n_samples, device="meta")


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


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("basic", 0.9077),
        ("se", 0.9111),
        ("res1", 0.9037),
        ("res2", 0.9098),
        ("rese1", 0.9053),
        ("rese2", 0.9113),
    ],
)
def test_record_has_the_input_and_figure_of_the_paper(name, figure):
    record = ARCHITECTURES["sample_cnn"][name]
    assert record.published() == ((59_049,), 59_049)
    assert record.front_end == {"sr": 22_050}
    assert record.figures == {"mtat_roc_auc": figure}


@pytest.mark.parametrize(
    ("name", "se_ratio", "multi", "single"),
    [
        ("basic", None, 2_683_442, 1_869_874),
        ("se", 16, 24_742_706, 23_929_138),
        ("se", None, 2_858_066, 2_044_498),
        ("se", 0.125, 2_858_066, 2_044_498),
        ("res1", None, 2_849_586, 2_036_018),
        ("res2", None, 4_920_882, 4_107_314),
        ("rese1", 16, 24_908_850, 24_095_282),
        ("rese1", None, 3_024_210, 2_210_642),
        ("rese2", 16, 26_980_146, 26_166_578),
        ("rese2", None, 5_095_506, 4_281_938),
    ],
)
def test_blocks_of_2018_have_the_published_counts(name, se_ratio, multi, single, count):
    with torch.device("meta"):
        net, full = build(name, se_ratio=se_ratio)
        assert full == name
        assert count(net) == multi
        assert count(build(name, se_ratio=se_ratio, multi_level=True)[0]) == multi
        assert count(build(name, se_ratio=se_ratio, multi_level=False)[0]) == single


@pytest.mark.parametrize("name", OF_2018)
def test_blocks_of_2018_have_the_published_outputs(name, shapes_of):
    with torch.device("meta"):
        net, _ = build(name)
    pools = shapes_of(net, nn.MaxPool1d, meta(net, 59_049))
    widths = [128, 128, *[256] * 6, 512]
    assert pools == [(w, 3 ** (8 - i)) for i, w in enumerate(widths)]
    assert net.output.in_features == 256 + 256 + 512


def test_squeeze_scales_after_the_pooling_in_se_and_before_the_sum_in_rese():
    se, rese = small("se").eval(), small("rese1").eval()
    for net in (se, rese):
        for module in net.modules():
            if hasattr(module, "excite"):
                nn.init.zeros_(module.excite.weight)
                nn.init.constant_(module.excite.bias, -100.0)
    # Every scale is 0, so only the shortcut is left.
    x = torch.randn(2, 100)
    assert se.blocks[0](se.stem(x.unsqueeze(1))).abs().max() == 0
    maps = rese.stem(x.unsqueeze(1))
    expected = F.max_pool1d(maps, 3)  # ReLU has already been applied
    torch.testing.assert_close(rese.blocks[0](maps), expected)


def test_shortcut_is_a_convolution_only_where_channels_change():
    with torch.device("meta"):
        net, _ = build("res2")
    lengths = [len(block.shortcut) for block in net.blocks]
    assert lengths == [0, 0, 2, 0, 0, 0, 0, 0, 2]


def test_multi_level_features_are_the_maxima_of_the_last_three_blocks():
    torch.manual_seed(0)
    net = small("basic", 300).eval()
    assert len(net.blocks) == 4
    x = torch.randn(2, 300)
    maps, maxima = net.stem(x.unsqueeze(1)), []
    for block in net.blocks:
        maps = block(maps)
        maxima.append(maps.max(dim=-1).values)
    expected = net.hidden(torch.cat(maxima[1:], dim=1))
    torch.testing.assert_close(net.features(x), expected)


@pytest.mark.parametrize(("multi_level", "width"), [(True, 1024), (False, 512)])
def test_pool_gives_the_maxima_of_all_levels_concatenated(
    multi_level, width, shapes_of
):
    with torch.device("meta"):
        net, _ = build("se", multi_level=multi_level)
    assert shapes_of(net, [net.pool], meta(net, 59_049)) == [(width,)]


def test_default_dropout_is_before_the_output_and_inside_blocks_of_two_convolutions():
    def rates(name):
        net = build(name, 300)[0]
        return [m.p for m in net.modules() if isinstance(m, nn.Dropout)]

    for name in ("basic", "se", "res1", "rese1"):
        assert rates(name) == [0.5]
    # 300 samples leave four blocks.
    for name in ("res2", "rese2"):
        assert sorted(rates(name)) == [0.2, 0.2, 0.2, 0.2, 0.5]


def test_weights_start_as_torch_draws_them():
    net, _ = build("basic", 300)
    # Other initialisations set biases to 0.
    assert net.blocks[1][0].bias.abs().min() > 0


def test_number_for_dropout_holds_everywhere_and_a_pair_inside_and_before_the_output():
    def rates(dropout, name="rese2"):
        net = small(name, dropout=dropout)
        inside = [m.p for m in net.blocks.modules() if isinstance(m, nn.Dropout)]
        return inside, net.dropout.p

    assert rates(0.3) == ([0.3, 0.3, 0.3], 0.3)
    assert rates((0.1, 0.4)) == ([0.1, 0.1, 0.1], 0.4)
    text = r"dropout=\(0.1, 0.4\) does not fit 'res1': give a number from 0 to "
    with pytest.raises(ValueError, match=text):
        rates((0.1, 0.4), "res1")
    for pair in [(0.1, 0.2, 0.3), (0.1, 1), (0.1, None)]:
        with pytest.raises(ValueError, match=r"or two: \(in the blocks"):
            rates(pair)


def test_se_ratio_sets_the_width_of_the_squeeze():
    net = small("se", n_filters=8, se_ratio=0.25)
    assert net.blocks[0][-1].squeeze.out_features == 2
    net = small("se", n_filters=8, se_ratio=0.001)
    assert net.blocks[0][-1].squeeze.out_features == 1


@pytest.mark.parametrize(
    ("n_samples", "n_blocks", "more"),
    [
        *[(59_048, 8, ""), (2186, 5, ""), (10, 1, "")],
        *[(8, 1, ", pooling by 2 of 3"), (1, 1, ", pooling by 1 of 3")],
    ],
)
def test_short_input_takes_blocks_away_and_the_name_says_so(n_samples, n_blocks, more):
    net, name = build("basic", n_samples)
    assert name == f"basic ({n_blocks} of 9 blocks{more})"
    assert len(net.blocks) == n_blocks


def test_given_blocks_stay_where_poolings_may_go():
    net, name = build("se", 300, n_blocks=5, n_filters=4)
    assert name == "se (pooling by 81 of 243)"
    assert len(net.blocks) == 5
    assert net.eval()(torch.randn(2, 300)).shape == (2, 50)
