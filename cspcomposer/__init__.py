"""CSPComposer: music theory as answer-set programs, solved by clingo."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from os import PathLike

    from cspcomposer.batch_result import Result

__version__ = "0.1.0"


def batch(
    spec: str | PathLike[str] | Mapping[str, Any],
    *,
    out: str | PathLike[str] | None = None,
    jobs: int | None = None,
    shard: tuple[int, int] | None = None,
    dask: str = "",
    retry: bool = False,
    memory: float | None = None,
    tell: Callable[[str], None] | None = None,
) -> Iterator[Result]:
    """Compose every piece of a batch; see `cspcomposer.batch_run.batch`."""
    # Whoever imports the package for something else does not wait for all this.
    from cspcomposer import batch_run

    return batch_run.batch(
        spec, out=out, jobs=jobs, shard=shard, dask=dask, retry=retry, memory=memory, tell=tell
    )
