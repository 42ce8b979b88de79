"""Modules and arrays: conversion without loss, and strict fits."""

import numpy as np
import pytest
import torch
from torch import nn

from sktag._weights import arrays_of, match_arrays, put_arrays
from sktag.nets import build_cnn2d


class Small(nn.Module):
    """A network with a batch norm, and state of types that numpy does not have."""

    def __init__(self, eps=1e-5, n_outputs=2, draw=torch.randn):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, eps=eps))
        self.output = nn.Linear(4, n_outputs)
        self.register_buffer("f16", draw(5).half())
        self.register_buffer("bf16", draw(5).bfloat16())
        self.register_buffer("f8", draw(5).to(torch.float8_e4m3fn))
        self.register_buffer("turning", torch.complex(draw(2), draw(2)))
        self.register_buffer("is_on", draw(3) > 0)
        self.register_buffer("count", torch.tensor(2**40 + 1))


def assert_same_state(module, other):
    for name, value in module.state_dict().items():
        twin = other.state_dict()[name]
        assert twin.dtype == value.dtype
        bits = [v.contiguous().reshape(-1).view(torch.uint8) for v in (value, twin)]
        assert torch.equal(*bits), name


def test_arrays_of_a_module_restore_every_type_bit_by_bit():
    torch.manual_seed(0)
    module, other = Small(eps=1e-3), Small(draw=torch.zeros)
    arrays = arrays_of(module)
    assert {a.dtype.name for a in arrays.values()} == {
        *("float16", "float32", "float64", "complex64", "bool", "int64")
    }
    put_arrays(other, arrays)
    assert_same_state(module, other)
    assert other.body[1].eps == 1e-3


def test_arrays_of_a_module_are_copies_in_the_order_of_c():
    module = nn.Conv2d(2, 3, 3).to(memory_format=torch.channels_last)
    before = module.weight.detach().clone()
    weight = arrays_of(module)["weight"]
    assert weight.flags.c_contiguous
    weight[:] = 0
    assert torch.equal(module.weight, before)
    put_arrays(module, {"weight": weight, "bias": np.ones(3)})
    assert module.weight.abs().sum() == 0
    assert module.bias.dtype == torch.float32


@pytest.mark.parametrize(
    ("module", "name"),
    [(nn.Sequential(nn.BatchNorm2d(2)), "0.eps"), (nn.BatchNorm1d(2), "eps")],
)
def test_epsilon_is_kept_where_it_differs_and_reset_where_it_is_not_given(module, name):
    (layer,) = [m for m in module.modules() if hasattr(m, "running_var")]
    assert name not in arrays_of(module)
    plain = arrays_of(module)
    layer.eps = 1e-3
    assert arrays_of(module)[name] == np.float64(1e-3)
    put_arrays(module, plain)
    assert layer.eps == 1e-5
    put_arrays(module, {**plain, name: np.array(0.25)})
    assert layer.eps == 0.25


def test_put_arrays_names_all_faults_at_once_with_the_closest_fit():
    module = Small()
    before = arrays_of(module)
    arrays = {**before, "output.weight": np.zeros((2, 9), np.float32)}
    arrays["head.weight"] = before["output.weight"]
    arrays["body.0.weights"] = arrays.pop("body.0.weight")
    arrays["count"] = np.array(0.5)
    arrays["output.eps"] = np.array(1e-3)
    with pytest.raises(ValueError, match="do not fit Small") as error:
        put_arrays(module, arrays)
    for said in (
        "1 missing: 'body.0.weight' (4, 3) (the closest that would fit: "
        "'body.0.weights')",
        "3 superfluous: 'head.weight' (2, 4), 'body.0.weights' (4, 3) (the closest that"
        " would fit: 'body.0.weight'), 'output.eps' ()",
        "2 of another shape or type: 'count' is float64 (), the network's is int64 ()",
        "'output.weight' is float32 (2, 9), the network's is float32 (2, 4) (the "
        "closest that would fit: 'head.weight').",
    ):
        assert said in str(error.value)
    for name, array in arrays_of(module).items():
        np.testing.assert_array_equal(array, before[name])


def test_put_arrays_of_another_network_names_the_first_few():
    with pytest.raises(ValueError, match=r"30 missing: .* and 25 more") as error:
        put_arrays(build_cnn2d("fcn4", (96, 1366), 3, n_filters=2)[0], {})
    assert str(error.value).count("'blocks.") == 3


def test_match_arrays_takes_what_fits_with_the_epsilon_of_its_layer():
    source, module = Small(eps=1e-3), Small(n_outputs=7)
    taken, new = match_arrays(module, {**arrays_of(source), "more": np.zeros(3)})
    assert new == ["output.weight", "output.bias"]
    assert set(taken) == set(arrays_of(source)) - set(new)
    assert taken["body.1.eps"] == 1e-3
    put_arrays(module, {**arrays_of(module), **taken})
    assert module.body[1].eps == 1e-3
    assert torch.equal(module.body[0].weight, source.body[0].weight)


def test_match_arrays_takes_the_default_epsilon_too_where_the_module_has_another():
    taken, new = match_arrays(Small(eps=1e-3), arrays_of(Small()))
    assert new == []
    assert taken["body.1.eps"] == 1e-5


def test_match_arrays_leaves_the_epsilon_of_a_layer_that_is_not_taken():
    assert match_arrays(Small(), {"body.1.eps": np.array(1e-3)})[0] == {}


def test_state_that_is_no_tensor_raises():
    class Odd(nn.Module):
        def get_extra_state(self):
            return {"more": 1}

    with pytest.raises(TypeError, match="'_extra_state' in the state of Odd is of ty"):
        arrays_of(Odd())
