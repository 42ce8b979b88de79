# %% [markdown]
# # Published networks: how large, and how much work
#
# Every published network that sktag builds, with its parameters beside those of its
# paper's layer table, and the multiply-adds that a second of music costs, front-ends left
# out. Nothing is trained or computed.
#
# In the book, [](#chapter-2d) and [](#chapter-sample-cnn) walk through the networks.
#
# ```sh
# python examples/architectures.py            # the table, the figure, one network
# python examples/architectures.py fcn4 se    # the same with these layer by layer
# ```

# %%
"""Compare the published networks with their papers, or show some layer by layer."""

import argparse
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

from sktag import (
    CNN1DClassifier,
    CNN1DRegressor,
    CNN2DClassifier,
    SampleCNNClassifier,
)

# %% tags=["hide-input"]
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("names", nargs="*", help="networks to show layer by layer")
parser.add_argument("--out", type=Path, default="architectures_output")
# A notebook has no command line: options keep their defaults, files are temporary.
in_notebook = "get_ipython" in globals()
if in_notebook:
    temporary = tempfile.TemporaryDirectory()
args = parser.parse_args(["--out", temporary.name] if in_notebook else None)

# %% [markdown]
# ## The networks
#
# For each the estimator that builds it, its number of outputs (50 tags, or the 40
# factors of "spotify2014"), the parameters that its layer table comes to, batch norms
# included (`None` where the table does not give all), and the seconds of music that it
# takes at a time. Some widths of "fcn5", "fcn6", "fcn7" and "spotify2014" are as others
# report them. The networks of 2018, from "basic" to "rese2", have multi-level pooling.

# %%
FCN, SHORT, SAMPLE = 1366 * 256 / 12000, 231 * 256 / 16000, 59049 / 22050
NETWORKS = {
    "dieleman2014": (CNN1DClassifier("dieleman2014"), 50, None, 94 * 512 / 16000),
    "spotify2014": (CNN1DRegressor("spotify2014"), 40, 8_607_016, 599 * 110 / 22050),
    "fcn4": (CNN2DClassifier("fcn4"), 50, 17_365_938, FCN),
    "fcn5": (CNN2DClassifier("fcn5"), 50, 25_183_026, FCN),
    "fcn6": (CNN2DClassifier("fcn6"), 50, 27_232_050, FCN),
    "fcn7": (CNN2DClassifier("fcn7"), 50, 28_283_698, FCN),
    "music_tagger_cnn": (
        CNN2DClassifier("music_tagger_cnn"),
        50,
        447_732,
        1813 * 256 / 16000,
    ),
    "short_chunk": (CNN2DClassifier("short_chunk"), 50, 3_687_348, SHORT),
    "short_chunk_res": (CNN2DClassifier("short_chunk_res"), 50, 12_104_244, SHORT),
    "musicnn": (CNN2DClassifier("musicnn"), 50, None, 187 * 256 / 16000),
    "sample_cnn": (SampleCNNClassifier(), 50, 1_869_874, SAMPLE),
    "basic": (SampleCNNClassifier("basic"), 50, 2_683_442, SAMPLE),
    "se": (SampleCNNClassifier("se"), 50, 2_858_066, SAMPLE),
    "res1": (SampleCNNClassifier("res1"), 50, 2_849_586, SAMPLE),
    "res2": (SampleCNNClassifier("res2"), 50, 4_920_882, SAMPLE),
    "rese1": (SampleCNNClassifier("rese1"), 50, 3_024_210, SAMPLE),
    "rese2": (SampleCNNClassifier("rese2"), 50, 5_095_506, SAMPLE),
}
for name in args.names:
    if name not in NETWORKS:
        parser.error(f"{name!r} is none of {', '.join(NETWORKS)}.")

summaries, parameters, work = {}, {}, {}
print(f"{'network':17}{'parameters':>11}{'by table':>11}{'multiply-adds a second':>24}")
for name, (estimator, n_outputs, by_table, seconds) in NETWORKS.items():
    summary = estimator.summary(n_outputs=n_outputs)
    summaries[name] = summary
    parameters[name] = summary.n_parameters
    work[name] = round(summary.n_multiply_adds / seconds)
    given = "" if by_table is None else f"{by_table:,}"
    print(f"{name:17}{parameters[name]:>11,}{given:>11}{work[name]:>24,}")
    assert by_table in (None, parameters[name])

# %% mystnb={"figure": {"caption": "Parameters, and multiply-adds a second of music, of each network; both axes are logarithmic. Rings are what the layer tables come to.", "name": "fig-ex-architectures"}, "image": {"alt": "Two dot plots side by side, one row for each of 17 networks. The order by parameters is another than the order by multiply-adds."}}
names = list(NETWORKS)
families = {
    "1D, spectrogram": names[:2],
    "2D, spectrogram": names[2:10],
    "1D, waveform": names[10:],
}
fig, (left, right) = plt.subplots(
    1, 2, sharey=True, figsize=(8, 5), layout="constrained"
)
for (family, members), marker in zip(families.items(), "osD", strict=True):
    left.plot([parameters[name] for name in members], members, marker)
    right.plot([work[name] for name in members], members, marker, label=family)
known = [name for name in names if NETWORKS[name][2]]
tables = [NETWORKS[name][2] for name in known]
left.plot(tables, known, "o", markersize=11, fillstyle="none", color="0.3")
left.invert_yaxis()
left.set_xlabel("parameters")
right.set_xlabel("multiply-adds per second of music")
right.legend()
for ax in (left, right):
    ax.set_xscale("log")
    ax.grid(alpha=0.3)
args.out.mkdir(parents=True, exist_ok=True)
fig.savefig(args.out / "architectures.png")

# %% [markdown]
# Parameters do not tell the work: the weights of a convolution are used at every
# position of the input, those of a dense layer once.

# %%
largest, busiest = max(names, key=parameters.get), max(names, key=work.get)
print(f"Most parameters: {largest}; most work: {busiest}.")
times = parameters[largest] / parameters["musicnn"], work["musicnn"] / work[largest]
print(
    f"musicnn has {times[0]:.0f} times fewer parameters than {largest}, and does "
    f"{times[1]:.1f} times its work."
)
assert times[0] > 10
assert times[1] > 1

# %% [markdown]
# ## Layer by layer
#
# `summary` of any estimator, before or after `fit`, tells of each layer its output, its
# parameters, its work and how much of the input it sees.

# %%
for name in args.names or ["fcn4"]:
    print(summaries[name], end="\n\n")
