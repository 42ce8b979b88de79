"""The network of Dieleman and Schrauwen against its layers, counted by hand."""

import torch

from sktag.nets import ARCHITECTURES, build_cnn1d

LAYERS = (torch.nn.Conv1d, torch.nn.MaxPool1d)


def build(input_shape=(128, 94), n_outputs=50, **given):
    return build_cnn1d("dieleman2014", input_shape, n_outputs, **given)


def test_record_has_the_input_and_the_figure_of_the_paper():
    record = ARCHITECTURES["cnn1d"]["dieleman2014"]
    assert record.published() == ((128, 94), 94)
    # 94 frames span about 3 s.
    seconds = 94 * record.front_end["hop_length"] / record.front_end["sr"]
    assert abs(seconds - 3) < 0.05
    assert record.figures == {"mtat_roc_auc": 0.882}


def test_dieleman_counts_by_hand_at_128_bins_and_94_frames(count, shapes_of):
    net, name = build()
    assert name == "dieleman2014"
    first, second = 128 * 8 * 32 + 32, 32 * 8 * 32 + 32
    assert [count(block) for block in net.blocks] == [first, second]
    # 94 frames: 94 - 7 = 87, 87 // 4 = 21, 21 - 7 = 14, 14 // 4 = 3, of 32 filters.
    assert count(net.hidden) == 3 * 32 * 100 + 100
    assert count(net.output) == 100 * 50 + 50
    assert count(net) == 32_800 + 8_224 + 9_700 + 5_050 == 55_774
    shapes = shapes_of(net, LAYERS, torch.zeros(1, 128, 94))
    assert shapes == [(32, 87), (32, 21), (32, 14), (32, 3)]


def test_dieleman_averages_the_windows_of_a_longer_clip():
    net, _ = build((4, 94), 10)
    x = torch.randn(2, 4, 400)
    # Three frames after the poolings make a window; each stands for 16 input frames.
    windows = [net.features(x[..., start : start + 94]) for start in range(0, 336, 48)]
    torch.testing.assert_close(net.features(x), torch.stack(windows).mean(0))
