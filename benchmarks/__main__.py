"""Run a benchmark and keep what it found: ``python -m benchmarks NAME``."""

import argparse
import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks import real_audio

BENCHMARKS = {"esc10": real_audio.esc10, "fluid_mix": real_audio.fluid_mix}
PACKAGES = ("sktag", "torch", "scikit-learn", "skorch", "numpy", "librosa")


def machine():
    """Describe what the figures were measured on."""
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
        "versions": {name: version(name) for name in PACKAGES},
    }


def main():
    """Parse the command line, run, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=BENCHMARKS)
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("SKTAG_DATA"),
        help="folder with the sets of real audio; default: $SKTAG_DATA",
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    args = parser.parse_args()
    if args.data is None:
        parser.error("say where the audio is: --data FOLDER, or SKTAG_DATA=FOLDER")
    results = {
        "benchmark": args.name,
        "machine": machine(),
        "results": BENCHMARKS[args.name](Path(args.data), args.device),
    }
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / f"{args.name}.json"
    path.write_text(json.dumps(results, indent=1) + "\n")
    print(f"Written: {path}")


if __name__ == "__main__":
    main()
