"""The networks over time: counts, shapes, gradients, short and long inputs."""

import warnings

import pytest
import torch

from sktag.nets import build_cnn1d
from sktag.nets.cnn1d import PUBLISHED

NAMES = ["compact", "dieleman2014", "spotify2014"]
# All that an estimator passes on; None is the architecture's own.
NOTHING = dict.fromkeys(
    ["n_filters", "kernel_size", "pool_size", "pooling", "n_blocks"]
)
NOTHING |= dict.fromkeys(["batch_norm", "dropout", "activation", "weight_init"])


def build(architecture="compact", input_shape=(64, 216), n_outputs=10, **given):
    return build_cnn1d(architecture, input_shape, n_outputs, **NOTHING | given)


def count(module):
    return sum(p.numel() for p in module.parameters())


def shapes_of(net, types, n_bins, n_frames):
    """Return the output shape of each layer of some types, without the batch."""
    shapes = []
    for module in net.modules():
        if isinstance(module, types):
            module.register_forward_hook(
                lambda module, args, out: shapes.append(tuple(out.shape[1:]))
            )
    net.to("meta").eval()(torch.empty(2, n_bins, n_frames, device="meta"))
    return shapes


def test_published_names_every_architecture_and_what_it_was_made_for():
    assert list(PUBLISHED) == NAMES
    assert PUBLISHED["dieleman2014"].input_shape == (128, 94)
    assert PUBLISHED["dieleman2014"].chunk_size == 94
    assert PUBLISHED["spotify2014"].input_shape == (128, 599)
    assert PUBLISHED["spotify2014"].chunk_size == 599
    assert PUBLISHED["compact"] == ((64, 216), None)


@pytest.mark.parametrize("name", NAMES)
def test_published_input_loses_nothing(name):
    assert build(name, PUBLISHED[name].input_shape)[1] == name


def test_compact_has_the_parameters_and_shapes_of_its_docstring():
    net, _ = build()
    # A convolution has no bias before a batch norm, which has two numbers a filter.
    first, other = 64 * 128 * 5 + 2 * 128, 128 * 128 * 5 + 2 * 128
    assert [count(block) for block in net.blocks] == [first, other, other, other]
    assert count(net) == first + 3 * other + 256 * 10 + 10 == 290_314
    pools = shapes_of(net, torch.nn.MaxPool1d, 64, 216)
    assert pools == [(128, 108), (128, 54), (128, 27), (128, 13)]
    assert net.output.in_features == 256


def test_dieleman_counts_by_hand_at_128_bins_and_94_frames():
    net, name = build("dieleman2014", (128, 94), 50)
    assert name == "dieleman2014"
    first, second = 128 * 8 * 32 + 32, 32 * 8 * 32 + 32
    assert [count(block) for block in net.blocks] == [first, second]
    # 94 frames: 94 - 7 = 87, 87 // 4 = 21, 21 - 7 = 14, 14 // 4 = 3, of 32 filters.
    assert count(net.hidden) == 3 * 32 * 100 + 100
    assert count(net.output) == 100 * 50 + 50
    assert count(net) == 32_800 + 8_224 + 9_700 + 5_050 == 55_774
    shapes = shapes_of(net, (torch.nn.Conv1d, torch.nn.MaxPool1d), 128, 94)
    assert shapes == [(32, 87), (32, 21), (32, 14), (32, 3)]


def test_spotify_has_the_published_count_and_the_shapes_of_its_docstring():
    net, _ = build("spotify2014", (128, 599), 40)
    assert count(net.blocks) == 1_180_928
    assert count(net) - count(net.blocks) == 7_426_088
    shapes = shapes_of(net, (torch.nn.Conv1d, torch.nn.MaxPool1d), 128, 599)
    assert shapes == [
        (256, 596),
        (256, 149),
        (256, 146),
        (256, 73),
        (256, 70),
        (256, 35),
        (512, 32),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_meta_device_gives_the_shapes_of_real_logits_and_features(name):
    net, _ = build(name, (6, 110), 7, n_filters=5)
    net.eval()
    x = torch.rand(3, 6, 110)
    width = {"compact": 10, "dieleman2014": 100, "spotify2014": 2048}[name]
    assert net(x).shape == (3, 7)
    assert net.features(x).shape == (3, width)
    assert net.output.in_features == width
    net.to("meta")
    assert net(x.to("meta")).shape == (3, 7)
    assert net.features(x.to("meta")).shape == (3, width)


@pytest.mark.parametrize("name", NAMES)
def test_logits_are_the_output_layer_of_the_features(name):
    net, _ = build(name, (6, 110), dropout=0.5, n_filters=4)
    net.eval()
    x = torch.randn(2, 6, 110)
    torch.testing.assert_close(net(x), net.output(net.features(x)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("pooling", ["max", "avg", "std"])
@pytest.mark.parametrize("batch_norm", [True, False])
def test_gradients_reach_every_parameter(name, pooling, batch_norm):
    torch.manual_seed(0)
    net, _ = build(
        name, (5, 110), 3, n_filters=6, pooling=pooling, batch_norm=batch_norm
    )
    # In training, a bias before a batch norm has no gradient: its mean is taken off.
    net.eval()
    net(torch.randn(8, 5, 110)).square().sum().backward()
    for parameter in net.parameters():
        assert torch.isfinite(parameter.grad).all()
        assert parameter.grad.abs().sum() > 0


@pytest.mark.parametrize("name", NAMES)
def test_std_pooling_of_silence_has_finite_gradients(name):
    net, _ = build(name, (5, 110), 3, n_filters=4, pooling="std")
    x = torch.zeros(2, 5, 110, requires_grad=True)
    net(x).square().sum().backward()
    assert torch.isfinite(x.grad).all()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters())


@pytest.mark.parametrize(
    ("name", "given", "widths"),
    [
        ("compact", {"n_filters": 5}, [5, 5, 5, 5]),
        ("compact", {"n_filters": 5, "n_blocks": 2}, [5, 5]),
        ("compact", {"n_filters": (5, 6)}, [5, 6]),
        ("compact", {"pool_size": (4, 2, 2)}, [128, 128, 128]),
        ("spotify2014", {"n_blocks": 2}, [256, 256]),
        ("spotify2014", {"n_blocks": 5}, [256, 256, 256, 512, 512]),
        ("dieleman2014", {"kernel_size": [8]}, [32]),
    ],
)
def test_filters_and_blocks_override_the_architecture(name, given, widths):
    net, full = build(name, (8, 300), **given)
    assert full == name
    assert [block[0].out_channels for block in net.blocks] == widths


@pytest.mark.parametrize("name", NAMES)
def test_other_values_override_the_architecture(name):
    net, _ = build(
        name,
        (8, 300),
        n_blocks=2,
        kernel_size=(6, 3),
        pool_size=5,
        pooling="avg",
        batch_norm=True,
        dropout=0.25,
        activation="gelu",
    )
    assert [block[0].kernel_size for block in net.blocks] == [(6,), (3,)]
    for block in net.blocks:
        kinds = [type(layer).__name__ for layer in list(block)[1:]]
        assert kinds == ["BatchNorm1d", "GELU", "AvgPool1d"]
        assert block[-1](torch.zeros(1, 1, 14)).shape == (1, 1, 2)
    assert net.dropout.p == 0.25


def test_weight_init_of_none_is_small_for_the_compact_output_only():
    torch.manual_seed(0)
    net, _ = build(n_outputs=500)
    # He's deviation of a filter is sqrt(2 / fan in).
    std = net.blocks[1][0].weight.std().item()
    assert std == pytest.approx((2 / (128 * 5)) ** 0.5, rel=0.02)
    assert net.output.weight.std().item() == pytest.approx(0.01, rel=0.02)
    net, _ = build(n_outputs=500, weight_init="he_normal")
    assert net.output.weight.std().item() == pytest.approx((2 / 256) ** 0.5, rel=0.02)


def test_even_kernel_of_the_compact_keeps_the_frames_without_a_warning():
    net, _ = build("compact", (4, 9), kernel_size=4, n_blocks=2, pool_size=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert net.blocks(torch.zeros(1, 4, 9)).shape == (1, 128, 9)


@pytest.mark.parametrize(
    ("name", "n_frames", "said"),
    [
        ("compact", 15, "compact (pooling by 8 of 16)"),
        ("compact", 1, "compact (pooling by 1 of 16)"),
        ("dieleman2014", 50, "dieleman2014 (1 of 2 blocks)"),
        ("dieleman2014", 1, "dieleman2014 (0 of 2 blocks)"),
        ("spotify2014", 102, "spotify2014 (3 of 4 blocks)"),
        ("spotify2014", 3, "spotify2014 (0 of 4 blocks)"),
    ],
)
def test_short_input_loses_what_the_name_says(name, n_frames, said):
    net, full = build(name, (4, n_frames))
    assert full == said
    assert net.min_shape[0] == 4
    assert net.min_shape[1] <= n_frames
    assert net.eval()(torch.rand(2, 4, n_frames)).shape == (2, 10)


@pytest.mark.parametrize("n_frames", [15, 20, 40, 50])
def test_given_blocks_stay_where_poolings_may_go(n_frames):
    # Two convolutions of length 8 take 14 frames off; 51 have place for all.
    net, full = build("dieleman2014", (4, n_frames), n_blocks=2)
    assert len(net.blocks) == 2
    assert full.startswith("dieleman2014 (pooling by ")
    assert net.eval()(torch.rand(2, 4, n_frames)).shape == (2, 10)


def test_given_pooling_stays_where_blocks_may_go():
    net, full = build("compact", (4, 30), pool_size=4)
    assert full == "compact (2 of 4 blocks)"
    assert [block[-1].kernel_size for block in net.blocks] == [4, 4]


@pytest.mark.parametrize(
    ("name", "given", "least"),
    [
        ("compact", {"n_blocks": 4, "pool_size": 2}, 16),
        ("compact", {"pool_size": (3, 3)}, 9),
        ("dieleman2014", {"n_blocks": 2, "pool_size": 4}, 51),
        ("dieleman2014", {"n_blocks": 2}, 15),
        ("spotify2014", {"pool_size": (4, 2, 2, 1)}, 103),
    ],
)
def test_given_values_never_shrink_but_say_the_shortest_input(name, given, least):
    with pytest.raises(ValueError, match=f"needs at least {least} frames; the input"):
        build(name, (4, least - 1), **given)
    net, full = build(name, (4, least), **given)
    assert full.split(" (")[0] == name
    assert net.min_shape == (4, least)
    assert net.eval()(torch.rand(2, 4, least)).shape == (2, 10)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n_frames", [1, 12, 60, 107, 300])
def test_net_takes_all_clips_from_its_shortest_on(name, n_frames):
    net, _ = build(name, (4, n_frames), n_filters=3)
    net.eval()
    least = net.min_shape[1]
    for length in (least, n_frames, n_frames + 1, 3 * n_frames + 50):
        assert net(torch.rand(2, 4, length)).shape == (2, 10)


def test_dieleman_averages_the_windows_of_a_longer_clip():
    net, _ = build("dieleman2014", (4, 94))
    x = torch.randn(2, 4, 400)
    # Three frames behind the poolings are a window; 16 samples a frame in between.
    windows = [net.features(x[..., start : start + 94]) for start in range(0, 336, 48)]
    torch.testing.assert_close(net.features(x), torch.stack(windows).mean(0))


def test_contradicting_sizes_raise():
    with pytest.raises(ValueError, match="is for 2 blocks, but there are 3"):
        build(n_filters=(4, 4), n_blocks=3)
    with pytest.raises(ValueError, match=r"pool_size=\(2, 2, 2\) is for 3 blocks"):
        build(n_filters=(4, 4), pool_size=(2, 2, 2))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"architecture": "spotify"}, "did you mean 'spotify2014'"),
        ({"architecture": "zzz"}, "none of compact, dieleman2014, spotify2014"),
        ({"pooling": "maxx"}, "pooling='maxx' is none of max, avg, std; did you mean"),
        ({"se_ratio": 0.5, "m": 3}, "no use for se_ratio=0.5, m=3: what it has is n_f"),
    ],
)
def test_unknown_names_and_useless_values_raise(given, message):
    with pytest.raises(ValueError, match=message):
        build(**given)
