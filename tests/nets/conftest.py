"""What the tests of the networks share."""

import pytest
import torch


@pytest.fixture
def count():
    """A function that returns a module's number of parameters."""
    return lambda module: sum(p.numel() for p in module.parameters())


@pytest.fixture
def shapes_of():
    """A function that returns what shapes some layers of a network give.

    Layers are modules, or a type or types of them. The shapes are without the clips,
    in the order in which the layers run.
    """

    def shapes_of(net, layers, x):
        if isinstance(layers, (type, tuple)):
            layers = [m for m in net.modules() if isinstance(m, layers)]
        shapes = []
        hooks = [
            layer.register_forward_hook(
                lambda module, args, maps: shapes.append(tuple(maps.shape[1:]))
            )
            for layer in layers
        ]
        with torch.no_grad():
            net.eval()(x)
        for hook in hooks:
            hook.remove()
        return shapes

    return shapes_of
