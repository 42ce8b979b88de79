"""scikit-learn's own checks, of every estimator.

The least number of checks is asserted: a tag that is a little off makes
scikit-learn skip most of them and stay green.
"""

import pytest
from sklearn.utils.estimator_checks import (
    estimator_checks_generator,
    parametrize_with_checks,
)

from sktag import (
    CQT,
    Augmenter,
    CNN1DClassifier,
    CNN1DRegressor,
    CNN2DClassifier,
    CNN2DRegressor,
    MelSpectrogram,
    RawWave,
    SampleCNNClassifier,
    SampleCNNRegressor,
    Spectrogram,
    Standardizer,
    Summarizer,
)

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
# The checks fit some 150 times, and three ask for accuracy.
QUICK = {"max_epochs": 20, "lr": 3e-2, "batch_size": 32}
ESTIMATORS = {
    "RawWave": (RawWave(sr=8000), 47),
    "Spectrogram": (Spectrogram(32, hop_length=16), 47),
    "MelSpectrogram": (MelSpectrogram(8, n_fft=32, hop_length=16), 47),
    "CQT": (CQT(8, fmin=2000.0, hop_length=16), 47),
    "Standardizer-bin": (Standardizer(), 47),
    "Standardizer-global": (Standardizer("global"), 47),
    "Standardizer-clip": (Standardizer("clip"), 47),
    "Augmenter": (Augmenter(), 47),
    "Summarizer": (Summarizer(), 47),
    "CNN1DClassifier": (CNN1DClassifier(n_filters=8, **QUICK), 67),
    "CNN2DClassifier": (CNN2DClassifier(n_filters=(8,), **QUICK), 67),
    "SampleCNNClassifier": (SampleCNNClassifier(n_filters=8, **QUICK), 67),
    "CNN1DRegressor": (CNN1DRegressor(n_filters=16, dropout=0, **QUICK), 60),
    "CNN2DRegressor": (CNN2DRegressor(n_filters=(16,), dropout=0, **QUICK), 60),
    "SampleCNNRegressor": (SampleCNNRegressor(n_filters=16, dropout=0, **QUICK), 60),
}
NETWORKS = [name for name in ESTIMATORS if "CNN" in name]
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": (
        "batches of repeated rows are other batches than batches of weighted rows; in "
        "full batches weights do equal repetitions, see tests/estimators"
    )
}


def expected_failures(estimator):
    return EXPECTED if type(estimator).__name__ in NETWORKS else {}


@parametrize_with_checks(
    [estimator for estimator, _ in ESTIMATORS.values()],
    expected_failed_checks=expected_failures,
)
def test_check_of_scikit_learn_passes(estimator, check):
    check(estimator)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_checks_of_scikit_learn_are_as_many_as_they_should_be(name):
    estimator, n_checks = ESTIMATORS[name]
    assert len(list(estimator_checks_generator(estimator))) >= n_checks
