"""Metres: what a bar holds, and which bar and beat a time is. Knows no notes.

Times are quarter notes from the beginning of the piece, as exact fractions; a pick-up is bar 0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

UNITS = (1, 2, 4, 8, 16, 32)
MOST_BEATS = 32
_TEXT = re.compile(r"(\d{1,3})/(\d{1,3})")


@dataclass(frozen=True)
class Metre:
    """A metre.

    Attributes:
        beats: The upper number.
        unit: The lower number: 4 is a quarter note.
    """

    beats: int
    unit: int

    @property
    def full(self) -> Fraction:
        """What a bar holds, in quarter notes."""
        return Fraction(4 * self.beats, self.unit)

    @property
    def pulse(self) -> Fraction:
        """The beat that musicians count, in quarter notes: three units in a compound metre."""
        triple = self.beats % 3 == 0 and (self.beats > 3 or self.unit >= 8)
        return Fraction(4 * (3 if triple else 1), self.unit)

    def __str__(self) -> str:
        return f"{self.beats}/{self.unit}"


def parse(text: str) -> Metre:
    """Return the metre that a text such as ``3/4`` stands for.

    Raises:
        ValueError: no such metre.
    """
    found = _TEXT.fullmatch(text.strip())
    if not found:
        raise ValueError("expected a metre such as 4/4, 3/4 or 6/8")
    beats, unit = int(found[1]), int(found[2])
    if unit not in UNITS or not 1 <= beats <= MOST_BEATS:
        units = ", ".join(map(str, UNITS))
        raise ValueError(f"expected 1 to {MOST_BEATS} beats, each one of {units}, such as 4/4")
    return Metre(beats, unit)


def position(metre: Metre, pickup: Fraction, time: Fraction) -> tuple[int, Fraction]:
    """Return bar and beat of a time; beats are units of the metre's denominator, from 1.

    >>> position(Metre(4, 4), Fraction(1), Fraction(2))
    (1, Fraction(2, 1))
    """
    if time < pickup:
        return 0, (time + metre.full - pickup) * Fraction(metre.unit, 4) + 1
    bar, rest = divmod(time - pickup, metre.full)
    return int(bar) + 1, rest * Fraction(metre.unit, 4) + 1


def written(beat: Fraction) -> str:
    """Return a beat as one says it: ``3``, ``2 1/2``.

    >>> written(Fraction(5, 2))
    '2 1/2'
    """
    whole, rest = divmod(beat, 1)
    return f"{whole} {rest}" if rest and whole else str(rest if rest else whole)
