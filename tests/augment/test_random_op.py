"""What all random operations share."""

import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
import torch

from sktag import augment

SR = 22050
RNG = np.random.default_rng(0)
WAVES = torch.from_numpy(RNG.standard_normal((40, 3000)).astype(np.float32)) * 0.5
SPECTRA = torch.from_numpy(RNG.standard_normal((40, 20, 30)).astype(np.float32))
MAKE = {
    name: getattr(augment, name)
    for name in augment.__all__
    if name not in ("AugmentOp", "Callback", "ROBUSTNESS")
}
MAKE["BackgroundMix"] = lambda **kw: augment.BackgroundMix(
    np.random.default_rng(1).standard_normal((3, 5000)), **kw
)


def batch_for(op):
    return SPECTRA if op.takes == "spectrogram" else WAVES


@pytest.mark.parametrize("name", MAKE)
def test_result_hangs_on_seed_epoch_row_and_place_alone(name):
    op = MAKE[name](p=1.0)
    x = batch_for(op)[:6]
    before = x.clone()
    key = {"seed": 3, "epoch": 2, "index": 1, "sample_rate": SR}
    y = op.augment(x, **key)
    assert y.shape == x.shape
    assert y.dtype == x.dtype
    assert torch.equal(x, before)
    some = np.array([4, 1])
    part = op.augment(x[some], rows=some, **key)
    torch.testing.assert_close(part, y[some], rtol=0, atol=1e-5)
    if name == "PolarityInversion":
        return
    for other in ({"seed": 4}, {"epoch": 3}, {"index": 0}, {"rows": np.arange(6, 12)}):
        assert not torch.allclose(op.augment(x, **(key | other)), y, atol=1e-4)


@pytest.mark.parametrize("name", MAKE)
def test_probability_says_how_many_rows_change(name):
    op = MAKE[name](p=0.5)
    x = batch_for(op)
    y = op.augment(x, sample_rate=SR)
    is_same = [torch.equal(a, b) for a, b in zip(x, y, strict=True)]
    assert 10 <= sum(is_same) <= 30  # of 40; a draw by chance is 3 deviations away
    assert torch.equal(MAKE[name](p=0.0).augment(x, sample_rate=SR), x)


@pytest.mark.parametrize("name", MAKE)
def test_pickle_and_hash_are_those_of_the_fields(name):
    op = MAKE[name](p=0.5)
    again = pickle.loads(pickle.dumps(op))
    assert joblib.hash(again) == joblib.hash(op)
    x = batch_for(op)[:3]
    torch.testing.assert_close(
        again.augment(x, sample_rate=SR), op.augment(x, sample_rate=SR), rtol=0, atol=0
    )


def test_hashes_are_equal_in_two_processes():
    names = sorted(set(MAKE) - {"BackgroundMix"})
    code = (
        "import joblib; from sktag import augment\n"
        f"print(*(joblib.hash(getattr(augment, n)()) for n in {names}))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == [joblib.hash(MAKE[n]()) for n in names]


@pytest.mark.parametrize("name", MAKE)
def test_apply_takes_arrays_tensors_and_single_clips(name):
    op = MAKE[name](p=1.0)
    x = batch_for(op)[:1].double()
    rng = np.random.default_rng(0)
    given = op.draw(rng.random((1, op.n_uniforms)), tuple(x.shape))
    expected = op.apply(x, SR, **given)
    assert expected.dtype == torch.float64
    got = op.apply(x.numpy(), SR, **given)
    assert isinstance(got, np.ndarray)
    np.testing.assert_array_equal(got, expected.numpy())
    if name != "TimeShift":  # takes both kinds: a single clip is a waveform
        assert op.apply(x[0], SR, **given).shape == x.shape[1:]


@pytest.mark.parametrize("name", sorted(set(MAKE) - {"PolarityInversion"}))
def test_random_parameter_that_is_missing_is_an_error(name):
    op = MAKE[name]()
    with pytest.raises(ValueError, match=r"draws \w+ at random"):
        op.apply(batch_for(op)[:1], SR)


@pytest.mark.cuda
@pytest.mark.parametrize("name", MAKE)
def test_operation_runs_on_cuda(name):
    op = MAKE[name](p=0.5)
    x = batch_for(op)[:6]
    y = op.augment(x.cuda(), sample_rate=SR)
    assert y.is_cuda
    expected = op.augment(x, sample_rate=SR)
    is_same = [torch.equal(a, b) for a, b in zip(x, expected, strict=True)]
    assert is_same == [torch.equal(a, b) for a, b in zip(x, y.cpu(), strict=True)]
    if name not in ("Noise", "NoiseBlend", "Reverb", "SpecNoise"):  # fields per device
        torch.testing.assert_close(y.cpu(), expected, rtol=0, atol=1e-4)
