"""Training on chunks of long files: how much of a clip goes through the front-end."""

import tempfile
from pathlib import Path

import numpy as np
import soundfile

from benchmarks._checkouts import HERE, ask, describe, heads
from benchmarks._timing import table

ROUNDS = 3
SR, DURATION, N_FILES = 16000, 30.0, 24
CACHE_BYTES = 2**30
# Filters of the network (0: the published 128), bytes of the cache of decoded clips and
# epochs in a turn, of which the first does not count.
CASES = {
    "8 filters, decoded clips cached": (8, CACHE_BYTES, 11),
    "8 filters, files decoded in each epoch": (8, 0, 11),
    "published network, files decoded in each epoch": (0, 0, 2),
}


def chunks(data, device, root=HERE, before=None):
    """Time epochs of the short-chunk recipe on one checkout, or on two in turns."""
    roots = {} if before is None else {"before": before}
    roots["after"] = root
    results = {name: {"checkout": describe(path)} for name, path in roots.items()}
    with tempfile.TemporaryDirectory() as folder:
        _write_files(folder)
        for name, path in roots.items():
            args = (folder, 8, CACHE_BYTES, 1, device)
            results[name]["equal"] = ask("_chunk_epochs.py", path, "check", *args)
            results[name]["cases"] = {}
        for case, (*sizes, n_epochs) in CASES.items():
            turns = {name: [] for name in roots}
            for _ in range(ROUNDS):
                for name, path in roots.items():
                    args = (folder, *sizes, n_epochs, device)
                    turns[name].append(ask("_chunk_epochs.py", path, "time", *args))
            for name, answers in turns.items():
                found = _summarize(answers)
                print(
                    f"{case}, {name}: {found['min_s']:.3f} s an epoch, "
                    f"{found['min_front_end_s']:.3f} s in the front-end",
                    flush=True,
                )
                results[name]["cases"][case] = found
    return results


def _write_files(folder):
    """Write files of noise, so that no two cuts are alike."""
    rng = np.random.default_rng(0)
    for i in range(N_FILES):
        noise = 0.1 * rng.normal(size=round(DURATION * SR))
        soundfile.write(Path(folder, f"{i}.wav"), noise, SR)


def _summarize(answers):
    """Join the turns of one case. A busy machine spoils the least seconds least."""
    joined = {
        key: [value for answer in answers for value in answer[key]]
        for key in ("seconds", "front_end_s", "samples")
    }
    return {
        "min_s": min(joined["seconds"]),
        "min_front_end_s": min(joined["front_end_s"]),
        "mean_samples": float(np.mean(joined["samples"])),
        **joined,
    }


def report(results):
    """Return the tables of the book."""
    columns = heads(results)
    ratio = ["before / after"] if "before" in results else []
    rows = []
    for case in CASES:
        for key, what, style in (
            ("min_s", "seconds an epoch", ".3f"),
            ("min_front_end_s", "seconds of it in the front-end", ".3f"),
            ("mean_samples", "samples into the front-end", ",.0f"),
        ):
            values = [side["cases"][case][key] for side in results.values()]
            shown = [f"{value:{style}}" for value in values]
            last = [f"{values[0] / values[1]:.2f}"] if ratio else []
            rows.append([f"{case}: {what}", *shown, *last])
    equal = [
        [
            f"`{call}`",
            *[
                f"{side['equal'][call]['max_difference']:.2g} of "
                f"{side['equal'][call]['n_chunks']} chunks"
                for side in results.values()
            ],
        ]
        for call in ("fit", "predict_proba")
    ]
    equal.append(
        [
            "samples into the front-end, `predict_proba`",
            *[f"{side['equal']['samples']:,.0f}" for side in results.values()],
        ]
    )
    return "\n\n".join(
        [
            f'An epoch of `make_recipe("short_chunk")` on {N_FILES} files of '
            f"{DURATION:g} s at {SR // 1000} kHz, one chunk of 231 frames a file, with "
            "`cache_bytes=0` and no clips to validate on. Seconds are the least of "
            f"{ROUNDS} fits, interleaved with those of the other checkout, each "
            f"without its first epoch; torch's threads: "
            f"{results['after']['equal']['n_threads']}.",
            table(["an epoch", *columns, *ratio], rows),
            "Largest difference, in dB, between what the network gets and the cut of "
            "the whole clip's spectrogram that is most like it; and the samples that "
            "one prediction of 16 chunks a file computes.",
            table(["call", *columns], equal),
        ]
    )
