"""The pitches of an invented line whose rhythm is known, over the chords and beside other lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from cspcomposer import ended, facts, facts_lines, priors
from cspcomposer.facts import Outline
from cspcomposer.rhythm import Notes
from cspcomposer.score import Note, Voice
from cspcomposer.search import Effort, search
from cspcomposer.solver import Solver, Source, consequences


@dataclass(frozen=True)
class Tune:
    """A line with its pitches.

    Attributes:
        line: The voice with its notes.
        cost: Strong faults, then mild ones and preferences.
        optimal: Whether no other line in this rhythm costs less.
    """

    line: Voice
    cost: tuple[int, ...]
    optimal: bool


def tune(
    solver: Solver,
    rules: Sequence[Source],
    outline: Outline,
    line: Voice,
    notes: Notes,
    others: Sequence[Voice],
    *,
    report: Sequence[Source] = (),
    ground: Voice | None = None,
    wishes: Sequence[str] = (),
    places: Sequence[int] = (),
    anchors: Sequence[Note] = (),
    compass: tuple[int, int] | None = None,
    effort: Effort,
    seed: int = 0,
    temperature: float = 0.3,
) -> Tune | None:
    """Return the best pitches for a line, or None where none are allowed.

    Args:
        solver: Where to search; what it has grounded is lost.
        rules: The program: theory, choice, rules, policy.
        outline: The setting over whose chords it goes.
        line: The voice.
        notes: Onset and length of each of its notes.
        others: The lines beside which it goes; they stand.
        report: The program that reports what is wrong with the others alone: that is kept.
        ground: A bass over which the others were invented, if it is none of them: what is right
            over it is to stay right.
        wishes: Further facts, of its contour for example.
        places: For each note which of its neighbours are to be bettered together with it.
        anchors: Notes whose class it has where they begin.
        compass: Its lowest and its highest pitch; the style's if left out.
        seed: The same seed gives the same line.
        temperature: How far chance may stray from what is liked best.
        effort: How long to search.

    Raises:
        OutOfTime: none was found, and it is not known whether there is one.
    """
    empty = facts_lines.silent(outline, line, others)
    laid = replace(
        empty,
        further=tuple(onset for onset, _ in notes),
        compass={line.name: compass} if compass else {},
    )
    ticking = facts.clock(laid)
    ticks = [ticking.ticks(onset) for onset, _ in notes]
    said = [*facts_lines.plan(laid), *facts_lines.line(line.name, notes, laid), *wishes]
    said += facts_lines.anchors(line.name, anchors, laid)
    said += _given(report, laid, line.name, [*others, *([ground] if ground else [])])
    noise = priors.Noise(seed, temperature=temperature)
    sources = [
        *rules,
        Source("given", _phrased(laid, notes) + "\n" + "\n".join(f"{fact}." for fact in said)),
        Source("prior", noise.places(line.name, ticks)),
    ]
    where = dict(zip(ticks, places or range(len(ticks)), strict=True))
    best, optimal = ended.best(
        search(
            solver,
            sources,
            show=facts_lines.SUNG,
            decisions=partial(facts_lines.decisions, voice=line.name, places=where),
            effort=effort,
            seed=seed,
        ),
        line.name.replace("_", " "),
    )
    if best is None:
        return None
    pitches = facts_lines.sung(best, line.name, laid)
    found = tuple(Note(onset, length, pitches[onset]) for onset, length in notes)
    return Tune(replace(line, notes=found), best.cost, optimal)


def _phrased(laid: Outline, notes: Notes) -> str:
    """Return what is known of a line, its phrases ending where the melody's notes have them end.

    A melody that is still to be found has no notes; when they are struck is known. What is struck
    before a phrase's first bar is no part of the phrase before it.
    """
    first, *others = laid.score.voices
    if first.notes:
        return facts.facts(laid)
    struck = replace(first, notes=tuple(Note(onset, length, 0) for onset, length in notes))
    score = replace(laid.score, voices=(struck, *others))
    at = facts.clock(laid).ticks
    kept = (line for line in facts.facts(laid).splitlines() if not line.startswith("phrase("))
    spans = facts.phrases(score, facts.grid(laid))
    return "\n".join([*kept, *(f"phrase({at(a)},{at(b)},{at(c)})." for a, b, c in spans)])


def _given(
    report: Sequence[Source], laid: Outline, name: str, others: Sequence[Voice]
) -> list[str]:
    """Return the faults that lie in the other lines alone, as excused."""
    lines = tuple(v for v in others if v.name != name)
    if not report or not lines:
        return []
    alone = replace(laid, score=replace(laid.score, voices=lines), compass={})
    atoms, _ = consequences([*report, Source("given", facts.facts(alone))], show={"violation": 3})
    return [f"excused({a.arguments[0]},{a.arguments[1]},{a.arguments[2]})" for a in atoms]
