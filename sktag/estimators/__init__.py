"""Data to answers: the estimators."""

from sktag.estimators._cnn1d import CNN1DClassifier
from sktag.estimators._cnn1d_regressor import CNN1DRegressor
from sktag.estimators._cnn2d import CNN2DClassifier
from sktag.estimators._cnn2d_regressor import CNN2DRegressor
from sktag.estimators._embedder import Embedder
from sktag.estimators._sample_cnn import SampleCNNClassifier
from sktag.estimators._sample_cnn_regressor import SampleCNNRegressor

__all__ = [
    "CNN1DClassifier",
    "CNN1DRegressor",
    "CNN2DClassifier",
    "CNN2DRegressor",
    "Embedder",
    "SampleCNNClassifier",
    "SampleCNNRegressor",
]
