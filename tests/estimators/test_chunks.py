"""Chunks: answers for whole clips against a plain loop over their chunks."""

import joblib
import numpy as np
import pytest
import soundfile
import torch
from scipy.special import expit, softmax
from sklearn.metrics import average_precision_score, roc_auc_score

from sktag import (
    ClipArray,
    CNN1DClassifier,
    CNN2DClassifier,
    RawWave,
    SampleCNNClassifier,
    Standardizer,
    config_context,
)
from sktag.clips import _file_source
from sktag.targets._splits import split_rows
from sktag.testing import inaccessible_clips

# Tests train for as few steps as they need, and small clips shrink the networks.
pytestmark = [
    pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*is too short for:UserWarning"),
]

RNG = np.random.default_rng(0)
WAVES = RNG.normal(0, 0.3, (10, 1000)).astype(np.float32)
SPECTRA = RNG.normal(size=(10, 16, 90)).astype(np.float32)
LABELS = np.repeat(["a", "b"], 5)
TAGS = RNG.integers(0, 2, (10, 3))
TAGS[0], TAGS[1] = 0, 1  # each tag is there and is not
QUICK = {"n_filters": 4, "max_epochs": 2, "random_state": 0}


@pytest.mark.parametrize("layout", ["even", "won2020"])
@pytest.mark.parametrize("how", ["mean", "max", "median"])
@pytest.mark.parametrize("is_tags", [True, False])
def test_predictions_equal_a_plain_loop_over_chunks(layout, how, is_tags):
    clf = SampleCNNClassifier(
        chunk_size=243, n_chunks=5, chunk_layout=layout, aggregate=how, **QUICK
    ).fit(WAVES, TAGS if is_tags else LABELS)
    starts = {
        "even": np.round(np.linspace(0, 1000 - 243, 5)).astype(int),
        "won2020": [i * ((1000 - 243) // 5) for i in range(5)],
    }[layout]
    with torch.no_grad():
        logits = np.stack(
            [
                clf.module_(torch.from_numpy(WAVES[:, s : s + 243])).double().numpy()
                for s in starts
            ],
            axis=1,
        )
    taggram = expit(logits) if is_tags else softmax(logits, axis=2)
    np.testing.assert_allclose(clf.predict_taggram(WAVES), taggram, atol=1e-6)
    expected = {"mean": np.mean, "max": np.max, "median": np.median}[how](
        taggram, axis=1
    )
    if not is_tags:
        expected = expected / expected.sum(axis=1, keepdims=True)
    proba = clf.predict_proba(WAVES)
    np.testing.assert_allclose(proba, expected, atol=1e-6)
    scores = clf.decision_function(WAVES)
    ranked = proba if is_tags else proba[:, 1]
    assert (scores.argsort(axis=0) == ranked.argsort(axis=0)).all()


def by_hand(module, X, lengths, chunk, n_chunks):
    """Logits of evenly laid chunks of each clip, (n, n_outputs), one at a time."""
    logits = []
    for x, length in zip(X, lengths, strict=True):
        n = n_chunks or -(-length // chunk)
        logits.append([])
        for i in range(n):
            start = round(i * max(length - chunk, 0) / max(n - 1, 1))
            part = torch.from_numpy(x[np.newaxis, ..., start : start + chunk])
            with torch.no_grad():
                logits[-1].append(module(part).double().numpy()[0])
    return [np.array(some) for some in logits]


@pytest.mark.parametrize("n_chunks", [4, None])
@pytest.mark.parametrize("is_tags", [True, False])
@pytest.mark.parametrize(
    ("cls", "X", "chunk", "lengths"),
    [
        (CNN1DClassifier, SPECTRA, 32, [90, 89, 64, 50, 40, 33, 32, 31, 20, 1]),
        (CNN2DClassifier, SPECTRA, 32, [90, 89, 64, 50, 40, 33, 32, 31, 20, 1]),
        (SampleCNNClassifier, WAVES, 350, [1000, 999, 700, 500, *range(348, 354)]),
    ],
)
def test_clips_of_unequal_length_equal_a_plain_loop_over_chunks(
    cls, X, chunk, lengths, is_tags, n_chunks
):
    y = TAGS if is_tags else LABELS
    clf = cls(chunk_size=chunk, n_chunks=n_chunks, **QUICK).fit(X, y)
    logits = by_hand(clf.module_, X, lengths, chunk, n_chunks)
    taggram = [expit(z) if is_tags else softmax(z, axis=1) for z in logits]
    rate = 22050 if X.ndim == 2 else None
    clips = ClipArray.from_array(X, sample_rate=rate, lengths=lengths)
    # Batches of other sizes, in float32.
    for found, expected in zip(clf.predict_taggram(clips), taggram, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)
    means = [some.mean(axis=0) for some in taggram]
    np.testing.assert_allclose(clf.predict_proba(clips), means, atol=1e-6)


def test_validation_scores_of_chunks_are_those_of_the_clips():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(40, 16, 90)).astype(np.float32)
    tags = (X.mean(axis=(1, 2))[:, np.newaxis] > [-0.01, 0.01]).astype(int)
    # Without batch norm, whose statistics are estimated anew after few steps.
    clf = CNN1DClassifier(chunk_size=30, batch_norm=False, early_stopping=True, **QUICK)
    clf.set_params(validation_fraction=0.3).fit(X, tags)
    _, valid = split_rows(tags, 0.3, 0)
    row, proba = clf.history_[clf.best_epoch_ - 1], clf.predict_proba(X[valid])
    assert row["valid_roc_auc"] == roc_auc_score(tags[valid], proba)
    precision = average_precision_score(tags[valid], proba)
    assert row["valid_average_precision"] == pytest.approx(precision, abs=1e-12)
    # The loss is the mean of those of the chunks.
    logits = np.stack(by_hand(clf.module_, X[valid], [90] * len(valid), 30, 3))
    truth = np.repeat(tags[valid][:, np.newaxis], 3, axis=1)
    losses = np.log1p(np.exp(np.where(truth == 1, -logits, logits)))
    assert row["valid_loss"] == pytest.approx(losses.mean(), abs=1e-6)


@pytest.mark.parametrize(
    ("cls", "X", "chunk"),
    [
        (CNN1DClassifier, SPECTRA, 32),
        (CNN2DClassifier, SPECTRA, 32),
        (SampleCNNClassifier, WAVES, 300),
    ],
)
def test_chunks_cover_the_clip_by_default(cls, X, chunk):
    clf = cls(chunk_size=chunk, **QUICK).fit(X, LABELS)
    n_chunks = -(-X.shape[-1] // chunk)
    assert clf.predict_taggram(X).shape == (10, n_chunks, 2)
    assert clf.embed(X).shape == (10, clf.module_.output.in_features)
    # A longer clip has more of them.
    rate = 22050 if X.ndim == 2 else None
    twice = np.concatenate([X, X], axis=-1)
    longer = ClipArray.from_array(twice, sample_rate=rate)
    assert clf.predict_taggram(longer).shape[1] == -(-2 * X.shape[-1] // chunk)


def test_embedding_is_the_mean_over_chunks_of_the_penultimate_layer():
    clf = CNN1DClassifier(chunk_size=30, n_chunks=2, **QUICK).fit(SPECTRA, LABELS)
    x = torch.from_numpy(SPECTRA)
    with torch.no_grad():
        parts = [clf.module_.features(x[..., s : s + 30]) for s in (0, 60)]
    expected = torch.stack(parts).mean(0).numpy()
    np.testing.assert_allclose(clf.embed(SPECTRA), expected, atol=1e-5)


def test_clip_shorter_than_the_chunk_is_used_whole():
    clf = SampleCNNClassifier(chunk_size=5000, **QUICK).fit(WAVES, LABELS)
    assert clf.predict_taggram(WAVES).shape == (10, 1, 2)
    short = ClipArray.from_array(WAVES[:, :980], sample_rate=22050)
    with torch.no_grad():
        logits = clf.module_(torch.from_numpy(WAVES[:, :980])).double().numpy()
    expected = softmax(logits, axis=1)
    np.testing.assert_allclose(clf.predict_proba(short), expected, atol=1e-6)
    with pytest.raises(ValueError, match="clips of at least 972 samples, these have 7"):
        clf.predict(ClipArray.from_array(WAVES[:, :700], sample_rate=22050))


def test_clip_no_longer_than_the_chunk_is_one_chunk():
    clf = CNN1DClassifier(chunk_size=90, n_chunks=5, **QUICK).fit(SPECTRA, LABELS)
    assert clf.predict_taggram(SPECTRA).shape == (10, 1, 2)
    shorter = ClipArray.from_array(SPECTRA[..., :60])
    assert clf.predict_taggram(shorter).shape == (10, 1, 2)
    assert clf.predict_taggram(np.tile(SPECTRA, 2)).shape == (10, 5, 2)


def test_chunk_too_short_for_the_network_names_chunk_size():
    clf = CNN2DClassifier("fcn4", chunk_size=20, **QUICK)
    with pytest.warns(UserWarning, match=r"a chunk of .* is too .* larger chunk_size"):
        clf.fit(SPECTRA, LABELS)
    clf.set_params(pool_size=(2, 30), n_blocks=1)
    with pytest.raises(ValueError, match="at least 2 bins and 30 frames") as raised:
        clf.fit(SPECTRA, LABELS)
    assert "see chunk_size" in raised.value.__notes__[0]
    # Where the clip is shorter than the chunk, it is the clip.
    clf.set_params(chunk_size=500, pool_size=None, n_blocks=None)
    with pytest.warns(UserWarning, match=r"an input of 16 bins and 90 .* Longer clips"):
        clf.fit(SPECTRA, LABELS)


def test_chunks_are_never_cut_from_padding():
    # Clips of 400 samples of sound, then silence; a net of silence would say so.
    waves = [wave[:400] for wave in WAVES[:9]] + [WAVES[9]]
    clips = RawWave(sr=8000).fit_transform(waves)
    clf = SampleCNNClassifier(chunk_size=243, n_chunks=3, **QUICK).fit(clips, LABELS)
    _, times = clf.predict_taggram(clips, return_times=True)
    assert times.shape == (10, 3)
    assert times[0].max() * 8000 <= 400 - 243 / 2 + 1e-6
    assert times[9].max() * 8000 == pytest.approx(1000 - 243 / 2)


@pytest.mark.parametrize("chunks", ["random", "all"])
def test_five_epochs_of_chunks_equal_three_saved_and_two_more(chunks, tmp_path):
    params = {**QUICK, "lr_schedule": None, "train_chunks": chunks, "chunk_size": 30}
    whole = CNN1DClassifier(**{**params, "max_epochs": 5}).fit(SPECTRA, LABELS)
    first = CNN1DClassifier(**{**params, "max_epochs": 3}, warm_start=True)
    joblib.dump(first.fit(SPECTRA, LABELS), tmp_path / "clf.joblib")
    rest = joblib.load(tmp_path / "clf.joblib").set_params(max_epochs=2)
    rest.fit(SPECTRA, LABELS)
    assert rest.n_iter_ == 5
    np.testing.assert_array_equal(
        rest.predict_proba(SPECTRA), whole.predict_proba(SPECTRA)
    )


@pytest.mark.parametrize("cache_bytes", [0, 2**30])
@pytest.mark.parametrize("chunks", ["random", "all"])
def test_cached_and_read_chunks_give_the_same_network(cache_bytes, chunks, tmp_path):
    clips = Standardizer().fit_transform(ClipArray.from_array(WAVES, sample_rate=8000))
    clf = SampleCNNClassifier(
        chunk_size=243, train_chunks=chunks, early_stopping=True, **QUICK
    ).set_params(cache_bytes=cache_bytes, validation_fraction=0.3)
    clf.fit(clips, LABELS)
    eager = clf.__class__(**{**clf.get_params(), "cache_bytes": 2**30})
    eager.fit(np.asarray(clips), LABELS)
    # bare arrays are taken to be at 22,050 Hz
    expected = eager.predict_proba(np.asarray(clips))
    np.testing.assert_allclose(clf.predict_proba(clips), expected, atol=1e-5)


def test_chunk_of_a_file_is_decoded_without_the_rest(tmp_path, monkeypatch):
    paths = []
    for i, wave in enumerate(WAVES):
        paths.append(str(tmp_path / f"{i}.wav"))
        soundfile.write(paths[-1], np.tile(wave, 20), 8000, subtype="FLOAT")
    clips = RawWave(sr=8000).fit_transform(paths)
    asked = []
    decode = _file_source.decode

    def spy(path, sr, *, offset=0.0, n_samples=None):
        samples = decode(path, sr, offset=offset, n_samples=n_samples)
        asked.append(len(samples))
        return samples

    monkeypatch.setattr(_file_source, "decode", spy)
    starts = np.arange(10) * 1900
    with config_context(decode_cache_bytes=0):
        got = clips.read(np.arange(10), starts=starts, width=300)
    assert asked == [300] * 10
    expected = [np.tile(w, 20)[s : s + 300] for w, s in zip(WAVES, starts, strict=True)]
    np.testing.assert_allclose(got, expected, atol=1e-6)
    clf = SampleCNNClassifier(chunk_size=243, cache_bytes=0, **QUICK)
    asked.clear()
    with config_context(decode_cache_bytes=0):
        clf.fit(clips, LABELS)
    # Two epochs of chunks; then one, clean, for the statistics of batch norm.
    assert asked == [243] * 30


def test_published_chunk_is_the_default():
    waves = inaccessible_clips(np.zeros((2, 10**6)))
    clf = SampleCNNClassifier()
    assert clf._choose_window(waves.shape[-1]) == 59049
    assert clf._choose_window(1000) == 1000
    assert clf.set_params(m=4, n=6)._choose_window(waves.shape[-1]) == 4**7
    spectra = inaccessible_clips(np.zeros((2, 4, 2000)))
    assert CNN2DClassifier("short_chunk")._choose_window(spectra.shape[-1]) == 231
    assert CNN2DClassifier("fcn4")._choose_window(spectra.shape[-1]) == 1366
    assert CNN2DClassifier()._choose_window(spectra.shape[-1]) == spectra.shape[-1]
    assert CNN2DClassifier(chunk_size=50)._choose_window(spectra.shape[-1]) == 50


def test_times_need_a_sample_rate():
    clf = CNN1DClassifier(chunk_size=30, **QUICK).fit(SPECTRA, LABELS)
    with pytest.raises(ValueError, match=r"the sample rate .* is not known"):
        clf.predict_taggram(SPECTRA, return_times=True)
    clips = ClipArray.from_array(SPECTRA, sample_rate=1000, hop_length=100)
    clf.fit(clips, LABELS)
    _, times = clf.predict_taggram(clips, return_times=True)
    np.testing.assert_allclose(times[0], [1.5, 4.5, 7.5])
