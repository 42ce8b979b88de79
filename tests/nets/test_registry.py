"""What holds for the record of every network, and how networks are found by name."""

import re
import sys
from pathlib import Path

import pytest
import torch

import sktag.nets
from sktag.nets import (
    ARCHITECTURES,
    Architecture,
    build_cnn1d,
    build_cnn2d,
    build_sample_cnn,
    find_architecture,
    registry,
)

BUILDERS = {
    "cnn1d": build_cnn1d,
    "cnn2d": build_cnn2d,
    "sample_cnn": build_sample_cnn,
}
RECORDS = {
    f"{family}-{name}": record
    for family, records in ARCHITECTURES.items()
    for name, record in records.items()
}
every = pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
each_family = pytest.mark.parametrize("family", BUILDERS)
each_class = pytest.mark.parametrize(
    "cls", dict.fromkeys(record.network for record in RECORDS.values())
)


def few(record):
    """Return numbers of filters that make a network small."""
    return {"musicnn": (5, 2, 3), "musicnn_won2020": (5, 2, 3, 4)}.get(record.name, 4)


def shape_of(record):
    """Return an input shape: the published one, or 100 samples of a waveform.

    In nine blocks with the deviation as pooling, the deviations of deviations vanish.
    """
    return (100,) if record.takes == "wave" else record.input_shape


def small(record, **given):
    """Return a network of few filters in evaluation mode."""
    given = {"n_filters": few(record), **given}
    return record.build(shape_of(record), 7, **given).module.eval()


@every
def test_record_builds_the_published_network_at_the_published_input(record, count):
    with torch.device("meta"):
        net, name, is_shrunk = record.build(record.input_shape, record.n_outputs)
        x = torch.empty(2, *record.input_shape)
    assert (name, is_shrunk) == (record.name, False)
    assert type(net) is record.network
    assert net(x).shape == (2, record.n_outputs)
    assert net.features(x).shape == (2, net.output.in_features)
    if record.n_parameters is not None:
        assert count(net) == record.n_parameters


@every
def test_record_holds_together(record):
    assert record.chunk_size in (None, record.input_shape[-1])
    assert record.published() == (record.input_shape, record.chunk_size)
    assert (record.year is None) == (record.front_end is None)
    # A recipe needs a front-end and a chunk.
    if record.training is not None:
        assert record.front_end["sr"] > 0
        assert record.chunk_size > 0
    if record.takes == "spectrogram" and record.front_end is not None:
        assert record.front_end["n_mels"] == record.input_shape[0]
    assert set(record.figures) <= {"mtat_roc_auc", "mtat_pr_auc", "msd_roc_auc"}
    assert all(0 < figure < 1 for figure in record.figures.values())


@every
def test_citations_are_entries_of_bibtex_and_the_first_is_of_the_year(record):
    assert record.citations
    for entry in record.citations:
        assert re.fullmatch(r"@\w+\{[a-z]+20\d\d\w*,\n(  .+\n)+\}", entry)
        for field in ("author", "title", "year"):
            assert entry.count(f"\n  {field} ") == 1
    if record.year is not None:
        assert f"  year      = {{{record.year}}}" in record.citations[0]


@every
def test_record_cannot_be_changed(record):
    with pytest.raises(AttributeError, match="cannot assign to field 'name'"):
        record.name = "other"


@every
def test_every_layer_has_the_shapes_of_the_meta_device(record, shapes_of):
    net = small(record)
    x = torch.rand(2, *shape_of(record))
    real = shapes_of(net, torch.nn.Module, x)
    assert len(real) > 5
    assert real[-1] == (7,)
    net.to("meta")
    assert shapes_of(net, torch.nn.Module, x.to("meta")) == real


@every
def test_global_pooling_runs_once_and_gives_one_row_a_clip(record, shapes_of):
    net = small(record)
    assert not [key for key in net.state_dict() if key.startswith("pool")]
    if record.name == "dieleman2014":
        assert not hasattr(net, "pool")
        return
    *bins, length = shape_of(record)
    for factor in (1, 2):
        x = torch.rand(2, *bins, factor * length)
        ((n_features,),) = shapes_of(net, [net.pool], x)
    # The next layer that has weights takes as many numbers.
    after = [m for m in net.modules() if isinstance(m, torch.nn.Linear)]
    assert n_features in [layer.in_features for layer in after]


@every
def test_logits_are_the_output_layer_of_the_features(record):
    net = small(record, dropout=0.5)
    x = torch.randn(2, *shape_of(record))
    features = net.features(x)
    assert features.shape == (2, net.output.in_features)
    torch.testing.assert_close(net(x), net.output(features))


@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("pooling", ["max", "avg", "std"])
@every
def test_gradients_reach_every_parameter(record, pooling, batch_norm):
    torch.manual_seed(0)
    given = {"pooling": pooling} if "pooling" in record.sizes else {}
    # Leaky units never die. The network stays in evaluation mode: in training, a bias
    # before a batch norm has no gradient, since the norm subtracts the mean.
    net = small(record, batch_norm=batch_norm, activation="leaky_relu", **given)
    net(torch.randn(4, *shape_of(record))).square().sum().backward()
    for name, parameter in net.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("pooling", ["avg", "std"])
@every
def test_pooling_of_silence_has_finite_gradients(record, pooling):
    given = {"pooling": pooling} if "pooling" in record.sizes else {}
    net = small(record, **given)
    x = torch.zeros(4, *shape_of(record), requires_grad=True)
    net.train()(x).square().sum().backward()
    for tensor in (x, *net.parameters()):
        assert torch.isfinite(tensor.grad).all()


@every
def test_options_that_all_networks_have_replace_the_defaults(record):
    net = small(record, dropout=0.25, activation="gelu", batch_norm=False)
    rates = {m.p for m in net.modules() if isinstance(m, torch.nn.Dropout)}
    assert rates == {0.25}
    kinds = {type(m).__name__ for m in net.modules()}
    assert "GELU" in kinds
    assert not {"ReLU", "BatchNorm1d", "BatchNorm2d"} & kinds


@every
def test_smallest_input_is_taken_and_no_smaller(record):
    net = small(record)
    assert net(torch.rand(2, *net.min_shape)).shape == (2, 7)
    for axis, size in enumerate(net.min_shape):
        less = list(net.min_shape)
        less[axis] = size - 1
        with pytest.raises((RuntimeError, IndexError)):
            net(torch.rand(2, *less))


@pytest.mark.parametrize("n", [1, 2, 20, 107])
@every
def test_network_built_for_a_short_input_takes_that_and_longer_ones(record, n):
    bins = (n,) * (len(record.input_shape) - 1)
    net, name, is_shrunk = record.build((*bins, n), 7, n_filters=few(record))
    assert name.startswith(record.name)
    # m^n follows the input by definition.
    assert is_shrunk == (name != record.name and "^" not in name)
    net.eval()
    for length in (net.min_shape[-1], n, n + 1, 7 * n):
        assert net(torch.rand(2, *bins, length)).shape == (2, 7)


@every
def test_initial_weights_are_redrawn_only_if_asked_for(record):
    weights = []
    for given in ({}, {"weight_init": "default"}, {"weight_init": "orthogonal"}):
        torch.manual_seed(3)
        weights.append(small(record, **given).output.weight)
    keeps_torchs = record.sizes["weight_init"] == "default"
    assert torch.equal(weights[0], weights[1]) == keeps_torchs
    assert not torch.equal(weights[0], weights[2])


@every
def test_builder_of_the_family_builds_it_by_name_and_takes_none_for_defaults(
    record, count
):
    nothing = dict.fromkeys(record.sizes)
    with torch.device("meta"):
        net, name = BUILDERS[record.family](
            record.name, record.input_shape, 7, **nothing
        )
        expected = record.build(record.input_shape, 7)
    assert name == record.name
    assert type(net) is record.network
    assert count(net) == count(expected.module)


@each_family
def test_network_is_found_by_family_and_name(family):
    for name, record in ARCHITECTURES[family].items():
        assert find_architecture(family, name) is record
        assert (record.family, record.name) == (family, name)


@each_family
def test_unknown_architecture_raises_with_all_names_and_a_guess(family):
    name = next(iter(ARCHITECTURES[family]))
    for build in (
        lambda name: find_architecture(family, name),
        lambda name: BUILDERS[family](name, (64, 64), 2),
    ):
        with pytest.raises(ValueError, match=f"Did you mean '{name}'") as error:
            build(name + "_")
        assert all(repr(known) in str(error.value) for known in ARCHITECTURES[family])


@each_family
def test_input_of_a_wrong_shape_raises(family):
    name = next(iter(ARCHITECTURES[family]))
    with pytest.raises(ValueError, match=r"input_shape=\(8, 8, 8\) is of length 3"):
        BUILDERS[family](name, (8, 8, 8), 2)
    with pytest.raises(ValueError, match=r"input_shape.*0: give an integer of at lea"):
        BUILDERS[family](name, 0, 2)


def test_names_are_unique_but_for_the_compact_networks():
    names = [record.name for record in RECORDS.values()]
    assert sorted({name for name in names if names.count(name) > 1}) == ["compact"]


def test_network_is_registered_by_its_file_alone(tmp_path, monkeypatch):
    (tmp_path / "planted.py").write_text(
        "from dataclasses import replace\n"
        "from sktag.nets.fcn import FCN4\n"
        "PLANTED = replace(FCN4, name='planted')\n"
    )
    paths = [*sktag.nets.__path__, str(tmp_path)]
    monkeypatch.setattr(sktag.nets, "__path__", paths)
    found = registry._collect()["cnn2d"]
    del sys.modules["sktag.nets.planted"], sktag.nets.planted
    assert isinstance(found.pop("planted"), Architecture)
    assert found == ARCHITECTURES["cnn2d"]


@each_class
def test_class_cites_its_paper_and_has_the_table_of_its_layers(cls):
    doc = cls.__doc__.replace("    ", "")
    assert re.search(r'References\n-+\n\s*\w.*, "', doc)
    assert re.search(r"^ *total +[\d,]{4,}", cls.__doc__, flags=re.M)


@each_class
def test_class_is_in_the_reference_of_the_book(cls):
    page = Path(__file__).parents[2] / "book" / "reference" / "api.md"
    name = re.escape(cls.__name__)
    assert re.search(rf"^   (\w+\.)?{name}$", page.read_text("utf-8"), flags=re.M)
