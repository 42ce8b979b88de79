"""Dieleman's network for listening factors, against its layers."""

import torch

from sktag.nets import ARCHITECTURES, build_cnn1d

LAYERS = (torch.nn.Conv1d, torch.nn.MaxPool1d)


def build(input_shape=(128, 599), n_outputs=40, **given):
    return build_cnn1d("spotify2014", input_shape, n_outputs, **given)


def test_record_is_a_regression_onto_40_factors_with_3_second_inputs():
    record = ARCHITECTURES["cnn1d"]["spotify2014"]
    assert record.published() == ((128, 599), 599)
    assert (record.task, record.n_outputs) == ("regression", 40)
    seconds = 599 * record.front_end["hop_length"] / record.front_end["sr"]
    assert abs(seconds - 3) < 0.05


def test_spotify_has_the_count_and_shapes_of_its_docstring(count, shapes_of):
    net, _ = build()
    assert count(net.blocks) == 1_180_928
    assert count(net) - count(net.blocks) == 7_426_088
    shapes = shapes_of(net, LAYERS, torch.zeros(1, 128, 599))
    assert shapes == [
        (256, 596),
        (256, 149),
        (256, 146),
        (256, 73),
        (256, 70),
        (256, 35),
        (512, 32),
    ]


def test_spotify_pools_mean_maximum_and_l2_norm_over_time():
    torch.manual_seed(0)
    net, _ = build((4, 150), n_filters=5)
    x = torch.randn(2, 4, 150)
    maps = net.eval().blocks(x)
    assert maps.shape[-1] > 1
    # The norm of the whole, not its mean square: that would be sqrt(n) times smaller.
    norms = torch.linalg.vector_norm(maps, dim=-1)
    pooled = torch.cat([maps.sum(-1) / maps.shape[-1], maps.max(-1).values, norms], 1)
    torch.testing.assert_close(net.pool(maps), pooled)
    torch.testing.assert_close(net.features(x), net.hidden(pooled))
    rms = torch.cat([pooled[:, :10], norms / maps.shape[-1] ** 0.5], 1)
    assert not torch.allclose(net.features(x), net.hidden(rms))
