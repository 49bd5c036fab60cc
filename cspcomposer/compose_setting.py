"""The search for a setting, chords with one note to each: further only when there is none near."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path

from cspcomposer import (
    bounded,
    candidates,
    facts,
    facts_apart,
    facts_slice,
    priors,
    rulebook,
    stages,
    stretches,
)
from cspcomposer.bounded_problem import Problem
from cspcomposer.facts import Outline
from cspcomposer.facts_apart import Further, nothing
from cspcomposer.posed import SHOWN, WANTED, Posed, pose
from cspcomposer.rulebook_slice import sliced
from cspcomposer.score import Score
from cspcomposer.search import CONFLICTS_A_PLACE, Effort, Ending, Progress, proven, search
from cspcomposer.solver import Solver, Source
from cspcomposer.spec import HarmonicRhythm
from cspcomposer.specfile import LoadedSpec

# How much dearer than the best a chord may seem and still be looked at; None: look at all.
MARGINS = (12, 40, None)
# The surface and the last check take about as long as grounding did, and may take so much.
KEPT = 1.5
# With tables most conflicts are met to prove what was found early.
PROVING_A_PLACE = 1000
# Of limited seconds so much goes into an answer, and the rest into proving it.
SOON = 0.6
LEAST = 1.0
# The share of the cost that must soon be proven, that the rest is tried: with the chords that were
# looked at, and with all that there are.
NEAR, NEARER = 0.3, 0.6
FINER: dict[HarmonicRhythm, HarmonicRhythm] = {"beat": "half_beat", "half": "beat", "bar": "beat"}

Watcher = Callable[[Progress], None]


@dataclass(frozen=True)
class Found:
    """How the search for a setting ended.

    Attributes:
        plan: What was searched for.
        ending: What was found.
        chords: The chords that were looked at, as facts.
        bound: What any setting costs at least, as an answer's cost.
        interrupted: Whether the user ended it.
        taken_back: Of a form, why earlier plans were given up, as sentences.
        place: Where nothing can be set, if that is known.
    """

    plan: Outline
    ending: Ending
    chords: str
    bound: tuple[int, ...]
    interrupted: bool
    taken_back: tuple[str, ...] = ()
    place: facts_slice.Part | None = None


def found(
    solver: Solver,
    loaded: LoadedSpec,
    scores: Mapping[str, Score],
    own: Sequence[Path],
    seed: int,
    effort: Effort | None,
    watch: Watcher | None,
    begin: float,
    further: Further = nothing,
    tell: Callable[[str], None] | None = None,
) -> Found:
    """Return the best setting, looking further only when there is none.

    First at likely chords, then at more and at all; then faults of what is given are excused; then
    the harmony may change more often, unless the specification says how often. What `further` says
    of an outline holds too. Where a proof is asked for, tables come first: `tell` is called
    with what is being done, where that takes long.
    """
    spec = loaded.spec
    rhythm: HarmonicRhythm | None = None
    unmendable: tuple[tuple[str, Fraction, str], ...] | None = None
    dead: Fraction | None = None
    counted = bool((effort and effort.conflicts) or (spec.effort and spec.effort.conflicts))
    noise = priors.Noise(seed, temperature=spec.prior.temperature)
    while True:
        plan = stages.outline(loaded, scores, rhythm=rhythm)
        plan = replace(plan, excused=unmendable or ())
        posed = pose(loaded, own, plan, noise, further)
        limit = left(effort_of(loaded, len(plan.slots), effort), begin)
        place = posed.place(solver, dead) if dead else None
        if not place:
            best = _at_length(posed, solver, limit, seed, watch, tell)
            if best.ending.best:
                return best
            good: Found | None = None
            sources = sliced(
                posed.program(["harmony", "voices", "given"], "enforce"), list(WANTED.items())
            )
            begun = best.ending.begun
            resumed = [facts_apart.begun(begun)] if begun else []
            stood = {a.arguments[0]: a.arguments[1] for a in begun if a.name == "harmony"}
            for margin in MARGINS:
                chords, limit = posed.chords(margin, stood), left(limit, begin)
                ending, interrupted = _searched(
                    solver, [*sources, *posed.told(chords), *resumed], plan,
                    replace(limit, whole=not counted), seed, watch,
                )  # fmt: skip
                now = Found(plan, ending, chords, _bound(ending, posed), interrupted)
                near = ending.near >= NEARER or (ending.near >= NEAR and posed.looks_at_all(margin))
                if near and not interrupted:
                    return _proven(posed, solver, sources, now, left(limit, begin), seed, watch)
                if ending.best or not ending.impossible:
                    good = better(good, now)
                    # Strong faults may be for want of a chord that seemed too dear.
                    if margin != MARGINS[0] or _content(now) or not _time_left(limit, ending):
                        return good
                elif good:
                    return good
                elif margin == MARGINS[0]:
                    # Before more chords are looked at: perhaps none of them would do.
                    place = posed.place(solver)
                    if place and not posed.faults_of_given(solver, place):
                        break
                    if unmendable is None:
                        unmendable = posed.faults_of_given(solver)
                        if unmendable:
                            break
            if unmendable and not plan.excused:
                continue
        rhythm = FINER.get(rhythm or spec.harmonic_rhythm)
        if "harmonic_rhythm" in spec.model_fields_set or rhythm is None:
            every = posed.every_chord(place)
            impossible = Ending(None, False, True, 0, 0.0, 0.0)
            return Found(plan, impossible, every, (), interrupted=False, place=place)
        dead = facts.clock(plan).time(place.end - 1) if place else None


def _at_length(
    posed: Posed,
    solver: Solver,
    limit: Effort,
    seed: int,
    watch: Watcher | None,
    tell: Callable[[str], None] | None,
) -> Found:
    """Return what a search by stretches finds, and then tables, where it is needed or asked for."""
    plan, begin = posed.plan, time.monotonic()
    ending, interrupted = Ending(None, False, False, 0, 0.0, 0.0), False
    if stretches.long(plan) and not posed.further:
        piece, effort = _piece(posed), _shared(limit, len(plan.slots))
        steps = stretches.composed(
            solver, piece, show=SHOWN, effort=effort, seed=seed, tell=tell,
            late=lambda: _over(limit, begin),
        )  # fmt: skip
        ending, interrupted = watched(steps, watch)
    if limit.prove and bounded.fits(plan) and not interrupted:
        steps = bounded.search(
            solver, _problem(posed), show=SHOWN, effort=left(limit, begin), seed=seed, tell=tell,
            known=ending.best,
        )  # fmt: skip
        try:
            proven, interrupted = watched(steps, watch)
            ending = proven if proven.best else ending
        except KeyboardInterrupt:
            if ending.best is None:
                raise
            interrupted = True
    bound = max(ending.bound or (), _bound(ending, posed))
    return Found(plan, ending, "", bound, interrupted)


def _over(limit: Effort, begin: float) -> bool:
    """Return whether the time is over, if it is limited."""
    return limit.seconds is not None and time.monotonic() - begin >= limit.seconds


def _shared(limit: Effort, places: int) -> Effort:
    """Return the effort for a search by stretches; where a proof is asked for that is not all."""
    if not limit.prove:
        return limit
    few = CONFLICTS_A_PLACE * places
    return replace(
        limit,
        prove=False,
        conflicts=few if limit.conflicts is None else min(few, limit.conflicts),
        seconds=None if limit.seconds is None else SOON * limit.seconds,
    )


def better(one: Found | None, other: Found) -> Found:
    """Return what was found with the lower cost, the first if they are alike."""
    if one is None or one.ending.best is None:
        return other
    best = other.ending.best
    return one if best is None or one.ending.best.cost <= best.cost else other


def _content(found: Found) -> bool:
    """Return whether there is nothing but mild faults, or nothing more is to be looked for."""
    best = found.ending.best
    return found.interrupted or best is None or not any(best.cost[:-1])


def _time_left(limit: Effort, ending: Ending) -> bool:
    return limit.seconds is None or 2 * ending.seconds < limit.seconds


def _searched(
    solver: Solver,
    sources: Sequence[Source],
    plan: Outline,
    effort: Effort,
    seed: int,
    watch: Watcher | None,
) -> tuple[Ending, bool]:
    """Return how a search ended, and whether the user ended it."""
    reader = partial(facts.decisions, plan)
    return watched(
        search(solver, sources, show=SHOWN, decisions=reader, effort=effort, seed=seed, keep=KEPT),
        watch,
    )


def _proven(
    posed: Posed,
    solver: Solver,
    sources: Sequence[Source],
    known: Found,
    effort: Effort,
    seed: int,
    watch: Watcher | None,
) -> Found:
    """Return the best among all chords, if that can be proven soon, or what is known."""
    assert known.ending.best
    every = posed.chords(None)
    steps = proven(
        solver, [*_unguided(sources), *posed.told(every)], show=SHOWN, best=known.ending.best,
        effort=effort, seed=seed,
    )  # fmt: skip
    try:
        ending, interrupted = watched(steps, watch)
    except KeyboardInterrupt:
        return replace(known, interrupted=True)
    return Found(posed.plan, ending, every, _bound(ending, posed), interrupted)


def watched(steps: Iterator[Progress | Ending], watch: Watcher | None) -> tuple[Ending, bool]:
    """Return how a search ended, and whether the user ended it; `watch` sees every answer."""
    best: Progress | None = None
    try:
        for step in steps:
            if isinstance(step, Ending):
                return step, False
            best = step
            if watch:
                watch(step)
    except KeyboardInterrupt:
        if best is None:
            raise
        return Ending(best.answer, False, False, 0, 0.0, best.seconds, best.bound), True
    return Ending(None, False, False, 0, 0.0, 0.0), False


def _bound(ending: Ending, posed: Posed) -> tuple[int, ...]:
    """Return what any setting costs at least: its best cost, or the cheapest harmony's."""
    if ending.best is None:
        return ()
    cost = ending.best.cost
    # Of what goes before the mild faults and preferences no bound is known.
    mild = candidates.bound(posed.options, posed.taste)
    return cost if ending.optimal else (*(0 for _ in cost[:-1]), mild)


def _piece(posed: Posed) -> stretches.Piece:
    options, taste = posed.options, posed.taste
    kept = {margin: candidates.considered(options, taste, margin) for margin in MARGINS}

    def chords(stood: Mapping[int, str], slots: Sequence[int], margin: int | None) -> str:
        every = kept.get(margin, {})
        some = {slot: every.get(slot, {}) for slot in slots}
        return candidates.stated(candidates.joined(some, options, stood), options, taste)

    sought = sliced(posed.program(["harmony", "voices", "given"], "enforce"), list(WANTED.items()))
    return stretches.Piece(
        posed.plan,
        facts_slice.Slices(posed.prior.facts, posed.given, posed.notes, posed.melody),
        [*sought, rulebook.policy("settled")], chords, MARGINS, _chosen(posed.program),
    )  # fmt: skip


def _chosen(
    program: Callable[..., list[Source]], *more: str, policy: str = "enforce"
) -> list[Source]:
    """Return the texts by which settings are chosen; where the search looks first is no matter."""
    texts = program(["settings", "given", *more], policy)
    return sliced(_unguided(texts), list(WANTED.items()))


def _unguided(texts: Sequence[Source]) -> list[Source]:
    """Return the texts without what says where the search looks first."""
    return [s for s in texts if Path(s.name).stem != "guidance"]


def _problem(posed: Posed) -> Problem:
    style, overrides = posed.loaded.spec.style, dict(posed.loaded.spec.rules)
    charged = f"{posed.prior.facts}\n{posed.notes}\n{posed.melody}"
    return Problem(
        posed.plan, posed.given, posed.options, posed.taste, charged, posed.program,
        [*_chosen(posed.program, "bounds"), *posed.further],
        [*_chosen(posed.program, "bounds", policy="bounded"), *posed.further],
        rulebook.severities(style, overrides, posed.own), rulebook.weights(style),
    )  # fmt: skip


def effort_of(loaded: LoadedSpec, places: int, effort: Effort | None = None) -> Effort:
    """Return how long to search for a piece of so many slots.

    Args:
        loaded: The specification, which may say so.
        places: The slots.
        effort: In place of what it says. Without any limit it goes as far as is usual.
    """
    said = loaded.spec.effort
    asked = Effort(**(said.model_dump() if said else {}))
    if effort and effort.conflicts is None and effort.seconds is None:
        asked = replace(asked, prove=asked.prove or effort.prove, threads=effort.threads)
    elif effort:
        asked = effort
    if asked.conflicts is None and asked.seconds is None:
        each = PROVING_A_PLACE if asked.prove else CONFLICTS_A_PLACE
        asked = replace(asked, conflicts=each * places)
    return asked


def left(effort: Effort, begin: float) -> Effort:
    """Return what is left of an effort that began at a time; if in seconds, at least a little."""
    if effort.seconds is None:
        return effort
    return replace(effort, seconds=max(LEAST, effort.seconds - (time.monotonic() - begin)))
