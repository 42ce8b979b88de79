"""SampleCNNClassifier: what it learns, its default network, and its parameters."""

import numpy as np
import pandas as pd
import pytest
from torch import nn

from sktag import SampleCNNClassifier
from sktag.testing import inaccessible_clips

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


@pytest.fixture(scope="module")
def data():
    """Waveforms that hum or hiss."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    X = rng.normal(size=(60, 243))
    X[y == 0] = np.sin(0.3 * np.arange(243) + rng.uniform(0, 6, (30, 1)))
    return X.astype(np.float32), np.array(["hum", "hiss"])[y]


def test_classes_of_other_clips_are_predicted(data):
    X, y = data
    clf = SampleCNNClassifier(n_filters=8, max_epochs=30, lr=1e-2, random_state=0)
    assert clf.fit(X[:40], y[:40]).score(X[40:], y[40:]) > 0.9
    assert clf.classes_.tolist() == ["hiss", "hum"]


@pytest.mark.parametrize(
    ("n_samples", "n_blocks"), [(243, 4), (242, 3), (729, 5), (728, 4), (9, 1)]
)
def test_default_network_has_the_most_blocks_that_fit(n_samples, n_blocks):
    X = np.random.default_rng(0).normal(size=(8, n_samples))
    clf = SampleCNNClassifier(n_filters=4, max_epochs=1, random_state=0)
    clf.fit(X, np.arange(8) % 2)
    convs = [m for m in clf.module_.modules() if isinstance(m, nn.Conv1d)]
    # The strided layer, the blocks, and a last layer that sees one step.
    sizes = [n_samples // 3**n_blocks, *[3] * n_blocks, 1]
    assert [conv.kernel_size for conv in convs] == [(size,) for size in sizes]
    assert convs[0].stride == convs[0].kernel_size


def test_default_network_is_that_of_the_paper_for_its_input():
    assert SampleCNNClassifier().summary().title == "sample_cnn, input 59049"


def test_first_stride_and_blocks_are_m_and_n(data):
    X, y = data
    sizes = {"m": 4, "n": 2, "n_filters": 4}
    clf = SampleCNNClassifier(**sizes, max_epochs=1, random_state=0).fit(X, y)
    convs = [m for m in clf.module_.modules() if isinstance(m, nn.Conv1d)]
    # The published chunk of 4^(2 + 1) samples has 4^2 steps.
    assert convs[0].kernel_size == convs[0].stride == (4,)
    pools = [m for m in clf.module_.modules() if isinstance(m, nn.MaxPool1d)]
    assert [pool.kernel_size for pool in pools] == [4, 4]


@pytest.mark.filterwarnings("ignore:.*is too short for:UserWarning")
@pytest.mark.parametrize("multi_level", [False, True])
def test_levels_and_excitation_reach_the_network(data, multi_level):
    def n_parameters(*args, **kwargs):
        params = {"n_filters": 8, "max_epochs": 1, "random_state": 0}
        return SampleCNNClassifier(*args, **kwargs, **params).fit(*data).n_parameters_

    plain = n_parameters("basic", multi_level=multi_level)
    narrow = n_parameters("se", multi_level=multi_level, se_ratio=0.5)
    wide = n_parameters("se", multi_level=multi_level, se_ratio=2.0)
    assert plain < narrow < wide
    assert plain != n_parameters("basic", multi_level=not multi_level)


@pytest.mark.parametrize(
    ("params", "kind"),
    [
        ({"activation": "gelu"}, nn.GELU),
        ({"pooling": "avg"}, nn.AvgPool1d),
        ({"dropout": 0.25}, nn.Dropout),
    ],
)
def test_parameters_reach_the_network(data, params, kind):
    X, y = data
    sizes = {"n_filters": 4, "random_state": 0}
    clf = SampleCNNClassifier(**sizes, **params, max_epochs=1).fit(X, y)
    assert any(isinstance(module, kind) for module in clf.module_.modules())
    if "dropout" in params:
        assert clf.module_.dropout.p == 0.25


def test_parameter_that_the_architecture_does_not_use_is_refused(data):
    X, y = data
    with pytest.raises(ValueError, match="se_ratio"):
        SampleCNNClassifier(se_ratio=0.5).fit(X, y)


@pytest.mark.parametrize(
    ("params", "chunk"),
    [
        ({}, 59049),
        ({"architecture": "rese2"}, 59049),
        ({"m": 4, "n": 6}, 4**7),
        ({"chunk_size": 500}, 500),
        ({"chunk_size": None}, None),
    ],
)
def test_chunk_is_the_published_one_unless_given(params, chunk):
    clips = inaccessible_clips(np.zeros((2, 10**5)))
    assert SampleCNNClassifier(**params)._choose_window(clips.shape[-1]) == (
        chunk or clips.shape[-1]
    )


def test_spectrograms_are_refused(data):
    with pytest.raises(ValueError, match=r"takes waveforms \(n_clips, n_samples\)"):
        SampleCNNClassifier().fit(np.zeros((60, 16, 16)), data[1])


@pytest.mark.parametrize("make", [list, pd.Series, np.asarray])
def test_weights_in_any_container_are_those_of_the_array(make):
    # scikit-learn checks weights with whole numbers as X, which are refused here.
    waves = np.random.default_rng(0).normal(size=(8, 243)).astype(np.float32)
    y, weights = np.arange(8) % 2, np.arange(1.0, 9.0)
    clf = SampleCNNClassifier(n_filters=4, max_epochs=2, random_state=0)
    expected = clf.fit(waves, y, sample_weight=weights).predict_proba(waves)
    found = clf.fit(waves.tolist(), list(y), sample_weight=make(weights))
    np.testing.assert_array_equal(found.predict_proba(waves), expected)
    with pytest.raises(ValueError, match="Sample weights must be 1D"):
        clf.fit(waves, y, sample_weight=np.ones((8, 2)))
