"""Compressions of spectra."""

import librosa
import numpy as np
import pytest
import torch

from sktag.ops.compression import compress, needs_whole_clips

POWER = np.random.default_rng(0).uniform(0, 2, (3, 4, 30)).astype(np.float32)
PARAMS = {
    "power": 2.0,
    "ref": 1.0,
    "amin": 1e-10,
    "top_db": None,
    "log1p_factor": 1e4,
    "frame_rate": 22050 / 512,
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("compression", [None, "db", "log1p", "pcen"])
def test_type_of_the_numbers_is_kept(compression, dtype):
    out = compress(torch.from_numpy(POWER).to(dtype), compression, **PARAMS)
    assert out.dtype == dtype


def test_pcen_equals_librosa_with_and_without_a_gradient():
    expected = librosa.pcen(POWER.astype(np.float64), sr=22050, hop_length=512)
    x = torch.from_numpy(POWER)
    got = compress(x, "pcen", **PARAMS)
    # float32 in place of float64, through a power of 0.98 and a square root.
    np.testing.assert_allclose(got, expected, rtol=1e-4)
    with_gradient = compress(x.requires_grad_(), "pcen", **PARAMS)
    np.testing.assert_allclose(with_gradient.detach(), expected, rtol=1e-4)


@pytest.mark.parametrize("compression", [None, "db", "log1p", "pcen"])
@pytest.mark.parametrize("ref", [1.0, "max"])
@pytest.mark.parametrize("top_db", [None, 20.0])
def test_whole_clips_are_needed_if_other_frames_change_a_frame(
    compression, ref, top_db
):
    params = {**PARAMS, "ref": ref, "top_db": top_db}
    x = torch.from_numpy(POWER)
    louder = x.clone()
    louder[..., 0] *= 100
    first, second = (
        compress(spectra, compression, **params) for spectra in (x, louder)
    )
    is_changed = not torch.equal(first[..., 1:], second[..., 1:])
    assert needs_whole_clips(compression, ref, top_db) == is_changed
