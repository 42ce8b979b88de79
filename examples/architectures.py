# %% [markdown]
# # Published networks: how large, and how much work
#
# Every published network in sktag: its number of parameters, beside that of the paper's
# layer table, and its multiply-adds for a second of music, without the front-end. Nothing
# is trained or computed.
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
    CNN2DRegressor,
    SampleCNNClassifier,
    SampleCNNRegressor,
)
from sktag.nets import ARCHITECTURES

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
# `sktag.nets.ARCHITECTURES` has a record of each network. The number of outputs is that
# of the paper: 50 tags, or the 40 factors of "spotify2014". "By table" is the number of
# parameters in the paper's layer table, including batch norms, where the paper describes
# every layer. Some widths of "fcn5", "fcn6", "fcn7" and "spotify2014" are as others
# report them. The networks of 2018, from "basic" to "rese2", have multi-level pooling.

# %%
ESTIMATORS = {
    ("cnn1d", "classification"): CNN1DClassifier,
    ("cnn1d", "regression"): CNN1DRegressor,
    ("cnn2d", "classification"): CNN2DClassifier,
    ("cnn2d", "regression"): CNN2DRegressor,
    ("sample_cnn", "classification"): SampleCNNClassifier,
    ("sample_cnn", "regression"): SampleCNNRegressor,
}
NETWORKS = {
    name: record
    for records in ARCHITECTURES.values()
    for name, record in records.items()
    if record.year is not None  # sktag's own networks follow no paper
}
for name in args.names:
    if name not in NETWORKS:
        parser.error(f"{name!r} is none of {', '.join(NETWORKS)}.")

summaries, parameters, work = {}, {}, {}
print(f"{'network':17}{'parameters':>11}{'by table':>11}{'multiply-adds a second':>24}")
for name, record in NETWORKS.items():
    estimator = ESTIMATORS[record.family, record.task](name)
    summary = estimator.summary(n_outputs=record.n_outputs)
    # Seconds of music in the published input.
    step = record.front_end.get("hop_length", 1) / record.front_end["sr"]
    seconds = record.input_shape[-1] * step
    by_table = record.n_parameters
    summaries[name] = summary
    parameters[name] = summary.n_parameters
    work[name] = round(summary.n_multiply_adds / seconds)
    given = "" if by_table is None else f"{by_table:,}"
    print(f"{name:17}{parameters[name]:>11,}{given:>11}{work[name]:>24,}")
    assert by_table in (None, parameters[name])

# %% mystnb={"figure": {"caption": "Parameters, and multiply-adds a second of music, of each network; both axes are logarithmic. Rings mark the numbers of the papers' layer tables.", "name": "fig-ex-architectures"}, "image": {"alt": "Two dot plots side by side, one row for each network. The order by parameters differs from the order by multiply-adds."}}
names = list(NETWORKS)
labels = {
    "cnn1d": "1D, spectrogram",
    "cnn2d": "2D, spectrogram",
    "sample_cnn": "1D, waveform",
}
fig, (left, right) = plt.subplots(
    1, 2, sharey=True, figsize=(8, 5), layout="constrained"
)
for (family, label), marker in zip(labels.items(), "osD", strict=True):
    members = [name for name in names if NETWORKS[name].family == family]
    left.plot([parameters[name] for name in members], members, marker)
    right.plot([work[name] for name in members], members, marker, label=label)
known = [name for name in names if NETWORKS[name].n_parameters]
tables = [NETWORKS[name].n_parameters for name in known]
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
# The number of parameters does not predict the work: a convolution uses its weights at
# every position of the input, a dense layer uses them once.

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
# The method `summary` of every estimator lists the output, parameters, multiply-adds and
# receptive field of each layer, before or after `fit`.

# %%
for name in args.names or ["fcn4"]:
    print(summaries[name], end="\n\n")
