"""The search for a setting that follows a plan, what returns being set once.

A stretch is a few phrases. When all are set each is bettered among its neighbours. A plan that
cannot be set is taken back, and another one is made.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cspcomposer import compose_form_stretch as by_stretch
from cspcomposer import form, priors, rulebook, stages, texture
from cspcomposer.compose_form_stretch import Clock, Impossible, Work
from cspcomposer.compose_setting import MARGINS, Found, Watcher, effort_of
from cspcomposer.errors import Fault, NoSolution
from cspcomposer.facts import Outline
from cspcomposer.facts_apart import nothing
from cspcomposer.facts_excerpt import Piece, Told
from cspcomposer.pitch import OCTAVE
from cspcomposer.plan import Plan
from cspcomposer.posed import WANTED, pose
from cspcomposer.rulebook_slice import sliced
from cspcomposer.score import Score, position
from cspcomposer.search import Effort, Ending, Progress
from cspcomposer.solver import Answer, Solver
from cspcomposer.specfile import LoadedSpec

# So many plans are made before there is said to be no setting.
PLANS = 3


@dataclass(frozen=True)
class TakenBack:
    """A plan that could not be set.

    Attributes:
        reason: One sentence: which phrase it was.
        facts: What is not to be planned again, as facts.
    """

    reason: str
    facts: str


def found(
    solver: Solver,
    loaded: LoadedSpec,
    scores: Mapping[str, Score],
    own: Sequence[Path],
    seed: int,
    effort: Effort | None,
    watch: Watcher | None,
    begin: float,
    tell: Callable[[str], None] | None = None,
) -> Found:
    """Return a setting that follows a plan, and how good it is.

    Args:
        solver: Where to search.
        loaded: The specification, which asks for a form.
        scores: The voices that are given as files.
        own: Rule files of the user's own.
        seed: The seed.
        effort: In place of the specification's, or None.
        watch: Called with every better answer, once the piece is complete.
        begin: When work began.
        tell: Called with what is being done.

    Raises:
        NoSolution: no plan, or none that can be set.
    """
    back: list[TakenBack] = []
    tell = tell or (lambda _: None)
    while True:
        tell("planning the form" if not back else f"{back[-1].reason} Planning anew")
        plan = planned(solver, loaded, own, seed, [taken.facts for taken in back])
        outline = stages.outline(loaded, scores, plan=plan)
        work = _prepared(loaded, own, outline, seed)
        try:
            good = _set(solver, loaded, work, seed, effort, watch, begin, tell)
            return replace(good, taken_back=tuple(taken.reason for taken in back))
        except Impossible as failed:
            if not failed.proven:
                return Found(outline, Ending(None, False, False, 0, 0.0, 0.0), "", (), False)
            back.append(_reason(work, plan, failed))
            if len(back) == PLANS:
                faults = [Fault("no plan of this form can be set.", loaded.path)]
                raise NoSolution(
                    *faults, *(Fault(taken.reason, loaded.path) for taken in back)
                ) from None


def planned(
    solver: Solver,
    loaded: LoadedSpec,
    own: Sequence[Path],
    seed: int,
    refused: Sequence[str] = (),
) -> Plan:
    """Return the plan of a piece.

    Raises:
        BadSpec, NoSolution: as `form.plan`.
    """
    highest = loaded.spec.voices[0]
    top = highest.range or rulebook.ranges(loaded.spec.style).get(highest.name)
    free = highest.name not in loaded.spec.given
    return form.plan(
        solver, loaded, seed=seed, folders=own, top=_top(loaded, top[1]) if free and top else None,
        refused=refused,
    )  # fmt: skip


def _top(loaded: LoadedSpec, top: int) -> int | None:
    """Return how high a melody may be planned to go; None if it lies far below the setting."""
    if loaded.spec.texture is None:
        return top
    arranged = texture.texture(loaded.spec.texture)
    (lead,) = arranged.voices("melody")
    _, highest = texture.compass(arranged, lead, loaded.spec.instruments)
    return min(top, highest) if highest > top - OCTAVE // 2 else None


def _prepared(loaded: LoadedSpec, own: Sequence[Path], plan: Outline, seed: int) -> Work:
    noise = priors.Noise(seed, temperature=loaded.spec.prior.temperature)
    posed = pose(loaded, own, plan, noise, nothing)
    program = posed.program(["harmony", "voices", "given", "again", "excerpt"], "enforce")
    always = Told("\n".join([posed.prior.facts, posed.notes, posed.melody]))
    return Work(
        Piece(plan), posed.options, posed.taste, sliced(program, list(WANTED.items())), always
    )


def _set(
    solver: Solver,
    loaded: LoadedSpec,
    work: Work,
    seed: int,
    effort: Effort | None,
    watch: Watcher | None,
    begin: float,
    tell: Callable[[str], None],
) -> Found:
    piece, own = work.piece, work.piece.own()
    limit = effort_of(loaded, len(own), effort)
    stretches = list(by_stretch.stretches(piece, own))
    clock = Clock(limit, begin)
    interrupted = False
    score = piece.outline.score
    for number, core in enumerate(stretches):
        bars = [position(score, piece.time(slot))[0] for slot in (core[0], core[-1])]
        tell(f"composing bars {bars[0]} to {bars[1]} of {score.measures[-1].number}")
        each = clock.first(len(core), len(stretches) - number)
        stopped = by_stretch.composed(solver, work, core, each, seed, before=stretches[:number])
        interrupted = interrupted or stopped
    if watch:
        watch(Progress(by_stretch.answer(work, begin), time.monotonic() - begin))
    if not interrupted:
        interrupted = by_stretch.bettered(solver, work, clock, seed, watch, begin)
    best = by_stretch.answer(work, begin) if interrupted else _judged(solver, work, begin)
    ending = Ending(best, False, False, work.spent, work.grounding, time.monotonic() - begin)
    return Found(piece.outline, ending, "", (), interrupted)


def _judged(solver: Solver, work: Work, begin: float) -> Answer:
    """Return the setting with what it costs as a whole: neighbours count what both hear twice."""
    solver.ground(work.sources(work.piece.all(), MARGINS[0]))
    cost = None
    for step in solver.solve(show=["harmony"], answers=1):
        cost = step.cost if isinstance(step, Answer) else cost
    stands = by_stretch.answer(work, begin)
    if cost is None:
        return stands
    # Where no strong rule could be broken, none is counted.
    return replace(stands, cost=(0,) * (len(stands.cost) - len(cost)) + cost)


def _reason(work: Work, plan: Plan, failed: Impossible) -> TakenBack:
    """Return which phrase of a plan could not be set, and what is not to be planned again."""
    last = work.piece.time(failed.core[-1])
    phrase = next(p for p in plan.phrases if p.begin <= last < p.end)
    score = work.piece.outline.score
    first, _ = position(score, phrase.begin)
    end = next(m.number for m in reversed(score.measures) if m.onset < phrase.end)
    reason = (
        f"the phrase in bars {max(1, first)} to {end} cannot be set with a "
        f"{phrase.cadence} cadence in {phrase.key}."
    )
    begin = max(1, first) - 1
    said = f"refused({begin},{phrase.cadence},{phrase.key.tonic},{phrase.key.mode})."
    return TakenBack(reason, said)
