"""Weights out of estimators, and into new ones."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from torch import nn

from sktag import (
    ClipArray,
    CNN1DClassifier,
    CNN2DClassifier,
    CNN2DRegressor,
    SampleCNNClassifier,
)
from sktag.pretrained import Weights

pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 16, 40)).astype(np.float32)
LABELS = np.array(list("ab") * 6)
TAGS = pd.DataFrame(RNG.integers(0, 2, (12, 3)), columns=["drums", "flute", "voice"])
QUICK = {"max_epochs": 2, "n_filters": (4, 8), "random_state": 0}
OUTPUT = ("output.weight", "output.bias")


def quick(cls=CNN2DClassifier, **params):
    return cls(**{**QUICK, **params})


@pytest.fixture(scope="module")
def of_labels():
    return quick().fit(X, LABELS)


def assert_same_but_output(weights, others):
    names = [n for n in others.arrays if n not in OUTPUT]
    assert names
    for name in names:
        np.testing.assert_array_equal(weights.arrays[name], others.arrays[name])


@pytest.mark.parametrize(
    ("cls", "y", "given"),
    [
        (CNN2DClassifier, LABELS, {"classes": ["a", "b"]}),
        (CNN2DClassifier, TAGS, {"tag_names": list(TAGS)}),
        (CNN1DClassifier, LABELS, {"classes": ["a", "b"]}),
        (CNN2DRegressor, RNG.normal(5, 3, 12), {}),
        (CNN2DRegressor, RNG.normal(5, 3, (12, 2)), {}),
    ],
)
def test_weights_through_a_file_give_the_same_answers_to_the_bit(
    tmp_path, cls, y, given
):
    fitted = quick(cls, n_filters=None, dropout=0.5).fit(X, y)
    fitted.weights_.save(tmp_path / "a.safetensors")
    weights = Weights.load(tmp_path / "a.safetensors")
    assert weights == fitted.weights_
    made = cls.from_weights(weights, **given)
    method = "predict_proba" if given else "predict"
    np.testing.assert_array_equal(getattr(made, method)(X), getattr(fitted, method)(X))
    np.testing.assert_array_equal(made.predict(X), fitted.predict(X))
    assert (made.n_iter_, made.history_, made.architecture_) == (
        *(0, []),
        fitted.architecture_,
    )
    again = pickle.loads(pickle.dumps(made))
    np.testing.assert_array_equal(getattr(again, method)(X), getattr(fitted, method)(X))


def test_record_says_what_the_network_is(of_labels):
    weights = of_labels.weights_
    assert (weights.family, weights.architecture) == ("cnn2d", "compact")
    assert weights.input_shape == (16, 40)
    assert dict(weights.sizes) == {"n_filters": (4, 8)}
    assert weights.outputs == ("a", "b")


def test_classes_in_another_order_move_the_outputs(of_labels):
    made = CNN2DClassifier.from_weights(of_labels.weights_, classes=["b", "a"])
    assert made.classes_.tolist() == ["a", "b"]
    np.testing.assert_array_equal(
        made.predict_proba(X)[:, ::-1], of_labels.predict_proba(X)
    )


def test_estimator_of_weights_can_be_trained_further(of_labels):
    made = CNN2DClassifier.from_weights(
        of_labels.weights_, classes=["a", "b"], warm_start=True, max_epochs=2
    )
    before = made.weights_
    made.fit(X, LABELS)
    assert made.n_iter_ == 2
    assert made.weights_ != before
    assert clone(made).fit(X, LABELS).n_iter_ == 2


def test_network_of_ones_own_comes_with_its_function():
    def make(input_shape, n_outputs):
        return nn.Sequential(nn.Flatten(), nn.Linear(input_shape[0] * 40, n_outputs))

    fitted = CNN2DClassifier(make, max_epochs=1, random_state=0).fit(X, LABELS)
    weights = fitted.weights_
    assert weights.architecture is None
    with pytest.raises(ValueError, match=r"give its function, architecture=\.\.\."):
        CNN2DClassifier.from_weights(weights, classes=["a", "b"])
    made = CNN2DClassifier.from_weights(weights, classes=["a", "b"], architecture=make)
    np.testing.assert_array_equal(made.predict_proba(X), fitted.predict_proba(X))


def without(weights, name):
    arrays = {k: v for k, v in weights.arrays.items() if k != name}
    return Weights(
        family=weights.family,
        architecture=weights.architecture,
        arrays=arrays,
        input_shape=weights.input_shape,
        sizes=weights.sizes,
    )


@pytest.mark.parametrize(
    ("change", "given", "message"),
    [
        (
            lambda w: without(w, "output.bias"),
            {"classes": "ab"},
            r"missing: 'output\.bias'",
        ),
        (lambda w: w, {}, "give either classes="),
        (lambda w: w, {"classes": "ab", "tag_names": "ab"}, "give either classes="),
        (lambda w: w, {"classes": "abc"}, r"'output\.weight' is float32 \(2, 16\)"),
        (lambda w: w, {"classes": "aba"}, "a label twice"),
        (lambda w: w, {"classes": "ab", "n_filters": 9}, "another shape"),
    ],
)
def test_weights_that_do_not_fit_name_what_does_not(of_labels, change, given, message):
    with pytest.raises(ValueError, match=message):
        CNN2DClassifier.from_weights(change(of_labels.weights_), **given)


def test_weights_of_another_family_name_it(of_labels):
    with pytest.raises(ValueError, match="SampleCNNClassifier has networks of"):
        SampleCNNClassifier.from_weights(of_labels.weights_, classes="ab")
    with pytest.raises(TypeError, match=r"clf\.weights_"):
        CNN2DClassifier.from_weights(of_labels, classes="ab")


def test_start_takes_all_but_the_output_for_other_classes(of_labels, capsys):
    clf = quick(start_from=of_labels.weights_, freeze="body", verbose=1, lr=1e-9)
    clf.fit(X, np.array(list("abc") * 4))
    assert "new: output" in capsys.readouterr().out
    assert_same_but_output(clf.weights_, of_labels.weights_)


def test_start_takes_the_output_too_for_the_same_classes(of_labels, capsys):
    clf = quick(start_from=of_labels.weights_, verbose=1, lr=1e-9, max_epochs=1)
    clf.fit(X, LABELS)
    assert "nothing is new" in capsys.readouterr().out
    # The rate is so low that the weights stay where they started.
    for name in OUTPUT:
        np.testing.assert_allclose(
            clf.weights_.arrays[name], of_labels.weights_.arrays[name], atol=1e-7
        )


def test_start_from_weights_of_which_nothing_fits_is_refused(of_labels):
    other = quick(CNN1DClassifier, n_filters=None).fit(X, LABELS).weights_
    with pytest.raises(ValueError, match="CNN2DClassifier has networks of 'cnn2d'"):
        quick(start_from=other).fit(X, LABELS)
    arrays = {f"nowhere.{name}": array for name, array in other.arrays.items()}
    weights = Weights(
        family="cnn2d", architecture="fcn4", arrays=arrays, input_shape=(16, 40)
    )
    with pytest.raises(ValueError, match=r"nothing that fits .*\(fcn4\)"):
        quick(start_from=weights).fit(X, LABELS)


@pytest.mark.parametrize("params", [{"batch_norm": True}, {"max_epochs": 1}])
def test_frozen_body_keeps_every_number(of_labels, params):
    clf = quick(start_from=of_labels.weights_, freeze="body", lr=0.1, **params)
    clf.fit(X, np.array(list("abc") * 4))
    assert_same_but_output(clf.weights_, of_labels.weights_)
    assert clf.n_parameters_ == sum(clf.weights_.arrays[n].size for n in OUTPUT)
    assert "frozen" in repr(clf.summary())
    again = pickle.loads(pickle.dumps(clf))
    assert again.n_parameters_ == clf.n_parameters_
    assert not again.module_.blocks[0][0].weight.requires_grad


def test_frozen_layers_are_released_by_the_next_fit(of_labels):
    clf = quick(start_from=of_labels.weights_, freeze="body", warm_start=True)
    clf.fit(X, LABELS)
    frozen = clf.weights_
    clf.set_params(freeze=None).fit(X, LABELS)
    changed = [
        name
        for name, array in clf.weights_.arrays.items()
        if not np.array_equal(array, frozen.arrays[name])
    ]
    assert any(name.startswith("blocks.0") for name in changed)
    assert clf.n_parameters_ == of_labels.n_parameters_


@pytest.mark.parametrize("lr_schedule", ["one_cycle", "cosine", "step", None])
def test_body_learns_at_its_share_of_the_rate(of_labels, lr_schedule):
    def fit(body_lr):
        clf = quick(
            start_from=of_labels.weights_,
            body_lr=body_lr,
            lr_schedule=lr_schedule,
            optimizer="adam",
            weight_decay=0,
            lr=1e-3,
        ).fit(X, list("abc") * 4)
        assert len(clf.net_.optimizer_.param_groups) == 4
        return clf.weights_

    def moved(weights):
        name = "blocks.0.0.weight"
        return np.abs(weights.arrays[name] - of_labels.weights_.arrays[name]).max()

    # Adam's steps are nearly as large as the rate, whatever the gradient.
    assert moved(fit(0.01)) < 0.05 * moved(fit(1.0))


def test_body_lr_without_weights_to_start_from_is_refused():
    with pytest.raises(ValueError, match=r"set start_from=\.\.\."):
        quick(body_lr=0.1).fit(X, LABELS)


def test_start_is_a_parameter_that_clones_share(of_labels):
    weights = of_labels.weights_
    assert clone(quick(start_from=weights)).start_from is weights


def test_moments_of_other_groups_are_not_continued(of_labels):
    clf = quick(start_from=of_labels.weights_, warm_start=True).fit(X, LABELS)
    clf.set_params(body_lr=0.1).fit(X, LABELS)
    assert len(clf.net_.optimizer_.param_groups) == 4
    assert np.isfinite(clf.predict_proba(X)).all()


def test_weights_of_another_front_end_warn(of_labels):
    rate = replace(of_labels.weights_, sample_rate=16000, hop_length=256)
    clips = ClipArray.from_array(X[:, :12], sample_rate=22050, hop_length=512)
    said = r"16000 Hz \(here 22050\).*256 samples \(here 512\).*16 bins \(here 12\)"
    with pytest.warns(UserWarning, match=said):
        quick(start_from=rate).fit(clips, LABELS)


def test_frozen_layers_without_weights_to_start_from_warn():
    with pytest.warns(UserWarning, match=r"keep random weights\. Set start_from"):
        quick(freeze="body").fit(X, LABELS)
