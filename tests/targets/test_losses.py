"""Losses: the built-in ones against their formulas, and functions of the user's."""

import functools

import numpy as np
import pytest
import torch
from scipy.special import expit, log_softmax
from torch.nn import functional

from sktag import CNN2DRegressor
from sktag.targets._labels import ClassTargets
from sktag.targets._losses import LOSSES, check_own_loss, row_losses
from sktag.targets._tags import TagTargets
from sktag.targets._values import ValueTargets

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")
RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(6, 3)) * 2
CODES = np.array([0, 1, 2, 2, 1, 0])
TAGS = RNG.integers(0, 2, (6, 3)).astype(float)
VALUES = RNG.normal(size=(6, 3))


def losses_of(kind, loss, codes, **options):
    outputs, codes = torch.from_numpy(LOGITS), torch.from_numpy(codes)
    return row_losses(kind, loss, outputs, codes, **options).numpy()


def test_cross_entropy_of_labels_is_minus_the_logarithm_of_the_right_ones():
    expected = -log_softmax(LOGITS, axis=1)[np.arange(6), CODES]
    np.testing.assert_allclose(losses_of("labels", "cross_entropy", CODES), expected)


def test_focal_loss_of_labels_is_that_of_its_paper():
    # Lin et al., 2017: -(1 - p)^gamma log p, with gamma = 2.
    p = np.exp(log_softmax(LOGITS, axis=1))[np.arange(6), CODES]
    expected = -((1 - p) ** 2) * np.log(p)
    np.testing.assert_allclose(losses_of("labels", "focal", CODES), expected)


def test_focal_loss_of_tags_is_that_of_its_paper():
    p = np.where(TAGS == 1, expit(LOGITS), 1 - expit(LOGITS))
    expected = (-((1 - p) ** 2) * np.log(p)).mean(axis=1)
    np.testing.assert_allclose(losses_of("tags", "focal", TAGS), expected)


@pytest.mark.parametrize("loss", ["cross_entropy", "focal"])
def test_weights_of_positives_multiply_their_losses(loss):
    positive = np.array([2.0, 1.0, 0.5])
    p = np.where(TAGS == 1, expit(LOGITS), 1 - expit(LOGITS))
    expected = -np.log(p) * np.where(TAGS == 1, positive, 1)
    if loss == "focal":
        expected = (1 - p) ** 2 * expected
    found = losses_of("tags", loss, TAGS, positive=torch.from_numpy(positive))
    np.testing.assert_allclose(found, expected.mean(axis=1))


@pytest.mark.parametrize(
    ("loss", "function"),
    [
        ("mse", lambda d: d**2),
        ("mae", np.abs),
        ("huber", lambda d: np.where(np.abs(d) < 1, d**2 / 2, np.abs(d) - 0.5)),
    ],
)
def test_losses_of_numbers_are_means_over_the_numbers_of_a_row(loss, function):
    expected = function(LOGITS - VALUES).mean(axis=1)
    np.testing.assert_allclose(losses_of("values", loss, VALUES), expected)


def test_losses_of_perfect_outputs_are_nearly_nothing():
    for kind, targets, codes in [
        ("labels", ClassTargets(np.arange(3)), CODES),
        ("tags", TagTargets(3), TAGS),
        ("values", ValueTargets(np.zeros(3), np.ones(3), False), VALUES),
    ]:
        outputs = targets.ideal_outputs(codes)
        outputs = torch.from_numpy(outputs if kind == "values" else 40 * outputs)
        for loss in LOSSES[kind]:
            found = row_losses(kind, loss, outputs, torch.from_numpy(codes))
            assert found.max() < 1e-12


def squared_margin(outputs, codes):
    """One loss a row: squares of softmax less one-hot."""
    hot = functional.one_hot(codes, outputs.shape[1])
    return ((outputs.softmax(dim=1) - hot) ** 2).sum(dim=1)


def squared_error(outputs, codes):
    return ((outputs - codes) ** 2).mean(dim=1)


class Scaled:
    """A loss that is an object."""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, outputs, codes):
        return self.factor * functional.cross_entropy(outputs, codes, reduction="none")


@pytest.mark.parametrize(
    "loss",
    [
        squared_margin,
        functools.partial(functional.cross_entropy, reduction="none"),
        torch.nn.CrossEntropyLoss(reduction="none"),
        Scaled(2.0),
    ],
    ids=["function", "partial", "module", "object"],
)
def test_loss_of_ones_own_is_trained_on(X, Y, quick, loss):
    clf = quick(loss=loss, max_epochs=30).fit(X, Y)
    assert clf.score(X, Y) > 0.9


def test_loss_of_ones_own_is_what_is_minimised_and_validated(X, Y, quick):
    params = {"early_stopping": True, "validation_fraction": 0.25, "max_epochs": 3}
    once, twice = (quick(loss=Scaled(f), **params).fit(X, Y) for f in (1.0, 2.0))
    named = quick(**params).fit(X, Y)
    assert once.history_[0]["train_loss"] == named.history_[0]["train_loss"]
    first, second = once.history_[0], twice.history_[0]
    # AdamW hardly sees a factor: the same steps, up to its epsilon.
    assert second["valid_loss"] == pytest.approx(2 * first["valid_loss"], rel=1e-3)


def test_loss_of_ones_own_for_tags_and_for_numbers(X, quick, make_tags):
    Xt, tags = make_tags(2)

    def of_tags(outputs, codes):
        losses = functional.binary_cross_entropy_with_logits(
            outputs, codes, reduction="none"
        )
        return losses.mean(dim=1)

    own = quick(loss=of_tags, max_epochs=3).fit(Xt, tags)
    named = quick(max_epochs=3).fit(Xt, tags)
    np.testing.assert_array_equal(own.predict_proba(Xt), named.predict_proba(Xt))
    params = {"n_filters": (4,), "max_epochs": 3, "random_state": 0}
    numbers = np.stack([X[:, 0, 0], X[:, 1, 1]], axis=1)
    own = CNN2DRegressor(loss=squared_error, **params).fit(X, numbers)
    named = CNN2DRegressor(**params).fit(X, numbers)
    np.testing.assert_array_equal(own.predict(X), named.predict(X))


def test_class_weights_of_labels_are_weights_of_rows_for_any_loss(X, Y, quick):
    clf = quick(loss=squared_margin, class_weight={0: 0.0}, max_epochs=30).fit(X, Y)
    assert (clf.predict(X) != 0).all()


@pytest.mark.parametrize(
    ("loss", "shape"),
    [
        (functional.cross_entropy, r"a tensor of shape \(\)"),
        (lambda outputs, codes: outputs, r"a tensor of shape \(12, 3\)"),
        (lambda outputs, codes: 1.0, "1.0"),
    ],
)
def test_loss_of_another_shape_raises_and_says_which(X, Y, quick, loss, shape):
    clf = quick(loss=loss)
    with pytest.raises(ValueError, match=rf"returned {shape} for 12 rows: return a "):
        clf.fit(X, Y)
    assert not hasattr(clf, "module_")


def test_label_smoothing_with_a_loss_of_ones_own_raises(X, Y, quick):
    clf = quick(loss=squared_margin, label_smoothing=0.1)
    with pytest.raises(ValueError, match=r"label_smoothing=0\.1 would have no effect"):
        clf.fit(X, Y)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 2.0}])
def test_weights_of_tags_with_a_loss_of_ones_own_raise(quick, make_tags, class_weight):
    X, tags = make_tags(2)
    clf = quick(loss=squared_error, class_weight=class_weight)
    message = r"class_weight=.* would have no effect .* loss=squared_error"
    with pytest.raises(ValueError, match=message):
        clf.fit(X, tags)


def test_options_of_a_named_loss_are_let_through():
    check_own_loss("focal", label_smoothing=0.1, class_weight="balanced")
    check_own_loss(squared_error, label_smoothing=0, class_weight=None)


def test_unknown_name_of_a_loss_lists_those_there_are(X, Y, quick):
    with pytest.raises(ValueError, match=r"'cross_entropy', 'focal'|'focal', 'cross"):
        quick(loss="hinge").fit(X, Y)
    with pytest.raises(ValueError, match="'loss' parameter of CNN2DRegressor"):
        CNN2DRegressor(loss="focal").fit(X, Y)


# -------------------------------------------------- tags that are not annotated

RNG = np.random.default_rng(1)
KNOWN = RNG.random(TAGS.shape) < 0.6
KNOWN[0] = False  # a row without any annotation
UNKNOWN_TAGS = np.where(KNOWN, TAGS, np.nan)


def sum_of_cross_entropies(logits, tags):
    assert not tags.isnan().any()
    losses = functional.binary_cross_entropy_with_logits(logits, tags, reduction="none")
    return losses.sum(dim=1)


def mean_squared_error(logits, tags):
    return ((logits.sigmoid() - tags) ** 2).mean(dim=1)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("loss", ["cross_entropy", "focal"])
def test_losses_of_tags_are_means_over_the_annotated_ones(loss, smoothing):
    logits = torch.from_numpy(LOGITS).requires_grad_()
    positive = torch.tensor([2.0, 1.0, 0.5], dtype=torch.float64)
    options = {"smoothing": smoothing}
    found = row_losses(
        "tags",
        loss,
        logits,
        torch.from_numpy(UNKNOWN_TAGS),
        positive=positive,
        **options,
    )
    for i, known in enumerate(KNOWN):
        alone = 0.0
        if known.any():
            alone = row_losses(
                "tags",
                loss,
                logits[i : i + 1, known],
                torch.from_numpy(TAGS[i : i + 1, known]),
                positive=positive[known],
                **options,
            ).item()
        assert found[i].item() == pytest.approx(alone, rel=1e-12)
    found.sum().backward()
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad.numpy()[~KNOWN] == 0).all()


@pytest.mark.parametrize("loss", [sum_of_cross_entropies, mean_squared_error])
def test_loss_of_ones_own_sees_unknown_tags_as_safely_absent(loss):
    logits = torch.from_numpy(LOGITS).requires_grad_()
    found = row_losses("tags", loss, logits, torch.from_numpy(UNKNOWN_TAGS))
    entries = loss(
        logits.detach().reshape(-1, 1), torch.from_numpy(TAGS).reshape(-1, 1)
    )
    entries = entries.reshape(LOGITS.shape).numpy() * KNOWN
    # As if the row had the annotated tags alone, for a mean over the tags; a sum is
    # scaled to all tags. Absent tags are safe to 2e-9.
    factor = 1 if loss is mean_squared_error else LOGITS.shape[1]
    expected = factor * entries.sum(axis=1) / np.maximum(KNOWN.sum(axis=1), 1)
    np.testing.assert_allclose(found.detach().numpy(), expected, atol=1e-7)
    found.sum().backward()
    assert (logits.grad.numpy()[~KNOWN] == 0).all()
