"""Run a benchmark and save its results: ``python -m benchmarks NAME``."""

import argparse
import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks import (
    augment,
    chunks,
    decode,
    features,
    files,
    imports,
    memory,
    musicnn,
    networks,
    real_audio,
    structure,
    timeline,
    training,
)
from benchmarks._checkouts import HERE

BENCHMARKS = {
    "imports": imports.imports,
    "features": features.features,
    "decode": decode.decode,
    "files": files.files,
    "augment": augment.augment,
    "training": training.training,
    "memory": memory.memory,
    "esc10": real_audio.esc10,
    "esc10_voting": real_audio.esc10_voting,
    "instruments": networks.instruments,
    "instruments_augmented": real_audio.instruments_augmented,
    "tags": networks.tags,
    "missing_tags": networks.missing_tags,
    "regression": networks.regression,
    "structure": structure.structure,
    "chunks": chunks.chunks,
    "timeline": timeline.timeline,
    "musicnn": musicnn.musicnn,
}
# Functions that turn the results into tables for the book.
REPORTS = {
    "imports": imports.report,
    "features": features.report,
    "decode": decode.report,
    "files": files.report,
    "augment": augment.report,
    "training": training.training_report,
    "memory": memory.memory_report,
    "esc10": real_audio.augmented_report,
    "esc10_voting": real_audio.augmented_report,
    "instruments": networks.instruments_report,
    "instruments_augmented": real_audio.augmented_report,
    "tags": networks.tags_report,
    "missing_tags": networks.missing_tags_report,
    "regression": networks.regression_report,
    "structure": structure.report,
    "chunks": chunks.report,
    "timeline": timeline.timeline_report,
    "musicnn": musicnn.report,
}
NEED_DATA = {
    "esc10",
    "esc10_voting",
    "instruments",
    "instruments_augmented",
    "tags",
    "missing_tags",
    "musicnn",
}
# Those that measure a checkout, and another one to compare it with.
COMPARE = {"structure", "chunks"}
PACKAGES = (
    "sktag",
    "torch",
    "scikit-learn",
    "skorch",
    "numpy",
    "scipy",
    "librosa",
    "audiomentations",
    "nnAudio",
    "soundfile",
    "soxr",
)


def machine():
    """Describe the machine and the library versions."""
    import torch

    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [r for r in info.read_text().splitlines() if r.startswith("model name")]
        cpu = names[0].split(":")[1].strip() if names else cpu
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": cpu,
        "n_cores": os.cpu_count(),
        "gpu": gpu,
        "python": platform.python_version(),
        "versions": _versions(),
    }


def _versions():
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # nnAudio is needed by one benchmark only
            found[name] = None
    return found


def page(found):
    """Return the page for the book: the tables of a benchmark, and the machine."""
    name, about = found["benchmark"], found["machine"]
    versions = [f"{k} {v}" for k, v in about["versions"].items() if v is not None]
    return (
        f"{REPORTS[name](found['results'])}\n\n"
        f"Measured by `python -m benchmarks {name}` on {about['date']}: "
        f"{about['cpu']}, {about['n_cores']} cores, {about['gpu'] or 'no GPU'}; "
        f"Python {about['python']}, {', '.join(versions)}.\n"
    )


def main():
    """Parse the command line, run a benchmark, print and save its results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=BENCHMARKS)
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("SKTAG_DATA"),
        help="folder with datasets of real audio, required by some benchmarks and used "
        "by features, decode and timeline if given; default: $SKTAG_DATA",
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument(
        "--root",
        type=Path,
        default=HERE,
        help="checkout that structure and chunks measure; default: this one",
    )
    parser.add_argument(
        "--before", type=Path, help="checkout that they compare it with, in one run"
    )
    args = parser.parse_args()
    if args.data is None and args.name in NEED_DATA:
        parser.error("audio is required: pass --data FOLDER or set SKTAG_DATA=FOLDER")
    if args.name not in COMPARE and (args.before or args.root != HERE):
        parser.error(f"--root and --before are for {', '.join(sorted(COMPARE))}")
    data = None if args.data is None else Path(args.data)
    checkouts = (args.root, args.before) if args.name in COMPARE else ()
    results = {
        "benchmark": args.name,
        "machine": machine(),
        "results": BENCHMARKS[args.name](data, args.device, *checkouts),
    }
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / f"{args.name}.json"
    path.write_text(json.dumps(results, indent=1) + "\n")
    print(f"Written: {path}")
    print(page(results))


if __name__ == "__main__":
    main()
