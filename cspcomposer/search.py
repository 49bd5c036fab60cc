"""Searching: a stream of answers that get better, then how far from the best the last one is.

A first answer is made better window by window: all decisions outside a window are assumed, those
inside are searched, on one grounding, so that every rule holds all the time. Knows costs and
effort, and nothing about music.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cspcomposer import windows
from cspcomposer.errors import NotGrounded
from cspcomposer.solver import Answer, Decision, Outcome, Solver, Source, Term

# By default as many conflicts as let most windows of a piece be searched twice.
CONFLICTS_A_PLACE = 120
FIRST = 40_000
WINDOW = 250
# Core-guided: for as many conflicts answers are 3 to 16 % cheaper than model by model, and strong
# faults go with the first of them (four pieces of 30 to 52 places).
OPTIONS = ("--heuristic=Domain", "--opt-heuristic=sign,model", "--opt-strategy=usc,k,stratify")
# A small piece is at last searched as a whole: so many conflicts show how near the bound comes to
# the cost. A proof may take more of them, as long as it comes nearer: what is wanted then is the
# bound, not soon a better answer.
PROBE, PROOF = 250, ((2_000, 0.5), (30_000, 1.0))
SMALL = 32
PROVING = ("--opt-strategy=usc,oll,stratify", "--opt-usc-shrink=min")
# Seconds that grounding, and then a first answer, may take even if fewer are allowed.
LEAST = 3.0
_LARGE = 2**31 - 2


@dataclass(frozen=True)
class Effort:
    """How long to search.

    Attributes:
        conflicts: A limit that is the same on every machine, or None.
        seconds: A limit in seconds, or None.
        prove: Whether to find out how good an answer can be at best.
        threads: How many searches run side by side, each learning from the others; with more than
            one a seed does not give the same answer every time.
        whole: Whether it is found out of a small piece whether a proof seems within reach.
    """

    conflicts: int | None = None
    seconds: float | None = None
    prove: bool = False
    threads: int = 1
    whole: bool = False


def wanted(
    seconds: float | None, prove: bool = False, threads: int = 1, conflicts: int | None = None
) -> Effort | None:
    """Return the effort of a command line; None if it says nothing."""
    said = seconds or prove or threads > 1 or conflicts
    return Effort(conflicts, seconds, prove, threads) if said else None


def options(effort: Effort, seed: int) -> tuple[str, ...]:
    """Return what the solver is told for an effort."""
    side_by_side = (f"--parallel-mode={effort.threads},compete",) if effort.threads > 1 else ()
    return (*OPTIONS, f"--seed={seed}", *side_by_side)


@dataclass(frozen=True)
class Progress:
    """A better answer.

    Attributes:
        answer: What was found.
        seconds: Since the search began, grounding included.
        bound: What any answer costs at least, as far as is known; None if nothing is.
    """

    answer: Answer
    seconds: float
    bound: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Ending:
    """How a search ended.

    Attributes:
        best: The best answer, or None.
        optimal: Whether nothing better exists.
        impossible: Whether it was proven that there is no answer.
        conflicts: How many were met.
        grounding: Seconds spent grounding.
        seconds: Seconds spent in all.
        bound: What any answer costs at least; None if nothing is known.
        near: The share of the best cost that any answer was soon found to cost; 1 if it is proven.
        begun: Without a best, choices that a search of the whole may begin with.
    """

    best: Answer | None
    optimal: bool
    impossible: bool
    conflicts: int
    grounding: float
    seconds: float
    bound: tuple[int, ...] | None = None
    near: float = 0.0
    begun: tuple[Term, ...] = ()


Assumption = tuple[Term, bool]
Reader = Callable[[Answer], Sequence[Decision]]


class Budget:
    """What is left of an effort."""

    def __init__(self, effort: Effort) -> None:
        self._effort, self.begin, self.used = effort, time.monotonic(), 0
        self.kept = 0.0

    @property
    def elapsed(self) -> float:
        """Seconds since work began."""
        return time.monotonic() - self.begin

    @property
    def conflicts(self) -> int | None:
        """How many conflicts are left; None if they are not limited."""
        limit = self._effort.conflicts
        return None if limit is None else max(0, limit - self.used)

    @property
    def seconds(self) -> float | None:
        """How many seconds are left; None if they are not limited."""
        limit = self._effort.seconds
        return None if limit is None else max(0.0, limit - self.kept - self.elapsed)

    @property
    def spent(self) -> bool:
        """Whether nothing is left."""
        # What is left of the conflicts may be too few to find anything with.
        conflicts = self.conflicts
        return self.seconds == 0.0 or (conflicts is not None and conflicts < WINDOW // 5)


def search(
    solver: Solver,
    sources: Sequence[Source],
    *,
    show: Mapping[str, int],
    decisions: Reader,
    effort: Effort,
    seed: int = 0,
    keep: float = 0.0,
    settled: Sequence[Assumption] = (),
    begin: Sequence[Assumption] = (),
) -> Iterator[Progress | Ending]:
    """Yield better and better answers of a program, then the ending.

    Args:
        solver: Where to run it.
        sources: The program and its facts.
        show: Names of the atoms wanted, and their arities.
        decisions: Reads the choices out of an answer.
        effort: How long.
        seed: For the solver's own choices.
        keep: Of limited seconds so many times what grounding took are left for what comes after,
            but never more than a third.
        settled: What must be so; `decisions` leaves it out.
        begin: What the first answer is to be besides.
    """
    budget = Budget(effort)
    signatures = [f"{name}/{arity}" for name, arity in show.items()]
    try:
        most = None if effort.seconds is None else max(LEAST, effort.seconds)
        solver.ground(sources, options=options(effort, seed), show=signatures, seconds=most)
    except NotGrounded:
        if effort.seconds is None:
            raise
        yield Ending(None, False, False, 0, budget.elapsed, budget.elapsed)
        return
    grounding = budget.elapsed
    best: Answer | None = None
    outcome = Outcome(None, False, (), (), 0)
    for step in solver.solve(
        show=list(show),
        assume=[*settled, *begin],
        conflicts=_least(FIRST, budget.conflicts),
        seconds=None if budget.seconds is None else max(LEAST, budget.seconds),
        answers=1,
    ):
        if isinstance(step, Answer):
            best = step
            yield Progress(step, budget.elapsed)
        else:
            outcome = step
    budget.used += outcome.conflicts
    optimal, near = best is not None and not any(best.cost), 0.0
    if best and not optimal:
        budget.kept = min(keep * grounding, (effort.seconds or 0.0) / 3)
        for found in improved(solver, list(show), decisions, best, budget, settled):
            best = found
            yield Progress(found, budget.elapsed)
        optimal = not any(best.cost)
        if effort.whole and not optimal and len({d.place for d in decisions(best)}) <= SMALL:
            near = _proven_soon(solver, list(show), best, budget, settled)
    yield Ending(
        best, optimal, outcome.satisfiable is False, budget.used, grounding, budget.elapsed,
        near=near,
    )  # fmt: skip


def improved(
    solver: Solver,
    show: Sequence[str],
    decisions: Reader,
    best: Answer,
    budget: Budget,
    settled: Sequence[Assumption] = (),
) -> Iterator[Answer]:
    """Yield answers that better windows make, until no window helps or the effort is spent."""
    chosen = decisions(best)
    kinds, alike = windows.kinds(chosen), windows.twins(chosen)
    while not budget.spent:
        for kind in windows.ranked(kinds):
            window = kind.following(chosen, alike)
            if window:
                break
        else:
            return
        assume = [(d.atom, True) for d in chosen if not window.opens(d)]
        used = budget.used
        found, exhausted = _window(solver, show, [*settled, *assume], best, budget)
        kind.learn(best.cost, found.cost if found else best.cost, budget.used - used)
        if found is not None:
            best, chosen = found, decisions(found)
            kind.helped(window, chosen)
            alike = windows.twins(chosen)
            yield best
        if exhausted and not assume:
            return


def _proven_soon(
    solver: Solver,
    show: Sequence[str],
    best: Answer,
    budget: Budget,
    settled: Sequence[Assumption],
) -> float:
    """Return the share of the best cost that any answer is found to cost in a few conflicts."""
    cost = best.cost[-1]
    for step in solver.solve(
        show=show,
        assume=settled,
        conflicts=PROBE,
        seconds=budget.seconds,
        at_most=below(best.cost),
    ):
        if isinstance(step, Answer):
            cost = min(cost, step.cost[-1])
        else:
            budget.used += step.conflicts
            found = step
    if found.exhausted:
        return 1.0
    return found.bound[-1] / max(1, cost) if found.bound else 0.0


def proven(
    solver: Solver,
    sources: Sequence[Source],
    *,
    show: Mapping[str, int],
    best: Answer,
    effort: Effort,
    seed: int = 0,
) -> Iterator[Progress | Ending]:
    """Yield answers that are better than one, then the ending: optimal if that was proven.

    Args:
        solver: Where to run it.
        sources: A whole program and its facts, with nothing left out that may be chosen.
        show: Names of the atoms wanted, and their arities.
        best: The best answer that is known.
        effort: How many seconds at most, if that is limited.
        seed: For the solver's own choices.
    """
    budget = Budget(replace(effort, conflicts=None))
    signatures = [f"{name}/{arity}" for name, arity in show.items()]
    solver.ground(sources, options=(*PROVING, f"--seed={seed}"), show=signatures)
    grounding = budget.elapsed
    for conflicts, near in PROOF:
        for step in solver.solve(
            show=list(show), conflicts=conflicts, seconds=budget.seconds, at_most=below(best.cost)
        ):
            if isinstance(step, Answer):
                best = step
                yield Progress(step, budget.elapsed)
            else:
                outcome = step
        budget.used += outcome.conflicts
        if outcome.exhausted or not outcome.bound or outcome.bound[-1] < near * best.cost[-1]:
            break
    yield Ending(best, outcome.exhausted, False, budget.used, grounding, budget.elapsed)


def _window(
    solver: Solver,
    show: Sequence[str],
    assume: Sequence[Assumption],
    best: Answer,
    budget: Budget,
) -> tuple[Answer | None, bool]:
    """Return the best of what is better than an answer, and whether nothing is better still."""
    found: Answer | None = None
    exhausted = False
    for step in solver.solve(
        show=show,
        assume=assume,
        conflicts=_least(WINDOW, budget.conflicts),
        seconds=budget.seconds,
        at_most=below(best.cost),
    ):
        if isinstance(step, Answer):
            found = step
        else:
            budget.used += step.conflicts
            exhausted = step.exhausted
    return found, exhausted


def below(cost: Sequence[int]) -> list[int]:
    """Return the largest cost that is less than a cost, as far as one bound can say."""
    out = list(cost)
    for place in reversed(range(len(out))):
        if out[place] > 0:
            out[place] -= 1
            return out
        out[place] = _LARGE
    return out


def _least(limit: int, left: int | None) -> int:
    return limit if left is None else min(limit, left)
