"""What the command line does for batches: shows how far they are, and what came of them."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from cspcomposer import batch_asked, batch_estimate, batch_lines, batch_run, batch_values
from cspcomposer.batch_asked import Asked
from cspcomposer.batch_meter import Meter, lasting, sized
from cspcomposer.batch_result import Result
from cspcomposer.errors import BadInput, Fault, counted

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

INTERRUPTED = 130
FIRST = 5
EVERY = 10.0


class _View(Protocol):
    """How a batch is shown while it runs."""

    def note(self, sentence: str) -> None: ...

    def saw(self, result: Result) -> None: ...


def run(options: argparse.Namespace, ready: Callable[[Path], None]) -> int:
    """Compose a batch and return the exit code: 1 where some pieces came to nothing.

    Args:
        options: The command line's.
        ready: Refuses a folder that cannot be written to.
    """
    if options.out is None and not options.dry_run:
        raise BadInput(Fault("where are the pieces to go?", hint="Name a folder with --out."))
    if options.out:
        ready(options.out)
    order = batch_asked.asked(
        options.spec, out=options.out, jobs=options.jobs, shard=options.shard,
        dask=options.dask or "", retry=options.retry is not None, memory=options.memory,
    )  # fmt: skip
    if options.dry_run:
        return _foreseen(order, as_json=options.json)
    meter = Meter(len(order))
    interrupted = False
    with _view(order, meter, as_json=options.json) as view, _terminable():
        for sentence in order.plan.notes:
            view.note(sentence)
        try:
            for result in batch_run.run(order, tell=view.note, twice=meter.one_less):
                meter.saw(result)
                view.saw(result)
        except KeyboardInterrupt:
            interrupted = True
    _told(order, meter, interrupted=interrupted, as_json=options.json)
    if interrupted:
        return INTERRUPTED
    return 1 if meter.amiss else 0


def _told(order: Asked, meter: Meter, *, interrupted: bool, as_json: bool) -> None:
    if as_json:
        _event(
            "interrupted" if interrupted else "end", pieces=meter.total, done=meter.done,
            done_before=meter.before, counts=dict(meter.counts), seconds=round(meter.elapsed, 3),
        )  # fmt: skip
        return
    name = order.plan.document.path.name
    if interrupted:
        left = f"{meter.total - meter.done} of {counted(meter.total, 'piece')} left"
        print(f"{name}: interrupted, {left}. The same command goes on from here.", file=sys.stderr)
        return
    before = f" ({meter.before} of them earlier)" if meter.before else ""
    fresh = meter.done - meter.before
    pace = f", {60 * fresh / meter.elapsed:.1f} pieces a minute" if fresh else ""
    print(f"{name}: {counted(meter.total, 'piece')}: {meter.told()}{before}; "
          f"{lasting(meter.elapsed)}{pace}.")  # fmt: skip
    print(f"  {order.out}: 'cspcomposer report {order.out}' shows them.")


@contextmanager
def _view(order: Asked, meter: Meter, *, as_json: bool) -> Iterator[_View]:
    if as_json:
        _event("start", pieces=meter.total, specification=str(order.plan.document.path))
        yield _Events(meter)
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[said]}"))
        with Progress(*columns, console=Console(stderr=True, highlight=False)) as bar:
            name = order.plan.document.path.name
            yield _Bar(bar, bar.add_task(name, total=meter.total, said="starting"), meter)
    else:
        yield _Lines(order.plan.document.path.name, meter)


@contextmanager
def _terminable() -> Iterator[None]:
    """Let a request to end (a cluster's, before it takes the machine away) be as Ctrl-C."""

    def stop(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Bar:
    """A bar on a terminal, and a line for what comes to nothing."""

    def __init__(self, bar: Progress, task: TaskID, meter: Meter) -> None:
        self._bar, self._task, self._meter = bar, task, meter

    def note(self, sentence: str) -> None:
        self._bar.console.print(sentence, markup=False)

    def saw(self, result: Result) -> None:
        if not (result.composed or result.done_before):
            self._bar.console.print(_amiss(result), markup=False)
        self._bar.update(self._task, completed=self._meter.done, said=_pace(self._meter))


class _Lines:
    """A line now and then, and one for what comes to nothing."""

    def __init__(self, name: str, meter: Meter) -> None:
        self._name, self._meter, self._last = name, meter, time.monotonic()

    def note(self, sentence: str) -> None:
        print(f"{self._name}: {sentence}", file=sys.stderr, flush=True)

    def saw(self, result: Result) -> None:
        if not (result.composed or result.done_before):
            self.note(_amiss(result))
        now = time.monotonic()
        if now - self._last >= EVERY:
            self._last = now
            self.note(_pace(self._meter))


class _Events:
    """Every piece as a line of JSON."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def note(self, sentence: str) -> None:
        _event("note", text=sentence)

    def saw(self, result: Result) -> None:
        meter = self._meter
        left = meter.remaining
        _event(
            "piece", id=result.id, index=result.index, inputs=dict(result.inputs),
            seed=result.seed, status=result.status, reason=result.reason, cost=list(result.cost),
            seconds=result.seconds, done_before=result.done_before,
            files=list(map(str, result.files)), done=meter.done, pieces=meter.total,
            a_minute=round(meter.rate, 2), remaining=None if left is None else round(left, 1),
        )  # fmt: skip


def _event(kind: str, **more: Any) -> None:
    print(json.dumps({"event": kind, **more}, ensure_ascii=False), flush=True)


def _pace(meter: Meter) -> str:
    said = [f"{meter.done} of {meter.total}"]
    if meter.rate:
        said.append(f"{meter.rate:.1f} a minute")
    if meter.remaining is not None and meter.done < meter.total:
        said.append(f"{lasting(meter.remaining)} left")
    if meter.amiss:
        said.append(f"{meter.amiss} without a piece")
    return ", ".join(said)


def _amiss(result: Result) -> str:
    first = result.reason.split("\n")[0]
    return f"piece {result.index + 1} ({_inputs(result.inputs)}): {result.status}: {first}"


def _inputs(inputs: Any) -> str:
    said = (f"{axis} {batch_values.label(value)}" for axis, value in inputs.items())
    return ", ".join(said) or "as it stands"


def _foreseen(order: Asked, *, as_json: bool) -> int:
    """Tell what a batch would be, and what it would take."""
    plan, count = order.plan, len(order)
    found = batch_estimate.foreseen(order)
    first = [plan.inputs(piece) for _, piece in islice(order.pieces(), FIRST)]
    if as_json:
        data = {"pieces": count, "axes": list(plan.axes), "first": first, "there": found.there,
                "came_to_nothing": found.nothing, "left": found.left,
                "seconds": found.seconds, "bytes": found.size, "jobs": order.jobs}  # fmt: skip
        print(json.dumps(data, indent=2, ensure_ascii=False))
        return 0
    of = f", shard {order.shard[0]} of {order.shard[1]} of {len(plan)}" if order.shard else ""
    print(f"{plan.document.path.name}: {counted(count, 'piece')}{of}{_product(order)}.")
    for sentence in plan.notes:
        print(f"  {sentence}")
    for number, inputs in enumerate(first, 1):
        print(f"  {number}: {_inputs(inputs)}")
    if count > FIRST:
        print(f"  and {count - FIRST} more.")
    are = "is" if found.there == 1 else "are"
    known = [f"{found.there} of them {are} in {order.out} already"] if found.there else []
    known += [f"{found.nothing} came to nothing earlier"] if found.nothing else []
    if known:
        print(f"{' and '.join(known)}.")
    if not found.left:
        unless = ", if all near copies stay refused" if found.refused else ""
        print(f"Nothing is left to compose{unless}.")
        return 0
    if found.each is None:
        print(f"How long it takes is not known: {found.why}")
        return 0
    jobs = counted(order.jobs, "job") if not order.dask else "one worker"
    took = f"took {found.each:.2g} seconds and {sized(found.bytes_each)} each"
    size = sized(found.size)
    print(f"About {lasting(found.seconds)} with {jobs}, and {size}: {found.why} {took}.")
    return 0


def _product(order: Asked) -> str:
    """Return what varies in the whole batch, and in how many ways."""
    axes = batch_asked.about(order.plan)["axes"]
    seeds = order.plan.how_many_seeds()
    parts = [f"{axis} {len(values)}" for axis, values in axes.items()]
    parts += [f"seed {seeds}"] if seeds > 1 else []
    return f" ({', '.join(parts)})" if parts else ""


def shown(options: argparse.Namespace, ready: Callable[[Path], None]) -> int:
    """Write the report on a batch."""
    from rich.console import Console

    from cspcomposer import batch_report

    if options.out:
        ready(options.out)
    elif not options.folder.is_dir():
        raise BadInput(Fault("this is no folder.", options.folder, hint=batch_lines.WHICH))
    paths = batch_report.write(
        options.folder, out=options.out, pictures=options.pieces, corpus=options.corpus,
        jobs=options.jobs, console=Console(stderr=True, highlight=False),
    )  # fmt: skip
    for path in paths:
        print(path)
    return 0


def exported(options: argparse.Namespace, ready: Callable[[Path], None]) -> int:
    """Write a batch as a data set."""
    from cspcomposer import batch_export

    out = options.out or options.folder / f"export-{options.format}"
    ready(out)
    told = batch_export.export(options.folder, options.format, out, splits=options.splits)
    print(f"{out}: {', '.join(f'{name} {count}' for name, count in told.items())}.")
    empty = [name for name, count in told.items() if not count]
    if empty:
        print(f"Nothing came into {' and '.join(empty)}: what belongs together is in one split, "
              "and its name decides in which.", file=sys.stderr)  # fmt: skip
    return 0
