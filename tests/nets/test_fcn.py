"""FCN-4 to FCN-7 against the paper's layer tables."""

import pytest
import torch

from sktag.nets import ARCHITECTURES, build_cnn2d
from sktag.nets.fcn import FCN

SHAPES = {
    "fcn4": [(128, 48, 341), (384, 12, 68), (768, 4, 8), (2048, 1, 1)],
    "fcn5": [(128, 48, 341), (256, 24, 85), (512, 12, 21), (1024, 4, 4), (2048, 1, 1)],
}

SHAPES["fcn6"] = [*SHAPES["fcn5"], (1024, 1, 1)]

SHAPES["fcn7"] = [*SHAPES["fcn6"], (1024, 1, 1)]

TOTALS = {
    "fcn4": 17_365_938,
    "fcn5": 25_183_026,
    "fcn6": 27_232_050,
    "fcn7": 28_283_698,
}


def build(architecture, input_shape=(96, 1366), n_outputs=50, **given):
    """Build a network that has shapes and no numbers."""
    with torch.device("meta"):
        return build_cnn2d(architecture, input_shape, n_outputs, **given)


def batch(*input_shape):
    """Return an input for such a network."""
    return torch.empty(2, *input_shape, device="meta")


@pytest.mark.parametrize("architecture", TOTALS)
def test_record_has_the_input_and_front_end_of_the_paper(architecture):
    record = ARCHITECTURES["cnn2d"][architecture]
    assert record.published() == ((96, 1366), 1366)
    expected = {"sr": 12_000, "n_fft": 512, "hop_length": 256, "n_mels": 96}
    assert record.front_end == expected
    figures = {"fcn4": {"mtat_roc_auc": 0.894}, "fcn5": {"mtat_roc_auc": 0.890}}
    assert record.figures == figures.get(architecture, {})


@pytest.mark.parametrize("architecture", TOTALS)
def test_fcn_has_the_parameters_of_the_paper(architecture, count):
    net, _ = build(architecture)
    assert count(net) == TOTALS[architecture]


@pytest.mark.parametrize("architecture", SHAPES)
def test_fcn_has_the_maps_of_the_paper(architecture, shapes_of):
    net, _ = build(architecture)
    assert type(net) is FCN
    assert shapes_of(net, net.blocks, batch(96, 1366)) == SHAPES[architecture]
    assert net.output.in_features == SHAPES[architecture][-1][0]


def test_fcn4_has_the_parameters_of_each_layer(count):
    net, _ = build("fcn4", batch_norm=False)
    blocks = [count(block) for block in net.blocks]
    assert blocks == [1_280, 442_752, 2_654_976, 14_157_824]
    assert count(net.output) == 102_450
    assert count(net) == 17_359_282


def test_dropout_is_after_each_layer():
    def n_drawn(net):
        """Count the times that dropout acts in a forward pass."""
        n_calls = []
        for module in net.modules():
            if isinstance(module, torch.nn.Dropout):
                module.register_forward_hook(lambda *_: n_calls.append(1))
        net(torch.empty(2, 96, 1366, device="meta"))
        return len(n_calls)

    assert n_drawn(build("fcn4")[0]) == 4
    assert n_drawn(build("fcn6")[0]) == 6


@pytest.mark.parametrize("architecture", TOTALS)
def test_longer_and_higher_input_gives_the_maximum_of_what_is_left(architecture):
    torch.manual_seed(0)
    net, name = build_cnn2d(architecture, (96, 2732), 5, n_filters=4)
    assert name == architecture
    net.eval()
    x = torch.rand(1, 192, 2732)
    maps = net.input_norm(x.unsqueeze(1))
    for block in net.blocks:
        maps = block(maps)
    assert maps.shape[2:] == (2, 2)
    by_hand = torch.stack([maps[:, :, i, j] for i in (0, 1) for j in (0, 1)])
    torch.testing.assert_close(net.features(x), by_hand.max(0).values)
    assert net(x).shape == (1, 5)


@pytest.mark.parametrize(
    ("architecture", "shape", "name", "least"),
    [
        ("fcn4", (96, 1279), "fcn4 (3 of 4 blocks)", (24, 160)),
        ("fcn4", (95, 1366), "fcn4 (3 of 4 blocks)", (24, 160)),
        ("fcn4", (96, 100), "fcn4 (2 of 4 blocks)", (8, 20)),
        ("fcn4", (96, 7), "fcn4 (1 of 4 blocks)", (2, 4)),
        ("fcn4", (96, 1), "fcn4 (1 of 4 blocks, pooling by 2 x 1 of 2 x 4)", (2, 1)),
        ("fcn5", (96, 500), "fcn5 (4 of 5 blocks)", (24, 320)),
        ("fcn7", (96, 500), "fcn7 (4 of 7 blocks)", (24, 320)),
    ],
)
def test_short_input_leaves_out_last_blocks(architecture, shape, name, least):
    net, said = build_cnn2d(architecture, shape, 5, n_filters=3)
    assert said == name
    assert net.min_shape == least
    assert net.eval()(torch.rand(2, *shape)).shape == (2, 5)


@pytest.mark.parametrize(
    ("given", "note"),
    [
        ({"pool_size": 4}, "3 of 4 blocks"),
        ({"pool_size": (2, 4)}, "3 of 4 blocks"),
        ({"n_blocks": 4}, "pooling by 96 x 100 of 96 x 1280"),
        ({"n_filters": (4, 4, 4)}, "pooling by 24 x 100 of 24 x 160"),
        ({"kernel_size": [3, 3, 3, (1, 1)]}, "pooling by 96 x 100 of 96 x 1280"),
    ],
)
def test_what_was_left_to_fcn_shrinks_where_other_things_were_given(given, note):
    net, name = build_cnn2d("fcn4", (96, 100), 5, **{"n_filters": 3, **given})
    assert name == f"fcn4 ({note})"
    assert net.eval()(torch.rand(2, 96, 100)).shape == (2, 5)


def test_given_poolings_of_each_block_never_shrink():
    text = r"with pool_size=.* needs at least 16 bins and 256 frames; .* leave poo"
    with pytest.raises(ValueError, match=text):
        build("fcn4", (96, 100), pool_size=[(2, 4)] * 4)
    text = "with pool_size=4 needs at least 4 bins and 4 frames; the input has 3 bins"
    with pytest.raises(ValueError, match=text):
        build("fcn4", (3, 100), pool_size=4)


def test_given_number_of_filters_and_kernel_do_not_fix_the_blocks():
    net, name = build("fcn4", (96, 200), n_filters=6, kernel_size=5)
    assert name == "fcn4 (3 of 4 blocks)"
    assert [block[0].kernel_size for block in net.blocks] == [(5, 5)] * 3


def test_fcn5_with_further_blocks_is_fcn6_and_fcn7(count):
    for n_blocks, total in [(6, 27_232_050), (7, 28_283_698)]:
        net, _ = build("fcn5", n_blocks=n_blocks)
        assert count(net) == total


def test_fewer_blocks_are_the_first_ones(shapes_of):
    net, name = build("fcn4", n_blocks=3)
    assert name == "fcn4"
    assert shapes_of(net, net.blocks, batch(96, 1366)) == SHAPES["fcn4"][:3]
    assert net.output.in_features == 768


def test_values_of_each_block_override_fcn(shapes_of):
    net, _ = build(
        "fcn6",
        (64, 64),
        n_filters=(2, 3, 4),
        pool_size=[(2, 1), (1, 4), (3, 3)],
        kernel_size=[(3, 5), (2, 2), (1, 1)],
        pooling="avg",
    )
    assert shapes_of(net, net.blocks, batch(64, 64)) == [
        (2, 32, 64),
        (3, 32, 16),
        (4, 10, 5),
    ]
    assert isinstance(net.blocks[0][-1], torch.nn.AvgPool2d)


def test_docstring_of_fcn_says_which_printed_sizes_are_wrong():
    notes = " ".join(FCN.__doc__.split("Notes")[1].split("References")[0].split())
    erratum = notes.split(". ")[:3]
    assert "print 24 x 85 and 12 x 21" in erratum[0]
    assert "erratum: those are the sizes of FCN-5" in erratum[1]
    assert "give 12 x 68 and 4 x 8" in erratum[2]
    # Both are what the poolings give, as other tests compute.
    assert [shape[1:] for shape in SHAPES["fcn5"][1:3]] == [(24, 85), (12, 21)]
    assert [shape[1:] for shape in SHAPES["fcn4"][1:3]] == [(12, 68), (4, 8)]
