"""A batch: many pieces from one specification, each told as soon as it is there.

What is done is kept in a folder and found again; what fails is told with its reason. Who composes,
processes here or elsewhere, is an executor's business.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import Any

from cspcomposer.batch_asked import Asked, about, asked
from cspcomposer.batch_identity import LENGTH, Register
from cspcomposer.batch_judge import Judge, restored
from cspcomposer.batch_lines import Line
from cspcomposer.batch_manifest import Manifest
from cspcomposer.batch_piece import COMPOSED, Job, Made, Order, failed
from cspcomposer.batch_plan import Piece
from cspcomposer.batch_pool import Executor, Pool
from cspcomposer.batch_result import REFUSED, Result
from cspcomposer.errors import CSPComposerError

# A cluster has so many workers, for all that is known.
MANY = 64


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
    """Compose every piece of a batch; yield each one as soon as it is there, not in order.

    Args:
        spec: A specification file with a `sweep`, or the same as keys and values.
        out: The folder where files and manifest are kept, and what is whole there is taken from;
            without it nothing is written.
        jobs: How many pieces are composed at a time; as many as there are processors if left out.
        shard: (2, 8) takes the second of every eight pieces.
        dask: The address of a Dask scheduler, whose workers compose instead.
        retry: Whether what came to nothing before is tried again.
        memory: GiB that each worker may take; its share of the machine's if left out.
        tell: Called with what is found amiss in the folder, as sentences.

    Raises:
        BadInput: a specification, a rule file or an argument that cannot be used.

    >>> for result in batch({"bars": 1, "sweep": {"seeds": 2}}, jobs=1):  # doctest: +SKIP
    ...     print(result.seed, result.status, result.cost)
    """
    order = asked(spec, out=out, jobs=jobs, shard=shard, dask=dask, retry=retry, memory=memory)
    return run(order, tell=tell)


def run(
    order: Asked,
    *,
    tell: Callable[[str], None] | None = None,
    twice: Callable[[], None] | None = None,
) -> Iterator[Result]:
    """Yield what becomes of every piece of a batch that is asked for.

    Args:
        order: The batch.
        tell: Called with what is found amiss in the folder, as sentences.
        twice: Called for each piece that turns out to be one before it.
    """
    keeper = Manifest(order.out, shard=order.shard) if order.out else None
    running = _Run(order, keeper, tell or (lambda _: None), twice or (lambda: None))
    try:
        yield from running.results()
    finally:
        running.close()


class _Run:
    """One run over the pieces of a batch."""

    def __init__(
        self,
        order: Asked,
        keeper: Manifest | None,
        tell: Callable[[str], None],
        twice: Callable[[], None],
    ) -> None:
        self._order, self._keeper, self._tell, self._twice = order, keeper, tell, twice
        self._register = Register(order.plan)
        self._names: dict[str, None] = {}
        distinct = order.plan.sweep.distinct
        self._judge = Judge(distinct.notes, order.out) if distinct else None
        self._executor: Executor | None = None

    def close(self) -> None:
        """Give up what is being composed, and let others write here."""
        if self._executor:
            self._executor.close()
        if self._keeper:
            self._keeper.close()

    def results(self) -> Iterator[Result]:
        """Yield what becomes of every piece."""
        if self._keeper:
            self._keeper.about(about(self._order.plan))
            self._complain()
        jobs = self._jobs()
        for first in jobs:
            if isinstance(first, Result):
                yield first
                continue
            self._executor = self._begun()
            for found in self._executor.made(chain([first], jobs)):
                if isinstance(found, Made):
                    yield from self._arrived(found)
                else:
                    yield found
        if self._keeper:
            self._keeper.finish(self._names, self._everything)
            self._complain()

    def _begun(self) -> Executor:
        plan, memory = self._order.plan, self._order.memory
        source, path = plan.document.source.encode(), plan.document.path
        if self._order.dask:
            from cspcomposer.batch_dask import Cluster, bundled

            return Cluster(bundled(plan, memory), self._order.dask, self._tell)
        return Pool(Order(source, str(path.absolute()), memory), self._order.jobs)

    def _jobs(self) -> Iterator[Job | Result | None]:
        """Yield what is to be composed, None while that must wait for what is begun.

        What is there already is among it, as results.
        """
        workers = MANY if self._order.dask else self._order.jobs
        for index, piece in self._order.pieces():
            job, fault = self._asked(index, piece)
            if job.id in self._names:
                self._tell(f"piece {index + 1} is the same as one before it.")
                self._twice()
                continue
            self._names[job.id] = None
            if fault:
                yield self._kept(failed(job, "failed", fault))
                continue
            before = self._before(job)
            if self._judge is None:
                yield self._stays(job, before) if before else job
                continue
            while not before and self._judge.waits(workers):
                yield None
            self._judge.expect(job, before)
            yield from self._judged()
            yield from self._again()
            if not before:
                yield job
        while self._judge and self._judge.pending():
            yield from self._again()
            yield None

    def _again(self) -> Iterator[Job]:
        while self._judge and self._judge.again:
            yield self._judge.again.popleft()

    def _judged(self) -> Iterator[Result]:
        for job, found in self._judge.judged() if self._judge else ():
            yield self._kept(found) if isinstance(found, Made) else self._stays(job, found)

    def _asked(self, index: int, piece: Piece) -> tuple[Job, str]:
        """Return a piece as a job, and why it cannot be one; "" if it can."""
        inputs = self._order.plan.inputs(piece)
        try:
            who = self._register.identity(piece)
        except (CSPComposerError, OSError) as error:
            name = nobody(inputs, piece.seed)
            return Job(name, index, piece.assignment, inputs, piece.seed, {}, {}), str(error)
        job = Job(who.id, index, piece.assignment, inputs, piece.seed, who.sha256, who.versions)
        return job, ""

    def _everything(self) -> set[str]:
        """Return the names of all pieces of the batch, other shards' too."""
        pieces = enumerate(self._order.plan.pieces())
        return {self._asked(index, piece)[0].id for index, piece in pieces}

    def _before(self, job: Job) -> Line | None:
        """Return what an earlier run made of a job, if that holds and is whole."""
        status = self._keeper.status(job.id) if self._keeper else ""
        if not self._keeper or not status:
            return None
        if self._order.retry and status not in (*COMPOSED, REFUSED):
            return None
        line = self._keeper.line(job.id)
        whole = self._keeper.whole(line)
        self._complain()
        if not whole:
            return None
        return restored(line) if status == REFUSED and self._judge is None else line

    def _arrived(self, made: Made) -> Iterator[Result]:
        if self._judge is None:
            yield self._kept(made)
        else:
            self._judge.came(made)
            yield from self._judged()

    def _stays(self, job: Job, line: Line) -> Result:
        """Return what an earlier run made, of which something else may be said now."""
        assert self._keeper
        if self._keeper.status(job.id) == line["status"]:
            self._keeper.keep(job.id)
        else:
            self._keeper.change(line)
        return self._result(job, line, {}, done_before=True)

    def _kept(self, made: Made) -> Result:
        if self._keeper:
            return self._result(made.job, self._keeper.add(made.line, made.files), {})
        return self._result(made.job, made.line, made.files)

    def _result(
        self, job: Job, line: Mapping[str, Any], contents: Mapping[str, bytes], *,
        done_before: bool = False,
    ) -> Result:  # fmt: skip
        folder = self._order.out or Path()
        return Result(
            job.id, job.index, job.inputs, job.seed, line["status"], line.get("reason", ""),
            tuple(line.get("cost", ())), tuple(line.get("bound", ())), line["seconds"]["total"],
            tuple(folder / name for name in line.get("files", ())), line, done_before, contents,
        )  # fmt: skip

    def _complain(self) -> None:
        while self._keeper and self._keeper.notes:
            self._tell(self._keeper.notes.pop(0))


def nobody(inputs: Mapping[str, Any], seed: int) -> str:
    """Return the name of a piece that cannot even be asked for."""
    text = json.dumps([inputs, seed], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]
