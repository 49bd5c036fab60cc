"""Does a score stand in the keys of its plan, and close as the plan asks?

Keys are found by music21; cadences are read off the outer voices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from cspcomposer import key as keys
from cspcomposer import pitch as pitches
from cspcomposer.metre import Metre
from cspcomposer.score import Measure, Note, Score, Voice, note_at, pickup

# A key is looked for where it holds for so many bars at least.
LEAST_BARS = 4
# From how often chords occur in music of several voices; what music21 takes unasked was fitted to
# melodies alone.
ANALYSIS = "key.bellmanbudge"


def agreeing(score: Score, plan: Mapping[str, Any]) -> tuple[int, int, int]:
    """Return how many stretches of one key are in it, how many are near it, and all of them."""
    right = near = count = 0
    for first, last, name in key_stretches(plan):
        if last - first + 1 < LEAST_BARS:
            continue
        count += 1
        wanted = keys.parse(name)
        found, asked = found_key(score, first, last), (pitches.midi(wanted.tonic) % 12, wanted.mode)
        if found == asked:
            right += 1
        elif _related(found, asked):
            near += 1
    return right, near, count


def key_stretches(plan: Mapping[str, Any]) -> Iterator[tuple[int, int, str]]:
    """Yield the stretches in which one key holds: first bar, last bar, key."""
    end = max(bars(p["bars"])[1] for p in plan["phrases"])
    begins = [(1, str(plan["sections"][0]["key"]))]
    begins += [(int(m["bar"]), str(m["key"])) for m in plan["modulations"]]
    stops = [bar - 1 for bar, _ in begins[1:]] + [end]
    for (first, name), last in zip(begins, stops, strict=True):
        if first <= last:
            yield first, last, name


def found_key(score: Score, first: int, last: int) -> tuple[int, str]:
    """Return the key that music21 hears in some bars: the tonic's pitch class, and the mode."""
    from music21 import note, stream

    begin = next(m.onset for m in score.measures if m.number == first)
    end = next(m.onset + m.length for m in score.measures if m.number == last)
    heard = stream.Stream()
    for voice in score.voices:
        for n in voice.notes:
            if begin <= n.onset < end:
                sounded = note.Note(pitches.midi(n.pitch))
                sounded.quarterLength = float(n.duration)
                heard.insert(float(n.onset - begin), sounded)
    key = heard.analyze(ANALYSIS)
    return int(key.tonic.pitchClass), str(key.mode)


def _related(one: tuple[int, str], other: tuple[int, str]) -> bool:
    up = (one[0] - other[0]) % 12
    if one[1] == other[1]:
        return up in (5, 7)
    return up == 0 or up == (9 if other[1] == "major" else 3)


def met(score: Score, plan: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many phrases close as planned, by their outer voices, and how many there are."""
    closed = count = 0
    for phrase in plan["phrases"]:
        if phrase["cadence"] == "any":
            continue
        count += 1
        _, last = bars(phrase["bars"])
        closed += closes(score, last, str(phrase["cadence"]), str(phrase["key"]))
    return closed, count


def closes(score: Score, bar: int, cadence: str, key: str) -> bool:
    """Return whether a bar closes so: by the bass of its last chord, and the highest voice."""
    measure = next(m for m in score.measures if m.number == bar)
    tonic = keys.parse(key)
    home = pitches.midi(tonic.tonic) % 12
    return any(
        _closes((pitches.midi(low) - home) % 12, (pitches.midi(high) - home) % 12, cadence)
        for low, high in _ends(score, measure)
    )


def _closes(bass: int, melody: int, cadence: str) -> bool:
    """Return whether two notes, in semitones above the tonic, close so."""
    if cadence == "half":
        return bass == 7
    if cadence == "perfect":
        return bass == 0 and melody == 0
    if cadence == "imperfect":
        return bass in (0, 3, 4)
    if cadence == "plagal":
        return bass == 0
    return bass in (8, 9)


def _ends(score: Score, measure: Measure) -> Iterator[tuple[int, int]]:
    """Yield the outer pitches with which a bar may be said to close.

    Its last bass note; and, where chords are broken, the lowest note of its last half, or of all
    of it where it has no halves. Where the piece begins before a bar line its phrases do too.
    """
    high, low = score.voices[0], score.voices[-1]
    early = pickup(score) if measure.length == measure.full else Fraction(0)
    end = measure.onset + measure.length - early
    last = _within_time(low, measure.onset, end)[-1:]
    top = note_at(high, last[0].onset) if last else None
    if last and top:
        yield last[0].pitch, top.pitch
    halves = measure.full / Metre(measure.beats, measure.unit).pulse % 4 == 0
    begin = end - measure.full / 2 if halves else measure.onset
    under = [n for voice in score.voices[1:] for n in _within_time(voice, begin, end)]
    over = _within_time(high, begin, end)
    if under and over:
        yield min(n.pitch for n in under), over[0].pitch


def _within_time(voice: Voice, begin: Fraction, end: Fraction) -> list[Note]:
    return [n for n in voice.notes if n.onset < end and n.end > begin]


def bars(text: str) -> tuple[int, int]:
    """Return the first and the last bar of what a plan writes as "3-6" or "3"."""
    first, _, last = text.partition("-")
    return int(first), int(last or first)
