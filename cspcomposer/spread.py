"""Work on many items, in several processes, with a bar on a terminal. Knows nothing of the work."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import chain
from multiprocessing import get_context
from typing import TypeVar

from rich.console import Console
from rich.progress import track

TOGETHER = 16
_THREADS = "OPENBLAS_NUM_THREADS"
A = TypeVar("A")
B = TypeVar("B")


def spread(
    work: Callable[[list[A]], list[B]],
    items: Sequence[A],
    *,
    label: str,
    jobs: int,
    console: Console | None,
    together: int = TOGETHER,
) -> list[B]:
    """Return what some work makes of items, one result for each, in their order.

    Args:
        work: Takes several items at a time; another process may call it.
        items: What there is to do.
        label: What a progress bar says.
        jobs: How many processes work at a time.
        console: Where the progress bar is drawn, if it is a terminal.
        together: At most so many items at a time.
    """
    silent = console is None or not console.is_terminal

    # As many at a time as keeps every process busy to the end.
    size = max(1, min(together, -(-len(items) // jobs)))
    groups = [list(items[i : i + size]) for i in range(0, len(items), size)]

    def followed(groups: Iterable[list[B]]) -> list[B]:
        return list(
            track(
                chain.from_iterable(groups),
                label,
                total=len(items),
                console=console,
                disable=silent,
                transient=True,
            )
        )

    if jobs == 1 or len(groups) == 1:
        return followed(map(work, groups))
    # A forked process would share its parent's solver.
    workers = min(jobs, len(groups))
    with _unthreaded(), ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        return followed(pool.map(work, groups))


@contextmanager
def _unthreaded() -> Iterator[None]:
    """Let processes that start now do without threads for matrices: they would fight for cores."""
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = before or "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_THREADS]
