"""Where a training begins: weights that are taken, and layers that stay as they are."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from sktag._messages import did_you_mean
from sktag.nets.blocks import Network


@dataclass(frozen=True)
class Start:
    """How the layers of a network take part in a training, by their names.

    Parameters
    ----------
    frozen : tuple of str
        Layers that are not trained, and whose batch norms keep their statistics.
    body : tuple of str
        Parameters that are trained at `body_lr` times the learning rate.
    body_lr : float, default=1.0
        Share of the learning rate.
    """

    frozen: tuple[str, ...] = ()
    body: tuple[str, ...] = ()
    body_lr: float = 1.0


ALL_ANEW = Start()


def output_name(module: nn.Module) -> str:
    """Return the name of the output layer: the last dense one in a user's network."""
    if isinstance(module, Network):
        return "output"
    dense = [n for n, m in module.named_modules() if isinstance(m, nn.Linear)]
    if not dense or not dense[-1]:
        raise ValueError(
            "the output layer of this network is not known, since it has no "
            "torch.nn.Linear within it: name the layers, freeze=[...]."
        )
    return dense[-1]


def is_within(name: str, layer: str) -> bool:
    """Tell whether a layer, or a parameter, belongs to a layer."""
    return name == layer or name.startswith(f"{layer}.")


def find_frozen(
    module: nn.Module, freeze: str | Iterable[str] | None
) -> tuple[str, ...]:
    """Return the layers with parameters or statistics that `freeze` names."""
    if freeze is None:
        return ()
    layers = [
        name
        for name, layer in module.named_modules()
        if name and (own_parameters(layer) or is_batch_norm(layer))
    ]
    if freeze == "body":
        output = output_name(module)
        found = [name for name in layers if not is_within(name, output)]
    else:
        found = [n for n in layers if any(_matches(n, p) for p in freeze)]
        names = {name for name, _ in module.named_modules() if name}
        for pattern in freeze:
            if not any(_matches(name, pattern) for name in layers):
                raise ValueError(
                    f"freeze has {pattern!r}, and no layer with weights has such a "
                    f"name.{did_you_mean(pattern, names)} Its layers are "
                    f"{', '.join(map(repr, layers))}; 'blocks.0' includes what is "
                    "within it, and 'blocks.*' all blocks."
                )
    if all(any(is_within(name, layer) for layer in found) for name in _trained(module)):
        raise ValueError(
            f"freeze={freeze!r} freezes all layers, and leaves nothing to train: leave "
            "out one at least."
        )
    return tuple(found)


def is_batch_norm(layer: nn.Module) -> bool:
    """Tell whether a layer is a batch norm of any kind."""
    return isinstance(layer, _BatchNorm)


def own_parameters(layer: nn.Module) -> list[nn.Parameter]:
    """Return the parameters of a layer, without those of layers within it."""
    return list(layer.parameters(recurse=False))


def _trained(module: nn.Module) -> list[str]:
    return [name for name, p in module.named_parameters() if p.requires_grad]


def _matches(name: str, pattern: str) -> bool:
    """Tell whether a pattern names a layer, or one that it is within."""
    parts = name.split(".")
    return any(
        fnmatchcase(".".join(parts[:n]), pattern) for n in range(1, len(parts) + 1)
    )


def freeze_layers(
    module: nn.Module, names: Iterable[str], before: Iterable[str] = ()
) -> None:
    """Take layers out of training; those that were before, and are no more, return."""
    layers = dict(module.named_modules())
    names = set(names)
    for name in {*before} - names:
        for parameter in own_parameters(layers[name]):
            parameter.requires_grad_(True)
    for name in names:
        for parameter in own_parameters(layers[name]):
            parameter.requires_grad_(False)
            parameter.grad = None


def keep_statistics(module: nn.Module, frozen: Iterable[str]) -> None:
    """Bring frozen batch norms back to evaluation after ``module.train()``."""
    layers = dict(module.named_modules())
    for name in frozen:
        if is_batch_norm(layers[name]):
            layers[name].eval()


def find_body(module: nn.Module, taken: Iterable[str] | None) -> tuple[str, ...]:
    """Return the parameters that were taken, or all but those of the output layer."""
    names = [name for name, _ in module.named_parameters()]
    if taken is not None:
        kept = set(taken)
        return tuple(name for name in names if name in kept)
    output = output_name(module)
    return tuple(name for name in names if not is_within(name, output))
