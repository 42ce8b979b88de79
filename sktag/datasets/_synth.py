"""Synthesis of instruments, drums and room.

Requirements that the design meets:

- NumPy and SciPy only, no files, no global random state: all randomness comes from
  the given `numpy.random.Generator`, so equal seeds give equal samples.
- In tune: oscillators follow an exact phase; periods are not rounded to samples.
- Band-limited: partials at or above `0.45 * sr` are omitted, at any sample rate.
- No clicks: every note begins and ends at zero.
- Varied: a timbre is drawn once per clip from a table of ranges, so that two guitars
  differ as real ones do.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy import fft

_TABLE_SIZE = 2048
_MAX_HARMONICS = 64
_TWO_PI = 2.0 * np.pi


def _n_samples(seconds, sr):
    return max(16, round(seconds * sr))


def _phase(n, frequency, sr, *, vibrato_cents=0.0, vibrato_rate=5.0):
    """Return the phase of a tone in cycles; vibrato fades in over 0.3 s."""
    t = np.arange(n) / sr
    if vibrato_cents == 0.0:
        return frequency * t
    depth = frequency * (2.0 ** (vibrato_cents / 1200.0) - 1.0)
    sweep = np.minimum(t / 0.3, 1.0) * np.sin(_TWO_PI * vibrato_rate * t)
    return np.cumsum(frequency + depth * sweep) / sr


def _envelope(n, sr, attack, release):
    """Return a raised-cosine attack and release (in s), zero at both ends."""
    envelope = np.ones(n)
    rise = min(_n_samples(attack, sr), n // 2)
    fall = min(_n_samples(release, sr), n // 2)
    envelope[:rise] = 0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / rise)
    envelope[n - fall :] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(1, fall + 1) / fall)
    return envelope


def _harmonics(frequency, sr):
    """Return the numbers of the harmonics below the band limit."""
    highest = int(0.45 * sr / frequency)
    return np.arange(1, max(1, min(highest, _MAX_HARMONICS)) + 1)


def _oscillate(phase, amplitudes, rng, *, decays=None, sr=1):
    """Sum harmonics along a phase by table lookup.

    With `decays` (in 1/s, one per harmonic), harmonics are grouped by octave, and each
    group has one exponential decay.
    """
    numbers = np.arange(1, len(amplitudes) + 1)
    groups = np.zeros(len(numbers), dtype=int)
    if decays is not None:
        groups = np.log2(numbers).astype(int)
    n_groups = groups[-1] + 1
    spectrum = np.zeros((n_groups, _TABLE_SIZE // 2 + 1), dtype=complex)
    angles = rng.uniform(0.0, _TWO_PI, len(numbers))
    spectrum[groups, numbers] = amplitudes * np.exp(1j * angles) * _TABLE_SIZE / 2
    table = fft.irfft(spectrum, axis=1).T
    table = np.vstack([table, table[:1]])
    position = (phase % 1.0) * _TABLE_SIZE
    index = np.minimum(position.astype(int), _TABLE_SIZE - 1)
    fraction = (position - index)[:, None]
    waves = table[index] * (1.0 - fraction) + table[index + 1] * fraction
    if decays is None:
        return waves[:, 0]
    weights = np.maximum(amplitudes, 1e-12)
    rates = np.bincount(groups, weights * decays) / np.bincount(groups, weights)
    t = np.arange(len(phase)) / sr
    return np.einsum("ng,ng->n", waves, np.exp(-t[:, None] * rates))


def _filtered_noise(n, sr, rng, low, high):
    """Return white noise through a gentle band-pass from `low` to `high` Hz."""
    from scipy import signal

    low = min(low, 0.3 * sr)
    high = float(np.clip(high, 1.2 * low, 0.48 * sr))
    sos = signal.butter(1, [low, high], btype="bandpass", fs=sr, output="sos")
    return signal.sosfilt(sos, rng.standard_normal(n))


# Melodic instruments: (frequency in Hz, duration in s, sr, rng, *, timbre) -> samples.


def _guitar(frequency, held, sr, rng, *, pluck, slope, damping, body):
    """Karplus-Strong string in closed form.

    A loop of one period that averages neighbouring samples multiplies harmonic h by
    cos(pi h f / loop_rate) at every turn.
    """
    n = _n_samples(held + 0.06, sr)
    h = _harmonics(frequency, sr)
    amplitudes = np.abs(np.sin(np.pi * h * pluck)) * h**-slope
    amplitudes *= np.exp(0.4 * rng.standard_normal(len(h)))
    turn = np.cos(np.minimum(np.pi * h * frequency / 44100.0, 1.5))
    decays = damping - frequency * np.log(turn)
    tone = _oscillate(_phase(n, frequency, sr), amplitudes, rng, decays=decays, sr=sr)
    t = np.arange(n) / sr
    knock = np.sin(_TWO_PI * body * t) * np.exp(-t / 0.02)
    return (tone + 0.3 * knock) * _envelope(n, sr, 0.002, 0.05)


def _organ(frequency, held, sr, rng, *, octave, quint, brilliance, leslie, depth):
    """Additive drawbars at 1, 2, 3, 4, 5, 6 and 8 times the fundamental."""
    n = _n_samples(held + 0.03, sr)
    bars = np.zeros(8)
    bars[[0, 1, 2, 3]] = 1.0, octave, quint, 0.8 * octave
    bars[[4, 5, 7]] = 0.4 * brilliance, 0.6 * brilliance, brilliance
    amplitudes = bars[: len(_harmonics(frequency, sr))]
    phase = _phase(n, frequency, sr, vibrato_cents=6.0, vibrato_rate=leslie)
    tone = _oscillate(phase, amplitudes, rng)
    t = np.arange(n) / sr
    tone *= 1.0 + depth * np.sin(_TWO_PI * leslie * t + rng.uniform(0.0, _TWO_PI))
    return tone * _envelope(n, sr, 0.006, 0.025)


def _fm(frequency, n, sr, *, ratio, index, fade):
    """Band-limited FM whose `index` falls by a factor of e every `fade` s."""
    room = 0.45 * sr / frequency - 1.0
    if ratio >= room:
        ratio = 1.0
    index = min(index, max(0.0, room / ratio - 1.0))
    t = np.arange(n) / sr
    modulator = index * np.exp(-t / fade) * np.sin(_TWO_PI * ratio * frequency * t)
    return np.sin(_TWO_PI * frequency * t + modulator)


def _bell(frequency, held, sr, rng, *, ratio, index, fade, decay, strike):
    """Inharmonic FM that rings for 0.3 s after the note."""
    n = _n_samples(held + 0.3, sr)
    tone = _fm(frequency, n, sr, ratio=ratio, index=index, fade=fade)
    tone += strike * _fm(frequency, n, sr, ratio=2.0 * ratio, index=1.0, fade=fade / 4)
    t = np.arange(n) / sr
    return tone * np.exp(-t / decay) * _envelope(n, sr, 0.002, 0.28)


def _electric_piano(frequency, held, sr, rng, *, index, fade, decay, tine, tremolo):
    """Harmonic FM for the tone bar, plus a short high partial for the tine."""
    n = _n_samples(held + 0.08, sr)
    t = np.arange(n) / sr
    tone = _fm(frequency, n, sr, ratio=1.0, index=index, fade=fade)
    bright = _fm(frequency, n, sr, ratio=14.0, index=0.8, fade=0.05)
    tone += tine * bright * np.exp(-t / 0.06)
    swell = 1.0 + tremolo * np.sin(_TWO_PI * 5.0 * t + rng.uniform(0.0, _TWO_PI))
    return tone * swell * np.exp(-t / decay) * _envelope(n, sr, 0.003, 0.07)


def _bowed(frequency, held, sr, rng, *, slope, formant, vibrato, rate, attack, bow):
    """Sawtooth-like string with body resonance, vibrato and bow noise."""
    n = _n_samples(held + 0.08, sr)
    h = _harmonics(frequency, sr)
    resonance = 1.0 + 2.0 * np.exp(-(np.log2(h * frequency / formant) ** 2) * 4.0)
    phase = _phase(n, frequency, sr, vibrato_cents=vibrato, vibrato_rate=rate)
    tone = _oscillate(phase, resonance * h**-slope, rng)
    tone += bow * _filtered_noise(n, sr, rng, 1500.0, 6000.0)
    return tone * _envelope(n, sr, attack, 0.07)


def _flute(frequency, held, sr, rng, *, second, third, breath, rate, depth, attack):
    """Few harmonics, breath noise around the tone, and tremolo."""
    n = _n_samples(held + 0.06, sr)
    amplitudes = np.array([1.0, second, third, 0.3 * third])
    amplitudes = amplitudes[: len(_harmonics(frequency, sr))]
    phase = _phase(n, frequency, sr, vibrato_cents=8.0, vibrato_rate=rate)
    tone = _oscillate(phase, amplitudes, rng)
    t = np.arange(n) / sr
    tone *= 1.0 + depth * np.sin(_TWO_PI * rate * t)
    tone += breath * _filtered_noise(n, sr, rng, 1.5 * frequency, 6.0 * frequency)
    return tone * _envelope(n, sr, attack, 0.05)


def _pad(frequency, held, sr, rng, *, slope, detune, cutoff, attack):
    """Three detuned sawtooths through a low-pass, with a slow attack."""
    n = _n_samples(held + 0.15, sr)
    h = _harmonics(frequency, sr)
    amplitudes = h**-slope / np.sqrt(1.0 + (h * frequency / cutoff) ** 4)
    tone = np.zeros(n)
    for cents in (-detune, 0.0, detune):
        shifted = frequency * 2.0 ** (cents / 1200.0)
        start = rng.uniform()
        tone += _oscillate(_phase(n, shifted, sr) + start, amplitudes, rng)
    return tone / 2.0 * _envelope(n, sr, attack, 0.14)


def _bass(frequency, held, sr, rng, *, slope, cutoff, fade, decay, pick):
    """Low string or synthesiser whose high partials decay first."""
    n = _n_samples(held + 0.04, sr)
    h = _harmonics(frequency, sr)
    amplitudes = h**-slope / np.sqrt(1.0 + (h * frequency / cutoff) ** 2)
    decays = 1.0 / decay + h / (h + 6.0) / fade
    tone = _oscillate(_phase(n, frequency, sr), amplitudes, rng, decays=decays, sr=sr)
    t = np.arange(n) / sr
    tone += pick * rng.standard_normal(n) * np.exp(-t / 0.006)
    return tone * _envelope(n, sr, 0.004, 0.035)


# Drums: (sr, rng, *, timbre) -> one hit.


def _kick(sr, rng, *, pitch, drop, fall, decay, click):
    n = _n_samples(5.0 * decay, sr)
    t = np.arange(n) / sr
    cycles = pitch * (t + drop * fall * (1.0 - np.exp(-t / fall)))
    hit = np.sin(_TWO_PI * cycles) * np.exp(-t / decay)
    hit += click * rng.standard_normal(n) * np.exp(-t / 0.004)
    return hit * _envelope(n, sr, 0.001, decay)


def _snare(sr, rng, *, pitch, tone, decay, low, high):
    n = _n_samples(5.0 * decay, sr)
    t = np.arange(n) / sr
    hit = tone * np.sin(_TWO_PI * pitch * t) * np.exp(-t / 0.04)
    hit += _filtered_noise(n, sr, rng, low, high) * np.exp(-t / decay)
    return hit * _envelope(n, sr, 0.001, decay)


def _hat(sr, rng, *, low, decay, metal, ring):
    n = _n_samples(6.0 * decay, sr)
    t = np.arange(n) / sr
    hit = _filtered_noise(n, sr, rng, low, 0.48 * sr)
    base = min(ring, 0.07 * sr)
    for ratio in (2.0, 3.0, 4.16, 5.43):
        hit += metal * np.sign(np.sin(_TWO_PI * base * ratio * t))
    return hit * np.exp(-t / decay) * _envelope(n, sr, 0.001, decay)


# The timbre of a clip is drawn uniformly from these ranges.
_INSTRUMENTS: dict[str, tuple[Callable, dict[str, tuple[float, float]]]] = {
    "bass": (
        _bass,
        {
            "slope": (0.8, 1.6),
            "cutoff": (200.0, 1200.0),
            "fade": (0.08, 0.4),
            "decay": (0.4, 1.5),
            "pick": (0.0, 0.15),
        },
    ),
    "bell": (
        _bell,
        {
            "ratio": (2.6, 4.4),
            "index": (0.7, 1.8),
            "fade": (0.2, 0.7),
            "decay": (0.35, 1.0),
            "strike": (0.1, 0.5),
        },
    ),
    "bowed": (
        _bowed,
        {
            "slope": (0.8, 1.4),
            "formant": (500.0, 2500.0),
            "vibrato": (8.0, 22.0),
            "rate": (4.5, 6.5),
            "attack": (0.04, 0.11),
            "bow": (0.02, 0.15),
        },
    ),
    "electric_piano": (
        _electric_piano,
        {
            "index": (0.7, 2.2),
            "fade": (0.15, 0.6),
            "decay": (0.5, 1.4),
            "tine": (0.05, 0.4),
            "tremolo": (0.0, 0.3),
        },
    ),
    "flute": (
        _flute,
        {
            "second": (0.15, 0.7),
            "third": (0.03, 0.3),
            "breath": (0.05, 0.3),
            "rate": (4.0, 6.0),
            "depth": (0.05, 0.25),
            "attack": (0.03, 0.09),
        },
    ),
    "guitar": (
        _guitar,
        {
            "pluck": (0.08, 0.45),
            "slope": (0.5, 1.3),
            "damping": (0.8, 4.0),
            "body": (90.0, 160.0),
        },
    ),
    "organ": (
        _organ,
        {
            "octave": (0.2, 1.0),
            "quint": (0.1, 0.9),
            "brilliance": (0.05, 0.7),
            "leslie": (4.5, 7.5),
            "depth": (0.02, 0.25),
        },
    ),
    "pad": (
        _pad,
        {
            "slope": (0.7, 1.3),
            "detune": (5.0, 18.0),
            "cutoff": (600.0, 3500.0),
            "attack": (0.08, 0.25),
        },
    ),
}
_DRUMS: dict[str, tuple[Callable, dict[str, tuple[float, float]]]] = {
    "kick": (
        _kick,
        {
            "pitch": (42.0, 75.0),
            "drop": (1.0, 5.0),
            "fall": (0.015, 0.05),
            "decay": (0.05, 0.13),
            "click": (0.0, 0.4),
        },
    ),
    "snare": (
        _snare,
        {
            "pitch": (150.0, 330.0),
            "tone": (0.1, 1.0),
            "decay": (0.03, 0.09),
            "low": (400.0, 2000.0),
            "high": (4000.0, 9000.0),
        },
    ),
    "hat": (
        _hat,
        {
            "low": (4000.0, 8500.0),
            "decay": (0.012, 0.05),
            "metal": (0.0, 0.3),
            "ring": (1200.0, 2000.0),
        },
    ),
}


def draw_voice(name, rng):
    """Draw the timbre of a melodic instrument: `voice(frequency, held, sr, rng)`."""
    play, ranges = _INSTRUMENTS[name]
    return partial(play, **{key: rng.uniform(*span) for key, span in ranges.items()})


def draw_drum(name, sr, rng):
    """Draw the timbre of a drum and return one hit with a peak of 1."""
    play, ranges = _DRUMS[name]
    hit = play(sr, rng, **{key: rng.uniform(*span) for key, span in ranges.items()})
    return hit / np.max(np.abs(hit))


def master(mix, sr, rng):
    """Add room, equalisation, noise and level to a clip, independently of its class.

    The equaliser has a random tilt of up to 1.5 dB per octave and three bumps of up to
    6 dB. The room lasts 0.15 to 0.6 s, noise is 35 to 55 dB below the music, and the
    RMS level is between -30 and -20 dB of full scale, lower only if the peak would
    exceed 0.95.
    """
    n = len(mix)
    room = rng.standard_normal(_n_samples(rng.uniform(0.15, 0.6), sr))
    room *= np.exp(-6.9 * np.arange(len(room)) / len(room))
    room *= rng.uniform(0.0, 0.35) / np.sqrt(np.sum(room**2))
    room[0] += 1.0
    size = fft.next_fast_len(n + len(room) + 2048, real=True)
    frequency = np.maximum(fft.rfftfreq(size, 1.0 / sr), 1.0)
    octave = np.log2(frequency / 700.0)
    gain_db = rng.uniform(-1.5, 1.5) * np.clip(octave, -4.0, 4.0)
    for center in rng.uniform(-3.0, 4.0, 3):
        gain_db += rng.uniform(-6.0, 6.0) * np.exp(-2.0 * (octave - center) ** 2)
    rumble = frequency**4 / (frequency**4 + 30.0**4)
    spectrum = fft.rfft(mix, size) * fft.rfft(room, size)
    clip = fft.irfft(spectrum * rumble * 10.0 ** (gain_db / 20.0), size)[:n]
    level = np.sqrt(np.mean(clip**2))
    clip += rng.standard_normal(n) * level * 10.0 ** (-rng.uniform(35.0, 55.0) / 20.0)
    clip = (clip - np.mean(clip)) * _envelope(n, sr, 0.003, 0.01)
    clip *= 10.0 ** (rng.uniform(-30.0, -20.0) / 20.0) / np.sqrt(np.mean(clip**2))
    return (clip / max(1.0, np.max(np.abs(clip)) / 0.95)).astype(np.float32)
