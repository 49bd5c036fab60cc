"""Workers of a Dask cluster: each composes one piece at a time, wherever it is.

Files that a specification refers to travel with it, and pieces travel back: workers need no common
disk, only this program. A worker that is lost is lost to Dask, which has its piece composed by
another one; what is written is written here, once.
"""

from __future__ import annotations

import logging
import os
import queue
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from cspcomposer import batch_plan, solver, specfile_named
from cspcomposer.batch_piece import Bench, Job, Made, Order, failed
from cspcomposer.batch_plan import Plan
from cspcomposer.batch_pool import NO_MORE, NoMore, T
from cspcomposer.errors import BadInput, Fault, counted
from cspcomposer.specfile_named import NAMING

if TYPE_CHECKING:
    from distributed import Client

# So many pieces for each thread are handed out, so that none waits for the next.
AHEAD = 2
# So many at least: a cluster that grows by demand sees that there is some.
LEAST = 64
SECONDS = 15
# After so many seconds without a piece it is asked whether anybody composes at all.
WATCHED = 5.0


class Cluster:
    """The workers behind a Dask scheduler."""

    def __init__(self, order: Order, address: str, tell: Callable[[str], None]) -> None:
        self._client, self._address, self._tell = _connected(address), address, tell
        self._futures: dict[Any, Job] = {}
        self._ready: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._workers = -1
        self._bundle = order
        self._order = self._sent()

    def _sent(self) -> Any:
        # The result of a task, which Dask has done again where all who have it are lost.
        return self._client.submit(_same, self._bundle, pure=False)

    def made(self, jobs: Iterator[Job | T | None]) -> Iterator[Made | T]:
        """Yield what becomes of each job, as it is done; see `Executor`.

        Raises:
            BadInput: the scheduler went away.
        """
        more = True
        while more or self._futures:
            most = max(LEAST, AHEAD * self._threads())
            while more and len(self._futures) < most:
                job = next(jobs, NO_MORE)
                if job is None or isinstance(job, NoMore):
                    more = job is None
                    break
                if isinstance(job, Job):
                    self._hand_out(job)
                else:
                    yield job
            if not self._futures:
                continue
            future = self._done()
            job = self._futures.pop(future)
            if future.cancelled():
                # Whoever has it, the scheduler has it no more: it began anew, say.
                self._threads()
                if self._order.cancelled():
                    self._order = self._sent()
                self._hand_out(job)
            else:
                yield _result(future, job)

    def close(self) -> None:
        """Give up what is being done."""
        with suppress(OSError, TimeoutError, CancelledError):
            self._client.cancel(list(self._futures), force=True)
        with suppress(OSError, TimeoutError, CancelledError):
            self._client.close(timeout=SECONDS)

    def _hand_out(self, job: Job) -> None:
        future = self._client.submit(composed, self._order, job, pure=False, retries=1)
        self._futures[future] = job
        future.add_done_callback(self._ready.put)

    def _done(self) -> Any:
        """Return the next that is done; say so while nobody is there to do it."""
        while True:
            with suppress(queue.Empty):
                return self._ready.get(timeout=WATCHED)
            self._threads()

    def _threads(self) -> int:
        """Return how many pieces can be composed at a time; tell when there is nobody, or again.

        Raises:
            BadInput: the scheduler went away.
        """
        try:
            found = self._client.nthreads()
        except (OSError, TimeoutError, CancelledError, ValueError):
            raise self._gone() from None
        if not found and self._workers:
            self._tell(f"no worker of {self._address} is there yet: waiting for one.")
        elif found and self._workers == 0:
            self._tell(f"{counted(len(found), 'worker')} of {self._address} at work.")
        self._workers = len(found)
        return sum(found.values())

    def _gone(self) -> BadInput:
        hint = "What was composed is kept: the same command goes on from there."
        return BadInput(Fault(f"the scheduler at {self._address} is gone.", hint=hint))


def _same(order: Order) -> Order:
    """Return an order, on a worker: where that is lost, the order can be had again."""
    return order


def _result(future: Any, job: Job) -> Made:
    try:
        made: Made = future.result()
    except Exception as error:  # whatever a cluster may say of a piece
        what = " ".join(f"{type(error).__name__}: {error}".split())
        return failed(job, "failed", f"the cluster could not compose it: {what}")
    return made


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
    """Return what all pieces of a batch need, with the files that they refer to.

    A file with an absolute name does not travel: workers have it where this machine does, or say
    that they have not.
    """
    files: dict[str, bytes] = {}
    folder = plan.document.path.parent
    seen: set[str] = set()
    for one in plan.combinations:
        # Nothing else that is swept names files.
        told = {axis: way for axis, way in one.ways if axis.partition(".")[0] in NAMING}
        if str(told) in seen:
            continue
        seen.add(str(told))
        spec = batch_plan.loaded(plan.template, one).spec
        for name in specfile_named.files(spec, folder):
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
        from distributed.comm.addressing import parse_address
        from distributed.comm.registry import get_backend
    except ImportError:
        hint = "Install it with: pip install 'cspcomposer[cluster]'."
        raise BadInput(Fault("--dask needs Dask, which is not installed.", hint=hint)) from None
    # What Dask says when somebody goes is told here in a sentence, or is no matter.
    for name in list(logging.Logger.manager.loggerDict):
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        scheme, place = parse_address(address)
        get_backend(scheme)
        host, _, port = place.rpartition(":")
        # A client would find out later, and not end quietly then.
        if scheme in ("tcp", "tls") and not (host and port.isdecimal()):
            raise ValueError("the address has no port")
        return Client(address, timeout=SECONDS, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        what = str(error).split("\n")[0]
        hint = "Is it the address that 'dask scheduler' printed, such as tcp://10.0.0.1:8786?"
        raise BadInput(Fault(f"no scheduler at {address}: {what}.", hint=hint)) from None
