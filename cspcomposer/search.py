"""Searching: a stream of answers that get better, then how far from the best the last one is.

Knows costs and effort, and nothing about music.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cspcomposer.solver import Answer, Outcome, Solver, Source

# Core-guided search with strata and shrinking: plain branch and bound stays far from the optimum.
OPTIONS = ("--opt-strategy=usc,oll,stratify", "--opt-usc-shrink=min", "--eq=0")
CONFLICTS = 60_000


@dataclass(frozen=True)
class Effort:
    """How long to search.

    Attributes:
        conflicts: A limit that is the same on every machine.
        seconds: A limit in seconds, or None.
    """

    conflicts: int | None = CONFLICTS
    seconds: float | None = None


@dataclass(frozen=True)
class Progress:
    """A better answer.

    Attributes:
        answer: What was found.
        seconds: Since the search began, grounding included.
    """

    answer: Answer
    seconds: float


@dataclass(frozen=True)
class Ending:
    """How a search ended.

    Attributes:
        best: The best answer, or None.
        outcome: What the solver said.
        grounding: Seconds spent grounding.
        seconds: Seconds spent in all.
    """

    best: Answer | None
    outcome: Outcome
    grounding: float
    seconds: float

    @property
    def optimal(self) -> bool:
        """Whether nothing better exists."""
        return self.best is not None and self.outcome.exhausted

    @staticmethod
    def stopped(last: Progress) -> Ending:
        """Return the ending of a search that its user stopped."""
        return Ending(last.answer, Outcome(True, False, (), (), 0), 0.0, last.seconds)


def search(
    solver: Solver,
    sources: Sequence[Source],
    *,
    show: Sequence[str],
    effort: Effort,
    seed: int = 0,
) -> Iterator[Progress | Ending]:
    """Yield better and better answers of a program, then the ending.

    Args:
        solver: Where to run it.
        sources: The program and its facts.
        show: Names of the atoms wanted.
        effort: How long.
        seed: For the solver's own choices.
    """
    begin = time.monotonic()
    solver.ground(sources, options=(*OPTIONS, f"--seed={seed}"))
    grounding = time.monotonic() - begin
    left = None if effort.seconds is None else max(0.1, effort.seconds - grounding)
    best: Answer | None = None
    for step in solver.solve(show=show, conflicts=effort.conflicts, seconds=left):
        now = time.monotonic() - begin
        if isinstance(step, Answer):
            best = step
            yield Progress(step, now)
        else:
            yield Ending(best, step, grounding, now)
