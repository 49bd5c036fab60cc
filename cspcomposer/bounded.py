"""Searching with bounds: near-optimal at once, and proven where that is possible.

Tables tell what a piece costs at least, and which settings, chords with their notes, lie near the
best; clingo decides among these, with all rules, and the margin grows until nothing that was left
out can be better. Knows no rule.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from cspcomposer import facts
from cspcomposer.bounded_problem import STRONG, Problem, Settings, pitches_of, tariff
from cspcomposer.bounds import REACH, Sweeps
from cspcomposer.bounds_three import CLOSE, Bounds
from cspcomposer.facts import Outline
from cspcomposer.facts_window import Moments
from cspcomposer.lattice import NEVER, Lattice
from cspcomposer.patience import Late, LateError, never
from cspcomposer.rulebook_moments import Excerpts, excerpts
from cspcomposer.search import (
    CONFLICTS_A_PLACE,
    OPTIONS,
    Assumption,
    Budget,
    Effort,
    Ending,
    Progress,
    below,
    improved,
    options,
)  # fmt: skip
from cspcomposer.shelf import Shelf
from cspcomposer.solver import Answer, Outcome, Solver, Source, Term

# How much dearer than the best may be what tables look at: for a piece that is wanted soon; then to
# begin with, and how much more each time, for what is known of less makes looking at more quicker.
SOON_WITHIN, STEPS = 40, (0, 20)
# And what clingo looks at.
NEAR = (CLOSE // 2, CLOSE)
# Where many small charges add up, a bound is found by cores, and what is best by models.
BOUNDING = ("--configuration=handy", "--opt-strategy=usc,oll")
BEST = ("--opt-strategy=bb,lin",)
# States looked at closely in each slot, on the average, from which on wider takes very long.
HEAVY = 300
# Conflicts a slot for a piece that is wanted soon: by what tables know, then by all rules. What
# tables know mostly tells the best; where it does not, windows make a piece better sooner.
GUESSED, SOON = 100, 60
# What is then made better window by window takes at most so much of what is left of the time.
WINDOWED = 0.5


def fits(plan: Outline) -> bool:
    """Return whether tables can be made for a piece: nothing in it hangs on what is given."""
    return len(plan.slots) > 2 and not plan.figures and any(plan.free.values())


def search(
    asked: Solver,
    problem: Problem,
    *,
    show: Mapping[str, int],
    effort: Effort,
    seed: int = 0,
    tell: Callable[[str], None] | None = None,
    known: Answer | None = None,
) -> Iterator[Progress | Ending]:
    """Yield better and better answers, then the ending; nothing is yielded if none is known.

    Args:
        asked: Where to solve.
        problem: What is to be composed.
        show: Names of the atoms wanted, and their arities.
        effort: How long.
        seed: For the solver's own choices.
        tell: Called with what is being done, whenever a table must be made.
        known: An answer that was found before.
    """
    run = _Run(asked, problem, show, effort, seed, known)
    moments, pitches = told(problem)
    try:
        lattice = tabled(asked, problem, moments, pitches, tell, run.late)
    except LateError:
        if known:
            yield run.ending()
        return
    sweeps, margin = Sweeps(lattice), STEPS[0]
    found = sweeps.soon(SOON_WITHIN, run.late)
    if found:
        settings = Settings(problem, moments, lattice, found, pitches)
        yield from run.near(settings, soon=True)
        if run.best and not run.content and not run.late():
            yield from run.bettered(settings)
    while found and not run.done and margin <= REACH and run.worth(sweeps):
        needed = run.cost - 1 - found.best
        margin = needed if needed <= margin + STEPS[1] // 2 else margin
        found = sweeps.bounds(found.best + margin, run.late)
        if found and not run.known(found):
            yield from run.near(Settings(problem, moments, lattice, found, pitches))
        elif margin >= needed:
            break
        margin = margin + STEPS[1] if run.best else max(2 * margin, STEPS[1])
    if run.best is not None:
        run.bound = max(run.bound, min(run.cost, sweeps.least))
        yield run.ending()


def told(problem: Problem) -> tuple[Moments, dict[str, list[int]]]:
    """Return a piece as it is looked at through windows, and what each voice may sing in it."""
    moments = Moments(problem.plan, problem.options.prices)
    return moments, pitches_of(problem, moments)


def tabled(
    asked: Solver,
    problem: Problem,
    moments: Moments,
    pitches: Mapping[str, Sequence[int]],
    tell: Callable[[str], None] | None = None,
    late: Late = never,
) -> Lattice:
    """Return what tables say of a piece; those that are missing are compiled.

    Raises:
        LateError: there was no time to; what was compiled is kept.
    """
    found = excerpts(problem.program(["moment"], "enforce"))
    shelf = Shelf(asked, _usable(found), pitches, tell, late)
    pairs = shelf.pairs(moments)
    return Lattice(moments, shelf.windows(moments, pairs), pairs, tariff(problem, moments))


class _Run:
    """What has been found of a piece so far.

    Attributes:
        best: The best answer.
        bound: What every answer costs at least, strong faults and all else in one number.
        content: Whether the best answer is the best of what it was looked for in.
        done: Whether there is nothing more to be found, or no time.
    """

    def __init__(
        self,
        asked: Solver,
        problem: Problem,
        show: Mapping[str, int],
        effort: Effort,
        seed: int,
        known: Answer | None,
    ) -> None:
        self._asked, self._problem, self._show = asked, problem, show
        self._effort, self._seed, self._begin = effort, seed, time.monotonic()
        self._conflicts, self._grounding = 0, 0.0
        self.content = False
        self.best = known
        self.bound = 0
        self.done = False

    @property
    def cost(self) -> int:
        """What the best answer costs, strong faults and all else in one number."""
        return NEVER if self.best is None else _total(self.best)

    def worth(self, sweeps: Sweeps) -> bool:
        """Return whether to look wider: not where that takes very long, or the time is over."""
        return sweeps.states <= HEAVY and not self.late()

    def late(self) -> bool:
        """Return whether the time is over, if it is limited; without an answer half of it is."""
        seconds = self._effort.seconds
        share = 1.0 if self.best else 0.5
        return seconds is not None and self._elapsed >= share * seconds

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._begin

    def known(self, found: Bounds) -> bool:
        """Note what is bounded; return whether there is nothing to be looked for in it."""
        return self._proven(found, found.best) or (self.content and self.cost > found.cut)

    def near(self, settings: Settings, *, soon: bool = False) -> Iterator[Progress]:
        """Yield better answers among the settings, further and further from the least cost.

        Args:
            settings: What there is to choose from.
            soon: Stop early, there being more to be found.
        """
        found = settings.found
        guessing, most = (n * len(found.states) if soon else None for n in (GUESSED, SOON))
        for near in NEAR:
            margin = min(near, self.cost - found.best - 1)
            if self._proven(found, found.best) or margin < 0:
                return
            sources = settings.sources(margin)
            guess, least = self._guessed(sources, margin, guessing)
            if self._proven(found, found.best + min(least, margin + 1)):
                return
            if least <= margin:
                yield from self._among(sources, guess, found, least, margin, most)
            if self.done or self.late() or (self.best and self.bound >= found.cut):
                return
        if self.best is None and not self.late():
            # What tables do not know of may make every piece far dearer than they tell.
            yield from self.bettered(settings)

    def _guessed(
        self, sources: Sequence[Source], margin: int, conflicts: int | None
    ) -> tuple[list[Assumption], int]:
        """Return settings that cost least by what tables know and by what they cannot know.

        And how much dearer than the best that tables know of anything is, which is a lower bound:
        for what tables are not sure of nothing is charged.
        """
        self._ground([*self._problem.bounding, *sources], BOUNDING, ["setting/2"])
        guess, least = [], 0
        limits = self._limits(conflicts)
        for step in self._asked.solve(show=["setting"], at_most=[margin], **limits):
            if isinstance(step, Answer):
                guess, cost = [(atom, True) for atom in step.atoms], step.cost[-1]
                continue
            self._conflicts += step.conflicts
            if step.exhausted:
                least = cost if guess else NEVER
            elif step.bound:
                least = step.bound[-1]
        return guess, least

    def _among(
        self,
        sources: Sequence[Source],
        guess: Sequence[Assumption],
        found: Bounds,
        least: int,
        margin: int,
        conflicts: int | None,
    ) -> Iterator[Progress]:
        """Yield better answers among the settings within a margin, a guess first."""
        shown = [f"{name}/{arity}" for name, arity in self._show.items()]
        threads = options(self._effort, self._seed)[len(OPTIONS) :]
        self._ground([*self._problem.rules, *sources], (*BEST, *threads), shown)
        if guess:
            yield from self._solved(assume=guess)
        self.content = self.cost <= found.best + least
        if self.content:
            self._proven(found, found.best + margin + 1)
            return
        if (yield from self._solved(conflicts=conflicts)):
            self._proven(found, found.best + margin + 1)
        else:
            self.done = conflicts is None

    def bettered(self, settings: Settings) -> Iterator[Progress]:
        """Yield better answers among the settings, however dear, window by window."""
        sources = settings.sources(NEAR[-1], spared=False)
        shown = [f"{name}/{arity}" for name, arity in self._show.items()]
        self._ground([*self._problem.rules, *sources], OPTIONS, shown)
        if self.best is None:
            yield from self._solved(answers=1)
        if self.best is None:
            return
        seconds, few = self._effort.seconds, CONFLICTS_A_PLACE * len(self._problem.plan.slots)
        left = None if seconds is None else WINDOWED * (seconds - self._elapsed)
        budget = Budget(Effort(self._limits(few)["conflicts"], left))
        reader = partial(facts.decisions, self._problem.plan)
        for found in improved(self._asked, list(self._show), reader, self.best, budget):
            self.best = found
            yield Progress(found, self._elapsed, _parts(self.bound, found))
        self._conflicts += budget.used

    def _ground(
        self, sources: Sequence[Source], options: Sequence[str], show: Sequence[str]
    ) -> None:
        begin = time.monotonic()
        self._asked.ground(sources, options=options, show=show)
        self._grounding += time.monotonic() - begin

    def _proven(self, found: Bounds, left_out: int) -> bool:
        """Note what is known of all that was left out; return whether it cannot be better."""
        self.bound = max(self.bound, min(self.cost, left_out, found.cut))
        self.done = self.cost <= self.bound
        return self.done

    def _solved(
        self,
        assume: Sequence[tuple[Term, bool]] = (),
        conflicts: int | None = None,
        answers: int | None = None,
    ) -> Generator[Progress, None, bool]:
        outcome: Outcome | None = None
        for step in self._asked.solve(
            show=list(self._show),
            assume=assume,
            at_most=None if self.best is None else below(self.best.cost),
            answers=answers,
            **self._limits(conflicts),
        ):
            if isinstance(step, Outcome):
                outcome = step
            elif self.best is None or step.cost < self.best.cost:
                self.best = step
                yield Progress(step, self._elapsed, _parts(self.bound, step))
        assert outcome is not None
        self._conflicts += outcome.conflicts
        return outcome.exhausted

    def _limits(self, conflicts: int | None) -> dict[str, Any]:
        """Return how long may be searched at a time."""
        limit, seconds = self._effort.conflicts, self._effort.seconds
        left = None if limit is None else max(1, limit - self._conflicts)
        few = [n for n in (left, conflicts) if n is not None]
        return {
            "conflicts": min(few, default=None),
            "seconds": None if seconds is None else max(0.1, seconds - self._elapsed),
        }

    def ending(self) -> Ending:
        """Return how it ended."""
        assert self.best is not None
        optimal = self.cost <= self.bound
        return Ending(
            self.best, optimal, False, self._conflicts, self._grounding, self._elapsed,
            _parts(self.bound, self.best),
        )  # fmt: skip


def _total(answer: Answer) -> int:
    strong, mild = (0, *answer.cost)[-2:]
    return strong * STRONG + mild


def _parts(bound: int, answer: Answer) -> tuple[int, ...]:
    """Return a bound in the parts that an answer's cost has."""
    return divmod(bound, STRONG)[2 - len(answer.cost) :]


def _usable(found: Excerpts) -> Excerpts:
    """Return the excerpts without those that look at single given notes."""
    return replace(
        found, rules=tuple(e for e in found.rules if not e.looks_at & {"given", "figured"})
    )
