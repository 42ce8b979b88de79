"""Memory of a fit on few and on many files, with nothing cached."""

import tempfile
import warnings
from pathlib import Path

import numpy as np
import soundfile
from sklearn.pipeline import Pipeline

from benchmarks._timing import peak_rss, table
from sktag import (
    Augmenter,
    CNN2DClassifier,
    MelSpectrogram,
    RawWave,
    Standardizer,
    config_context,
)
from sktag.testing import make_waves

N_FILES = (64, 512)
SR, DURATION = 22050, 5.0


def memory(data, device):
    """Measure the peak memory of a fit on some files and on eight times as many."""
    peaks = {}
    with tempfile.TemporaryDirectory() as folder:
        waves = make_waves(N_FILES[-1], round(DURATION * SR))
        for i, wave in enumerate(waves):
            soundfile.write(Path(folder, f"{i}.wav"), wave, SR)
        for n_files in N_FILES:
            peaks[n_files] = peak_rss(_fit, folder, n_files, device)
            print(f"{n_files} files: {peaks[n_files] / 2**20:.0f} MiB", flush=True)
    few, many = peaks.values()
    print(f"ratio: {many / few:.3f}", flush=True)
    return {"duration": DURATION, "peak_bytes": peaks, "ratio": many / few}


def _fit(folder, n_files, device):
    """Fit a small network on files for two epochs, with augmentation and validation."""
    paths = [str(Path(folder, f"{i}.wav")) for i in range(n_files)]
    pipe = Pipeline(
        [
            ("wave", RawWave(sr=SR)),
            ("mel", MelSpectrogram(n_mels=64, n_fft=1024)),
            ("scale", Standardizer()),
            ("augment", Augmenter()),
            (
                "clf",
                CNN2DClassifier(
                    n_filters=(8, 16),
                    max_epochs=2,
                    early_stopping=True,
                    cache_bytes=0,
                    random_state=0,
                    device=device,
                ),
            ),
        ]
    )
    with config_context(decode_cache_bytes=0), warnings.catch_warnings():
        # Two epochs are few steps, as intended.
        warnings.filterwarnings("ignore", "fit takes .* steps")
        pipe.fit(paths, np.arange(n_files) % 2).predict(paths)


def memory_report(results):
    """Return the table of the book."""
    rows = [
        [f"{n} files", f"{n_bytes / 2**20:.0f}"]
        for n, n_bytes in results["peak_bytes"].items()
    ]
    return "\n\n".join(
        [
            f"Peak resident memory of a process that fits a pipeline on files of "
            f"{results['duration']:g} s and predicts on them, with `cache_bytes=0` and "
            "`set_config(decode_cache_bytes=0)`. Eight times as many files need "
            f"{results['ratio']:.3f} times the memory.",
            table(["fit", "MiB"], rows),
        ]
    )
