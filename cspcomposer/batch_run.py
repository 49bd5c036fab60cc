"""A batch: many pieces from one specification, each told as soon as it is there.

What is done is kept in a folder and found again; what fails is told with its reason. Who composes,
processes here or elsewhere, is an executor's business.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import Any

from cspcomposer import batch_sweep, batch_values, compose, specfile
from cspcomposer.batch_distinct import Gallery, Likeness, likeness
from cspcomposer.batch_identity import LENGTH, Register
from cspcomposer.batch_manifest import Manifest, piece_data
from cspcomposer.batch_piece import COMPOSED, Job, Made, Order, failed
from cspcomposer.batch_plan import Piece, Plan
from cspcomposer.batch_pool import Executor, Pool, processors, share_of_memory
from cspcomposer.batch_result import REFUSED, Result
from cspcomposer.errors import BadInput, CSPComposerError, Fault
from cspcomposer.score_data import scored

# Where all combinations can be looked at in a second or two they are, before anything is composed.
TRIED = 2000
# Results that wait for one before them: so many for each worker.
AHEAD = 8


@dataclass(frozen=True)
class Asked:
    """A batch that is asked for.

    Attributes:
        plan: Its pieces.
        out: The folder, or None.
        jobs: How many workers at a time.
        shard: (2, 8): only the second of every eight pieces; None: all.
        dask: The address of a Dask scheduler; "" for processes here.
        retry: Whether what failed before is tried again.
        memory: Bytes for each worker.
    """

    plan: Plan
    out: Path | None
    jobs: int
    shard: tuple[int, int] | None
    dask: str
    retry: bool
    memory: int

    def __len__(self) -> int:
        whole = len(self.plan)
        if self.shard is None:
            return whole
        number, of = self.shard
        return len(range(number - 1, whole, of))


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


def asked(
    spec: str | PathLike[str] | Mapping[str, Any],
    *,
    out: str | PathLike[str] | None = None,
    jobs: int | None = None,
    shard: tuple[int, int] | None = None,
    dask: str = "",
    retry: bool = False,
    memory: float | None = None,
) -> Asked:
    """Return the batch that is asked for, looked at as a whole: arguments and errors as `batch`."""
    count = processors() if jobs is None else jobs
    if count < 1:
        raise BadInput(Fault(f"{count} jobs: expected 1 or more."))
    if shard is not None and not 1 <= shard[0] <= shard[1]:
        raise BadInput(
            Fault(f"shard {shard[0]} of {shard[1]}: expected such as 2 of 8, counted from 1.")
        )
    if memory is not None and memory < 0.25:
        raise BadInput(Fault(f"{memory:g} GiB for each worker: expected 0.25 or more."))
    limit = share_of_memory(count) if memory is None else int(memory * (1 << 30))
    plan = _plan(spec)
    _try(plan)
    return Asked(plan, Path(out) if out is not None else None, count, shard, dask, retry, limit)


def _plan(spec: str | PathLike[str] | Mapping[str, Any]) -> Plan:
    if not isinstance(spec, Mapping):
        return batch_sweep.read(Path(spec))
    try:
        text = json.dumps(spec)
    except TypeError as error:
        raise BadInput(Fault(f"the specification cannot be written as JSON: {error}.")) from None
    return batch_sweep.planned(specfile.opened(text.encode(), Path("batch.json")))


def _try(plan: Plan) -> None:
    """Look up what the pieces refer to, so that what cannot be is told before anything starts.

    Raises:
        BadInput: the first of what cannot be.
    """
    register = Register(plan)
    taken = range(len(plan.combinations))
    numbers = taken if plan.drawn is None else sorted({number for number, _ in plan.drawn})
    for number in numbers[:TRIED]:
        one = plan.combinations[number]
        register.identity(Piece(one, plan.seeds_of(one)[0]))


def run(order: Asked, *, tell: Callable[[str], None] | None = None) -> Iterator[Result]:
    """Yield what becomes of every piece of a batch that is asked for."""
    keeper = Manifest(order.out, shard=order.shard) if order.out else None
    running = _Run(order, keeper, tell or (lambda _: None))
    try:
        yield from running.results()
    finally:
        running.close()


class _Run:
    """One run over the pieces of a batch."""

    def __init__(self, order: Asked, keeper: Manifest | None, tell: Callable[[str], None]) -> None:
        self._order, self._keeper, self._tell = order, keeper, tell
        self._register = Register(order.plan)
        self._found: deque[Result] = deque()
        self._names: dict[str, None] = {}
        distinct = order.plan.sweep.distinct
        self._apart = distinct.notes if distinct else 0.0
        self._gallery = Gallery()
        # What keeps its distance does so from all before it, whoever is done first.
        self._turn: deque[int] = deque()
        self._early: dict[int, Made] = {}
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
        first = next(jobs, None)
        while self._found:
            yield self._found.popleft()
        if first:
            if self._apart and self._keeper:
                self._hang_up(self._keeper)
            self._executor = self._begun()
            for made in self._executor.made(chain([first], jobs)):
                self._arrived(made)
                while self._found:
                    yield self._found.popleft()
        if self._keeper:
            self._keeper.finish(self._names)

    def _begun(self) -> Executor:
        plan, memory = self._order.plan, self._order.memory
        source, path = plan.document.source.encode(), plan.document.path
        if self._order.dask:
            from cspcomposer.batch_dask import Cluster, bundled

            return Cluster(bundled(plan, memory), self._order.dask)
        return Pool(Order(source, str(path.absolute()), memory), self._order.jobs)

    def _jobs(self) -> Iterator[Job | None]:
        """Yield what is to be composed, None while that must wait for what is begun.

        What is there already is put among the results.
        """
        number, of = self._order.shard or (1, 1)
        for index, piece in enumerate(self._order.plan.pieces()):
            if index % of != number - 1:
                continue
            inputs = self._order.plan.inputs(piece)
            try:
                who = self._register.identity(piece)
            except (CSPComposerError, OSError) as error:
                name = nobody(inputs, piece.seed)
                job = Job(name, index, piece.assignment, inputs, piece.seed, {}, {})
                self._names[name] = None
                self._found.append(self._kept(failed(job, "failed", str(error))))
                continue
            job = Job(who.id, index, piece.assignment, inputs, piece.seed, who.sha256, who.versions)
            if job.id in self._names:
                self._tell(f"piece {index + 1} is the same as one before it.")
                continue
            self._names[job.id] = None
            before = self._before(job)
            if before:
                self._found.append(before)
                continue
            while len(self._early) > AHEAD * self._order.jobs:
                yield None
            if self._apart:
                self._turn.append(index)
            yield job

    def _before(self, job: Job) -> Result | None:
        """Return what an earlier run made of a job, if that is whole."""
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
        self._keeper.keep(job.id)
        return self._result(job, line, {}, done_before=True)

    def _arrived(self, made: Made) -> None:
        if not self._apart:
            self._found.append(self._kept(made))
            return
        self._early[made.job.index] = made
        while self._turn and self._turn[0] in self._early:
            self._found.append(self._kept(self._judged(self._early.pop(self._turn.popleft()))))

    def _judged(self, made: Made) -> Made:
        """Return what was made, or that it is too near to a piece before."""
        if not made.files:
            return made
        seen = _likeness(json.loads(made.files[".json"]))
        near = self._gallery.nearest(made.job.id, seen)
        if near is None or near.distance >= self._apart:
            self._gallery.add(made.job.id, seen)
            return made
        say = f"only {near.distance:.1%} of its notes differ from those of {near.other}."
        line = {**made.line, "status": REFUSED, "reason": say}
        return Made(made.job, line)

    def _hang_up(self, keeper: Manifest) -> None:
        """See the pieces that were made before, so that later ones keep their distance."""
        for line in keeper.mine():
            if line["status"] in COMPOSED:
                data = piece_data(keeper.folder, line)
                if data:
                    self._gallery.add(line["id"], _likeness(data))

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


def _likeness(data: Mapping[str, Any]) -> Likeness:
    return likeness(scored(data["score"]), data["given"])


def nobody(inputs: Mapping[str, Any], seed: int) -> str:
    """Return the name of a piece that cannot even be asked for."""
    text = json.dumps([inputs, seed], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def about(plan: Plan) -> dict[str, Any]:
    """Return what a batch as a whole is, for its folder."""
    values: dict[str, dict[str, None]] = {axis: {} for axis in plan.axes}
    for one in plan.combinations:
        for axis, found in batch_values.inputs(plan.document, one).items():
            if axis in values:
                values[axis][batch_values.label(found)] = None
    spec = plan.document.path
    return {
        "specification": spec.name,
        "title": str(plan.document.data.get("title", "")) or spec.stem,
        "pieces": len(plan),
        "axes": {axis: list(found) for axis, found in values.items() if axis != "seed"},
        "seeds": len(plan.seeds),
        "versions": dict(compose.versions()),
        "text": plan.document.source,
    }
