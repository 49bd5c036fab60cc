"""Which parts of a score are read, in which order their voices stand, and what they are called.

Knows names, clefs and heights; no file format.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from cspcomposer import pitch as pitches
from cspcomposer.errors import BadScore, Fault, counted
from cspcomposer.score import VOICE_NAMES, Note, Voice, clef_for

Choice = str | int | Sequence[str | int] | None

_MOST = max(VOICE_NAMES)
_NOTHING = re.compile(
    r"(music\s?xml part|part|voice|instrument|instr\.?|staff|track|spine|piano|grand piano|p|v)?"
    r"[\s_.:-]*[\dp]*",
    re.IGNORECASE,
)
_RANKS = {
    0: "soprano sopran discant discantus cantus canto superius treble soprani",
    1: "alto contralto altus alt contratenor countertenor alti",
    2: "tenor tenore ténor tenori",
    3: "baritone bariton quintus",
    4: "bass bassus basso bas basse bassi",
}
_RANK = {word: rank for rank, words in _RANKS.items() for word in words.split()}


@dataclass(frozen=True)
class Line:
    """One voice before it has a name.

    Attributes:
        part: The part's name, may be empty.
        clef: As in `cspcomposer.score.Voice`.
        notes: In the order of time.
    """

    part: str
    clef: str
    notes: tuple[Note, ...]

    @property
    def height(self) -> Fraction:
        """The mean of its notes in semitones, each weighed by how long it lasts."""
        weight = sum((n.duration for n in self.notes), Fraction(0))
        return sum((n.duration * pitches.midi(n.pitch) for n in self.notes), Fraction(0)) / weight


def chosen(names: Sequence[str], choice: Choice) -> list[int]:
    """Return the places, from 0, of the parts to read.

    Args:
        names: The parts' names, as printed.
        choice: A name, its first word, a number from 1, several of these; None for every part.

    Raises:
        BadScore: no such part, or more parts than there can be voices.
    """
    if choice is None:
        if len(names) > _MOST:
            raise BadScore(_too_many(f"{len(names)} parts", names))
        return list(range(len(names)))
    wanted = [choice] if isinstance(choice, str | int) else list(choice)
    return sorted({_found(names, one) for one in wanted})


def _found(names: Sequence[str], wanted: str | int) -> int:
    if isinstance(wanted, int):
        if 1 <= wanted <= len(names):
            return wanted - 1
        there = f"There is no part {wanted}: the score has {counted(len(names), 'part')}."
    else:
        word = wanted.strip().casefold()
        plain = [" ".join(n.split()).casefold() for n in names]
        there = f"There is no part '{wanted}'."
        for fits in (
            [i for i, n in enumerate(plain) if n == word],
            [i for i, n in enumerate(plain) if n.split()[:1] == [word]],
        ):
            if len(fits) == 1:
                return fits[0]
            if len(fits) > 1:
                there = f"There are several parts '{wanted}'."
    raise BadScore(Fault(there, hint=f"Choose from: {_list(names)}." if any(names) else ""))


def _list(names: Sequence[str]) -> str:
    return ", ".join(f"{i} {' '.join(n.split())}".strip() for i, n in enumerate(names, start=1))


def _too_many(what: str, names: Sequence[str]) -> Fault:
    return Fault(
        f"The score has {what}; at most {_MOST} voices can be read.",
        hint=f"Name the parts to read: {_list(names)}.",
    )


def voices(lines: Sequence[Line]) -> tuple[Voice, ...]:
    """Return the lines as named voices, from the highest.

    The printed order stands, unless the parts are named after voices (soprano, tenor...) in another
    order, or their names say nothing: then the mean height decides.

    Raises:
        BadScore: no notes, or more than eight lines.
    """
    if not lines:
        raise BadScore(Fault("There are no notes in it.", hint="Is this the right file, or part?"))
    if len(lines) > _MOST:
        raise BadScore(_too_many(f"{len(lines)} voices", [line.part for line in lines]))
    ranks = [_rank(line.part) for line in lines]
    ordered = list(lines)
    if all(rank is not None for rank in ranks):
        ordered.sort(key=lambda line: _rank(line.part) or 0)
    elif all(says_nothing(line.part) for line in lines):
        ordered.sort(key=lambda line: line.height, reverse=True)
    names = VOICE_NAMES[len(ordered)]
    labels = _labels(ordered, names)
    return tuple(
        Voice(name, label, line.clef, line.notes)
        for name, label, line in zip(names, labels, ordered, strict=True)
    )


def says_nothing(name: str) -> bool:
    """Return whether a part's name is one that programs give: "Part 1", "Piano", ""."""
    return _NOTHING.fullmatch(name.strip()) is not None


def _rank(name: str) -> int | None:
    words = re.findall(r"[^\W\d_]+", name.casefold())
    return next((_RANK[word] for word in words if word in _RANK), None)


def _labels(lines: Sequence[Line], names: Sequence[str]) -> list[str]:
    times = Counter(line.part for line in lines)
    seen: Counter[str] = Counter()
    labels = []
    for line, name in zip(lines, names, strict=True):
        seen[line.part] += 1
        part = " ".join(line.part.split())
        if says_nothing(part):
            labels.append(name.replace("_", " ").capitalize())
        else:
            labels.append(part if times[line.part] == 1 else f"{part} {seen[line.part]}")
    return labels


def clef_of(bars: Sequence[Any], notes: Sequence[Note]) -> str:
    """Return the first music21 clef of a part in our words, or one that fits the notes."""
    line = Line("", "", tuple(notes))
    for bar in bars[:1]:
        for clef in bar.recurse().getElementsByClass("Clef"):
            match (clef.sign, clef.line, clef.octaveChange):
                case ("G", 2, -1):
                    return "treble8"
                case ("G", 2, _):
                    return "treble"
                case ("C", 3, _):
                    return "alto"
                case ("C", 4, _):
                    return "tenor"
                case ("F", 4, _):
                    return "bass"
    return clef_for(line.height)
