"""Spelled pitches as base-40 numbers (Hewlett 1992): names, letters and sounding height.

A pitch is an int, ``40 * octave + class``; classes run from 1 (C double flat) to 40 (B double
sharp), octaves are scientific (C4 is middle C, 163). The interval between two spelled pitches is
one subtraction. This module knows how pitches are written, and no music theory.
"""

from __future__ import annotations

import re

LETTERS = "CDEFGAB"
OCTAVE = 40
_NATURAL = {"C": 3, "D": 9, "E": 15, "F": 20, "G": 26, "A": 32, "B": 38}
_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_FIFTHS = {"F": -1, "C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5}
_CLASS = {n + a: (letter, a) for letter, n in _NATURAL.items() for a in range(-2, 3)}
_NAME = re.compile(r"([A-Ga-g])(##|x|#|bb|b|--|-|)(-?\d+)?$")
_ALTER = {"": 0, "#": 1, "##": 2, "x": 2, "b": -1, "bb": -2, "-": -1, "--": -2}
ACCIDENTAL = {-2: "bb", -1: "b", 0: "", 1: "#", 2: "##"}


def make(letter: str, alter: int, octave: int) -> int:
    """Return the pitch with this letter (A to G), alteration (-2 to 2) and octave.

    Raises:
        ValueError: more than two sharps or flats, which base 40 does not hold.
    """
    if not -2 <= alter <= 2:
        raise ValueError(f"{letter} altered by {alter}: at most a double sharp or double flat")
    return OCTAVE * octave + _NATURAL[letter] + alter


def parts(pitch: int) -> tuple[str, int, int]:
    """Return letter, alteration and octave.

    Raises:
        ValueError: a number in the gaps of base 40, which spells nothing.
    """
    octave, klass = divmod(pitch - 1, OCTAVE)
    try:
        letter, alter = _CLASS[klass + 1]
    except KeyError:
        raise ValueError(f"{pitch} spells no pitch") from None
    return letter, alter, octave


def name(pitch: int) -> str:
    """Return the scientific name: ``F#4``, ``Bb3``.

    >>> name(163), name(make("F", 1, 4))
    ('C4', 'F#4')
    """
    letter, alter, octave = parts(pitch)
    return f"{letter}{ACCIDENTAL[alter]}{octave}"


def parse(text: str) -> int:
    """Return the pitch that a scientific name (``F#4``, ``Bb3``, ``B-3``) stands for.

    Raises:
        ValueError: not such a name.
    """
    found = _NAME.match(text.strip())
    if not found or found[3] is None:
        raise ValueError(f"'{text}' is no pitch: expected a name such as F#4 or Bb3")
    return make(found[1].upper(), _ALTER[found[2]], int(found[3]))


def parse_class(text: str) -> int:
    """Return the pitch class (1 to 40) of a name without octave: ``F#``, ``Bb``.

    Raises:
        ValueError: not such a name.
    """
    found = _NAME.match(text.strip())
    if not found or found[3] is not None:
        raise ValueError(f"'{text}' is no note name: expected one such as F# or Bb")
    return _NATURAL[found[1].upper()] + _ALTER[found[2]]


def class_of(pitch: int) -> int:
    """Return the pitch class, 1 to 40."""
    return (pitch - 1) % OCTAVE + 1


def class_name(klass: int) -> str:
    """Return the name of a pitch class: ``F#``."""
    letter, alter = _CLASS[klass]
    return letter + ACCIDENTAL[alter]


def midi(pitch: int) -> int:
    """Return the sounding height in semitones; middle C is 60."""
    letter, alter, octave = parts(pitch)
    return 12 * (octave + 1) + _SEMITONES[letter] + alter


def fifths(klass: int) -> int:
    """Return how many fifths a pitch class lies above C: the sharps of its major scale."""
    letter, alter = _CLASS[klass]
    return _FIFTHS[letter] + 7 * alter


def spelled(height: int, near: int) -> int:
    """Return a semitone height as the spelling that lies nearest on the line of fifths.

    Args:
        height: In semitones; middle C is 60.
        near: The centre, in fifths above C (sharps of the key signature, plus about one).
    """
    options = [make(letter, a, (height - s - a) // 12 - 1)
               for letter, s in _SEMITONES.items() for a in (-1, 0, 1)
               if (height - s - a) % 12 == 0]  # fmt: skip
    return min(options, key=lambda p: abs(fifths(class_of(p)) - near))
