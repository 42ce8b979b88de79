# %% [markdown]
# # Regression: how high is the melody?
#
# A regressor predicts a number instead of a class: here the pitch of the lowest note of
# a phrase, in semitones. We compare a 1D and a 2D network with always predicting the
# mean. The phrases, played by six instruments, are generated, so their pitches are
# known.
#
# In the book, [](#sec-loss) compares the losses of regressors.
#
# ```sh
# python examples/regression.py
# python examples/regression.py --n-clips 600 --epochs 60
# ```

# %%
"""Learn the pitch of melodies with a 1D and a 2D network."""

import argparse
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.dummy import DummyRegressor
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline

from sktag import CQT, CNN1DRegressor, CNN2DRegressor, RawWave, Standardizer
from sktag.datasets import make_music
from sktag.inspection import SpectrogramDisplay

# %% tags=["hide-input"]
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default="regression_output")
parser.add_argument("--n-clips", type=int, default=240)
parser.add_argument("--duration", type=float, default=2.0, help="in seconds")
parser.add_argument("--epochs", type=int, default=30)
# A notebook has no command line: options keep their defaults, files are temporary.
in_notebook = "get_ipython" in globals()
if in_notebook:
    temporary = tempfile.TemporaryDirectory()
args = parser.parse_args(["--out", temporary.name] if in_notebook else None)
args.out.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## Clips and their pitches
#
# We perceive pitch in ratios, so the target is not the frequency but its logarithm: the
# MIDI note number, 69 for 440 Hz and one more for each semitone.

# %%
music = make_music(
    args.n_clips, task="instrument", sr=16000, duration=args.duration, random_state=0
)
note = 69 + 12 * np.log2(music.pitch / 440)
X_train, X_test, y_train, y_test = train_test_split(
    music.data, note, test_size=1 / 3, random_state=0
)
print(f"{len(X_train)} clips to train on, {len(X_test)} to test on.")
print("Notes of the first three:", *y_train[:3].round(2))
RawWave(sr=16000).fit_transform(X_train).listen(3)

# %% [markdown]
# ## A front-end in semitones
#
# A constant-Q transform with one bin per semitone turns a transposition into a shift of
# the spectrogram along frequency.

# %%
front_end = Pipeline(
    [("wave", RawWave(sr=16000)), ("cqt", CQT(n_bins=72, hop_length=1024))]
).fit(X_train)

# %% mystnb={"figure": {"caption": "Constant-Q transform of the first clip. The dashed line is the target pitch.", "name": "fig-ex-regression-cqt"}, "image": {"alt": "Spectrogram with notes as horizontal lines and their overtones above them; a dashed line lies on the lowest one."}}
fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
SpectrogramDisplay.from_estimator(front_end, X_train, 0, ax=ax)
ax.axhline(440 * 2 ** ((y_train[0] - 69) / 12), color="w", linestyle="--")
fig.savefig(args.out / "cqt.png")

# %% [markdown]
# ## Two networks and the mean
#
# The filters of the 1D network span all bins, with separate weights for each bin. The
# 2D network applies the same filters at every bin and finally averages over the bins,
# so it can infer the position of a pattern only from the effect of the borders. For
# pitch this seems a drawback. Is it?

# %%
training = {
    "max_epochs": args.epochs,
    "batch_size": 8,
    "lr": 5e-3,
    "random_state": 0,
}
models = {
    "mean": DummyRegressor(),
    "1D network": CNN1DRegressor(n_filters=32, n_blocks=3, **training),
    "2D network": CNN2DRegressor(n_filters=(8, 16, 32), **training),
}
predictions = {}
print(f"{'':12}{'mean error':>11}{'median error':>14}{'R2':>7}")
for name, model in models.items():
    pipe = Pipeline(
        [*front_end.steps, ("scale", Standardizer()), ("model", model)]
    ).fit(X_train, y_train)
    predictions[name] = pipe.predict(X_test)
    errors = np.abs(predictions[name] - y_test)
    r2 = r2_score(y_test, predictions[name])
    print(f"{name:12}{errors.mean():11.2f}{np.median(errors):14.2f}{r2:7.2f}")

# %% mystnb={"figure": {"caption": "Predicted and true pitch of the test clips. The diagonal is a perfect prediction; the dashed lines are an octave away.", "name": "fig-ex-regression-scatter"}, "image": {"alt": "Two scatter plots, one for each network, of points along the diagonal."}}
fig, grid = plt.subplots(
    1, 2, sharex=True, sharey=True, figsize=(8, 4.2), layout="constrained"
)
ends = np.array([y_test.min(), y_test.max()])
for ax, (name, predicted) in zip(grid, list(predictions.items())[1:], strict=True):
    ax.scatter(y_test, predicted, s=16, alpha=0.7)
    ax.plot(ends, ends, color="k")
    for octave in (-12, 12):
        ax.plot(ends, ends + octave, color="0.5", linestyle="--")
    ax.set_title(name)
    ax.set_xlabel("true note (MIDI number)")
grid[0].set_ylabel("predicted note")
fig.savefig(args.out / "scatter.png")

# %% [markdown]
# ## Results
#
# Each result is from a single run. The standard error of the difference tells whether
# other test clips could reverse it, but not the effect of other initial weights.

# %%
errors = {name: np.abs(p - y_test) for name, p in predictions.items()}
for name in ("1D network", "2D network"):
    gain = mean_absolute_error(y_test, predictions["mean"]) / errors[name].mean()
    print(f"The error of the {name} is {gain:.1f} times smaller than that of the mean.")
difference = errors["2D network"] - errors["1D network"]
mean, error = difference.mean(), difference.std() / np.sqrt(len(difference))
print(f"2D minus 1D: {mean:+.2f} semitones, standard error {error:.2f}.")
if abs(mean) < 2 * error:
    print("There is no clear difference between the two.")
else:
    print("The", "1D" if mean > 0 else "2D", "network is better here.")
