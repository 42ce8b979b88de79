"""Ops are frozen recipes: fields set once, equality by value, modules on request."""

import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError, dataclass, replace
from typing import Any

import joblib
import numpy as np
import pytest
import torch
from torch import Tensor

from sktag.augment import AugmentOp, Gain
from sktag.ops import (
    ClipScaleOp,
    CQTOp,
    LevelOp,
    MelSpectrogramOp,
    Op,
    RandomOp,
    ScaleOp,
    SpectrogramOp,
    WindowOp,
)

OPS = [
    MelSpectrogramOp(8000, n_mels=4, n_fft=64),
    SpectrogramOp(8000, 64, window=np.hanning(64)),
    CQTOp(8000, n_bins=12),
    ScaleOp(np.arange(3.0), np.ones(3)),
    ClipScaleOp(),
    LevelOp("rms"),
    WindowOp(2, 30),
    Gain((1.0, 2.0)),
    AugmentOp((Gain(1.0), Gain(1.0))),
]
every_op = pytest.mark.parametrize("op", OPS, ids=lambda op: type(op).__name__)


@dataclass(eq=False, repr=False)
class GainOp(Op):
    factor: float

    def forward(self, x):
        return x * self.factor


@dataclass(frozen=True, eq=False, repr=False)
class FrozenOp(Op):
    factor: float
    curve: np.ndarray

    def forward(self, x):
        return x * self.factor


@dataclass
class PlainOp(Op):
    curve: np.ndarray
    name: str = "a"

    def forward(self, x):
        return x


def same(op):
    """Return an equal op that shares no array or op with it."""
    return pickle.loads(pickle.dumps(op))


@every_op
def test_field_set_again_raises_and_names_the_remedy(op):
    name = next(iter(vars(op)))
    before = hash(op)
    with pytest.raises(
        FrozenInstanceError, match=rf"dataclasses\.replace\(op, {name}=\.\.\.\)"
    ):
        setattr(op, name, 8)
    with pytest.raises(FrozenInstanceError, match=f"cannot delete '{name}'"):
        delattr(op, name)
    with pytest.raises(FrozenInstanceError, match="has no field 'cache'"):
        op.cache = 1
    assert hash(op) == before


def test_replace_makes_an_op_with_another_value():
    assert replace(OPS[0], n_mels=8).out_shape((1, 800))[1] == 8
    assert OPS[0].n_mels == 4


@every_op
def test_equal_ops_are_equal_and_hash_alike(op):
    again = same(op)
    assert again is not op
    assert again == op
    assert hash(again) == hash(op)
    assert joblib.hash(again) == joblib.hash(op)
    assert {op: 1}[again] == 1


def test_ops_of_another_class_or_value_are_not_equal():
    assert len(set(OPS)) == len(OPS)
    assert OPS[0] != replace(OPS[0], n_mels=5)
    assert ScaleOp(np.zeros(2), np.ones(2)) != ScaleOp(np.zeros(2), np.ones(3))
    assert ScaleOp(np.zeros(1), np.ones(1)) != ScaleOp(
        np.zeros(1), np.ones(1, dtype=np.float32)
    )
    assert GainOp(2.0) != LevelOp("peak")
    assert GainOp(2.0) != 2.0


def test_hash_is_that_of_the_content_whatever_the_layout_and_sharing():
    square = np.arange(6.0).reshape(2, 3)
    one, other = PlainOp(square), PlainOp(np.asfortranarray(square))
    assert one == other
    assert joblib.hash(one) == joblib.hash(other)
    gain = Gain(1.0)
    assert joblib.hash(AugmentOp((gain, gain))) == joblib.hash(OPS[-1])


def test_hashes_are_equal_in_another_process():
    code = (
        "import sys, joblib, numpy as np; from sktag.ops import *;"
        "print(joblib.hash(SpectrogramOp(8000, 64, window=np.hanning(64))),"
        "joblib.hash(ScaleOp(np.arange(3.0), np.ones(3))))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == [joblib.hash(OPS[1]), joblib.hash(OPS[3])]


@pytest.mark.parametrize(
    ("make", "others"),
    [
        (lambda: GainOp(2.0), lambda: GainOp(3.0)),
        (lambda: FrozenOp(2.0, np.ones(2)), lambda: FrozenOp(2.0, np.zeros(2))),
        (lambda: PlainOp(np.ones(2)), lambda: PlainOp(np.ones(2), "b")),
        (lambda: PlainOp([{"a": (1.0,)}]), lambda: PlainOp([{"a": (2.0,)}])),
        (
            lambda: PlainOp(np.array(["a", None], dtype=object)),
            lambda: PlainOp(np.array(["b", None], dtype=object)),
        ),
    ],
    ids=["eq=False", "frozen", "plain", "nested", "objects"],
)
def test_dataclass_decorated_in_any_way_is_compared_by_value(make, others):
    op = make()
    assert op == make()
    assert hash(op) == hash(make())
    assert op != others()
    assert same(op) == op
    with pytest.raises(FrozenInstanceError):
        setattr(op, next(iter(vars(op))), 1)


def test_class_without_fields_needs_no_decorator():
    class NegateOp(Op):
        def forward(self, x):
            return -x

    assert NegateOp()(torch.ones(2)).tolist() == [-1.0, -1.0]
    assert NegateOp() == NegateOp()
    assert repr(NegateOp()) == "NegateOp()"


def test_attribute_of_a_class_without_decorator_is_refused_with_the_remedy():
    class BareOp(Op):
        def __init__(self, factor):
            self.factor = factor

    with pytest.raises(FrozenInstanceError, match="declare it in a class with @data"):
        BareOp(2.0)


@pytest.mark.parametrize("value", [torch.ones(2), torch.nn.Linear(1, 1)])
def test_field_of_torch_is_refused(value):
    @dataclass
    class TensorOp(Op):
        window: Any

    with pytest.raises(TypeError, match=r"TensorOp has window, a .* of torch"):
        TensorOp(value)


def test_no_public_name_is_inherited_from_torch():
    names = {name for name in dir(Op) if not name.startswith("_")}
    of_torch = {name for name in dir(torch.nn.Module) if not name.startswith("_")}
    assert names & of_torch == {"forward"}


def test_forward_that_is_missing_is_named():
    with pytest.raises(NotImplementedError, match="Op must define forward"):
        Op()(torch.ones(1, 2))


class LouderMel(MelSpectrogramOp):
    def forward(self, x):
        return super().forward(x) + 1


class NeighbourOp(Op):
    def in_slice(self, start, stop):
        return start - 1, stop + 1


class AverageOp(NeighbourOp):
    def forward(self, x):
        return x - x.mean()


class PointOp(Op):
    pointwise = True


class NoPointOp(PointOp):
    pointwise = False


@pytest.mark.parametrize(
    ("op", "whole"),
    [
        (GainOp(1.0), True),
        (LevelOp("peak"), True),
        (ClipScaleOp(), True),
        (WindowOp(0, 5), True),
        (ScaleOp(np.zeros(1), np.ones(1)), False),
        (MelSpectrogramOp(8000), False),
        (LouderMel(8000), True),
        (NeighbourOp(), False),
        (AverageOp(), True),
        (PointOp(), False),
        (NoPointOp(), True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whole_clips_are_needed_unless_the_class_of_forward_says_otherwise(op, whole):
    assert op.whole is whole


def test_random_op_needs_whole_clips_on_the_host_or_if_it_takes_no_chunks():
    class HostOp(RandomOp):
        host = True

    class WholeOp(RandomOp):
        takes_chunks = False

    assert [op.whole for op in (RandomOp(), HostOp(), WholeOp())] == [False, True, True]


def test_module_of_an_op_computes_the_same_in_a_sequence():
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 800))).float()
    net = torch.nn.Sequential(OPS[0].as_module(), torch.nn.Flatten())
    assert torch.equal(net(x), OPS[0](x).flatten(1))
    assert list(net.parameters()) == []
    assert "MelSpectrogramOp(sr=8000" in repr(net)
    assert torch.equal(pickle.loads(pickle.dumps(net))(x), net(x))


def test_module_of_an_op_can_be_exported_once_it_was_called():
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 800))).float()
    module = MelSpectrogramOp(8000, n_mels=5, n_fft=72, hop_length=36).as_module()
    with pytest.raises(RuntimeError, match="call the module once"):
        torch.export.export(module, (x,))
    expected = module(x)
    exported = torch.export.export(module, (x,)).module()
    assert torch.equal(exported(x), expected)


@dataclass
class Returns(Op):
    make: Any

    def forward(self, x):
        return self.make(x)


def test_result_of_forward_is_of_the_type_of_the_batch():
    x = torch.rand(2, 3)
    assert torch.equal(Returns(Tensor.double)(x), x)
    assert Returns(Tensor.double)(x).dtype == torch.float32


@pytest.mark.parametrize(
    ("make", "message"),
    [(Tensor.int, "torch.int32"), (Tensor.numpy, "ndarray"), (id, "int")],
)
def test_result_of_forward_that_is_no_batch_is_refused_by_name(make, message):
    with pytest.raises(ValueError, match=f"Returns.* returned {message}: `forward`"):
        Returns(make)(torch.rand(2, 3))
