"""Composition of synthesised clips: genres, solo phrases and tagged mixes.

Requirements that the design meets:

- A genre combines rhythm, harmony and instrumentation. Each of these alone overlaps
  between genres: every instrument plays in several genres, keys are the same for all,
  tempi overlap, and every genre may have drums and melody or not.
- A pattern is a string with one character per step of a bar. Drums: `x` (hit) and `o`
  (ghost note); chords: `x` (short) and `X` (held until the next one); bass: the index
  of the chord tone.
- Every function returns `(mix, tempo in BPM, pitch in Hz)`; the level is set later
  (see `_synth.master`).
"""

from dataclasses import dataclass, replace

import numpy as np

from sktag.datasets._synth import draw_drum, draw_voice

_CHORDS = {
    "maj": (0, 4, 7),
    "min": (0, 3, 7),
    "five": (0, 7, 12),
    "dom7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "min7": (0, 3, 7, 10),
}
_SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "pentatonic": (0, 2, 4, 7, 9),
}
_COMPING = ("guitar", "organ", "electric_piano", "pad")
_LEADING = ("flute", "bowed", "guitar", "organ", "electric_piano", "bell")


@dataclass(frozen=True)
class _Style:
    """A genre; alternatives are equally likely, instruments are weighted."""

    tempo: tuple[float, float]
    steps_per_beat: int
    scale: str
    progressions: tuple[tuple[tuple[int, str], ...], ...]
    kick: tuple[str, ...]
    snare: tuple[str, ...]
    hat: tuple[str, ...]
    bass: tuple[str, ...]
    chords: tuple[str, ...]
    comping: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)
    leading: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0)


GENRES = {
    "blues": _Style(
        tempo=(88, 132),
        steps_per_beat=3,
        scale="blues",
        progressions=(
            ((0, "dom7"), (5, "dom7"), (0, "dom7"), (7, "dom7")),
            ((0, "dom7"), (0, "dom7"), (5, "dom7"), (5, "dom7")),
        ),
        kick=("x.....x.....", "x....xx.....", "x..x..x..x.."),
        snare=("...x.....x..", "...x.o...x.o"),
        hat=("x.xx.xx.xx.x", "x..x.xx..x.x"),
        bass=("0..1..2..3..", "0.02.23.32.2", "0..2..3..2.."),
        chords=("x.xx.xx.xx.x", "X.XX.XX.XX.X", "..x..x..x..x"),
        comping=(5, 2, 1, 0.3),
        leading=(0.5, 0.5, 3, 2, 1, 0.5),
    ),
    "bossa": _Style(
        tempo=(100, 144),
        steps_per_beat=4,
        scale="major",
        progressions=(
            ((2, "min7"), (7, "dom7"), (0, "maj7"), (0, "maj7")),
            ((0, "maj7"), (2, "min7"), (4, "min7"), (2, "min7")),
        ),
        kick=("x.....x.x.....x.", "x.....x.x.....x."),
        snare=("x..x..x...x..x..", "..x...x..x..x..."),
        hat=("x.x.x.x.x.x.x.x.", "xoxoxoxoxoxoxoxo"),
        bass=("0.....2.2.....0.", "0.....2.0.....2."),
        chords=("x..x..x...x..x..", "x.....x..x..x...", "X..X..X...X..X.."),
        comping=(5, 0.3, 3, 0.3),
        leading=(3, 1, 1, 0.5, 2, 0.5),
    ),
    "dance": _Style(
        tempo=(112, 140),
        steps_per_beat=4,
        scale="minor",
        progressions=(
            ((0, "min"), (8, "maj"), (3, "maj"), (10, "maj")),
            ((0, "min7"), (5, "min7"), (0, "min7"), (10, "maj")),
        ),
        kick=("x...x...x...x...", "x...x...x...x..o"),
        snare=("....x.......x...", "....x.......x..o"),
        hat=("..x...x...x...x.", "..x.o.x...x.o.x."),
        bass=("..0...0...0...0.", ".00..00..00..00.", "..00..00..00..00"),
        chords=(
            "X...............",
            "x..x..x.x..x..x.",
            "X...............",
            "x..x....x..x....",
        ),
        comping=(0.3, 1, 1.5, 5),
        leading=(0.5, 1, 0.5, 2, 1, 3),
    ),
    "reggae": _Style(
        tempo=(84, 132),
        steps_per_beat=4,
        scale="pentatonic",
        progressions=(
            ((0, "maj"), (5, "maj"), (0, "maj"), (7, "maj")),
            ((0, "maj"), (9, "min"), (5, "maj"), (7, "maj")),
            ((9, "min"), (2, "min"), (9, "min"), (4, "min")),
        ),
        kick=("........x.......", "........x.....o."),
        snare=("........x.......", "........x......o"),
        hat=("x.x.x.x.x.x.x.x.", "x...x.x.x...x.x."),
        bass=("0...0.2.....1...", "0.....0.2.2.....", "....0.0...2.1.0."),
        chords=("..x...x...x...x.", "..xx..x...xx..x."),
        comping=(2, 5, 1, 0.3),
        leading=(1, 1, 1, 3, 0.5, 1),
    ),
    "rock": _Style(
        tempo=(96, 144),
        steps_per_beat=4,
        scale="pentatonic",
        progressions=(
            ((0, "five"), (5, "five"), (7, "five"), (5, "five")),
            ((0, "five"), (10, "five"), (5, "five"), (0, "five")),
            ((0, "maj"), (7, "maj"), (9, "min"), (5, "maj")),
        ),
        kick=("x.......x.x.....", "x.....x.x.......", "x.x.......x....."),
        snare=("....x.......x...",),
        hat=("x.x.x.x.x.x.x.x.", "x...x...x...x..."),
        bass=("0.0.0.0.0.0.0.0.", "0.0.0.0.0.0.2.2."),
        chords=("x.x.x.x.x.x.x.x.", "X.......X.X.....", "X.....X.X......."),
        comping=(6, 1.5, 0.3, 0.5),
        leading=(0.3, 1, 4, 2, 1, 0.3),
    ),
    "waltz": _Style(
        tempo=(92, 144),
        steps_per_beat=4,
        scale="major",
        progressions=(
            ((0, "maj"), (7, "dom7"), (7, "dom7"), (0, "maj")),
            ((0, "min"), (5, "min"), (7, "dom7"), (0, "min")),
        ),
        kick=("x...........", "x.......o..."),
        snare=("....o...o...", "....x...x..."),
        hat=("....x...x...", "x...x...x.x."),
        bass=("0...........", "0.......2..."),
        chords=("....x...x...", "....X...X..."),
        comping=(2, 1.5, 2, 1),
        leading=(3, 3, 1, 1, 0.5, 1),
    ),
}
SOLOISTS = ("bell", "bowed", "electric_piano", "flute", "guitar", "organ")
TAGS = ("arpeggio", "bass", "bell", "drums", "fast", "guitar", "organ", "pad")
FAST = _Style(
    tempo=(138, 168),
    steps_per_beat=4,
    scale="major",
    progressions=GENRES["rock"].progressions + GENRES["dance"].progressions,
    kick=("x.......x.......", "x...x...x...x...", "x.....x.x......."),
    snare=("....x.......x...", "....x..o....x..."),
    hat=("x.x.x.x.x.x.x.x.", "x...x...x...x..."),
    bass=("0...0...2...0...", "0.0.0.0.0.0.2.2.", "0.......2......."),
    chords=("X.......X.......", "X...............", "X...X...X...X..."),
)
SLOW = replace(FAST, tempo=(72, 100))


def to_hz(midi):
    """Convert a MIDI note number to Hz; A4 (69) is 440 Hz."""
    return 440.0 * 2.0 ** ((midi - 69.0) / 12.0)


class _Stage:
    """The mix in progress; times are in beats, and timing is drawn once per clip."""

    def __init__(self, tempo, sr, n_samples, rng):
        self.mix = np.zeros(n_samples)
        self.sr = sr
        self.rng = rng
        self.beat = 60.0 / tempo
        self.n_beats = n_samples / sr / self.beat
        self.lead_in = rng.uniform(0.0, 0.04)
        self.looseness = rng.uniform(0.0, 0.006)
        self.played = {}  # repeated notes are synthesised once

    def _add(self, beat, samples, gain):
        jitter = self.looseness * self.rng.uniform(0.0, 1.0)
        start = round((self.lead_in + beat * self.beat + jitter) * self.sr)
        stop = min(start + len(samples), len(self.mix))
        if start < stop:
            velocity = gain * self.rng.uniform(0.75, 1.0)
            self.mix[start:stop] += velocity * samples[: stop - start]

    def play(self, voice, midi, beat, length, gain):
        if 0.0 <= beat < self.n_beats:
            held = round(min(length, self.n_beats - beat) * self.beat, 3)
            note = (voice, midi, held)
            if note not in self.played:
                self.played[note] = voice(to_hz(midi), held, self.sr, self.rng)
            self._add(beat, self.played[note], gain)

    def hit(self, drum, beat, gain):
        if 0.0 <= beat < self.n_beats:
            self._add(beat, drum, gain)


def _gain(rng, decibels=0.0):
    return 10.0 ** ((decibels + rng.uniform(-5.0, 5.0)) / 20.0)


def _steps(pattern, style, first_beat, n_beats):
    """Yield (beat from the start, beats to the next mark, bar, character)."""
    bar_beats = len(pattern) / style.steps_per_beat
    marks = [i for i, character in enumerate(pattern) if character != "."]
    ahead = [*marks[1:], marks[0] + len(pattern)]
    for bar in range(int((first_beat + n_beats) / bar_beats) + 1):
        for mark, following in zip(marks, ahead, strict=True):
            beat = bar * bar_beats + mark / style.steps_per_beat - first_beat
            yield beat, (following - mark) / style.steps_per_beat, bar, pattern[mark]


def _choose(rng, options):
    return options[rng.integers(len(options))]


def _drums(stage, style, first_beat, rng):
    level = _gain(rng, 2.0)
    for name, decibels in (("kick", 0.0), ("snare", -3.0), ("hat", -11.0)):
        hit = draw_drum(name, stage.sr, rng)
        gain = level * _gain(rng, decibels)
        pattern = _choose(rng, getattr(style, name))
        for beat, _, _, mark in _steps(pattern, style, first_beat, stage.n_beats):
            stage.hit(hit, beat, gain * (1.0 if mark == "x" else 0.45))


def _bass_line(stage, style, progression, tonic, first_beat, rng):
    voice = draw_voice("bass", rng)
    gain = _gain(rng)
    legato = rng.uniform(0.5, 0.95)
    pattern = _choose(rng, style.bass)
    for beat, room, bar, mark in _steps(pattern, style, first_beat, stage.n_beats):
        degree, quality = progression[bar % len(progression)]
        tones = _CHORDS[quality]
        note = tonic - 12 + degree % 12 + tones[int(mark) % len(tones)]
        note -= 12 * (note > tonic + 2)
        stage.play(voice, note, beat, legato * min(room, 2.0), gain)


def _chord_part(stage, style, progression, tonic, first_beat, rng, voice, arpeggio):
    gain = _gain(rng, -7.0 + 5.0 * arpeggio)
    short = rng.uniform(0.12, 0.4)
    center = tonic + rng.integers(8, 17)
    pattern = _choose(rng, style.chords)
    if arpeggio:
        pattern = "".join("x" if i % 2 == 0 else "." for i in range(len(pattern)))
    order = rng.permutation(4)
    for beat, room, bar, mark in _steps(pattern, style, first_beat, stage.n_beats):
        degree, quality = progression[bar % len(progression)]
        notes = [tonic + degree + tone for tone in _CHORDS[quality]]
        notes = [note - 12 * round((note - center) / 12) for note in notes]
        if arpeggio:
            step = round(beat * 2.0)
            notes = [notes[order[step % 4] % len(notes)]]
            mark = "X"
        length = room * 0.95 if mark == "X" else min(short, room)
        for note in notes:
            stage.play(voice, note, beat, length, gain)


def _melody(stage, style, tonic, first_beat, rng, voice):
    scale = np.array(_SCALES[style.scale])
    scale = tonic + 12 * rng.integers(1, 3) + np.concatenate([scale, scale + 12])
    gain = _gain(rng, -6.0)
    legato = rng.uniform(0.5, 0.95)
    place = rng.integers(len(scale))
    beat = float(rng.integers(0, 2))
    while beat < stage.n_beats:
        step = 1.0 if style.steps_per_beat == 4 else 2.0 / 3.0
        length = _choose(rng, (step / 2.0, step / 2.0, 1.0, 1.0, 1.5, 2.0))
        if rng.uniform() < 0.85:
            stage.play(voice, scale[place], beat, legato * length, gain)
        place = int(np.clip(place + rng.integers(-2, 3), 0, len(scale) - 1))
        beat += length


def _opening(style, sr, n_samples, rng):
    """Draw the tempo, the key and the beat at which the clip begins."""
    tempo = rng.uniform(*style.tempo)
    tonic = 48.0 + rng.integers(12) + rng.uniform(-0.15, 0.15)
    bar_beats = len(style.kick[0]) // style.steps_per_beat
    first_beat = int(rng.integers(4 * bar_beats))
    return _Stage(tempo, sr, n_samples, rng), tempo, tonic, first_beat


def compose_genre(genre, sr, n_samples, rng):
    """Compose a clip of a band; the pitch is the tonic, between C3 and B3."""
    style = GENRES[genre]
    stage, tempo, tonic, first_beat = _opening(style, sr, n_samples, rng)
    progression = _choose(rng, style.progressions)
    odds = np.array(style.comping) / np.sum(style.comping)
    voice = draw_voice(_COMPING[rng.choice(len(odds), p=odds)], rng)
    _chord_part(stage, style, progression, tonic, first_beat, rng, voice, False)
    if rng.uniform() < 0.9:
        _bass_line(stage, style, progression, tonic, first_beat, rng)
    if rng.uniform() < 0.85:
        _drums(stage, style, first_beat, rng)
    if rng.uniform() < 0.6:
        odds = np.array(style.leading) / np.sum(style.leading)
        voice = draw_voice(_LEADING[rng.choice(len(odds), p=odds)], rng)
        _melody(stage, style, tonic, first_beat, rng, voice)
    if not stage.mix.any():  # a clip shorter than the first rest
        stage.play(voice, tonic, 0.0, stage.n_beats, 1.0)
    return stage.mix, tempo, to_hz(tonic)


def compose_phrase(instrument, sr, n_samples, rng):
    """Compose a phrase that begins on its lowest note, which is the pitch."""
    tempo = rng.uniform(90.0, 150.0)
    stage = _Stage(tempo, sr, n_samples, rng)
    first = rng.integers(50, 77) + rng.uniform(-0.15, 0.15)
    scale = np.array(_SCALES[_choose(rng, tuple(_SCALES))])
    scale = np.append(scale, 12)[:6]
    voice = draw_voice(instrument, rng)
    legato = rng.uniform(0.6, 0.98)
    beat, place, length = 0.0, 0, 1.0
    while beat < stage.n_beats:
        stage.play(voice, first + scale[place], beat, legato * length, 1.0)
        beat += length
        length = _choose(rng, (0.5, 0.5, 1.0, 1.0, 1.5))
        place = int(np.clip(place + rng.integers(-2, 3), 0, len(scale) - 1))
        if rng.uniform() < 0.25:
            place = 0
    return stage.mix, tempo, to_hz(first)


def compose_tags(tags, sr, n_samples, rng):
    """Compose a clip with exactly these tags; the pitch is the tonic, C3 to B3."""
    style = FAST if "fast" in tags else SLOW
    stage, tempo, tonic, first_beat = _opening(style, sr, n_samples, rng)
    progression = _choose(rng, style.progressions)
    for name in ("bell", "guitar", "organ", "pad"):
        if name in tags:
            voice = draw_voice(name, rng)
            arpeggio = "arpeggio" in tags
            _chord_part(
                stage, style, progression, tonic, first_beat, rng, voice, arpeggio
            )
    if "bass" in tags:
        _bass_line(stage, style, progression, tonic, first_beat, rng)
    if "drums" in tags:
        _drums(stage, style, first_beat, rng)
    if not stage.mix.any():  # a clip shorter than the first rest
        stage.play(voice, tonic, 0.0, stage.n_beats, 1.0)
    return stage.mix, tempo, to_hz(tonic)
