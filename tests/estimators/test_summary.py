"""The table of a network's layers."""

import numpy as np
import pytest
import torch

from sktag import (
    ClipArray,
    CNN1DClassifier,
    CNN1DRegressor,
    CNN2DClassifier,
    SampleCNNClassifier,
)

# Tests train for as few steps as they need.
pytestmark = pytest.mark.filterwarnings("ignore:fit takes .* steps:UserWarning")


def row_of(summary, text):
    return next(row for row in summary.rows if text in row["layer"])


@pytest.mark.parametrize(
    ("estimator", "n_parameters"),
    [
        (CNN2DClassifier("fcn4"), 17_365_938),
        (SampleCNNClassifier(), 1_869_874),
        (SampleCNNClassifier("rese2"), 5_095_506),
    ],
)
def test_summary_before_fit_is_of_the_published_input_and_fifty_outputs(
    estimator, n_parameters
):
    summary = estimator.summary()
    assert summary.n_parameters == n_parameters
    assert summary.rows[-1]["output_shape"] == (50,)
    assert f"{n_parameters:,}" in repr(summary)
    assert f"{n_parameters:,}" in summary._repr_html_()


def test_input_and_outputs_may_be_given():
    summary = CNN1DRegressor("spotify2014").summary((128, 599), 40)
    assert summary.n_parameters == 8_607_016
    assert "128 x 599" in summary.title


def test_multiply_adds_of_a_convolution_are_those_of_its_definition():
    row = row_of(CNN2DClassifier("fcn4").summary(), "blocks.0.0")
    assert row["n_multiply_adds"] == 128 * 96 * 1366 * 9


def test_receptive_field_follows_kernels_and_strides():
    summary = SampleCNNClassifier().summary()
    # conv 3 of stride 3; then conv 3 over steps of 3; then max-pool 3 over the same.
    fields = [row["receptive_field"] for row in summary.rows]
    assert fields[0] == 3
    assert row_of(summary, "blocks.0.0")["receptive_field"] == 3 + 2 * 3
    assert row_of(summary, "blocks.0.3")["receptive_field"] == 9 + 2 * 3
    assert summary.rows[-1]["receptive_field"] is None


def test_summary_after_fit_is_of_the_trained_network_with_times():
    rng = np.random.default_rng(0)
    clips = ClipArray.from_array(
        rng.normal(size=(8, 16, 40)), sample_rate=1000, hop_length=100
    )
    clf = CNN1DClassifier(n_filters=4, kernel_size=3, max_epochs=1, random_state=0)
    clf.fit(clips, np.repeat([0, 1], 4))
    summary = clf.summary()
    assert summary.n_parameters == clf.n_parameters_
    assert summary.rows[-1]["output_shape"] == (2,)
    first = summary.rows[0]
    assert first["receptive_field"] == 3
    assert first["receptive_field_ms"] == pytest.approx(300)


def test_summary_leaves_the_estimator_and_the_draws_alone():
    import torch

    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    clf = CNN2DClassifier()
    before = vars(clf).copy()
    clf.summary()
    assert vars(clf) == before
    assert torch.equal(torch.rand(1), expected)


def test_what_is_not_given_after_fit_is_that_of_the_trained_network():
    X = np.random.default_rng(0).normal(size=(8, 16, 40))
    clf = CNN1DClassifier(n_filters=4, max_epochs=1).fit(X, np.repeat([0, 1], 4))
    longer = clf.summary((16, 80))
    assert longer.rows[-1]["output_shape"] == (2,)
    assert longer.n_parameters == clf.n_parameters_
    assert "input 16 x 80" in longer.title
    wider = clf.summary(n_outputs=50)
    assert "input 16 x 40" in wider.title
    assert wider.rows[-1]["output_shape"] == (50,)


def test_chunk_size_is_the_length_before_fit():
    assert "input 96 x 700" in CNN2DClassifier("fcn4", chunk_size=700).summary().title
    assert "input 2187" in SampleCNNClassifier(chunk_size=2187).summary().title
    assert "input 59049" in SampleCNNClassifier(chunk_size=None).summary().title


@pytest.mark.parametrize(
    ("estimator", "shape", "form"),
    [
        (CNN2DClassifier(), (216,), r"\(n_bins, n_frames\), such as \(64, 216\)"),
        (CNN1DRegressor(), (64, 0), r"\(n_bins, n_frames\)"),
        (SampleCNNClassifier(), 59049, r"\(n_samples,\), such as \(59049,\)"),
        (SampleCNNClassifier(), (1, 59049), r"\(n_samples,\)"),
    ],
)
def test_input_of_another_form_raises_and_shows_the_form(estimator, shape, form):
    with pytest.raises(ValueError, match=f"is not the shape of .* {form}"):
        estimator.summary(shape)


def test_summary_of_a_large_network_takes_no_memory_for_weights(monkeypatch):
    import torch

    devices = []
    register = torch.nn.Module.register_parameter

    def noting(self, name, param):
        devices.append(getattr(param, "device", None))
        register(self, name, param)

    monkeypatch.setattr(torch.nn.Module, "register_parameter", noting)
    CNN2DClassifier("fcn7").summary()
    assert {device.type for device in devices if device is not None} == {"meta"}


def test_unknown_architecture_raises_and_lists_the_names():
    with pytest.raises(ValueError, match=r"'fcn4'.*'musicnn'"):
        CNN2DClassifier("fcn44").summary()


class Attention(torch.nn.Module):
    """A network with attention, a bare parameter and a branch that does nothing."""

    def __init__(self, input_shape, n_outputs):
        super().__init__()
        self.offset = torch.nn.Parameter(torch.zeros(input_shape[0]))
        self.nothing = torch.nn.Sequential()
        self.attention = torch.nn.MultiheadAttention(input_shape[0], 2)
        self.last = torch.nn.Linear(input_shape[0], n_outputs)

    def forward(self, x):
        x = self.nothing(x).permute(2, 0, 1) + self.offset
        return self.last(self.attention(x, x, x)[0].mean(0))


def test_each_parameter_is_counted_once_and_empty_layers_have_no_row():
    summary = CNN1DClassifier(Attention).summary((8, 10), 3)
    n_parameters = sum(p.numel() for p in Attention((8, 10), 3).parameters())
    assert summary.n_parameters == n_parameters
    assert row_of(summary, "attention (M")["n_parameters"] == 4 * (8 * 8 + 8)
    assert row_of(summary, "the network (Attention)")["n_parameters"] == 8
    assert not any("nothing" in row["layer"] for row in summary.rows)


def test_field_of_one_column_is_in_the_singular():
    text = repr(CNN2DClassifier("short_chunk").summary())
    assert "1 frame\n" in text
    assert "input_norm.0" in text
    assert "pool (GlobalPool)" in text
    assert "input_norm" not in repr(CNN2DClassifier().summary((64, 99)))
