"""Thirty-six chord progressions in four voices: what D. Sprockeels' Diatony was measured with.

The progressions, and what a setting of one costs, counted from its notes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from cspcomposer import pitch as pitches
from cspcomposer.score import Score

DATA = Path(__file__).parent / "data" / "diatony.json"
# What a voice's way costs, by semitones.
WAYS = (0, 1, 1, 3, 3, 6, 6, 6, 12, 12, 18, 18, 6)


@dataclass(frozen=True)
class Instance:
    """One progression in one key.

    Attributes:
        progression: Its number, from 1.
        key: As "Ab major".
        chords: In RomanText.
    """

    progression: int
    key: str
    chords: tuple[str, ...]


@dataclass(frozen=True)
class Price:
    """What a setting costs, in the order in which Diatony compares.

    Attributes:
        incomplete: Chords that lack a member.
        diminished: Diminished triads in root position on four pitches.
        meeting: Chords on fewer than four pitches.
        distance: How far the voices go, a second counting 1, a third 3 and so on.
        moves: How often a voice leaves its note: the rest are common notes.
    """

    incomplete: int
    diminished: int
    meeting: int
    distance: int
    moves: int


def instances() -> list[Instance]:
    """Return all thirty-six, by progression, then by key."""
    data: dict[str, Any] = json.loads(DATA.read_text())
    return [
        Instance(number, key, tuple(row[key.split()[1]].split()))
        for number, row in enumerate(data["progressions"], 1)
        for key in data["tonalities"]
    ]


def price(score: Score) -> Price:
    """Return what a setting costs, counted from its notes and the names of its chords."""
    lines = [[pitches.midi(n.pitch) for n in voice.notes] for voice in score.voices]
    chords = list(zip(*lines, strict=True))
    ways = [abs(q - p) for line in lines for p, q in pairwise(line)]
    names = [chord.numeral for chord in score.chords]
    roots = [chord.inversion == 0 for chord in score.chords]
    size = [4 if "7" in name else 3 for name in names]
    heard = [len({p % 12 for p in chord}) for chord in chords]
    four = [len(set(chord)) == 4 for chord in chords]
    return Price(
        sum(n < all_ for n, all_ in zip(heard, size, strict=True)),
        sum("o" in n and r and f for n, r, f in zip(names, roots, four, strict=True)),
        four.count(False),
        sum(WAYS[way] for way in ways),
        sum(way > 0 for way in ways),
    )
