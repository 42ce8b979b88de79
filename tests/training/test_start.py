"""Where a training begins: frozen layers, and layers that learn slowly."""

import pytest
import torch
from torch import nn

from sktag.nets import build_cnn2d
from sktag.training._start import (
    find_body,
    find_frozen,
    freeze_layers,
    keep_statistics,
    output_name,
)


def make_net():
    return build_cnn2d("compact", (16, 32), 2, n_filters=(4, 8))[0]


def trained(module):
    return {name for name, p in module.named_parameters() if p.requires_grad}


def test_body_is_all_but_the_output_layer():
    module = make_net()
    freeze_layers(module, find_frozen(module, "body"))
    assert trained(module) == {"output.weight", "output.bias"}
    assert set(find_body(module, None)) == {
        name for name, _ in module.named_parameters() if not name.startswith("output.")
    }


def test_output_layer_of_a_users_network_is_the_last_dense_one():
    module = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    assert output_name(module) == "2"
    assert find_frozen(module, "body") == ("0",)


def test_output_layer_that_is_not_known_asks_for_names():
    module = nn.Sequential(nn.Conv1d(1, 2, 3))
    with pytest.raises(ValueError, match=r"name the layers, freeze=\[...\]"):
        find_frozen(module, "body")


@pytest.mark.parametrize(
    ("patterns", "prefixes"),
    [
        (["blocks.0"], ["blocks.0."]),
        (["blocks.*"], ["blocks."]),
        (["*.0.1"], ["blocks.0.1."]),
    ],
)
def test_pattern_names_a_layer_and_what_is_within_it(patterns, prefixes):
    module = make_net()
    freeze_layers(module, find_frozen(module, patterns))
    for name, parameter in module.named_parameters():
        assert parameter.requires_grad != name.startswith(tuple(prefixes))


def test_pattern_of_no_layer_names_the_closest():
    with pytest.raises(ValueError, match=r"'block\.0'.*Did you mean 'blocks\.0'"):
        find_frozen(make_net(), ["block.0"])


def test_nothing_left_to_train_is_refused():
    with pytest.raises(ValueError, match="leaves nothing to train"):
        find_frozen(make_net(), ["*"])


def test_layers_that_are_frozen_no_more_are_trained_again():
    module = make_net()
    everything = trained(module)
    first, second = find_frozen(module, "body"), find_frozen(module, ["blocks.0"])
    freeze_layers(module, first)
    freeze_layers(module, second, first)
    assert trained(module) == {n for n in everything if not n.startswith("blocks.0.")}
    freeze_layers(module, (), second)
    assert trained(module) == everything


def test_frozen_batch_norms_alone_stay_in_evaluation():
    module = make_net()
    frozen = find_frozen(module, ["blocks.0"])
    module.train()
    keep_statistics(module, frozen)
    norms = {
        name: layer
        for name, layer in module.named_modules()
        if isinstance(layer, nn.BatchNorm2d)
    }
    assert {n: layer.training for n, layer in norms.items()} == {
        name: not name.startswith("blocks.0.") for name in norms
    }
    kept = {n: layer.running_mean.clone() for n, layer in norms.items()}
    module(torch.randn(4, 16, 32))
    for name, layer in norms.items():
        same = torch.equal(layer.running_mean, kept[name])
        assert same == name.startswith("blocks.0.")
