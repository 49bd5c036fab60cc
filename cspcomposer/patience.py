"""Work that is given up when there is no time left for it."""

from __future__ import annotations

from collections.abc import Callable

# Whether the time is over.
Late = Callable[[], bool]


class LateError(Exception):
    """The time is over."""


def never() -> bool:
    """Return that there is time, however long it takes."""
    return False


def in_time(late: Late) -> None:
    """Go on only if there is time.

    Raises:
        LateError: it is over.
    """
    if late():
        raise LateError
