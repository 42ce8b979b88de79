"""CNN2DClassifier: what it learns, its default network, and its parameters."""

import numpy as np
import pytest
from torch import nn

from sktag import CNN2DClassifier
from sktag.testing import inaccessible_clips

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")
SIZES = {"n_filters": 4, "n_blocks": 2, "pool_size": 2, "random_state": 0}


@pytest.fixture(scope="module")
def data():
    """Spectrograms with more energy in the lower or in the upper bins."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 16, 16)), np.arange(60) % 2
    X[y == 0, :8] += 1
    X[y == 1, 8:] += 1
    return X.astype(np.float32), np.array(["low", "high"])[y]


def test_classes_of_other_clips_are_predicted(data):
    X, y = data
    clf = CNN2DClassifier(n_filters=(4, 8), max_epochs=30, lr=1e-2, random_state=0)
    assert clf.fit(X[:40], y[:40]).score(X[40:], y[40:]) > 0.9
    assert clf.classes_.tolist() == ["high", "low"]


def test_default_network_is_the_compact_one(data):
    X, y = data
    clf = CNN2DClassifier(max_epochs=1, random_state=0).fit(X, y)
    assert clf.architecture_ == "compact"
    assert CNN2DClassifier().summary().title.startswith("compact, input ")


def test_filters_move_over_bins_and_time(data):
    X, y = data
    params = {**SIZES, "n_filters": (6, 7), "kernel_size": 3}
    clf = CNN2DClassifier(**params, max_epochs=1).fit(X, y)
    convs = [m for m in clf.module_.modules() if isinstance(m, nn.Conv2d)]
    assert convs[0].in_channels == 1
    assert {conv.kernel_size for conv in convs} == {(3, 3)}
    assert {conv.out_channels for conv in convs} == {6, 7}


@pytest.mark.parametrize(
    ("params", "kind"),
    [
        ({"activation": "gelu"}, nn.GELU),
        ({"activation": "leaky_relu"}, nn.LeakyReLU),
        ({"pooling": "avg"}, nn.AvgPool2d),
        ({"dropout": 0.25}, nn.Dropout),
    ],
)
def test_parameters_reach_the_network(data, params, kind):
    X, y = data
    clf = CNN2DClassifier(**SIZES, **params, max_epochs=1).fit(X, y)
    assert any(isinstance(module, kind) for module in clf.module_.modules())
    if "dropout" in params:
        assert clf.module_.dropout.p == 0.25


def test_batch_norm_can_be_left_out(data):
    X, y = data
    clf = CNN2DClassifier(**SIZES, batch_norm=False, max_epochs=1).fit(X, y)
    assert not any("running" in name for name in clf.module_.state_dict())


def test_weights_are_initialised_as_asked(data):
    X, y = data
    params = {"weight_init": "orthogonal", "weight_decay": 0.0, "lr": 1e-30}
    clf = CNN2DClassifier(**SIZES, **params, max_epochs=1).fit(X, y)
    kinds = (nn.Conv1d, nn.Conv2d)
    convs = [m for m in clf.module_.modules() if isinstance(m, kinds)]
    weight = convs[0].weight.detach().flatten(1).numpy()
    # Steps of 1e-30 are lost: rows are orthogonal still, in float32.
    product = weight @ weight.T
    np.testing.assert_allclose(product, np.diag(product.diagonal()), atol=1e-5)


@pytest.mark.parametrize(
    ("architecture", "chunk"),
    [
        ("compact", None),
        ("fcn4", 1366),
        ("short_chunk", 231),
        ("short_chunk_res", 231),
    ],
)
def test_chunk_is_the_published_one_unless_given(architecture, chunk):
    clips = inaccessible_clips(np.zeros((2, 96, 3000)))
    assert CNN2DClassifier(architecture)._choose_window(clips.shape[-1]) == (
        chunk or clips.shape[-1]
    )
    assert (
        CNN2DClassifier(architecture, chunk_size=50)._choose_window(clips.shape[-1])
        == 50
    )
    assert (
        CNN2DClassifier(architecture, chunk_size=None)._choose_window(clips.shape[-1])
        == clips.shape[-1]
    )


def test_waveforms_are_refused_with_the_missing_step(data):
    waves = inaccessible_clips(np.zeros((60, 4000)))
    with pytest.raises(ValueError, match="put a front-end"):
        CNN2DClassifier().fit(waves, data[1])
