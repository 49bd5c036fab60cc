"""Rhythms of one bar: every way to fill its beats, found by constraint programming.

What may fill a beat, and what may not stand together, comes from `asp_rules/candidates/rhythm.lp`;
which of the bars suits a piece is decided by the rules of rhythm, for the piece as a whole.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise

from constraint import Problem

from cspcomposer import rulebook, solver
from cspcomposer.metre import Metre
from cspcomposer.solver import Source

# Longer notes than these are tied in ways that no singer reads at sight.
LENGTHS = frozenset(
    Fraction(n, 12) for n in (1, 2, 3, 4, 6, 8, 9, 12, 16, 18, 24, 36, 48, 54, 72, 96)
)
_LONG = frozenset(
    Fraction(n, 12) for n in (30, 66)
)  # five eighths, eleven: where three make a beat
_ASKED = {"figure": 2, "strikes": 3, "syncopates": 1, "lengthens": 2, "clash": 2, "usual": 1,
          "quick": 1, "silent": 1, "binds": 1}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """The rhythm of one bar.

    Attributes:
        figures: What fills each beat.
        onsets: Where notes are struck, in quarter notes from the bar line. Where the first one is
            not at 0, a note of the bar before is held until then.
        length: Of the bar, in quarter notes.
        hush: How much of its end is a rest, in quarter notes; an upbeat may come behind it.
        upbeat: How much of its end belongs to the next phrase, if it rests before that.
    """

    figures: tuple[str, ...]
    onsets: tuple[Fraction, ...]
    length: Fraction
    hush: Fraction = Fraction(0)
    upbeat: Fraction = Fraction(0)

    @property
    def silence(self) -> Fraction:
        """Where its rest begins; its end if it has none."""
        return self.length - self.upbeat - self.hush

    @property
    def notes(self) -> tuple[tuple[Fraction, Fraction], ...]:
        """Where each note is struck and how long it lasts, in quarter notes."""
        ends = (*self.onsets[1:], self.length)
        stops = [self.silence if a < self.silence else self.length for a in self.onsets]
        return tuple(
            (a, min(b, stop) - a) for a, b, stop in zip(self.onsets, ends, stops, strict=True)
        )


@dataclass(frozen=True)
class Figures:
    """What the rule file says of beats.

    Attributes:
        strokes: By kind of beat and figure, the twelfths at which it strikes.
        syncopating: Figures that strike off the beat alone.
        lengthening: Pairs in which that makes a dotted note.
        clashes: Pairs that do not stand in one bar.
        usual: Figures that are taken if nobody says otherwise.
        quick: Figures that are taken besides where an idea comes back in half its note values.
        silent: Figures that are rests, where a phrase has come to rest.
        binding: Figures of a first beat into which the note before is held.
    """

    strokes: Mapping[tuple[str, str], tuple[int, ...]]
    syncopating: frozenset[str]
    lengthening: frozenset[tuple[str, str]]
    clashes: frozenset[tuple[str, str]]
    usual: frozenset[str]
    quick: frozenset[str]
    silent: frozenset[str]
    binding: frozenset[str]


@cache
def figures() -> Figures:
    """Return what may fill a beat."""
    path = rulebook.folder() / "candidates" / "rhythm.lp"
    atoms, _ = solver.consequences([Source(str(path), rulebook.base_part(path))], show=_ASKED)
    said: dict[str, list[tuple[str, ...]]] = {name: [] for name in _ASKED}
    for atom in atoms:
        said[atom.name].append(tuple(map(str, atom.arguments)))
    strokes: dict[tuple[str, str], tuple[int, ...]] = {(k, f): () for k, f in said["figure"]}
    for kind, figure, part in said["strikes"]:
        strokes[kind, figure] = tuple(sorted({*strokes[kind, figure], int(part)}))
    return Figures(
        strokes,
        frozenset(f for (f,) in said["syncopates"]),
        frozenset((a, b) for a, b in said["lengthens"]),
        frozenset((a, b) for a, b in said["clash"]),
        frozenset(f for (f,) in said["usual"]),
        frozenset(f for (f,) in said["quick"]),
        frozenset(f for (f,) in said["silent"]),
        frozenset(f for (f,) in said["binds"]),
    )


def cells(
    metre: Metre,
    length: Fraction,
    *,
    allowed: Collection[str],
    fewest: int = 1,
    most: int = 8,
    syncopations: int = 0,
    rests: int = 0,
    bound: bool = False,
    upbeat: Fraction = Fraction(0),
) -> tuple[Cell, ...]:
    """Return the rhythms that fill a bar, or its end, in a fixed order.

    Args:
        metre: The bar's.
        length: Its length in quarter notes; a pick-up's is shorter than the metre's.
        allowed: The figures that may fill a beat.
        fewest: How many notes there are at least.
        most: And at most.
        syncopations: How many beats at most strike off the beat where no dotted note leads to it.
        rests: How many beats at its end, or before an upbeat there, may be rests, if a figure that
            is one is allowed.
        bound: Whether it may begin with the note of the bar before, if such a figure is allowed.
        upbeat: How much of its end leads into the next phrase.
    """
    known, pulse = figures(), metre.pulse
    kind = "compound" if pulse.numerator == 3 else "simple"
    whole, rest = divmod(length, pulse)
    if rest or not whole:
        return (Cell(("plain",), (Fraction(0),), length),)
    choices = [f for (k, f) in sorted(known.strokes) if k == kind and f in allowed]
    lead, split = divmod(upbeat, pulse)
    rests = 0 if split else rests
    choices = [f for f in choices if rests or f not in known.silent]
    opening = [f for f in choices if 0 in known.strokes[kind, f] or (bound and f in known.binding)]
    choices = [f for f in choices if f not in known.binding]
    if not opening:
        return ()
    problem = Problem()
    beats = list(range(int(whole)))
    problem.addVariable(0, opening)
    if beats[1:]:
        problem.addVariables(beats[1:], choices)
    sizes = {f: len(known.strokes[kind, f]) for f in {*opening, *choices}}
    problem.addConstraint(lambda *row: fewest <= sum(sizes[f] for f in row) <= most, beats)
    problem.addConstraint(lambda *row: not _clash(row, known), beats)
    behind = int(whole) - int(lead)
    struck = {f for f in choices if 0 in known.strokes[kind, f]}
    problem.addConstraint(lambda *row: _hushed(row[:behind], known) <= rests, beats)
    problem.addConstraint(lambda *row: not set(row[behind:]) & known.silent, beats)
    if lead:
        problem.addConstraint(
            lambda *row: row[behind - 1] not in known.silent or row[behind] in struck, beats
        )
    problem.addConstraint(lambda *row: _syncopations(row, known) <= syncopations, beats)
    found = (tuple(one[b] for b in beats) for one in problem.getSolutions())
    out = (_cell(row, kind, pulse, length, known, lead * pulse) for row in sorted(found))
    known_lengths = LENGTHS | _LONG if kind == "compound" else LENGTHS
    return tuple(c for c in out if all(size in known_lengths | {0} for size in _written(c)))


def _written(cell: Cell) -> list[Fraction]:
    """Return how long each note is written: that of the bar before, as far as it is held, first."""
    return [cell.onsets[0], *(size for _, size in cell.notes)]


def _hushed(row: tuple[str, ...], known: Figures) -> int:
    """Return how many beats at the end are rests; more than there are if one stands before."""
    silent = [figure in known.silent for figure in row]
    first = silent.index(True) if True in silent else len(row)
    return len(row) - first if all(silent[first:]) else len(row) + 1


def _clash(row: tuple[str, ...], known: Figures) -> bool:
    return any((a, b) in known.clashes for a in row for b in row)


def _syncopations(row: tuple[str, ...], known: Figures) -> int:
    pairs = pairwise(row)
    return sum(b in known.syncopating and (a, b) not in known.lengthening for a, b in pairs)


def _cell(
    row: tuple[str, ...],
    kind: str,
    pulse: Fraction,
    length: Fraction,
    known: Figures,
    upbeat: Fraction,
) -> Cell:
    hush = pulse * sum(figure in known.silent for figure in row)
    onsets = tuple(_onsets(row, kind, pulse, known))
    return Cell(row, onsets, length, hush, upbeat if hush else Fraction(0))


def _onsets(row: tuple[str, ...], kind: str, pulse: Fraction, known: Figures) -> Iterator[Fraction]:
    for place, figure in enumerate(row):
        for part in known.strokes[kind, figure]:
            yield place * pulse + pulse * Fraction(part, 12)
