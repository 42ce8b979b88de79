"""How the network of an estimator is built: by name, and by functions of one's own."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from torch import nn

from sktag import (
    CNN1DClassifier,
    CNN1DRegressor,
    CNN2DRegressor,
    SampleCNNClassifier,
    SampleCNNRegressor,
)
from sktag.estimators._network import NetworkSpec, build_network
from sktag.testing import inaccessible_clips

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


def test_dropout_of_two_numbers_is_in_the_blocks_and_before_the_output():
    waves = np.random.default_rng(0).normal(size=(8, 243)).astype(np.float32)
    y = np.arange(8) % 2
    clf = SampleCNNClassifier("res2", n_filters=4, dropout=(0.1, 0.3), max_epochs=1)
    with pytest.warns(UserWarning, match="is too short for 'res2'"):
        clf.fit(waves, y)
    rates = [m.p for m in clf.module_.modules() if isinstance(m, torch.nn.Dropout)]
    assert set(rates) == {0.1, 0.3}
    assert clf.module_.dropout.p == 0.3
    with pytest.raises(ValueError, match=r"dropout=\(0\.1, 0\.3\)"):
        SampleCNNClassifier(dropout=(0.1, 0.3)).fit(waves, y)


def test_numbers_of_numpy_are_numbers(X, Y, quick):
    clf = quick(n_filters=np.int64(4), n_blocks=np.int64(2), pool_size=np.int64(2))
    assert clf.set_params(kernel_size=np.int64(3)).fit(X, Y).predict(X).shape == (36,)


# ---------------------------------------------------------- networks of one's own


class Small(nn.Module):
    """A network as a user writes it, for spectrograms."""

    def __init__(self, input_shape, n_outputs, n_units=16):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.LazyLinear(n_units), nn.ReLU())
        self.head = nn.Linear(n_units, n_outputs)
        self.input_shape = input_shape

    def forward(self, x):
        return self.head(self.body(x))


class OfWaves(nn.Module):
    """One for waveforms."""

    def __init__(self, input_shape, n_outputs):
        super().__init__()
        (n_samples,) = input_shape
        self.conv = nn.Conv1d(1, 8, min(9, n_samples), stride=3)
        self.head = nn.Linear(8, n_outputs)

    def forward(self, x):
        return self.head(self.conv(x.unsqueeze(1)).abs().mean(dim=2))


def make_small(input_shape, n_outputs):
    return Small(input_shape, n_outputs)


def make_linear(input_shape, n_outputs):
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(n_outputs))


class Factory:
    """An object that makes networks."""

    def __call__(self, input_shape, n_outputs):
        return Small(input_shape, n_outputs)


@pytest.fixture
def own(quick):
    """Return a function that makes a classifier with a network of one's own."""

    def make(architecture, **params):
        return quick(architecture=architecture, n_filters=None, **params)

    return make


@pytest.mark.parametrize(
    ("architecture", "name"),
    [
        (Small, "Small"),
        (make_small, "make_small"),
        (partial(Small, n_units=8), "Small"),
        (Factory(), "Factory"),
        (make_linear, "make_linear"),
    ],
    ids=["class", "function", "partial", "object", "lazy"],
)
def test_network_of_ones_own_is_trained(X, Y, own, architecture, name):
    clf = own(architecture, max_epochs=40).fit(X, Y)
    assert clf.score(X, Y) > 0.9
    assert clf.architecture_ == name
    assert clf.n_parameters_ == sum(p.numel() for p in clf.module_.parameters())
    logits = clf.module_(torch.from_numpy(X)).detach().numpy()
    np.testing.assert_allclose(clf.decision_function(X), logits, atol=1e-5)


def test_network_gets_the_shape_of_a_clip_or_of_a_chunk_and_the_outputs(X, Y, own):
    shapes = []

    def recording(input_shape, n_outputs):
        shapes.append((input_shape, n_outputs))
        return Small(input_shape, n_outputs)

    own(recording, max_epochs=1).fit(X, Y)
    own(recording, max_epochs=1, chunk_size=4).fit(X, Y)
    assert shapes == [((12, 8), 3), ((12, 4), 3)]


@pytest.mark.parametrize(
    ("cls", "architecture", "shape"),
    [
        (CNN1DClassifier, Small, (20, 12, 8)),
        (CNN1DRegressor, Small, (20, 12, 8)),
        (CNN2DRegressor, partial(Small, n_units=4), (20, 12, 8)),
        (SampleCNNClassifier, OfWaves, (20, 243)),
        (SampleCNNRegressor, OfWaves, (20, 243)),
    ],
)
def test_each_estimator_takes_networks_of_ones_own(cls, architecture, shape):
    X = np.random.default_rng(0).normal(size=shape)
    y = np.arange(20) % 2 + 0
    est = cls(architecture, max_epochs=2, random_state=0).fit(X, y)
    assert est.predict(X).shape == (20,)
    again = pickle.loads(pickle.dumps(est))
    np.testing.assert_array_equal(again.predict(X), est.predict(X))


def test_network_of_ones_own_is_drawn_from_the_seed(X, Y, own):
    first, again, other = (
        own(Small, random_state=s, max_epochs=2).fit(X, Y) for s in (0, 0, 1)
    )
    np.testing.assert_array_equal(first.predict_proba(X), again.predict_proba(X))
    assert not np.allclose(first.predict_proba(X), other.predict_proba(X))


def test_network_of_ones_own_takes_tags(own, make_tags):
    X, tags = make_tags(2)
    clf = own(Small, max_epochs=40).fit(X, tags)
    assert clf.predict_proba(X).shape == tags.shape
    assert clf.score(X, tags) > 0.8


def test_clone_takes_the_same_function(own):
    clf = own(partial(Small, n_units=8))
    copy = clone(clf)
    assert copy.architecture.func is Small
    assert copy.architecture.keywords == {"n_units": 8}
    assert clone(own(make_small)).architecture is make_small


@pytest.mark.parametrize("architecture", [Small, make_small, partial(Small, n_units=8)])
def test_fitted_network_of_ones_own_is_pickled(X, Y, own, architecture, tmp_path):
    clf = own(architecture, max_epochs=3).fit(X, Y)
    loaded = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    for each in (clf, loaded):
        each.partial_fit(X, Y)
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_functions_are_searched_over(X, Y, own, n_jobs):
    # Defined here as in a notebook, where processes get them by value.
    class Local(nn.Module):
        def __init__(self, input_shape, n_outputs, n_units):
            super().__init__()
            self.layers = nn.Sequential(
                nn.Flatten(),
                nn.Linear(int(np.prod(input_shape)), n_units),
                nn.ReLU(),
                nn.Linear(n_units, n_outputs),
            )

        def forward(self, x):
            return self.layers(x)

    functions = [partial(Local, n_units=n) for n in (1, 16)]
    search = GridSearchCV(
        own("compact", max_epochs=30), {"architecture": functions}, cv=2, n_jobs=n_jobs
    )
    search.fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_params_["architecture"].keywords == {"n_units": 16}
    assert search.best_estimator_.module_.layers[1].out_features == 16
    assert search.score(X, Y) > 0.9


def test_instance_of_a_network_is_refused_with_the_remedy(X, Y, own):
    clf = own(Small((12, 8), 3))
    message = r"instance of Small, which all fits .* give a class, or a function"
    with pytest.raises(ValueError, match=message):
        clf.fit(inaccessible_clips(X), Y)


@pytest.mark.parametrize("architecture", [None, 3, object()])
def test_architecture_that_is_neither_name_nor_function_is_refused(
    X, Y, own, architecture
):
    with pytest.raises(ValueError, match="'architecture' parameter"):
        own(architecture).fit(X, Y)


def test_sizes_beside_a_function_are_refused(X, Y, quick):
    clf = quick(architecture=Small, n_filters=8, dropout=0.1)
    message = (
        r"n_filters=8, dropout=0\.1 would have no effect, since architecture=Small"
    )
    with pytest.raises(ValueError, match=message):
        clf.fit(inaccessible_clips(X), Y)
    assert clf.set_params(n_filters=None, dropout=None, max_epochs=1).fit(X, Y)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            lambda input_shape, n_outputs: nn.Sequential(
                nn.Flatten(), nn.LazyLinear(n_outputs + 1)
            ),
            r"returned outputs of shape \(2, 4\) for 2 clips, not .* \(2, 3\)",
        ),
        (lambda input_shape, n_outputs: nn.LazyLinear(n_outputs), r"\(2, 12, 3\)"),
        (lambda input_shape, n_outputs: None, "returned NoneType: return a torch.nn"),
        (lambda input_shape, n_outputs: torch.relu, "returned builtin_function"),
    ],
    ids=["outputs", "dimensions", "nothing", "function"],
)
def test_network_that_is_not_one_of_logits_is_refused(X, Y, own, function, message):
    clf = own(function)
    with pytest.raises(ValueError, match=message):
        clf.fit(X, Y)
    assert not hasattr(clf, "module_")


def test_network_that_cannot_take_the_clips_tells_their_shape(X, Y, own):
    clf = own(lambda input_shape, n_outputs: nn.Conv2d(1, n_outputs, 3))
    with pytest.raises(RuntimeError, match="channels") as raised:
        clf.fit(X, Y)
    (note,) = raised.value.__notes__
    assert "could not take a batch of shape (2, 12, 8)" in note
    assert "x.unsqueeze(1) adds a channel" in note


def test_error_in_the_function_is_the_users(X, Y, own):
    def broken(input_shape, n_outputs):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        own(broken).fit(X, Y)


def test_clips_too_short_for_a_network_of_one_length_name_it(X, Y, own):
    clf = own(Small).fit(X, Y)
    message = r"Small was built for clips of 8 columns, and cannot take clips of 5"
    for net in (clf, pickle.loads(pickle.dumps(clf))):
        with pytest.raises(ValueError, match=message):
            net.predict(X[:, :, :5])
    with pytest.raises(ValueError, match=message):
        own(Small).fit(X, Y, X_val=X[:9, :, :5], y_val=Y[:9])


def test_trying_a_network_leaves_its_batch_norm_as_it_was(X, Y, own):
    norms = []

    def with_norm(input_shape, n_outputs):
        norms.append(nn.BatchNorm1d(12))
        return nn.Sequential(norms[-1], nn.Flatten(), nn.LazyLinear(n_outputs))

    module, name = build_network(
        NetworkSpec("cnn2d", with_norm, (12, 8), 3, {}), torch.device("cpu"), 8
    )
    assert module.training
    assert norms[0].num_batches_tracked == 0
    assert name.endswith("with_norm")


def test_summary_of_a_network_of_ones_own(X, Y, own):
    clf = own(Small, max_epochs=1)
    with pytest.raises(ValueError, match=r"not known before fit: give input_shape"):
        clf.summary()
    assert clf.summary((12, 8), 3).n_parameters == (96 + 1) * 16 + 17 * 3
    clf.fit(X, Y)
    assert clf.summary().n_parameters == clf.n_parameters_


def test_network_of_ones_own_warm_starts_if_it_is_the_same(X, Y, own):
    clf = own(make_small, max_epochs=2, warm_start=True).fit(X, Y)
    assert clf.fit(X, Y).n_iter_ == 4
    with pytest.raises(ValueError, match="cannot continue training with architecture"):
        clf.set_params(architecture=Small).fit(X, Y)


class Recurrent(nn.LSTM):
    """A layer whose output is a tuple."""

    def __init__(self, input_shape, n_outputs):
        super().__init__(input_shape[-1], n_outputs, batch_first=True)


def test_network_that_returns_a_tuple_raises(X, Y, quick):
    clf = quick(architecture=Recurrent, n_filters=None)
    with pytest.raises(ValueError, match="Recurrent returned a tuple for 2 clips"):
        clf.fit(X, Y)


class Recurrences(nn.Module):
    """Frames one after the other, and a last layer that is declared first."""

    def __init__(self, input_shape, n_outputs):
        super().__init__()
        self.last = nn.Linear(6, n_outputs)
        self.gru = nn.GRU(input_shape[0], 5, batch_first=True)
        self.hidden = nn.Linear(5, 6)

    def forward(self, x):
        states, _ = self.gru(x.transpose(1, 2))
        return self.last(self.hidden(states).relu().mean(dim=1))


def test_embedding_of_recurrent_layers_is_one_row_of_units_a_clip(X, Y, quick):
    clf = quick(architecture=Recurrences, n_filters=None, max_epochs=1).fit(X, Y)
    # The input of the layer that is called last, whatever was declared last.
    assert clf.embed(X).shape == (len(X), 6)
    assert clf.embed(X, "gru").shape == (len(X), 5)
    assert clf.embed(X, "hidden").shape == (len(X), 6)
    with pytest.raises(ValueError, match="'pooled' the output of the global pooling"):
        clf.embed(X, "pooled")


def flat(input_shape, n_outputs, body):
    return nn.Sequential(nn.Flatten(), body)


def test_module_that_fits_would_share_is_refused(X, Y, quick):
    n_features = X[0].size
    body = nn.Linear(n_features, 3)
    bound = quick(architecture=partial(flat, body=body), n_filters=None)
    with pytest.raises(ValueError, match="has an instance of Linear, which all fits"):
        bound.fit(X, Y)
    one = nn.Sequential(nn.Flatten(), nn.Linear(n_features, 3))
    captured = quick(architecture=lambda shape, n: one, n_filters=None, max_epochs=1)
    captured.fit(X, Y)
    with pytest.raises(ValueError, match="a module that it returned before"):
        captured.fit(X, Y)


def test_unknown_architecture_leaves_the_fit_before(X, Y, quick):
    clf = quick(max_epochs=1).fit(X, Y)
    before = clf.predict_proba(X)
    with pytest.raises(ValueError, match=r"'compcat' is none of .* mean 'compact'"):
        clf.set_params(architecture="compcat").fit(X, Y)
    np.testing.assert_array_equal(clf.predict_proba(X), before)


def test_checkpoint_of_an_edited_loss_is_another_fit(X, Y, quick, tmp_path):
    def fit(factor):
        space = {"functional": nn.functional}
        source = (
            "def loss(logits, codes):\n"
            "    losses = functional.cross_entropy(logits, codes, reduction='none')\n"
            f"    return {factor} * losses\n"
        )
        exec(source, space)
        space["loss"].__module__ = __name__
        globals()["loss"] = space["loss"]  # a function of a module, edited
        clf = quick(loss=space["loss"], checkpoint=tmp_path, max_epochs=2)
        return clf.fit(X, Y).history_[-1]["train_loss"]

    first, other = fit(1.0), fit(100.0)
    assert other > 10 * first
    assert fit(1.0) == first
