"""CQT as a transformer; its numbers are tested with its op."""

import numpy as np
import pytest
import torch

from sktag import CQT, ClipArray
from sktag.ops import CQTOp
from sktag.testing import clip_transformer_checks


@pytest.mark.parametrize(
    ("name", "check"), clip_transformer_checks(CQT(48, fmin=200.0, compression=None))
)
def test_laws_hold(name, check):
    check()


def test_any_container_gives_the_numbers_of_the_op(container, waves):
    cqt = CQT(36, fmin=220.0, bins_per_octave=24, filter_scale=0.5)
    out = np.asarray(cqt.fit_transform(container))
    op = CQTOp(22050, fmin=220.0, n_bins=36, bins_per_octave=24, filter_scale=0.5)
    np.testing.assert_allclose(out, op(torch.from_numpy(waves)), atol=1e-3)


def test_transposition_by_an_octave_shifts_twelve_bins():
    time = np.arange(22050) / 22050
    tones = np.array([np.sin(2 * np.pi * f * time) for f in (220.0, 440.0)])
    low, high = CQT(48, fmin=110.0).fit_transform(tones)[:, :, 10:30].mean(axis=2)
    assert low.argmax() == 12
    assert high.argmax() == 24


def test_bins_beyond_half_the_rate_raise_and_name_the_remedy(waves):
    with pytest.raises(ValueError, match=r"n_bins=110: .* Lower n_bins or fmin"):
        CQT(110, filter_scale=0.5).fit(waves)


def test_rate_is_that_of_the_clips(waves):
    clips = ClipArray.from_array(waves, sample_rate=8000)
    with pytest.raises(ValueError, match="half the sample rate of the clips, 8000 Hz"):
        CQT(fmin=100.0).fit(clips)
    assert CQT(24, fmin=300.0).fit(clips).sr_ == 8000


def test_clips_shorter_than_the_longest_kernel_warn(waves):
    with pytest.warns(UserWarning, match="5512 samples are shorter than the lowest"):
        out = CQT().fit_transform(waves)
    assert out.shape == (6, 84, 11)


def test_frequencies_and_hop_are_told(waves):
    clips = ClipArray.from_array(waves, sample_rate=22050)
    out = CQT(13, fmin=440.0, hop_length=256).fit_transform(clips)
    assert out.hop_length == 256
    assert out.frequencies[[0, 12]] == pytest.approx([440, 880])
