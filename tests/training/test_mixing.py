"""Mixup, CutMix and label smoothing: what a step trains on."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from sktag import CNN1DClassifier, CNN2DRegressor, SampleCNNClassifier
from sktag.targets._labels import ClassTargets
from sktag.training._mixing import Mixing
from sktag.training._net import RowLoss

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")
MIXES = [(0.4, 0), (0, 1.0), (0.4, 1.0)]

# Networks that hardly learn: what changes a loss is what it is computed of.
STILL = {"lr": 1e-30, "batch_norm": False, "dropout": 0.0, "max_epochs": 2}


def make_batch(n_rows=6, n_columns=50):
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(n_rows, 3, n_columns)).astype(np.float32))
    return x, (torch.arange(n_rows), torch.linspace(0.5, 1.5, n_rows))


def test_mixup_blends_rows_with_their_partners():
    mixing = Mixing(1.0, 0, seed=0)
    x, (targets, weights) = make_batch()
    partners, share, stretch = mixing.draw(x.shape, 1, 0)
    mixed, labels = mixing((x, (targets, weights)), 1, 0)
    assert stretch is None
    assert sorted(partners) == list(range(6))
    expected = share * x.numpy() + (1 - share) * x.numpy()[partners]
    np.testing.assert_allclose(mixed, expected, atol=1e-6)  # float32
    assert labels[4] == share
    assert labels[2].tolist() == partners.tolist()
    assert torch.equal(labels[3], weights[partners])


def test_cutmix_takes_a_stretch_of_columns_from_the_partner():
    mixing = Mixing(0, 1.0, seed=0)
    x, labels = make_batch()
    before = x.clone()
    shares = []
    for step in range(100):
        partners, share, stretch = mixing.draw(x.shape, 1, step)
        mixed, _ = mixing((x, labels), 1, step)
        taken = np.zeros(50, dtype=bool)
        taken[stretch] = True
        expected = np.where(taken, x.numpy()[partners], x.numpy())
        np.testing.assert_array_equal(mixed, expected)
        assert share == pytest.approx(1 - taken.mean())
        shares.append(share)
    assert torch.equal(x, before)  # rows in memory are the caller's
    assert np.std(shares) > 0.2  # evenly drawn, it is .29


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_are_of_the_beta_distribution(alpha):
    mixing = Mixing(alpha, 0, seed=0)
    shares = [mixing.draw((4, 8), e, s)[1] for e in range(40) for s in range(50)]
    # Five standard errors of 2000 draws; the variance of a variance is below 1/16.
    variance = 1 / (4 * (2 * alpha + 1))
    assert np.mean(shares) == pytest.approx(0.5, abs=5 * (variance / 2000) ** 0.5)
    assert np.var(shares) == pytest.approx(variance, abs=5 * 0.25 / 2000**0.5)


def test_draws_depend_on_seed_epoch_and_step_alone():
    def key(mixing, epoch, step):
        partners, share, stretch = mixing.draw((16, 40), epoch, step)
        return (*partners, share, stretch is None)

    keys = [key(Mixing(1, 1, s), e, i) for s in (0, 1) for e in (1, 2) for i in (0, 1)]
    assert len(set(keys)) == 8
    backwards = [
        key(Mixing(1, 1, s), e, i) for s in (1, 0) for e in (2, 1) for i in (1, 0)
    ]
    assert backwards == keys[::-1]


def test_both_kinds_come_with_equal_chances():
    mixing = Mixing(0.4, 1.0, seed=0)
    cuts = [mixing.draw((4, 8), 1, step)[2] is not None for step in range(1000)]
    assert np.mean(cuts) == pytest.approx(0.5, abs=0.08)  # five standard errors


def test_mixed_loss_is_that_of_mixed_labels(X, Y, quick):
    clf = quick(max_epochs=1).fit(X, Y)
    logits = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 3)))
    y, other = torch.tensor([0, 1, 2, 0]), torch.tensor([1, 1, 0, 2])
    ones = torch.ones(4)
    got = clf.net_.get_loss(logits, (y, ones, other, ones, 0.7), training=True)
    # Cross-entropy is linear in the labels.
    soft = 0.7 * np.eye(3)[y] + 0.3 * np.eye(3)[other]
    log_proba = functional.log_softmax(logits, dim=1).numpy()
    assert float(got) == pytest.approx(-(soft * log_proba).sum(axis=1).mean(), rel=1e-6)


@pytest.mark.parametrize("kind", ["classes", "tags", "values"])
def test_mixed_loss_weighs_each_row_of_a_pair(X, Y, quick, make_tags, kind):
    if kind == "classes":
        net = quick(max_epochs=1, class_weight={0: 3.0}).fit(X, Y).net_
        y, other = torch.tensor([0, 1, 2]), torch.tensor([1, 0, 0])
    elif kind == "tags":
        Xt, tags = make_tags(3)
        net = quick(max_epochs=1, class_weight="balanced").fit(Xt, tags).net_
        y, other = torch.eye(3), torch.eye(3).flip(0)
    else:
        targets = np.random.default_rng(0).normal(size=(36, 3))
        net = CNN2DRegressor(n_filters=(4,), max_epochs=1).fit(X, targets).net_
        y, other = torch.eye(3), -torch.eye(3)
    logits = torch.tensor([[0.5, -1.0, 2.0], [0.0, 0.3, 0.1], [1.0, 1.0, -3.0]])
    weights, others = torch.tensor([1.0, 0.0, 2.0]), torch.tensor([0.5, 1.5, 1.0])
    got = net.get_loss(logits, (y, weights, other, others, 0.7), training=True)
    expected = np.mean(
        0.7 * net.criterion_(logits, y).numpy() * weights.numpy()
        + 0.3 * net.criterion_(logits, other).numpy() * others.numpy()
    )
    assert float(got) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("mixup_alpha", "cutmix_alpha"), MIXES)
def test_validation_rows_are_not_mixed(X, Y, quick, mixup_alpha, cutmix_alpha):
    params = {**STILL, "early_stopping": True, "validation_fraction": 0.25}
    plain = quick(**params).fit(X, Y)
    mixed = quick(**params, mixup_alpha=mixup_alpha, cutmix_alpha=cutmix_alpha)
    mixed.fit(X, Y)
    for row, other in zip(plain.history_, mixed.history_, strict=True):
        assert row["valid_loss"] == other["valid_loss"]
        assert row["valid_accuracy"] == other["valid_accuracy"]
        assert row["train_loss"] != other["train_loss"]
    assert mixed.history_[0]["train_loss"] != mixed.history_[1]["train_loss"]


@pytest.mark.parametrize(("mixup_alpha", "cutmix_alpha"), MIXES)
@pytest.mark.parametrize("kind", ["classes", "tags"])
def test_mixed_training_learns(X, Y, quick, make_tags, kind, mixup_alpha, cutmix_alpha):
    clf = quick(mixup_alpha=mixup_alpha, cutmix_alpha=cutmix_alpha, max_epochs=30)
    X, y = (X, Y) if kind == "classes" else make_tags(2)
    assert clf.fit(X, y).score(X, y) > 0.9


@pytest.mark.parametrize(
    ("make", "shape"),
    [(CNN1DClassifier, (20, 12, 40)), (SampleCNNClassifier, (20, 243))],
)
def test_other_networks_are_mixed_too(make, shape):
    y = np.arange(20) % 2
    X = np.random.default_rng(0).normal(size=shape)
    params = {"n_filters": 4, "max_epochs": 2, "random_state": 0}
    plain = make(**params).fit(X, y)
    mixed = make(**params, mixup_alpha=1, cutmix_alpha=1).fit(X, y)
    assert mixed.history_[1]["train_loss"] != plain.history_[1]["train_loss"]
    assert np.isfinite(mixed.predict_proba(X)).all()


def test_one_frame_is_taken_whole_or_left():
    mixing = Mixing(0, 1.0, seed=0)
    shares = {mixing.draw((4, 12, 1), 1, step)[1] for step in range(50)}
    assert shares == {0.0, 1.0}


@pytest.mark.parametrize("smoothing", [0.1, 0.5])
def test_smoothed_labels_share_with_all_classes(smoothing):
    logits = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 3)))
    y = torch.tensor([0, 1, 2, 0])
    criterion = RowLoss(ClassTargets(np.arange(3)), smoothing)
    soft = (1 - smoothing) * np.eye(3)[y] + smoothing / 3
    log_proba = functional.log_softmax(logits, dim=1).numpy()
    np.testing.assert_allclose(
        criterion(logits, y), -(soft * log_proba).sum(axis=1), rtol=1e-12
    )
    np.testing.assert_allclose(
        criterion.eval()(logits, y), -log_proba[np.arange(4), y], rtol=1e-12
    )


@pytest.mark.parametrize("kind", ["classes", "tags"])
def test_label_smoothing_is_for_training_alone(X, Y, quick, make_tags, kind):
    X, y = (X, Y) if kind == "classes" else make_tags(2)
    params = {**STILL, "early_stopping": True, "validation_fraction": 0.25}
    plain, smooth = (
        quick(**params, label_smoothing=s).fit(X, y).history_[0] for s in (0, 0.5)
    )
    assert plain["valid_loss"] == smooth["valid_loss"]
    assert plain["train_loss"] != smooth["train_loss"]


def test_smoothed_labels_make_humble_probabilities(X, Y, quick):
    plain, smooth = (
        quick(label_smoothing=s, max_epochs=40, weight_decay=0.0).fit(X, Y)
        for s in (0, 0.3)
    )
    assert smooth.score(X, Y) == 1
    # The best answer to smoothed labels gives the right class 1 - .3 + .3 / 3.
    best = smooth.predict_proba(X).max(axis=1)
    assert np.median(best) == pytest.approx(0.8, abs=0.08)
    assert np.median(plain.predict_proba(X).max(axis=1)) > 0.95
