"""The timeline of a recording of twenty minutes: accuracy, exactness and memory."""

import tempfile
import time
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import soundfile
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline

from benchmarks._timing import peak_rss, table
from benchmarks.real_audio import read_table
from sktag import (
    ClipArray,
    CNN2DClassifier,
    MelSpectrogram,
    RawWave,
    Standardizer,
    predict_timeline,
)
from sktag.datasets import make_music

SR, HOP = 22050, 512
N_PARTS, PART = 40, 30.0  # clips in the recording; seconds of each
WINDOW = 2.0  # seconds, as in training
MINUTES = (1, 20, 60)  # of the recordings that memory is measured on
OTHERS = (1.0, 2.5, 3.0, 7.3, 12.0, 30.0, 45.0, 61.7, 90.0, 120.0)  # seconds
N_TRAIN, CLIP = 260, 6.0  # generated clips of training; seconds of each


def timeline(data, device):
    """Measure the timeline of a recording that is joined from tagged clips."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        if data is None:
            X, Y, parts, Y_parts = _made(folder)
        else:
            X, Y, parts, Y_parts = _mixed(data / "fluid_mix")
        recording, sound = folder / "recording.wav", np.concatenate(parts)
        soundfile.write(recording, sound, SR)
        pipe = _fit(X, Y, device)
        start = time.perf_counter()
        found = predict_timeline(pipe, [recording])
        results = {
            "data": "make_music" if data is None else "fluid_mix",
            "minutes": len(sound) / SR / 60,
            "n_windows": len(found),
            "seconds": time.perf_counter() - start,
            "roc_auc": _accuracy(found, Y_parts),
            "difference_from_loop": _from_loop(pipe, recording, found),
            "difference_among_others": _among_others(pipe, recording, sound, found),
            "peak_bytes": _memory(pipe, sound, folder),
        }
    for name, value in results.items():
        print(f"{name}: {value}", flush=True)
    return results


def _made(folder):
    """Return generated clips and tags of training, and of the recording."""
    music = make_music(
        N_TRAIN,
        task="tags",
        sr=SR,
        duration=CLIP,
        random_state=0,
        directory=folder / "train",
    )
    other = make_music(N_PARTS, task="tags", sr=SR, duration=PART, random_state=1)
    Y = pd.DataFrame(music.target, columns=music.target_names)
    return music.paths, Y, other.data, other.target


def _mixed(folder):
    """Return clips and tags of fluid_mix; those of the recording are repeated."""
    rows, X = read_table(folder)
    names = list(rows[0])
    names = names[names.index("programs") + 1 :]
    Y = pd.DataFrame([[int(row[tag]) for tag in names] for row in rows], columns=names)
    split = np.array([row["split"] for row in rows])
    train, test = split == "train", np.flatnonzero(split == "test")[:N_PARTS]
    clips = RawWave(SR).fit_transform(X[test])
    parts = [np.resize(clip, round(PART * SR)) for clip in clips]
    return X[train], Y[train], parts, Y.to_numpy()[test]


def _fit(X, Y, device):
    """Return a pipeline, fitted on windows of clips."""
    net = CNN2DClassifier(
        n_filters=(16, 32, 64),
        chunk_size=round(WINDOW * SR / HOP),
        max_epochs=30,
        batch_size=8,
        lr=5e-3,
        random_state=0,
        device=device,
    )
    mel = MelSpectrogram(n_mels=64, n_fft=2048, hop_length=HOP)
    steps = [("wave", RawWave(SR)), ("mel", mel), ("scale", Standardizer())]
    return Pipeline([*steps, ("net", net)]).fit(X, Y)


def _accuracy(found, Y_parts):
    """Return the mean ROC-AUC over tags, of windows by the clip that they are of."""
    starts, ends = (
        found.index.get_level_values(k).to_numpy() for k in ("start", "end")
    )
    part = ((starts + ends) / 2 // PART).astype(int)
    inside = (starts >= PART * part) & (ends <= PART * (part + 1))
    known = (Y_parts.min(axis=0) == 0) & (Y_parts.max(axis=0) == 1)
    proba = found.to_numpy()[:, known]
    truth = Y_parts[part][:, known]
    return {
        "all windows": float(roc_auc_score(truth, proba)),
        "windows within a clip": float(roc_auc_score(truth[inside], proba[inside])),
    }


def _from_loop(pipe, recording, found):
    """Return the largest difference from windows that a loop cuts and predicts."""
    sound, _ = soundfile.read(recording, dtype="float32")
    clips = ClipArray.from_array(sound[np.newaxis], sample_rate=SR)
    frames = np.asarray(pipe[1:-1].transform(clips))
    width = round(WINDOW * SR / HOP)
    room, hop = frames.shape[-1] - width, round(width / 2)
    rows = []
    for first in [*range(0, room, hop), room]:
        window = ClipArray.from_array(
            frames[..., first : first + width], sample_rate=SR, hop_length=HOP
        )
        rows.append(pipe[-1].predict_proba(window)[0])
    return float(np.abs(found.to_numpy() - rows).max())


def _among_others(pipe, recording, sound, found):
    """Return the largest difference of a call with ten other files."""
    paths = [recording.with_name(f"other_{seconds:g}.wav") for seconds in OTHERS]
    for path, seconds in zip(paths, OTHERS, strict=True):
        soundfile.write(path, sound[-round(seconds * SR) :], SR)
    both = predict_timeline(pipe, [*paths[:5], recording, *paths[5:]])
    same = both.loc[[str(recording)]]
    if not same.index.equals(found.index):
        raise SystemExit("The rows of the recording differ among other files.")
    return float(np.abs(same.to_numpy() - found.to_numpy()).max())


def _memory(pipe, sound, folder):
    """Return the peak memory of a process, by minutes of the recording."""
    joblib.dump(pipe, folder / "pipe.joblib")
    peaks = {}
    for minutes in MINUTES:
        path = folder / f"{minutes}.wav"
        soundfile.write(path, np.resize(sound, 60 * minutes * SR), SR)
        peaks[minutes] = peak_rss(_predict, folder / "pipe.joblib", path)
    return peaks


def _predict(pipe, recording):
    predict_timeline(joblib.load(pipe), [recording])


def timeline_report(results):
    """Return the tables of the book."""
    auc = results["roc_auc"]
    rows = [
        *([f"mean ROC-AUC, {name}", f"{value:.3f}"] for name, value in auc.items()),
        [
            "largest difference from a loop over windows",
            f"{results['difference_from_loop']:.1g}",
        ],
        [
            f"largest difference in a call with {len(OTHERS)} other files",
            f"{results['difference_among_others']:.1g}",
        ],
        ["seconds", f"{results['seconds']:.1f}"],
        *(
            [f"peak memory of a process, {minutes} min, in MiB", f"{peak / 2**20:.0f}"]
            for minutes, peak in results["peak_bytes"].items()
        ),
    ]
    return "\n\n".join(
        [
            f"`predict_timeline` on a recording of {results['minutes']:g} min, joined "
            f"from {N_PARTS} clips of {results['data']} that the network was not "
            f"trained on: {results['n_windows']} windows of {WINDOW:g} s. A window "
            "is scored against the tags of the clip that its middle lies in; the "
            "loop cuts windows from the spectrogram of the whole recording and "
            "predicts them one by one. Memory includes all imports.",
            table(["measure", "value"], rows),
        ]
    )
