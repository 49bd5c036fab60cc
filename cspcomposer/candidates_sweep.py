"""Which combinations of a batch's values are allowed: a small problem for python-constraint.

Values are known by their number in their list; what they mean is in the conditions, which are given
as functions. Values that no condition ties together are looked at apart, so that few conditions
among very many values are still a small problem. Knows nothing of music.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from random import Random

from constraint import FunctionConstraint, Problem

Domains = Mapping[str, int]
Combination = tuple[int, ...]
# Values that are tied together are all looked at up to so many combinations.
MOST = 1_000_000
# Beyond that so many are drawn, before a sample is given up.
TRIES = 200_000


@dataclass(frozen=True)
class Condition:
    """A condition between values.

    Attributes:
        name: What messages call it.
        variables: What it looks at.
        holds: Called with the number of each one's value, in that order.
    """

    name: str
    variables: tuple[str, ...]
    holds: Callable[..., bool]


@dataclass(frozen=True)
class Part:
    """Variables that conditions tie together, or a single free one.

    Attributes:
        places: Where they stand in a combination.
        rows: What they may be together; None if that is too much to be looked at.
        conditions: What ties them together.
    """

    places: tuple[int, ...]
    rows: Sequence[Combination] | None
    conditions: tuple[Condition, ...]


class Space:
    """All combinations of some values that meet some conditions.

    Attributes:
        domains: How many values each variable has.
        exact: Whether all parts of it could be looked at.
    """

    def __init__(self, domains: Domains, conditions: Sequence[Condition]) -> None:
        self.domains = domains
        self._place = {name: place for place, name in enumerate(domains)}
        self._parts = [self._part(names, conditions) for names in _tied(domains, conditions)]
        self.exact = all(part.rows is not None for part in self._parts)

    def _part(self, names: Sequence[str], conditions: Sequence[Condition]) -> Part:
        places = tuple(self._place[name] for name in names)
        tying = tuple(c for c in conditions if set(c.variables) <= set(names))
        inner = {name: self.domains[name] for name in names}
        if size(inner) > MOST:
            return Part(places, None, tying)
        if not tying:
            return Part(places, [(number,) for number in range(self.domains[names[0]])], tying)
        found = _problem(inner, tying).getSolutionIter()
        return Part(places, sorted(tuple(one[name] for name in names) for one in found), tying)

    def allowed(self) -> list[Combination]:
        """Return all combinations, in the order of their values; only where it is exact."""
        assert self.exact
        rows = (part.rows or () for part in self._parts)
        return sorted(map(self._joined, product(*rows)))

    def drawn(self, count: int, random: Random) -> list[Combination]:
        """Return so many combinations, drawn by chance; all where there are no more.

        Where it is not exact there may be fewer even if there are more.
        """
        parts = [part.rows or () for part in self._parts]
        if self.exact:
            total = prod(map(len, parts))
            places = range(total) if total <= count else _places(total, count, random)
            return sorted(map(self._at, places))
        found: set[Combination] = set()
        for _ in range(TRIES):
            one = self._joined([self._by_chance(part, random) for part in self._parts])
            if all(self._meets(one, part.conditions) for part in self._parts if part.rows is None):
                found.add(one)
                if len(found) == count:
                    break
        return sorted(found)

    def _by_chance(self, part: Part, random: Random) -> Combination:
        if part.rows is not None:
            return random.choice(part.rows)
        sizes = list(self.domains.values())
        return tuple(random.randrange(sizes[place]) for place in part.places)

    def _at(self, number: int) -> Combination:
        rows = []
        for part in self._parts:
            assert part.rows
            number, place = divmod(number, len(part.rows))
            rows.append(part.rows[place])
        return self._joined(rows)

    def _joined(self, rows: Sequence[Combination]) -> Combination:
        out = [0] * len(self.domains)
        for part, row in zip(self._parts, rows, strict=True):
            for place, number in zip(part.places, row, strict=True):
                out[place] = number
        return tuple(out)

    def _meets(self, one: Combination, conditions: Sequence[Condition]) -> bool:
        return all(c.holds(*(one[self._place[v]] for v in c.variables)) for c in conditions)

    def witnesses(self, first: Combination) -> Iterator[Combination]:
        """Yield for each value that some combination has one such, as like a first one as may be.

        Where a part is too large, values that do not go with the first combination are left out.
        """
        for part in self._parts:
            having: dict[tuple[int, int], Combination] = {}
            for row in part.rows or ():
                for place, number in zip(part.places, row, strict=True):
                    having.setdefault((place, number), row)
            for place in part.places:
                for number in range(list(self.domains.values())[place]):
                    one = (*first[:place], number, *first[place + 1 :])
                    if number == first[place]:
                        continue
                    if self._meets(one, part.conditions):
                        yield one
                    elif (place, number) in having:
                        other = list(first)
                        for at, value in zip(part.places, having[place, number], strict=True):
                            other[at] = value
                        yield tuple(other)

    def to_blame(self) -> list[Condition]:
        """Return conditions that leave nothing, of which none could be left out; or none."""
        names = list(self.domains)
        for part in self._parts:
            if part.rows is not None and not part.rows:
                inner = {names[place]: self.domains[names[place]] for place in part.places}
                return _to_blame(inner, part.conditions)
        return []


def size(domains: Domains) -> int:
    """Return how many combinations there are before any condition."""
    return prod(domains.values())


def _tied(domains: Domains, conditions: Sequence[Condition]) -> list[list[str]]:
    """Return the variables in groups that no condition reaches across."""
    group = {name: {name} for name in domains}
    for condition in conditions:
        merged = set().union(*(group[name] for name in condition.variables))
        group |= dict.fromkeys(merged, merged)
    names = {id(found): found for found in group.values()}
    return [[name for name in domains if name in found] for found in names.values()]


def _places(total: int, count: int, random: Random) -> Sequence[int]:
    """Return so many numbers below a total, each once."""
    if total < 1 << 62:
        return random.sample(range(total), count)
    found: dict[int, None] = {}
    while len(found) < count:
        found[random.randrange(total)] = None
    return list(found)


def _to_blame(domains: Domains, conditions: Sequence[Condition]) -> list[Condition]:
    needed = list(conditions)
    for condition in conditions:
        fewer = [c for c in needed if c is not condition]
        if next(iter(_problem(domains, fewer).getSolutionIter()), None) is None:
            needed = fewer
    return needed


def _problem(domains: Domains, conditions: Sequence[Condition]) -> Problem:
    problem = Problem()
    for name, count in domains.items():
        problem.addVariable(name, range(count))
    for condition in conditions:
        problem.addConstraint(FunctionConstraint(condition.holds), condition.variables)
    return problem
