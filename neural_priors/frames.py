"""What a network sees: a score as one column of numbers for every beat. Knows no network.

Everything is moved by so many semitones that the piece's first or given key becomes C major or
A minor: heights are MIDI numbers after that move, and a chord is its root and the semitones of
its members above it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from itertools import pairwise
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from cspcomposer import pitch as pitches
from cspcomposer.analyse_tables import Spelled, tables
from cspcomposer.facts import key_at
from cspcomposer.metre import Metre
from cspcomposer.score import Key, Score, measure_at, note_at

Row = NDArray[np.int16]
# Of each member of a chord the semitones above the root, and its place among all members.
Quality = tuple[tuple[int, int], ...]
VOICES = ("soprano", "alto", "tenor", "bass")
REST = -1
UNKNOWN = -2
NEAR = 8
# The sizes of the rows of `Frames.signs`, in their order.
SIGNS = {"beat": 8, "bar": 5, "last": 2, "to_end": NEAR + 1, "from_start": NEAR + 1,
         "to_close": NEAR + 1, "mode": 2, "goal": 5}  # fmt: skip
BARS = (Fraction(2), Fraction(3), Fraction(4), Fraction(6))
GOALS = ("any", "authentic", "half", "plagal", "deceptive")


@dataclass(frozen=True)
class Frames:
    """A score, column by column; F columns.

    Attributes:
        times: Where each column stands, in quarter notes.
        shift: Semitones by which heights were moved.
        pitches: [4, F] heights; `REST` for silence, `UNKNOWN` where nothing is given.
        later: [F] the soprano's height half a column later.
        struck: [4, F] 1 where the voice strikes a note there.
        signs: [len(SIGNS), F] where in bar, phrase and piece a column stands.
    """

    times: tuple[Fraction, ...]
    shift: int
    pitches: Row
    later: Row
    struck: Row
    signs: Row


@dataclass(frozen=True)
class ChordNames:
    """Chords as numbers, whatever their key.

    Attributes:
        members: The names of chord members ("root", "third"), in a fixed order.
        qualities: For each quality its members: semitones above the root, place in `members`.
        chords: For each key (tonic, mode) and numeral the chord's root (0 to 11) and quality.
    """

    members: tuple[str, ...]
    qualities: tuple[Quality, ...]
    chords: dict[tuple[int, str, str], tuple[int, int]]


@cache
def chord_names() -> ChordNames:
    """Return the chords of all keys, as the rules spell them."""
    spelled = tables().members
    members = tuple(sorted({m for tones in spelled.values() for m in tones.values()}))
    qualities = {_built(tones, members)[1] for tones in spelled.values()}
    return named(spelled, members, tuple(sorted(qualities)))


def named(spelled: Spelled, members: tuple[str, ...], qualities: tuple[Quality, ...]) -> ChordNames:
    """Return chords as numbers, without those whose quality is not among some that are known."""
    places = {quality: i for i, quality in enumerate(qualities)}
    built = {name: _built(tones, members) for name, tones in spelled.items()}
    chords = {name: (root, places[q]) for name, (root, q) in built.items() if q in places}
    return ChordNames(members, qualities, chords)


def _built(tones: Mapping[int, str], members: tuple[str, ...]) -> tuple[int, Quality]:
    heights = {member: _semitone(klass) for klass, member in tones.items()}
    root = heights["root"]
    return root, tuple(sorted(((h - root) % 12, members.index(m)) for m, h in heights.items()))


def home(score: Score) -> Key:
    """Return the key in which a piece ends, which is the one it is in."""
    return score.keys[-1]


def shift(key: Key) -> int:
    """Return the semitones, -5 to 6, that bring a key to C major or A minor."""
    goal = 0 if key.mode == "major" else 9
    moved = (goal - _semitone(key.tonic)) % 12
    return moved - 12 if moved > 6 else moved


def frames(
    score: Score,
    key: Key,
    *,
    goals: Mapping[Fraction, str] = MappingProxyType({}),
    open_at: Mapping[str, Collection[Fraction]] = MappingProxyType({}),
) -> Frames:
    """Return the columns of a score.

    Args:
        score: The voices named in `VOICES` are seen, as far as there are any.
        key: Its key.
        goals: How phrases are to end, by their ends' times: one of `GOALS`.
        open_at: For each voice the times from which on a note is still to be chosen; they become
            `UNKNOWN`.
    """
    times = beats(score)
    move = shift(key)
    rows = np.full((4, len(times)), UNKNOWN, np.int16)
    struck = np.zeros((4, len(times)), np.int16)
    later = np.full(len(times), UNKNOWN, np.int16)
    steps = [b - a for a, b in pairwise(times)]
    steps.append(steps[-1] if steps else Fraction(1))
    for voice in score.voices:
        if voice.name not in VOICES or not voice.notes:
            continue
        row = VOICES.index(voice.name)
        for column, (time, step) in enumerate(zip(times, steps, strict=True)):
            note = note_at(voice, time)
            rows[row, column] = pitches.midi(note.pitch) + move if note else REST
            struck[row, column] = note is not None and note.onset == time
            if row == 0:
                second = note_at(voice, time + step / 2)
                later[column] = pitches.midi(second.pitch) + move if second else REST
    for name, free in open_at.items():
        if name in VOICES and free:
            columns = sorted({max(0, bisect_right(times, time) - 1) for time in free})
            rows[VOICES.index(name), columns] = UNKNOWN
            struck[VOICES.index(name), columns] = 0
            if name == VOICES[0]:
                later[columns] = UNKNOWN
    return Frames(times, move, rows, later, struck, _signs(score, times, key, goals))


def unplanned(seen: Frames) -> Frames:
    """Return frames without how phrases end, for where nothing of the answer may be known."""
    signs = seen.signs.copy()
    signs[list(SIGNS).index("goal")] = 0
    return replace(seen, signs=signs)


def beats(score: Score) -> tuple[Fraction, ...]:
    """Return where the columns stand: on quarter notes, in compound metres on the pulses."""
    out = []
    for bar in score.measures:
        metre = Metre(bar.beats, bar.unit)
        step = metre.pulse if metre.pulse.denominator > 1 else Fraction(1)
        # What a pick-up has before its first whole beat belongs to no column.
        time = bar.onset + (bar.length % step if bar.number == 0 else Fraction(0))
        while time < bar.onset + bar.length:
            out.append(time)
            time += step
    return tuple(out)


def _signs(
    score: Score, times: tuple[Fraction, ...], key: Key, goals: Mapping[Fraction, str]
) -> Row:
    out = np.zeros((len(SIGNS), len(times)), np.int16)
    ends = [max(0, bisect_right(times, end) - 1) for end in score.phrase_ends] or [len(times) - 1]
    last = set(ends)
    wanted = {max(0, bisect_right(times, t) - 1): GOALS.index(kind) for t, kind in goals.items()}
    row = {name: out[i] for i, name in enumerate(SIGNS)}
    upcoming, since = len(ends) - 1, 0
    for column, time in enumerate(times):
        bar = measure_at(score, time)
        missing = bar.full - bar.length if bar.number == 0 else Fraction(0)
        row["beat"][column] = min(7, int(time - bar.onset + missing))
        row["bar"][column] = BARS.index(bar.full) if bar.full in BARS else len(BARS)
        row["last"][column] = column in last
        row["from_start"][column] = min(NEAR, since)
        since = 0 if column in last else since + 1
        row["to_close"][column] = min(NEAR, (len(times) - 1 - column) // 2)
        row["mode"][column] = key.mode == "minor"
    for column in reversed(range(len(times))):
        while upcoming > 0 and ends[upcoming - 1] >= column:
            upcoming -= 1
        row["to_end"][column] = min(NEAR, max(0, ends[upcoming] - column))
        row["goal"][column] = wanted.get(ends[upcoming], 0)
    return out


def chords(score: Score, times: tuple[Fraction, ...], move: int, names: ChordNames) -> Row:
    """Return [2, F]: the root (0 to 11, moved as the heights are) and quality of each column.

    -1 where no chord is known.
    """
    out = np.full((2, len(times)), -1, np.int16)
    starts = [chord.onset for chord in score.chords]
    for column, time in enumerate(times):
        place = bisect_right(starts, time) - 1
        if place >= 0:
            key = key_at(score.keys, time)
            found = names.chords.get((key.tonic, key.mode, score.chords[place].numeral))
            if found:
                out[:, column] = (found[0] + move) % 12, found[1]
    return out


def _semitone(klass: int) -> int:
    return pitches.midi(160 + klass) % 12
