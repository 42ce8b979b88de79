"""Schedules of the learning rate."""

import numpy as np
import pytest

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "step", None])
def test_schedules_do_what_they_say(X, Y, quick, schedule):
    clf = quick(lr_schedule=schedule, max_epochs=40, n_iter_no_change=3)
    lr = np.array([row["lr"] for row in clf.fit(X, Y).history_])
    if schedule == "one_cycle":
        assert lr.argmax() == 11  # 30 % of 40 epochs
        assert lr[-1] < 1e-3 * lr.max()
    elif schedule == "cosine":
        assert (np.diff(lr) < 0).all()
    elif schedule == "step":
        np.testing.assert_allclose(lr, np.where(np.arange(40) < 30, 1e-2, 1e-3))
    else:
        assert (lr == 1e-2).all()


def test_plateau_lowers_the_rate_where_the_loss_has_not_fallen(X, Y, quick):
    clf = quick(lr_schedule="plateau", lr=0.1, max_epochs=40, n_iter_no_change=6)
    noise = np.random.default_rng(0).normal(size=X.shape)
    history = clf.fit(noise, Y).history_
    # By hand: a fifth where the loss has not fallen, by a ten-thousandth of itself, in
    # more than 6 // 3 epochs.
    rate, best, n_bad, expected = 0.1, np.inf, 0, []
    for row in history:
        expected.append(rate)
        if row["train_loss"] < best * (1 - 1e-4):
            best, n_bad = row["train_loss"], 0
        else:
            n_bad += 1
        if n_bad > 2:
            rate, n_bad = rate / 5, 0
    np.testing.assert_allclose([row["lr"] for row in history], expected)
    assert len(set(np.round(expected, 9))) > 2  # it was lowered, twice or more
