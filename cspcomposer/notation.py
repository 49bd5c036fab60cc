r"""Read a melody in LilyPond's notation: absolute pitches with Dutch note names.

``c'4 d'8 fis' bes'2.~ bes'4 r s1 g'2\fermata``: c' is middle C; ``r`` is a given silence, ``s`` a
stretch that stays free. Knows no spec, no file and no music theory.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction

from cspcomposer import pitch as pitches
from cspcomposer.errors import Fault
from cspcomposer.lilypond import Event, events
from cspcomposer.metre import Metre
from cspcomposer.passage import Passage

_NOTE = re.compile(r"([a-g])(isis|is|eses|ees|es|ases|aes|as|ses|s)?('+|,+)?[!?]?")
_ALTER = {"": 0, "is": 1, "isis": 2, "es": -1, "eses": -2}
_CONTRACTED = {"es": "ees", "as": "aes", "eses": "eeses", "ases": "aeses"}


@dataclass(frozen=True)
class GivenNote:
    """A note, or a silence, that the user wrote.

    Attributes:
        onset: In quarter notes from the beginning of the piece, the pick-up included.
        duration: In quarter notes; tied notes are one.
        pitch: Base-40 number, see `cspcomposer.pitch`; None is a given silence.
        fermata: Whether a fermata stands on it, the sign of a phrase's end.
        line: In the file, from 1.
        column: In the file, from 1.
    """

    onset: Fraction
    duration: Fraction
    pitch: int | None
    fermata: bool
    line: int
    column: int

    @property
    def end(self) -> Fraction:
        """Where it stops, in quarter notes."""
        return self.onset + self.duration


def melody(
    passage: Passage, metre: Metre | None, pickup: Fraction = Fraction(0)
) -> tuple[tuple[GivenNote, ...], tuple[Fault, ...]]:
    """Return the given notes of a text, and everything that is wrong with it.

    Time that no note covers is free.

    Args:
        passage: The text.
        metre: What bar checks are held against; None where it is not known.
        pickup: The length of the pick-up in quarter notes.
    """
    found, faults = events(passage, metre, pickup)
    wrong = list(faults)
    notes: list[GivenNote] = []
    tie: Event | None = None

    def complain(event: Event, message: str, hint: str = "") -> None:
        wrong.append(passage.fault(event.offset, event.where + message, hint))

    for event in found:
        height: int | None = None
        if event.head not in ("r", "R", "s"):
            try:
                height = pitch(event.head)
            except ValueError as error:
                message, _, hint = str(error).partition("\n")
                complain(event, message, hint)
                tie = None
                continue
        if event.tied and height is None:
            complain(event, "a tie follows a rest: ties join notes of one pitch")
        if tie and (height is None or height != notes[-1].pitch):
            complain(
                event,
                f"the tie before '{event.head}' comes from '{tie.head}'",
                "A tie joins two notes of one pitch; for a slur write ( ).",
            )
            tie = None
        if tie:
            last = notes[-1]
            notes[-1] = replace(
                last,
                duration=last.duration + event.duration,
                fermata=last.fermata or event.fermata,
            )
        elif event.head != "s":
            line, column = passage.place(event.offset)
            notes.append(
                GivenNote(event.onset, event.duration, height, event.fermata, line, column)
            )
        tie = event if event.tied and height is not None else None
    if tie:
        complain(tie, "the tie leads nowhere: no note follows")
    if not found and not wrong:
        wrong.append(passage.fault(0, "no notes", "Leave the key out, or write such as c'4 d'4."))
    return tuple(notes), tuple(sorted(wrong, key=lambda f: (f.line, f.column)))


def pitch(text: str) -> int:
    """Return the base-40 number of a LilyPond pitch: ``fis'`` is F#4.

    Raises:
        ValueError: not one; a hint may stand behind a line break.

    >>> pitches.name(pitch("fis'")), pitches.name(pitch("as,"))
    ('F#4', 'Ab2')
    """
    if text.startswith("<"):
        raise ValueError(f"'{text}' is a chord\nA voice has one note at a time.")
    found = _NOTE.fullmatch(text)
    alter = _alteration(found[1], found[2] or "") if found else None
    if found is None or alter is None:
        raise ValueError(f"'{_short(text)}' is no note\n{_advice(text)}")
    marks = found[3] or ""
    octave = 3 + len(marks) * (-1 if marks.startswith(",") else 1)
    if not 0 <= octave <= 8:
        raise ValueError(f"'{_short(text)}' lies beyond every voice")
    return pitches.make(found[1].upper(), alter, octave)


def _alteration(letter: str, ending: str) -> int | None:
    """Return the alteration; es and as are E flat and A flat, their ``e`` may be written."""
    whole = letter + ending
    return _ALTER.get(_CONTRACTED.get(whole, whole)[1:])


def _advice(text: str) -> str:
    if re.match(r"[hH](is|es)?[',]*$", text):
        return "LilyPond's note names are Dutch: b is B natural, bes B flat."
    if re.match(r"[A-G]", text):
        return "Write it in small letters: c' is middle C, c'' the octave above."
    if re.match(r"[a-g](sharp|flat|b)[',]*$", text):
        return "LilyPond's note names are Dutch: fis is F sharp, bes B flat."
    return "Write such as c', fis'', bes, r for a rest, s for a free stretch."


def _short(text: str) -> str:
    return text if len(text) <= 24 else text[:21] + "..."
