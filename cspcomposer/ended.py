"""How a search ended: the best answer of a stream of them, also where the user broke it off."""

from __future__ import annotations

from collections.abc import Iterator

from cspcomposer.search import Ending, Progress
from cspcomposer.solver import Answer


def best(steps: Iterator[Progress | Ending]) -> tuple[Answer | None, bool]:
    """Return the last answer of a search, and whether it is proven to be the best.

    Raises:
        KeyboardInterrupt: the user broke it off before there was an answer.
    """
    found: Answer | None = None
    try:
        for step in steps:
            if isinstance(step, Ending):
                return step.best, step.optimal
            found = step.answer
    except KeyboardInterrupt:
        if found is None:
            raise
    return found, False
