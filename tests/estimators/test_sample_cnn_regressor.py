"""SampleCNNRegressor: what it learns, its default network, and its parameters."""

import numpy as np
import pytest
from torch import nn

from sktag import SampleCNNRegressor
from sktag.testing import inaccessible_clips

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


@pytest.fixture(scope="module")
def data():
    """Noise of a level that is the number to predict."""
    rng = np.random.default_rng(0)
    y = rng.uniform(0.1, 2, 60)
    X = rng.normal(size=(60, 243)) * y[:, np.newaxis]
    return X.astype(np.float32), 10 * y + 100


def test_numbers_of_other_clips_are_predicted(data):
    X, y = data
    reg = SampleCNNRegressor(
        n_filters=8, dropout=0, max_epochs=40, lr=1e-2, random_state=0
    )
    # A constant scores nothing.
    assert reg.fit(X[:40], y[:40]).score(X[40:], y[40:]) > 0.6


@pytest.mark.parametrize(
    ("n_samples", "n_blocks"), [(243, 4), (242, 3), (729, 5), (728, 4), (9, 1)]
)
def test_default_network_has_the_most_blocks_that_fit(n_samples, n_blocks):
    X = np.random.default_rng(0).normal(size=(8, n_samples))
    reg = SampleCNNRegressor(n_filters=4, max_epochs=1, random_state=0)
    reg.fit(X, np.arange(8) % 2)
    convs = [m for m in reg.module_.modules() if isinstance(m, nn.Conv1d)]
    # The strided layer, the blocks, and a last layer that sees one step.
    sizes = [n_samples // 3**n_blocks, *[3] * n_blocks, 1]
    assert [conv.kernel_size for conv in convs] == [(size,) for size in sizes]
    assert convs[0].stride == convs[0].kernel_size


def test_default_network_is_that_of_the_paper_for_its_input():
    assert SampleCNNRegressor().summary().title == "sample_cnn, input 59049"


def test_first_stride_and_blocks_are_m_and_n(data):
    X, y = data
    sizes = {"m": 4, "n": 2, "n_filters": 4}
    reg = SampleCNNRegressor(**sizes, max_epochs=1, random_state=0).fit(X, y)
    convs = [m for m in reg.module_.modules() if isinstance(m, nn.Conv1d)]
    # The published chunk of 4^(2 + 1) samples has 4^2 steps.
    assert convs[0].kernel_size == convs[0].stride == (4,)
    pools = [m for m in reg.module_.modules() if isinstance(m, nn.MaxPool1d)]
    assert [pool.kernel_size for pool in pools] == [4, 4]


@pytest.mark.filterwarnings("ignore:.*is too short for:UserWarning")
@pytest.mark.parametrize("multi_level", [False, True])
def test_levels_and_excitation_reach_the_network(data, multi_level):
    def n_parameters(*args, **kwargs):
        params = {"n_filters": 8, "max_epochs": 1, "random_state": 0}
        return SampleCNNRegressor(*args, **kwargs, **params).fit(*data).n_parameters_

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
    reg = SampleCNNRegressor(**sizes, **params, max_epochs=1).fit(X, y)
    assert any(isinstance(module, kind) for module in reg.module_.modules())
    if "dropout" in params:
        assert reg.module_.dropout.p == 0.25


def test_parameter_that_the_architecture_does_not_use_is_refused(data):
    X, y = data
    with pytest.raises(ValueError, match="se_ratio"):
        SampleCNNRegressor(se_ratio=0.5).fit(X, y)


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
    assert SampleCNNRegressor(**params)._choose_window(clips.shape[-1]) == (
        chunk or clips.shape[-1]
    )


def test_spectrograms_are_refused(data):
    with pytest.raises(ValueError, match=r"takes waveforms \(n_clips, n_samples\)"):
        SampleCNNRegressor().fit(np.zeros((60, 16, 16)), data[1])
