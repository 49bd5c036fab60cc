"""Which hard rules are broken by what is given alone, whatever is composed around it.

These are the tune's business and not the composer's. A fault counts as one if every voice that it
names has a given note then, and if it is in every completion, no rule being enforced and no figure
or cadence being demanded. Knows no rule.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

from cspcomposer import facts, facts_slice, rulebook, words
from cspcomposer.facts import Outline
from cspcomposer.rulebook_slice import sliced
from cspcomposer.score import note_at
from cspcomposer.solver import Answer, Outcome, Solver, Source, Term

CONFLICTS = 1000
# Answers with few faults come soon.
OPTIONS = ("--opt-strategy=usc,oll,stratify",)
_NOTHING: Mapping[str, str] = MappingProxyType({})


def excused(
    solver: Solver,
    plan: Outline,
    chords: str,
    *,
    style: str,
    overrides: Mapping[str, str] = _NOTHING,
    folders: Iterable[Path] = (),
    kept: bool = False,
    within: facts_slice.Part | None = None,
) -> tuple[tuple[str, Fraction, str], ...]:
    """Return the faults that nobody can mend: rule, time, and who, as a term.

    Args:
        solver: Where to look; what it has grounded is lost.
        plan: What was asked for.
        chords: Facts: every chord is considered, or the one that was asked for.
        style: Name of a style.
        overrides: Severities by rule id, before those of the style.
        folders: Folders with rule files of the user's own.
        kept: Whether chords, figures and cadences count as given too, and silence as a note: what
            is not free is part of a finished piece.
        within: In which part to look; everywhere if left out.
    """
    texts = rulebook.program(
        ["harmony", "voices", "given"], "relax", style=style, overrides=overrides,
        folders=folders, heeded=("hard",),
    )  # fmt: skip
    notes = replace(plan, excused=())
    if not kept:
        notes = replace(notes, numerals=(), cadences=(), figures=())
    solver.ground(
        [
            *sliced(texts, [("fault", 3)]),
            *facts_slice.told(facts_slice.Slices(facts.facts(notes)), within),
            Source("chords", chords),
        ],
        options=OPTIONS,
        show=["fault/3"],
    )
    time = facts.clock(plan).time

    def counts(fault: Term) -> bool:
        _, tick, who = fault.arguments
        return (_kept if kept else _given)(plan, time(tick), who)

    found = [fault.arguments for fault in sorted(_always(solver, counts))]
    return tuple((str(rule), time(tick), str(who)) for rule, tick, who in found)


def _given(plan: Outline, time: Fraction, who: Term) -> bool:
    """Return whether the voices that a fault names, all if it names none, have given notes."""
    named = set(words.terms(who).values())
    voices = [v for v in plan.score.voices if v.name in named] or plan.score.voices
    return all(note_at(voice, time) for voice in voices)


def _kept(plan: Outline, time: Fraction, who: Term) -> bool:
    """Return whether the voices that a fault names, all if it names none, are not free then."""
    named = set(words.terms(who).values())
    voices = [v.name for v in plan.score.voices if v.name in named] or list(plan.free)
    slot = plan.slots[max(0, bisect_right(plan.slots, time) - 1)]
    return not any(slot in plan.free.get(name, ()) for name in voices)


def _always(solver: Solver, counts: Callable[[Term], bool]) -> list[Term]:
    """Return the faults that count of every answer: what any has, less what some other avoids."""
    some, _ = _answer(solver, answers=None)
    left, out = sorted(filter(counts, some or ())), []
    while left:
        fault = left.pop()
        other, impossible = _answer(solver, fault)
        if impossible:
            out.append(fault)
        elif other is not None:
            left = [f for f in left if f in other]
    return out


def _answer(
    solver: Solver, *avoided: Term, answers: int | None = 1
) -> tuple[frozenset[Term] | None, bool]:
    """Return what faults some answers have in common, without some, and whether there is none."""
    assume = [(fault, False) for fault in avoided]
    found: frozenset[Term] | None = None
    impossible = False
    for step in solver.solve(show=["fault"], assume=assume, conflicts=CONFLICTS, answers=answers):
        if isinstance(step, Answer):
            found = frozenset(step.atoms) & (found if found is not None else frozenset(step.atoms))
        elif isinstance(step, Outcome):
            impossible = step.satisfiable is False
    return found, impossible
