"""Searching: a stream of answers that get better, then how far from the best the last one is.

A first answer is made better window by window: all decisions outside a window are assumed, those
inside are searched, on one grounding, so that every rule holds all the time. Knows costs and
effort, and nothing about music.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cspcomposer.errors import NotGrounded
from cspcomposer.solver import Answer, Decision, Outcome, Solver, Source, Term

# By default as many conflicts as let most windows of a piece be searched twice.
CONFLICTS_A_PLACE = 120
FIRST = 40_000
WINDOW = 250
# Core-guided: for as many conflicts answers are 3 to 16 % cheaper than model by model, and strong
# faults go with the first of them (four pieces of 30 to 52 places).
OPTIONS = ("--heuristic=Domain", "--opt-heuristic=sign,model", "--opt-strategy=usc,k,stratify")
WIDTHS = (4, 6, 8)
LANE_WIDTHS = (8, 16)
# How far beyond its border what a window holds may depend on others.
CONTEXT = 3
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
    """

    conflicts: int | None = None
    seconds: float | None = None
    prove: bool = False


def wanted(seconds: float | None, prove: bool = False) -> Effort | None:
    """Return the effort of a command line; None if it says nothing."""
    return Effort(None, seconds, prove) if seconds or prove else None


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
    """

    best: Answer | None
    optimal: bool
    impossible: bool
    conflicts: int
    grounding: float
    seconds: float
    bound: tuple[int, ...] | None = None


Reader = Callable[[Answer], Sequence[Decision]]


class _Budget:
    """What is left of an effort."""

    def __init__(self, effort: Effort) -> None:
        self._effort, self.begin, self.used = effort, time.monotonic(), 0
        self.kept = 0.0

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.begin

    @property
    def conflicts(self) -> int | None:
        limit = self._effort.conflicts
        return None if limit is None else max(0, limit - self.used)

    @property
    def seconds(self) -> float | None:
        limit = self._effort.seconds
        return None if limit is None else max(0.0, limit - self.kept - self.elapsed)

    @property
    def spent(self) -> bool:
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
    """
    budget = _Budget(effort)
    signatures = [f"{name}/{arity}" for name, arity in show.items()]
    try:
        options = (*OPTIONS, f"--seed={seed}")
        most = None if effort.seconds is None else max(LEAST, effort.seconds)
        solver.ground(sources, options=options, show=signatures, seconds=most)
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
    optimal = best is not None and not any(best.cost)
    if best and not optimal:
        budget.kept = min(keep * grounding, (effort.seconds or 0.0) / 3)
        for found in _improved(solver, list(show), decisions, best, budget):
            best = found
            yield Progress(found, budget.elapsed)
        optimal = not any(best.cost)
    yield Ending(
        best, optimal, outcome.satisfiable is False, budget.used, grounding, budget.elapsed
    )


def _improved(
    solver: Solver, show: Sequence[str], decisions: Reader, best: Answer, budget: _Budget
) -> Iterator[Answer]:
    """Yield answers that better windows make, until no window helps or the effort is spent."""
    # What a window and its neighbourhood held when it was searched in vain.
    hopeless: dict[tuple[int, int, str], frozenset[Decision]] = {}
    chosen = decisions(best)
    last = max((d.place for d in chosen), default=0)
    for width, lanes in [*((w, False) for w in WIDTHS), *((w, True) for w in LANE_WIDTHS)]:
        names = sorted({d.lane for d in chosen}) if lanes else [""]
        windows = [
            (start, width, lane)
            for start in range(1 - width // 2, last + 1, max(1, width // 2))
            for lane in names
        ]
        bettered = True
        while bettered:
            bettered = False
            for window in windows:
                if budget.spent:
                    return
                start, _, lane = window
                near = range(start - CONTEXT, start + width + CONTEXT)
                around = frozenset(d for d in chosen if d.place in near)
                if hopeless.get(window) == around:
                    continue
                inside = range(start, start + width)
                assume = [
                    (d.atom, True)
                    for d in chosen
                    if d.place not in inside or (lane and d.lane != lane)
                ]
                found = _window(solver, show, assume, best, budget)
                if found is None:
                    hopeless[window] = around
                    continue
                best, bettered, chosen = found, True, decisions(found)
                yield best


def _window(
    solver: Solver,
    show: Sequence[str],
    assume: Sequence[tuple[Term, bool]],
    best: Answer,
    budget: _Budget,
) -> Answer | None:
    found: Answer | None = None
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
    return found


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
