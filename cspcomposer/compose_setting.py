"""The search for a setting, chords with one note to each: further only when there is none near."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path

from cspcomposer import brief, candidates, facts, priors, rulebook, stages
from cspcomposer.excuse import excused
from cspcomposer.facts import Outline
from cspcomposer.facts_apart import Further, nothing
from cspcomposer.rulebook_slice import sliced
from cspcomposer.score import Score
from cspcomposer.search import CONFLICTS_A_PLACE, Effort, Ending, Progress, search
from cspcomposer.solver import Solver, Source
from cspcomposer.spec import HarmonicRhythm
from cspcomposer.specfile import LoadedSpec

# How much dearer than the best a chord may seem and still be looked at; None: look at all.
MARGINS = (12, 40, None)
# The surface and the last check take about as long as grounding did, and may take so much.
KEPT = 1.5
LEAST = 1.0
SHOWN = {"pitch": 3, "harmony": 2, "inversion": 2, "delays": 3}
WANTED = SHOWN | {"violation": 3}
FINER: dict[HarmonicRhythm, HarmonicRhythm] = {"beat": "half_beat", "half": "beat", "bar": "beat"}

Watcher = Callable[[Progress], None]


@dataclass(frozen=True)
class Found:
    """How the search for a setting ended.

    Attributes:
        plan: What was searched for.
        ending: What was found.
        chords: The chords that were looked at, as facts.
        bound: What mild faults and preferences cost at least.
        interrupted: Whether the user ended it.
    """

    plan: Outline
    ending: Ending
    chords: str
    bound: int
    interrupted: bool


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
) -> Found:
    """Return the best setting, looking further only when there is none.

    First at likely chords, then at more and at all; then faults of what is given are excused; then
    the harmony may change more often, unless the specification says how often. What `further` says
    of an outline holds too.
    """
    spec = loaded.spec
    rhythm: HarmonicRhythm | None = None
    unmendable: tuple[tuple[str, Fraction, str], ...] | None = None
    noise = priors.Noise(seed, temperature=spec.prior.temperature)
    while True:
        plan = stages.outline(loaded, scores, rhythm=rhythm)
        plan = replace(plan, excused=unmendable or ())
        given = facts.facts(plan)
        prior = priors.prior(spec.prior.model, spec.prior.weight, plan)
        options = candidates.options(
            f"{given}\n{prior.facts}", style=spec.style, priors=prior.folders
        )
        brief.know_numerals(loaded, plan, options)
        taste = priors.taste(prior, noise, options)
        program = rules(loaded, own)(
            ["harmony", "voices", "given"], "enforce", heeded=("hard", "strong", "mild"),
            priors=prior.folders,
        )  # fmt: skip
        sources = sliced(program, list(WANTED.items()))
        melody = priors.melody(noise, plan)
        notes = prior.notes({slot: tuple(names) for slot, names in options.prices.items()})
        bound = candidates.bound(options, taste)
        good: Found | None = None
        for margin in MARGINS:
            likely = candidates.considered(options, taste, margin)
            chords = candidates.stated(likely, options, taste)
            preferred = "\n".join([prior.facts, chords, notes, melody])
            texts = [Source("given", given), Source("prior", preferred), *further(plan)]
            limit = left(effort or effort_of(loaded, len(plan.slots)), begin)
            ending, interrupted = _searched(solver, [*sources, *texts], plan, limit, seed, watch)
            if ending.best or not ending.impossible:
                now = Found(plan, ending, chords, bound, interrupted)
                good = _better(good, now)
                # Strong faults may be for want of a chord that seemed too dear.
                if margin != MARGINS[0] or _content(now) or not _time_left(limit, ending):
                    return good
            elif good:
                return good
            elif unmendable is None:
                every = candidates.stated(
                    candidates.considered(options, taste, None), options, taste
                )
                unmendable = excused(
                    solver, plan, every, style=spec.style, overrides=dict(spec.rules), folders=own
                )
                if unmendable:
                    break
        if unmendable and not plan.excused:
            continue
        rhythm = FINER.get(rhythm or spec.harmonic_rhythm)
        if "harmonic_rhythm" in spec.model_fields_set or rhythm is None:
            return Found(plan, ending, chords, 0, interrupted)


def _better(one: Found | None, other: Found) -> Found:
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


def rules(loaded: LoadedSpec, own: Sequence[Path]) -> Callable[..., list[Source]]:
    """Return `rulebook.program` for what a specification says of its rules."""
    spec = loaded.spec
    return partial(rulebook.program, style=spec.style, overrides=dict(spec.rules), folders=own)


def _searched(
    solver: Solver,
    sources: Sequence[Source],
    plan: Outline,
    effort: Effort,
    seed: int,
    watch: Watcher | None,
) -> tuple[Ending, bool]:
    """Return how a search ended, and whether the user ended it."""
    best: Progress | None = None
    try:
        reader = partial(facts.decisions, plan)
        for step in search(
            solver, sources, show=SHOWN, decisions=reader, effort=effort, seed=seed, keep=KEPT
        ):
            if isinstance(step, Ending):
                return step, False
            best = step
            if watch:
                watch(step)
    except KeyboardInterrupt:
        if best is None:
            raise
        return Ending(best.answer, False, False, 0, 0.0, best.seconds), True
    raise AssertionError("a search ends with an ending")


def effort_of(loaded: LoadedSpec, places: int) -> Effort:
    """Return how long a specification lets the search go on, for a piece of so many slots."""
    asked = loaded.spec.effort
    if asked is None:
        return Effort(CONFLICTS_A_PLACE * places)
    return Effort(asked.conflicts, asked.seconds)


def left(effort: Effort, begin: float) -> Effort:
    """Return what is left of an effort that began at a time; if in seconds, at least a little."""
    if effort.seconds is None:
        return effort
    return replace(effort, seconds=max(LEAST, effort.seconds - (time.monotonic() - begin)))
