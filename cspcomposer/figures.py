r"""Read a figured bass in LilyPond's figure mode: ``<6>4 <6 4>8 <_+> <7! 5->2 <4\+ 2> r4``.

Knows no bass and no theory: what a figure means against its bass note is decided elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from cspcomposer.errors import Fault
from cspcomposer.lilypond import events
from cspcomposer.metre import Metre
from cspcomposer.passage import Passage

_FIGURE = re.compile(r"(\d{1,2}|_)\s?(\+\+|\+|--|-|!)?(\\\+|/|\\\\)?(?:\\!)?")
_SIGNS = {"+": 1, "++": 2, "-": -1, "--": -2, "!": 0}
_HINT = r"Write such as <6>, <6 4>, <7!>, <_+> (a sharp third), <4\+> (raised), <5/> (lowered)."


@dataclass(frozen=True)
class Figure:
    """One number of a figured bass.

    Attributes:
        number: 2 to 9, diatonic steps above the bass; a bare accidental is a 3.
        alteration: -2 to 2, the accidental that the note then has (0 a natural sign); None where
            the key signature holds.
        shift: 1 a stroke through the figure (a semitone above the key signature), -1 a slash (a
            semitone below it), 0 neither.
    """

    number: int
    alteration: int | None = None
    shift: int = 0


@dataclass(frozen=True)
class Figures:
    """What stands under one bass note; no figures mean a plain triad.

    Attributes:
        onset: In quarter notes from the beginning of the piece, the pick-up included.
        duration: In quarter notes.
        figures: From the top down.
        line: In the file, from 1.
        column: In the file, from 1.
    """

    onset: Fraction
    duration: Fraction
    figures: tuple[Figure, ...]
    line: int
    column: int


def figured_bass(
    passage: Passage, metre: Metre | None, pickup: Fraction = Fraction(0)
) -> tuple[tuple[Figures, ...], tuple[Fault, ...]]:
    """Return the figures of a text, and everything that is wrong with it.

    A rest or a spacer says nothing: the harmony is free there.

    Args:
        passage: The text.
        metre: What bar checks are held against; None where it is not known.
        pickup: The length of the pick-up in quarter notes.
    """
    found, faults = events(passage, metre, pickup)
    wrong = list(faults)
    result: list[Figures] = []
    for event in found:
        if event.head in ("r", "R", "s"):
            continue
        try:
            numbers = parse(event.head)
        except ValueError as error:
            wrong.append(passage.fault(event.offset, f"{event.where}{error}", _HINT))
            continue
        place = passage.place(event.offset)
        result.append(Figures(event.onset, event.duration, numbers, *place))
    if not found and not wrong:
        wrong.append(passage.fault(0, "no figures", "Leave the key out, or write such as <6>4."))
    return tuple(result), tuple(sorted(wrong, key=lambda f: (f.line, f.column)))


def parse(text: str) -> tuple[Figure, ...]:
    r"""Return the figures between angle brackets.

    Raises:
        ValueError: not figures.

    >>> parse("<6 4+>")
    (Figure(number=6, alteration=None, shift=0), Figure(number=4, alteration=1, shift=0))
    """
    if not text.startswith("<"):
        raise ValueError(f"'{text[:24]}' is no figure")
    inside = re.sub(r"[\[\]]|\\!", " ", text[1:-1]).strip()
    figures: list[Figure] = []
    at = 0
    while at < len(inside):
        found = _FIGURE.match(inside, at)
        if not found:
            raise ValueError(f"'{inside[at:].split()[0][:24]}' is no figure")
        figure = _figure(found)
        if figure and any(figure.number == other.number for other in figures):
            raise ValueError(f"the figure {figure.number} stands here twice")
        figures += [figure] if figure else []
        at = found.end()
        while inside.startswith(" ", at) or inside[at : at + 1].isspace():
            at += 1
    return tuple(figures)


def _figure(found: re.Match[str]) -> Figure | None:
    """Return one figure, or None for the placeholder ``_``."""
    number, sign, stroke = found.groups()
    alteration = _SIGNS[sign] if sign else None
    if number == "_":
        return Figure(3, alteration) if sign else None
    if not 2 <= int(number) <= 9:
        raise ValueError(f"the figure {int(number)} is not known: expected 2 to 9")
    return Figure(int(number), alteration, 0 if not stroke else -1 if stroke == "/" else 1)
