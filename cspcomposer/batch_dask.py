"""Workers of a Dask cluster: each composes one piece at a time, wherever it is.

Files that a specification refers to travel with it, and pieces travel back: workers need no common
disk, only this program. A worker that is lost is lost to Dask, which has its piece composed by
another one; what is written is written here, once.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from cspcomposer import batch_plan, solver
from cspcomposer.batch_piece import Bench, Job, Made, Order, failed
from cspcomposer.batch_plan import Plan
from cspcomposer.errors import BadInput, Fault
from cspcomposer.spec import FileSource

if TYPE_CHECKING:
    from distributed import Client

# So many pieces for each thread are handed out, so that none waits for the next.
AHEAD = 2
SECONDS = 15


class Cluster:
    """The workers behind a Dask scheduler."""

    def __init__(self, order: Order, address: str) -> None:
        self._client, self._address = _connected(address), address
        self._futures: dict[Any, Job] = {}
        [self._order] = self._client.scatter([order], broadcast=True, hash=False)

    def made(self, jobs: Iterator[Job | None]) -> Iterator[Made]:
        """Yield what becomes of each job, as it is done; see `Executor`.

        Raises:
            BadInput: the scheduler went away.
        """
        from distributed import as_completed

        coming = as_completed(loop=self._client.loop)
        more = True
        while more or self._futures:
            try:
                most = AHEAD * max(1, sum(self._client.nthreads().values()))
            except (OSError, TimeoutError, CancelledError, ValueError):
                raise self._gone() from None
            while more and len(self._futures) < most:
                job = next(jobs, _NO_MORE)
                more = job is not _NO_MORE
                if not isinstance(job, Job):
                    break
                future = self._client.submit(
                    composed, self._order, job, key=f"piece-{job.id}", pure=False, retries=1
                )
                self._futures[future] = job
                coming.add(future)
            if self._futures:
                future = next(coming)
                if future.cancelled():
                    raise self._gone()
                yield _result(future, self._futures.pop(future))

    def close(self) -> None:
        """Give up what is being done."""
        with suppress(OSError, TimeoutError, CancelledError):
            self._client.cancel(list(self._futures), force=True)
        with suppress(OSError, TimeoutError, CancelledError):
            self._client.close(timeout=SECONDS)

    def _gone(self) -> BadInput:
        hint = "What was composed is kept: the same command goes on from there."
        return BadInput(Fault(f"the scheduler at {self._address} is gone.", hint=hint))


def _result(future: Any, job: Job) -> Made:
    try:
        made: Made = future.result()
    except Exception as error:  # whatever a cluster may say of a piece
        what = " ".join(f"{type(error).__name__}: {error}".split())
        return failed(job, "failed", f"the cluster could not compose it: {what}")
    return made


_NO_MORE = object()
_bench = Bench()
# They last as long as the worker.
_folders: list[tempfile.TemporaryDirectory[str]] = []


def composed(order: Order, job: Job) -> Made:
    """Return what becomes of a job, on a worker."""
    solver.limit(order.memory)
    return _bench.made(_at_hand(order), job)


@lru_cache(maxsize=4)
def _unpacked(source: bytes, files: tuple[tuple[str, bytes], ...], depth: int, name: str) -> str:
    """Write a specification and its files somewhere; return where the specification lies."""
    _folders.append(tempfile.TemporaryDirectory(prefix="cspcomposer-batch-"))
    place = Path(_folders[-1].name)
    # As deep as names that lead upwards need it.
    folder = place.joinpath(*map(str, range(depth)))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(source)
    for inner, content in files:
        path = Path(os.path.normpath(folder / inner))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return str(folder / name)


def _at_hand(order: Order) -> Order:
    depth = max((PurePosixPath(n).parts.count("..") for n in order.files), default=0)
    name = Path(order.path).name
    place = _unpacked(order.source, tuple(sorted(order.files.items())), depth, name)
    return Order(order.source, place, order.memory)


def bundled(plan: Plan, memory: int) -> Order:
    """Return what all pieces of a batch need, with the files that they refer to."""
    files: dict[str, bytes] = {}
    folder = plan.document.path.parent
    for one in plan.combinations:
        spec = batch_plan.loaded(plan.document, one).spec
        names = [s.file for s in spec.given.values() if isinstance(s, FileSource)]
        if spec.style.endswith(".lp"):
            names.append(os.path.relpath(spec.style, folder))
        for rules in spec.rule_folders:
            names += [
                os.path.join(rules, path.relative_to(folder / rules).as_posix())
                for path in sorted((folder / rules).rglob("*.lp"))
            ]
        for name in names:
            if name not in files and not os.path.isabs(name):
                files[name] = (folder / name).read_bytes()
    return Order(plan.document.source.encode(), str(plan.document.path), memory, files)


def _connected(address: str) -> Client:
    """Return a client of the scheduler at an address.

    Raises:
        BadInput: there is none, or Dask is not installed.
    """
    try:
        from distributed import Client
    except ImportError:
        hint = "Install it with: pip install 'cspcomposer[cluster]'."
        raise BadInput(Fault("--dask needs Dask, which is not installed.", hint=hint)) from None
    # What Dask says when somebody goes is told here in a sentence, or is no matter.
    for name in list(logging.Logger.manager.loggerDict):
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        return Client(address, timeout=SECONDS, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        what = str(error).split("\n")[0]
        hint = "Is it the address that 'dask scheduler' printed, such as tcp://10.0.0.1:8786?"
        raise BadInput(Fault(f"no scheduler at {address}: {what}.", hint=hint)) from None
