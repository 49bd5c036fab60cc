"""What is said of invented lines, as facts: ideas, rhythms that are offered, notes to be found.

With `facts`, the only place where the rules' predicates are spelled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from cspcomposer import facts
from cspcomposer.candidates_cells import Cell
from cspcomposer.facts import Clock, Outline
from cspcomposer.pitch import class_of
from cspcomposer.plan import Section
from cspcomposer.score import Measure, Note, Voice, pickup
from cspcomposer.solver import Answer, Decision

TAKES = {"takes": 3, "moves_like": 2}
SUNG = {"pitch": 3}


@dataclass(frozen=True)
class Bar:
    """A bar whose rhythm is to be invented.

    Attributes:
        measure: The bar.
        cells: The rhythms that it may have.
        wish: How many notes are wished for; None if that is all one.
    """

    measure: Measure
    cells: tuple[Cell, ...]
    wish: int | None = None


def silent(outline: Outline, line: Voice, others: Sequence[Voice]) -> Outline:
    """Return an outline in which one line is open and others stand as they are.

    Args:
        outline: The setting.
        line: The open one.
        others: The others from the top; the line goes above them where it is not among them.
    """
    above = () if any(v.name == line.name for v in others) else (line,)
    voices = (*above, *others)
    return replace(
        outline, score=replace(outline.score, voices=voices), free={}, numerals=(), figures=(),
        compass={}, adornable={}, steadfast={}, further=(), excused=(),
    )  # fmt: skip


def plan(outline: Outline) -> Iterator[str]:
    """Yield what the plan says of the melody: ideas, sections, and what comes back."""
    known, at = outline.plan, facts.clock(outline).ticks
    yield "inventing"
    if known is None:
        return
    early = pickup(outline.score)
    for idea in known.ideas:
        yield f'idea("{idea.name}",{at(max(idea.begin, early))},{at(idea.end)})'
        if idea.of:
            yield f'comes_from("{idea.name}","{idea.of}",{idea.how})'
    top = [s for s in known.sections if s.depth == 1]
    for before, section in zip([None, *top], top, strict=False):
        yield f'section("{section.name}",{at(section.begin)},{at(section.end)})'
        if before and not section.like:
            yield f'contrasts("{section.name}","{before.name}")'
    for bar in outline.score.measures:
        size = known.upbeat_to(bar.onset + bar.length)
        if size:
            yield f"leads_away({bar.number},{at(bar.full - size)})"
    if known.climax:
        yield f"wished_peak({at(known.climax.begin)},{at(known.climax.end)})"
    for bar in outline.score.measures:
        if known.density_at(bar.onset):
            yield f"section_density({bar.number},{known.density_at(bar.onset)})"
    yield from echoes(outline)


def echoes(outline: Outline) -> Iterator[str]:
    """Yield which slots are to be earlier ones again."""
    known, at = outline.plan, facts.clock(outline).ticks
    assert known or not outline.echoes, "echoes belong to a plan"
    for echo in outline.echoes:
        assert known
        if echo.what != "harmony" and not _altered(known.sections_at(echo.time)):
            yield f"echo({at(echo.time)},{at(echo.of)},{echo.up})"


def _altered(sections: Iterable[Section]) -> bool:
    """Return whether a section returns with another rhythm, ornaments or melody."""
    return any({"rhythm", "ornament", "melody"} & set(s.changes) for s in sections)


def rhythms(
    voice: str, bars: Sequence[Bar], names: Mapping[Cell, int], ticking: Clock
) -> Iterator[str]:
    """Yield the rhythms that are offered to a voice, bar by bar."""
    at = ticking.ticks
    for cell, name in names.items():
        for onset, length in cell.notes:
            yield f"cell({name},{at(onset + _lead(cell, bars))},{at(length)})"
        yield f"last_of({name},{at(cell.onsets[-1] + _lead(cell, bars))})"
        if cell.onsets[0]:
            yield f"bound({name},{at(cell.onsets[0])})"
        if cell.hush:
            yield f"hushed({name},{at(cell.silence)})"
    for bar in bars:
        number = bar.measure.number
        yield f"rhythm_open({voice},{number})"
        for cell in bar.cells:
            yield f"offered_cell({voice},{number},{names[cell]})"
        if bar.wish is not None:
            yield f"wished_notes({voice},{number},{bar.wish})"


def _lead(cell: Cell, bars: Sequence[Bar]) -> Fraction:
    """Return how far behind its bar line a rhythm begins: that of a pick-up comes late."""
    owner = next((b.measure for b in bars if cell in b.cells), None)
    return owner.full - owner.length if owner and owner.number == 0 else Fraction(0)


def taken(answer: Answer) -> dict[int, int]:
    """Return the rhythm of each bar: bar number, the rhythm's number."""
    return {a.arguments[1]: a.arguments[2] for a in answer.atoms if a.name == "takes"}


def kin(answer: Answer) -> tuple[tuple[int, int], ...]:
    """Return the bars whose rhythm hangs on that of others, each with the first bar it hangs on."""
    roots: dict[int, int] = {}

    def root(bar: int) -> int:
        while bar in roots:
            bar = roots[bar]
        return bar

    found = [a.arguments for a in answer.atoms if a.name == "moves_like"]
    for one, other in sorted((int(b), int(a)) for b, a in found):
        first, second = sorted((root(one), root(other)))
        if first != second:
            roots[second] = first
    return tuple(sorted((bar, root(bar)) for bar in roots))


def rhythm_decisions(answer: Answer) -> list[Decision]:
    """Return the rhythms chosen, each at the place of its bar, or of that on which it hangs."""
    models = dict(kin(answer))
    order: dict[int, int] = {}
    out = []
    for atom in sorted(
        (a for a in answer.atoms if a.name == "takes"), key=lambda a: a.arguments[1]
    ):
        bar = int(atom.arguments[1])
        bar = models.get(bar, bar)
        out.append(Decision(atom, order.setdefault(bar, len(order)), str(atom.arguments[0])))
    return out


def line(voice: str, notes: Sequence[tuple[Fraction, Fraction]], outline: Outline) -> Iterator[str]:
    """Yield what is known of a line before its pitches: what is struck, held, led on.

    Args:
        voice: Its name.
        notes: Onset and length of each note, in quarter notes.
        outline: In which every onset of it is one.
    """
    at, grid = facts.clock(outline).ticks, facts.grid(outline)
    for onset, length in notes:
        yield f"attack({voice},{at(onset)})"
        yield f"free({voice},{at(onset)})"
        for time in grid:
            if onset < time < onset + length:
                yield f"held({voice},{at(time)})"
    for (onset, length), (following, _) in pairwise(notes):
        if onset + length == following:
            yield f"leads({voice},{at(onset)},{at(following)})"


def anchors(voice: str, notes: Sequence[Note], outline: Outline) -> Iterator[str]:
    """Yield which pitch classes a line has where some notes begin."""
    at = facts.clock(outline).ticks
    for note in notes:
        yield f"anchor({voice},{at(note.onset)},{class_of(note.pitch)})"


def sung(answer: Answer, voice: str, outline: Outline) -> dict[Fraction, int]:
    """Return the pitch of a line at every onset."""
    time = facts.clock(outline).time
    return {
        time(a.arguments[1]): a.arguments[2]
        for a in answer.atoms
        if a.name == "pitch" and str(a.arguments[0]) == voice
    }


def decisions(answer: Answer, voice: str, places: Mapping[int, int]) -> list[Decision]:
    """Return the notes chosen for a line, each at the place of its onset in ticks."""
    return [
        Decision(a, places[a.arguments[1]], voice)
        for a in answer.atoms
        if a.name == "pitch" and str(a.arguments[0]) == voice and a.arguments[1] in places
    ]
