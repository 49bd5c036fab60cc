"""What a specification says of its batch: its sweep read, and its pieces counted out."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

from pydantic import ValidationError

from cspcomposer import batch_sweep_check, batch_values, candidates_sweep, specfile, specwords
from cspcomposer import document as documents
from cspcomposer.batch_axes import Swept
from cspcomposer.batch_plan import SEED, Piece, Plan, loaded
from cspcomposer.batch_sweep_check import Pattern
from cspcomposer.batch_values import Assignment
from cspcomposer.candidates_sweep import Condition
from cspcomposer.document import Document
from cspcomposer.errors import BadSpec, counted
from cspcomposer.specsweep import MOST_PIECES, SweepSpec


def read(path: Path) -> Plan:
    """Return what the specification file of a batch asks for.

    Raises:
        BadSpec: it cannot be understood, or asks for nothing or too much; carries every fault.
    """
    return planned(specfile.opened(documents.load(path), path))


def planned(document: Document) -> Plan:
    """Return what the document of a batch asks for: errors as `read`."""
    sweep = _understood(document)
    swept = Swept(document, sweep)
    batch_sweep_check.know(swept)
    return _plan(swept)


def _understood(document: Document) -> SweepSpec:
    """Return what a document says of its batch; only that part need be right.

    Raises:
        BadSpec: it cannot be understood.
    """
    faults = list(document.faults)
    said = document.data.get("sweep", {})
    try:
        sweep = SweepSpec.model_validate(said)
    except ValidationError as error:
        errors = [{**e, "loc": ("sweep", *e["loc"])} for e in error.errors(include_url=False)]
        raise BadSpec(*faults, *specwords.faults(document, errors)) from None
    if faults:
        raise BadSpec(*faults)
    return sweep


def _plan(swept: Swept) -> Plan:
    """Return what is taken.

    Raises:
        BadSpec: nothing is left, or too much.
    """
    sweep = swept.sweep
    base = swept.document.data.get(SEED, 0)
    seeds = sweep.seeds or (base if isinstance(base, int) else 0,)
    domains = {name: len(options) for name, options in swept.variables.items()}
    conditions = list(_conditions(swept))
    notes: list[str] = []
    size = candidates_sweep.size(domains) if domains else 0
    random = Random(f"sample:{sweep.sample.seed if sweep.sample else 0}")
    if size > MOST_PIECES:
        assert sweep.sample, "looked at in check"
        rows = candidates_sweep.drawn(domains, conditions, sweep.sample.count, random)
    else:
        rows = candidates_sweep.allowed(domains, conditions) if domains else []
    if domains and not rows:
        batch_sweep_check.nothing_left(swept, domains, conditions)
    combinations = [
        swept.joined([options[i] for options, i in zip(swept.variables.values(), row, strict=True)])
        for row in rows
    ]
    if not domains and not sweep.include:
        combinations = [Assignment(())]
    extra = list(swept.included())
    combinations += extra
    axes = _axes(swept, seeds)
    plan = Plan(swept.document, sweep, axes, tuple(combinations), seeds, None)
    drawn = _drawn(swept, plan, random, notes)
    effort = loaded(swept.template, combinations[0]).spec.effort
    if effort and (effort.seconds is not None or effort.threads > 1):
        notes.append("effort in seconds or threads: another run may give other pieces.")
    return Plan(swept.document, sweep, axes, tuple(combinations), seeds, drawn, tuple(notes))


def _axes(swept: Swept, seeds: Sequence[int]) -> tuple[str, ...]:
    names = [*swept.variable, *(axis for extra in swept.sweep.include for axis in extra)]
    names = [n for n in dict.fromkeys(names) if n != SEED]
    several = len(seeds) > 1 or SEED in swept.variable
    several = several or any(SEED in extra for extra in swept.sweep.include)
    return (*names, *([SEED] if several else []))


def _conditions(swept: Swept) -> Iterator[Condition]:
    for number, pattern in enumerate(swept.sweep.exclude):
        yield _condition(swept, f"sweep.exclude.{number + 1}", [pattern], _excluded)
    for number, where in enumerate(swept.sweep.where):
        name = f"sweep.where.{number + 1}"
        if where.if_ and where.then:
            yield _condition(swept, name, [where.if_, where.then], _implied)
        if where.different:
            asked = [{axis: () for axis in where.different}]
            yield _condition(swept, name, asked, _different)


def _condition(
    swept: Swept,
    name: str,
    patterns: Sequence[Pattern],
    holds: Callable[[Sequence[Pattern], Mapping[str, Any]], bool],
) -> Condition:
    axes = list(dict.fromkeys(axis for pattern in patterns for axis in pattern))
    variables = list(dict.fromkeys(swept.variable[axis] for axis in axes))

    def on(*numbers: int) -> bool:
        found: dict[str, Any] = {}
        for variable, number in zip(variables, numbers, strict=True):
            ways = dict(swept.variables[variable][number].ways)
            found |= {a: batch_values.value(swept.document, ways[a]) for a in axes if a in ways}
        return holds(patterns, found)

    return Condition(name, tuple(variables), on)


def _drawn(
    swept: Swept, plan: Plan, random: Random, notes: list[str]
) -> tuple[tuple[int, int], ...] | None:
    """Return which pieces are taken; None means all."""
    sample = swept.sweep.sample
    quotas = [w for w in swept.sweep.where if w.at_most is not None]
    if not sample and not quotas:
        return None
    ends = list(accumulate(len(plan.seeds_of(one)) for one in plan.combinations))
    total = ends[-1]
    wanted = sample.count if sample else total
    had: list[Counter[str]] = [Counter() for _ in quotas]
    taken: list[tuple[int, int]] = []
    for place in _by_chance(total, wanted, random):
        number = bisect_right(ends, place)
        seed = place - (ends[number - 1] if number else 0)
        one = plan.combinations[number]
        values = plan.inputs(Piece(one, plan.seeds_of(one)[seed])) if quotas else {}
        marks = [str([values.get(axis) for axis in quota.of or ()]) for quota in quotas]
        if all(had[i][marks[i]] < (quota.at_most or 0) for i, quota in enumerate(quotas)):
            taken.append((number, seed))
            for i, mark in enumerate(marks):
                had[i][mark] += 1
        if len(taken) == wanted:
            break
    if sample and len(taken) < wanted:
        can = counted(len(taken), "piece")
        notes.append(f"sample asks for {wanted}, and {can} can be had.")
    return tuple(sorted(taken))


def _by_chance(total: int, wanted: int, random: Random) -> Iterator[int]:
    """Yield numbers below a total, each once, in an order by chance."""
    if total <= MOST_PIECES:
        yield from random.sample(range(total), total)
        return
    seen: set[int] = set()
    for _ in range(candidates_sweep.TRIES * wanted):
        place = random.randrange(total)
        if place not in seen:
            seen.add(place)
            yield place


def _holds(pattern: Pattern, found: Mapping[str, Any]) -> bool:
    return all(batch_values.matches(axis, found[axis], wanted) for axis, wanted in pattern.items())


def _excluded(patterns: Sequence[Pattern], found: Mapping[str, Any]) -> bool:
    return not _holds(patterns[0], found)


def _implied(patterns: Sequence[Pattern], found: Mapping[str, Any]) -> bool:
    return not _holds(patterns[0], found) or _holds(patterns[1], found)


def _different(_: Sequence[Pattern], found: Mapping[str, Any]) -> bool:
    values = [batch_values.text(value) for value in found.values()]
    return len(set(values)) == len(values)
