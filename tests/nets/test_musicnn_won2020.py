"""The network musicnn_won2020 against its layers, counted by hand."""

import pytest
import torch

from sktag.nets import ARCHITECTURES, build_cnn2d
from sktag.nets.musicnn_won2020 import MusiCNNWon2020


def build(input_shape=(96, 188), n_outputs=50, **given):
    return build_cnn2d("musicnn_won2020", input_shape, n_outputs, **given)


def test_record_has_the_input_and_front_end_of_the_evaluation():
    record = ARCHITECTURES["cnn2d"]["musicnn_won2020"]
    # 3 s at 16 kHz.
    assert record.published() == ((96, 1 + 48_000 // 256), 188)
    short_chunk = ARCHITECTURES["cnn2d"]["short_chunk"].front_end
    assert record.front_end == {**short_chunk, "n_mels": 96}


def test_musicnn_won2020_has_the_parameters_counted_by_hand(count):
    net, name = build()
    assert type(net) is MusiCNNWon2020
    assert name == "musicnn_won2020"
    # A bias and two numbers of batch norm for each filter.
    timbral = [204 * 7 * 67 + 3 * 204, 204 * 7 * 38 + 3 * 204]
    temporal = [51 * length + 3 * 51 for length in (129, 65, 33)]
    middle = [64 * 7 * n_in + 3 * 64 for n_in in (561, 64, 64)]
    dense = 1506 * 200 + 3 * 200
    assert [count(layer) for layer in net.timbral] == timbral
    assert [count(layer) for layer in net.temporal] == temporal
    assert [count(layer) for layer in net.middle] == middle
    assert count(net.dense) == dense
    total = 2 + sum(timbral) + sum(temporal) + sum(middle) + dense + 200 * 50 + 50
    assert count(net) == total == 784_300


def test_musicnn_won2020_layers_give_the_maps_of_its_table(shapes_of):
    net, _ = build()
    layers = [*net.timbral, *net.temporal, *net.middle, net.pool, net.dense]
    assert shapes_of(net, layers, torch.rand(2, 96, 188)) == [
        *[(204, 96 - 67 + 1, 188), (204, 96 - 38 + 1, 188)],
        *[(51, 188)] * 3,
        *[(64, 188)] * 3,
        *[(1506,), (200,)],
    ]


def test_batch_norm_of_musicnn_won2020_comes_before_the_activation():
    net, _ = build()
    for layer in [*net.timbral, *net.temporal, *net.middle, net.dense]:
        kinds = [type(module).__name__ for module in layer]
        assert kinds[1] in ("BatchNorm1d", "BatchNorm2d")
        assert kinds[2:] == ["ReLU"]


@pytest.mark.parametrize(
    ("n_filters", "widths"),
    [(512, (204, 51, 512, 200)), ((8, 4, 2, 5), (8, 4, 2, 5))],
)
def test_filters_are_those_of_the_middle_or_four_numbers(n_filters, widths):
    net, _ = build(n_filters=n_filters)
    layers = (net.timbral[0], net.temporal[0], net.middle[2])
    found = [layer[0].out_channels for layer in layers]
    assert (*found, net.output.in_features) == widths


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"n_filters": (1, 2, 3)}, "of length 3: give one number, or 4"),
        ({"pool_size": 2}, "'musicnn_won2020' has no use for pool_size=2"),
    ],
)
def test_values_that_do_not_fit_musicnn_won2020_raise(given, message):
    with pytest.raises(ValueError, match=message):
        build(**given)
