"""Pooling over windows and over whole axes, against plain formulas."""

import pytest
import torch

from sktag.nets.pooling import GlobalPool, StdPool, make_pool

KINDS = ("mean", "max", "l2", "std")


def windows_of(x, size):
    """Return the windows of the last axes, (..., window, place in the window)."""
    if len(size) == 1:
        starts = range(0, x.shape[-1] - size[0] + 1, size[0])
        return torch.stack([x[..., i : i + size[0]] for i in starts], dim=-2)
    rows = range(0, x.shape[-2] - size[0] + 1, size[0])
    columns = range(0, x.shape[-1] - size[1] + 1, size[1])
    parts = [x[..., i : i + size[0], j : j + size[1]] for i in rows for j in columns]
    return torch.stack([part.flatten(-2) for part in parts], dim=-2)


@pytest.mark.parametrize(
    ("size", "shape"),
    [((3,), (10,)), ((4,), (8,)), ((2, 3), (5, 9)), ((1, 4), (3, 4)), ((5, 2), (5, 7))],
)
@pytest.mark.parametrize("kind", ["max", "avg", "std"])
def test_pooling_takes_its_kind_of_each_window(kind, size, shape):
    torch.manual_seed(0)
    x = torch.randn(2, 3, *shape)
    plain = {
        "max": lambda w: w.max(-1).values,
        "avg": lambda w: w.mean(-1),
        "std": lambda w: torch.std(w, dim=-1, correction=0),
    }
    pooled = make_pool(kind, size)(x)
    counts = [n // m for n, m in zip(shape, size, strict=True)]
    assert pooled.shape == (2, 3, *counts)
    torch.testing.assert_close(pooled.flatten(2), plain[kind](windows_of(x, size)))


def test_gradient_of_std_pooling_is_that_of_torch():
    torch.manual_seed(0)
    x = torch.randn(2, 3, 4, 6, dtype=torch.float64, requires_grad=True)
    (ours,) = torch.autograd.grad(StdPool((2, 3))(x).square().sum(), x)
    std = torch.std(windows_of(x, (2, 3)), dim=-1, correction=0)
    (theirs,) = torch.autograd.grad(std.square().sum(), x)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("value", [0.0, 1.0, -3.7])
@pytest.mark.parametrize("size", [(4,), (2, 3)])
def test_std_pooling_of_a_constant_is_zero_with_a_finite_gradient(size, value):
    x = torch.full((2, 3, 8, 6)[: 2 + len(size)], value, requires_grad=True)
    pooled = StdPool(size)(x)
    pooled.sum().backward()
    assert (pooled == 0).all()
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize("kind", KINDS)
def test_global_pooling_of_silence_is_zero_with_a_finite_gradient(kind):
    x = torch.zeros(2, 3, 5, requires_grad=True)
    pooled = GlobalPool(kind)(x)
    pooled.sum().backward()
    assert pooled.shape == (2, 3)
    assert (pooled == 0).all()
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize("shape", [(11,), (4, 5)])
@pytest.mark.parametrize("kind", KINDS)
def test_global_pooling_is_its_plain_formula(kind, shape):
    torch.manual_seed(0)
    x = torch.randn(2, 3, *shape)
    flat = x.reshape(2, 3, -1).double()
    n = flat.shape[-1]
    mean = flat.sum(-1) / n
    expected = {
        "mean": mean,
        "max": flat.sort(-1).values[..., -1],
        "l2": (flat**2).sum(-1) ** 0.5,
        "std": ((flat - mean[..., None]) ** 2).sum(-1).div(n) ** 0.5,
    }[kind]
    torch.testing.assert_close(GlobalPool(kind)(x), expected.float())


@pytest.mark.parametrize("kinds", [KINDS, KINDS[::-1], ("std", "mean"), ("max", "max")])
def test_kinds_are_concatenated_in_the_given_order(kinds):
    x = torch.randn(2, 3, 7)
    pooled = GlobalPool(*kinds)(x)
    assert pooled.shape == (2, 3 * len(kinds))
    for kind, part in zip(kinds, pooled.split(3, dim=1), strict=True):
        assert torch.equal(part, GlobalPool(kind)(x))


def test_global_pooling_shows_its_kinds():
    assert repr(GlobalPool("mean", "l2")) == "GlobalPool(mean, l2)"
