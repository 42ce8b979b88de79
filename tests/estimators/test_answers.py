"""Answers of CNN2DClassifier: of which clips, and that they are theirs."""

import numpy as np
import pytest
import torch
from sklearn.model_selection import cross_val_score
from torch import nn

from sktag import ClipArray, CNN1DClassifier, CNN2DClassifier, SampleCNNClassifier
from sktag.ops import ScaleOp

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


def test_clips_are_trained_on_as_arrays_are(X, Y, quick):
    clips = ClipArray.from_array(2 * X).map(ScaleOp(np.zeros(12), np.full(12, 2.0)))
    lazy = quick().fit(clips, Y)
    eager = quick().fit(X, Y)
    np.testing.assert_allclose(
        lazy.predict_proba(clips), eager.predict_proba(X), atol=1e-5
    )
    np.testing.assert_allclose(
        lazy.predict_proba(X), eager.predict_proba(clips), atol=1e-5
    )


def test_answers_for_a_clip_do_not_depend_on_its_neighbours(X, Y, quick):
    clf = quick().fit(X, Y)
    whole = clf.decision_function(X)
    for part in (X[:1], X[5:7], X[::3]):
        rows = [np.flatnonzero((x == X).all(axis=(1, 2)))[0] for x in part]
        np.testing.assert_array_equal(clf.decision_function(part), whole[rows])


def test_module_maps_a_batch_to_logits(X, Y, quick):
    clf = quick().fit(X, Y)
    with torch.no_grad():
        logits = clf.module_(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(logits, clf.decision_function(X), atol=1e-5)
    assert clf.n_parameters_ == sum(p.numel() for p in clf.module_.parameters())


def test_no_clips_have_answers_of_the_same_width(X, Y, quick):
    clf = quick(max_epochs=1).fit(X, Y)
    none = ClipArray.from_array(X)[:0]
    assert clf.embed(none).shape == (0, clf.embed(X).shape[1])
    assert clf.predict_proba(none).shape == (0, 3)
    assert clf.predict_taggram(none).shape == (0, 1, 3)


def test_times_of_bare_spectrograms_are_those_of_the_clips_trained_on(X, Y, quick):
    clips = ClipArray.from_array(X, sample_rate=1000, hop_length=50)
    clf = quick(max_epochs=1, chunk_size=4).fit(clips, Y)
    _, times = clf.predict_taggram(X, return_times=True)
    # Chunks of 4 of 8 frames of 50 ms: their middles.
    np.testing.assert_allclose(times, [[0.1, 0.3]] * 36)


class Unusable(torch.nn.Module):
    """A network that must not be asked."""

    def __init__(self, module):
        super().__init__()
        self.output = module.output
        self.min_shape = module.min_shape

    def forward(self, x):
        raise AssertionError("computed")


@pytest.mark.parametrize("known", [{}, {"sample_rate": 1000}])
def test_times_that_are_not_known_raise_before_anything_is_computed(X, Y, quick, known):
    clips = ClipArray.from_array(X, **known)
    clf = quick(max_epochs=1).fit(clips, Y)
    clf.module_ = Unusable(clf.module_)
    with pytest.raises(ValueError, match=r"or the hop_length .* is not known"):
        clf.predict_taggram(clips, return_times=True)
    with pytest.raises(AssertionError, match="computed"):
        clf.predict_taggram(clips)


def test_cross_validation_learns(X, Y, quick):
    assert cross_val_score(quick(), X, Y, cv=3).mean() > 0.9


# ------------------------------------------------------------------- embeddings


class TwoHeads(nn.Module):
    """A network that lists its output before a layer it does not use."""

    def __init__(self, input_shape, n_outputs):
        super().__init__()
        self.conv = nn.Conv1d(input_shape[0], 6, 3)
        self.pooling = nn.AdaptiveAvgPool1d(1)
        self.hidden = nn.Linear(6, 5)
        self.last = nn.Linear(5, n_outputs)
        self.unused = nn.ReLU()
        self.energy = Energy()

    def forward(self, x):
        self.energy(x)
        x = self.pooling(self.conv(x).relu()).flatten(1)
        return self.last(self.hidden(x).relu())


class Energy(nn.Module):
    """A layer of one number a clip."""

    def forward(self, x):
        return x.square().mean(dim=(1, 2))


@pytest.fixture(params=[None, 4], ids=["whole", "chunks"])
def embedder(request, X, Y, quick):
    """A fitted classifier with a network of one's own, on whole clips or on chunks."""
    clf = quick(architecture=TwoHeads, n_filters=None, chunk_size=request.param)
    return clf.set_params(max_epochs=1).fit(X, Y)


def windows_of(clf, X):
    """The windows of clips of eight frames, one after the other."""
    size = clf.chunk_size or 8
    return [torch.from_numpy(X[..., s : s + size]) for s in range(0, 8, size)]


@torch.no_grad()
def by_hand(clf, X, layer):
    """Return the features of a layer for each window, computed from its parts."""
    net, found = clf.module_, []
    for x in windows_of(clf, X):
        maps = net.conv(x)
        pooled = net.pooling(maps.relu())
        hidden = net.hidden(pooled.flatten(1))
        found.append(
            {
                "conv": maps.mean(dim=2),
                "pooled": pooled.flatten(1),
                "pooling": pooled.flatten(1),
                "hidden": hidden,
                "penultimate": hidden.relu(),
                "last": net.last(hidden.relu()),
            }[layer].numpy()
        )
    return np.stack(found, axis=1)


@pytest.mark.parametrize(
    "layer", ["conv", "pooled", "pooling", "hidden", "penultimate", "last"]
)
def test_embedding_of_a_network_of_ones_own_is_what_the_layer_makes(embedder, X, layer):
    expected = by_hand(embedder, X, layer)
    found = embedder.embed(X, layer=layer, per_window=True)
    assert found.dtype == np.float32
    # Batches of another size, in float32.
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(
        embedder.embed(X, layer), expected.mean(axis=1), atol=1e-5
    )


def test_penultimate_is_the_default_and_makes_the_logits(embedder, X):
    windows = embedder.embed(X, per_window=True)
    np.testing.assert_array_equal(
        windows, embedder.embed(X, "penultimate", per_window=True)
    )
    weight, bias = (p.detach().numpy() for p in embedder.module_.last.parameters())
    found = embedder._windows(ClipArray.from_array(X))
    expected = np.stack(found.each(found.outputs))
    np.testing.assert_allclose(windows @ weight.T + bias, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("cls", "shape"),
    [
        (CNN1DClassifier, (10, 16, 90)),
        (CNN2DClassifier, (10, 16, 90)),
        (SampleCNNClassifier, (10, 1000)),
    ],
)
def test_embedding_of_a_named_network_is_the_input_of_its_output(cls, shape):
    X = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    clf = cls(n_filters=4, max_epochs=1, random_state=0, chunk_size=shape[-1] // 2)
    clf.fit(X, np.arange(10) % 2)
    features = clf.embed(X, per_window=True)
    assert features.shape == (10, 2, clf.module_.output.in_features)
    with torch.no_grad():
        logits = clf.module_.output(torch.from_numpy(features)).numpy()
    windows = clf._windows(clf._known_clips(X))
    expected = np.stack(windows.each(windows.outputs))
    np.testing.assert_allclose(logits, expected, atol=1e-5)


@pytest.mark.parametrize("per_window", [False, True])
@pytest.mark.parametrize(
    ("cls", "shape"),
    [
        (CNN1DClassifier, (10, 16, 90)),
        (CNN2DClassifier, (10, 16, 90)),
        (SampleCNNClassifier, (10, 1000)),
    ],
)
def test_pooled_features_are_what_the_pooling_over_time_gives(cls, shape, per_window):
    X = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    size = shape[-1] // 2
    clf = cls(n_filters=4, max_epochs=1, random_state=0, chunk_size=size)
    clf.fit(X, np.arange(10) % 2)
    # Between the pooling and the output of these networks is dropout alone.
    expected = clf.embed(X, per_window=True)
    found = clf.embed(X, "pooled", per_window=per_window)
    expected = expected if per_window else expected.mean(axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_unknown_layer_lists_those_there_are(embedder, X):
    message = r"layer='dense' is not one .* 'conv', 'pooling', 'hidden', 'last'"
    with pytest.raises(ValueError, match=message):
        embedder.embed(X, "dense")


def test_layer_that_is_not_used_is_refused(embedder, X):
    with pytest.raises(ValueError, match="layer='unused' is not used in a forward"):
        embedder.embed(X, "unused")


def test_layer_of_one_number_a_clip_is_refused(embedder, X):
    with pytest.raises(ValueError, match=r"'energy' gives an array of shape \(4,\)"):
        embedder.embed(X, "energy")


def test_network_without_a_dense_layer_has_no_penultimate(X, Y, quick):
    def convolutional(input_shape, n_outputs):
        return nn.Sequential(nn.Conv1d(12, n_outputs, 8), nn.Flatten())

    clf = quick(architecture=convolutional, n_filters=None, max_epochs=1).fit(X, Y)
    with pytest.raises(ValueError, match=r"'penultimate' is not .* are '0', '1'"):
        clf.embed(X)
    assert clf.embed(X, "0").shape == (36, 3)


def test_embedding_leaves_no_hook_behind(embedder, X):
    embedder.embed(X)
    with pytest.raises(ValueError, match="not used"):
        embedder.embed(X, "unused")
    assert all(
        not m._forward_hooks and not m._forward_pre_hooks
        for m in embedder.module_.modules()
    )
