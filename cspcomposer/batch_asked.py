"""A batch that is asked for, looked at as a whole before anything is composed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any

from cspcomposer import batch_sweep, batch_values, compose, specfile
from cspcomposer.batch_identity import Register
from cspcomposer.batch_plan import Piece, Plan
from cspcomposer.batch_pool import processors, share_of_memory
from cspcomposer.errors import BadInput, Fault

# Where all combinations can be looked at in a second or two they are, before anything is composed.
TRIED = 2000
MOST_GIB = 100_000


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

    def pieces(self) -> Iterator[tuple[int, Piece]]:
        """Yield the pieces that are asked for, each with its place in the whole batch."""
        number, of = self.shard or (1, 1)
        yield from islice(enumerate(self.plan.pieces()), number - 1, None, of)


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
    if shard is not None and not _is_shard(shard):
        raise BadInput(Fault(f"shard {shard!r}: expected such as (2, 8), counted from 1."))
    if memory is not None and not 0.25 <= memory <= MOST_GIB:
        raise BadInput(
            Fault(f"{memory:g} GiB for each worker: expected a number from 0.25 to {MOST_GIB:,}.")
        )
    limit = share_of_memory(count) if memory is None else int(memory * (1 << 30))
    plan = _plan(spec)
    _try(plan)
    return Asked(plan, Path(out) if out is not None else None, count, shard, dask, retry, limit)


def _is_shard(shard: object) -> bool:
    if not isinstance(shard, tuple | list) or len(shard) != 2:
        return False
    number, of = shard
    return isinstance(number, int) and isinstance(of, int) and 1 <= number <= of


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


def about(plan: Plan) -> dict[str, Any]:
    """Return what a batch as a whole is, for its folder; axes have labels by their values."""
    values: dict[str, dict[str, str]] = {axis: {} for axis in plan.axes}
    for one in plan.combinations:
        for axis, found in batch_values.inputs(plan.document, one).items():
            if axis in values:
                values[axis][batch_values.text(found)] = batch_values.label(found)
    spec = plan.document.path
    return {
        "specification": spec.name,
        "title": str(plan.document.data.get("title", "")) or spec.stem,
        "pieces": len(plan),
        "axes": {axis: found for axis, found in values.items() if axis != "seed"},
        "seeds": plan.how_many_seeds(),
        "versions": dict(compose.versions()),
        "text": plan.document.source,
    }
