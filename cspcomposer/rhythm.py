"""The rhythm of an invented line: which of the rhythms that fill a bar it takes, bar by bar.

The rhythms of one bar come from constraint programming, see `candidates_cells`; what suits the
piece as a whole is for the rules in `asp_rules/rules/rhythm`.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from cspcomposer import ended, facts, facts_lines
from cspcomposer.candidates_cells import Cell
from cspcomposer.facts import Outline
from cspcomposer.facts_lines import Bar
from cspcomposer.score import Voice
from cspcomposer.search import Effort, search
from cspcomposer.solver import Solver, Source

TEMPERATURE = 6
Notes = tuple[tuple[Fraction, Fraction], ...]


@dataclass(frozen=True)
class Rhythm:
    """The rhythm of a line.

    Attributes:
        notes: Onset and length of each note, in quarter notes.
        cost: What it cost: strong faults, then mild ones and chance.
        proven: Whether no other costs less.
        kin: Bars whose rhythm hangs on others: the bar, the first one that it hangs on.
    """

    notes: Notes
    cost: tuple[int, ...]
    proven: bool
    kin: tuple[tuple[int, int], ...] = ()


def rhythm(
    solver: Solver,
    rules: Sequence[Source],
    outline: Outline,
    line: Voice,
    bars: Sequence[Bar],
    *,
    others: Sequence[Voice] = (),
    effort: Effort,
    wishes: Sequence[str] = (),
    seed: int = 0,
) -> Rhythm | None:
    """Return the best rhythm for a line, or None where there is none.

    Args:
        solver: Where to search; what it has grounded is lost.
        rules: The program: theory, choice, rules, policy.
        outline: The setting in whose bars it moves.
        line: The voice.
        bars: What is offered in each bar; bars that are not named stay empty.
        effort: How long to search.
        others: The lines beside which it goes.
        wishes: Further facts, of its density for example.
        seed: The same seed gives the same rhythm.

    Raises:
        OutOfTime: none was found, and it is not known whether there is one.
    """
    times = {
        bar.measure.onset + onset for bar in bars for cell in bar.cells for onset in cell.onsets
    }
    empty = facts_lines.silent(outline, line, others)
    laid = replace(empty, further=tuple(sorted(times)))
    names = {cell: n for n, cell in enumerate(dict.fromkeys(c for b in bars for c in b.cells), 1)}
    ticking = facts.clock(laid)
    said = [
        *facts_lines.plan(laid),
        *facts_lines.rhythms(line.name, bars, names, ticking),
        *wishes,
        *_chance(line.name, bars, names, seed),
    ]
    given = facts.facts(laid) + "\n" + "\n".join(f"{fact}." for fact in said)
    found, proven = ended.best(
        search(
            solver,
            [*rules, Source("given", given)],
            show=facts_lines.TAKES,
            decisions=facts_lines.rhythm_decisions,
            effort=effort,
            seed=seed,
        ),
        "rhythm",
    )
    if found is None:
        return None
    by_name = {n: cell for cell, n in names.items()}
    taken = facts_lines.taken(found)
    chosen = [(bar.measure.onset, by_name[taken[bar.measure.number]]) for bar in bars]
    return Rhythm(_joined(chosen), found.cost, proven, facts_lines.kin(found))


def _joined(chosen: Sequence[tuple[Fraction, Cell]]) -> Notes:
    """Return the notes of a row of bars; what a bar holds on belongs to the last note before it."""
    out: list[tuple[Fraction, Fraction]] = []
    for begin, cell in chosen:
        if out and cell.onsets[0]:
            onset, length = out.pop()
            out.append((onset, length + cell.onsets[0]))
        out += [(begin + onset, length) for onset, length in cell.notes]
    return tuple(out)


def _chance(voice: str, bars: Sequence[Bar], names: Mapping[Cell, int], seed: int) -> list[str]:
    """Return what chance charges for each rhythm in each bar."""
    out = []
    for bar in bars:
        for cell in bar.cells:
            # A text as seed is hashed by its bytes: the same on every machine.
            draw = random.Random(f"{seed}:{voice}:{bar.measure.number}:{cell.figures}")
            price = draw.randrange(2 * TEMPERATURE)
            out.append(f"preferred_cell({voice},{bar.measure.number},{names[cell]},{price})")
    return out
