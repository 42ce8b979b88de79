"""The check kit finds what it is for."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from sktag import ClipTransformer
from sktag.ops import Op
from sktag.testing import check_clip_transformer


@dataclass
class GainOp(Op):
    factor: float

    def forward(self, x):
        return x * self.factor


class Gain(ClipTransformer):
    def __init__(self, factor=2.0):
        self.factor = factor

    def _make_op(self, sample_rate):
        return GainOp(self.factor)


def test_lawful_transformer_passes():
    check_clip_transformer(Gain())


@dataclass
class InPlaceOp(GainOp):
    def forward(self, x):
        return x.mul_(self.factor)


@dataclass
class BatchOp(GainOp):
    def forward(self, x):
        return x / x.abs().max()


@dataclass
class WrongShapeOp(GainOp):
    def out_shape(self, shape):
        return (shape[0], shape[1] + 1)


@dataclass
class TensorOp(Op):
    window: object

    def forward(self, x):
        return x * self.window[0]


@dataclass
class DoubleOp(GainOp):
    def forward(self, x):
        return x.double() * self.factor


@dataclass
class PointwiseOp(GainOp):
    pointwise = True

    def forward(self, x):
        return x - x.roll(1, dims=1)


@dataclass
class NarrowOp(GainOp):
    def in_slice(self, start, stop):
        return start, stop

    def forward(self, x):
        return x.cumsum(dim=1)


class NoOp(Gain):
    def transform(self, X):
        return X


class Reading(Gain):
    def transform(self, X):
        np.asarray(X)
        return super().transform(X)


class RateBlind(Gain):
    def fit(self, X, y=None):
        super().fit(X)
        self.sr_ = None
        return self


def making(op):
    class Unlawful(Gain):
        def _make_op(self, sample_rate):
            return op()

    return Unlawful()


@pytest.mark.parametrize(
    ("transformer", "message"),
    [
        (making(lambda: InPlaceOp(2.0)), "must not change its input"),
        (making(lambda: BatchOp(2.0)), "a clip among others"),
        (making(lambda: WrongShapeOp(2.0)), "could not be broadcast|out_shape tells"),
        (making(lambda: TensorOp((torch.rand(1),))), "same numbers|equal hashes"),
        (making(lambda: DoubleOp(2.0)), "must be float32, also before"),
        (making(lambda: PointwiseOp(2.0)), "a part of a clip and the whole clip"),
        (making(lambda: NarrowOp(2.0)), "a part of a clip and the whole clip"),
        (NoOp(), "must append an op"),
        (RateBlind(), "another sample rate must be an error"),
    ],
)
def test_unlawful_transformer_is_found(transformer, message):
    with pytest.raises((AssertionError, ValueError), match=message):
        check_clip_transformer(transformer)


def test_transformer_that_reads_is_found():
    with pytest.raises(RuntimeError, match="only their recipe"):
        check_clip_transformer(Reading())
