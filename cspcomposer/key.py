"""Keys by their names: ``G major``, ``f# minor``, ``Bb``, ``e``."""

from __future__ import annotations

import re
from fractions import Fraction

from cspcomposer import pitch as pitches
from cspcomposer.score import Key

MOST_SIGNATURE = 7
_SIGNS = {"": "", "#": "#", "♯": "#", "sharp": "#", "b": "b", "♭": "b", "flat": "b"}
_TONALITY = re.compile(r"([A-Ga-g])([#♯b♭]|[ -](?i:sharp|flat))?(?: ((?i:major|minor)))?")


def parse(text: str) -> Key:
    """Return the key that ``G major``, ``f# minor``, ``Bb`` or ``e`` stands for, from time 0 on.

    Raises:
        ValueError: no key, or one of more than seven sharps or flats.

    >>> str(parse("e")), str(parse("Bb major"))
    ('E minor', 'Bb major')
    """
    found = _TONALITY.fullmatch(" ".join(text.removesuffix(":").split()))
    if not found:
        raise ValueError("expected a key such as G major, E minor, Bb major or F# minor")
    letter, sign, mode = found[1], _SIGNS[(found[2] or "").strip(" -").lower()], found[3]
    mode = mode.lower() if mode else "minor" if letter.islower() else "major"
    key = Key(Fraction(0), pitches.parse_class(letter.upper() + sign), mode)
    if abs(key.fifths) > MOST_SIGNATURE:
        raise ValueError("expected a key of at most seven sharps or flats")
    return key
