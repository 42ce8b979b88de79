"""The hash of a network, by which its features are kept."""

import torch
from torch import nn

from sktag.estimators._features import hash_of


def test_hash_changes_with_the_weights_alone():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    before = hash_of(module)
    module.eval()(torch.zeros(4, 3))
    assert hash_of(module) == before
    module.train()(torch.ones(4, 3))  # moves the statistics
    after = hash_of(module)
    assert after != before
    with torch.no_grad():
        module[0].weight[0, 0] += 1
    assert hash_of(module) != after


def test_hash_of_equal_networks_is_one():
    modules = [nn.Linear(3, 2), nn.Linear(3, 2)]
    modules[1].load_state_dict(modules[0].state_dict())
    assert hash_of(modules[0]) == hash_of(modules[1])
