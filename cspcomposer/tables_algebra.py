"""Tables and formulas made of others: both, either, and what never holds at the same time.

Whatever is the same is one node, so that it is made once and looked up once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cspcomposer.facts_window import Variable
from cspcomposer.tables import FALSE, HARMONY, TRUE, Flags, Formula, Node, Table

Variables = tuple[Variable, ...]
Part = tuple[Node, bool]
Weighed = tuple[int, tuple[tuple[Node, bool, int], ...]]
# A table has at most so many cells.
CELLS = 4_000
_KEPT = 4


_last: dict[Any, Algebra] = {}


def algebra(domains: Mapping[Variable, Sequence[Any]], fits: Mapping[Variable, Flags]) -> Algebra:
    """Return the algebra of some choices; the last few ones are kept, with all that was made."""
    key = (
        tuple((v, tuple(d)) for v, d in sorted(domains.items())),
        tuple((v, f.shape, f.tobytes()) for v, f in sorted(fits.items())),
    )
    found = _last.pop(key, None) or Algebra({v: len(d) for v, d in domains.items()}, fits)
    _last[key] = found
    if len(_last) > _KEPT:
        del _last[next(iter(_last))]
    return found


class Algebra:
    """Nodes over some choices.

    Attributes:
        domains: By choice, how many values it has.
    """

    def __init__(self, domains: Mapping[Variable, int], fits: Mapping[Variable, Flags]) -> None:
        self.domains, self._fits = domains, fits
        self._same: dict[Hashable, Table] = {}
        self._made: dict[Hashable, Node] = {}
        self._formulas: dict[Hashable, Formula] = {}
        self._legal: dict[Variables, Flags | None] = {}
        self._shapes: dict[tuple[Variables, Variables], tuple[int, ...]] = {}
        self._both: dict[tuple[Table, Table], Table] = {}
        self._negated: dict[Table, Table] = {}
        self._limits: dict[Node, dict[Variables, Flags]] = {}

    def leaf(self, variable: Variable, place: int) -> Table:
        """Return a table that holds for one value of a choice."""
        key = (variable, place)
        if key not in self._same:
            holds = np.zeros(self.domains[variable], bool)
            holds[place] = True
            self._same[key] = Table((variable,), holds, holds)
        return self._same[key]

    def once(self, key: Hashable, make: Callable[[], Node]) -> Node:
        """Return what was made of the same before, or make it."""
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = make()
        return found

    def size(self, variables: Variables) -> int:
        """Return how many cells a table over some choices has."""
        return prod([self.domains[v] for v in variables])

    def shape(self, variables: Variables) -> tuple[int, ...]:
        """Return the shape of a table over some choices."""
        return tuple([self.domains[v] for v in variables])

    def legal(self, variables: Variables) -> Flags | None:
        """Return which choices go together; None if all do."""
        if variables not in self._legal:
            found: Flags | None = None
            for place, chords in enumerate(variables):
                for other, notes in enumerate(variables):
                    fits = self._fits.get(notes)
                    if chords[0] != HARMONY or fits is None or notes[1] != chords[1]:
                        continue
                    shape = [1] * len(variables)
                    shape[place], shape[other] = fits.shape
                    more = (fits if place < other else fits.T).reshape(shape)
                    found = more if found is None else found & more
            self._legal[variables] = found
        return self._legal[variables]

    def table(self, variables: Variables, must: Flags, may: Flags) -> Table:
        """Return a table as simple as can be, seeing that chords and notes go together."""
        legal, sure = self.legal(variables), must is may
        if legal is not None:
            may = may & legal
            if (must | ~legal).all():
                return TRUE
            must = may if sure else must & may
        if not may.any():
            return FALSE
        if must.all():
            return TRUE
        if not sure:
            must = must & may
        key = (variables, must.tobytes(), None if sure else may.tobytes())
        if key[1] == key[2]:
            sure, key = True, (*key[:2], None)
        known = self._same.get(key)
        if known is None:
            known = self._same[key] = Table(variables, must, must if sure else may)
        return known

    def spread(self, variables: Variables, table: Table, flags: Flags) -> Flags:
        """Return a table's flags with the axes of a larger one."""
        key = (table.variables, variables)
        shape = self._shapes.get(key)
        if shape is None:
            own = set(table.variables)
            shape = tuple([self.domains[v] if v in own else 1 for v in variables])
            self._shapes[key] = shape
        return flags.reshape(shape)

    def held(self, part: Part) -> Table:
        """Return a table, or its negation."""
        table, holds = part
        assert isinstance(table, Table)
        if holds:
            return table
        found = self._negated.get(table)
        if found is None:
            sure = table.must is table.may
            must = ~table.may
            found = Table(table.variables, must, must if sure else ~table.must)
            self._negated[table] = found
        return found

    def both(self, one: Table, other: Table) -> Table | None:
        """Return a table that holds where two do; None if it would be too large."""
        found = self._both.get((one, other))
        if found is None:
            if one.variables == other.variables:
                union = one.variables
            else:
                union = tuple(sorted({*one.variables, *other.variables}))
                if self.size(union) > CELLS:
                    return None
            must = self.spread(union, one, one.must) & self.spread(union, other, other.must)
            may = must
            if one.must is not one.may or other.must is not other.may:
                may = self.spread(union, one, one.may) & self.spread(union, other, other.may)
            found = self._both[one, other] = self.table(union, must, may)
        return found

    def packed(self, body: Iterable[Part]) -> tuple[list[Table], list[Part]]:
        """Return a body's parts with its tables joined while they stay small."""
        rest: list[Part] = []
        tables: list[Table] = []
        for part in body:
            if isinstance(part[0], Table):
                tables.append(self.held(part))
            else:
                rest.append(part)
        tables.sort(key=lambda t: (len(t.variables), t.variables))
        out: list[Table] = []
        for table in tables:
            for place, other in enumerate(out):
                joined = self.both(other, table)
                if joined is not None:
                    out[place] = joined
                    break
            else:
                out.append(table)
        return out, rest

    def joined(self, bodies: Iterable[Sequence[Part]], sums: tuple[Weighed, ...] = ()) -> Node:
        """Return a node for bodies and sums, as few tables as can be."""
        few: dict[Any, tuple[Table, tuple[Part, ...]]] = {}
        for body in bodies:
            packed, rest = self.packed(body)
            tables = [self.table(t.variables, t.must, t.may) for t in packed]
            if FALSE in tables:
                continue
            tables = [table for table in tables if table is not TRUE]
            first, others = (tables or [TRUE])[0], tables[1:]
            key = (first.variables, frozenset(rest), frozenset(others))
            known = few.get(key)
            if known is None:
                few[key] = first, (*((other, True) for other in others), *rest)
            else:
                few[key] = self.either(known[0], first), known[1]
        out: list[tuple[Part, ...]] = []
        for table, more in few.values():
            tidy = self.table(table.variables, table.must, table.may)
            out.append(more if tidy is TRUE and more else ((tidy, True), *more))
        if not out and not sums:
            return FALSE
        if len(out) == 1 and len(out[0]) == 1 and out[0][0][1] and not sums:
            return out[0][0][0]
        alike = (frozenset(map(frozenset, out)), sums)
        node = self._formulas.get(alike)
        if node is None:
            variables = {v for body in out for part, _ in body for v in part.variables}
            variables |= {v for _, parts in sums for part, _, _ in parts for v in part.variables}
            node = self._formulas[alike] = Formula(tuple(sorted(variables)), tuple(out), sums)
        return node

    def either(self, one: Table, other: Table) -> Table:
        """Return a table that holds where one of two over the same choices does."""
        must = one.must | other.must
        sure = one.must is one.may and other.must is other.may
        return Table(one.variables, must, must if sure else one.may | other.may)

    def any(self, nodes: Iterable[Node]) -> Node:
        """Return a node that holds where one of several does."""
        bodies: list[tuple[Part, ...]] = []
        for node in nodes:
            if isinstance(node, Formula) and not node.sums:
                bodies += node.bodies
            else:
                bodies.append(((node, True),))
        return self.joined(bodies)

    def exclusive(self, one: Node, other: Node) -> bool:
        """Return whether it is plain that two nodes never hold at the same time."""
        limits, others = self._only(one), self._only(other)
        return any(v in others and not (a & others[v]).any() for v, a in limits.items())

    def _only(self, node: Node) -> dict[Variables, NDArray[np.bool_]]:
        """Return outside which values of a choice, or several, something cannot hold."""
        found = self._limits.get(node)
        if found is None:
            if isinstance(node, Table):
                found = {node.variables: node.may}
            else:
                found = {} if node.sums else self._common(node)
            self._limits[node] = found
        return found

    def _common(self, node: Formula) -> dict[Variables, NDArray[np.bool_]]:
        parts: list[dict[Variables, Flags]] = [
            {p.variables: p.may for p, holds in body if holds and isinstance(p, Table)}
            for body in node.bodies
        ]
        first, *others = parts
        return {
            variables: np.logical_or.reduce([p[variables] for p in parts])
            for variables in first if all(variables in p for p in others)
        }  # fmt: skip
