"""scikit-learn's own checks, of every public estimator.

The least number of checks is asserted: a tag that is a little off makes
scikit-learn skip most of them and stay green.
"""

import inspect

import pytest
import torch
from sklearn.base import is_classifier, is_regressor
from sklearn.utils.estimator_checks import (
    estimator_checks_generator,
    parametrize_with_checks,
)
from torch import nn

import sktag

# scikit-learn's toy data are tables of a few columns: clips of a few samples, and
# spectrograms of a few bins and one frame. The warnings say so, rightly.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*shorter than one window:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*shorter than the lowest bin:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*mel bands are empty:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*is too short for:UserWarning"),
    # The checks compare fit_transform of the Augmenter, as an array, with transform.
    pytest.mark.filterwarnings("ignore::sktag.AugmentationDroppedWarning"),
    pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning"),
]


class Means(nn.Module):
    """A network for clips of any length, for the Embedder."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(2))

    def forward(self, x):
        return x.mean(dim=1, keepdim=True) * self.scale


# The checks fit some 150 times, and three ask for accuracy.
QUICK = {"max_epochs": 20, "lr": 3e-2, "batch_size": 32}
# Parameters for scikit-learn's toy data, by class; one that is not here is checked with
# its defaults.
PARAMETERS = {
    "RawWave": [{"sr": 8000}],
    "Spectrogram": [{"n_fft": 32, "hop_length": 16}],
    "MelSpectrogram": [{"n_mels": 8, "n_fft": 32, "hop_length": 16}],
    "CQT": [{"n_bins": 8, "fmin": 2000.0, "hop_length": 16}],
    "Standardizer": [{"axis": axis} for axis in ("bin", "global", "clip")],
    "CNN1DClassifier": [{"n_filters": 8, **QUICK}],
    "CNN2DClassifier": [{"n_filters": (8,), **QUICK}],
    "SampleCNNClassifier": [{"n_filters": 8, **QUICK}],
    "CNN1DRegressor": [{"n_filters": 16, "dropout": 0, **QUICK}],
    "CNN2DRegressor": [{"n_filters": (16,), "dropout": 0, **QUICK}],
    "Embedder": [{"estimator": Means(), "sr": 8000, "kind": "wave", "layer": None}],
    "SampleCNNRegressor": [{"n_filters": 16, "dropout": 0, **QUICK}],
}


def public_estimators():
    """Return the public classes that are fitted, by name, without base classes."""
    public = {name: getattr(sktag, name) for name in sktag.__all__}
    return {
        name: cls
        for name, cls in public.items()
        if inspect.isclass(cls) and hasattr(cls, "fit") and name != "ClipTransformer"
    }


CLASSES = public_estimators()
ESTIMATORS = {
    name if len(params) == 1 else f"{name}-{i}": cls(**each)
    for name, cls in CLASSES.items()
    for params in [PARAMETERS.get(name, [{}])]
    for i, each in enumerate(params)
}


def least_number_of_checks(estimator):
    if is_classifier(estimator):
        return 67
    return 60 if is_regressor(estimator) else 47


def is_network(estimator):
    return is_classifier(estimator) or is_regressor(estimator)


# A bare 2-D array is spectra to these, and waveforms to all others.
OF_SPECTRA = ("Summarizer", "CNN1D", "CNN2D")
OF_NETWORKS = {
    "check_sample_weight_equivalence_on_dense_data": (
        "batches of repeated rows are other batches than batches of weighted rows; in "
        "full batches weights do equal repetitions, see tests/estimators/test_parts.py"
    )
}
OF_MODULES = {
    "check_estimators_overwrite_params": (
        "it compares hashes of a copy, and joblib's hash of a torch module differs "
        "from that of its copy; see test_fit_leaves_a_network_of_ones_own_as_it_was"
    )
}
# These checks give whole numbers as X.
OF_WAVES = ["check_estimators_dtypes"]
OF_WAVE_NETWORKS = [
    "check_sample_weights_pandas_series",
    "check_sample_weights_not_an_array",
    "check_sample_weights_shape",
]
OF_WAVE_CLASSIFIERS = ["check_classifier_data_not_an_array"]
INTEGERS = (
    "integer waveforms are an error, whatever their size; floats are taken, "
    "see tests/clips/test_inputs.py. Networks on spectra, whose code is the same, pass"
)


def expected_failures(estimator):
    expected = dict(OF_NETWORKS) if is_network(estimator) else {}
    if isinstance(estimator, sktag.Embedder):
        expected |= OF_MODULES
    if type(estimator).__name__.startswith(OF_SPECTRA):
        return expected
    names = list(OF_WAVES)
    names += OF_WAVE_NETWORKS if is_network(estimator) else []
    names += OF_WAVE_CLASSIFIERS if is_classifier(estimator) else []
    return expected | dict.fromkeys(names, INTEGERS)


@parametrize_with_checks(
    list(ESTIMATORS.values()), expected_failed_checks=expected_failures
)
def test_check_of_scikit_learn_passes(estimator, check):
    check(estimator)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_checks_of_scikit_learn_are_as_many_as_they_should_be(name):
    estimator = ESTIMATORS[name]
    n_checks = len(list(estimator_checks_generator(estimator)))
    assert n_checks >= least_number_of_checks(estimator)


def test_every_public_estimator_is_checked():
    checked = {type(estimator).__name__ for estimator in ESTIMATORS.values()}
    assert checked == set(CLASSES)
    assert set(PARAMETERS) <= checked, "these are no public estimators"
    # A rule about nothing would pass unnoticed.
    assert {"RawWave", "Augmenter", "Summarizer", "CNN2DClassifier"} <= checked
    assert len(checked) >= 13
