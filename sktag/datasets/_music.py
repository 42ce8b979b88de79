"""Synthesised, licence-free music with known labels, tempo and pitch.

What the design meets:

- Same seed, same bytes, in memory and on disk; `np.random` is left alone.
- Clip i depends on the seed and on i alone, so a larger set begins with the smaller.
- Memory: with a directory, one clip at a time.
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
# Which of bell, guitar, organ and pad play, in ten clips: four each.
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
(progressions, kinds of chords) and preferred instruments. Every instrument plays in
several genres; keys, tempi, levels, equalisation and room are drawn alike for all.
`pitch` is the fundamental of the key's tonic in the octave C3 to B3.
""",
    "instrument": """Short phrases played by one of {n_classes} instruments: {names}.

The timbre of each is drawn anew for every clip. `pitch` is the fundamental of the
first note, which is also the lowest, between D3 and E5.
""",
    "tags": """Short clips with any of {n_classes} tags: {names}.

One or two of bell, guitar, organ and pad play chords, or their notes one after the
other (arpeggio); bass and drums are there or not; fast clips have 138 to 168 BPM, the
others 72 to 100. Each tag is given to two clips in five. `pitch` is the fundamental
of the key's tonic in the octave C3 to B3.
""",
}


def _check_arguments(n_clips, task, sr, duration):
    if task not in _DESCR:
        raise ValueError(
            f"task={task!r} is not known. Pass one of {', '.join(map(repr, _DESCR))}."
        )
    if not isinstance(n_clips, Integral) or isinstance(n_clips, bool) or n_clips < 1:
        raise ValueError(
            f"n_clips={n_clips!r} must be an integer of at least 1. Pass the number "
            "of clips to make."
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
    """Entry i of an endless shuffled list in which each block holds all options."""
    block, place = divmod(i, len(options))
    rng = np.random.default_rng([*seed, salt, block])
    return options[rng.permutation(len(options))[place]]


def _label(task, i, seed):
    """Class name of clip i, or its set of tags."""
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
    """Make a set of short synthesised music clips to learn from.

    The clips are licence-free and need no download: plucked strings, organ, FM
    bells and electric piano, bowed strings, flute, pad, bass and drums play written
    patterns in random keys, tempi, timbres, rooms and levels. What tells the classes
    apart is musical (rhythm, harmony, timbre), not loudness or equalisation.

    Clip `i` depends on `random_state` and `i` only: a larger set begins with the
    smaller one, and the same seed gives the same bytes.

    Parameters
    ----------
    n_clips : int >= 1, default=120
        Number of clips.
    task : {"genre", "instrument", "tags"}, default="genre"
        What there is to learn:

        - "genre": blues, bossa, dance, reggae, rock or waltz, by a small band;
        - "instrument": bell, bowed, electric_piano, flute, guitar or organ, in a
          phrase by that instrument alone. For a problem that a net solves with a
          few clips, keep bowed, guitar and organ (see Examples);
        - "tags": any of arpeggio, bass, bell, drums, fast, guitar, organ, pad. A
          clip has 1 to 6 of them, and each is in two clips of five.
    sr : int >= 4000, default=22050
        Sample rate, in Hz.
    duration : float >= 0.25, default=3.0
        Duration of each clip, in seconds.
    random_state : int, RandomState instance or None, default=None
        Seed of everything random. Pass an int for the same clips at every call.
    directory : str or path-like, default=None
        Where to write the clips as 16-bit PCM WAV files, named by task and row
        (`genre_00000.wav`, ...; the name does not tell the class). It is created
        if need be; files of the same name are replaced. With None, the clips are
        returned as an array.

    Returns
    -------
    bunch : Bunch
        With the attributes

        - data : ndarray of shape (n_clips, n_samples), float32 in [-1, 1].
          Only without `directory`; `n_samples` is `round(duration * sr)`.
        - paths : list of str, length n_clips. The files, in order, only with
          `directory`.
        - target : ndarray of shape (n_clips,) with the names of the classes, or,
          for "tags", indicator ndarray of shape (n_clips, n_tags), int. Classes
          come in shuffled order and differ in number by at most 1.
        - target_names : list of str, the classes or tags, sorted.
        - tempo : ndarray of shape (n_clips,), float. Beats per minute.
        - pitch : ndarray of shape (n_clips,), float. In Hz: for "instrument", the
          fundamental of the first note, which is also the lowest of the phrase (a
          vibrato swings around it); otherwise the fundamental of the key's tonic
          in the octave from C3 to B3, 130.8 to 246.9 Hz, give or take 15 cents of
          tuning.
        - sample_rate : int, in Hz.
        - DESCR : str, a description of the set.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    See Also
    --------
    load_folder : Recordings of your own, one folder a class.
    load_table : Recordings of your own, listed in a table.

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

    Three instruments that are easy to tell apart:

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
