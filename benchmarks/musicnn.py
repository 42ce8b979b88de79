"""The taggers of musicnn against the answers of its own code, for one song."""

import time

import numpy as np

from benchmarks._timing import table
from sktag.pretrained import load_musicnn

MODELS = ("MTT_musicnn", "MSD_musicnn", "MTT_vgg", "MSD_vgg")
N_TAGS = 10


def musicnn(data, device):
    """Compare outputs with those of the library, and name the tags of each model."""
    folder = data / "musicnn"
    (song,) = map(str, folder.glob("*.mp3"))
    with np.load(folder / "mtt_musicnn_expected.npz") as file:
        expected = dict(file)
    results = {"tags": {}, "seconds": {}}
    for model in MODELS:
        start = time.perf_counter()
        pipe = load_musicnn(model)
        results["seconds"][model] = time.perf_counter() - start
        pipe[-1].set_params(device=device)
        probabilities = pipe.predict_proba([song])[0]
        top = np.argsort(-probabilities)[:N_TAGS]
        tags = pipe[-1].tag_names_[top]
        results["tags"][model] = {
            str(tag): float(p) for tag, p in zip(tags, probabilities[top], strict=True)
        }
        if model == "MTT_musicnn":
            results["differences"] = {
                "the library's mel spectrogram": _compare(
                    pipe[-1], _frames(expected["mel"])[np.newaxis], expected
                ),
                "the file": _compare(pipe[-1], pipe[:-1].transform([song]), expected),
            }
    for name, value in results.items():
        print(f"{name}: {value}", flush=True)
    return results


def _frames(mel):
    """Return the input of the library's network: it rounds to half precision."""
    return np.log10(10_000 * mel.astype(np.float16).astype(np.float32) + 1)


def _compare(tagger, X, expected):
    """Return the maximum of each output and of its difference from the library's."""
    pooled = np.concatenate([expected["max_pool"], expected["mean_pool"]], axis=1)
    outputs = {
        "taggram": (tagger.predict_taggram(X)[0], expected["taggram"]),
        "pooled": (tagger.embed(X, "pooled", per_window=True)[0], pooled),
        # The library returns the penultimate layer of the first window for all.
        "penultimate, first window": (
            tagger.embed(X, per_window=True)[0][:1],
            expected["penultimate"][:1],
        ),
    }
    return {
        name: {
            "largest": float(np.abs(theirs).max()),
            "difference": float(np.abs(ours - theirs).max()),
        }
        for name, (ours, theirs) in outputs.items()
    }


def report(results):
    """Return the tables of the book."""
    differences = table(
        ["computed from", "output", "largest value", "largest difference"],
        [
            [source, output, f"{row['largest']:.2f}", f"{row['difference']:.1e}"]
            for source, rows in results["differences"].items()
            for output, row in rows.items()
        ],
    )
    tags = table(
        ["model", f"first {N_TAGS} tags", "seconds to load"],
        [
            [f"`{model}`", ", ".join(tags), f"{results['seconds'][model]:.2f}"]
            for model, tags in results["tags"].items()
        ],
    )
    return "\n\n".join(
        [
            "A song of 29 s from MagnaTagATune, by `MTT_musicnn`, against the outputs "
            "of musicnn 0.1.0 under TensorFlow 2.15. The library rounds mel "
            "spectrograms to half precision, sktag does not:",
            differences,
            "The most probable tags of each model:",
            tags,
        ]
    )
