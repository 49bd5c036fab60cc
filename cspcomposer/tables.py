"""Rules as tables: what a few neighbouring moments break, whatever lies around them.

Something is a table over the few choices that it hangs on, or, where that would be too large, a
formula over such tables. Beside where it surely holds stands where it may hold. Here they are
looked up, for many choices at once; how they are made stands in `tables_build`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cspcomposer.facts_window import Variable

Flags = NDArray[np.bool_]
Bits = NDArray[np.uint8]
NEVER, ALWAYS = np.array([[0]], np.uint8), np.array([[255]], np.uint8)
HARMONY = "harmony"


@dataclass(frozen=True, eq=False)
class Table:
    """Whether something holds, by the choices that it hangs on.

    Attributes:
        variables: Those choices, one axis each.
        must: Where it surely holds.
        may: Where it may hold; the same array if nothing is unknown.
    """

    variables: tuple[Variable, ...]
    must: Flags
    may: Flags


@dataclass(frozen=True, eq=False)
class Formula:
    """Something that holds if all parts of one of the bodies do, or one of the sums is reached.

    Attributes:
        variables: The choices that it hangs on.
        bodies: Parts, each with whether it is to hold.
        sums: Least sum; parts with whether they are to hold, and weights.
    """

    variables: tuple[Variable, ...]
    bodies: tuple[tuple[tuple[Node, bool], ...], ...]
    sums: tuple[tuple[int, tuple[tuple[Node, bool, int], ...]], ...] = ()


Node = Table | Formula


@dataclass(frozen=True, eq=False)
class Fault:
    """What breaks a rule.

    Attributes:
        rule: Its id.
        time: When, in the window.
        who: Its witness, as a term.
        place: In which slot, counted from the window's first.
        touched: The slots on which it hangs in any way.
        when: Under which choices.
    """

    rule: str
    time: int
    who: Any
    place: int
    touched: frozenset[int]
    when: Node


@dataclass(frozen=True, eq=False)
class Charge:
    """What is charged for at a price looked up elsewhere.

    Attributes:
        variables: One or two choices.
        keys: Predicate and arguments of each price.
        cells: By choice, which keys it is charged, as places in `keys`; columns: key, cell.
    """

    variables: tuple[Variable, ...]
    keys: tuple[tuple[str, tuple[Any, ...]], ...]
    cells: NDArray[np.int64]


@dataclass(frozen=True)
class Compiled:
    """What an excerpt of the rules says of a window.

    Attributes:
        faults: What breaks rules.
        charges: What is charged for.
        fits: By voice and slot, which pitches go with which chords: [chord, pitch].
    """

    faults: tuple[Fault, ...] = ()
    charges: tuple[Charge, ...] = ()
    fits: Mapping[Variable, Flags] = field(default_factory=dict)


_YES, _NO = np.array(True), np.array(False)
TRUE, FALSE, UNKNOWN = Table((), _YES, _YES), Table((), _NO, _NO), Table((), _NO, _YES)


class Chances:
    """Whether something can surely hold at all, where some choices are fixed."""

    def __init__(self, fixed: Mapping[Variable, int]) -> None:
        self._fixed = fixed
        self._found: dict[tuple[Node, bool], bool] = {}

    def surely(self, node: Node) -> bool:
        """Return whether there may be choices for which something surely holds."""
        return self._any(node, True)

    def _any(self, node: Node, sure: bool) -> bool:
        """Return whether something can be sure to hold, or can be not sure not to."""
        key = (node, sure)
        if key not in self._found:
            self._found[key] = (
                bool(self._cells(node, node.must if sure else node.may).any())
                if isinstance(node, Table)
                else self._formula(node, sure)
            )
        return self._found[key]

    def _formula(self, node: Formula, sure: bool) -> bool:
        return any(
            all(self._part(part, holds, sure) for part, holds in body) for body in node.bodies
        ) or any(
            sum(w for part, holds, w in parts if w > 0 and self._part(part, holds, sure)) >= least
            for least, parts in node.sums
        )

    def _part(self, node: Node, holds: bool, sure: bool) -> bool:
        if holds:
            return self._any(node, sure)
        if isinstance(node, Table):
            return not self._cells(node, node.may if sure else node.must).all()
        return True

    def _cells(self, node: Table, flags: Flags) -> Flags:
        here: Flags = flags[tuple(self._fixed.get(v, slice(None)) for v in node.variables)]
        return here


class Grid:
    """Choices side by side, for which tables and formulas are looked up all at once.

    Each row decides some variables, each column others; what neither decides is unknown. Truths are
    kept as bits, eight columns in a byte: [rows or 1, bytes or 1].

    Attributes:
        shape: How many rows and columns.
        never: The truth of what holds nowhere.
    """

    never = NEVER

    def __init__(
        self,
        rows: Mapping[Variable, NDArray[np.intp]],
        columns: Mapping[Variable, NDArray[np.intp]],
        fixed: Mapping[Variable, int],
        shape: tuple[int, int],
    ) -> None:
        self._rows, self._columns, self._fixed = rows, columns, fixed
        self.shape = shape
        self._found: dict[tuple[Node, bool], Bits] = {}

    def look_up(self, nodes: Iterable[Node]) -> None:
        """Look up all tables that some nodes hang on, those over the same choices at once."""
        wanted: dict[tuple[Variable, ...], dict[tuple[Node, bool], Flags]] = defaultdict(dict)
        seen: set[tuple[Node, bool]] = set()
        waiting = [(node, True) for node in nodes]
        while waiting:
            key = waiting.pop()
            if key in seen or key in self._found:
                continue
            seen.add(key)
            node, sure = key
            if isinstance(node, Table):
                wanted[node.variables][key] = node.must if sure else node.may
            else:
                for body in node.bodies:
                    waiting += [(part, sure is holds) for part, holds in body]
                for _, parts in node.sums:
                    waiting += [(part, sure is holds) for part, holds, _ in parts]
        for variables, several in wanted.items():
            self._take(variables, list(several), np.array(list(several.values())))

    def surely(self, node: Node) -> Bits:
        """Return where something surely holds."""
        return self._held(node, True)

    def flags(self, bits: Bits) -> NDArray[np.uint8]:
        """Return bits as nought and one: [rows or 1, columns or 1]."""
        if bits.shape[1] == 1 and self.shape[1] > 8:
            return bits & np.uint8(1)
        return np.unpackbits(bits, axis=1, count=self.shape[1])

    def _held(self, node: Node, sure: bool) -> Bits:
        """Return where something surely holds, or where it may hold."""
        key = (node, sure)
        found = self._found.get(key)
        if found is None:
            if isinstance(node, Table):
                self._take(node.variables, [key], np.array([node.must if sure else node.may]))
            else:
                self._found[key] = self._formula(node, sure)
            found = self._found[key]
        return found

    def _part(self, node: Node, holds: bool, sure: bool) -> Bits:
        if holds:
            return self._held(node, sure)
        bits = self._held(node, not sure)
        return ALWAYS if bits is NEVER else NEVER if bits is ALWAYS else ~bits

    def _formula(self, node: Formula, sure: bool) -> Bits:
        out = NEVER
        for body in node.bodies:
            here = ALWAYS
            for part, holds in body:
                more = self._part(part, holds, sure)
                if more is NEVER:
                    here = NEVER
                    break
                here = more if here is ALWAYS else here & more
            if here is ALWAYS:
                return ALWAYS
            if here is not NEVER:
                out = here if out is NEVER else out | here
        for least, parts in node.sums:
            total: Any = 0
            for part, holds, weight in parts:
                total = total + weight * self.flags(self._part(part, holds, sure)).astype(np.int16)
            out = out | self._bits(total >= least)
        return out

    def _bits(self, flags: Flags) -> Bits:
        if flags.shape[1] == 1 and self.shape[1] > 1:
            return np.where(flags, ALWAYS, NEVER)
        return np.packbits(flags, axis=1)

    def _take(
        self, variables: tuple[Variable, ...], keys: Sequence[tuple[Node, bool]], flags: Flags
    ) -> None:
        """Look up tables over the same choices: [table, a choice on each axis]."""
        fixed, unknown, order, sizes, rows, columns = self._plan(variables, flags.shape[1:])
        flags = flags[(slice(None), *fixed)]
        if unknown:
            axes = tuple(axis + 1 for axis in unknown)
            sure = np.array([sure for _, sure in keys])
            sure = sure.reshape([-1] + [1] * (flags.ndim - len(axes) - 1))
            flags = np.where(sure, flags.all(axis=axes), flags.any(axis=axes))
        flags = flags.transpose([0, *(axis + 1 for axis in order)]).reshape((-1, *sizes))
        some: Flags = np.any(flags, axis=(1, 2))
        every: Flags = np.all(flags, axis=(1, 2))
        for place in np.flatnonzero(~some | every).tolist():
            self._found[keys[place]] = ALWAYS if some[place] else NEVER
        live = np.flatnonzero(some & ~every)
        if not len(live):
            return
        flags = flags[live]
        if rows is not None:
            flags = flags[:, rows[0]]
        if columns is None:
            bits = ALWAYS * flags
        else:
            flags = np.take(flags, columns, axis=2)
            bits = np.packbits(flags).reshape(*flags.shape[:2], len(columns) // 8)
        there = np.any(bits, axis=(1, 2)).tolist()
        for place, anywhere, found in zip(live.tolist(), there, bits, strict=True):
            if not anywhere:
                found = NEVER
            elif rows is not None:
                found = found[rows[1]]
            self._found[keys[place]] = found

    def _plan(self, variables: tuple[Variable, ...], shape: tuple[int, ...]) -> Any:
        """Return how a table over some variables is looked up."""
        fixed = tuple(self._fixed.get(v, slice(None)) for v in variables)
        left = [(v, n) for v, n in zip(variables, shape, strict=True) if v not in self._fixed]
        decided = [v in self._rows or v in self._columns for v, _ in left]
        unknown = tuple(i for i, known in enumerate(decided) if not known)
        left = [one for one, known in zip(left, decided, strict=True) if known]
        rows = [i for i, (v, _) in enumerate(left) if v in self._rows]
        columns = [i for i, (v, _) in enumerate(left) if v in self._columns]
        row_sizes, column_sizes = ([left[i][1] for i in axes] for axes in (rows, columns))
        return (
            fixed, unknown, [*rows, *columns], (prod(row_sizes), prod(column_sizes)),
            self._rows_of(tuple(left[i][0] for i in rows), tuple(row_sizes)) if rows else None,
            self._eights(self._flat([left[i][0] for i in columns], column_sizes, self._columns))
            if columns else None,
        )  # fmt: skip

    def _eights(self, columns: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return columns, some of them repeated until all bytes are full."""
        return np.resize(columns, -(-len(columns) // 8) * 8)

    def _rows_of(
        self, variables: tuple[Variable, ...], sizes: tuple[int, ...]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        flat = self._flat(variables, sizes, self._rows)
        there = np.zeros(prod(sizes), bool)
        there[flat] = True
        return np.flatnonzero(there), (np.cumsum(there) - 1)[flat]

    def _flat(
        self,
        variables: Sequence[Variable],
        sizes: Sequence[int],
        choices: Mapping[Variable, NDArray[np.intp]],
    ) -> NDArray[np.intp]:
        return np.ravel_multi_index([choices[v] for v in variables], tuple(sizes))
