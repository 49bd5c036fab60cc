r"""Read the time line of a LilyPond text: durations, ties, tuplets, bar checks. No pitches.

Of LilyPond's input language this takes sticky durations with dots and multipliers, ``~``, ``|``,
``\fermata``, ``\tuplet 3/2 { ... }``, ``% comments``; slurs and beams are passed over. What
stands before a duration (a note, a figure) is handed on unread, see `cspcomposer.notation` and
`cspcomposer.figures`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fractions import Fraction

from cspcomposer.errors import Fault
from cspcomposer.metre import Metre, position, written
from cspcomposer.passage import Passage

MOST_QUARTERS = 8000
FINEST = 1 << 20
_DURATIONS = {str(2**n): Fraction(4, 2**n) for n in range(7)} | {"\\breve": Fraction(8)}
_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<comment>%)|(?P<bar>\|)|(?P<tie>~)|(?P<passed>\\?[()]|[\[\]])
    |(?P<open>\{|\\tuplet\s+(?P<many>\d{1,2})/(?P<few>\d{1,2})(?:\s+\d+\.*)?\s*\{
        |\\times\s+(?P<few2>\d{1,2})/(?P<many2>\d{1,2})\s*\{)
    |(?P<close>\})|(?P<fermata>[-^_]?\\fermata(?![A-Za-z]))
    |(?P<event>(?P<head><[^<>{}|]*>|[A-Za-z]+[',]*[!?]?)
        (?P<length>\d+|\\breve)?(?P<dots>\.*)(?P<times>(?:\*\d{1,4}(?:/\d{1,4})?)*)
        (?=[\s|~()\[\]\\{}^_%-]|$))
    |(?P<command>\\[A-Za-z]+)|(?P<other>[^\s|{}]+)""",
    re.VERBOSE,
)
_ELSEWHERE = {
    "relative": "Pitches are absolute here: c' is middle C; write each note with its own octave.",
    "key": "The key belongs in the spec's 'key'; write every accidental here (fis, bes).",
    "time": "The metre belongs in the spec's 'metre'.",
    "partial": "The pick-up belongs in the spec's 'pickup'.",
    "bar": "Leave bar lines out, or write | as a check.",
}


@dataclass(frozen=True)
class Event:
    """What stands before a duration, and when it is.

    Attributes:
        head: As written, without the duration: ``fis'``, ``<6 5>``, ``r``.
        onset: In quarter notes.
        duration: In quarter notes.
        offset: Where it stands in the passage.
        tied: Whether a tie follows.
        fermata: Whether a fermata stands on it.
        where: ``bar 3, beat 2: `` for a message; "" where the metre is not known.
    """

    head: str
    onset: Fraction
    duration: Fraction
    offset: int
    tied: bool = False
    fermata: bool = False
    where: str = ""


def events(
    passage: Passage, metre: Metre | None, pickup: Fraction = Fraction(0)
) -> tuple[tuple[Event, ...], tuple[Fault, ...]]:
    """Return the events of a text, and everything that is wrong with it.

    Args:
        passage: The text.
        metre: What bar checks are held against; None where it is not known.
        pickup: The length of the pick-up in quarter notes.
    """
    line = _Line(passage, metre, pickup)
    for token in _tokens(passage):
        line.read(token)
        if line.now > MOST_QUARTERS or line.now.denominator > FINEST:
            far = line.now > MOST_QUARTERS
            line.complain(token.start(), "too long" if far else "durations too fine to write down")
            break
    for _, offset in line.groups:
        line.complain(offset, "this { is never closed", "Write } where the group ends.")
    return tuple(line.events), tuple(line.faults)


def _tokens(passage: Passage) -> Iterator[re.Match[str]]:
    offset = 0
    while found := _TOKEN.match(passage.text, offset):
        offset = passage.line_end(offset) if found["comment"] else found.end()
        if not found["space"] and not found["comment"]:
            yield found


class _Line:
    """The state of reading: the time, the last duration, the open groups."""

    def __init__(self, passage: Passage, metre: Metre | None, pickup: Fraction) -> None:
        self.passage, self.metre, self.pickup = passage, metre, pickup
        self.events: list[Event] = []
        self.faults: list[Fault] = []
        self.groups: list[tuple[Fraction, int]] = []
        self.now, self.slip = Fraction(0), Fraction(0)
        self.length = Fraction(1)

    def where(self) -> str:
        """Return ``bar 3, beat 2: ``, or nothing where the metre is not known."""
        if self.metre is None:
            return ""
        bar, beat = position(self.metre, self.pickup, self.now + self.slip)
        return f"bar {bar}, beat {written(beat)}: " if bar else f"pick-up, beat {written(beat)}: "

    def complain(self, offset: int, message: str, hint: str = "") -> None:
        self.faults.append(self.passage.fault(offset, self.where() + message, hint))

    def read(self, token: re.Match[str]) -> None:
        kind, offset = token.lastgroup, token.start()
        if token["event"]:
            self.event(token)
        elif kind == "bar":
            self.check(offset)
        elif token["tie"] or token["fermata"]:
            if not self.events:
                self.complain(offset, f"'{token[0]}' stands before the first note")
            elif token["tie"]:
                self.events[-1] = replace(self.events[-1], tied=True)
            else:
                self.events[-1] = replace(self.events[-1], fermata=True)
        elif token["open"]:
            few = int(token["few"] or token["few2"] or 1)
            many = int(token["many"] or token["many2"] or 1)
            if not few or not many:
                self.complain(offset, "a tuplet of none: expected one such as \\tuplet 3/2 { ... }")
            if len(self.groups) > 8:
                few = many = 1
                self.complain(offset, "too many groups inside one another")
            scale = self.groups[-1][0] if self.groups else Fraction(1)
            self.groups.append((scale * Fraction(few or 1, many or 1), offset))
        elif token["close"]:
            if self.groups:
                self.groups.pop()
            else:
                self.complain(offset, "this } closes nothing")
        elif token["command"] or token["other"]:
            self.unknown(token[0], offset)

    def event(self, token: re.Match[str]) -> None:
        length, dots = token["length"], len(token["dots"])
        if length:
            if length not in _DURATIONS:
                self.complain(
                    token.start("length"),
                    f"'{_short(length)}' is no duration",
                    "Write 1 for a whole note, 2 a half, 4 a quarter, 8, 16, 32, 64.",
                )
            plain = _DURATIONS.get(length, self.length)
            self.length = plain * (2 - Fraction(1, 2 ** min(dots, 4)))
        if dots > 3 or (dots and not length):
            self.complain(token.start("dots"), "a dot without its duration: write c'4. or c'4..")
        if token["times"]:
            for part in token["times"].split("*")[1:]:
                over, _, under = part.partition("/")
                if not int(over) or not int(under or 1):
                    self.complain(token.start("times"), "a multiplier of nothing: write *2 or *2/3")
                else:
                    self.length *= Fraction(int(over), int(under or 1))
        if self.length > MOST_QUARTERS or self.length.denominator > FINEST:
            self.complain(token.start(), "a duration that nobody can play")
            self.length = Fraction(1)
        scale = self.groups[-1][0] if self.groups else Fraction(1)
        duration = self.length * scale
        where = self.where()
        event = Event(token["head"], self.now, duration, token.start(), where=where)
        self.events.append(event)
        self.now += duration

    def check(self, offset: int) -> None:
        """Hold a bar check against the time; go on from the nearest bar line, to cry once."""
        if self.metre is None:
            return
        full, unit = self.metre.full, Fraction(self.metre.unit, 4)
        time = self.now + self.slip
        bars = (time - self.pickup) / full
        if bars.denominator == 1 and (bars >= 0):
            return
        goal = self.pickup + max(round(bars), 0) * full
        if goal == 0:
            goal = full
        ending, _ = position(self.metre, self.pickup, goal - Fraction(1, 1024))
        expected = full * unit + 1
        found = expected - (goal - time) * unit
        amount = written(abs(goal - time) * unit)
        self.faults.append(
            self.passage.fault(
                offset,
                f"bar {ending}: the bar line stands at beat {written(found)}, "
                f"expected at beat {written(expected)} ({self.metre})",
                f"{amount} {'too few' if time < goal else 'too many'}, "
                f"counted in 1/{self.metre.unit} notes.",
            )
        )
        self.slip += goal - time

    def unknown(self, text: str, offset: int) -> None:
        word = text.lstrip("\\")
        if text.startswith("\\"):
            near = get_close_matches(word, ("fermata", "tuplet"), 1)
            hint = _ELSEWHERE.get(word, f"Did you mean '\\{near[0]}'?" if near else "")
            hint = hint or "Known here are \\fermata and \\tuplet 3/2 { ... }."
            self.complain(offset, f"'{_short(text)}' is not understood", hint)
        else:
            self.complain(
                offset,
                f"'{_short(text)}' is not understood",
                "What < opens, > closes: <6 4>."
                if text.startswith("<")
                else "Notes are written as in LilyPond: c'4 d'8 fis' bes'2. r4 s1.",
            )


def _short(text: str) -> str:
    shown = text if len(text) <= 24 else text[:21] + "..."
    return "".join(c if c.isprintable() else "?" for c in shown)
