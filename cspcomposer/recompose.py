"""Compose a part of a finished piece anew, and keep everything else note for note.

What is kept counts as given, so that little is open; the search begins with what stood there.
Faults among what is kept are told and stay. Knows no rule.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cspcomposer import (
    compose,
    facts_apart,
    read,
    read_numerals,
    recompose_plan,
    recompose_setting,
    rulebook,
    stages,
)
from cspcomposer.check import Report, Violation
from cspcomposer.compose import Composition, Task
from cspcomposer.compose_setting import FINER, Watcher
from cspcomposer.errors import BadInput, BadSpec, Fault, NoSolution, counted
from cspcomposer.facts import Outline
from cspcomposer.recompose_parts import Parts
from cspcomposer.recompose_plan import Again
from cspcomposer.score import Score, position
from cspcomposer.search import Effort
from cspcomposer.solver import Solver
from cspcomposer.spec import HarmonicRhythm
from cspcomposer.specfile import LoadedSpec


def recompose(
    loaded: LoadedSpec,
    finished: Score,
    redo: Parts,
    *,
    seed: int | None = None,
    distance: int | None = None,
    effort: Effort | None = None,
    watch: Watcher | None = None,
) -> Composition:
    """Return a finished piece with a part of it composed anew.

    Args:
        loaded: The specification of the piece.
        finished: The piece, with its chords where they are known; see `finished_piece`.
        redo: What is composed anew. Notes that the specification gives stay as the piece has them,
            and so do notes held across the edge of a part.
        seed: In place of the specification's.
        distance: In how many main notes the part differs at least from what stood there. If left
            out: in a quarter of them where the seed is not the specification's, or in fewer where
            that costs a strong fault; else in none, so that what is best already stays.
        effort: In place of the specification's.
        watch: Called with every better answer.

    Returns:
        The piece; its one distance is in how many main notes the part differs.

    Raises:
        BadScore: the piece does not fit the specification.
        BadInput: it has no such bars or voices, nothing in them is open, or less than the distance.
        BadSpec, BadRules, NoSolution, OutOfTime: as `compose.compose`.
    """
    if loaded.spec.texture:
        message = "a piece with a texture cannot be composed again in part yet."
        raise BadSpec(loaded.fault("texture", message, "Compose it whole, with another seed."))
    task = compose.task(loaded, seed=seed, effort=effort)
    with Solver() as solver:
        again = _laid_out(task, finished, redo)
        wanted = _distances(again, distance, other=task.seed != loaded.spec.seed)
        work = recompose_setting.prepared(solver, task, again)
        work, found = recompose_setting.found(solver, work, wanted, watch)
        if found.ending.impossible and distance:
            raise _no_other(distance)
        task, again = work.task, work.again
        found = compose.accepted(solver, task, found)
        piece = compose.finished(solver, task, found)
    old, new = (recompose_plan.bare(score, again.plan) for score in (again.piece, piece.score))
    far = facts_apart.distance(old, new, again.plan, "notes")
    score = recompose_plan.labelled(again, piece.score)
    report = _complete(piece.report, again.plan, task)
    return replace(piece, score=score, report=report, distances=(far,))


def finished_piece(path: Path) -> Score:
    """Return a finished piece from a file, with the chords that it states.

    Raises:
        BadScore: the file cannot be read.
    """
    return read_numerals.numbered(path, read.read(path))


def _laid_out(task: Task, finished: Score, redo: Parts) -> Again:
    """Return the piece with a part open; the harmony changes as often as it did."""
    rhythm: HarmonicRhythm | None = task.loaded.spec.harmonic_rhythm
    first = plan = stages.outline(task.loaded, task.scores)
    while rhythm and not {c.onset for c in finished.chords} <= set(plan.slots):
        rhythm = FINER.get(rhythm)
        plan = stages.outline(task.loaded, task.scores, rhythm=rhythm) if rhythm else first
    return recompose_plan.opened(plan, recompose_plan.fitted(plan, finished), redo)


def _distances(again: Again, distance: int | None, *, other: bool) -> list[int]:
    """Return in how many main notes to differ, what is tried first being first.

    Raises:
        BadInput: no part of that size is open.
    """
    room = sum(map(len, again.plan.free.values()))
    if distance is None:
        return list(dict.fromkeys([max(1, room // 4), 1, 0])) if other else [0]
    if not 0 <= distance <= room:
        has = f"the part has {counted(room, 'main note')} that can be chosen"
        raise BadInput(Fault(f"a distance of {distance}: {has}."))
    return [distance]


def _complete(report: Report, plan: Outline, task: Task) -> Report:
    """Return a report with what is excused and only a specification can be held against."""
    told = {(fault.rule, fault.onset) for fault in report.violations}
    missing = [(rule, time) for rule, time, _ in plan.excused if (rule, time) not in told]
    if not missing:
        return report
    titles = {rule.id: rule for rule in rulebook.read(rulebook.rule_files(task.own))}
    more = [
        Violation(
            rule, titles[rule].title, "hint", f"{titles[rule].title}.", titles[rule].advice,
            titles[rule].source, *position(plan.score, time), (), time, given=True,
        )
        for rule, time in dict.fromkeys(missing)
    ]  # fmt: skip
    found = sorted([*report.violations, *more], key=lambda fault: fault.onset)
    return replace(report, violations=tuple(found))


def _no_other(least: int) -> NoSolution:
    what = counted(least, "main note")
    hint = "Redo more bars or voices, or leave out --distance and --seed."
    return NoSolution(
        Fault(f"the part can be filled in no way that differs in {what} from before.", hint=hint)
    )
