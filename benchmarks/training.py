"""Training time per epoch, compared with a plain PyTorch loop and from files."""

import tempfile
import time
import warnings
from pathlib import Path
from statistics import median

import numpy as np
import soundfile
import torch
from sklearn.pipeline import Pipeline
from torch import nn

from benchmarks._timing import table
from benchmarks.decode import find_files
from sktag import (
    Augmenter,
    CNN1DClassifier,
    CNN2DClassifier,
    MelSpectrogram,
    RawWave,
    SampleCNNClassifier,
    config_context,
)
from sktag.clips._cache import DECODED
from sktag.datasets import make_music

ROUNDS = 3
N_CLASSES = 10
SR, DURATION = 22050, 5.0
N_FILES = 96
# Estimator, input shape, number of clips (on the CPU and on a GPU, where an epoch of
# the same duration needs more clips), batch size, timed epochs per round.
CASES = {
    "compact 2-D, 64 x 216": (CNN2DClassifier(), (64, 216), (96, 2048), 32, 3),
    "compact 1-D of 16 filters, 64 x 216": (
        CNN1DClassifier(n_filters=16),
        (64, 216),
        (512, 8192),
        32,
        6,
    ),
    "sample_cnn 3^9, 59,049 samples": (
        SampleCNNClassifier(),
        (59049,),
        (24, 512),
        8,
        3,
    ),
}
GPU_CASES = {
    "short_chunk_res, 128 x 231": (
        CNN2DClassifier("short_chunk_res"),
        (128, 231),
        (0, 1024),
        16,
        3,
    ),
}


def training(data, device):
    """Time epochs of the same networks on the same data, alternately."""
    # Timing needs only a few epochs.
    warnings.filterwarnings("ignore", "fit takes .* steps")
    on_gpu = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    device = torch.device("cuda" if on_gpu else "cpu")
    results = {"n_rounds": ROUNDS, "loops": {}}
    for name, case in (CASES | (GPU_CASES if on_gpu else {})).items():
        for amp in (False, True) if on_gpu else (False,):
            found = _compare(*case, device, amp)
            label = f"{name}{', bfloat16' if amp else ''}"
            print(f"{label}: {found}", flush=True)
            results["loops"][label] = found
    with tempfile.TemporaryDirectory() as folder:
        paths = _files(data, Path(folder))
        results["front_end"] = _front_end(paths, device)
    return results


def _compare(estimator, shape, n_clips, batch_size, n_epochs, device, amp):
    """Time the epochs of both loops alternately; return seconds and their ratio."""
    rng = np.random.default_rng(0)
    n_clips = n_clips[device.type == "cuda"]
    X = rng.normal(size=(n_clips, *shape)).astype(np.float32)
    y = np.arange(n_clips) % N_CLASSES
    estimator.set_params(
        batch_size=batch_size,
        max_epochs=n_epochs,
        random_state=0,
        device=device.type,
        amp=amp,
        callbacks=[],
    )
    ways = {
        "sktag": lambda: _with_sktag(estimator, X, y),
        "loop": lambda: _with_loop(estimator, X, y, n_epochs, device, amp),
    }
    seconds = {name: [] for name in ways}
    for turn in range(ROUNDS + 1):
        for name, way in ways.items():
            epochs = way()
            if turn:
                seconds[name].append(median(epochs[1:]))
    medians = {name: median(took) for name, took in seconds.items()}
    return {
        "n_clips": n_clips,
        "batch_size": batch_size,
        "n_epochs": n_epochs,
        "seconds": seconds,
        "median_s": medians,
        "ratio": medians["sktag"] / medians["loop"],
        "clips_per_second": n_clips / medians["sktag"],
    }


def _with_sktag(estimator, X, y):
    """Return the seconds per epoch of a fit."""
    return [row["seconds"] for row in estimator.fit(X, y).history_]


def _with_loop(estimator, X, y, n_epochs, device, amp):
    """Train the same network with a handwritten loop; return the seconds per epoch."""
    torch.manual_seed(0)
    module = estimator._spec(None, X.shape, N_CLASSES).build().module
    module.to(device, memory_format=torch.channels_last).train()
    x, targets = torch.from_numpy(X).to(device), torch.from_numpy(y).to(device)
    decayed = [p for p in module.parameters() if p.ndim > 1]
    others = [p for p in module.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed}, {"params": others, "weight_decay": 0.0}],
        lr=estimator.lr,
        weight_decay=estimator.weight_decay,
    )
    n_batches = -(-len(X) // estimator.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, estimator.lr, total_steps=n_epochs * n_batches, cycle_momentum=False
    )
    loss_of = nn.CrossEntropyLoss()
    seconds = []
    for _ in range(n_epochs):
        start = time.perf_counter()
        total = torch.zeros((), device=device)
        for rows in torch.randperm(len(X)).split(estimator.batch_size):
            rows = rows.to(device)
            optimizer.zero_grad()
            with torch.autocast(device.type, torch.bfloat16, enabled=amp):
                logits = module(x[rows])
            loss = loss_of(logits.float(), targets[rows])
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.detach() * len(rows)
        float(total)  # waits for the device
        seconds.append(time.perf_counter() - start)
    return seconds


def _files(data, folder):
    """Return paths of ESC-10, or of generated clips of the same length and rate."""
    if data is not None:
        return find_files(data / "esc10")[:N_FILES]
    music = make_music(N_FILES, sr=44100, duration=DURATION, random_state=0)
    paths = [str(folder / f"{i}.ogg") for i in range(N_FILES)]
    for path, wave in zip(paths, music.data, strict=True):
        soundfile.write(path, wave, 44100)
    return paths


def _front_end(paths, device):
    """Time epochs from files without caches, and network and decoding separately."""
    y = np.arange(len(paths)) % N_CLASSES
    clips = RawWave(sr=SR, duration=DURATION).fit_transform(paths)

    def epochs(*, augmented=False, **params):
        steps = [
            ("mel", MelSpectrogram(n_mels=64, n_fft=1024)),
            ("augment", Augmenter() if augmented else "passthrough"),
            ("clf", CNN2DClassifier(batch_size=32, random_state=0, **params)),
        ]
        pipe = Pipeline(steps).set_params(clf__device=device.type, clf__max_epochs=2)
        return median(row["seconds"] for row in pipe.fit(clips, y)["clf"].history_[1:])

    def decode():
        start = time.perf_counter()
        for batch in np.array_split(np.arange(len(clips)), 5):
            clips.read(batch)
        return time.perf_counter() - start

    ways = {
        "network": epochs,
        "decoding": decode,
        "from files": lambda: epochs(cache_bytes=0),
        "from files, augmented": lambda: epochs(cache_bytes=0, augmented=True),
    }
    seconds = {name: [] for name in ways}
    with config_context(decode_cache_bytes=0):
        DECODED.clear()
        for turn in range(ROUNDS + 1):
            for name, way in ways.items():
                took = way()
                if turn:
                    seconds[name].append(took)
    medians = {name: median(took) for name, took in seconds.items()}
    parts = medians["network"] + medians["decoding"]
    found = {"n_files": len(paths), "seconds": seconds, "median_s": medians}
    for name in ("from files", "from files, augmented"):
        found[f"ratio, {name}"] = medians[name] / parts
    print(f"front-end in the loop: {found}", flush=True)
    return found


def training_report(results):
    """Return the tables of the book."""
    loops = [
        [
            name,
            f"{found['n_clips']}",
            f"{found['batch_size']}",
            *[f"{found['median_s'][way]:.3f}" for way in ("sktag", "loop")],
            f"{found['ratio']:.3f}",
            f"{found['clips_per_second']:.0f}",
        ]
        for name, found in results["loops"].items()
    ]
    front = results["front_end"]
    parts = [
        [name, f"{took:.2f}", _ratio(front, name)]
        for name, took in front["median_s"].items()
    ]
    return "\n\n".join(
        [
            "Seconds per epoch of `fit` and of a plain PyTorch loop over tensors in "
            "memory, timed alternately, with the same network, data, batch size, "
            "optimizer and schedule.",
            table(
                ["network", "clips", "batch", "sktag", "loop", "ratio", "clips/s"],
                loops,
            ),
            f"Seconds per epoch of the compact 2-D network on {front['n_files']} files "
            "of 5 s at 44.1 kHz, with decoding, resampling and mel spectrograms in the "
            "loop and nothing cached. The ratio is relative to the sum of network and "
            "decoding, timed separately.",
            table(["component", "s per epoch", "ratio"], parts),
        ]
    )


def _ratio(front, name):
    """Return the ratio of a component as text, if it has one."""
    ratio = front.get(f"ratio, {name}")
    return "" if ratio is None else f"{ratio:.3f}"
