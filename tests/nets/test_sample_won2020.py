"""The networks for raw waveforms of the evaluation of 2020: counts and shapes."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from sktag.nets import ARCHITECTURES, build_sample_cnn
from sktag.nets.sample_blocks import ResidualBlock1d, SqueezeExcite

NAMES = ("sample_cnn_won2020", "sample_cnn_se_won2020")


def build(name, n_samples=59_049, n_outputs=50, **given):
    return build_sample_cnn(name, (n_samples,), n_outputs, **given)


@pytest.mark.parametrize("name", NAMES)
def test_record_takes_the_chunks_and_rate_of_the_evaluation(name):
    record = ARCHITECTURES["sample_cnn"][name]
    assert record.published() == ((59_049,), 59_049)
    assert record.front_end == {"sr": 16_000}
    assert not record.standardize


def test_sample_cnn_of_2020_pads_its_first_convolution_by_a_sample(count):
    torch.manual_seed(0)
    net, name = build("sample_cnn_won2020")
    plain, _ = build("sample_cnn")
    assert name == "sample_cnn_won2020"
    assert count(net) == count(plain) == 1_869_874
    plain.load_state_dict(net.state_dict())
    x = torch.randn(2, 59_049)
    padded = torch.cat([torch.zeros(2, 1), x[:, :-1]], 1)
    with torch.no_grad():
        outputs = net.eval()(x), plain.eval()(padded), plain(x)
    torch.testing.assert_close(outputs[0], outputs[1])
    assert not torch.allclose(outputs[0], outputs[2])


@pytest.mark.parametrize("n_samples", [6561, 6562, 6563])
def test_padded_convolution_rounds_the_number_of_frames_up(n_samples, shapes_of):
    net, _ = build("sample_cnn_won2020", 6561, n_filters=2)
    expected = [(2, -(-n_samples // 3))]
    assert shapes_of(net, [net.stem], torch.rand(1, n_samples)) == expected


def test_se_of_2020_has_the_parameters_counted_by_hand(count):
    net, name = build("sample_cnn_se_won2020")
    assert name == "sample_cnn_se_won2020"

    def block(n_in, n_out, size, has_shortcut):
        convs = size * n_in * n_out + size * n_out * n_out + 2 * 3 * n_out
        shortcut = size * n_in * n_out + 3 * n_out if has_shortcut else 0
        return convs + 2 * (n_out * n_out + n_out) + shortcut

    widths = [128, 128, 128, *[256] * 6, 512]
    blocks = [block(i, o, 3, i != o) for i, o in pairwise(widths)]
    assert [count(b) for b in net.blocks] == blocks
    assert count(net.stem) == block(1, 128, 3, True)
    assert count(net.last) == block(512, 512, 1, False)
    dense = 512 * 512 + 3 * 512 + 512 * 50 + 50
    total = count(net.stem) + sum(blocks) + count(net.last) + dense
    assert count(net) == total == 6_951_858


def test_se_of_2020_gives_the_maps_of_its_table(shapes_of):
    net, _ = build("sample_cnn_se_won2020")
    net.to("meta")
    x = torch.empty(2, 59_049, device="meta")
    shapes = shapes_of(net, ResidualBlock1d, x)
    assert shapes == [
        *[(128, 19_683), (128, 6561), (128, 2187), (256, 729), (256, 243)],
        *[(256, 81), (256, 27), (256, 9), (256, 3), (512, 1), (512, 1)],
    ]


def test_shortcuts_of_2020_are_convolutions_as_long_as_those_beside_them():
    net, _ = build("sample_cnn_se_won2020")
    blocks = [net.stem, *net.blocks, net.last]
    shortcuts = {i: b.shortcut[0] for i, b in enumerate(blocks) if len(b.shortcut)}
    sizes = {i: (c.kernel_size, c.stride) for i, c in shortcuts.items()}
    assert sizes == {0: ((3,), (3,)), 3: ((3,), (1,)), 9: ((3,), (1,))}
    squeezes = [m for m in net.modules() if isinstance(m, SqueezeExcite)]
    assert len(squeezes) == 11
    assert all(s.squeeze.in_features == s.squeeze.out_features for s in squeezes)
    rates = [m.p for m in net.modules() if isinstance(m, nn.Dropout)]
    assert sorted(rates) == [*[0.0] * 11, 0.5]


def test_short_input_drops_blocks_of_the_se_of_2020():
    _, name = build("sample_cnn_se_won2020", 22_050, n_filters=2)
    assert name == "sample_cnn_se_won2020 (8 of 9 blocks)"
