"""The plan of a training."""

from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest
import torch

from sktag.targets._labels import ClassTargets
from sktag.training._optimizers import make_stage, make_stages
from sktag.training._plan import FitPlan


def make_plan(**params):
    defaults = {
        "label": "CNN2DClassifier",
        "seed": 0,
        "device": torch.device("cpu"),
        "amp": False,
        "batch_size": 16,
        "targets": ClassTargets(np.arange(3)),
        "optimizer": make_stage("adamw", 1e-3, 0.0, {}),
    }
    return FitPlan(**{**defaults, **params})


@pytest.mark.parametrize("name", [field.name for field in fields(FitPlan)])
def test_plan_cannot_be_changed(name):
    plan = make_plan()
    with pytest.raises(FrozenInstanceError, match=name):
        setattr(plan, name, None)


def test_first_stage_is_the_optimizer_or_the_first_of_the_stages():
    plan = make_plan()
    assert plan.first_stage is plan.optimizer
    stages = make_stages([("sgd", 0.1, 2), ("adam", 1e-3)], "staged", 0.0, {}, 10)
    assert replace(plan, stages=stages).first_stage is stages[0]
