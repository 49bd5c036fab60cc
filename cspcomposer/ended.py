"""How a search ended: the best answer of a stream of them, also where the user broke it off."""

from __future__ import annotations

from collections.abc import Iterator

from cspcomposer.errors import Fault, OutOfTime
from cspcomposer.search import Ending, Progress
from cspcomposer.solver import Answer

_MORE = "Allow more, with --seconds or --effort, or ask for less at once."


def best(steps: Iterator[Progress | Ending], what: str) -> tuple[Answer | None, bool]:
    """Return the last answer of a search, and whether it is proven to be the best.

    Args:
        steps: How the search goes.
        what: What is searched, for the error: "melody".

    Returns:
        None for an answer where it is proven that there is none.

    Raises:
        KeyboardInterrupt: the user broke it off before there was an answer.
        OutOfTime: neither an answer was found nor that there is none.
    """
    found: Answer | None = None
    try:
        for step in steps:
            if isinstance(step, Ending):
                if step.best is None and not step.impossible:
                    said = f"no {what} was found in {step.seconds:.2g} seconds."
                    raise OutOfTime(Fault(said, hint=_MORE))
                return step.best, step.optimal
            found = step.answer
    except KeyboardInterrupt:
        if found is None:
            raise
    return found, False
