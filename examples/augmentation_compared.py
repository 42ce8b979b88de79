# %% [markdown]
# # Does augmentation help?
#
# A network overfits if there are few training clips. Random changes of the clips,
# redrawn every epoch, and mixtures of clips (mixup) are meant to prevent this. This
# example trains the same network with and without each of them, several times with the
# same number of steps, and scores it on the same test clips. The task is to classify
# six instruments in generated phrases.
#
# In the book, [](#sec-augmentation) compares more augmentations.
#
# ```sh
# python examples/augmentation_compared.py
# python examples/augmentation_compared.py --n-train 72 --epochs 200 --repeats 5
# ```

# %%
"""Compare training with and without augmentation and mixup."""

import argparse
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.pipeline import Pipeline

from sktag import (
    Augmenter,
    ClipArray,
    CNN1DClassifier,
    MelSpectrogram,
    RawWave,
    Standardizer,
)
from sktag.augment import FrequencyMask, FrequencyShift, Gain, TimeMask, TimeShift
from sktag.datasets import make_music
from sktag.inspection import SpectrogramDisplay

# %% tags=["hide-input"]
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default="augmentation_compared_output")
parser.add_argument("--n-train", type=int, default=36, help="training clips per repeat")
parser.add_argument("--n-test", type=int, default=120)
parser.add_argument("--duration", type=float, default=1.5, help="in seconds")
parser.add_argument("--epochs", type=int, default=60)
parser.add_argument("--repeats", type=int, default=3)
# A notebook has no command line: options keep their defaults, files are temporary.
in_notebook = "get_ipython" in globals()
if in_notebook:
    temporary = tempfile.TemporaryDirectory()
args = parser.parse_args(["--out", temporary.name] if in_notebook else None)
args.out.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## Clips
#
# Each repeat has its own training clips and its own seed, used for all methods. The
# test clips are the same for all repeats.

# %%
n_clips = args.n_test + args.repeats * args.n_train
music = make_music(
    n_clips, task="instrument", sr=16000, duration=args.duration, random_state=0
)
X_test, y_test = music.data[: args.n_test], music.target[: args.n_test]
print(f"{args.repeats} x {args.n_train} clips to train on, {args.n_test} to test on.")

# %% [markdown]
# ## Listen to and look at the changes
#
# Changes of waveforms can be heard: a circular shift in time and a gain. First the
# original clip, then two random draws.

# %%
on_waves = [TimeShift(), Gain()]
on_spectrograms = [
    FrequencyShift(bins=(-2, 2)),
    TimeMask(n_masks=1, p=0.5),
    FrequencyMask(n_masks=1, p=0.5),
]
clip = ClipArray.from_array(X_test[:1], sample_rate=16000)
augmenter = Augmenter(on_waves, random_state=0)
change = augmenter.fit_transform(clip).ops[-1].augment
draws = [np.asarray(change(np.asarray(clip), epoch=epoch)) for epoch in (1, 2)]
ClipArray.from_array(np.concatenate([clip, *draws]), sample_rate=16000).listen(3)

# %% [markdown]
# Changes of spectrograms can be seen: a shift by up to two bins, which is cheap but
# only roughly a transposition on mel bands, and a time mask and a frequency mask filled
# with the clip's mean, each with a probability of one half.

# %% mystnb={"figure": {"caption": "The original clip, and the augmented clip in three epochs.", "name": "fig-ex-augmentation-draws"}, "image": {"alt": "Four spectrograms of one clip; in three of them it is moved up or down or has bands of one colour."}}
mel = MelSpectrogram(n_mels=40, n_fft=1024, hop_length=1024).fit(clip)
spectrogram = np.asarray(mel.transform(clip))
augmenter = Augmenter(on_spectrograms, random_state=0)
change = augmenter.fit_transform(spectrogram).ops[-1].augment
pictures = {"original": spectrogram}
pictures |= {f"epoch {e}": np.asarray(change(spectrogram, epoch=e)) for e in (1, 2, 3)}
fig, grid = plt.subplots(2, 2, figsize=(8, 5), layout="constrained")
for ax, (name, picture) in zip(grid.flat, pictures.items(), strict=True):
    SpectrogramDisplay.from_array(
        picture[0],
        sample_rate=16000,
        hop_length=1024,
        ax=ax,
        y_axis="bin",
        vmin=spectrogram.min(),
        vmax=spectrogram.max(),
        colorbar=False,
    )
    ax.set_title(name)
    ax.label_outer()
fig.savefig(args.out / "draws.png")

# %% [markdown]
# ## Training
#
# An `Augmenter` before the front-end changes waveforms, one after it changes
# spectrograms; neither has an effect on predictions. Mixup is a parameter of the
# classifier.


# %%
def build(augmented, mixup_alpha, seed):
    """Return a pipeline."""
    steps = [
        ("wave", RawWave(sr=16000)),
        ("waves", Augmenter(on_waves)),
        ("mel", MelSpectrogram(n_mels=40, n_fft=1024, hop_length=1024)),
        ("scale", Standardizer()),
        ("spectrograms", Augmenter(on_spectrograms)),
        (
            "clf",
            CNN1DClassifier(
                n_filters=32,
                n_blocks=3,
                max_epochs=args.epochs,
                batch_size=8,
                lr=5e-3,
                mixup_alpha=mixup_alpha,
                random_state=seed,
            ),
        ),
    ]
    if not augmented:
        steps = [step for step in steps if not isinstance(step[1], Augmenter)]
    return Pipeline(steps)


ways = {
    "neither": (False, 0),
    "augmented": (True, 0),
    "mixup": (False, 0.3),
}
train, test = np.zeros((2, len(ways), args.repeats))
for repeat in range(args.repeats):
    start = args.n_test + repeat * args.n_train
    rows = slice(start, start + args.n_train)
    X, y = music.data[rows], music.target[rows]
    for i, way in enumerate(ways.values()):
        pipe = build(*way, seed=repeat).fit(X, y)
        train[i, repeat] = pipe.score(X, y)
        test[i, repeat] = pipe.score(X_test, y_test)

# %% [markdown]
# ## Results
#
# Accuracy on the training clips (without augmentation) and on the test clips:

# %%
print(f"{'':10}{'training':>9}{'test':>7}   test of each repeat")
for name, of_train, of_test in zip(ways, train, test, strict=True):
    each = " ".join(f"{score:.3f}" for score in of_test)
    print(f"{name:10}{of_train.mean():9.3f}{of_test.mean():7.3f}   {each}")

# %% mystnb={"figure": {"caption": "Test accuracy of each repeat. Each repeat has its own training clips; dotted lines connect the methods trained on the same clips, and bars are means.", "name": "fig-ex-augmentation-scores"}, "image": {"alt": "Dots for the repeats of three training methods, joined by lines, with a bar at the mean of each method."}}
fig, ax = plt.subplots(figsize=(6.5, 4), layout="constrained")
for repeat in range(args.repeats):
    marker = "osD^v"[repeat % 5]
    ax.plot(range(len(ways)), test[:, repeat], marker, ls=":", label=repeat + 1)
x = np.arange(len(ways))
ax.hlines(test.mean(axis=1), x - 0.25, x + 0.25, color="k", linewidth=2)
ax.set_xticks(x, ways)
ax.set_ylabel("test accuracy")
ax.legend(title="repeat")
fig.savefig(args.out / "scores.png")

# %% [markdown]
# We say that a method helps if it is better in every repeat and if the mean gain
# exceeds the standard error of a test accuracy.

# %%
error = np.sqrt(test.mean() * (1 - test.mean()) / args.n_test)
print(f"Standard error of a test accuracy: {error:.3f}")
for name, scores in list(zip(ways, test, strict=True))[1:]:
    gains = scores - test[0]
    verdict = "makes no clear difference"
    if (gains > 0).all() and gains.mean() > error:
        verdict = "helps here"
    elif (gains < 0).all() and gains.mean() < -error:
        verdict = "hurts here"
    print(f"{name} {verdict}: {gains.mean():+.3f} on average")

# %% [markdown]
# The result applies to this network, these changes and this number of steps. A network
# that sees different clips in every epoch learns more slowly, so with few steps
# augmentation may hurt. And the changes must preserve the features that distinguish the
# classes.
