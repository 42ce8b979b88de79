"""The split into training and validation rows."""

import numpy as np
import pytest

from sktag.targets._splits import split_rows

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


@pytest.mark.parametrize("seed", range(5))
def test_split_of_labels_keeps_their_shares(seed):
    y = np.repeat(["rare", "usual", "common"], [4, 16, 40])
    train, valid = split_rows(y, 0.25, seed)
    assert sorted([*train, *valid]) == list(range(60))
    labels, counts = np.unique(y[valid], return_counts=True)
    assert dict(zip(labels, counts, strict=True)) == {
        "rare": 1,
        "usual": 4,
        "common": 10,
    }


@pytest.mark.parametrize("seed", range(5))
def test_split_of_tags_has_rare_tags_on_both_sides(seed):
    rng = np.random.default_rng(seed)
    tags = np.zeros((60, 6), dtype=int)
    n_positive = [2, 3, 5, 12, 30, 58]
    for tag, n in zip(tags.T, n_positive, strict=True):
        tag[rng.permutation(60)[:n]] = 1
    train, valid = split_rows(tags, 0.2, seed)
    assert sorted([*train, *valid]) == list(range(60))
    assert len(valid) == 12
    assert (tags[valid].max(axis=0) == 1).all()
    assert (tags[train].max(axis=0) == 1).all()
    # The tag that nearly all have is absent on both sides too.
    assert tags[valid, 5].min() == tags[train, 5].min() == 0
    # A random split is further off, by 1.5 or so for the tag of 12 and of 30.
    off = tags[valid].sum(axis=0) - 0.2 * np.array(n_positive)
    assert np.abs(off).max() <= 2


@pytest.mark.parametrize("groups", [None, np.arange(80) // 2])
@pytest.mark.parametrize("seed", range(3))
def test_split_of_tags_counts_annotated_values_alone(seed, groups):
    rng = np.random.default_rng(seed)
    tags = np.full((80, 2), np.nan)
    tags[:20, 0] = np.arange(20) % 2  # 40 rows have no annotation at all
    tags[20:40, 1] = np.arange(20) % 4 == 0
    tags = tags[rng.permutation(80)]
    train, valid = split_rows(tags, 0.2, seed, groups=groups)
    assert sorted([*train, *valid]) == list(range(80))
    for rows in (train, valid):
        for tag in tags[rows].T:
            assert {0, 1} <= set(tag)
    if groups is None:
        # A fifth of each value, and of the rows without any.
        counts = [(tags[valid] == value).sum(axis=0).tolist() for value in (0, 1)]
        assert counts == [[2, 3], [2, 1]]
        assert np.isnan(tags[valid]).all(axis=1).sum() == 8


def test_split_depends_on_the_seed_alone():
    tags = np.random.default_rng(0).integers(0, 2, (40, 3))
    first, again, other = (split_rows(tags, 0.25, seed)[1] for seed in (0, 0, 1))
    assert first.tolist() == again.tolist() != other.tolist()


def test_split_of_numbers_is_drawn_from_all_rows():
    y = np.linspace(0, 1, 40)
    drawn = [split_rows(y, 0.25, seed, stratify=False)[1] for seed in range(30)]
    assert {len(valid) for valid in drawn} == {10}
    assert set(np.concatenate(drawn)) == set(range(40))


def test_label_of_one_clip_is_trained_on():
    y = np.array(["alone", *["a", "b"] * 10])
    for seed in range(10):
        train, valid = split_rows(y, 0.3, seed)
        assert 0 in train
        assert set(y[valid]) == {"a", "b"}


def test_too_few_clips_to_validate_on_raise(X, Y, quick):
    with pytest.raises(ValueError, match="raise validation_fraction"):
        quick(early_stopping=True, validation_fraction=0.01).fit(X, Y)


def test_groups_stay_on_one_side():
    groups = np.repeat(np.arange(20), 3)
    y = np.repeat(np.arange(20) % 2, 3)
    tags = np.stack([y, 1 - y], axis=1)
    for labels, stratify in [(y, True), (tags, True), (y.astype(float), False)]:
        for seed in range(5):
            train, valid = split_rows(
                labels, 0.2, seed, stratify=stratify, groups=groups
            )
            assert not set(groups[train]) & set(groups[valid])
            assert sorted([*train, *valid]) == list(range(60))
            assert len(valid) == 12  # whole groups are a fifth exactly
    for seed in range(5):
        # Labels keep their shares where groups allow it.
        assert y[split_rows(y, 0.2, seed, groups=groups)[1]].mean() == 0.5


@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.5, 0.8])
def test_groups_of_small_data_come_near_the_fraction(fraction):
    y = np.arange(80) % 10  # 8 rows a class
    groups = np.arange(80) // 4
    for seed in range(5):
        train, valid = split_rows(y, fraction, seed, groups=groups)
        assert abs(len(valid) - fraction * 80) <= 2  # half a group
        assert set(y[train]) == set(range(10))


def test_class_of_one_group_stays_in_training():
    y = np.array([0] * 8 + [1] * 8 + [2] * 4)
    groups = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 8, 8])
    for seed in range(10):
        assert set(y[split_rows(y, 0.2, seed, groups=groups)[0]]) == {0, 1, 2}


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([None, "a"] * 18, "cannot be sorted"),
        (np.zeros((36, 2)), r"groups has shape \(36, 2\)"),
        (np.zeros(36), "1 group only"),
    ],
)
def test_wrong_groups_are_refused(X, Y, quick, groups, message):
    with pytest.raises(ValueError, match=message):
        quick(early_stopping=True).fit(X, Y, groups=groups)
