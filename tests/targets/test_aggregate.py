"""Predictions of chunks to predictions of clips."""

import numpy as np
import pytest

from sktag.targets._aggregate import aggregate, safe_log
from sktag.targets._labels import ClassTargets
from sktag.targets._tags import TagTargets


def test_aggregation_acts_on_probabilities():
    assert aggregate(np.array([[[0.2], [0.9], [0.4]]]), "median").tolist() == [[0.4]]


@pytest.mark.parametrize("how", ["mean", "max", "median"])
def test_aggregate_is_taken_over_the_chunks_of_each_clip(how):
    values = np.random.default_rng(0).normal(size=(4, 5, 3))
    expected = [getattr(np, how)(clip, axis=0) for clip in values]
    np.testing.assert_array_equal(aggregate(values, how), expected)


def test_logarithm_of_nothing_is_finite():
    logs = safe_log(np.array([0.0, 1e-5, 1.0]))
    assert np.isfinite(logs).all()
    assert logs[1:].tolist() == [np.log(1e-5), 0]


@pytest.mark.parametrize("how", ["mean", "max", "median"])
@pytest.mark.parametrize("kind", ["labels", "tags"])
def test_combined_logits_have_the_aggregated_probabilities(how, kind):
    logits = np.random.default_rng(0).normal(size=(4, 5, 3)) * 3
    targets = ClassTargets(np.arange(3)) if kind == "labels" else TagTargets(3)
    expected = getattr(np, how)(targets.probabilities(logits), axis=1)
    if kind == "labels":
        expected /= expected.sum(axis=1, keepdims=True)
    found = targets.probabilities(targets.combine(logits, how))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_logits_of_one_chunk_are_left_as_they_are():
    logits = np.random.default_rng(0).normal(size=(4, 1, 3)) * 100
    for targets in (ClassTargets(np.arange(3)), TagTargets(3)):
        np.testing.assert_array_equal(targets.combine(logits, "mean"), logits[:, 0])
