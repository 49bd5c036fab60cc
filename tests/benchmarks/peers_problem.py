"""One problem for several programs: a tune and its chords given, alto, tenor and bass wanted.

Says what is allowed and what it costs, on MIDI numbers, for whoever solves it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, pairwise, product
from pathlib import Path

DATA = Path(__file__).parent / "data" / "peers.json"
OCTAVE = 12
FIFTH = 7
# Soprano, alto, tenor, bass.
Notes = tuple[int, ...]


@dataclass(frozen=True)
class Beat:
    """What is given of a beat.

    Attributes:
        soprano: A MIDI number.
        classes: The pitch classes of the chord.
        bass: That of its lowest note.
        figures: The same as a figured bass has it.
    """

    soprano: int
    classes: tuple[int, ...]
    bass: int
    figures: str


@dataclass(frozen=True)
class Problem:
    """A tune with its chords.

    Attributes:
        beats: Beat by beat.
        ranges: By voice from the highest, the lowest and the highest note.
        leading_tone: Its pitch class.
    """

    beats: tuple[Beat, ...]
    ranges: tuple[tuple[int, int], ...]
    leading_tone: int


@cache
def problem() -> Problem:
    """Return the problem."""
    data = json.loads(DATA.read_text())
    beats = tuple(
        Beat(b["soprano"], tuple(b["classes"]), b["bass"], b["figures"]) for b in data["beats"]
    )
    return Problem(beats, tuple((low, high) for low, high in data["ranges"]), data["leading_tone"])


def sung(beat: Beat, voice: int) -> list[int]:
    """Return the notes of a beat's chord that a voice can sing there."""
    if voice == 0:
        return [beat.soprano]
    low, high = problem().ranges[voice]
    classes = (beat.bass,) if voice == 3 else beat.classes
    return [p for p in range(low, high + 1) if p % OCTAVE in classes]


def voicings(beat: Beat) -> list[Notes]:
    """Return the ways to set a beat that break no rule by themselves."""
    every = product(*(sung(beat, voice) for voice in range(4)))
    return [notes for notes in every if stands(notes, beat)]


def stands(notes: Notes, beat: Beat) -> bool:
    """Return whether four notes are a good setting of a beat."""
    classes = [p % OCTAVE for p in notes]
    return (
        all(p in sung(beat, voice) for voice, p in enumerate(notes))
        and all(upper >= lower for upper, lower in pairwise(notes))
        and all(upper - lower <= OCTAVE for upper, lower in pairwise(notes[:3]))
        and set(classes) == set(beat.classes)
        and classes.count(problem().leading_tone) <= 1
    )


def follows(before: Notes, after: Notes) -> bool:
    """Return whether no two voices go in parallel fifths, octaves or unisons."""
    return not any(
        parallel((before[v], before[w]), (after[v], after[w])) for v, w in combinations(range(4), 2)
    )


def parallel(before: tuple[int, int], after: tuple[int, int]) -> bool:
    """Return whether two voices, the higher one first, move alike to the interval they leave."""
    first, second = before[0] - before[1], after[0] - after[1]
    same = kind(first) == kind(second) != 0
    return same and (after[0] - before[0]) * (after[1] - before[1]) > 0


def kind(interval: int) -> int:
    """Return 1 for a unison, 2 for octaves, 3 for fifths and twelfths, 0 for the rest."""
    if interval % OCTAVE == FIFTH:
        return 3
    return 0 if interval % OCTAVE else 1 + (interval != 0)


def way(before: Notes, after: Notes) -> int:
    """Return how many semitones the voices below the tune move, added up."""
    return sum(abs(q - p) for p, q in zip(before[1:], after[1:], strict=True))


def price(setting: Sequence[Notes]) -> int | None:
    """Return what a setting costs; None if it breaks a rule."""
    beats = problem().beats
    if len(setting) != len(beats) or not all(map(stands, setting, beats)):
        return None
    if not all(follows(before, after) for before, after in pairwise(setting)):
        return None
    return sum(way(before, after) for before, after in pairwise(setting))
