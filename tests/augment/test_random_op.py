"""What all random operations share: draws, gates, shapes, pickles, apply, errors."""

import pickle
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import audiomentations
import joblib
import numpy as np
import pytest
import torch

from sktag import augment
from sktag.augment import (
    AugmentOp,
    BackgroundMix,
    DynamicRangeCompression,
    Filter,
    FrequencyMask,
    FrequencyShift,
    Gain,
    Lambda,
    Noise,
    NoiseBlend,
    PitchShift,
    PolarityInversion,
    Reverb,
    SpecNoise,
    TimeMask,
    TimeShift,
    TimeStretch,
)
from sktag.ops import RandomOp
from sktag.testing import make_waves

RATE = 8000
N_ROWS = 16
RNG = np.random.default_rng(0)
RECORDINGS = RNG.normal(size=(3, 700)).astype(np.float32)
ROOMS = (RNG.normal(size=(3, 500)) * np.exp(-np.arange(500) / 80)).astype(np.float32)

# No range holds a value that changes nothing, so that a changed row can be told.
WAVE_OPS = [
    Gain((1.0, 6.0)),
    PolarityInversion(),
    TimeShift((0.1, 0.9)),
    Noise((0.0, 20.0)),
    Noise((0.0, 20.0), color="pink"),
    NoiseBlend((0.1, 0.4)),
    BackgroundMix(RECORDINGS, snr_db=(0.0, 20.0)),
    BackgroundMix(list(RECORDINGS), snr_db=(0.0, 20.0)),
    Filter(("low_pass", "high_pass", "band_pass"), cutoff_hz=(500.0, 2000.0)),
    Reverb(rt60_s=(0.05, 0.3)),
    Reverb(impulse_responses=ROOMS),
    DynamicRangeCompression(),
    TimeStretch((1.1, 1.5)),
    PitchShift((-3.0, -0.5)),
    Lambda(audiomentations.AddGaussianNoise(p=1.0)),
    AugmentOp((Gain((1.0, 6.0)), Noise((0.0, 20.0)))),
]
SPECTROGRAM_OPS = [
    TimeShift((0.1, 0.9)),
    TimeMask((0.1, 0.4)),
    FrequencyMask((0.1, 0.4), fill="min"),
    FrequencyShift((1, 9)),
    SpecNoise((0.1, 0.3)),
]
# Rows are transformed in groups, and the library may round otherwise in another group.
BY_FOURIER = (
    Filter,
    Reverb,
    DynamicRangeCompression,
    TimeStretch,
    PitchShift,
    Noise,
)


def spectrograms(n):
    """Return n spectrograms of 24 bins and 40 frames, no two alike."""
    return np.random.default_rng(1).normal(size=(n, 24, 40)).astype(np.float32)


def case(op, name=None):
    kind = "spectrogram" if op in SPECTROGRAM_OPS else "wave"
    return pytest.param(op, id=f"{name or op!r}-{kind}"[:60])


every_op = pytest.mark.parametrize(
    "op", [case(op) for op in [*WAVE_OPS, *SPECTROGRAM_OPS]]
)


def batch(op, n=N_ROWS, dtype=torch.float32):
    """Return clips of the kind that the operation of the list takes."""
    if any(op is other for other in SPECTROGRAM_OPS):
        return torch.from_numpy(spectrograms(n)).to(dtype)
    return torch.from_numpy(make_waves(n, 4096)).to(dtype)


def assert_same(op, got, expected):
    """Assert equal bits, or equal to the rounding of float32 where Fourier comes in."""
    if isinstance(op, BY_FOURIER):
        np.testing.assert_allclose(got, expected, rtol=0, atol=5e-6)  # values near 1
    else:
        assert np.array_equal(got, expected)


def drawn_params(op, x):
    """Return parameters as the op draws them, and uniform numbers of our own."""
    uniforms = np.random.default_rng(3).random((len(x), op.n_uniforms))
    return op.draw(uniforms, tuple(x.shape))


def test_list_holds_every_public_operation():
    public = [getattr(augment, name) for name in augment.__all__]
    listed = {type(op) for op in [*WAVE_OPS, *SPECTROGRAM_OPS]}
    assert listed == {it for it in public if isinstance(it, type)}
    assert all(issubclass(cls, RandomOp) for cls in listed)


@every_op
def test_rows_are_the_same_in_any_order_and_any_part(op):
    x = batch(op)
    whole = op.augment(x, seed=1, epoch=2, index=3, sample_rate=RATE)
    again = op.augment(x, seed=1, epoch=2, index=3, sample_rate=RATE)
    assert torch.equal(whole, again)
    for rows in (RNG.permutation(N_ROWS), np.array([9, 2, 14]), np.array([5])):
        part = op.augment(
            x[rows], seed=1, epoch=2, rows=rows, index=3, sample_rate=RATE
        )
        assert_same(op, part, whole[rows])


@every_op
def test_another_seed_epoch_place_or_row_draws_otherwise(op):
    x = batch(op)
    x = x[:1].repeat(N_ROWS, *[1] * (x.ndim - 1))
    first = op.augment(x, sample_rate=RATE)
    assert len(np.unique(first.numpy().reshape(N_ROWS, -1), axis=0)) > 1
    for other in ({"seed": 1}, {"epoch": 1}, {"index": 1}, {"index": (0, 1)}):
        assert not torch.equal(op.augment(x, sample_rate=RATE, **other), first), other
    rows = np.arange(N_ROWS) + N_ROWS
    assert not torch.equal(op.augment(x, rows=rows, sample_rate=RATE), first)


@every_op
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shape_and_type_are_kept_and_the_batch_left_alone(op, dtype):
    x = batch(op, 4, dtype)
    before = x.clone()
    out = op.augment(x, sample_rate=RATE)
    assert (out.shape, out.dtype, out.device) == (x.shape, x.dtype, x.device)
    assert op.out_shape(x.shape) == tuple(x.shape)
    assert torch.isfinite(out).all()
    assert torch.equal(x, before)
    assert not torch.equal(out, x)


@every_op
def test_p_of_zero_changes_nothing(op):
    x = batch(op)
    assert torch.equal(replace(op, p=0.0).augment(x, sample_rate=RATE), x)


@every_op
def test_p_of_a_half_leaves_half_of_the_rows_to_the_bit(op):
    x = batch(op, 1)[..., :2048].expand(256, *[-1] * (batch(op, 1).ndim - 1))
    out = replace(op, p=0.5).augment(x, seed=5, sample_rate=RATE)
    untouched = (out == x).reshape(256, -1).all(dim=1).double().mean()
    # Four standard deviations of the share of 256 draws.
    assert abs(float(untouched) - 0.5) < 4 * 0.5 / np.sqrt(256)


def test_gate_of_a_row_does_not_hang_on_the_values_drawn():
    x = torch.ones(300, 2)
    gates = [
        (Gain(gain_db, p=0.5).augment(x) != x)[:, 0] for gain_db in (3.0, (1.0, 6.0))
    ]
    assert torch.equal(*gates)
    gains = Gain((1.0, 6.0), p=0.5).augment(x)[gates[0], 0].log10() * 20
    # The mean of 150 draws from 1 to 6, give or take four deviations.
    assert abs(float(gains.mean()) - 3.5) < 4 * 5 / np.sqrt(12 * 150)


@every_op
def test_forward_is_the_identity(op):
    x = batch(op, 2)
    assert op(x) is x


@every_op
def test_pickle_keeps_fields_draws_and_hash(op):
    again = pickle.loads(pickle.dumps(op))
    assert type(again) is type(op)
    assert joblib.hash(again) == joblib.hash(op)
    x = batch(op, 4)
    expected = op.augment(x, seed=2, sample_rate=RATE)
    assert torch.equal(again.augment(x, seed=2, sample_rate=RATE), expected)
    # Nothing of a call stays on the op.
    assert joblib.hash(again) == joblib.hash(op)
    assert joblib.hash(replace(op, p=0.25)) != joblib.hash(op)


def test_hashes_are_equal_in_another_process():
    ops = [*WAVE_OPS, *SPECTROGRAM_OPS]
    code = (
        "import joblib, pickle, sys\n"
        "for op in pickle.load(sys.stdin.buffer): print(joblib.hash(op))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=pickle.dumps(ops),
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode().split() == [joblib.hash(op) for op in ops]


@every_op
def test_apply_takes_tensor_array_and_single_clip(op):
    if isinstance(op, AugmentOp):  # it draws nothing itself
        op = AugmentOp((Gain(3.0), PolarityInversion()))
    x = batch(op, 4)
    params = drawn_params(op, x)
    of_tensor = op.apply(x, RATE, **params)
    assert isinstance(of_tensor, torch.Tensor)
    of_array = op.apply(x.numpy(), RATE, **params)
    assert isinstance(of_array, np.ndarray)
    assert of_array.dtype == np.float32
    assert np.array_equal(of_array, of_tensor)
    assert torch.equal(op.change(x, RATE, params), of_tensor)
    if isinstance(op, TimeShift) and x.ndim == 3:
        return  # a matrix is a batch of waveforms to it
    for row in range(2):
        own = {name: value[row : row + 1] for name, value in params.items()}
        assert_same(op, op.apply(x.numpy()[row], RATE, **own), of_array[row])


@every_op
def test_parameter_that_is_drawn_is_missed_by_its_name(op):
    x = batch(op, 2)
    if isinstance(op, AugmentOp):
        with pytest.raises(ValueError, match=r"Gain.* draws gain_db at random"):
            op.apply(x, RATE)
        return
    params = drawn_params(op, x)
    for name in set(params) - {"seed"}:
        rest = {other: value for other, value in params.items() if other != name}
        with pytest.raises(
            ValueError, match=f"{type(op).__name__}.* draws {name} at random.*apply"
        ):
            op.apply(x, RATE, **rest)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Gain((6.0, -6.0)), r"Gain has gain_db=\(6.0, -6.0\)"),
        (lambda: Gain("loud"), "Gain has gain_db='loud'"),
        (lambda: Gain((1.0, 2.0, 3.0)), r"Gain has gain_db=\(1.0, 2.0, 3.0\)"),
        (lambda: Gain(float("nan")), "Gain has gain_db=nan.*finite"),
        (lambda: TimeShift(1.5), "TimeShift has shift=1.5.*at most 1"),
        (lambda: Noise(color="brown"), "Noise has color='brown'"),
        (lambda: Noise((0.0, np.inf)), r"Noise has snr_db=\(0.0, inf\)"),
        (lambda: NoiseBlend(1.1), "NoiseBlend has ratio=1.1.*at most 1"),
        (lambda: BackgroundMix([]), r"BackgroundMix has background=\[\]"),
        (lambda: BackgroundMix(ROOMS, None), "BackgroundMix has snr_db=None"),
        (lambda: Filter("notch"), "Filter has kind='notch'"),
        (lambda: Filter(()), r"Filter has kind=\(\)"),
        (lambda: Filter(cutoff_hz=0), "Filter has cutoff_hz=0.*at least"),
        (lambda: Filter(width_octaves=(3, 1)), r"Filter has width_octaves=\(3, 1\)"),
        (lambda: Filter(order=1.5), "Filter has order=1.5"),
        (lambda: Reverb(rt60_s=0), "Reverb has rt60_s=0.*at least 0.001"),
        (lambda: Reverb(wet=(0.5, 2)), r"Reverb has wet=\(0.5, 2\).*at most 1"),
        (
            lambda: Reverb(impulse_responses=np.zeros((2, 9))),
            r"Reverb has impulse_responses of shape \(2, 9\)",
        ),
        (
            lambda: DynamicRangeCompression(ratio=0.5),
            "DynamicRangeCompression has ratio=0.5.*at least 1",
        ),
        (
            lambda: DynamicRangeCompression(time_constant_s=0),
            "DynamicRangeCompression has time_constant_s=0",
        ),
        (lambda: TimeStretch(0.0), "TimeStretch has rate=0.0.*at least 0.1"),
        (lambda: PitchShift((-40, 0)), r"PitchShift has semitones=\(-40, 0\)"),
        (lambda: TimeMask(width=1.1), "TimeMask has width=1.1.*at most 1"),
        (lambda: TimeMask(n_masks=0), "TimeMask has n_masks=0"),
        (lambda: FrequencyMask(fill="max"), "FrequencyMask has fill='max'"),
        (lambda: FrequencyShift(bins=0.5), "FrequencyShift has bins=0.5"),
        (lambda: FrequencyShift(fill="max"), "FrequencyShift has fill='max'"),
        (lambda: SpecNoise(std=-1), "SpecNoise has std=-1.*at least 0"),
        (lambda: Gain(p=1.5), "Gain has p=1.5"),
        (lambda: AugmentOp((Gain(),), p=-0.1), "AugmentOp has p=-0.1"),
    ],
)
def test_bad_field_is_refused_with_class_field_and_value(make, match):
    with pytest.raises(ValueError, match=match):
        make()


def test_range_as_a_list_or_an_array_is_the_pair():
    for given in ([1, 2], np.array([1.0, 2.0])):
        assert Gain(given).gain_db == (1.0, 2.0)


@pytest.mark.parametrize("op", [Noise(10.0), SpecNoise(0.5)])
def test_noise_does_not_hang_on_the_memory_layout(op):
    x = batch(op, 4) if op.takes == "wave" else torch.from_numpy(spectrograms(4))
    # As a front-end leaves a batch that it computed by frames.
    other = x.transpose(-1, -2).contiguous().transpose(-1, -2)
    assert other.stride() != x.stride()
    # Powers are summed in another order, and round otherwise.
    np.testing.assert_allclose(op.augment(other), op.augment(x), rtol=0, atol=1e-6)


@pytest.mark.cuda
@every_op
def test_draws_and_results_on_cuda_are_those_of_the_cpu(op):
    x = batch(op)
    some_noise = (Noise, NoiseBlend, SpecNoise, AugmentOp)
    is_noise = isinstance(op, some_noise) or "rt60_s=(0.05" in repr(op)
    for p in (1.0, 0.5):
        on_cpu = replace(op, p=p).augment(x, sample_rate=RATE)
        on_cuda = replace(op, p=p).augment(x.cuda(), sample_rate=RATE)
        assert on_cuda.is_cuda
        on_cuda = on_cuda.cpu()
        untouched = [(out == x).flatten(1).all(dim=1) for out in (on_cpu, on_cuda)]
        assert torch.equal(*untouched)
        if not is_noise:  # whose fields are of the kind of device
            # Of values near 1: both round to float32, and the phase vocoder sums
            # phases over dozens of frames.
            vocoder = isinstance(op, TimeStretch | PitchShift)
            atol = 1e-2 if vocoder else 1e-4
            np.testing.assert_allclose(on_cuda, on_cpu, rtol=1e-4, atol=atol)


def test_augment_takes_arrays_and_leaves_them_as_they_are():
    x = np.ones((3, 100), dtype=np.float32)
    out = Gain().augment(x, seed=1)
    assert isinstance(out, np.ndarray)
    np.testing.assert_array_equal(
        out, Gain().augment(torch.from_numpy(x), seed=1).numpy()
    )
    assert (x == 1).all()


@dataclass
class Doubles(RandomOp):
    """An operation that does not keep the length, as none may."""

    n_uniforms: ClassVar[int] = 0

    def draw(self, uniforms, shape):
        return {}

    def change(self, x, sample_rate, params):
        return torch.cat([x, x], dim=-1)


def test_operation_that_changes_the_shape_is_refused_by_name():
    x = torch.ones(2, 10)
    with pytest.raises(ValueError, match=r"Doubles\(\) returned.*\(2, 20\).*\(2, 10\)"):
        Doubles().augment(x)
    with pytest.raises(ValueError, match="must keep the shape"):
        Doubles().apply(x)


@dataclass
class Returns(Doubles):
    """An operation whose result `make` makes of the batch."""

    make: Any = None

    def change(self, x, sample_rate, params):
        return self.make(x)


def test_result_of_an_operation_is_made_that_of_the_batch():
    x = torch.rand(4, 10)
    op = Returns(lambda x: x.T.double().contiguous().T, p=0.5)
    out = op.augment(x)
    assert (out.dtype, out.is_contiguous()) == (torch.float32, True)
    assert torch.equal(out, x)
    assert op.apply(x.numpy()).dtype == np.float32


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x: x.numpy(), r"Returns.* returned ndarray: .* must return a tensor"),
        (lambda x: x.int(), r"returned torch.int32: .* floating-point"),
        (torch.fft.fft, r"returned torch.complex64"),
        (lambda x: None, "returned NoneType"),
    ],
    ids=["array", "int", "complex", "None"],
)
def test_result_of_an_operation_that_is_no_batch_is_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        Returns(make).augment(torch.ones(2, 10))


def test_operation_of_an_unknown_kind_is_refused():
    @dataclass
    class Odd(Doubles):
        takes: ClassVar[str | None] = "waves"

    with pytest.raises(ValueError, match="takes='waves'"):
        Odd()


@pytest.mark.parametrize(
    ("op", "x", "message"),
    [
        (Gain(3.0), np.ones((2, 3, 4)), r"1 to 2 dimensions, not of shape \(2, 3, 4\)"),
        (TimeMask(), np.ones(4), r"2 to 3 dimensions, not of shape \(4,\)"),
        (
            Gain(3.0),
            np.ones((2, 4), dtype=int),
            "floating-point clips, not torch.int64",
        ),
    ],
)
def test_clips_that_are_none_are_refused_by_apply(op, x, message):
    with pytest.raises(ValueError, match=message):
        op.apply(x)


def test_parameter_that_is_none_of_the_operations_is_refused():
    with pytest.raises(ValueError, match="Gain has no parameter 'gain': it draws"):
        Gain(3.0).apply(np.ones((2, 4)), gain=3.0)
