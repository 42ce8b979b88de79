"""Computed clips are cached within a budget."""

import numpy as np
import pytest

from sktag import Augmenter, ClipArray, CNN2DClassifier, MelSpectrogram, Standardizer
from sktag.ops import ScaleOp

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
