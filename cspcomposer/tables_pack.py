"""Compiled tables as bytes: the structure as JSON, all flags as bits behind it, compressed.

Whatever occurs more than once is written once. A table is a number; a formula refers to tables and
to formulas before it. Reading runs nothing that was written.
"""

from __future__ import annotations

import gc
import json
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cspcomposer.facts_window import Variable
from cspcomposer.tables import Charge, Compiled, Fault, Flags, Formula, Node, Table

_MARK = b"tables 1\n"


def packed(compiled: Compiled) -> bytes:
    """Return tables as bytes."""
    writer = _Writer()
    said: dict[str, Any] = {
        "faults": [
            [f.rule, f.time, f.who, f.place, sorted(f.touched), *writer.node(f.when)]
            for f in compiled.faults
        ],
        "charges": [
            [
                list(map(writer.variable, c.variables)),
                [name for name, _ in c.keys],
                list(zip(*(said for _, said in c.keys), strict=True)),
                c.cells.ravel().tolist(),
            ]
            for c in compiled.charges
        ],
        "fits": [
            [writer.variable(v), list(flags.shape), writer.bits(flags)]
            for v, flags in compiled.fits.items()
        ],
    }
    said |= {
        "variables": list(writer.variables),
        "sizes": writer.sizes,
        "tables": writer.tables,
        "formulas": writer.numbered(),
        "bits": writer.ends,
    }
    text = json.dumps(said, separators=(",", ":")).encode()
    inside = len(text).to_bytes(8, "big") + text + b"".join(writer.flags)
    return _MARK + zlib.compress(inside, 1)


def unpacked(data: bytes) -> Compiled:
    """Return tables that were written as bytes.

    Raises:
        ValueError: the bytes are damaged, or were not written by `packed`.
    """
    if not data.startswith(_MARK):
        raise ValueError("these are not tables")
    # What is read has no circles, and looking for them takes longer than reading.
    collects = gc.isenabled()
    gc.disable()
    try:
        inside = zlib.decompress(data[len(_MARK) :])
        end = 8 + int.from_bytes(inside[:8], "big")
        return _read(json.loads(inside[8:end]), np.frombuffer(inside, np.uint8, offset=end))
    except (zlib.error, LookupError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"these tables are damaged: {error}") from error
    finally:
        if collects:
            gc.enable()


class _Writer:
    """Nodes as numbers, in the order in which they are to be read.

    Attributes:
        variables: The choices, each with its number.
        sizes: How many values each of them has; nought if no table has it.
        tables: Choices, and which flags, of each table.
        formulas: Choices, bodies and sums of each formula.
        flags: The different flags, as bits.
        ends: In which byte each of them ends.
    """

    def __init__(self) -> None:
        self.variables: dict[Variable, int] = {}
        self.sizes: list[int] = []
        self.tables: list[tuple[list[int], int, int]] = []
        self.formulas: list[tuple[list[int], Any, Any]] = []
        self.flags: list[bytes] = []
        self.ends: list[int] = []
        self._known: dict[bytes, int] = {}
        self._numbers: dict[Node, tuple[bool, int]] = {}

    def variable(self, variable: Variable) -> int:
        """Return the number of a choice."""
        if variable not in self.variables:
            self.variables[variable] = len(self.variables)
            self.sizes.append(0)
        return self.variables[variable]

    def bits(self, flags: Flags) -> int:
        """Return the number of some flags."""
        data = np.packbits(flags).tobytes()
        if data not in self._known:
            self._known[data] = len(self.flags)
            self.flags.append(data)
            self.ends.append((self.ends[-1] if self.ends else 0) + len(data))
        return self._known[data]

    def node(self, node: Node) -> tuple[bool, int]:
        """Return whether a node is a formula, and its number among those or among the tables."""
        found = self._numbers.get(node)
        if found is None:
            over = list(map(self.variable, node.variables))
            if isinstance(node, Table):
                for number, size in zip(over, node.must.shape, strict=True):
                    self.sizes[number] = size
                found = False, len(self.tables)
                self.tables.append((over, self.bits(node.must), self.bits(node.may)))
            else:
                bodies = [[(*self.node(n), holds) for n, holds in body] for body in node.bodies]
                sums = [
                    (least, [((*self.node(n), holds), weight) for n, holds, weight in parts])
                    for least, parts in node.sums
                ]
                found = True, len(self.formulas)
                self.formulas.append((over, bodies, sums))
            self._numbers[node] = found
        return found

    def numbered(self) -> list[Any]:
        """Return the formulas with parts as numbers: twice a node's, and one more if it holds.

        The formulas are counted from the last table on.
        """

        def number(part: tuple[bool, int, bool]) -> int:
            formula, at, holds = part
            return 2 * (at + formula * len(self.tables)) + holds

        return [
            (
                over,
                [list(map(number, body)) for body in bodies],
                [(least, [(number(p), weight) for p, weight in parts]) for least, parts in sums],
            )
            for over, bodies, sums in self.formulas
        ]


def _read(said: Any, blob: NDArray[np.uint8]) -> Compiled:
    variables: list[Variable] = [(str(name), int(time)) for name, time in said["variables"]]
    ends: list[int] = said["bits"]
    if ends[-1:] != [len(blob)] and (ends or len(blob)):
        raise ValueError("flags are missing")
    begins = [0, *ends]
    every = np.unpackbits(blob).view(np.bool_)

    def flags(number: int, shape: tuple[int, ...]) -> Flags:
        size = 1
        for one in shape:
            size *= one
        begin = begins[number] * 8
        if number < 0 or begin + size > ends[number] * 8:
            raise ValueError("flags are too few")
        return every[begin : begin + size].reshape(shape)

    nodes: list[Node] = []
    for over, must, may in said["tables"]:
        shape = tuple([said["sizes"][v] for v in over])
        sure = flags(must, shape)
        perhaps = sure if must == may else flags(may, shape)
        nodes.append(Table(tuple([variables[v] for v in over]), sure, perhaps))
    first = len(nodes)
    parts = [(node, holds) for node in nodes for holds in (False, True)]
    for over, bodies, sums in said["formulas"]:
        node = Formula(
            tuple([variables[v] for v in over]),
            tuple([tuple([parts[i] for i in body]) for body in bodies]),
            tuple((least, tuple((*parts[i], w) for i, w in several)) for least, several in sums),
        )
        nodes.append(node)
        parts += [(node, False), (node, True)]
    faults = tuple(
        Fault(rule, time, _tuples(who), place, frozenset(touched), nodes[at + formula * first])
        for rule, time, who, place, touched, formula, at in said["faults"]
    )
    charges = tuple(
        Charge(
            tuple([variables[v] for v in over]),
            tuple(zip(names, _rows(columns, len(names)), strict=True)),
            np.array(cells, np.int64).reshape(2, -1),
        )
        for over, names, columns, cells in said["charges"]
    )
    fits = {variables[v]: flags(number, tuple(shape)) for v, shape, number in said["fits"]}
    return Compiled(faults, charges, fits)


def _rows(columns: Sequence[Any], count: int) -> Iterable[tuple[Any, ...]]:
    return zip(*map(_tuples, columns), strict=True) if columns else [()] * count


def _tuples(said: Any) -> Any:
    """Return lists as tuples, all the way down."""
    if not isinstance(said, list):
        return said
    plain = not any(isinstance(one, list) for one in said)
    return tuple(said) if plain else tuple(map(_tuples, said))
