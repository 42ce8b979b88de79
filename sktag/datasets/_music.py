"""Synthesised, licence-free music with known labels, tempo and pitch.

Requirements that the design meets:

- The same seed gives the same bytes, in memory and on disk; no global random state.
- Clip i depends only on the seed and on i, so a larger set begins with the smaller.
- With a directory, memory holds one clip at a time.
"""

from numbers import Integral, Real
from pathlib import Path

import numpy as np
from scipy.io import wavfile
from sklearn.utils import Bunch, check_random_state

from sktag.datasets import _compose
from sktag.datasets._synth import master

_MIN_DURATION = 0.25
_MIN_SR = 4000
_CLASSES = {"genre": sorted(_compose.GENRES), "instrument": list(_compose.SOLOISTS)}
# Instruments of ten clips; each of bell, guitar, organ and pad plays in four.
_ENSEMBLES = (
    ("bell",),
    ("guitar",),
    ("organ",),
    ("pad",),
    ("bell", "guitar"),
    ("bell", "organ"),
    ("bell", "pad"),
    ("guitar", "organ"),
    ("guitar", "pad"),
    ("organ", "pad"),
)
_DESCR = {
    "genre": """Short clips of a small band in {n_classes} genres: {names}.

Genres differ in rhythm (meter, swing, patterns of drums, bass and chords), harmony
(progressions, chord types) and preferred instruments. Every instrument plays in several
genres, and tempi overlap; keys, levels, equalisation and room have the same
distribution for all. `pitch` is the fundamental of the key's tonic in the octave C3 to
B3.
""",
    "instrument": """Short phrases played by one of {n_classes} instruments: {names}.

The timbre is drawn anew for every clip. `pitch` is the fundamental of the first note,
which is also the lowest, between D3 and E5.
""",
    "tags": """Short clips with any of {n_classes} tags: {names}.

One or two of bell, guitar, organ and pad play chords, or broken chords (arpeggio); bass
and drums are optional; fast clips have 138 to 168 BPM, the others 72 to 100. Each tag
applies to two clips in five. `pitch` is the fundamental of the key's tonic in the
octave C3 to B3.
""",
}


def _check_arguments(n_clips, task, sr, duration):
    if task not in _DESCR:
        raise ValueError(
            f"task={task!r} is unknown. Pass one of {', '.join(map(repr, _DESCR))}."
        )
    if not isinstance(n_clips, Integral) or isinstance(n_clips, bool) or n_clips < 1:
        raise ValueError(
            f"n_clips={n_clips!r} must be an integer of at least 1. Pass the number "
            "of clips to generate."
        )
    if not isinstance(sr, Integral) or isinstance(sr, bool) or sr < _MIN_SR:
        raise ValueError(
            f"sr={sr!r} must be an integer of at least {_MIN_SR} Hz, or the notes "
            "would lie beyond half of it. Pass a higher sample rate, e.g. sr=8000."
        )
    if (
        not isinstance(duration, Real)
        or isinstance(duration, bool)
        or not _MIN_DURATION <= duration < np.inf
    ):
        raise ValueError(
            f"duration={duration!r} must be a finite number of at least "
            f"{_MIN_DURATION} s, the length of a note. Pass a longer duration, in "
            "seconds."
        )


def _shuffled(options, i, seed, salt):
    """Return entry i of an endless list of shuffled blocks of all options."""
    block, place = divmod(i, len(options))
    rng = np.random.default_rng([*seed, salt, block])
    return options[rng.permutation(len(options))[place]]


def _label(task, i, seed):
    """Return the class of clip i, or its set of tags."""
    if task != "tags":
        return _shuffled(_CLASSES[task], i, seed, 1)
    tags = set(_ENSEMBLES[_shuffled(range(10), i, seed, 1)])
    for salt, tag in enumerate(("arpeggio", "bass", "drums", "fast"), start=2):
        if _shuffled(range(5), i, seed, salt) < 2:
            tags.add(tag)
    return tags


def _make_clip(task, label, i, seed, sr, n_samples):
    compose = {
        "genre": _compose.compose_genre,
        "instrument": _compose.compose_phrase,
        "tags": _compose.compose_tags,
    }[task]
    rng = np.random.default_rng([*seed, 0, i])
    mix, tempo, pitch = compose(label, sr, n_samples, rng)
    return master(mix, sr, rng), tempo, pitch


def make_music(
    n_clips=120,
    *,
    task="genre",
    sr=22050,
    duration=3.0,
    random_state=None,
    directory=None,
):
    """Generate a dataset of short synthesised music clips.

    The clips are licence-free and need no download: plucked strings, organ, FM bells
    and electric piano, bowed strings, flute, pad, bass and drums play written patterns
    in random keys, tempi, timbres, rooms and levels. The classes differ musically (in
    rhythm, harmony and timbre), not in loudness or equalisation.

    Clip `i` depends only on `random_state` and `i`: a larger set begins with the
    smaller one, and the same seed gives the same bytes.

    Parameters
    ----------
    n_clips : int >= 1, default=120
        Number of clips.
    task : {"genre", "instrument", "tags"}, default="genre"
        The labels to predict:

        - "genre": blues, bossa, dance, reggae, rock or waltz, by a small band;
        - "instrument": bell, bowed, electric_piano, flute, guitar or organ, in a solo
          phrase. For a problem that a network solves with a few clips, keep only bowed,
          guitar and organ (see Examples);
        - "tags": any of arpeggio, bass, bell, drums, fast, guitar, organ, pad. A clip
          has 1 to 6 tags, and each tag applies to two clips in five.
    sr : int >= 4000, default=22050
        Sample rate, in Hz.
    duration : float >= 0.25, default=3.0
        Duration of each clip, in seconds.
    random_state : int, RandomState instance or None, default=None
        Seed. Pass an int to get the same clips at every call.
    directory : str or path-like, default=None
        Directory for the clips as 16-bit PCM WAV files, named by task and row
        (`genre_00000.wav`, ...; the name does not reveal the class). It is created if
        it does not exist; existing files of the same name are overwritten. With None,
        the clips are returned as an array.

    Returns
    -------
    bunch : Bunch
        With the attributes

        - data : ndarray of shape (n_clips, n_samples), float32 in [-1, 1]. Only without
          `directory`; `n_samples` is `round(duration * sr)`.
        - paths : list of str, length n_clips. The files, in order. Only with
          `directory`.
        - target : ndarray of shape (n_clips,) with the class names or, for "tags", an
          integer indicator ndarray of shape (n_clips, n_tags). Classes are in shuffled
          order, and their counts differ by at most 1.
        - target_names : list of str, the classes or tags, sorted.
        - tempo : ndarray of shape (n_clips,), float. Beats per minute.
        - pitch : ndarray of shape (n_clips,), float. In Hz: for "instrument", the
          fundamental of the first note, which is also the lowest of the phrase (vibrato
          varies around it); otherwise the fundamental of the key's tonic in the octave
          from C3 to B3, 130.8 to 246.9 Hz, up to 15 cents of detuning.
        - sample_rate : int, in Hz.
        - DESCR : str, a description of the dataset.

    Raises
    ------
    ValueError
        If an argument is out of range.

    See Also
    --------
    load_folder : Load your own recordings from one folder per class.
    load_table : Load your own recordings from a table.

    References
    ----------
    .. [1] K. Karplus and A. Strong, "Digital Synthesis of Plucked-String and Drum
       Timbres", Computer Music Journal, 1983.
    .. [2] J. Chowning, "The Synthesis of Complex Audio Spectra by Means of Frequency
       Modulation", Journal of the Audio Engineering Society, 1973.

    Examples
    --------
    >>> import numpy as np
    >>> from sktag.datasets import make_music
    >>> music = make_music(6, sr=8000, duration=1.0, random_state=0)
    >>> music.data.shape, music.data.dtype
    ((6, 8000), dtype('float32'))
    >>> sorted(music.target.tolist()) == music.target_names
    True

    Three instruments that are easy to distinguish:

    >>> music = make_music(12, task="instrument", sr=8000, duration=1.0, random_state=0)
    >>> easy = np.isin(music.target, ["bowed", "guitar", "organ"])
    >>> X, y = music.data[easy], music.target[easy]
    >>> X.shape
    (6, 8000)
    """
    _check_arguments(n_clips, task, sr, duration)
    seed = check_random_state(random_state).randint(2**31 - 1, size=4).tolist()
    sr, n_samples = int(sr), round(duration * sr)
    if directory is None:
        bunch = Bunch(data=np.zeros((n_clips, n_samples), dtype=np.float32))
    else:
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        bunch = Bunch(paths=[])
    labels = [_label(task, i, seed) for i in range(n_clips)]
    tempo, pitch = np.zeros(n_clips), np.zeros(n_clips)
    for i, label in enumerate(labels):
        clip, tempo[i], pitch[i] = _make_clip(task, label, i, seed, sr, n_samples)
        if directory is None:
            bunch.data[i] = clip
        else:
            path = directory / f"{task}_{i:05d}.wav"
            wavfile.write(path, sr, np.rint(clip * 32768.0).astype(np.int16))
            bunch.paths.append(str(path))
    if task == "tags":
        names = list(_compose.TAGS)
        target = np.array([[int(tag in tags) for tag in names] for tags in labels])
    else:
        names = list(_CLASSES[task])
        target = np.array(labels)
    description = _DESCR[task].format(n_classes=len(names), names=", ".join(names))
    bunch.update(
        target=target,
        target_names=names,
        tempo=tempo,
        pitch=pitch,
        sample_rate=sr,
        DESCR=description,
    )
    return bunch
