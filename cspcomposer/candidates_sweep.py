"""Which combinations of a batch's values are allowed: a small problem for python-constraint.

Values are known by their number in their list; what they mean is in the conditions, which are given
as functions. Knows nothing of music.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from random import Random

from constraint import FunctionConstraint, Problem

Domains = Mapping[str, int]
Combination = tuple[int, ...]
# So many draws for each combination wanted, before a sample is given up.
TRIES = 2000


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


def size(domains: Domains) -> int:
    """Return how many combinations there are before any condition."""
    return prod(domains.values())


def allowed(domains: Domains, conditions: Sequence[Condition]) -> list[Combination]:
    """Return all combinations that meet the conditions, in the order of their values.

    Args:
        domains: How many values each variable has.
        conditions: What they meet.
    """
    if not conditions:
        return list(product(*map(range, domains.values())))
    names = list(domains)
    found = _problem(domains, conditions).getSolutionIter()
    return sorted(tuple(one[name] for name in names) for one in found)


def drawn(
    domains: Domains, conditions: Sequence[Condition], count: int, random: Random
) -> list[Combination]:
    """Return so many combinations that meet the conditions, drawn by chance from very many.

    There may be fewer where conditions leave almost nothing.
    """
    names, sizes = list(domains), list(domains.values())
    places = {name: place for place, name in enumerate(names)}
    found: dict[Combination, None] = {}
    for _ in range(TRIES * count):
        one = tuple(random.randrange(n) for n in sizes)
        if all(c.holds(*(one[places[v]] for v in c.variables)) for c in conditions):
            found[one] = None
            if len(found) == count:
                break
    return list(found)


def to_blame(domains: Domains, conditions: Sequence[Condition]) -> list[Condition]:
    """Return conditions that leave nothing, of which none could be left out."""
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
