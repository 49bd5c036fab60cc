"""What a specification says of its batch: its sweep read, and its pieces counted out."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

from pydantic import ValidationError

from cspcomposer import batch_sweep_check, batch_values, candidates_quota, specfile, specwords
from cspcomposer import document as documents
from cspcomposer.batch_axes import Swept
from cspcomposer.batch_plan import SEED, Plan, loaded
from cspcomposer.batch_sweep_check import Pattern
from cspcomposer.batch_values import Assignment
from cspcomposer.candidates_sweep import Combination, Condition, Space
from cspcomposer.candidates_sweep import size as size_of
from cspcomposer.document import Document
from cspcomposer.errors import BadSpec, counted
from cspcomposer.specsweep import MOST_PIECES, SweepSpec

# Where kinds are limited so many times as many combinations are drawn as pieces are wanted.
SPARE = 10
Place = tuple[int, int]


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


@dataclass
class _Made:
    """Combinations, and the pieces that there are of them.

    Attributes:
        combinations: What is combined; what is included by name stands last.
        some: The pieces that meet the conditions, as numbers of combinations and seeds, where a
            condition looks at seeds; None: all seeds of the first `count` combinations.
        count: How many combinations are not included by name.
        asked: The pieces that are included by name.
    """

    combinations: list[Assignment]
    some: list[Place] | None
    count: int
    asked: list[Place]


def _plan(swept: Swept) -> Plan:
    """Return what is taken.

    Raises:
        BadSpec: nothing is left, or too much, or values that cannot be.
    """
    sweep, seeds = swept.sweep, swept.seeds
    random = Random(f"sample:{sweep.sample.seed if sweep.sample else 0}")
    notes: list[str] = []
    space, rows, every = _rows(swept, random)
    if space.domains and not rows:
        batch_sweep_check.nothing_left(swept, space)
    batch_sweep_check.know_values(swept, space, rows)
    made = _combined(swept, space, rows)
    axes = _axes(swept, seeds)
    whole = Plan(swept.document, sweep, axes, tuple(made.combinations), seeds, None)
    drawn = _drawn(whole, made, random, notes, every=every)
    effort = loaded(swept.template, made.combinations[0]).spec.effort
    if effort and (effort.seconds is not None or effort.threads > 1):
        notes.append("effort in seconds or threads: another run may give other pieces.")
    return Plan(swept.document, sweep, axes, tuple(made.combinations), seeds, drawn, tuple(notes))


def _rows(swept: Swept, random: Random) -> tuple[Space, list[Combination], bool]:
    """Return what is combined, what of it is allowed, and whether that is all there is of it.

    Seeds are combined too where a condition looks at them.
    """
    conditions = list(_conditions(swept))
    domains = {name: len(options) for name, options in swept.variables.items()}
    if any(SEED in condition.variables for condition in conditions):
        domains.setdefault(SEED, len(swept.seeds))
    space, sample = Space(domains, conditions), swept.sweep.sample
    if not domains:
        return space, [], True
    if size_of(domains) <= MOST_PIECES:
        return space, space.allowed(), True
    assert sample, "looked at in check"
    limited = any(where.at_most for where in swept.sweep.where)
    count = min(sample.count * (SPARE if limited else 1), MOST_PIECES)
    rows = space.drawn(count, random)
    return space, rows, space.exact and len(rows) < count


def _combined(swept: Swept, space: Space, rows: Sequence[Combination]) -> _Made:
    options = list(swept.variables.values())
    found: dict[Combination, int] = {}
    some: list[Place] | None = [] if len(space.domains) > len(options) else None
    for row in rows:
        number = found.setdefault(row[: len(options)], len(found))
        if some is not None:
            some.append((number, row[-1]))
    combinations = [
        swept.joined([several[i] for several, i in zip(options, row, strict=True)]) for row in found
    ]
    if not rows and not swept.sweep.include:
        combinations = [Assignment(())]
    made = _Made(combinations, some, len(combinations), [])
    _include(swept, made)
    return made


def _include(swept: Swept, made: _Made) -> None:
    """Add what is included by name, where it is not among the combinations already."""
    if not swept.sweep.include:
        return
    known = {_meant(swept, one): number for number, one in enumerate(made.combinations)}
    for extra in swept.included():
        whole = _meant(swept, extra)
        own = dict(whole).get(SEED)
        number = known.get(whole)
        seeds: Sequence[int] = range(len(swept.seeds))
        if own is not None:
            seeds = [0]
            number_of_all = known.get(frozenset(said for said in whole if said[0] != SEED))
            wanted = batch_values.value(swept.document, dict(extra.ways)[SEED])
            if number is None and number_of_all is not None and wanted in swept.seeds:
                number, seeds = number_of_all, [swept.seeds.index(wanted)]
        if number is None:
            number = known[whole] = len(made.combinations)
            made.combinations.append(extra)
        made.asked += [(number, seed) for seed in seeds]


def _meant(swept: Swept, one: Assignment) -> frozenset[tuple[str, str]]:
    values = batch_values.inputs(swept.document, one)
    return frozenset((axis, batch_values.text(value)) for axis, value in values.items())


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
    variables = list(dict.fromkeys(swept.variable.get(axis, SEED) for axis in axes))
    known: list[list[dict[str, Any]]] = []
    for variable in variables:
        if variable in swept.variables:
            several = (batch_values.inputs(swept.document, o) for o in swept.variables[variable])
            known.append([{a: found[a] for a in axes if a in found} for found in several])
        else:
            known.append([{SEED: seed} for seed in swept.seeds])

    def on(*numbers: int) -> bool:
        found: dict[str, Any] = {}
        for values, number in zip(known, numbers, strict=True):
            found |= values[number]
        return holds(patterns, found)

    return Condition(name, tuple(variables), on)


def _drawn(
    plan: Plan, made: _Made, random: Random, notes: list[str], *, every: bool
) -> tuple[Place, ...] | None:
    """Return which pieces are taken; None means all.

    Args:
        plan: All pieces.
        made: The same, and what meets the conditions.
        random: Decides.
        notes: Where it is told that there are fewer than asked for.
        every: Whether these are all that there are.
    """
    sample = plan.sweep.sample
    quotas = [where for where in plan.sweep.where if where.at_most is not None]
    if not sample and not quotas and made.some is None:
        return None
    ends = list(accumulate(len(plan.seeds_of(o)) for o in plan.combinations[: made.count]))
    total = len(made.some) if made.some is not None else ends[-1] if ends else 0

    def at(number: int) -> Place:
        if made.some is not None:
            return made.some[number]
        combination = bisect_right(ends, number)
        return combination, number - (ends[combination - 1] if combination else 0)

    asked = dict.fromkeys(made.asked)
    wanted = max(0, sample.count - len(asked)) if sample else total
    looked_at = min(total, MOST_PIECES if quotas else wanted + len(asked))
    by_chance = map(at, random.sample(range(total), looked_at))
    places = [place for place in by_chance if place not in asked]
    exact = every and (not quotas or looked_at == total)
    if quotas:
        kinds = _Kinds(plan, [where.of or () for where in quotas])
        limits = [where.at_most or 0 for where in quotas]
        taken, sure = candidates_quota.most(
            [kinds.of(place) for place in places], limits, wanted, [kinds.of(p) for p in asked]
        )
        places = [places[number] for number in taken]
        exact = exact and sure
    places = [*asked, *places[:wanted]]
    if sample and len(places) < sample.count:
        can = counted(len(places), "piece")
        how = "can be had." if exact else "were found that keep to all of where."
        notes.append(f"sample asks for {sample.count}, and {can} {how}")
    return tuple(sorted(places))


class _Kinds:
    """What pieces are, in the ways that at_most counts."""

    def __init__(self, plan: Plan, axes: Sequence[Sequence[str]]) -> None:
        self._plan, self._axes = plan, axes
        self._known: dict[int, tuple[dict[str, str], ...]] = {}

    def of(self, place: Place) -> tuple[tuple[str, ...], ...]:
        """Return the values of a piece under each of the keys that are counted together."""
        number, seed = place
        one = self._plan.combinations[number]
        if number not in self._known:
            found = batch_values.inputs(self._plan.document, one)
            texts = {axis: batch_values.text(value) for axis, value in found.items()}
            self._known[number] = tuple(
                {axis: texts.get(axis, "") for axis in axes} for axes in self._axes
            )
        said = str(self._plan.seeds_of(one)[seed])
        return tuple(
            tuple(said if axis == SEED else known[axis] for axis in axes)
            for axes, known in zip(self._axes, self._known[number], strict=True)
        )


def _holds(pattern: Pattern, found: Mapping[str, Any]) -> bool:
    return all(batch_values.matches(axis, found[axis], wanted) for axis, wanted in pattern.items())


def _excluded(patterns: Sequence[Pattern], found: Mapping[str, Any]) -> bool:
    return not _holds(patterns[0], found)


def _implied(patterns: Sequence[Pattern], found: Mapping[str, Any]) -> bool:
    return not _holds(patterns[0], found) or _holds(patterns[1], found)


def _different(_: Sequence[Pattern], found: Mapping[str, Any]) -> bool:
    values = [batch_values.text(value) for value in found.values()]
    return len(set(values)) == len(values)
