"""The search for the open part of a finished piece: what it chooses from, and how it begins.

Chords that their notes or the style deny are not kept, hard faults among what is kept are excused.
Knows no rule.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial

from cspcomposer import (
    candidates,
    compose_setting,
    facts,
    facts_apart,
    priors,
    recompose_plan,
    rulebook,
)
from cspcomposer.check import Report, check
from cspcomposer.compose import Task
from cspcomposer.compose_setting import KEPT, Found, Watcher
from cspcomposer.excuse import excused
from cspcomposer.facts import Outline
from cspcomposer.posed import SHOWN, WANTED, rules
from cspcomposer.recompose_plan import Again
from cspcomposer.rulebook_slice import sliced
from cspcomposer.search import Ending, search
from cspcomposer.solver import Solver, Source

# How much dearer than the best a chord may seem and still be looked at; None: look at all.
MARGINS = (40, None)
# As many slots' worth of effort are spent on a single one too.
LEAST = 8
# A fault of a rule in this folder may mean that the chord has another name by now.
_DISSONANCE = "dissonance"


@dataclass(frozen=True)
class _Choice:
    """What there is to choose from.

    Attributes:
        options: The chords that are possible.
        taste: What a prior and chance charge for them.
        prior: The prior.
        noise: The chance.
    """

    options: candidates.Options
    taste: candidates.Taste
    prior: priors.Prior
    noise: priors.Noise

    def chords(self, margin: int | None) -> str:
        """Return the chords to look at as facts."""
        likely = candidates.considered(self.options, self.taste, margin)
        return candidates.stated(likely, self.options, self.taste)


@dataclass(frozen=True)
class Work:
    """What is to be searched.

    Attributes:
        task: What was asked for.
        again: The piece and what is open in it.
        choice: What there is to choose from.
        strong: How many strong faults stood in the piece.
    """

    task: Task
    again: Again
    choice: _Choice
    strong: int

    def good(self, found: Found) -> bool:
        """Return whether something was found that is no worse by strong faults than before."""
        best = found.ending.best
        return found.interrupted or (best is not None and sum(best.cost[:-1]) <= self.strong)


def prepared(solver: Solver, task: Task, again: Again) -> Work:
    """Return what is to be searched: no chord is kept that its notes or the style deny."""
    spec = task.loaded.spec
    report = check(
        replace(again.piece, chords=tuple(c for c in again.piece.chords if c.numeral)),
        style=spec.style, overrides=dict(spec.rules), folders=task.own,
    )  # fmt: skip
    again = recompose_plan.unnamed(again, _misnamed(report, again, task))
    choice = _choice(task, again.plan)
    clock = facts.clock(again.plan)
    unknown = [
        slot for slot, numeral, _ in again.plan.numerals
        if numeral not in choice.options.prices[clock.ticks(slot)]
    ]  # fmt: skip
    if unknown:
        again = recompose_plan.unnamed(again, unknown)
        choice = _choice(task, again.plan)
    severities = report.counts["severity"]
    work = Work(task, again, choice, severities.get("strong", 0))
    work = _excusing(solver, work) if severities.get("hard") else work
    return replace(work, task=replace(task, prepared=time.monotonic()))


def _excusing(solver: Solver, work: Work) -> Work:
    """Return the same, the hard faults that lie in what is kept alone being excused."""
    spec, again = work.task.loaded.spec, work.again
    faults = excused(
        solver, again.plan, work.choice.chords(None), style=spec.style,
        overrides=dict(spec.rules), folders=work.task.own, kept=True,
    )  # fmt: skip
    return replace(work, again=replace(again, plan=replace(again.plan, excused=faults)))


def _misnamed(report: Report, again: Again, task: Task) -> list[Fraction]:
    """Return the slots whose notes, having been changed, do not go with the chord any more."""
    stages_of = {path.stem: path.parent.name for path in rulebook.rule_files(task.own)}
    slots = again.plan.slots
    return [
        slots[max(0, bisect_right(slots, fault.onset) - 1)]
        for fault in report.violations
        if fault.severity in ("hard", "strong") and stages_of[fault.rule] == _DISSONANCE
    ]


def _choice(task: Task, plan: Outline) -> _Choice:
    spec = task.loaded.spec
    prior = priors.prior(spec.prior.model, spec.prior.weight, plan)
    noise = priors.Noise(task.seed, temperature=spec.prior.temperature)
    given = facts.facts(plan)
    options = candidates.options(f"{given}\n{prior.facts}", style=spec.style, priors=prior.folders)
    return _Choice(options, priors.taste(prior, noise, options), prior, noise)


def found(
    solver: Solver, work: Work, wanted: list[int], watch: Watcher | None
) -> tuple[Work, Found]:
    """Return how the search ended, and what was searched: faults may be excused after it.

    Args:
        solver: Where to search.
        work: What is to be searched.
        wanted: In how many main notes to differ, what is tried first being first.
        watch: Called with every better answer.
    """
    out = _apart(solver, work, wanted, watch)
    if out.ending.impossible and not work.again.plan.excused:
        # Cadences are faults of what is kept that no check of the piece alone can see.
        work = _excusing(solver, work)
        out = _apart(solver, work, wanted, watch) if work.again.plan.excused else out
    return work, out


def _apart(solver: Solver, work: Work, wanted: list[int], watch: Watcher | None) -> Found:
    """Return a setting as far from what stood there as goes well."""
    out: Found | None = None
    for least in wanted:
        best = _nearest(solver, work, least, watch)
        out = compose_setting.better(out, best)
        if work.good(best):
            return best
    assert out
    return out


def _nearest(solver: Solver, work: Work, least: int, watch: Watcher | None) -> Found:
    """Return how the search for the open part ended, all chords being looked at only in need."""
    task, plan, choice = work.task, work.again.plan, work.choice
    program = rules(task.loaded, task.own)(
        ["harmony", "voices", "given"], "enforce", heeded=("hard", "strong", "mild"),
        priors=choice.prior.folders,
    )  # fmt: skip
    bare = recompose_plan.bare(work.again.piece, plan)
    texts = [
        *sliced(program, list(WANTED.items())),
        Source("given", facts.facts(plan)),
        *facts_apart.resumed(bare, plan)(plan),
        *(facts_apart.apart([bare], plan, "notes", least, spread=False)(plan) if least else ()),
    ]
    names = {slot: tuple(prices) for slot, prices in choice.options.prices.items()}
    liked = [choice.prior.facts, choice.prior.notes(names), priors.melody(choice.noise, plan)]
    out: Found | None = None
    for margin in MARGINS:
        chords = choice.chords(margin)
        preferred = Source("prior", "\n".join([*liked, chords]))
        ending, interrupted = _searched(solver, [*texts, preferred], work, watch)
        found = Found(plan, ending, chords, ending.bound or (), interrupted)
        out = compose_setting.better(out, found)
        if work.good(found) or not (ending.best or ending.impossible):
            break
    assert out
    return out


def _searched(
    solver: Solver, sources: list[Source], work: Work, watch: Watcher | None
) -> tuple[Ending, bool]:
    """Return how a search ended, and whether the user ended it."""
    task, places = work.task, recompose_plan.places(work.again)
    asked = compose_setting.effort_of(task.loaded, max(LEAST, len(places)), task.effort)
    effort = compose_setting.left(asked, task.begin)
    steps = search(
        solver, sources, show=SHOWN, decisions=partial(recompose_plan.decisions, work.again),
        effort=effort, seed=task.seed, keep=KEPT,
    )  # fmt: skip
    return compose_setting.watched(steps, watch)
