"""The atoms of a ground program as tables and formulas.

Each becomes a table over the few choices that it hangs on, or, where that would be too large, a
formula over such tables. Choices outside the window, and what is said of times there, are unknown:
beside where an atom surely holds stands where it may hold. Knows no rule and no music.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cspcomposer.facts_window import EARLIEST, Variable, Window
from cspcomposer.tables import HARMONY, TRUE, UNKNOWN, Flags, Node, Table
from cspcomposer.tables_algebra import CELLS, Algebra, Part, Variables, Weighed, algebra
from cspcomposer.tables_ground import Body, Program, terms

_OPEN = ("pitch(", f"{HARMONY}(")
_TIME = re.compile(r"\d{6,}")
# Fewer bodies than this are not worth being taken together.
_BLOCK = 3


class Atoms:
    """The atoms of a ground program.

    Attributes:
        inside: The times in the window.
        index: By choice, the place of each value.
        algebra: What tables are made of.
    """

    def __init__(
        self,
        program: Program,
        window: Window,
        pitches: Mapping[str, Sequence[int]],
        fits: Mapping[Variable, Flags],
    ) -> None:
        self._program, self._window = program, window
        self.inside = {t for t, place in window.places.items() if 0 <= place < len(window.slots)}
        domains: dict[Variable, Sequence[Any]] = {
            (HARMONY, t): names for t, names in window.chords.items()
        }
        domains |= {here: pitches[here[0]] for here in window.struck}
        self.index = {v: {x: i for i, x in enumerate(d)} for v, d in domains.items()}
        self._variables = sorted(domains)
        self.algebra = algebra(domains, fits)
        self._made: dict[int, Node] = {}
        # The slots on which something hangs, as bits.
        self._touch: dict[int, int] = {}
        self._bit = {time: 1 << (place + 1) for time, place in window.places.items()}
        # By literal, which choice it is, counted from the first of `_variables`, and which value.
        self._open_at = np.full(program.top + 1, -1)
        self._value_at = np.zeros(program.top + 1, np.intp)
        self._open: dict[int, tuple[Variable, int]] = {}
        self._leaves()

    def _leaves(self) -> None:
        number = {v: i for i, v in enumerate(self._variables)}
        for literal, text in self._program.names.items():
            if not text.startswith(_OPEN) or literal in self._program:
                continue
            *where, value = terms(text)
            variable = (HARMONY, where[0]) if len(where) == 1 else (where[0], where[1])
            place = self.index[variable][value]
            given = self._window.struck.get(variable)
            self._touch[literal] = 0 if given else self._bit[variable[1]]
            # A given note is looked up, wherever it is.
            if variable[1] in self.inside or given:
                self._made[literal] = self.algebra.leaf(variable, place)
                self._open[literal] = variable, place
                self._open_at[literal] = number[variable]
                self._value_at[literal] = place
            else:
                self._made[literal] = UNKNOWN

    def named(self, name: str) -> Iterator[tuple[tuple[Any, ...], int]]:
        """Yield the arguments and literals of a predicate's atoms; nought for a fact."""
        start = f"{name}("
        for text in self._program.facts:
            if text.startswith(start):
                yield terms(text), 0
        for literal, text in self._program.names.items():
            if text.startswith(start):
                yield terms(text), literal

    def node(self, literal: int) -> Node:
        """Return where an atom holds; everywhere if its literal is nought."""
        if not literal:
            return TRUE
        found = self._made.get(literal)
        if found is None:
            found = self._made[literal] = self._new(literal)
        return found

    def touched(self, literal: int) -> frozenset[int]:
        """Return the slots on which an atom that was asked for hangs in any way."""
        bits = self._touch.get(literal, 0)
        return frozenset(p for p in set(self._window.places.values()) if bits >> (p + 1) & 1)

    def cells(self, literal: int) -> tuple[Variables, Sequence[int]]:
        """Return the choices that something hangs on, and in which cells it surely holds."""
        bodies = self._program.bodies(literal)
        if len(bodies) == 1 and literal not in self._program.sums:
            (*others, last) = bodies[0] or (0,)
            if not others and last > 0 and last not in self._open:
                return self.cells(last)
            chosen = dict(self._open[part] for part in bodies[0] if part in self._open)
            if len(chosen) == len(bodies[0]):
                variables = tuple(sorted(chosen))
                if self.algebra.legal(variables) is None:
                    cell = 0
                    for variable in variables:
                        cell = cell * self.algebra.domains[variable] + chosen[variable]
                    return variables, [cell]
        when = self.node(literal)
        if not isinstance(when, Table):
            return (), ()
        return when.variables, np.flatnonzero(when.must)  # type: ignore[return-value]

    def _new(self, literal: int) -> Node:
        program = self._program
        beyond = self._beyond(literal)
        if beyond is not None:
            self._touch[literal] = beyond
            return UNKNOWN
        node = self._block(literal)
        if node is not None:
            return node
        # What hangs on itself is unknown until it is known.
        self._made[literal] = UNKNOWN
        touch, simple = 0, True
        variables: set[Variable] = set()
        literals = program.bodies(literal)
        bodies: list[list[Part]] = []
        for body in literals:
            parts: list[Part] = []
            for part in body:
                node = self.node(abs(part))
                parts.append((node, part > 0))
                touch |= self._touch.get(abs(part), 0)
                variables.update(node.variables)
                simple = simple and isinstance(node, Table)
            bodies.append(parts)
        sums: list[Weighed] = []
        for least, weighed in program.sums.get(literal, ()):
            sums.append((least, tuple((self.node(abs(p)), p > 0, w) for p, w in weighed)))
            for part, _ in weighed:
                touch |= self._touch.get(abs(part), 0)
            for node, _, _ in sums[-1][1]:
                variables.update(node.variables)
                simple = simple and isinstance(node, Table)
        self._touch[literal] = touch
        over = tuple(sorted(variables))
        joint = simple and self.algebra.size(over) <= CELLS
        return self.algebra.once(
            (joint, tuple(map(tuple, bodies)), tuple(sums)),
            lambda: self._table(over, zip(literals, bodies, strict=True), sums)
            if joint else self.algebra.joined(bodies, tuple(sums)),
        )  # fmt: skip

    def _beyond(self, literal: int) -> int | None:
        """Return on which slots an atom hangs that the window alone cannot tell; None if it can.

        It speaks of a time outside; or of none, but hangs on choices: on those of the whole piece.
        """
        text = self._program.names.get(literal)
        if text is None:
            return None
        times = _TIME.findall(text)
        if times and all(int(time) in self.inside for time in times):
            return None
        said = [a for a in terms(text) if isinstance(a, int) and a >= EARLIEST]
        if (said or times) and all(a in self.inside for a in said):
            return None
        touch = 0
        for a in said:
            touch |= self._bit.get(a, 0)
        return touch

    def _block(self, literal: int) -> Node | None:
        """Return a table for many bodies that speak of the same choices; None if they do not."""
        block = self._program.block(literal, _BLOCK)
        if block is None or block.min() < 0:
            return None
        opened = self._open_at[block]
        numbers = opened[0].tolist()
        if min(numbers) < 0 or len(set(numbers)) < len(numbers) or (opened != opened[0]).any():
            return None
        order = sorted(range(len(numbers)), key=numbers.__getitem__)
        variables = tuple(self._variables[numbers[i]] for i in order)
        if self.algebra.size(variables) > CELLS:
            return None
        touch = 0
        for part in block[0].tolist():
            touch |= self._touch[part]
        self._touch[literal] = touch
        values = self._value_at[block].T[order]

        def table() -> Node:
            holds = np.zeros(self.algebra.shape(variables), bool)
            holds[tuple(values)] = True
            return self.algebra.table(variables, holds, holds)

        return self.algebra.once((variables, values.tobytes()), table)

    def _table(
        self,
        variables: Variables,
        bodies: Iterable[tuple[Body, Sequence[Part]]],
        sums: Sequence[Weighed],
    ) -> Table:
        over = self.algebra
        shape = over.shape(variables)
        must = np.zeros(shape, bool)
        # Only what is not sure needs a second table.
        may = must
        axis = {v: i for i, v in enumerate(variables)}
        whole: list[Any] = [slice(None)] * len(variables)
        for literals, body in bodies:
            cut = whole[:]
            rest: list[Table] = []
            possible = True
            for number, part in zip(literals, body, strict=True):
                one = self._open.get(number)
                if one is None:
                    table = over.held(part)
                    if not table.variables:
                        if not table.may:
                            possible = False
                        elif table.must:
                            continue
                    rest.append(table)
                else:
                    place = axis[one[0]]
                    possible = possible and cut[place] in (slice(None), one[1])
                    cut[place] = one[1]
            if not possible:
                continue
            sure, maybe = _all(over, variables, rest, cut)
            if sure is not maybe and may is must:
                may = must.copy()
            where = tuple(cut)
            must[where] |= sure
            if may is not must:
                may[where] |= maybe
        for least, parts in sums:
            low, high = np.zeros(shape, np.int16), np.zeros(shape, np.int16)
            for node, holds, weight in parts:
                table = over.held((node, holds))
                low += weight * over.spread(variables, table, table.must)
                high += weight * over.spread(variables, table, table.may)
            may = may | (high >= least)
            must = must | (low >= least)
        return over.table(variables, must, may)


_YES = np.array(True)


def _all(
    over: Algebra, variables: Variables, tables: Sequence[Table], cut: Sequence[Any]
) -> tuple[Flags, Flags]:
    """Return where all of some tables hold, surely and perhaps, for some choices made already."""
    sure = maybe = _YES
    for table in tables:
        flags = over.spread(variables, table, table.must)
        within = tuple(
            0 if size == 1 and not isinstance(part, slice) else part
            for size, part in zip(flags.shape, cut, strict=True)
        )
        if sure is maybe and table.must is table.may:
            sure = maybe = sure & flags[within]
        else:
            may = over.spread(variables, table, table.may)
            sure, maybe = sure & flags[within], maybe & may[within]
    return sure, maybe
