"""Computed clips are cached within a budget."""

import numpy as np
import pytest
import torch

from sktag import Augmenter, ClipArray, CNN2DClassifier, MelSpectrogram, Standardizer
from sktag.augment import SpecNoise
from sktag.ops import ScaleOp
from sktag.training._caches import fill_cache
from sktag.training._data import n_deterministic

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


def test_cache_and_no_cache_train_alike(X, Y, quick):
    clips = ClipArray.from_array(X).map(ScaleOp(np.zeros(12), np.full(12, 2.0)))
    cached = quick().fit(clips, Y).predict_proba(clips)
    streamed = quick(cache_bytes=0).fit(clips, Y).predict_proba(clips)
    np.testing.assert_allclose(cached, streamed, atol=1e-5)


def test_verbose_says_why_nothing_is_cached(X, Y, quick, capsys):
    clips = ClipArray.from_array(X).map(ScaleOp(np.zeros(12), np.ones(12)))
    quick(verbose=1, max_epochs=1, cache_bytes=10).fit(clips, Y)
    assert "exceed cache_bytes=10 (cache_bytes=13824 would" in capsys.readouterr().out
    quick(verbose=1, max_epochs=1).fit(clips, Y)
    assert "computed once and cached on cpu" in capsys.readouterr().out


def test_clips_to_validate_on_fit_the_same_cache(X, Y, quick, capsys):
    clips = ClipArray.from_array(X)
    scaled = Standardizer().fit(clips).transform(clips)
    quick(max_epochs=1, verbose=1, cache_bytes=scaled.nbytes).fit(
        scaled, Y, X_val=scaled[:12], y_val=Y[:12]
    )
    out = capsys.readouterr().out
    assert out.count("cached on cpu") == 1
    assert "exceed cache_bytes=0" in out


def test_caches_of_waveforms_share_the_budget(capsys):
    waves = ClipArray.from_array(np.random.default_rng(0).normal(size=(24, 4000)))
    waves = Standardizer().fit(waves).transform(waves)  # not in memory as they are
    mel = MelSpectrogram(16, n_fft=512, hop_length=128)
    X = mel.fit_transform(Augmenter().fit_transform(waves))
    clf = CNN2DClassifier(n_filters=(4,), max_epochs=1, random_state=0, verbose=1)
    # Of the clips to train on the waveforms are cached, as the Augmenter changes them;
    # of those to validate on the spectrograms.
    clf.set_params(cache_bytes=(24 * 4000 + 12 * 16 * 32) * 4)
    clf.fit(X, np.arange(24) % 2, X_val=X[:12], y_val=np.arange(12) % 2)
    out = capsys.readouterr().out
    assert out.count("cached on cpu") == 2
    clf.set_params(cache_bytes=clf.cache_bytes - 1)
    clf.fit(X, np.arange(24) % 2, X_val=X[:12], y_val=np.arange(12) % 2)
    assert "exceed cache_bytes=" in capsys.readouterr().out


CPU = torch.device("cpu")


def make_clips(*ops):
    """Spectrograms computed from clips in memory by an op, and further ops."""
    rng = np.random.default_rng(0)
    clips = ClipArray.from_array(rng.normal(size=(6, 3, 8)))
    for op in (ScaleOp(np.zeros(3), np.full(3, 2.0)), *ops):
        clips = clips.map(op)
    return clips


def test_cache_holds_the_computed_clips():
    clips = make_clips()
    cache, message = fill_cache(clips, clips.nbytes, 4, CPU)
    np.testing.assert_array_equal(cache, np.asarray(clips))
    assert message == "576 bytes of spectrograms are computed once and cached on cpu"


def test_cache_ends_before_the_first_random_op():
    clips = make_clips(SpecNoise(), ScaleOp(np.zeros(3), np.full(3, 5.0)))
    cache, _ = fill_cache(clips, 2**20, 4, CPU)
    np.testing.assert_array_equal(cache, np.asarray(clips.before(1)))
    assert n_deterministic(clips) == 1


def test_clips_beyond_the_limit_are_not_cached_and_the_message_names_it():
    clips = make_clips()
    cache, message = fill_cache(clips, clips.nbytes - 1, 4, CPU)
    assert cache is None
    assert (
        f"cache_bytes={clips.nbytes - 1} (cache_bytes={clips.nbytes} would" in message
    )


def test_clips_in_memory_are_not_copied():
    clips = ClipArray.from_array(np.zeros((6, 3, 8)))
    assert fill_cache(clips, 2**20, 4, CPU) == (
        None,
        "576 bytes of spectrograms are in memory",
    )


def test_progress_wraps_the_batches():
    seen = []

    def progress(batches):
        for batch in batches:
            seen.append(len(batch))
            yield batch

    fill_cache(make_clips(), 2**20, 4, CPU, progress=progress)
    assert seen == [4, 2]
