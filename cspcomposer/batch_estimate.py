"""What a batch will take, told from pieces that are there, or from two that are tried."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from statistics import median

from cspcomposer.batch_asked import Asked
from cspcomposer.batch_identity import Register
from cspcomposer.batch_lines import Line, amiss, lines, manifests
from cspcomposer.batch_piece import COMPOSED, Bench, Job, Made, Order
from cspcomposer.batch_plan import Piece
from cspcomposer.batch_result import REFUSED
from cspcomposer.errors import CSPComposerError, counted

# Until so many pieces are there, how long they took says little.
ENOUGH = 5
# Seconds after which no second piece is tried.
LONG = 20.0


@dataclass(frozen=True)
class Foreseen:
    """What a batch will take.

    Attributes:
        there: How many pieces are there already.
        nothing: How many came to nothing earlier, and are not tried again.
        refused: How many of these were near copies, which are judged once more.
        left: How many are composed.
        each: Seconds for one of these; None if that is not known.
        bytes_each: What one takes on disk.
        seconds: For all of them.
        size: Bytes for all of them.
        why: What this was told from, to go before "took"; or why it is not known.
    """

    there: int
    nothing: int
    refused: int
    left: int
    each: float | None
    bytes_each: float
    seconds: float
    size: float
    why: str


def foreseen(order: Asked) -> Foreseen:
    """Return what a batch will take; two pieces may be composed for it, and are not kept."""
    there, nothing, refused, left = _known(order)
    counts = len(there), nothing, refused, left
    if not left:
        return Foreseen(*counts, 0.0, 0.0, 0.0, 0.0, "")
    if len(there) >= ENOUGH:
        each = median(line["seconds"]["total"] for line in there)
        sizes = [_size(order, line) for line in there[:: max(1, len(there) // 50)]]
        why, size = f"the {counted(len(there), 'piece')} there", float(median(sizes))
    else:
        tried = _tried(order)
        found = [made for made in tried if made.files]
        if not found:
            reason = str(tried[0].line["reason"]).partition("\n")[0]
            why = f"what was tried came to nothing, the first so: {reason}"
            return Foreseen(*counts, None, 0.0, 0.0, 0.0, why)
        # The first one waits for everything to be loaded.
        each = found[-1].line["seconds"]["total"]
        size = sum(len(file) for made in found for file in made.files.values()) / len(found)
        why = f"the {counted(len(found), 'piece')} composed to see"
    each = round(each, 3)
    jobs = 1 if order.dask else order.jobs
    return Foreseen(*counts, each, size, each * left / jobs, size * left, why)


def _known(order: Asked) -> tuple[list[Line], int, int, int]:
    """Return what is there already; how many came to nothing, were refused, and are left."""
    if order.out is None or not manifests(order.out):
        return [], 0, 0, len(order)
    register = Register(order.plan)
    names = set()
    for _, piece in order.pieces():
        with suppress(CSPComposerError, OSError):
            names.add(register.identity(piece).id)
    mine = [line for line in lines(order.out) if line["id"] in names]
    there = [ln for ln in mine if ln["status"] in COMPOSED and not amiss(order.out, ln)]
    nothing = [ln for ln in mine if ln["status"] not in COMPOSED and _stays(order, ln)]
    refused = sum(1 for line in nothing if line["status"] == REFUSED)
    return there, len(nothing), refused, len(names) - len(there) - len(nothing)


def _stays(order: Asked, line: Line) -> bool:
    """Return whether what came to nothing is not tried again."""
    if line["status"] == REFUSED:
        return order.plan.sweep.distinct is not None
    return not order.retry


def _size(order: Asked, line: Line) -> int:
    assert order.out
    paths = [order.out / name for name in line["files"]]
    return sum(path.stat().st_size for path in paths if path.exists())


def _some(order: Asked) -> list[Piece]:
    """Return the first piece and one in the middle."""
    places = sorted({0, len(order) // 2})
    return [piece for place in places for _, piece in islice(order.pieces(), place, place + 1)]


def _tried(order: Asked) -> list[Made]:
    """Return what becomes of the first piece and of one in the middle."""
    plan = order.plan
    place = str(plan.document.path.absolute())
    asked = Order(plan.document.source.encode(), place, order.memory)
    register, bench = Register(plan), Bench()
    found = []
    try:
        for piece in _some(order):
            who = register.identity(piece)
            job = Job(who.id, 0, piece.assignment, {}, piece.seed, who.sha256, who.versions)
            found.append(bench.made(asked, job))
            if found[-1].line["seconds"]["total"] > LONG:
                break
    finally:
        bench.close()
    return found
