"""The private skorch net."""

import pytest

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


def test_norms_and_biases_are_not_decayed(X, Y, quick):
    clf = quick(max_epochs=1, weight_decay=0.1).fit(X, Y)
    groups = clf.net_.optimizer_.param_groups
    assert [g["weight_decay"] for g in groups] == [0.1, 0.0]
    assert all(p.ndim > 1 for p in groups[0]["params"])
    assert all(p.ndim == 1 for p in groups[1]["params"])
    assert sum(len(g["params"]) for g in groups) == len(list(clf.module_.parameters()))


def test_loss_that_is_not_finite_names_epoch_and_remedy(X, Y, quick):
    with pytest.raises(FloatingPointError, match=r"epoch 1: .*Lower lr \(now 1e\+30\)"):
        quick(lr=1e30, optimizer="sgd", lr_schedule=None, batch_norm=False).fit(X, Y)
