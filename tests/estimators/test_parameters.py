"""Parameters passed on to skorch."""

import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


def test_optimizer_parameters_go_to_net_params(X, Y, quick):
    clf = quick(optimizer="sgd").set_params(optimizer__momentum=0.5)
    assert clf.net_params == {"optimizer__momentum": 0.5}
    assert clf.get_params()["optimizer__momentum"] == 0.5
    clf.fit(X, Y)
    assert clf.net_.optimizer_.param_groups[0]["momentum"] == 0.5
    assert clone(clf).net_params == {"optimizer__momentum": 0.5}


def test_optimizer_parameters_are_searched_over(X, Y, quick):
    # At this rate, steps without momentum hardly move.
    clf = quick(optimizer="sgd", lr=3e-3)
    search = GridSearchCV(clf, {"optimizer__momentum": [0.0, 0.95]}, cv=2).fit(X, Y)
    assert search.best_params_ == {"optimizer__momentum": 0.95}
    without, with_it = search.cv_results_["mean_test_score"]
    assert without < with_it
    best = search.best_estimator_
    assert best.net_params == {"optimizer__momentum": 0.95}
    assert best.net_.optimizer_.param_groups[0]["momentum"] == 0.95


@pytest.mark.parametrize(
    ("net_params", "message"),
    [
        ({"lr": 1.0}, "'lr', which is a parameter of CNN2DClassifier"),
        ({"optimizer__lr": 1.0}, "'optimizer__lr', which .* set lr="),
        ({"optimizer__weight_decay": 1.0}, "set weight_decay="),
        ({"module__x": 1}, "makes itself"),
        ({"seed": 1}, "makes itself"),
        ({"optimiser__momentum": 1}, "unexpected argument"),
    ],
)
def test_wrong_net_params_raise(X, Y, quick, net_params, message):
    with pytest.raises(ValueError, match=message):
        quick(net_params=net_params).fit(X, Y)
